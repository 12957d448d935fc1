//! `antar backup` and `antar restore`.

use crate::admin::{self, Whose};
use crate::owner::Owner;
use crate::print::say;
use antar_server::{Backup, Offline};
use anyhow::{Context, bail};
use indicatif::{HumanBytes, HumanCount};
use std::path::{Path, PathBuf};

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
    Ok(())
}

pub fn restore(options: &Options) -> anyhow::Result<()> {
    let config = options.whose.config()?;
    let mut backup = Backup::open(&options.dir)?;
    if let Some(owner) = Owner::of(&config.data) {
        backup.open_note();
        owner.take_place()?;
    }
    let done = antar_server::restore(&config, backup)?;
    report("restored", done.messages, done.records, done.bytes, &config.data);
    Ok(())
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
