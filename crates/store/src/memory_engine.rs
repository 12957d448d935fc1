//! The engine of tests and simulations: in memory, and it can crash.

use crate::engine::{Key, Pairs};
use crate::event_log::Batch;
use crate::projection::project;
use crate::{Direction, Engine, Ops, StoreError, Visit};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An engine in memory. Clones share their data, so that a "disk" outlives the store over it.
///
/// A batch is written, then synced, then acknowledged. A crash in between keeps it whole or, where
/// the write was torn, not at all; that is what the checksums of a real engine come down to.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    data: Image,
    /// The batch that was written and not synced when the machine stopped.
    unsynced: Option<(u64, Vec<u8>)>,
    fails: bool,
    /// Syncs fail: what was written is in the system's memory, where it reads well and passes for synced,
    /// and on no disk unless it is written again.
    syncs_fail: bool,
    /// Opening again does not write it again, for tests that must notice that.
    trusts_memory: bool,
    /// A batch that others follow is in memory only.
    in_memory: bool,
    /// It was lost.
    lacks_one: bool,
    stops: bool,
    /// After a failure nothing is taken until the engine is opened again.
    shut: bool,
}

/// What is on the engine's disk: for putting an old state back.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pairs: BTreeMap<Key, Vec<u8>>,
    /// The batch written last, to take it out again.
    last: Option<Ops>,
    acknowledged: u64,
}

impl Image {
    /// Takes what was written for a batch.
    fn replay(&mut self, number: u64, written: &[u8]) -> Result<(), StoreError> {
        let ops = project(self, number, &Batch::read(written))?;
        self.apply(ops);
        Ok(())
    }

    fn apply(&mut self, ops: Ops) {
        for (key, value) in ops.iter() {
            match value {
                Some(value) => self.pairs.insert(key.into(), value.into()),
                None => self.pairs.remove(key),
            };
        }
        self.last = Some(ops);
    }
}

impl Pairs for Image {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.pairs.get(key).cloned())
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut pairs = self.pairs.range(range);
        loop {
            let next = match direction {
                Direction::Up => pairs.next(),
                Direction::Down => pairs.next_back(),
            };
            let Some((key, value)) = next else {
                return Ok(());
            };
            if let ControlFlow::Break(()) = visit(key, value)? {
                return Ok(());
            }
        }
    }
}

impl MemoryEngine {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every commit fail as on a full disk, or no longer.
    pub fn fail_commits(&self, fails: bool) {
        self.inner().fails = fails;
    }

    /// Makes every commit fail as where the disk does not sync, or no longer: the batch may be there
    /// after a crash, and is once the engine has been opened again.
    pub fn fail_syncs(&self, fails: bool) {
        self.inner().syncs_fail = fails;
    }

    /// Makes it an engine that takes a batch it can read for one that is on the disk.
    pub fn trust_memory(&self) {
        self.inner().trusts_memory = true;
    }

    /// The next commit is written but the machine stops before it is synced.
    pub fn stop_before_sync(&self) {
        self.inner().stops = true;
    }

    /// The machine comes back. What was written and not synced is there, unless its write was torn.
    pub fn crash(&self, torn: bool) {
        let mut inner = self.inner();
        inner.stops = false;
        inner.shut = false;
        inner.lacks_one |= std::mem::take(&mut inner.in_memory);
        if let Some((number, written)) = inner.unsynced.take().filter(|_| !torn) {
            // What was committed can be read.
            let _ = inner.data.replay(number, &written);
        }
    }

    /// A copy of the disk.
    pub fn image(&self) -> Image {
        self.inner().data.clone()
    }

    /// Puts a copy back.
    pub fn restore(&self, image: Image) {
        self.inner().data = image;
    }

    /// Damages the disk: what a key holds becomes something else.
    pub fn overwrite(&self, key: &[u8], value: &[u8]) {
        self.inner().data.pairs.insert(key.into(), value.into());
    }

    /// Damages the disk: the last batch goes missing, as when a journal loses its end.
    pub fn lose_last_batch(&self) {
        let mut inner = self.inner();
        let Some(lost) = inner.data.last.take() else { return };
        for (key, _) in lost.iter() {
            inner.data.pairs.remove(key);
        }
    }
}

impl Pairs for MemoryEngine {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.inner();
        if inner.lacks_one {
            return Err(StoreError::Corrupt("the log lacks a batch".into()));
        }
        Ok(inner.data.pairs.get(key).cloned())
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.inner().data.scan(range, direction, visit)
    }
}

impl Engine for MemoryEngine {
    fn commit(&self, number: u64, batch: Batch) -> Result<(), StoreError> {
        let (mut inner, written) = (self.inner(), batch.as_bytes());
        if inner.shut || inner.fails {
            inner.shut = true;
            return Err(StoreError::Io(std::io::ErrorKind::StorageFull.into()));
        }
        if inner.stops || inner.syncs_fail {
            inner.shut = true;
            inner.unsynced = Some((number, written.into()));
            let why = if inner.stops { "the machine stopped" } else { "the disk does not sync" };
            return Err(StoreError::Engine(why.into()));
        }
        inner.data.replay(number, written)?;
        inner.data.acknowledged = number;
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.inner().data.acknowledged
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.fails || inner.syncs_fail {
            return Err(StoreError::Io(std::io::ErrorKind::StorageFull.into()));
        }
        inner.shut = false;
        if let Some((number, written)) = inner.unsynced.take() {
            inner.data.replay(number, &written)?;
            inner.in_memory = inner.trusts_memory;
        }
        Ok(())
    }
}
