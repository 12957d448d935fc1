//! `antar backup` and `antar restore`.

use crate::admin::{self, Whose};
use crate::complain;
use crate::owner::Owner;
use crate::print::say;
use antar_server::{Backup, Contents, Offline};
use anyhow::{Context, bail};
use indicatif::{HumanBytes, HumanCount};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many files are named that are not there.
const NAMED: usize = 1_000;

#[derive(clap::Args)]
pub struct Options {
    /// The directory of the backup.
    dir: PathBuf,
    #[command(flatten)]
    whose: Whose,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.whose.config()?;
    antar_server::expect_realm(&config.data)?;
    // Whoever has the realm writes the backup, whether the realm runs or not.
    if let Some(owner) = Owner::of(&config.data) {
        let given = owner.give(&options.dir);
        given.with_context(|| format!("cannot make {}", options.dir.display()))?;
        owner.take_place()?;
    }
    let line = format!("BACKUP {}", word(&options.dir)?);
    // It takes as long as it takes; a realm that ends breaks the connection.
    let done = admin::request(&config, &line, None, |config| Ok(Offline::open_existing(config)?))?;
    let number = |key: &str| done[key].as_u64().unwrap_or_default();
    let (messages, records, bytes) = (number("messages"), number("records"), number("bytes"));
    report("backed up", messages, records, bytes, &options.dir);
    let named = done["lacks"].as_array().into_iter().flatten();
    named.filter_map(|each| each.as_str()).for_each(name);
    Lacking::expect_none(
        number("lacking"),
        "are not in the backup, since the realm itself does not have them as they were; all else is. Put them back \
         from an older backup, or have whoever sent them send them once more, and back it up again",
    )
}

/// Names a file that is not there as it was.
fn name(lacking: &str) {
    complain(&format!("antar: {lacking}\n"));
}

/// It was done, but for some files.
#[derive(Debug)]
pub struct Lacking(u64, &'static str);

impl Lacking {
    /// That nothing is missing.
    fn expect_none(lacking: u64, what: &'static str) -> anyhow::Result<()> {
        if lacking == 0 { Ok(()) } else { Err(Self(lacking, what).into()) }
    }

    /// What the process ends with.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(3)
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files that messages name or users have uploaded {}", self.0, self.1)
    }
}

impl std::error::Error for Lacking {}

pub fn restore(options: &Options) -> anyhow::Result<()> {
    let config = options.whose.config()?;
    let mut backup = Backup::open(&options.dir)?;
    if let Some(owner) = Owner::of(&config.data) {
        backup.open_note();
        owner.take_place()?;
    }
    let Contents { data, lacks, .. } = antar_server::restore(&config, backup)?;
    report("restored", data.messages, data.records, data.bytes, &config.data);
    lacks.iter().take(NAMED).for_each(|each| name(&format!("{}: {}", each.place, each.what)));
    Lacking::expect_none(
        lacks.len() as u64,
        "are not in the backup; all else is restored. If its part named files was lost, put it back and restore into \
         another directory; else whoever has the same file can send it once more, and then all can read it again",
    )
}

fn report(what: &str, messages: u64, records: u64, bytes: u64, to: &Path) {
    let (messages, records) = (HumanCount(messages), HumanCount(records));
    let (bytes, to) = (HumanBytes(bytes), to.display());
    say!("antar: {what} {messages} messages and {records} records ({bytes}) to {to}");
}

/// A path as the request takes it: whole, since the realm runs elsewhere, and on one line.
fn word(path: &Path) -> anyhow::Result<String> {
    let whole = std::path::absolute(path).with_context(|| format!("{path:?} is no path"))?;
    match whole.to_str() {
        Some(text) if text.trim_end() == text && !text.contains(char::is_control) => {
            Ok(text.into())
        }
        _ => bail!("{path:?} holds characters that a request cannot; choose another name"),
    }
}
