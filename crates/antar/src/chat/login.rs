//! The dialogue before the chat: who are you?

use super::terminal::Terminal;
use super::whom::Whom;
use super::{Options, show::clean_line, texts};
use antar_client::{Client, Error, Token};
use antar_types::Secret;
use anyhow::{Context, Result, anyhow, bail};

/// How often a wrong password may be typed.
const ATTEMPTS: usize = 3;

/// Somebody logged in.
pub struct LoggedIn {
    pub user: String,
    pub token: Token,
    pub client: Client,
}

/// Connects, asks for name and password, and logs in or registers.
///
/// # Errors
/// Where nobody answers, the password is wrong too often, or the input ends.
pub async fn login(
    terminal: &mut Terminal,
    options: &Options,
    whom: &mut Whom,
) -> Result<LoggedIn> {
    // Before any question: there may be nobody to answer.
    let (mut client, said) = whom.connect_first().await?;
    if let Some(said) = &said {
        // Before the password is typed.
        terminal.tell(&format!("-- {said}"));
    }
    for attempt in 1.. {
        let user = match &options.user {
            Some(user) => user.clone(),
            None => terminal.ask("Name: ")?.context("no name given")?.trim().to_owned(),
        };
        let password = password(terminal, options)?;
        let verb = if options.register { Verb::Register } else { Verb::Login };
        let mut result = enter(&mut client, whom, verb, &user, &password).await;
        if code(&result) == Some("user_not_found") && wants_to_register(terminal, &user)? {
            let again = terminal.secret("The password once more: ")?;
            if again.as_ref() != Some(&password) {
                println!("These were not the same.");
                continue;
            }
            result = enter(&mut client, whom, Verb::Register, &user, &password).await;
        }
        let problem = match result {
            Ok(token) => return Ok(LoggedIn { user, token, client }),
            Err(Error::Refused(refusal)) if refusal.code == "forbidden" => {
                anyhow!("this realm lets nobody register: ask its administrator for an account")
            }
            Err(error) => anyhow!("{}", clean_line(&texts::of_error(&error))),
        };
        if attempt == ATTEMPTS || !terminal.is_interactive() {
            return Err(problem);
        }
        println!("{problem}");
    }
    bail!("not logged in")
}

fn password(terminal: &mut Terminal, options: &Options) -> Result<Secret<String>> {
    if let Ok(word) = std::env::var("ANTAR_PASSWORD") {
        return Ok(Secret::new(word));
    }
    let word = match options.register {
        true => terminal.new_secret("New password: ")?,
        false => terminal.secret("Password: ")?,
    };
    word.context("no password given")
}

fn wants_to_register(terminal: &mut Terminal, user: &str) -> Result<bool> {
    if !terminal.is_interactive() {
        return Ok(false);
    }
    let question = format!("There is no user {}. Register it? [y/N] ", clean_line(user));
    let answer = terminal.ask(&question)?.unwrap_or_default();
    Ok(["y", "yes", "j", "ja", "ya"].contains(&answer.trim().to_lowercase().as_str()))
}

fn code<T>(result: &Result<T, Error>) -> Option<&str> {
    result.as_ref().err().and_then(Error::code)
}

#[derive(Clone, Copy)]
enum Verb {
    Login,
    Register,
}

/// Typing takes time, and a server closes connections that do not log in: then connect once more.
async fn enter(
    client: &mut Client,
    whom: &Whom,
    verb: Verb,
    user: &str,
    password: &Secret<String>,
) -> Result<Token, Error> {
    let mut result = once(client, verb, user, password).await;
    if result.as_ref().is_err_and(|error| !error.is_recoverable())
        || code(&result) == Some("timed_out")
    {
        *client = whom.connect().await?;
        result = once(client, verb, user, password).await;
    }
    result
}

async fn once(
    client: &mut Client,
    verb: Verb,
    user: &str,
    password: &Secret<String>,
) -> Result<Token, Error> {
    match verb {
        Verb::Login => client.login(user, password.expose()).await,
        Verb::Register => client.register(user, password.expose()).await,
    }
}
