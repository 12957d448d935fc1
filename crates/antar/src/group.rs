//! `antar group`: over the realm's own socket where it runs, on its data where it does not.

use crate::admin::{self, PATIENCE, Refused, Whose, printable, word};
use crate::print::say;
use crate::user::ask_password;
use antar_server::{Config, LISTED_REALMS, Offline, RETENTION_DAYS, RoomRealms};
use anyhow::{anyhow, bail};
use clap::ValueEnum;
use serde_json::Value;

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    whose: Whose,
}

/// A group may be written as conversations are: '#staff'.
#[derive(clap::Subcommand)]
enum Action {
    /// List all groups, also those that are not listed to users.
    List {
        /// Print a JSON list, with every field of SHOWGROUPS.
        #[arg(long)]
        json: bool,
    },
    /// Show one group's settings.
    Show {
        /// The group.
        group: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List who is in a group, in the order they joined.
    Members {
        /// The group.
        group: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List who is banned from a group.
    Bans {
        /// The group.
        group: String,
        /// Print a JSON list.
        #[arg(long)]
        json: bool,
    },
    /// Put a user into a group.
    Add {
        /// The group.
        group: String,
        /// The user.
        user: String,
    },
    /// Take a member out of a group; they may join again.
    Kick {
        /// The group.
        group: String,
        /// The member.
        user: String,
    },
    /// Take a user out of a group for good.
    Ban {
        /// The group.
        group: String,
        /// The user.
        user: String,
    },
    /// Let a user join a group again.
    Unban {
        /// The group.
        group: String,
        /// The user.
        user: String,
    },
    /// Keep a member from writing into a group.
    Silence {
        /// The group.
        group: String,
        /// The member.
        user: String,
        /// For how long; 0 ends it [default: until it is ended].
        minutes: Option<u64>,
    },
    /// Give a member another role. Whoever owned a group that is handed over becomes a moderator.
    Role {
        /// The group.
        group: String,
        /// The member.
        user: String,
        /// The role.
        role: Role,
    },
    /// Show what a group is about, or say it: an empty text takes it back.
    Topic {
        /// The group.
        group: String,
        /// What it is about from now on.
        text: Option<String>,
    },
    /// Say who may join a group, know of it and write there, and how long that is kept.
    Set {
        /// The group.
        group: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// End a group, with all that was said there. It cannot be undone.
    Close {
        /// The group.
        group: String,
    },
}

#[derive(clap::Args)]
struct Settings {
    /// Who may join it.
    #[arg(long)]
    entry: Option<Entry>,
    /// Whether users who are not in it know of it.
    #[arg(long, value_name = "yes|no")]
    listed: Option<YesNo>,
    /// Whether only its owner and moderators write.
    #[arg(long, value_name = "yes|no")]
    announce: Option<YesNo>,
    /// For how many days messages are kept, 0 for ever; or as the configuration says for the realm.
    #[arg(long, value_name = "DAYS|realm")]
    retention: Option<String>,
    /// Users of which other realms may be in it: of none, of all that are linked, or of these.
    #[arg(long, value_name = "none|linked|REALM,REALM...")]
    realms: Option<String>,
    /// Ask for the password that lets others join, or read it as one line from standard input.
    #[arg(long)]
    password: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    Owner,
    Moderator,
    Member,
}

#[derive(Clone, Copy, ValueEnum)]
enum Entry {
    Open,
    Password,
    Invite,
}

#[derive(Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// How a value is written in a request.
fn written<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
}

/// Runs the action and prints what came of it.
///
/// # Errors
/// Where there is no realm, or it says no.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.whose.realm()?;
    let done = |line: String, said: String| {
        ask(&config, &line)?;
        say!("{said}");
        Ok(())
    };
    match &options.action {
        Action::List { json } => list(&config, *json),
        Action::Show { group, json } => show(&config, group, *json),
        Action::Members { group, json } => members(&config, group, *json),
        Action::Bans { group, json } => {
            let reply = ask(&config, &format!("BANS {}", named(group)?))?;
            match json {
                true => say!("{}", reply["data"]),
                false => names(&reply["data"]).for_each(|name| say!("{name}")),
            }
            Ok(())
        }
        Action::Add { group, user } => {
            let (group, user) = (named(group)?, addressed(user)?);
            done(format!("INVITE {group} {user}"), format!("{user} is in #{group}"))
        }
        Action::Kick { group, user } => {
            let (group, user) = (named(group)?, addressed(user)?);
            done(format!("KICK {group} {user}"), format!("{user} is not in #{group} any more"))
        }
        Action::Ban { group, user } => {
            let (group, user) = (named(group)?, addressed(user)?);
            done(format!("BAN {group} {user}"), format!("{user} cannot join #{group}"))
        }
        Action::Unban { group, user } => {
            let (group, user) = (named(group)?, addressed(user)?);
            done(format!("UNBAN {group} {user}"), format!("{user} may join #{group} again"))
        }
        Action::Silence { group, user, minutes } => {
            let (group, user) = (named(group)?, addressed(user)?);
            let minutes = minutes.map(|minutes| format!(" {minutes}")).unwrap_or_default();
            let said = match minutes.trim() {
                "" => format!("{user} does not write in #{group}"),
                "0" => format!("{user} writes in #{group} again"),
                minutes => format!("{user} does not write in #{group} for {minutes} min"),
            };
            done(format!("SILENCE {group} {user}{minutes}"), said)
        }
        Action::Role { group, user, role } => {
            let (group, user, role) = (named(group)?, addressed(user)?, written(role));
            done(format!("ROLE {group} {user} {role}"), format!("{user} is {role} in #{group}"))
        }
        Action::Topic { group, text } => topic(&config, group, text.as_deref()),
        Action::Set { group, settings } => set(&config, group, settings),
        Action::Close { group } => {
            let group = named(group)?;
            done(format!("CLOSEGROUP {group}"), format!("#{group} is gone, and all said there"))
        }
    }
}

/// A group's name, which may be led by `#`; of a group of another realm `staff@beta`.
fn named(group: &str) -> anyhow::Result<String> {
    addressed(group.strip_prefix('#').unwrap_or(group))
}

/// A name, or one and a realm: who is in a group may be `messi@alpha`.
fn addressed(name: &str) -> anyhow::Result<String> {
    match name.split_once('@') {
        Some((name, realm)) => Ok(format!("{}@{}", word(name)?, word(realm)?)),
        None => Ok(word(name)?.to_string()),
    }
}

fn ask(config: &Config, line: &str) -> anyhow::Result<Value> {
    let reply = admin::request(config, line, Some(PATIENCE), |c| Ok(Offline::open_existing(c)?));
    reply.map_err(|error| {
        let mut words = line.split(' ').skip(1);
        let (group, user) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let why = match error.downcast_ref::<Refused>().map(|refused| &*refused.code) {
            Some("group_not_found") => format!("there is no group {group}"),
            Some("user_not_found") => format!("there is no user {user}"),
            Some("not_member") => format!("{user} is not in {group}"),
            Some("already_member") => format!("{user} is in {group} already"),
            Some("banned") => format!("{user} is banned from {group}: antar group unban {group} {user}"),
            Some("forbidden" | "no_session") if group.contains('@') => {
                format!("{group} is a group of another realm, and is looked after there")
            }
            Some("forbidden") => format!(
                "{user} owns {group}: give it to another member first, \
                 with antar group role {group} MEMBER owner"
            ),
            Some("bad_password") => {
                format!("{group} has no password that can be used: give --password, without control characters")
            }
            Some("bad_parameters") if line.starts_with("GROUPSET") => {
                "a password goes with --entry password only".into()
            }
            Some("too_long") => "the topic is too long: at most 1,000 bytes".into(),
            _ => return error,
        };
        let code = error.downcast_ref::<Refused>().map_or("", |refused| &refused.code);
        anyhow!("{why} ({code})")
    })
}

fn names(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(printable)
}

fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let reply = ask(config, "SHOWGROUPS")?;
    let groups = &reply["data"];
    if json {
        say!("{groups}");
        return Ok(());
    }
    let all = groups.as_array().map_or(&[][..], |all| all);
    if all.is_empty() {
        say!("no groups");
        return Ok(());
    }
    let text = |group: &Value, key: &str| group[key].as_str().map_or_else(|| "-".into(), printable);
    let width = all.iter().map(|group| text(group, "group").len()).max().unwrap_or(0).max(5);
    say!("{:<width$}  MEMBERS   MESSAGES  ENTRY     OWNER", "GROUP");
    for group in all {
        let marks = [("listed", false, " (unlisted)"), ("announce", true, " (announcements)")];
        let marks: String = marks
            .iter()
            .filter(|(key, is, _)| group[*key] == *is)
            .map(|(.., mark)| *mark)
            .collect();
        let (name, entry, owner) =
            (text(group, "group"), text(group, "entry"), text(group, "owner"));
        let (members, messages) = (group["members"].to_string(), group["messages"].to_string());
        let realms = realms(group);
        say!("{name:<width$}  {members:>7} {messages:>10}  {entry:<8}  {owner}{marks}{realms}");
    }
    Ok(())
}

/// Whose users may be in a group besides those here, and how many of its members are of other realms.
fn realms(group: &Value) -> String {
    let realms = group["realms"].as_str().map(|realms| format!("realms: {}", printable(realms)));
    let elsewhere =
        group["elsewhere"].as_u64().map(|members| format!("members elsewhere: {members}"));
    let told: Vec<String> = realms.into_iter().chain(elsewhere).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) }
}

fn show(config: &Config, group: &str, json: bool) -> anyhow::Result<()> {
    let reply = ask(config, &format!("SHOWGROUPS {}", named(group)?))?;
    let shown = &reply["data"][0];
    if json {
        say!("{shown}");
        return Ok(());
    }
    for (key, value) in shown.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => "-".into(),
            Value::Bool(is) => if *is { "yes" } else { "no" }.into(),
            Value::String(text) => printable(text),
            value => value.to_string(),
        };
        say!("{key:<9} {value}");
    }
    Ok(())
}

fn members(config: &Config, group: &str, json: bool) -> anyhow::Result<()> {
    let reply = ask(config, &format!("MEMBERS {}", named(group)?))?;
    if json {
        let (members, owner) = (&reply["data"], &reply["owner"]);
        let moderators = reply["moderators"].as_array().cloned().unwrap_or_default();
        say!(
            "{}",
            serde_json::json!({"members": members, "owner": owner, "moderators": moderators})
        );
        return Ok(());
    }
    for name in names(&reply["data"]) {
        let role = match &name {
            name if reply["owner"] == **name => "owner",
            name if names(&reply["moderators"]).any(|moderator| moderator == *name) => "moderator",
            _ => "",
        };
        say!("{}", format!("{name:<24} {role}").trim_end());
    }
    Ok(())
}

fn topic(config: &Config, group: &str, text: Option<&str>) -> anyhow::Result<()> {
    let group = named(group)?;
    let line = match text {
        Some(text) if text.contains(char::is_control) => bail!("a topic is one line of text"),
        Some(text) => format!("TOPIC {group} : {text}"),
        None => format!("TOPIC {group}"),
    };
    let reply = ask(config, &line)?;
    match reply["topic"].as_str() {
        Some(topic) => say!("{}", printable(topic)),
        None => say!("#{group} has no topic"),
    }
    Ok(())
}

fn set(config: &Config, group: &str, settings: &Settings) -> anyhow::Result<()> {
    let Settings { entry, listed, announce, retention, realms, password } = settings;
    let is_days = |days: &str| days.parse().is_ok_and(|days: u16| days <= RETENTION_DAYS);
    if let Some(days) = retention.as_deref().filter(|days| *days != "realm" && !is_days(days)) {
        bail!(
            "{days} is neither a number of days up to {RETENTION_DAYS} nor \"realm\"; nothing was changed"
        );
    }
    if let Some(realms) = realms.as_deref().filter(|realms| RoomRealms::parse(realms).is_none()) {
        bail!(
            "{realms:?} is neither none, linked, nor up to {LISTED_REALMS} names of realms with commas \
             between them; nothing was changed"
        );
    }
    let group = named(group)?;
    let mut line = format!("GROUPSET {group}");
    let mut option = |key: &str, value: Option<String>| {
        value.into_iter().for_each(|value| line.push_str(&format!(" {key}={value}")));
    };
    option("entry", entry.as_ref().map(written));
    option("listed", listed.as_ref().map(written));
    option("announce", announce.as_ref().map(written));
    option("retention", retention.clone());
    option("realms", realms.clone());
    if *password {
        let password = ask_password(&format!("#{group}"))?;
        if password.contains(char::is_whitespace) {
            bail!("a group's password that is set so has no blanks; nothing was changed");
        }
        option("password", Some(password));
    }
    let reply = ask(config, &line)?;
    for key in ["entry", "listed", "announce"] {
        let value = match &reply[key] {
            Value::Bool(is) => if *is { "yes" } else { "no" }.into(),
            value => value.as_str().unwrap_or_default().to_owned(),
        };
        say!("{key:<9} {value}");
    }
    let kept = reply["retention"].as_u64().map_or_else(|| "realm".into(), |days| days.to_string());
    say!("retention {kept}");
    say!("realms    {}", printable(reply["realms"].as_str().unwrap_or("none")));
    Ok(())
}
