//! The raw disk: what a program would reach that did nothing but write and sync, as the commit log does
//! it (`antar_store::log`).

use super::load::Window;
use super::options::Options;
use super::tally::Tally;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Instant;
use tempfile::NamedTempFile;

/// What a message takes in the log besides its text, alone in its batch: ids, time, names, and that it
/// is in SENT. In a larger batch it takes less.
pub const RECORD: u64 = 100;
/// As large as a segment of the log; written over again when it is full.
const FILE: u64 = 32 << 20;
/// What is written begins and ends at multiples of this.
const PAGE: usize = 4096;

/// Batches of one size, written to one file.
pub struct Disk {
    pub name: String,
    file: File,
    /// Its name, gone when this is dropped.
    _path: NamedTempFile,
    /// Holds the record at an address that is a multiple of [`PAGE`].
    buffer: Vec<u8>,
    start: usize,
    batch: u64,
    end: u64,
}

impl Disk {
    /// Makes a file whose blocks exist.
    pub fn new(directory: &Path, options: &Options, batch: u64) -> Result<Self> {
        let bytes = batch * (u64::from(options.size) + RECORD);
        if bytes > FILE / 2 {
            bail!("--batch {batch} is more than the half of a file of 32 MiB");
        }
        let size = (bytes as usize).next_multiple_of(PAGE);
        let mut buffer = vec![b'x'; size + PAGE];
        let start = buffer.as_ptr().align_offset(PAGE).min(PAGE);
        buffer.truncate(start + size);
        let problem = || format!("cannot write to {}", directory.display());
        let path = NamedTempFile::new_in(directory).with_context(problem)?;
        for at in (0..FILE).step_by(1 << 20) {
            path.as_file().write_all_at(&vec![0; 1 << 20], at).with_context(problem)?;
        }
        path.as_file().sync_all()?;
        let name = format!("disk {batch}");
        let mut disk =
            Self { name, file: path.reopen()?, _path: path, buffer, start, batch, end: 0 };
        // Some file systems take no direct writes.
        let flags = OFlags::DIRECT.bits() as i32;
        let direct = OpenOptions::new().write(true).custom_flags(flags).open(disk._path.path());
        if let Ok(direct) = direct {
            let usual = std::mem::replace(&mut disk.file, direct);
            if disk.append().is_err() {
                disk.file = usual;
            }
        }
        Ok(disk)
    }

    /// One round: batch after batch, each synced.
    pub fn run(&mut self, window: Window, progress: &ProgressBar) -> Result<Tally> {
        progress.set_message(self.name.clone());
        let mut tally = Tally::new()?;
        let from = Instant::now() + window.warmup;
        let until = from + window.measured;
        let mut began = Instant::now();
        while began < until {
            self.append()?;
            let now = Instant::now();
            if began >= from && now < until {
                tally.ok += self.batch;
                tally.accepted += self.batch;
                tally.sent += self.record().len() as u64;
                tally.latency.record(now - began);
            }
            began = now;
        }
        progress.inc((window.warmup + window.measured).as_millis() as u64);
        tally.finish(window.measured);
        Ok(tally)
    }

    fn record(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn append(&mut self) -> io::Result<()> {
        let size = self.record().len() as u64;
        if self.end + size > FILE {
            self.end = 0;
        }
        self.file.write_all_at(self.record(), self.end)?;
        self.file.sync_data()?;
        self.end += size;
        Ok(())
    }
}
