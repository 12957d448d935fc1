//! The thread that puts committed batches into the tree, and who waits for it.

use crate::log::Segment;
use crate::tree::Tree;
use crate::{Ops, StoreError};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A batch on its way into the tree, and the segment that was full before it.
pub struct Batch {
    pub number: u64,
    pub ops: Ops,
    pub full: Option<Segment>,
}

/// How far the tree is behind the log.
#[derive(Default)]
pub struct Progress {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    committed: u64,
    applied: u64,
    /// Why nothing goes on until the data are opened again.
    failed: Option<String>,
}

impl State {
    pub fn check(&self) -> Result<(), StoreError> {
        self.failed.as_ref().map_or(Ok(()), |why| Err(StoreError::Engine(why.clone())))
    }
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn check(&self) -> Result<(), StoreError> {
        self.state().check()
    }

    pub fn committed(&self, number: u64) {
        self.state().committed = number;
    }

    fn applied(&self, number: u64) {
        self.state().applied = number;
        self.moved.notify_all();
    }

    pub fn fail(&self, why: &str) {
        self.state().failed.get_or_insert_with(|| why.into());
        self.moved.notify_all();
    }

    /// Waits until everything committed by now is in the tree. After a failure what is in it can
    /// still be read, unless something acknowledged is missing from it.
    pub fn wait(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        let target = state.committed;
        while state.applied < target {
            state.check()?;
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

/// Puts committed batches into the tree.
pub struct Applier {
    pub tree: Arc<Tree>,
    pub progress: Arc<Progress>,
    pub full: SyncSender<Segment>,
}

impl Applier {
    pub fn run(self, batches: Receiver<Batch>) {
        for Batch { number, ops, full } in batches {
            // Everything in the segment is in the tree: batches come in order.
            if let Some(segment) = full {
                let _ = self.full.send(segment);
            }
            self.tree.apply(number, &ops);
            self.progress.applied(number);
        }
    }
}
