//! From text to transcripts.

use antar_server::Config;
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// What went wrong, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What was expected and what came.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for Failure {}

/// One session of several people with a realm.
#[derive(Clone, Debug)]
pub struct Transcript {
    pub(crate) file: String,
    /// The realms, where there are several.
    pub(crate) realms: Vec<String>,
    pub(crate) accounts: Vec<Account>,
    /// Lines of the configuration.
    pub(crate) config: String,
    pub(crate) steps: Vec<Step>,
}

/// Somebody there is before the conversation.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub name: String,
    /// The realm, where there are several.
    pub realm: Option<String>,
    pub password: String,
    pub admin: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub line: usize,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A request; its LF is not in it.
    Say(String, String),
    /// Text as it is.
    SendText(String, String),
    /// Bytes as they are.
    SendBytes(String, Vec<u8>),
    Expect(String, Value, Charset),
    ExpectClosed(String),
    Close(String),
    Restart,
    /// A realm stops.
    Stop(String),
    /// It starts again.
    Start(String),
}

/// What is asked of the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Any,
    Ascii,
    Unescaped,
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read or a line of it says nothing.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| Failure {
            file: file.clone(),
            line: 0,
            what: error.to_string(),
        })?;
        Self::parse(&file, &text)
    }

    /// Reads a text; `file` is what failures name.
    ///
    /// # Errors
    /// Where a line says nothing.
    pub fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        Self::from_lines(file, 1, text.lines())
    }

    /// Every block fenced as `chat` of a Markdown text, each a transcript of its own.
    ///
    /// # Errors
    /// Where a line of a block says nothing, or a block has no end.
    pub fn blocks(file: &str, markdown: &str) -> Result<Vec<Self>, Failure> {
        let (mut blocks, mut open): (Vec<Self>, Option<(usize, Vec<&str>)>) = Default::default();
        for (at, line) in markdown.lines().enumerate() {
            match &mut open {
                None if line.trim_end() == "```chat" => open = Some((at + 2, Vec::new())),
                None => {}
                Some((first, lines)) if line.trim_end() == "```" => {
                    blocks.push(Self::from_lines(file, *first, lines.iter().copied())?);
                    open = None;
                }
                Some((_, lines)) => lines.push(line),
            }
        }
        match open {
            None => Ok(blocks),
            Some((first, _)) => {
                Err(Failure { file: file.into(), line: first - 1, what: "no end to this".into() })
            }
        }
    }

    /// Where it begins and how it is named in a list.
    pub fn name(&self) -> String {
        format!("{}:{}", self.file, self.steps.first().map_or(0, |step| step.line))
    }

    /// Whether it is about several realms.
    pub fn has_several_realms(&self) -> bool {
        !self.realms.is_empty()
    }

    /// The configuration it asks for, named `alpha`, with passwords that cost next to nothing.
    ///
    /// # Errors
    /// Where its `config` lines are not ones of a configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config: Config = toml::from_str(&self.config).map_err(|error| Failure {
            file: self.file.clone(),
            line: 0,
            what: error.to_string(),
        })?;
        config.name = Some("alpha".into());
        config.listen = vec![([127, 0, 0, 1], 0).into()];
        config.passwords.memory_kib = 8;
        config.passwords.iterations = 1;
        Ok(config)
    }

    fn from_lines<'a>(
        file: &str,
        first: usize,
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Failure> {
        let mut transcript = Self {
            file: file.into(),
            realms: Vec::new(),
            accounts: Vec::new(),
            config: String::new(),
            steps: Vec::new(),
        };
        for (line, text) in join(first, lines) {
            let taken = transcript.take(line, &text);
            taken.map_err(|what| Failure { file: file.into(), line, what })?;
        }
        Ok(transcript)
    }

    fn take(&mut self, line: usize, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let action = match word {
            "user" | "admin" | "config" | "realms" if !self.steps.is_empty() => {
                return Err(format!("{word} lines stand before the conversation"));
            }
            "user" | "admin" => {
                let (name, password) = rest.split_once(' ').ok_or("expected NAME PASSWORD")?;
                let realm = self.realm_of(name)?.map(Into::into);
                let name = name.split('@').next().unwrap_or(name).into();
                let (password, admin) = (password.into(), word == "admin");
                self.accounts.push(Account { name, realm, password, admin });
                return Ok(());
            }
            "realms" => {
                self.realms = rest.split_whitespace().map(Into::into).collect();
                return Ok(());
            }
            "config" => {
                self.config.push_str(rest);
                self.config.push('\n');
                return Ok(());
            }
            "close" => Action::Close(rest.trim().into()),
            "restart" => Action::Restart,
            "stop" => Action::Stop(self.realm(rest.trim())?.into()),
            "start" => Action::Start(self.realm(rest.trim())?.into()),
            _ => said(text)?,
        };
        if let Action::Say(who, _)
        | Action::SendText(who, _)
        | Action::SendBytes(who, _)
        | Action::Expect(who, ..)
        | Action::ExpectClosed(who)
        | Action::Close(who) = &action
        {
            self.realm_of(who)?;
        }
        self.steps.push(Step { line, action });
        Ok(())
    }
}

impl Transcript {
    /// One of the realms that the transcript is about.
    fn realm<'n>(&self, name: &'n str) -> Result<&'n str, String> {
        let is_one = self.realms.iter().any(|realm| realm == name);
        if is_one { Ok(name) } else { Err(format!("{name:?} is none of the realms")) }
    }

    /// The realm of a user or a connection, where there are several: `messi@alpha`.
    fn realm_of<'n>(&self, who: &'n str) -> Result<Option<&'n str>, String> {
        match who.split_once('@') {
            Some((_, realm)) => self.realm(realm).map(Some),
            None if self.has_several_realms() => Err(format!("{who} is of none of the realms")),
            None => Ok(None),
        }
    }
}

/// Drops comments and blank lines, and joins lines that begin with a blank to the one before.
fn join<'a>(first: usize, lines: impl Iterator<Item = &'a str>) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (at, line) in lines.enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match joined.last_mut() {
            Some((_, text)) if line.starts_with([' ', '\t']) => {
                text.push('\n');
                text.push_str(line);
            }
            _ => joined.push((first + at, line.into())),
        }
    }
    joined
}

/// A line of somebody: what they send or receive.
fn said(text: &str) -> Result<Action, String> {
    let at = text.find(['<', '>']).ok_or("this is no line of a transcript")?;
    let (who, what) = (text[..at].to_string(), &text[at..]);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if who.is_empty() || !who.chars().all(plain) {
        return Err(format!("{who:?} is no name of a connection"));
    }
    if what.trim_end() == "<closed" {
        return Ok(Action::ExpectClosed(who));
    }
    let json = |text: &str| {
        serde_json::from_str::<Value>(text.trim()).map_err(|error| format!("no JSON: {error}"))
    };
    if let Some(text) = what.strip_prefix(">>") {
        return match json(text)? {
            Value::String(text) => Ok(Action::SendText(who, text)),
            _ => Err("bytes are written as a JSON string".into()),
        };
    }
    if let Some(text) = what.strip_prefix(">x ") {
        let bytes = text.split_whitespace().map(|digits| u8::from_str_radix(digits, 16));
        let bytes = bytes.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        return Ok(Action::SendBytes(who, bytes));
    }
    if let Some(text) = what.strip_prefix('>') {
        return Ok(Action::Say(who, text.strip_prefix(' ').unwrap_or(text).into()));
    }
    let (charset, text) = match (what.strip_prefix("<ascii "), what.strip_prefix("<utf8 ")) {
        (Some(text), _) => (Charset::Ascii, text),
        (_, Some(text)) => (Charset::Unescaped, text),
        _ => (Charset::Any, &what[1..]),
    };
    Ok(Action::Expect(who, json(text)?, charset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Transcript::parse("x.chat", text).unwrap_err().to_string()
    }

    #[test]
    fn reads_every_kind_of_line() {
        let text = "# who\nuser amy pw two\nconfig limits.line_bytes = 9\n\namy> PING\n\
                    amy< {\"status\":\"OK\",\n  \"data\":\"PONG\"}\namy>> \"a\\n\"\namy>x ff 0a\n\
                    amy<closed\nclose amy\nrestart\n";
        let transcript = Transcript::parse("x.chat", text).unwrap();
        assert_eq!(transcript.accounts[0].password, "pw two");
        assert_eq!(transcript.config().unwrap().limits.line_bytes, 9);
        let lines: Vec<usize> = transcript.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [5, 6, 8, 9, 10, 11, 12]);
        assert!(matches!(&transcript.steps[3].action, Action::SendBytes(_, b) if b == b"\xff\n"));
    }

    #[test]
    fn says_where_it_understands_nothing() {
        assert_eq!(wrong("amy> PING\nwhat\n"), "x.chat:2: this is no line of a transcript");
        assert!(wrong("\namy< {").starts_with("x.chat:2: no JSON"));
        assert!(wrong("amy> PING\nuser bob pw").contains("before the conversation"));
    }

    #[test]
    fn whoever_is_of_one_of_several_realms_says_so() {
        let text = "realms alpha beta\nuser amy@alpha pw\namy@alpha> PING\nstop beta\n";
        let transcript = Transcript::parse("x.chat", text).unwrap();
        let amy = &transcript.accounts[0];
        assert_eq!((&*amy.name, amy.realm.as_deref()), ("amy", Some("alpha")));
        assert!(wrong("realms alpha\namy> PING\n").contains("none of the realms"));
        assert!(wrong("realms alpha\namy@beta> PING\n").contains("none of the realms"));
        assert!(wrong("amy@beta> PING\n").contains("none of the realms"));
        assert!(wrong("realms alpha\nstart beta\n").contains("none of the realms"));
    }

    #[test]
    fn finds_the_blocks_of_a_document() {
        let text = "# T\n```chat\namy> PING\n```\ntext\n```\nno> chat\n```\n```chat\nx\n```\n";
        let failure = Transcript::blocks("x.md", text).unwrap_err();
        assert_eq!(failure.line, 10);
        let blocks = Transcript::blocks("x.md", &text.replace("\nx\n", "\nbob> PING\n")).unwrap();
        let names: Vec<String> = blocks.iter().map(Transcript::name).collect();
        assert_eq!(names, ["x.md:3", "x.md:10"]);
    }
}
