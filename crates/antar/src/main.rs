//! The `antar` binary: a server, its administration, a client and a load generator.

mod admin;
mod backup;
mod bench;
mod chat;
mod check;
mod demo;
mod export;
mod group;
mod owner;
mod print;
mod realm;
mod secret;
mod serve;
mod simulate;
mod user;
mod yardstick;

use antar_server::LogWriter;
use clap::{Parser, Subcommand};
use rustix::fs::Mode;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Measured at 64 connections: the system's allocator takes a tenth of the server's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what is logged may take to be written at the end: standard error may be held up for good.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A federated chat server: one binary, one port, every OK on disk.
#[derive(Parser)]
#[command(name = "antar", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a realm.
    Serve(serve::Options),
    /// Try two linked realms that are gone when you stop them.
    Demo(demo::Options),
    /// Add, list, lock and remove users, on a running realm or a stopped one.
    User(user::Options),
    /// Look after groups, on a running realm or a stopped one.
    Group(group::Options),
    /// Log a user out everywhere, now.
    Kick(user::Kicked),
    /// Link this realm with others, and see how it stands with them.
    Realm(realm::Options),
    /// Write everything a realm keeps, running or stopped, to a new directory.
    Backup(backup::Options),
    /// Make a new realm's data of a backup.
    Restore(backup::Options),
    /// Check all that a stopped realm keeps, or a backup; changes nothing.
    Check(check::Options),
    /// Chat in a terminal.
    Chat(chat::Options),
    /// Measure a realm with a load of requests.
    Bench(bench::Options),
    /// Prove links between realms: many runs in which everything that can break does.
    Simulate(simulate::Options),
    #[command(hide = true)]
    BareLoop(yardstick::Options),
    #[command(hide = true)]
    Relay(yardstick::Options),
}

/// What others may do with what this program makes: nothing, whatever the shell it is run from says.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

fn main() -> ExitCode {
    rustix::process::umask(OTHERS);
    let done = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::User(options) => user::run(&options),
        Command::Group(options) => group::run(&options),
        Command::Kick(kicked) => user::kick(&kicked),
        Command::Realm(options) => realm::run(&options),
        Command::Backup(options) => backup::run(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::Check(options) => check::run(&options),
        Command::Chat(options) => chat::run(options),
        Command::Bench(options) => bench::run(options),
        Command::Simulate(options) => simulate::run_all(&options),
        Command::BareLoop(options) => yardstick::bare_loop(&options),
        Command::Relay(options) => yardstick::relay(&options),
    };
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("antar: {error:#}\n"));
            error.downcast_ref::<backup::Lacking>().map_or(ExitCode::FAILURE, backup::Lacking::code)
        }
    };
    if let Some(log) = LogWriter::of_stderr() {
        log.flush_within(LAST_WORDS);
    }
    code
}

/// Says it on standard error, after what is logged there. Nobody may be there to read it, which is no
/// reason to end.
pub fn complain(said: &str) {
    match LogWriter::of_stderr() {
        Some(log) => log.push(said.as_bytes()),
        None => drop(std::io::stderr().write_all(said.as_bytes())),
    }
}
