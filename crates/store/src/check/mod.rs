//! Whether everything on disk is what was written there, and makes sense; nothing is changed.
//!
//! The tables are compared with the checksums in the tree's own list of them, the log is read as a start
//! would, and every pair of what the two come to is read: see `pairs.rs` for what must hold of them.
//! The tree is opened by way of links to its files in a temporary directory, since opening it tidies up.

mod conversations;
mod known;
mod lists;
mod pairs;
mod shadow;
mod tables;

pub use pairs::check as check_pairs;

use crate::event_log::Batch;
use crate::export::{self, Exported};
use crate::layout::FILES_KEY;
use crate::log::{self, Segment};
use crate::named::{At, named};
use crate::pair::{self, Pair};
use crate::tree::Replay;
use crate::{StoreError, unfinished, watermark};
use antar_domain::Event;
use antar_types::FileHash;
use shadow::Shadow;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

/// Something on disk that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where: a file, a list or a key.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The format of the data, where that is known. Data of an older one are read pair by pair only, and
    /// are put into [`FORMAT`](crate::FORMAT) when they are opened.
    pub format: Option<u32>,
    /// Tables of the tree, and bytes of them.
    pub tables: u64,
    /// Bytes of tables.
    pub table_bytes: u64,
    /// Batches in the log.
    pub batches: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Accounts, groups, memberships, sessions and what concerns links.
    pub records: u64,
    /// Messages.
    pub messages: u64,
    /// Entries of SENT lists, each of which leads to a message.
    pub sent: u64,
    /// Entries of what other realms are owed.
    pub owed: u64,
    /// Hashes of what other realms have sent.
    pub hashes: u64,
    /// Files that messages name or somebody has uploaded.
    pub files: u64,
    /// Bytes of files.
    pub file_bytes: u64,
    /// What is damaged.
    pub damages: u64,
}

/// Files whose bytes there must be, and how many each has.
pub type KnownFiles = BTreeMap<FileHash, u64>;

/// Hears of damage as it is found, and now and then how far the check is.
pub type Tell<'a> = dyn FnMut(&Checked, Option<Damage>) + 'a;

/// What a check has found so far.
pub struct Found<'a> {
    checked: Checked,
    files: KnownFiles,
    tell: &'a mut Tell<'a>,
}

impl<'a> Found<'a> {
    /// Nothing yet.
    pub fn new(tell: &'a mut Tell<'a>) -> Self {
        Self { checked: Checked::default(), files: KnownFiles::new(), tell }
    }

    fn damage(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.checked.damages += 1;
        let damage = Damage { place: place.into(), what: what.into() };
        (self.tell)(&self.checked, Some(damage));
    }

    fn progress(&mut self) {
        (self.tell)(&self.checked, None);
    }
}

/// Checks the data of a stopped realm. Goes on after what is damaged as far as it can. Also returns which files there must
/// be: their bytes are not the store's.
///
/// # Errors
/// [`StoreError::Locked`] where a server has the directory open, [`StoreError::Unfinished`] where it
/// was not restored to the end, [`StoreError::Io`] where nothing can be read at all. Damage is no error:
/// `tell` hears of it.
pub fn check<'a>(path: &Path, tell: &'a mut Tell<'a>) -> Result<(Checked, KnownFiles), StoreError> {
    let mut found = Found::new(tell);
    let acknowledged = lock(path, &mut found)?;
    unfinished::check(path)?;
    let shadow = match tables::check(&path.join("tree"), &mut found)? {
        Some(tables) => Shadow::open(&path.join("tree"), &tables, &mut found)?,
        None => None,
    };
    check_log(&path.join("log"), shadow.as_ref(), &mut found)?;
    if let Some(shadow) = shadow {
        let number = acknowledged.as_ref().map_or(0, |(_, number)| *number);
        pairs::check_engine(&shadow, number, &mut found);
    } else {
        found.damage("tree", "accounts, messages and everything else in it could not be checked");
    }
    Ok((found.checked, found.files))
}

/// Checks a backup's stream: that it is whole and that each pair can be read. Also returns which files there must be beside it.
///
/// # Errors
/// [`StoreError::Backup`] or [`StoreError::Format`] with the first thing that is wrong.
pub fn check_export(input: impl Read) -> Result<(Exported, KnownFiles), StoreError> {
    let mut files = KnownFiles::new();
    let (_, exported) = export::read(input, |pairs| {
        let mut stored = pairs.iter().filter_map(|(key, value)| Some((key, value?)));
        stored.try_for_each(|(key, value)| note_stored_file(key, value, &mut files))
    })?;
    Ok((exported, files))
}

/// Notes which file there must be, where that is what a pair says.
pub fn note_stored_file(
    key: &[u8],
    value: &[u8],
    files: &mut KnownFiles,
) -> Result<(), StoreError> {
    if key.starts_with(FILES_KEY)
        && let Pair::Record(record) = pair::read(key, value)?
    {
        note_file(record.event().as_ref(), files);
    }
    Ok(())
}

/// Notes which file there must be, where that is what a record says.
fn note_file(event: Option<&Event>, files: &mut KnownFiles) {
    if let Some(Event::FileSet { hash, size } | Event::FileGiven { hash, size, .. }) = event {
        files.insert(*hash, *size);
    }
}

/// Keeps servers out while the file is held; also the number in it.
fn lock(path: &Path, found: &mut Found<'_>) -> Result<Option<(File, u64)>, StoreError> {
    let noted = path.join(watermark::FILE);
    let mut file = match File::open(&noted) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            found.damage(
                watermark::FILE,
                "is missing: a log that lost its end would not be noticed",
            );
            return Ok(None);
        }
        file => file.at(&noted)?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.into())),
        Err(TryLockError::Error(error)) => return Err(named(&noted, error).into()),
        Ok(()) => {}
    }
    let mut bytes = Vec::new();
    file.by_ref().take(64).read_to_end(&mut bytes).at(&noted)?;
    let number = watermark::read(&bytes);
    // A realm that has committed nothing yet has nothing to note.
    if number.is_none() && !bytes.is_empty() {
        found
            .damage(watermark::FILE, "is unreadable: a log that lost its end would not be noticed");
    }
    Ok(Some((file, number.unwrap_or(0))))
}

/// Reads the log, and puts what it holds into the tree's memory as a start would.
fn check_log(
    directory: &Path,
    shadow: Option<&Shadow>,
    found: &mut Found<'_>,
) -> Result<(), StoreError> {
    let segments = match log::list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            found.damage("log", "the directory is missing");
            return Ok(());
        }
        segments => segments?,
    };
    let applied = shadow.and_then(|shadow| match shadow.applied() {
        Ok(applied) => Some(applied),
        Err(error) => {
            found.damage("tree", format!("how far it goes cannot be read: {error}"));
            None
        }
    });
    let mut next = match (segments.first(), applied) {
        (Some((first, _)), Some(applied)) if *first > applied + 1 => applied + 1,
        (first, applied) => first.map_or(applied.unwrap_or(0) + 1, |(first, _)| *first),
    };
    // What comes after a gap would not be what it was.
    let (mut whole, mut replay) = (true, shadow.map(Shadow::replay));
    for (n, (first, segment)) in segments.iter().enumerate() {
        if *first != next {
            let place = name(segment);
            found.damage(place, format!("batches {next} to {} are missing before it", first - 1));
            whole = false;
        }
        let replay = replay.as_mut().filter(|_| whole).map(|replay| (replay, applied.unwrap_or(0)));
        let numbers = *first..log::end_of(&segments, n);
        (next, whole) = check_segment(segment, numbers, replay, found, whole);
        found.progress();
    }
    if let Some(Err(error)) = replay.map(|mut replay| replay.flush()) {
        found.damage("log", format!("cannot be put into the tree: {error}"));
    }
    if let Some(applied) = applied.filter(|applied| whole && next <= *applied) {
        found.damage("log", log::ends_early(next, applied));
    }
    Ok(())
}

/// Reads one segment; the number after its last batch, and whether everything up to there is whole.
fn check_segment(
    segment: &Segment,
    numbers: Range<u64>,
    mut replay: Option<(&mut Replay<'_>, u64)>,
    found: &mut Found<'_>,
    whole: bool,
) -> (u64, bool) {
    let first = numbers.start;
    let mut next = first;
    let mut replay = |number: u64, payload: &[u8]| {
        next = number + 1;
        let batch = Batch::read(payload);
        batch.records(number)?;
        match &mut replay {
            Some((replay, applied)) if number > *applied => replay.add(number, &batch),
            _ => Ok(()),
        }
    };
    let read = std::fs::read(&segment.path).map_err(StoreError::Io);
    let read = read.and_then(|bytes| log::read_segment(&bytes, numbers, &mut replay));
    found.checked.batches += next - first;
    found.checked.log_bytes += segment.size;
    match read {
        Ok(_) => (next, whole),
        Err(StoreError::Corrupt(what)) => {
            found.damage(name(segment), what);
            (next, false)
        }
        Err(error) => {
            found.damage(name(segment), format!("cannot be read: {error}"));
            (next, false)
        }
    }
}

fn name(segment: &Segment) -> String {
    let name = segment.path.file_name().unwrap_or_default();
    format!("log/{}", name.to_string_lossy())
}
