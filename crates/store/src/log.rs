//! The commit log: what is written here and synced is durable.
//!
//! It writes into files that are there already, since a file that grows takes half as long again to
//! sync. What is in a batch is not known here: see [`crate::event_log::Batch`]. The tree knows up to which
//! batch it has them all, and a start replays what follows.
//!
//! A segment is a file named by the number of its first batch, and holds records: see [`record`].

mod record;
#[cfg(test)]
mod tests;

pub use self::record::{PAGE, Record, read_segment};

use self::record::{padded, read_record};
use crate::event_log::{Batch, EventLog, NotCommitted, Take};
use crate::named::{At, named};
use crate::{StoreError, private};
use rustix::fs::{Advice, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of a segment made in advance.
pub const SEGMENT: u64 = 32 << 20;

/// The size of one made on the spot, where none was made in advance.
const SMALL_SEGMENT: u64 = 1 << 20;

const SPARE: &str = "spare";

/// Bytes of a segment made in advance that are written and synced at once: a batch that is to be
/// synced meanwhile waits for no more than these.
const PIECE: usize = 256 << 10;

/// The log, open for appending.
pub struct Log {
    directory: PathBuf,
    writing: Mutex<Writing>,
}

/// What changes as batches are appended.
struct Writing {
    /// Segments that are full, oldest first.
    full: Vec<Full>,
    /// One became full since this was last asked: the number of its last batch.
    filled: Option<u64>,
    /// Empty once the segment was let go of.
    active: Option<Active>,
    /// The number of the last batch.
    last: u64,
    record: Record,
}

/// A segment that nothing more is written to, and the numbers of its first and last batch.
#[derive(Clone)]
struct Full {
    first: u64,
    last: u64,
    segment: Segment,
}

/// The segment that is being written.
struct Active {
    first: u64,
    segment: Segment,
    file: File,
    /// Where the next record goes.
    end: u64,
}

/// A file of the log.
#[derive(Clone, Debug)]
pub struct Segment {
    pub path: PathBuf,
    pub size: u64,
}

impl Log {
    /// Opens the log in a directory for what follows, once every batch in it is on the disk. The tree holds
    /// every batch up to `applied`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a batch is damaged or missing that others follow, or that the tree
    /// holds.
    pub fn open(directory: &Path, applied: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).at(directory)?;
        let segments = list(directory)?;
        let first = segments.first().map_or(applied + 1, |(first, _)| *first);
        if first > applied + 1 {
            return Err(missing(applied + 1, first));
        }
        let (mut next, mut last, mut full) = (first, None, Vec::new());
        for (n, (first, segment)) in segments.iter().enumerate() {
            if *first != next {
                return Err(missing(next, *first));
            }
            next = scan(&segment.path, next..end_of(&segments, n), &mut last)?;
            full.push(Full { first: *first, last: next - 1, segment: segment.clone() });
        }
        if next <= applied {
            return Err(StoreError::Corrupt(ends_early(next, applied)));
        }
        segments.iter().try_for_each(|(_, Segment { path, .. })| {
            File::open(path).and_then(|file| file.sync_all()).at(path)
        })?;
        last.map_or(Ok(()), |last| last.rewrite())?;
        // What holds no record is as good as not there, and its name would be in the way.
        for empty in full.extract_if(.., |full| full.first == next) {
            std::fs::remove_file(&empty.segment.path).at(&empty.segment.path)?;
        }
        let next = next.max(applied + 1);
        // What is there can be read though the disk is full; the first batch begins a segment where it can.
        let active = match start_segment(directory, next) {
            Err(error) if is_full(&error) => None,
            started => Some(started?),
        };
        let writing =
            Writing { full, filled: None, active, last: next - 1, record: Record::default() };
        Ok(Self { directory: directory.into(), writing: Mutex::new(writing) })
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last batch of a segment that became full, if one did since this was last asked.
    pub fn take_filled(&self) -> Option<u64> {
        self.writing().filled.take()
    }

    /// Bytes of the segments that are full.
    pub fn full_bytes(&self) -> u64 {
        self.writing().full.iter().map(|full| full.segment.size).sum()
    }

    /// Has the next batch begin a new segment, of which nothing was ever written, and returns the number of the
    /// last batch by then: once the tree has that, [`Log::discard`] leaves nothing of what was written before.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin_anew(&self) -> io::Result<u64> {
        let mut writing = self.writing();
        match std::fs::remove_file(self.directory.join(SPARE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let last = writing.last;
        if let Some(Active { first, segment, .. }) =
            writing.active.take_if(|active| active.first <= last)
        {
            writing.full.push(Full { first, last, segment });
        }
        Ok(last)
    }

    /// As [`EventLog::trim`], without using the files again: they hold what was written before.
    ///
    /// # Errors
    /// What the system says.
    pub fn discard(&self, to: u64) -> io::Result<()> {
        let gone = self.writing().take_until(to);
        gone.into_iter().try_for_each(|Segment { path, .. }| std::fs::remove_file(&path).at(&path))
    }

    /// Makes a segment of full size in advance, unless there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_spare(&self) -> io::Result<()> {
        keep_spare(&self.directory, None)
    }
}

impl EventLog for Log {
    fn append(&self, number: u64, batch: &Batch) -> Result<(), NotCommitted> {
        self.writing().append(&self.directory, number, batch.as_bytes())
    }

    fn follow(&self, from: u64, take: &mut Take<'_>) -> Result<(), StoreError> {
        let (segments, last) = {
            let writing = self.writing();
            let active = writing.active.iter().map(|active| (active.first, active.segment.clone()));
            let full = writing.full.iter().filter(|full| full.last >= from);
            let full = full.map(|full| (full.first, full.segment.clone()));
            (full.chain(active).collect::<Vec<_>>(), writing.last)
        };
        for (n, (first, segment)) in segments.iter().enumerate() {
            // What is being written meanwhile may not be on the disk.
            let numbers = *first..end_of(&segments, n).min(last + 1);
            let bytes = std::fs::read(&segment.path).at(&segment.path)?;
            read_segment(&bytes, numbers, &mut |number, payload| match number >= from {
                true => take(number, Batch::read(payload)),
                false => Ok(()),
            })?;
        }
        Ok(())
    }

    /// Lets go of segments as a whole; of the one that is being written, too, where nothing in it is needed.
    fn trim(&self, to: u64) -> Result<(), StoreError> {
        let gone = self.writing().take_until(to);
        Ok(gone.into_iter().try_for_each(|segment| keep_spare(&self.directory, Some(segment)))?)
    }
}

impl Writing {
    fn append(
        &mut self,
        directory: &Path,
        number: u64,
        payload: &[u8],
    ) -> Result<(), NotCommitted> {
        self.record.write(number, payload);
        let record = self.record.bytes();
        let active = match &mut self.active {
            Some(active) if active.has_room_for(record) => active,
            active => {
                // So far nothing of the batch was written.
                let next = start_segment(directory, number).map_err(StoreError::from)?;
                if let Some(Active { first, segment, .. }) = active.take() {
                    self.full.push(Full { first, last: self.last, segment });
                    self.filled = Some(self.last);
                }
                active.insert(next)
            }
        };
        if let Err(error) = active.file.write_all_at(record, active.end) {
            return Err(active.failed(number, record.len(), error));
        }
        let synced = active.file.sync_data().at(&active.segment.path);
        synced.map_err(|error| NotCommitted::Unknown(error.into()))?;
        active.end += record.len() as u64;
        self.last = number;
        Ok(())
    }

    /// Takes the segments off the list whose batches are all up to this number.
    fn take_until(&mut self, to: u64) -> Vec<Segment> {
        let full = self.full.extract_if(.., |full| full.last <= to).map(|full| full.segment);
        let mut gone: Vec<Segment> = full.collect();
        if self.last <= to {
            gone.extend(self.active.take().map(|active| active.segment));
        }
        gone
    }
}

impl Active {
    fn has_room_for(&self, record: &[u8]) -> bool {
        self.end == 0 || self.end + record.len() as u64 <= self.segment.size
    }

    /// What a failed write of a batch's record means. Where the record can be looked at and is not whole the
    /// batch is not in the log, and will not be: nothing is written here any more, and the next segment's name
    /// says that this one ends before it.
    fn failed(&self, number: u64, length: usize, error: io::Error) -> NotCommitted {
        let path = &self.segment.path;
        let is_whole = File::open(path).and_then(|mut file| {
            let mut found = Vec::new();
            file.seek(SeekFrom::Start(self.end))?;
            file.take(length as u64).read_to_end(&mut found)?;
            Ok(read_record(&found).is_some_and(|(found, _)| found == number))
        });
        let error = named(path, error).into();
        match is_whole {
            Ok(false) => NotCommitted::Refused(error),
            Ok(true) | Err(_) => NotCommitted::Unknown(error),
        }
    }
}

/// The number at which a segment must end: the next one begins there. What it holds beyond was never in the
/// log, but left by a write that had failed.
pub fn end_of(segments: &[(u64, Segment)], n: usize) -> u64 {
    segments.get(n + 1).map_or(u64::MAX, |(first, _)| *first)
}

/// Makes a segment of full size in advance, unless there is one; `used` becomes it where it fits.
pub fn keep_spare(directory: &Path, used: Option<Segment>) -> io::Result<()> {
    let spare = directory.join(SPARE);
    match used {
        Some(used) if used.size < SEGMENT || spare.exists() => {
            std::fs::remove_file(&used.path).at(&used.path)
        }
        Some(used) => std::fs::rename(&used.path, &spare).at(&spare),
        None if spare.exists() => Ok(()),
        None => {
            // Under another name until it is whole.
            let making = directory.join("making");
            let filled = fill(&making, SEGMENT);
            filled.inspect_err(|_| drop(std::fs::remove_file(&making)))?;
            std::fs::rename(making, &spare).at(&spare)
        }
    }
}

/// Begins a segment, in the file made in advance if there is one.
fn start_segment(directory: &Path, first: u64) -> io::Result<Active> {
    let path = directory.join(format!("{first:020}"));
    if std::fs::rename(directory.join(SPARE), &path).is_err() {
        // What could not be filled would be in the way of the next try.
        fill(&path, SMALL_SEGMENT).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    }
    // A file whose name is lost would take its records with it.
    File::open(directory).and_then(|directory| directory.sync_all()).at(directory)?;
    let file = open_direct(&path).or_else(|_| OpenOptions::new().write(true).open(&path));
    let file = file.at(&path)?;
    let size = file.metadata().at(&path)?.len();
    Ok(Active { first, segment: Segment { path, size }, file, end: 0 })
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Opens a segment for writes that go past the system's cache, where the file system takes them: a
/// sync has nothing to look for there then, and costs half the processor time.
fn open_direct(path: &Path) -> io::Result<File> {
    let direct = OFlags::DIRECT.bits() as i32;
    let file = OpenOptions::new().write(true).custom_flags(direct).open(path)?;
    // Some take the flag and refuse the write. There is no record in the file yet.
    let mut nothing = Record::default();
    nothing.write(0, &[]);
    file.write_all_at(nothing.bytes(), 0)?;
    Ok(file)
}

/// Writes zeros: a file whose blocks exist syncs faster than one that grows.
fn fill(path: &Path, size: u64) -> io::Result<()> {
    let file = private::new_file().open(path).at(path)?;
    let zeros = vec![0; PIECE];
    for at in (0..size).step_by(PIECE) {
        file.write_all_at(&zeros, at).and_then(|()| file.sync_data()).at(path)?;
    }
    file.sync_all().at(path)?;
    // What is written past the cache would have to be dropped from it page by page.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    Ok(())
}

/// The segments in a directory, in order.
pub fn list(directory: &Path) -> io::Result<Vec<(u64, Segment)>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(directory).at(directory)? {
        let entry = entry.at(directory)?;
        if let Some(first) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            let segment =
                Segment { path: entry.path(), size: entry.metadata().at(&entry.path())?.len() };
            segments.push((first, segment));
        }
    }
    segments.sort_unstable_by_key(|(first, _)| *first);
    Ok(segments)
}

/// The last record of a log, and where it is.
struct Last {
    path: PathBuf,
    at: u64,
    record: Vec<u8>,
}

impl Last {
    /// Writes it once more. What could not be synced may be in the system's memory, where it reads well
    /// and passes for synced, and nowhere else: it must not be missing once others follow it.
    fn rewrite(&self) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path).at(&self.path)?;
        file.write_all_at(&self.record, self.at).at(&self.path)?;
        file.sync_data().at(&self.path)
    }
}

/// What it means that the log ends before batch `next`, and the tree does not.
pub fn ends_early(next: u64, applied: u64) -> String {
    format!(
        "the log ends with batch {}, and the tables go on to batch {applied}: the files were copied \
         while the realm ran, or the disk has lost what it had said was written",
        next.saturating_sub(1)
    )
}

fn missing(from: u64, to: u64) -> StoreError {
    StoreError::Corrupt(format!("the log lacks batches {from} to {}", to - 1))
}

/// Goes through the batches of a segment that may have these numbers and returns the number after the last
/// one, which becomes `last`.
fn scan(path: &Path, numbers: Range<u64>, last: &mut Option<Last>) -> Result<u64, StoreError> {
    let bytes = std::fs::read(path).at(path)?;
    let mut place = 0..0;
    let next = read_segment(&bytes, numbers, &mut |_, payload: &[u8]| {
        place = place.end..place.end + padded(payload);
        Ok(())
    })?;
    let record = &bytes[place.start.min(bytes.len())..place.end.min(bytes.len())];
    if !record.is_empty() {
        *last = Some(Last { path: path.into(), at: place.start as u64, record: record.to_vec() });
    }
    Ok(next)
}
