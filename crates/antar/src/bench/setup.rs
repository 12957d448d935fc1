//! Users, sessions and groups before the load, and their end after it.

use super::load::{Load, Window};
use super::options::Options;
use super::report;
use super::traffic::{Traffic, Workload, group_name};
use antar_client::{Client, Error, Token};
use anyhow::{Context, Result, anyhow, bail};
use std::rc::Rc;
use std::time::Duration;

/// Requests in flight on each connection that fills inboxes, and how long that may take.
const FILLING: (usize, Duration) = (512, Duration::from_secs(600));

/// A user and its session.
pub struct Person {
    pub name: String,
    pub token: Token,
    pub password: String,
}

/// Registers users with random names, or logs in as the one that was named.
pub async fn people(address: &str, options: &Options, users: usize) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(users);
    if let Some(name) = &options.user {
        let mut client = connect(address).await?;
        let password = password()?;
        let token = client.login(name, &password).await.context("cannot log in")?;
        people.push(Person { name: name.clone(), token, password });
        return Ok(people);
    }
    let run = hex(&rand::random::<[u8; 3]>());
    let password = hex(&rand::random::<[u8; 16]>());
    for n in 0..users {
        // A connection each: a session binds the connection it was opened on.
        let mut client = connect(address).await?;
        let name = format!("bench-{run}-{n}");
        let token = client.register(&name, &password).await.map_err(refused)?;
        people.push(Person { name, token, password: password.clone() });
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
    let person = |n| Person {
        name: format!("bench-000000-{n}"),
        token: Token::new([0; 32]),
        password: "none".into(),
    };
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
    load: &mut Load,
    address: &str,
    options: &Options,
    people: &[Person],
    members: usize,
) -> Result<()> {
    load.traffic = Rc::new(Traffic::sends_only(options, people));
    let total = options.mailbox * people.len() as u64;
    let window = Window {
        warmup: Duration::ZERO,
        measured: FILLING.1,
        depth: FILLING.0,
        budget: total.div_ceil(load.connections() as u64),
        rate: None,
    };
    let tally = load.run(window, &report::progress(Duration::ZERO, false)).await?;
    let mut traffic = Traffic::new(options, people, members);
    if options.workload == Workload::Sync {
        traffic.since(&cursor(address, &people[0]).await?);
    }
    load.traffic = Rc::new(traffic);
    match (tally.failures(), tally.accepted) {
        (0, accepted) if accepted >= total => Ok(()),
        (_, accepted) => bail!("{accepted} of {total} messages to fill the inboxes were taken"),
    }
}

/// The cursor of who was told everything: it is the same for all users.
async fn cursor(address: &str, person: &Person) -> Result<String> {
    let mut client = connect(address).await?;
    client.resume(&person.token).await?;
    let reply = client.ask("SYNC").await?;
    reply.str("cursor").map(Into::into).context("SYNC has no cursor")
}

/// Ends the sessions; nobody will use them again.
pub async fn leave(address: &str, options: &Options, people: &[Person]) {
    for person in people {
        if let Ok(mut client) = connect(address).await
            && client.resume(&person.token).await.is_ok()
        {
            if options.workload == Workload::Login {
                // Ends the sessions that were opened to see how long it takes.
                let line = format!("PASSWD {0} {0}", person.password);
                let _ = client.ask(&line).await;
            }
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
