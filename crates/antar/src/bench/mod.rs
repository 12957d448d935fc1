//! `antar bench`: a load generator, within a realm and from one to another, and yardsticks to compare
//! with.
//!
//! Every connection keeps a fixed number of requests in flight (a closed loop: a slow server is
//! asked less often, so latencies are those its clients would see at the rate it reached), unless a
//! rate is given.

mod child;
mod conn;
mod disk;
mod far;
mod idle;
mod live;
mod load;
mod mark;
mod options;
mod pace;
mod realms;
mod report;
mod rooms;
mod setup;
mod side;
mod tally;
mod traffic;

pub use options::Options;

use anyhow::{Result, bail};
use child::Listening;
use disk::Disk;
use live::Live;
use load::{Load, Window};
use options::Rate;
use report::{HalfLoad, Report};
use setup::Person;
use side::Side;
use std::io::IsTerminal;
use std::rc::Rc;
use std::time::Duration;
use tally::Tally;
use traffic::{Traffic, Workload};

/// How many rounds each side gets where some are compared: they alternate, so that a machine
/// that slows down in between slows all.
const ROUNDS: u32 = 3;

/// Runs the load and prints the report.
///
/// # Errors
/// Where nobody answers, users cannot be made, or a request failed for another reason than a
/// limit of the realm.
pub fn run(options: Options) -> Result<()> {
    crate::serve::allow_many_files();
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
    if options.rooms {
        return rooms::measure(&options).await;
    }
    let address = options.address.as_deref().unwrap_or("127.0.0.1");
    let address = antar_client::with_default_port(address);
    if let Some(connections) = options.idle {
        return idle::measure(&address, connections, &options).await.map(|()| 0);
    }
    let (users, members) = options.population()?;
    let with_realm = options.address.is_some() || !options.bare_loop;
    let people = match with_realm {
        true => setup::people(&address, &options, users).await?,
        false => setup::made_up(users),
    };
    if with_realm && options.workload.has_groups() {
        setup::groups(&address, &people, members).await?;
    }
    let mut sides = Vec::new();
    if with_realm {
        sides.push(realm(&address, &options, &people, members).await?);
    }
    // Held to the end: dropping it kills the process.
    let _yardstick = yardsticks(&options, &people, members, &mut sides).await?;
    let report = report(&options, users, &mut sides).await?;
    if with_realm {
        setup::leave(&address, &options, &people).await;
    }
    report.print();
    Ok(report.failures())
}

/// Connects to the realm and prepares it.
async fn realm(
    address: &str,
    options: &Options,
    people: &[Person],
    members: usize,
) -> Result<Side> {
    if options.workload.is_live() {
        return Ok(Side::Live(Live::connect("realm", address, options, people, false).await?));
    }
    let traffic = Rc::new(Traffic::new(options, people, members));
    let mut load = Load::connect("realm", address, options, people, true, traffic).await?;
    if options.workload.reads() {
        setup::fill(&mut load, address, options, people, members).await?;
    }
    Ok(Side::Load(load))
}

/// Adds what the realm is compared with.
async fn yardsticks(
    options: &Options,
    people: &[Person],
    members: usize,
    sides: &mut Vec<Side>,
) -> Result<Option<Listening>> {
    if let Some(directory) = &options.raw_disk {
        for batch in &options.batch {
            sides.push(Side::Disk(Disk::new(directory, options, *batch)?));
        }
    }
    if options.relay {
        let relay = Listening::relay()?;
        let live = Live::connect("relay", relay.address(), options, people, true).await?;
        sides.push(Side::Live(live));
        return Ok(Some(relay));
    }
    if options.bare_loop {
        let bare = Listening::bare_loop()?;
        let traffic = Rc::new(Traffic::new(options, people, members));
        let at = bare.address();
        let load = Load::connect("bare loop", at, options, people, false, traffic).await?;
        sides.push(Side::Load(load));
        return Ok(Some(bare));
    }
    Ok(None)
}

/// Measures; then once more at half of what the first side reached, if that was asked for.
async fn report<'a>(options: &'a Options, users: usize, sides: &mut [Side]) -> Result<Report<'a>> {
    let fixed = match options.rate {
        Some(Rate::Fixed(rate)) => Some(rate),
        _ => None,
    };
    let measured = rounds(options, sides, fixed).await?;
    let mut report =
        Report { options, users, sides: measured, delivered: Vec::new(), half_load: None };
    if let (Some(Rate::Half), Some((_, tally))) = (options.rate, report.sides.first()) {
        let rate = tally.rate() / 2.0;
        if rate < 0.01 {
            bail!("nothing was answered: there is no rate to halve");
        }
        let sides = rounds(options, sides, Some(rate)).await?;
        report.half_load = Some(HalfLoad { rate, sides });
    }
    Ok(report)
}

/// Loads the sides in turns; a tally for each, but for those that have no rate where there is one.
async fn rounds(
    options: &Options,
    sides: &mut [Side],
    rate: Option<f64>,
) -> Result<Vec<(String, Tally)>> {
    let mut sides: Vec<&mut Side> =
        sides.iter_mut().filter(|side| rate.is_none() || side.has_rate()).collect();
    let rounds = if sides.len() > 1 { ROUNDS } else { 1 };
    let window = window(options, rounds);
    let window = rate.map_or(window, |rate| window.at_rate(rate));
    let mut tallies = Vec::new();
    for side in &sides {
        tallies.push((side.name().to_owned(), Tally::new()?));
    }
    let total = (window.warmup + window.measured) * rounds * sides.len() as u32;
    let progress = report::progress(total, std::io::stderr().is_terminal());
    for _ in 0..rounds {
        for (side, (_, tally)) in sides.iter_mut().zip(&mut tallies) {
            tally.merge(side.run(window, &progress).await?)?;
        }
    }
    progress.finish_and_clear();
    Ok(tallies)
}

/// One of so many rounds.
fn window(options: &Options, rounds: u32) -> Window {
    let senders = match options.workload {
        Workload::Fanout => 1,
        Workload::Live => (options.connections / 2).max(1),
        _ => options.connections,
    };
    let budget = |requests: u64| requests.div_ceil(u64::from(senders) * u64::from(rounds));
    // So many requests are all to be measured.
    let warmup = if options.requests.is_some() { 0.0 } else { options.warmup };
    Window {
        warmup: Duration::from_secs_f64(warmup / f64::from(rounds)),
        measured: Duration::from_secs_f64(options.seconds / f64::from(rounds)),
        depth: options.in_flight as usize,
        budget: options.requests.map_or(u64::MAX, budget),
        rate: None,
    }
}
