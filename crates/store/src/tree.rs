//! What is read: a log-structured merge tree (lsm-tree, the tree of the fjall engine).
//!
//! It has no log of its own; [`crate::log`] is its log. What it is given is in memory until
//! [`Tree::flush`] writes it to tables.

use crate::engine::{Key, Ops, Pairs, Value};
use crate::event_log::{Batch, Content};
use crate::named::named_in;
use crate::projection::{Projection, looks_back};
use crate::{Direction, StoreError, Visit};
use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, IterGuardImpl, SequenceNumberCounter};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Bytes of the cache for what is read from disk.
const CACHE_BYTES: u64 = 64 << 20;

/// Merges of tables after each flush at most; usually there is nothing to do after the first.
const MERGES: usize = 4;

/// The key under which the number of the last batch put into the tree is kept.
const APPLIED: &[u8] = &[0];

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

    /// Puts a batch into it, in memory. One thread does this.
    pub fn apply(&self, number: u64, ops: &Ops) {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.next.next();
        for (key, value) in ops.iter() {
            match value {
                Some(value) => self.tree.insert(key, value, at),
                None => self.tree.remove(key, at),
            };
        }
        self.tree.insert(APPLIED, number.to_be_bytes(), at);
        self.visible.fetch_max(at + 1);
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
                .compact(Arc::new(Leveled::default()), self.superseded())
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
    waiting: Vec<(u64, Batch)>,
    /// Bytes of those that wait.
    bytes: usize,
    /// What was put in last: the memory is used again.
    ops: Ops,
}

/// Bytes of batches that are put into the tree at once.
const TOGETHER: usize = 1 << 20;

impl<'a> Replay<'a> {
    pub fn new(tree: &'a Tree) -> Self {
        Self { tree, waiting: Vec::new(), bytes: 0, ops: Ops::default() }
    }

    /// Adds the next batch.
    pub fn add(&mut self, number: u64, batch: Batch) -> Result<(), StoreError> {
        self.bytes += batch.as_bytes().len();
        self.waiting.push((number, batch));
        if self.bytes < TOGETHER { Ok(()) } else { self.flush() }
    }

    /// Puts in what was added.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let batches = std::mem::take(&mut self.waiting);
        let mut together = None;
        for (number, batch) in &batches {
            match batch.content(*number)? {
                Content::Pairs(ops) => {
                    self.apply(together.take())?;
                    self.tree.apply(*number, &ops);
                }
                Content::Events(records) => {
                    let alone = looks_back(&records);
                    if alone {
                        self.apply(together.take())?;
                    }
                    let (last, projection) = together.get_or_insert_default();
                    *last = *number;
                    projection.add(self.tree, records)?;
                    if alone {
                        self.apply(together.take())?;
                    }
                }
            }
        }
        self.apply(together)
    }

    /// Puts in what batches come to, the last of this number.
    fn apply(&mut self, together: Option<(u64, Projection)>) -> Result<(), StoreError> {
        let Some((number, projection)) = together else { return Ok(()) };
        self.ops.clear();
        projection.finish(self.tree, number, &mut self.ops)?;
        self.tree.apply(number, &self.ops);
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
