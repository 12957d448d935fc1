//! `antar check`.

use crate::admin::Whose;
use crate::complain;
use crate::print::say;
use antar_server::{Checked, Contents, Damage};
use anyhow::bail;
use indicatif::{HumanBytes, HumanCount};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Options {
    /// The directory of a backup; without it the realm's data are checked.
    backup: Option<PathBuf>,
    #[command(flatten)]
    whose: Whose,
}

/// Between two lines about how far it is: often on a terminal, where one replaces the other.
const EVERY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Damages told one by one.
const SHOWN: u64 = 1_000;

pub fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(directory) = &options.backup {
        if !antar_server::is_backup(directory) {
            bail!(
                "{} is no backup; give the realm's data directory with --data",
                directory.display()
            );
        }
        return backup(directory);
    }
    let data = options.whose.realm()?.data;
    let mut progress = Progress::new();
    let checked = antar_server::check(&data, &mut |checked, damage| match damage {
        Some(damage) => progress.damage(&damage),
        None => progress.tell(checked),
    })?;
    progress.clear();
    report(&checked, &data);
    if checked.damages > 0 {
        bail!(
            "{} is damaged in {} places; keep a copy of it, and put the realm back from a backup with \
             antar restore",
            data.display(),
            checked.damages
        );
    }
    Ok(())
}

fn backup(directory: &Path) -> anyhow::Result<()> {
    let Contents { data, files, lacks } = antar_server::check_backup(directory)?;
    let (messages, records) = (HumanCount(data.messages), HumanCount(data.records));
    let (bytes, at) = (HumanBytes(data.bytes), directory.display());
    for Damage { place, what } in lacks.iter().take(SHOWN as usize) {
        say!("antar: damaged: {place}: {what}");
    }
    if !lacks.is_empty() {
        bail!(
            "{at} lacks {} of {files} files, as they are named above; all else in it is whole: {messages} messages and \
             {records} records ({bytes})",
            lacks.len()
        );
    }
    say!("antar: {at} is whole: {messages} messages and {records} records ({bytes})");
    if files > 0 {
        say!("antar: and {} files", HumanCount(files));
    }
    Ok(())
}

fn report(checked: &Checked, data: &Path) {
    let count = |n: u64| HumanCount(n).to_string();
    say!(
        "antar: checked {}: {} messages, {} records, {} entries of SENT, {} owed entries, {} hashes",
        data.display(),
        count(checked.messages),
        count(checked.records),
        count(checked.sent),
        count(checked.owed),
        count(checked.hashes),
    );
    say!(
        "antar: in {} tables ({}) and {} batches of the log ({})",
        count(checked.tables),
        HumanBytes(checked.table_bytes),
        count(checked.batches),
        HumanBytes(checked.log_bytes),
    );
    if checked.files > 0 {
        say!("antar: and {} files ({})", count(checked.files), HumanBytes(checked.file_bytes));
    }
    if let Some(format) = checked.format.filter(|format| *format < antar_server::FORMAT) {
        say!(
            "antar: the data are of format {format}; the next antar serve puts them into format {}, \
             and antar check tells more of them then",
            antar_server::FORMAT
        );
    }
    if checked.damages == 0 {
        say!("antar: no damage found");
    }
}

/// What is shown while a check goes on.
struct Progress {
    every: Duration,
    told: Instant,
    terminal: bool,
    shown: bool,
    damages: u64,
}

impl Progress {
    fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let every = if terminal { EVERY.0 } else { EVERY.1 };
        Self { every, told: Instant::now(), terminal, shown: false, damages: 0 }
    }

    fn tell(&mut self, checked: &Checked) {
        if self.told.elapsed() < self.every {
            return;
        }
        self.told = Instant::now();
        let tables = HumanBytes(checked.table_bytes);
        let (messages, sent) = (HumanCount(checked.messages), HumanCount(checked.sent));
        let line =
            format!("antar: {tables} of tables, {messages} messages, {sent} entries of SENT");
        if self.terminal {
            complain(&format!("\r\x1b[K{line}"));
            self.shown = true;
        } else {
            complain(&format!("{line}\n"));
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            complain("\r\x1b[K");
        }
    }

    fn damage(&mut self, damage: &Damage) {
        self.clear();
        self.damages += 1;
        match self.damages {
            ..=SHOWN => say!("antar: damaged: {}: {}", damage.place, damage.what),
            n if n == SHOWN + 1 => say!("antar: further damage is only counted"),
            _ => {}
        }
    }
}
