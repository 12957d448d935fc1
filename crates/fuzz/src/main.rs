//! Runs a target with as many inputs as one likes: `antar-fuzz requests --inputs 100000000`.

use antar_fuzz::{Draw, TARGETS, Target};
use anyhow::{Context, bail};
use clap::Parser;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Twice as many inputs a second as with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Inputs from one seed; after so many the next seed's turn comes.
const STRETCH: u64 = 10_000;

/// Gives a target many inputs. Prints one that fails and how to run it again.
#[derive(Parser)]
struct Options {
    /// What to fuzz; `list` says what there is, `dictionary` prints words for libFuzzer.
    target: String,
    /// How many inputs.
    #[arg(long, default_value_t = 1_000_000)]
    inputs: u64,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Runs just these inputs.
    #[arg(long, num_args = 1..)]
    file: Vec<PathBuf>,
    /// Writes so many drawn inputs to a directory, as a corpus for libFuzzer.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.target == "list" {
        TARGETS.iter().for_each(|target| println!("{:12} {}", target.name, target.about));
        return Ok(());
    }
    if options.target == "dictionary" {
        print!("{}", antar_fuzz::dictionary());
        return Ok(());
    }
    let target = antar_fuzz::find(&options.target)
        .with_context(|| format!("{} is no target; `list` shows them", options.target))?;
    for file in &options.file {
        (target.run)(&std::fs::read(file).with_context(|| format!("cannot read {file:?}"))?);
    }
    match (&options.corpus, options.file.is_empty()) {
        (Some(directory), _) => write_corpus(target, &options, directory),
        (None, true) => run(target, &options),
        (None, false) => Ok(()),
    }
}

fn write_corpus(
    target: Target,
    options: &Options,
    directory: &std::path::Path,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut draw = Draw::new(options.seed);
    for n in 0..options.inputs {
        let mut input = Vec::new();
        (target.draw)(&mut draw, &mut input);
        std::fs::write(directory.join(format!("drawn-{n}")), input)?;
    }
    Ok(())
}

/// Who runs what, and what has failed.
struct Shared {
    stretches: AtomicU64,
    done: AtomicU64,
    bytes: AtomicU64,
    failed: Mutex<Option<Vec<u8>>>,
}

fn run(target: Target, options: &Options) -> anyhow::Result<()> {
    let began = Instant::now();
    let shared = Shared {
        stretches: AtomicU64::new(0),
        done: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        failed: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for thread in 0..options.threads.max(1) {
            let shared = &shared;
            scope.spawn(move || work(target, options, shared, (thread == 0).then_some(began)));
        }
    });
    let (done, took) = (shared.done.into_inner(), began.elapsed().as_secs_f64());
    let each = shared.bytes.into_inner() / done.max(1);
    println!(
        "{}: {done} inputs of {each} bytes on average in {took:.1} s, {:.0} a second",
        target.name,
        done as f64 / took
    );
    let failed = shared.failed.into_inner().unwrap_or_default();
    let Some(input) = failed else { return Ok(()) };
    let path = format!("{}.failed", target.name);
    std::fs::write(&path, &input)?;
    bail!("failed: {}\nrun it again with: {} --file {path}", input.escape_ascii(), target.name)
}

/// Takes stretches of inputs until all are done or one has failed. One thread tells how far it is.
fn work(target: Target, options: &Options, shared: &Shared, tells: Option<Instant>) {
    let (mut input, mut told) = (Vec::new(), 0);
    loop {
        let stretch = shared.stretches.fetch_add(1, Ordering::Relaxed);
        let left = options.inputs.saturating_sub(stretch * STRETCH).min(STRETCH);
        let failed = || shared.failed.lock().is_ok_and(|failed| failed.is_some());
        if left == 0 || failed() {
            return;
        }
        let mut draw = Draw::new(options.seed.wrapping_mul(1 << 32).wrapping_add(stretch));
        let mut bytes = 0;
        for _ in 0..left {
            input.clear();
            (target.draw)(&mut draw, &mut input);
            bytes += input.len() as u64;
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
                let mut failed = shared.failed.lock().unwrap_or_else(|lock| lock.into_inner());
                *failed = Some(input);
                return;
            }
        }
        shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        let done = shared.done.fetch_add(left, Ordering::Relaxed) + left;
        if let Some(began) = tells.map(|began| began.elapsed().as_secs())
            && began >= told + 10
        {
            told = began;
            let rate = done / began;
            println!("{}: {done} of {} inputs, {rate} a second", target.name, options.inputs);
            let _ = std::io::stdout().flush();
        }
    }
}
