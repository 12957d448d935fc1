//! The engine of tests and simulations: in memory, and it can crash.

use crate::engine::{Key, Pairs, Value};
use crate::event_log::{Batch, EventLog, NotCommitted, Take};
use crate::projection::project;
use crate::{Direction, Engine, Ops, StoreError, Visit};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An engine in memory. Clones share their data, so that a "disk" outlives the store over it.
///
/// A batch is written to the log, then synced, then put where it is read, then acknowledged. A crash in
/// between keeps it whole or, where the write was torn, not at all; that is what the checksums of a real
/// engine come down to.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    log: MemoryLog,
    data: Mutex<Image>,
}

/// A log in memory: a list.
#[derive(Debug, Default)]
struct MemoryLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    batches: Vec<(u64, Batch)>,
    /// The last of them was written and not synced: it is in the log where the machine does not stop, or
    /// its write was not torn.
    unsynced: bool,
    fails: bool,
    /// Syncs fail: what was written is in the system's memory, where it reads well and passes for synced,
    /// and on no disk unless it is written again.
    syncs_fail: bool,
    /// The next batch fails, and whether all of it is written by then.
    fails_once: Option<bool>,
    /// Opening again does not write it again, for tests that must notice that.
    trusts_memory: bool,
    /// A batch that others follow is in memory only.
    in_memory: bool,
    /// It was lost.
    lacks_one: bool,
    stops: bool,
    /// After a failure nothing is taken until the log is opened again.
    shut: bool,
}

impl MemoryLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine comes back. What was written and not synced is there, unless its write was torn.
    fn crash(&self, torn: bool) {
        let mut kept = self.kept();
        (kept.stops, kept.shut) = (false, false);
        kept.lacks_one |= std::mem::take(&mut kept.in_memory);
        if std::mem::take(&mut kept.unsynced) && torn {
            kept.batches.pop();
        }
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.fails || kept.syncs_fail || kept.stops {
            return Err(full());
        }
        kept.shut = false;
        if std::mem::take(&mut kept.unsynced) {
            kept.in_memory = kept.trusts_memory;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.kept().lacks_one {
            true => Err(StoreError::Corrupt("the log lacks a batch".into())),
            false => Ok(()),
        }
    }
}

impl EventLog for MemoryLog {
    fn append(&self, number: u64, batch: &Batch) -> Result<(), NotCommitted> {
        let mut kept = self.kept();
        if kept.shut || kept.fails {
            kept.shut = true;
            return Err(NotCommitted::Refused(full()));
        }
        let written = match kept.fails_once.take() {
            None if kept.stops || kept.syncs_fail => true,
            None => {
                kept.batches.push((number, batch.clone()));
                return Ok(());
            }
            Some(written) => written,
        };
        (kept.shut, kept.unsynced) = (true, written);
        if written {
            kept.batches.push((number, batch.clone()));
        }
        let why = if kept.stops { "the machine stopped" } else { "the disk does not sync" };
        Err(NotCommitted::Unknown(StoreError::Engine(why.into())))
    }

    fn follow(&self, from: u64, take: &mut Take<'_>) -> Result<(), StoreError> {
        let batches = {
            let kept = self.kept();
            let synced = kept.batches.len() - usize::from(kept.unsynced);
            let from = kept.batches[..synced].partition_point(|(number, _)| *number < from);
            kept.batches[from..synced].to_vec()
        };
        batches.into_iter().try_for_each(|(number, batch)| take(number, batch))
    }

    fn trim(&self, to: u64) -> Result<(), StoreError> {
        self.kept().batches.retain(|(number, _)| *number > to);
        Ok(())
    }
}

fn full() -> StoreError {
    StoreError::Io(std::io::ErrorKind::StorageFull.into())
}

/// What is on the engine's disk: for putting an old state back.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pairs: BTreeMap<Key, Vec<u8>>,
    /// The batch written last, to take it out again.
    last: Option<Ops>,
    /// The number of that batch.
    applied: u64,
    acknowledged: u64,
}

impl Image {
    /// Takes what the log has and this has not; the log keeps no more of it.
    fn catch_up(&mut self, log: &impl EventLog) -> Result<(), StoreError> {
        log.follow(self.applied + 1, &mut |number, batch| {
            let ops = project(self, number, &batch)?;
            self.apply(ops);
            self.applied = number;
            Ok(())
        })?;
        log.trim(self.applied)
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
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.pairs.get(key).map(|value| value.as_slice().into()))
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
    fn log(&self) -> MutexGuard<'_, Kept> {
        self.0.log.kept()
    }

    fn data(&self) -> MutexGuard<'_, Image> {
        self.0.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every commit fail as on a full disk, or no longer.
    pub fn fail_commits(&self, fails: bool) {
        self.log().fails = fails;
    }

    /// Makes every commit fail as where the disk does not sync, or no longer: the batch may be there
    /// after a crash, and is once the engine has been opened again.
    pub fn fail_syncs(&self, fails: bool) {
        self.log().syncs_fail = fails;
    }

    /// Makes the next commit fail, and no other. Whether all of it was written is found out by opening the
    /// engine again.
    pub fn fail_once(&self, written: bool) {
        self.log().fails_once = Some(written);
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        let mut log = self.log();
        (log.fails, log.syncs_fail, log.fails_once) = (false, false, None);
    }

    /// Makes it an engine that takes a batch it can read for one that is on the disk.
    pub fn trust_memory(&self) {
        self.log().trusts_memory = true;
    }

    /// The next commit is written but the machine stops before it is synced.
    pub fn stop_before_sync(&self) {
        self.log().stops = true;
    }

    /// The machine comes back. What was written and not synced is there, unless its write was torn.
    pub fn crash(&self, torn: bool) {
        self.0.log.crash(torn);
        // What was committed can be read.
        let _ = self.data().catch_up(&self.0.log);
    }

    /// A copy of the disk.
    pub fn image(&self) -> Image {
        self.data().clone()
    }

    /// Puts a copy back.
    pub fn restore(&self, image: Image) {
        let trouble = std::mem::take(&mut *self.log());
        *self.log() = Kept { batches: Vec::new(), unsynced: false, ..trouble };
        *self.data() = image;
    }

    /// Damages the disk: what a key holds becomes something else.
    pub fn overwrite(&self, key: &[u8], value: &[u8]) {
        self.data().pairs.insert(key.into(), value.into());
    }

    /// Damages the disk: the last batch goes missing, as when a journal loses its end.
    pub fn lose_last_batch(&self) {
        let mut data = self.data();
        let Some(lost) = data.last.take() else { return };
        for (key, _) in lost.iter() {
            data.pairs.remove(key);
        }
    }
}

impl Pairs for MemoryEngine {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.0.log.check()?;
        self.data().read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.data().scan(range, direction, visit)
    }
}

impl Engine for MemoryEngine {
    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted> {
        self.0.log.append(number, &batch)?;
        let mut data = self.data();
        data.acknowledged = number;
        // The batch is in the log, whatever becomes of what is read; only nothing follows it then.
        if data.catch_up(&self.0.log).is_err() {
            self.log().shut = true;
        }
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.data().acknowledged
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.0.log.reopen()?;
        let mut data = self.data();
        data.catch_up(&self.0.log)?;
        data.acknowledged = data.applied;
        Ok(())
    }
}
