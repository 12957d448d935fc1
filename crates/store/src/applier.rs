//! The thread that puts committed batches into the tree, and who waits for it.

use crate::StoreError;
use crate::event_log::Batch;
use crate::tree::Replay;
use crate::tree::Tree;
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes in the log that are worth waking a thread for: some hundreds of messages. It reads them while the
/// processor has them at hand, and puts them into the tree once there are more, or somebody reads: until
/// then nobody needs them there.
const WORTHWHILE: usize = 64 << 10;

/// Bytes in the log and not in the tree past which a commit waits.
const BEHIND: usize = 4 << 20;

/// Batches whose memory is kept, and the most bytes of one.
const SPARE: (usize, usize) = (8, 256 << 10);

const GONE: &str = "the tree takes no more batches";

/// A batch on its way into the tree, and the last one of a segment that was full before it.
pub struct Committed {
    pub number: u64,
    pub batch: Batch,
    pub full: Option<u64>,
}

impl Committed {
    fn bytes(&self) -> usize {
        self.batch.as_bytes().len()
    }
}

/// What is in the log and not in the tree yet, and how far both are.
#[derive(Default)]
pub struct Progress {
    state: Mutex<State>,
    /// Tells the applier that something is to be done.
    work: Condvar,
    /// Tells everybody else that something is done.
    moved: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Committed>,
    /// Bytes of those that wait.
    bytes: usize,
    /// Bytes of batches that the applier has taken and that are not in the tree.
    taken: usize,
    /// Memory of batches that were taken, for the next ones.
    spare: Vec<Batch>,
    committed: u64,
    applied: u64,
    /// Somebody waits for the tree to get here.
    wanted: u64,
    closed: bool,
    /// There is no applier any more.
    ended: bool,
    /// Why nothing goes on until the data are opened again.
    failed: Option<String>,
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        self.failed.as_ref().map_or(Ok(()), |why| Err(StoreError::Engine(why.clone())))
    }

    fn is_wanted(&self) -> bool {
        self.wanted > self.applied || self.closed
    }

    fn is_worthwhile(&self) -> bool {
        self.bytes >= WORTHWHILE || self.is_wanted()
    }

    fn is_behind(&self) -> bool {
        self.bytes + self.taken >= BEHIND
    }
}

impl Progress {
    /// The log and the tree go on from this batch.
    pub fn at(number: u64) -> Self {
        let state = State { committed: number, applied: number, ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn check(&self) -> Result<(), StoreError> {
        self.state().check()
    }

    /// Notes a batch that is in the log; waits where the tree is too far behind.
    pub fn committed(&self, batch: Committed) {
        let mut state = self.state();
        while state.is_behind() && !state.ended {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.committed = batch.number;
        state.bytes += batch.bytes();
        state.waiting.push_back(batch);
        if state.is_worthwhile() {
            drop(state);
            self.work.notify_one();
        }
    }

    /// Memory of a batch that was taken. What one thread sets free another does not soon get again.
    pub fn spare(&self) -> Batch {
        self.state().spare.pop().unwrap_or_default()
    }

    /// Batches that are committed and not in the tree yet.
    pub fn behind(&self) -> u64 {
        let state = self.state();
        state.committed.saturating_sub(state.applied)
    }

    /// Waits for batches that are worth it, or for somebody who wants those in the tree that were taken
    /// before. Says whether somebody does; `None` once this is closed and all are in the tree.
    fn take(&self) -> Option<(VecDeque<Committed>, bool)> {
        let mut state = self.state();
        while !state.is_worthwhile() {
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed && state.applied == state.committed {
            return None;
        }
        state.taken += std::mem::take(&mut state.bytes);
        Some((std::mem::take(&mut state.waiting), state.is_wanted()))
    }

    /// Notes up to which batch the tree has all, how many bytes of later ones were taken, and memory that
    /// is free.
    fn applied(&self, number: u64, taken: usize, spare: Vec<Batch>) {
        let mut state = self.state();
        let room = SPARE.0.saturating_sub(state.spare.len());
        state.spare.extend(spare.into_iter().take(room));
        state.applied = number.max(state.applied);
        state.taken = taken;
        drop(state);
        self.moved.notify_all();
    }

    pub fn fail(&self, why: &str) {
        self.state().failed.get_or_insert_with(|| why.into());
        self.moved.notify_all();
    }

    /// Has the applier end once everything is in the tree.
    pub fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Waits until everything committed by now is in the tree, which a disk that fails is not in the
    /// way of.
    pub fn wait(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        let target = state.committed;
        if state.applied < target {
            state.wanted = target.max(state.wanted);
            self.work.notify_one();
        }
        while state.applied < target {
            if state.ended {
                return Err(StoreError::Engine(GONE.into()));
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

/// Puts committed batches into the tree.
pub struct Applier {
    pub tree: Arc<Tree>,
    pub progress: Arc<Progress>,
    pub full: SyncSender<u64>,
}

/// Lets nobody wait for an applier that is gone, be it by a panic.
struct Ended<'a>(&'a Progress);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        if !state.closed {
            state.failed.get_or_insert_with(|| GONE.into());
        }
        drop(state);
        self.0.moved.notify_all();
    }
}

impl Applier {
    pub fn run(self) {
        let _ended = Ended(&self.progress);
        let mut replay = Replay::new(&self.tree);
        while let Some((batches, wanted)) = self.progress.take() {
            let mut spare = Vec::new();
            if let Err(error) = self.apply(batches, wanted, &mut replay, &mut spare) {
                tracing::error!(%error, "what was committed cannot be put into the tree");
                self.progress.fail(&error.to_string());
                return;
            }
            self.progress.applied(replay.applied(), replay.waiting(), spare);
        }
    }

    fn apply(
        &self,
        batches: VecDeque<Committed>,
        wanted: bool,
        replay: &mut Replay<'_>,
        spare: &mut Vec<Batch>,
    ) -> Result<(), StoreError> {
        for Committed { number, batch, full } in batches {
            if let Some(last) = full {
                // Everything in the segment is in the tree: batches come in order.
                replay.flush()?;
                let _ = self.full.send(last);
            }
            replay.add(number, &batch)?;
            if spare.len() < SPARE.0 && batch.capacity() <= SPARE.1 {
                spare.push(batch);
            }
        }
        if wanted { replay.flush() } else { Ok(()) }
    }
}
