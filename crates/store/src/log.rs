//! The commit log: what is written here and synced is durable.
//!
//! It writes into files that are there already, since a file that grows takes half as long again to
//! sync. What is in a batch is not known here: see [`crate::event_log::Batch`]. The tree knows up to which
//! batch it has them all, and a start replays what follows.
//!
//! A segment is a file named by the number of its first batch. A record in it is [`HEADER`] bytes
//! (length, number, checksum of both and of the payload) and the payload, padded to whole [`PAGE`]s: what
//! was synced is never written again. The number tells a record from what an earlier use of the file
//! left behind.

use crate::named::At;
use crate::{StoreError, private};
use rustix::fs::{Advice, OFlags};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// What the system writes at once: a record that shared one with the record before would have that
/// one written again, or first be read.
pub const PAGE: usize = 4096;

/// Length (4 bytes), number and checksum (8 bytes each), all little-endian.
const HEADER: usize = 20;

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
    segment: Segment,
    file: File,
    /// Where the next record goes.
    end: u64,
    record: Record,
}

/// A file of the log.
#[derive(Clone, Debug)]
pub struct Segment {
    pub path: PathBuf,
    pub size: u64,
}

impl Log {
    /// Replays every batch in a directory in order, each with its number, and opens the log for what
    /// follows, once they are on the disk. Also returns the segments that were replayed. The tree holds
    /// every batch up to `applied`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a batch is damaged or missing that others follow, or that the tree
    /// holds.
    pub fn open(
        directory: &Path,
        applied: u64,
        mut replay: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(Self, Vec<Segment>), StoreError> {
        std::fs::create_dir_all(directory).at(directory)?;
        let mut segments = list(directory)?;
        let first = segments.first().map_or(applied + 1, |(first, _)| *first);
        if first > applied + 1 {
            return Err(missing(applied + 1, first));
        }
        let (mut next, mut last) = (first, None);
        for (first, segment) in &segments {
            if *first != next {
                return Err(missing(next, *first));
            }
            next = scan(&segment.path, next, &mut last, &mut replay)?;
        }
        if next <= applied {
            return Err(StoreError::Corrupt(ends_early(next, applied)));
        }
        segments.iter().try_for_each(|(_, Segment { path, .. })| {
            File::open(path).and_then(|file| file.sync_all()).at(path)
        })?;
        last.map_or(Ok(()), |last| last.rewrite())?;
        // What holds no record is as good as not there, and its name would be in the way.
        let empty = |first: u64| first == next;
        for (_, segment) in segments.iter().filter(|(first, _)| empty(*first)) {
            std::fs::remove_file(&segment.path).at(&segment.path)?;
        }
        segments.retain(|(first, _)| !empty(*first));
        let (segment, file) = start_segment(directory, next.max(applied + 1))?;
        let (directory, record) = (directory.into(), Record::default());
        let log = Self { directory, segment, file, end: 0, record };
        Ok((log, segments.into_iter().map(|(_, segment)| segment).collect()))
    }

    /// Appends a batch and syncs it. Returns the segment that became full, if one did.
    ///
    /// # Errors
    /// What the system says; the log must be opened again then.
    pub fn append(&mut self, number: u64, payload: &[u8]) -> io::Result<Option<Segment>> {
        self.record.write(number, payload);
        let mut full = None;
        if self.end > 0 && self.end + self.record.bytes().len() as u64 > self.segment.size {
            let (segment, file) = start_segment(&self.directory, number)?;
            full = Some(std::mem::replace(&mut self.segment, segment));
            (self.file, self.end) = (file, 0);
        }
        let record = self.record.bytes();
        let written = self.file.write_all_at(record, self.end);
        written.and_then(|()| self.file.sync_data()).at(&self.segment.path)?;
        self.end += record.len() as u64;
        Ok(full)
    }
}

impl Log {
    /// Lets go of the segment that is being written: everything in it is elsewhere.
    ///
    /// # Errors
    /// What the system says.
    pub fn discard(&mut self) -> io::Result<()> {
        keep_spare(&self.directory, Some(self.segment.clone()))
    }
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
fn start_segment(directory: &Path, first: u64) -> io::Result<(Segment, File)> {
    let path = directory.join(format!("{first:020}"));
    if std::fs::rename(directory.join(SPARE), &path).is_err() {
        fill(&path, SMALL_SEGMENT)?;
    }
    // A file whose name is lost would take its records with it.
    File::open(directory).and_then(|directory| directory.sync_all()).at(directory)?;
    let file = open_direct(&path).or_else(|_| OpenOptions::new().write(true).open(&path));
    let file = file.at(&path)?;
    let size = file.metadata().at(&path)?.len();
    Ok((Segment { path, size }, file))
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

/// A batch as the log has it, where direct writes can take it from: at an address that is a multiple
/// of [`PAGE`].
#[derive(Default)]
pub struct Record {
    buffer: Vec<u8>,
    start: usize,
    size: usize,
}

impl Record {
    /// What was written last, padded to whole pages.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..][..self.size]
    }

    /// Makes it this batch.
    pub fn write(&mut self, number: u64, payload: &[u8]) {
        let end = HEADER + payload.len();
        self.size = end.next_multiple_of(PAGE);
        if self.buffer.len() < self.size + PAGE {
            self.buffer = vec![0; self.size + PAGE];
        }
        self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        let record = &mut self.buffer[self.start..][..self.size];
        record[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        record[4..12].copy_from_slice(&number.to_le_bytes());
        record[12..HEADER].copy_from_slice(&checksum(number, payload).to_le_bytes());
        record[HEADER..end].copy_from_slice(payload);
        record[end..].fill(0);
    }
}

fn checksum(number: u64, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&number.to_le_bytes());
    hash.update(&(payload.len() as u64).to_le_bytes());
    hash.update(payload);
    hash.digest()
}

/// The record at the beginning of some bytes: its number and payload, if it is whole.
fn read_record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let number = u64::from_le_bytes(*number);
    let whole = number > 0 && checksum(number, payload) == u64::from_le_bytes(*check);
    whole.then_some((number, payload))
}

/// Replays a segment from batch `next` on and returns the number after its last, which becomes `last`.
fn scan(
    path: &Path,
    next: u64,
    last: &mut Option<Last>,
    replay: &mut impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let bytes = std::fs::read(path).at(path)?;
    let mut place = 0..0;
    let next = read_segment(&bytes, next, &mut |number, payload: &[u8]| {
        place = place.end..place.end + (HEADER + payload.len()).next_multiple_of(PAGE);
        replay(number, payload)
    })?;
    let record = &bytes[place.start.min(bytes.len())..place.end.min(bytes.len())];
    if !record.is_empty() {
        *last = Some(Last { path: path.into(), at: place.start as u64, record: record.to_vec() });
    }
    Ok(next)
}

/// Replays what a segment holds from batch `next` on and returns the number after its last.
pub fn read_segment(
    bytes: &[u8],
    mut next: u64,
    replay: &mut impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut rest = bytes;
    while let Some((number, payload)) = read_record(rest).filter(|(number, _)| *number == next) {
        replay(number, payload)?;
        next += 1;
        let size = (HEADER + payload.len()).next_multiple_of(PAGE);
        rest = rest.get(size..).unwrap_or_default();
    }
    // Each batch was synced before the next was written: a later one after a damaged one means that
    // the damaged one had been whole.
    while !rest.is_empty() {
        if let Some((number, _)) = read_record(rest).filter(|(number, _)| *number > next) {
            return Err(StoreError::Corrupt(format!(
                "batch {next} in the log is damaged, and batch {number} is whole"
            )));
        }
        rest = rest.get(PAGE..).unwrap_or_default();
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(n: u64) -> Vec<u8> {
        vec![n as u8; 8 + (n as usize * 97) % 2000]
    }

    fn replayed(directory: &Path, applied: u64) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        Log::open(directory, applied, |number, found| {
            assert_eq!(found, payload(number));
            numbers.push(number);
            Ok(())
        })?;
        Ok(numbers)
    }

    fn write(directory: &Path, applied: u64, numbers: std::ops::RangeInclusive<u64>) {
        let (mut log, _) = Log::open(directory, applied, |_, _| Ok(())).unwrap();
        numbers.for_each(|n| drop(log.append(n, &payload(n)).unwrap()));
    }

    #[test]
    fn replays_what_was_appended_over_segments_and_restarts() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, 1..=1500);
        assert!(list(dir.path()).unwrap().len() > 1, "one segment is full");
        write(dir.path(), 0, 1501..=1510);
        assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=1510).collect::<Vec<_>>());
        assert_eq!(replayed(dir.path(), 0).unwrap().len(), 1510);
    }

    #[test]
    fn a_torn_end_is_dropped_and_written_over() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, 1..=10);
        damage(dir.path(), 10);
        assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=9).collect::<Vec<_>>());
        write(dir.path(), 0, 10..=12);
        assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn damage_before_the_end_and_missing_segments_are_reported() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, 1..=10);
        damage(dir.path(), 4);
        let error = replayed(dir.path(), 0).unwrap_err().to_string();
        assert!(error.contains("batch 4 in the log is damaged, and batch 5 is whole"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, 1..=1500);
        std::fs::remove_file(&list(dir.path()).unwrap()[0].1.path).unwrap();
        assert!(
            replayed(dir.path(), 0).is_err_and(|e| e.to_string().contains("lacks batches 1 to"))
        );
        assert!(replayed(dir.path(), 1500).is_ok());
    }

    #[test]
    fn a_log_that_ends_before_the_tree_is_reported_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, 1..=10);
        let error = replayed(dir.path(), 11).unwrap_err().to_string();
        assert!(error.contains("ends with batch 10, and the tables go on to batch 11"), "{error}");
        assert_eq!(replayed(dir.path(), 10).unwrap().len(), 10);
        // Segments that hold nothing tell as much.
        let dir = tempfile::tempdir().unwrap();
        fill(&dir.path().join(format!("{:020}", 5)), SMALL_SEGMENT).unwrap();
        assert!(replayed(dir.path(), 9).is_err());
        assert!(replayed(dir.path(), 4).unwrap().is_empty());
    }

    #[test]
    fn a_used_segment_serves_again_and_what_it_held_is_not_replayed() {
        let dir = tempfile::tempdir().unwrap();
        keep_spare(dir.path(), None).unwrap();
        write(dir.path(), 0, 1..=10);
        let (_, used) = list(dir.path()).unwrap().remove(0);
        keep_spare(dir.path(), Some(used)).unwrap();
        write(dir.path(), 10, 11..=13);
        assert_eq!(replayed(dir.path(), 10).unwrap(), [11, 12, 13]);
    }

    /// Flips a byte in the payload of a batch.
    fn damage(directory: &Path, batch: u64) {
        for (_, segment) in list(directory).unwrap() {
            let mut bytes = std::fs::read(&segment.path).unwrap();
            let at = (0..bytes.len())
                .step_by(PAGE)
                .find(|at| read_record(&bytes[*at..]).is_some_and(|(number, _)| number == batch));
            if let Some(at) = at {
                bytes[at + HEADER] ^= 1;
                return std::fs::write(&segment.path, bytes).unwrap();
            }
        }
        panic!("no such batch");
    }
}
