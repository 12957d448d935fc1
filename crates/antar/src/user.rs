//! `antar user`: over the realm's own socket where it runs, on its data where it does not.

use crate::admin::{self, PATIENCE, Whose, printable, word};
use crate::export;
use crate::owner;
use crate::print::say;
use crate::secret;
use antar_server::{Config, Offline};
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{self, BufRead, IsTerminal};
use std::net::SocketAddr;

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    whose: Whose,
}

/// Passwords are asked for on a terminal, else read as one line from standard input.
#[derive(clap::Subcommand)]
enum Action {
    /// Make an account.
    Add {
        /// 1-64 of A-Z a-z 0-9 . _ -, the first a letter or digit.
        name: String,
        /// The user may administer the realm.
        #[arg(long)]
        admin: bool,
    },
    /// Make a link with which somebody chooses a password and has the account, once, within seven days.
    Invite {
        /// The user's name.
        name: String,
    },
    /// List the accounts.
    List {
        /// Print a JSON list.
        #[arg(long)]
        json: bool,
    },
    /// Give a user a new password; ends their sessions.
    Passwd {
        /// The user.
        name: String,
    },
    /// Remove an account.
    Remove {
        /// The user.
        name: String,
        /// Delete all that the user wrote, too, and what only the user had. Nobody can have the name until that is
        /// done; the log says when. Of a user who was removed already it deletes the rest. Backups keep what they have.
        #[arg(long)]
        erase: bool,
    },
    /// End a user's sessions, and let nobody log in with the account. What others write to it still arrives.
    Lock {
        /// The user.
        name: String,
    },
    /// Let a user log in again.
    Unlock {
        /// The user.
        name: String,
    },
    /// Make a user an administrator of the realm.
    Promote {
        /// The user.
        name: String,
    },
    /// Have a user administer the realm no longer.
    Demote {
        /// The user.
        name: String,
    },
    /// List where a user is logged in.
    Sessions {
        /// The user.
        name: String,
        /// Print a JSON list.
        #[arg(long)]
        json: bool,
    },
    /// End one of a user's sessions.
    Revoke {
        /// The user.
        name: String,
        /// Its number, as `antar user sessions` shows it.
        session: u64,
    },
    /// Write all that is kept of a user, but secrets, as JSON Lines: what the user tells, sessions, whom they have
    /// blocked, what is muted, and their conversations with the messages that they may read.
    Export(export::Options),
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    // Accounts may be there before the first start.
    let begins = matches!(options.action, Action::Add { .. });
    let config = if begins { options.whose.config()? } else { options.whose.realm()? };
    owner::take_place(&config.data)?;
    if let Action::Export(options) = &options.action {
        return export::run(&config, options);
    }
    let line = match &options.action {
        Action::Add { name, admin } => {
            let role = if *admin { "admin" } else { "user" };
            format!("ADDUSER {} {role} {}", word(name)?, ask_password(name)?)
        }
        Action::List { .. } => "GETUSERS".into(),
        Action::Lock { name } => format!("LOCKUSER {}", word(name)?),
        Action::Unlock { name } => format!("UNLOCKUSER {}", word(name)?),
        Action::Promote { name } => format!("USERROLE {} admin", word(name)?),
        Action::Demote { name } => format!("USERROLE {} user", word(name)?),
        Action::Sessions { name, .. } => format!("USERSESSIONS {}", word(name)?),
        Action::Revoke { name, session } => format!("REVOKEUSER {} {session}", word(name)?),
        Action::Invite { name } => format!("INVITEUSER {}", word(name)?),
        Action::Passwd { name } => {
            format!("SETPASSWORD {} {}", word(name)?, ask_password(name)?)
        }
        Action::Remove { name, erase: false } => format!("REMOVEUSER {}", word(name)?),
        Action::Remove { name, erase: true } => format!("ERASEUSER {}", word(name)?),
        Action::Export(_) => return Ok(()),
    };
    let stopped = |config: &_| {
        Ok(if begins { Offline::open(config) } else { Offline::open_existing(config) }?)
    };
    let reply = admin::request(&config, &line, Some(PATIENCE), stopped)?;
    if let Some(code) = reply["invitation"].as_str() {
        let listens = config.web.listen.first().copied().or_else(|| listens(&config));
        let name = reply["user"].as_str().unwrap_or_default();
        // After the #, so that a browser keeps it to itself.
        say!("{}#invite={code}&name={name}", config.page(listens));
        if config.is_page_unnamed(listens) {
            eprintln!(
                "antar: only this machine finds the realm there; set [web] url in the configuration to where others do"
            );
        }
        return Ok(());
    }
    match (&options.action, &reply["data"]) {
        (Action::List { json: true } | Action::Sessions { json: true, .. }, data) => say!("{data}"),
        (Action::Sessions { .. }, Value::Array(sessions)) => print_sessions(sessions),
        (_, Value::Array(users)) => users.iter().for_each(print_user),
        (_, data) => say!("{}", data.as_str().unwrap_or_default()),
    }
    Ok(())
}

/// Where the chat port is: a realm that runs may have been told another one than its configuration says.
fn listens(config: &Config) -> Option<SocketAddr> {
    let configured = config.listen.first().copied()?;
    let stopped = |config: &_| Ok(Offline::open_existing(config)?);
    let shown = admin::request(config, "SHOWREALM", Some(PATIENCE), stopped);
    let port = shown.ok().and_then(|reply| u16::try_from(reply["data"]["port"].as_u64()?).ok());
    Some(SocketAddr::new(configured.ip(), port.unwrap_or(configured.port())))
}

#[derive(clap::Args)]
pub struct Kicked {
    /// The user.
    name: String,
    #[command(flatten)]
    whose: Whose,
}

/// Ends a user's sessions and closes the connections.
///
/// # Errors
/// Where there is no realm, or it says no.
pub fn kick(kicked: &Kicked) -> anyhow::Result<()> {
    let (config, name) = (kicked.whose.realm()?, word(&kicked.name)?);
    let stopped = |config: &_| Ok(Offline::open_existing(config)?);
    admin::request(&config, &format!("DISCONNECT {name}"), Some(PATIENCE), stopped)?;
    say!("{name} is logged in nowhere; antar user lock {name} keeps it so");
    Ok(())
}

fn print_sessions(sessions: &[Value]) {
    if sessions.is_empty() {
        return say!("logged in nowhere");
    }
    let text =
        |session: &Value, key: &str| session[key].as_str().map_or_else(|| "-".into(), printable);
    say!("{:>16}  {:<24}  {:<24}  {:<24}  CLIENT", "SESSION", "SINCE", "USED", "ADDRESS");
    for session in sessions {
        let [since, used, address, client] =
            ["since", "used", "address", "client"].map(|key| text(session, key));
        let id = session["id"].to_string();
        say!("{id:>16}  {since:<24}  {used:<24}  {address:<24}  {client}");
    }
}

fn print_user(user: &Value) {
    let text = |key: &str| user[key].as_str().unwrap_or_default();
    let admin = if user["admin"] == true { "admin" } else { "" };
    let locked = if user["locked"] == true { "  locked" } else { "" };
    say!("{:<24} {admin:<6} {}{locked}", text("user"), text("created"));
}

/// Asks for a password at the terminal, twice, or reads one line.
///
/// # Errors
/// Where none is given, or two are.
pub fn ask_password(name: &str) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        let password = line.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            bail!("no password on standard input");
        }
        return Ok(password.into());
    }
    let ask = |prompt: &str| secret::ask(prompt)?.context("no password given; nothing was changed");
    let password = ask(&format!("Password for {name}: "))?;
    if password != ask("Once more: ")? {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(password.expose().clone())
}
