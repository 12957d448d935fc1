//! What can be asked for on the command line.

use super::mark::Mark;
use super::traffic::Workload;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::str::FromStr;

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
    /// How many members each group has (workloads group and mixed), or how many watch (fanout).
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
    /// Measure how fast messages to a group get to two other realms that have members in it: starts the three.
    /// Compares with private messages from the one to users of the two, in turns.
    #[arg(long, conflicts_with_all = [
        "address", "workload", "user", "bare_loop", "realm", "rate", "requests", "relay", "raw_disk",
    ])]
    pub rooms: bool,
    /// Where the other realm is.
    #[arg(long, value_name = "HOST:PORT", requires = "realm")]
    pub at: Option<String>,
    /// Make so many requests a second in all, evenly spread, whether those before are answered or not,
    /// and count latency from when each was due; with `half`, do so after the usual run, at half
    /// of the rate that it reached.
    #[arg(long, value_name = "N|half", conflicts_with = "realm")]
    pub rate: Option<Rate>,
    /// Stop after so many requests, if the time is not over before; without a warm-up.
    #[arg(long, value_name = "N", conflicts_with = "realm", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// How many messages to put into each inbox before anything is read (workloads inbox, mixed, sync, history,
    /// conversations and search).
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub mailbox: u64,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Compare with a loop that has the same listener and codec and gives a fixed reply, in turns.
    /// Without HOST:PORT, the loop alone.
    #[arg(long)]
    pub bare_loop: bool,
    /// Compare with a relay, in turns: the same listener and codec, each message passed on to whoever
    /// watches, nothing stored (workloads live and fanout).
    #[arg(long, conflicts_with_all = ["bare_loop", "realm"])]
    pub relay: bool,
    /// Compare with the disk that holds this directory, in turns: batches of messages appended to a file
    /// there, each batch synced.
    #[arg(long, value_name = "DIR", conflicts_with = "realm")]
    pub raw_disk: Option<PathBuf>,
    /// How many messages each batch has on the raw disk; a row for each.
    #[arg(
        long, value_name = "N,…", value_delimiter = ',', default_value = "1,16,128,1024",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    pub batch: Vec<u64>,
    /// Measure memory instead: how much the realm's process, on this machine (Linux), takes for each of so
    /// many connections that have logged in and do nothing.
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..),
        conflicts_with_all = ["workload", "realm", "rooms", "bare_loop", "relay", "raw_disk", "rate"]
    )]
    pub idle: Option<u32>,
    /// Over TLS.
    #[arg(long, requires = "idle")]
    pub tls: bool,
    /// The realm's process, where it cannot be found by its port.
    #[arg(long, requires = "idle")]
    pub pid: Option<u32>,
}

impl Options {
    /// Users and how many of them share a group. Every group can have its members.
    pub fn population(&self) -> Result<(usize, usize)> {
        self.check()?;
        let members = self.members as usize;
        match self.workload {
            Workload::Fanout => return Ok((members + 1, members + 1)),
            Workload::Live => return Ok(((self.connections as usize / 2).max(1), 1)),
            _ if self.user.is_some() => return Ok((1, 1)),
            _ => {}
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

    /// What does not go together.
    fn check(&self) -> Result<()> {
        let live = self.workload.is_live();
        if live && (self.user.is_some() || self.users.is_some()) {
            bail!("--workload {} makes its own users", self.workload.as_str());
        }
        if live && (self.size as usize) < Mark::SIZE {
            bail!("texts that are to be told apart need --size {} or more", Mark::SIZE);
        }
        if live && self.bare_loop {
            bail!("a bare loop delivers nothing; compare with --relay");
        }
        if self.raw_disk.is_some() && matches!(self.rate, Some(Rate::Fixed(_))) {
            bail!(
                "a disk has no rate but its own: --raw-disk goes without --rate, or with --rate half"
            );
        }
        if self.relay && !live {
            bail!("--relay goes with --workload live and --workload fanout");
        }
        Ok(())
    }
}

/// How fast to ask.
#[derive(Clone, Copy, Debug)]
pub enum Rate {
    /// Half as fast as it goes.
    Half,
    /// So many requests a second.
    Fixed(f64),
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "half" => Ok(Self::Half),
            Ok(rate) if (0.01..=1e8).contains(&rate) => Ok(Self::Fixed(rate)),
            _ => Err("a number of requests a second, or `half`"),
        }
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
