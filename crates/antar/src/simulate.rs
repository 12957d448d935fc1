//! `antar simulate`.

use crate::print::say;
use antar_sim::{Options as Run, Report, Tally, run};
use anyhow::bail;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Runs whole realms in one thread each, with a virtual clock, while connections, machines, disks and
/// clocks fail, and checks that no message is lost, doubled or out of order. Everything is decided by
/// the seed.
#[derive(clap::Args)]
pub struct Options {
    /// The first seed; given alone, just this one is run, and told step by step if it fails.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Realms, 2 to 6; by the seed 2 to 4 where it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=6))]
    realms: Option<u64>,
    /// How long people write and things break in each run, in seconds of the virtual clock.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    seconds: u64,
    /// Tell everything that happens, also where nothing is wrong.
    #[arg(long)]
    trace: bool,
}

/// Seeds that are run where nothing says how many.
const SEEDS: u64 = 1_000;

/// Steps of a failed run that are told unless all are asked for.
const LAST: usize = 200;

pub fn run_all(options: &Options) -> anyhow::Result<()> {
    let first = options.seed.unwrap_or(0);
    let seeds = options.seeds.unwrap_or(if options.seed.is_some() { 1 } else { SEEDS });
    let settings = Run {
        realms: options.realms.and_then(|realms| usize::try_from(realms).ok()),
        seconds: options.seconds,
        trace: options.trace && seeds == 1,
        planted: None,
        lies: false,
    };
    let began = Instant::now();
    let all = run_seeds(first..first.saturating_add(seeds), &settings);
    if settings.trace {
        all.traced.iter().for_each(|line| say!("{line}"));
    }
    table("Injected", &all.injected);
    table("Checked", &all.checked);
    let seconds = began.elapsed().as_secs_f64();
    say!("\n{} seeds in {seconds:.1} s", HumanCount(all.runs));
    match all.failed {
        None => {
            say!("No violation.");
            Ok(())
        }
        Some(report) => tell(&report, &settings),
    }
}

/// What came of many seeds.
#[derive(Default)]
struct All {
    runs: u64,
    injected: Tally,
    checked: Tally,
    /// The failed run with the lowest seed.
    failed: Option<Report>,
    traced: Vec<String>,
}

/// Runs seeds on every processor until one fails.
fn run_seeds(seeds: Range<u64>, settings: &Run) -> All {
    let bar = ProgressBar::new(seeds.end - seeds.start);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {eta} left") {
        bar.set_style(style);
    }
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(All::default()));
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let report = run(seed, settings);
            bar.inc(1);
            let Ok(mut all) = all.lock() else { return };
            all.runs += 1;
            all.injected.merge(&report.injected);
            all.checked.merge(&report.checked);
            if report.violation.is_some() {
                next.store(seeds.end, Ordering::Relaxed);
                if all.failed.as_ref().is_none_or(|failed| seed < failed.seed) {
                    all.failed = Some(report);
                }
            } else if settings.trace {
                all.traced = report.trace;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    bar.finish_and_clear();
    all.into_inner().unwrap_or_default()
}

fn table(title: &str, tally: &Tally) {
    say!("\n{title}");
    for (what, times) in &tally.0 {
        say!("  {:>12}  {what}", HumanCount(*times).to_string());
    }
}

/// Runs a failed seed once more, to tell what led to it.
fn tell(report: &Report, settings: &Run) -> anyhow::Result<()> {
    let seed = report.seed;
    let again = run(seed, &Run { trace: true, ..settings.clone() });
    let skipped = if settings.trace { 0 } else { again.trace.len().saturating_sub(LAST) };
    say!("\nThe last of what happened ({skipped} steps before it):");
    again.trace.iter().skip(skipped).for_each(|line| say!("{line}"));
    let realms = settings.realms.map_or(String::new(), |realms| format!(" --realms {realms}"));
    let seconds = settings.seconds;
    let what = report.violation.as_ref().map_or("?", |violation| &violation.0);
    bail!(
        "seed {seed}: {what}\n\
         replay it with: antar simulate --seed {seed}{realms} --seconds {seconds} --trace"
    )
}
