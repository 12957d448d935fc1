//! What a line typed at the prompt asks for.

use antar_client::Value;
use antar_types::{Secret, words};

/// Where a message goes: `bob`, `#team`, `bob@beta`, `#team+beta`. `None` where a word is none.
fn conversation(word: &str) -> Option<String> {
    let name = word.strip_prefix('#').unwrap_or(word);
    let (name, realm) = name.split_once(['@', '+']).unwrap_or((name, "-"));
    (!name.is_empty() && !realm.is_empty()).then(|| word.to_owned())
}

/// A password that was given on the line, or has to be asked for.
pub type Password = Option<Secret<String>>;

/// What to do. Names are as typed, without `#`; the server judges them.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Text for the current conversation.
    Say(String),
    Msg(String, String),
    To(Option<String>),
    /// The conversations, and how many messages of each are unread; or only those with unread ones.
    List(bool),
    Inbox(u32),
    Sent(u32),
    Groups,
    Create(String, Password),
    Join(String, Password),
    Leave(Option<String>),
    Members(Option<String>),
    /// Of a conversation, or the current one.
    History(Option<String>),
    /// What is older than that.
    More,
    /// All of a conversation is read, or of the current one.
    Read(Option<String>),
    /// A file to the current conversation, and what is said of it.
    Send(String, String),
    /// The file of a message, to be put there.
    Save(u64, Option<String>),
    Realms,
    Passwd(Password, Password),
    Login(Option<String>, Password),
    Whoami,
    Raw(String),
    Help(Option<String>),
    Quit,
}

/// One row of `/help`.
pub struct Row {
    pub name: &'static str,
    pub usage: &'static str,
    pub help: &'static str,
}

const fn row(name: &'static str, usage: &'static str, help: &'static str) -> Row {
    Row { name, usage, help }
}

/// Every command, in the order of `/help`.
pub const ROWS: &[Row] = &[
    row("to", "USER | #GROUP", "choose whom plain text goes to; USER@REALM, #GROUP+REALM"),
    row("msg", "USER | #GROUP TEXT", "send one message"),
    row("list", "", "your conversations, and what is unread in them"),
    row("unread", "", "the conversations in which something is unread"),
    row("history", "[USER | #GROUP]", "the newest messages of a conversation"),
    row("more", "", "what is older than that; again and again"),
    row("read", "[USER | #GROUP]", "say that you have read all of a conversation"),
    row("send", "FILE [TEXT]", "send a file to the current conversation; \"a name with blanks\""),
    row("save", "ID [PATH]", "save the file of a message, here or there"),
    row("inbox", "[N]", "the newest private messages to you"),
    row("sent", "[N]", "the newest private messages from you"),
    row("groups", "", "all groups"),
    row("create", "#GROUP [PASSWORD]", "create a group; a password not given is asked for, hidden"),
    row("join", "#GROUP[@REALM] [PASSWORD]", "join a group"),
    row("leave", "[#GROUP]", "leave a group"),
    row("members", "[#GROUP]", "who is in a group"),
    row("realms", "", "linked realms and the state of each link"),
    row("realm-msg", "REALM USER TEXT", "the same as /msg USER@REALM TEXT"),
    row("whoami", "", "who you are"),
    row("passwd", "", "change your password; other sessions of yours end"),
    row("login", "[USER]", "log in again, or as somebody else"),
    row("raw", "LINE", "send a line of the protocol and show the reply"),
    row("help", "[COMMAND]", "this list"),
    row("quit", "", "leave (Ctrl-D does too)"),
];

/// How many messages `/inbox` and `/sent` show.
const SHOWN: u32 = 20;

/// Reads a line; `None` where it is blank. `//text` says `/text`.
///
/// # Errors
/// A sentence for the user.
pub fn parse(line: &str) -> Result<Option<Command>, String> {
    let line = words::trim(line);
    if line.is_empty() {
        return Ok(None);
    }
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(Some(Command::Say(line.to_owned())));
    };
    if rest.starts_with('/') {
        return Ok(Some(Command::Say(rest.to_owned())));
    }
    let (name, arguments) = words::first(rest);
    let name = name.to_ascii_lowercase();
    let row = ROWS
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| format!("There is no /{name}; /help lists the commands."))?;
    let usage = || format!("Usage: /{} {}", row.name, row.usage);
    command(row.name, arguments).ok_or_else(usage).map(Some)
}

fn command(name: &str, arguments: &str) -> Option<Command> {
    let (word, rest) = words::first(arguments);
    let word = Some(word).filter(|word| !word.is_empty());
    Some(match name {
        "to" => Command::To(named(word)?),
        "msg" => Command::Msg(conversation(word?)?, text(rest)?),
        "list" => Command::List(false),
        "unread" => Command::List(true),
        "more" => Command::More,
        "read" => Command::Read(named(word)?),
        "send" => {
            let (path, text) = path(arguments)?;
            Command::Send(path, text.to_owned())
        }
        "save" => {
            // Nothing follows the path, so it needs no quotes.
            let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            Command::Save(word?.parse().ok()?, text(quoted.unwrap_or(rest)))
        }
        "inbox" => Command::Inbox(count(word)?),
        "sent" => Command::Sent(count(word)?),
        "history" => Command::History(named(word)?),
        "groups" => Command::Groups,
        "create" => Command::Create(group(word?)?, given(rest)),
        "join" => Command::Join(group(word?)?, given(rest)),
        "leave" => Command::Leave(word.and_then(group)),
        "members" => Command::Members(word.and_then(group)),
        "realms" => Command::Realms,
        "realm-msg" => {
            let (user, rest) = words::first(rest);
            Command::Msg(conversation(&format!("{user}@{}", word?))?, text(rest)?)
        }
        "whoami" => Command::Whoami,
        "passwd" => Command::Passwd(None, None),
        "login" => Command::Login(word.map(str::to_owned), None),
        "raw" => Command::Raw(text(arguments)?),
        "help" => Command::Help(word.map(|word| word.trim_start_matches('/').to_owned())),
        "quit" => Command::Quit,
        _ => return None,
    })
}

/// The conversation that is named, if one is; `None` where the word is none.
fn named(word: Option<&str>) -> Option<Option<String>> {
    word.map_or(Some(None), |word| conversation(word).map(Some))
}

/// The path that is named first, perhaps in quotes, and what follows it.
fn path(arguments: &str) -> Option<(String, &str)> {
    let (path, rest) = match arguments.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => words::first(arguments),
    };
    text(path).map(|path| (path, words::trim(rest)))
}

fn text(rest: &str) -> Option<String> {
    Some(rest.to_owned()).filter(|text| !text.is_empty())
}

fn given(rest: &str) -> Password {
    text(rest).map(Secret::new)
}

fn group(word: &str) -> Option<String> {
    text(word.strip_prefix('#').unwrap_or(word))
}

fn count(word: Option<&str>) -> Option<u32> {
    word.map_or(Some(SHOWN), |word| word.parse().ok()).filter(|n| (1..=1000).contains(n))
}

/// A line as the history file may keep it: passwords typed on it cut off, `None` where nothing
/// may be kept.
pub fn without_secrets(line: &str) -> Option<String> {
    let line = words::trim(line);
    match parse(line) {
        Ok(Some(Command::Create(_, Some(_)) | Command::Join(_, Some(_)))) => {
            Some(words::all(line).take(2).collect::<Vec<_>>().join(" "))
        }
        // A verb that takes a password, or a token, or a `GROUP` that may begin one.
        Ok(Some(Command::Raw(raw))) => {
            let harmless = ["ping", "whoami", "inbox", "sent", "getgroups", "checkrealm", "help"];
            let verb = words::first(&raw).0.to_ascii_lowercase();
            (harmless.contains(&verb.as_str()) && !raw.contains('~')).then(|| line.to_owned())
        }
        Ok(None | Some(Command::Quit)) | Err(_) => None,
        Ok(Some(_)) => Some(line.to_owned()),
    }
}

/// `/help`, or a row of it.
pub fn help(about: Option<&str>) -> String {
    let rows = ROWS.iter().filter(|row| about.is_none_or(|name| row.name == name));
    let mut lines: Vec<String> = rows
        .map(|row| {
            let left = format!("/{} {}", row.name, row.usage);
            format!("  {left:<28} {}", row.help)
        })
        .collect();
    if lines.is_empty() {
        return "There is no such command; /help lists them.".into();
    }
    if about.is_none() {
        lines.push("Anything else is sent to the conversation chosen with /to;".into());
        lines.push("//text sends a text that begins with a slash. Tab completes.".into());
    }
    lines.join("\n")
}

/// A value as shown to a person: a text as it is, the rest as JSON.
pub fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations() {
        for word in ["bob", "#team", "bob@beta", "#team+beta", "#team@beta", "bob~17@beta"] {
            assert_eq!(conversation(word).as_deref(), Some(word));
        }
        for bad in ["", "#", "@beta", "bob@", "#@x", "#x+"] {
            assert_eq!(conversation(bad), None, "{bad}");
        }
    }

    #[test]
    fn lines() {
        let said = |text: &str| Ok(Some(Command::Say(text.into())));
        assert_eq!(parse("  "), Ok(None));
        assert_eq!(parse(" hello  you "), said("hello  you"));
        assert_eq!(parse("//shrug"), said("/shrug"));
        let sent = Ok(Some(Command::Msg("bob".into(), "a  b".into())));
        assert_eq!(parse("/msg bob a  b"), sent);
        assert_eq!(parse("/MSG bob   a  b"), sent);
        let far = Ok(Some(Command::Msg("bob@beta".into(), "hi".into())));
        assert_eq!(parse("/realm-msg beta bob hi"), far);
        assert_eq!(parse("/to"), Ok(Some(Command::To(None))));
        assert_eq!(parse("/inbox"), Ok(Some(Command::Inbox(20))));
        assert_eq!(parse("/members #t"), Ok(Some(Command::Members(Some("t".into())))));
        let file = |path: &str, text: &str| Ok(Some(Command::Send(path.into(), text.into())));
        assert_eq!(parse("/send a.png  look at  this"), file("a.png", "look at  this"));
        assert_eq!(parse("/send \"a b.png\" look"), file("a b.png", "look"));
        assert_eq!(parse("/send a.png"), file("a.png", ""));
        assert!(parse("/send").is_err() && parse("/send \"a").is_err());
        assert_eq!(parse("/save 7"), Ok(Some(Command::Save(7, None))));
        assert_eq!(parse("/save 7 \"a b\""), Ok(Some(Command::Save(7, Some("a b".into())))));
        assert_eq!(parse("/save 7 a  b"), Ok(Some(Command::Save(7, Some("a  b".into())))));
        assert!(parse("/msg bob").unwrap_err().starts_with("Usage: /msg"));
        assert!(parse("/inbox 0").unwrap_err().starts_with("Usage: /inbox"));
        assert!(parse("/frob").unwrap_err().contains("/help"));
    }

    #[test]
    fn every_row_is_a_command() {
        for row in ROWS {
            let line = format!("/{} #a b c", row.name);
            let parsed = parse(&line);
            let numeric = ["inbox", "sent", "save"].contains(&row.name);
            assert_eq!(parsed.is_ok(), !numeric, "{line}: {parsed:?}");
        }
    }

    #[test]
    fn passwords_are_not_kept() {
        let kept = |line: &str| without_secrets(line);
        assert_eq!(kept("/join #g pass word"), Some("/join #g".into()));
        assert_eq!(kept("/join g@beta pass word"), Some("/join g@beta".into()));
        assert_eq!(kept("/create #g"), Some("/create #g".into()));
        assert_eq!(kept("/raw AUTH bob secret"), None);
        assert_eq!(kept("/raw group add g secret"), None);
        assert_eq!(kept("/raw ping ~token"), None);
        assert_eq!(kept("/raw inbox limit=3"), Some("/raw inbox limit=3".into()));
        assert_eq!(kept("/jion #g secret"), None);
        assert_eq!(kept("hello"), Some("hello".into()));
    }
}
