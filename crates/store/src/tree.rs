//! What is read: a log-structured merge tree (lsm-tree, the tree of the fjall engine).
//!
//! It has no log of its own; [`crate::log`] is its log. What it is given is in memory until
//! [`Tree::flush`] writes it to tables.

use crate::engine::{Key, Pairs, Value};
use crate::event_log::{Batch, Content};
use crate::named::named_in;
use crate::projection::{Projection, Put, looks_back};
use crate::records::Raw;
use crate::{Direction, StoreError, Visit};
use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, IterGuardImpl, SequenceNumberCounter};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Bytes of the cache for what is read from disk.
const CACHE_BYTES: u64 = 64 << 20;

/// Tables, each of one flush, that are merged at once into those below: each time those are written anew as well.
const FLUSHED: u8 = 8;

/// Merges of tables after each flush at most; usually there is nothing to do after the first.
const MERGES: usize = 4;

/// The key under which the number of the last batch put into the tree is kept.
const APPLIED: &[u8] = &[0];

/// The key under which it is noted that texts were replaced that are still in tables, or in the log: since when
/// (seconds since 1970), and whether they are being removed by now.
const REPLACED: &[u8] = &[0, 1];

/// Bytes of a table that is written where all of them are merged.
const TABLE_BYTES: u64 = 64 << 20;

/// The tree in a directory.
pub struct Tree {
    tree: AnyTree,
    path: PathBuf,
    /// Numbers the changes of each batch.
    next: SequenceNumberCounter,
    /// Changes below it are visible: a batch becomes so as a whole.
    visible: SequenceNumberCounter,
    /// Held by who chooses a number to read at until the tree has been asked with it, so that what
    /// is seen at that number is not dropped in between.
    choosing: RwLock<()>,
    /// Held while a batch is put in: what is in memory is not closed for writing in the middle of it.
    applying: Mutex<()>,
}

type Found = Box<dyn DoubleEndedIterator<Item = IterGuardImpl> + Send>;

impl Tree {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let [next, visible] = [(); 2].map(|()| SequenceNumberCounter::default());
        let config = Config::new(path, next.clone(), visible.clone())
            .use_cache(Arc::new(Cache::with_capacity_bytes(CACHE_BYTES)));
        let tree = config.open().map_err(|error| explain(path, error))?;
        let first = tree.get_highest_seqno().map_or(0, |highest| highest + 1);
        next.set(first);
        visible.set(first);
        let path = path.into();
        Ok(Self { tree, path, next, visible, choosing: RwLock::new(()), applying: Mutex::new(()) })
    }

    /// The number of the last batch put into it.
    pub fn applied(&self) -> Result<u64, StoreError> {
        let value = self.read(APPLIED)?;
        let number = value.and_then(|value| value.first_chunk().map(|b| u64::from_be_bytes(*b)));
        Ok(number.unwrap_or(0))
    }

    /// Puts in changes, in memory: what batches up to this number come to. One thread does this.
    fn apply(&self, number: u64, changes: impl FnOnce(&mut Put<'_>)) {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.next.next();
        changes(&mut |key, value| {
            match value {
                Some(value) => self.tree.insert(key, value, at),
                None => self.tree.remove(key, at),
            };
        });
        self.tree.insert(APPLIED, number.to_be_bytes(), at);
        self.visible.fetch_max(at + 1);
    }

    /// Since when texts that were replaced are to be removed from the disk, in seconds since 1970.
    pub fn replaced_since(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.read(REPLACED)?.and_then(|value| Replaced::read(&value)).map(|noted| noted.since))
    }

    /// Notes that a text was replaced now.
    fn note_replaced(&self) -> Result<(), StoreError> {
        let since = seconds();
        self.note(|noted| match noted {
            Some(Replaced { is_begun: false, .. }) => noted,
            _ => Some(Replaced { since, is_begun: false }),
        })
    }

    /// Notes that what was replaced by now is being removed.
    pub fn begin_removal(&self) -> Result<(), StoreError> {
        self.note(|noted| noted.map(|noted| Replaced { is_begun: true, ..noted }))
    }

    /// Notes that all of it is gone; what was replaced meanwhile is not.
    pub fn end_removal(&self) -> Result<(), StoreError> {
        self.note(|noted| noted.filter(|noted| !noted.is_begun))
    }

    fn note(
        &self,
        change: impl FnOnce(Option<Replaced>) -> Option<Replaced>,
    ) -> Result<(), StoreError> {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.read(REPLACED)?.and_then(|value| Replaced::read(&value));
        let after = change(before);
        if after != before {
            let at = self.next.next();
            match after {
                Some(noted) => self.tree.insert(REPLACED, noted.bytes(), at),
                None => self.tree.remove(REPLACED, at),
            };
            self.visible.fetch_max(at + 1);
        }
        Ok(())
    }

    /// Writes all tables anew, without anything that was replaced.
    pub fn merge_all(&self) -> Result<(), StoreError> {
        self.tree
            .major_compact(TABLE_BYTES, self.superseded())
            .map_err(|error| explain(&self.path, error))
    }

    fn range(&self, range: Range<Key>) -> Found {
        let _choosing = self.choosing.read().unwrap_or_else(PoisonError::into_inner);
        self.tree.range(range, self.visible.get(), None)
    }

    /// Writes what is in memory to tables, synced. Everything applied before is in them then.
    pub fn flush(&self) -> Result<(), StoreError> {
        let flushing = self.tree.get_flush_lock();
        let applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.tree.rotate_memtable();
        drop(applying);
        self.tree
            .flush(&flushing, self.superseded())
            .map_err(|error| explain(&self.path, error))?;
        Ok(())
    }

    /// Merges tables, so that a read has few to look into and what was replaced takes no room.
    pub fn merge(&self) -> Result<(), StoreError> {
        for _ in 0..MERGES {
            let before = self.tree.current_version().id();
            self.tree
                .compact(Arc::new(Leveled::default().with_l0_threshold(FLUSHED)), self.superseded())
                .map_err(|error| explain(&self.path, error))?;
            if self.tree.current_version().id() == before {
                break;
            }
        }
        Ok(())
    }

    /// Bytes of its tables.
    pub fn bytes(&self) -> u64 {
        self.tree.disk_space()
    }

    /// What was replaced before this will not be read any more.
    fn superseded(&self) -> u64 {
        let _nobody_chooses = self.choosing.write().unwrap_or_else(PoisonError::into_inner);
        self.visible.get()
    }
}

/// What is noted of texts that were replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replaced {
    since: u64,
    is_begun: bool,
}

impl Replaced {
    fn read(value: &[u8]) -> Option<Self> {
        let (since, rest) = value.split_first_chunk()?;
        Some(Self { since: u64::from_be_bytes(*since), is_begun: rest == [1] })
    }

    fn bytes(self) -> Vec<u8> {
        [&self.since.to_be_bytes()[..], &[u8::from(self.is_begun)]].concat()
    }
}

/// Seconds since 1970, by the system's clock.
pub fn seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

impl Pairs for Tree {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let _choosing = self.choosing.read().unwrap_or_else(PoisonError::into_inner);
        self.tree.get(key, self.visible.get()).map_err(|error| explain(&self.path, error))
    }

    /// Goes through the pairs of a range until there are no more or `visit` has seen enough.
    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut pairs = self.range(range);
        loop {
            let next = match direction {
                Direction::Up => pairs.next(),
                Direction::Down => pairs.next_back(),
            };
            let Some(pair) = next else { return Ok(()) };
            let (key, value) = pair.into_inner().map_err(|error| explain(&self.path, error))?;
            if let ControlFlow::Break(()) = visit(&key, &value)? {
                return Ok(());
            }
        }
    }
}

/// Puts batches into a tree, several of them together: the tree's cost is by the pair, and together they
/// have fewer.
pub struct Replay<'a> {
    tree: &'a Tree,
    /// What the batches that wait come to.
    together: Projection,
    /// Bytes of those.
    waiting: usize,
    /// The number of the last batch that was added, and of the last that is in the tree.
    added: u64,
    applied: u64,
    /// A text is replaced by what waits.
    replaces: bool,
    /// Bytes of runs that were put in since the tree was written to tables here, in the place of others.
    grown: usize,
}

/// Bytes of runs that replace others past which the tree is written to tables: in memory are all of them, however
/// little of a run is another. What is in the log does not tell how many that are.
const GROWN: usize = 64 << 20;

/// Bytes of batches that are put into the tree at once: some ten thousand messages, which takes a millisecond.
const TOGETHER: usize = 2 << 20;

impl<'a> Replay<'a> {
    pub fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            together: Projection::default(),
            waiting: 0,
            added: 0,
            applied: 0,
            replaces: false,
            grown: 0,
        }
    }

    /// Bytes of batches that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The number of the last batch that was put in.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Adds the next batch. It waits until there are enough of them.
    pub fn add(&mut self, number: u64, batch: &Batch) -> Result<(), StoreError> {
        let alone = match batch.content(number)? {
            Content::Pairs(ops) => {
                self.flush()?;
                self.tree.apply(number, |put| ops.iter().for_each(|(key, value)| put(key, value)));
                (self.added, self.applied) = (number, number);
                return Ok(());
            }
            Content::Events(records) => {
                let alone = looks_back(&records);
                self.replaces |= alone && records.iter().any(Raw::replaces_text);
                if alone {
                    self.flush()?;
                }
                self.together.add(self.tree, records)?;
                alone
            }
        };
        self.added = number;
        self.waiting += batch.as_bytes().len();
        if alone || self.waiting >= TOGETHER { self.flush() } else { Ok(()) }
    }

    /// Puts in what was added.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.added > self.applied {
            if std::mem::take(&mut self.replaces) {
                self.tree.note_replaced()?;
            }
            let changes = self.together.finish(self.tree, self.added)?;
            self.tree.apply(self.added, |put| changes.each(put));
            self.grown += changes.rewritten();
            self.together.reuse(changes);
            (self.applied, self.waiting) = (self.added, 0);
            if self.grown >= GROWN {
                self.tree.flush()?;
                self.grown = 0;
            }
        }
        Ok(())
    }
}

fn explain(path: &Path, error: lsm_tree::Error) -> StoreError {
    match error {
        lsm_tree::Error::Io(error) => StoreError::Io(named_in(path, error)),
        lsm_tree::Error::ChecksumMismatch { .. } => StoreError::Corrupt(format!(
            "the checksum of a table in {} does not match",
            path.display()
        )),
        error => StoreError::Engine(format!("{}: {error}", path.display())),
    }
}
