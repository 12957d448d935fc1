//! `antar bench`: a load generator, within a realm and from one to another, and a bare loop to compare
//! with.
//!
//! Every connection keeps a fixed number of requests in flight (a closed loop: a slow server is
//! asked less often, so latencies are those its clients would see at the rate it reached).

mod child;
mod load;
mod mark;
mod realms;
mod report;
mod setup;
mod tally;
mod traffic;

use anyhow::{Result, bail};
use load::{Side, Window};
use report::Report;
use std::io::IsTerminal;
use std::rc::Rc;
use std::time::Duration;
use tally::Tally;
use traffic::{Traffic, Workload};

/// How many rounds each side gets where two are compared: they alternate, so that a machine
/// that slows down in between slows both.
const ROUNDS: u32 = 3;

/// Measure how many requests a realm answers, and how fast.
///
/// Registers a few users with random names and sends messages between them: do not point it at a
/// realm whose users would mind.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The realm, as HOST or HOST:PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// How many connections to open.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// How many requests each connection sends without waiting for a reply.
    #[arg(long, value_name = "D", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub in_flight: u32,
    /// How long to measure, in seconds.
    #[arg(long, value_name = "T", default_value_t = 10.0, value_parser = some_seconds)]
    pub seconds: f64,
    /// How long to run before measuring, in seconds.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub warmup: f64,
    /// The length of a message's text, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub size: u32,
    /// How many users to register; connections share their sessions [default: as many as
    /// connections, 16 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub users: Option<u32>,
    /// What to ask for.
    #[arg(long, value_enum, default_value_t = Workload::Send)]
    pub workload: Workload,
    /// How many members each group has (workloads group and mixed).
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub members: u32,
    /// Log in as this user instead of registering any; the password is read from the environment
    /// variable ANTAR_PASSWORD, or from standard input.
    #[arg(long, value_name = "NAME", conflicts_with = "users")]
    pub user: Option<String>,
    /// Measure how fast messages get to another realm: with HOST:PORT, to the realm of this name, which
    /// is at --at and linked; alone, between two realms started for it. Compares with sends
    /// within the first realm, in turns.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["workload", "user", "bare_loop"]
    )]
    pub realm: Option<String>,
    /// Where the other realm is.
    #[arg(long, value_name = "HOST:PORT", requires = "realm")]
    pub at: Option<String>,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Measure a loop with the same listener and codec that gives a fixed reply; with HOST:PORT,
    /// both in turns, and their ratio.
    #[arg(long, hide = true)]
    pub bare_loop: bool,
}

impl Options {
    /// Users and how many of them share a group. Every group can have its members.
    fn population(&self) -> Result<(usize, usize)> {
        let members = self.members as usize;
        if self.user.is_some() {
            return Ok((1, 1));
        }
        let grouped = self.workload.has_groups();
        let users = match self.users {
            Some(users) if grouped && (users as usize) < members => {
                bail!("groups of {members} need --users {members} or more")
            }
            Some(users) => users as usize,
            None if grouped => members.max(self.connections.min(16) as usize),
            None => self.connections.min(16) as usize,
        };
        Ok((users, members))
    }
}

/// Runs the load and prints the report.
///
/// # Errors
/// Where nobody answers, users cannot be made, or a request failed for another reason than a
/// limit of the realm.
pub fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Everything on one thread: nothing on the hot path is locked or counted atomically.
    let failures = tokio::task::LocalSet::new().block_on(&runtime, measure(options))?;
    match failures {
        0 => Ok(()),
        n => bail!("{n} requests failed for another reason than a limit"),
    }
}

async fn measure(options: Options) -> Result<u64> {
    if options.realm.is_some() {
        return realms::measure(&options).await;
    }
    let (users, members) = options.population()?;
    let with_realm = options.address.is_some() || !options.bare_loop;
    let address = options.address.as_deref().unwrap_or("127.0.0.1");
    let address = antar_client::with_default_port(address);
    let people = match with_realm {
        true => setup::people(&address, &options, users).await?,
        false => setup::made_up(users),
    };
    let traffic = Rc::new(Traffic::new(&options, &people, members));
    let mut sides = Vec::new();
    if with_realm {
        if options.workload.has_groups() {
            setup::groups(&address, &people, members).await?;
        }
        let side =
            Side::connect("realm", &address, &options, &people, true, traffic.clone()).await?;
        sides.push(side);
    }
    if with_realm && options.workload.reads() {
        setup::fill(&mut sides[0], &options, &people, members).await?;
    }
    // Held to the end: dropping it kills the process.
    let bare = options.bare_loop.then(child::Listening::bare_loop).transpose()?;
    if let Some(bare) = &bare {
        let side =
            Side::connect("bare loop", bare.address(), &options, &people, false, traffic).await?;
        sides.push(side);
    }
    let tallies = rounds(&options, &mut sides).await?;
    if with_realm {
        setup::leave(&address, &people).await;
    }
    let report = Report {
        options: &options,
        users,
        sides: sides.iter().map(|s| s.name).zip(tallies).collect(),
        delivered: None,
    };
    report.print();
    Ok(report.failures())
}

/// Loads the sides in turns; one tally for each.
async fn rounds(options: &Options, sides: &mut [Side]) -> Result<Vec<Tally>> {
    let rounds = if sides.len() > 1 { ROUNDS } else { 1 };
    let window = window(options, rounds);
    let mut tallies = Vec::new();
    for _ in sides.iter() {
        tallies.push(Tally::new()?);
    }
    let total = (window.warmup + window.measured) * rounds * sides.len() as u32;
    let progress = report::progress(total, std::io::stderr().is_terminal());
    for _ in 0..rounds {
        for (side, tally) in sides.iter_mut().zip(&mut tallies) {
            tally.merge(side.run(window, &progress).await?)?;
        }
    }
    progress.finish_and_clear();
    Ok(tallies)
}

/// One of so many rounds.
fn window(options: &Options, rounds: u32) -> Window {
    Window {
        warmup: Duration::from_secs_f64(options.warmup / f64::from(rounds)),
        measured: Duration::from_secs_f64(options.seconds / f64::from(rounds)),
        depth: options.in_flight as usize,
        budget: u64::MAX,
    }
}

fn some_seconds(text: &str) -> Result<f64, String> {
    match seconds(text)? {
        0.1.. => seconds(text),
        _ => Err("at least 0.1".into()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds, up to a day".into()),
    }
}
