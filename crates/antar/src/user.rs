//! `antar user`: over the realm's own socket where it runs, on its data where it does not.

use crate::admin::{self, Whose};
use crate::owner;
use crate::print::say;
use crate::secret;
use antar_server::Offline;
use antar_types::Name;
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

/// How long a running realm may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// List the accounts.
    List,
    /// Give a user a new password; ends their sessions.
    Passwd {
        /// The user.
        name: String,
    },
    /// Remove an account.
    Remove {
        /// The user.
        name: String,
    },
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    // Accounts may be there before the first start.
    let begins = matches!(options.action, Action::Add { .. });
    let config = if begins { options.whose.config()? } else { options.whose.realm()? };
    owner::take_place(&config.data)?;
    let line = match &options.action {
        Action::Add { name, admin } => {
            let role = if *admin { "admin" } else { "user" };
            format!("ADDUSER {} {role} {}", checked(name)?, ask_password(name)?)
        }
        Action::List => "GETUSERS".into(),
        Action::Passwd { name } => {
            format!("SETPASSWORD {} {}", checked(name)?, ask_password(name)?)
        }
        Action::Remove { name } => format!("REMOVEUSER {}", checked(name)?),
    };
    let stopped = |config: &_| {
        Ok(if begins { Offline::open(config) } else { Offline::open_existing(config) }?)
    };
    let reply = admin::request(&config, &line, Some(PATIENCE), stopped)?;
    match &reply["data"] {
        Value::Array(users) => users.iter().for_each(print_user),
        data => say!("{}", data.as_str().unwrap_or_default()),
    }
    Ok(())
}

fn print_user(user: &Value) {
    let text = |key: &str| user[key].as_str().unwrap_or_default();
    let admin = if user["admin"] == true { "admin" } else { "" };
    say!("{:<24} {admin:<6} {}", text("user"), text("created"));
}

/// A name is one word of the request, so what is none must not get into it.
fn checked(name: &str) -> anyhow::Result<Name> {
    Name::parse(name).with_context(|| {
        format!("{name:?} is no name: 1-64 of A-Z a-z 0-9 . _ -, the first a letter or digit")
    })
}

fn ask_password(name: &str) -> anyhow::Result<String> {
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
