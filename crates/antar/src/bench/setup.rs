//! Users, sessions and groups before the load, and their end after it.

use super::Options;
use super::load::{Side, Window};
use super::report;
use super::traffic::{Traffic, group_name};
use antar_client::{Client, Error, Token};
use anyhow::{Context, Result, anyhow, bail};
use std::rc::Rc;
use std::time::Duration;

/// How many messages each inbox gets before inboxes are read.
const FILLED: u64 = 50;

/// A user and its session.
pub struct Person {
    pub name: String,
    pub token: Token,
}

/// Registers users with random names, or logs in as the one that was named.
pub async fn people(address: &str, options: &Options, users: usize) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(users);
    if let Some(name) = &options.user {
        let mut client = connect(address).await?;
        let token = client.login(name, &password()?).await.context("cannot log in")?;
        people.push(Person { name: name.clone(), token });
        return Ok(people);
    }
    let run = hex(&rand::random::<[u8; 3]>());
    let password = hex(&rand::random::<[u8; 16]>());
    for n in 0..users {
        // A connection each: a session binds the connection it was opened on.
        let mut client = connect(address).await?;
        let name = format!("bench-{run}-{n}");
        let token = client.register(&name, &password).await.map_err(refused)?;
        people.push(Person { name, token });
    }
    Ok(people)
}

fn refused(error: Error) -> anyhow::Error {
    match error.code() {
        Some("forbidden") => anyhow!(
            "this realm lets nobody register: set `register = \"open\"` in its configuration, or \
             give --user NAME and its password on standard input or in ANTAR_PASSWORD"
        ),
        _ => anyhow!(error).context("cannot register users to bench with"),
    }
}

/// People that no realm knows, for a loop that does not look.
pub fn made_up(users: usize) -> Vec<Person> {
    let person = |n| Person { name: format!("bench-000000-{n}"), token: Token::new([0; 32]) };
    (0..users).map(person).collect()
}

/// Creates the groups and lets everybody join.
pub async fn groups(address: &str, people: &[Person], members: usize) -> Result<()> {
    let password = hex(&rand::random::<[u8; 16]>());
    for (user, person) in people.iter().enumerate() {
        let mut client = connect(address).await?;
        client.resume(&person.token).await?;
        let group = group_name(people, members, user);
        let result = match user % members {
            0 => client.add_group(&group, &password).await,
            _ => client.join_group(&group, &password).await,
        };
        match result {
            // The group of a user that was named is there since the last time.
            Err(Error::Refused(refusal)) if refusal.code == "group_exists" && people.len() == 1 => {
            }
            other => other.with_context(|| format!("cannot make the group {group}"))?,
        }
    }
    Ok(())
}

/// Puts something into the inboxes, so that reading them is work.
pub async fn fill(
    side: &mut Side,
    options: &Options,
    people: &[Person],
    members: usize,
) -> Result<()> {
    side.traffic = Rc::new(Traffic::sends_only(options, people));
    let total = FILLED * people.len() as u64;
    let window = Window {
        warmup: Duration::ZERO,
        measured: Duration::from_secs(60),
        depth: 16,
        budget: total.div_ceil(side.connections() as u64),
    };
    let tally = side.run(window, &report::progress(Duration::ZERO, false)).await?;
    side.traffic = Rc::new(Traffic::new(options, people, members));
    match tally.failures() {
        0 => Ok(()),
        n => bail!("{n} of {total} messages to fill the inboxes with failed"),
    }
}

/// Ends the sessions; nobody will use them again.
pub async fn leave(address: &str, people: &[Person]) {
    for person in people {
        if let Ok(mut client) = connect(address).await
            && client.resume(&person.token).await.is_ok()
        {
            let _ = client.logout().await;
        }
    }
}

/// Connects to a realm.
pub async fn connect(address: &str) -> Result<Client> {
    Client::connect(address)
        .await
        .with_context(|| format!("no realm answers at {address} (`antar serve` starts one)"))
}

fn password() -> Result<String> {
    if let Ok(password) = std::env::var("ANTAR_PASSWORD") {
        return Ok(password);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("no password on standard input")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
