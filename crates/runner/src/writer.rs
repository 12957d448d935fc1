//! The writer's side of a runner.

use crate::batches::{Batch, Batches, Load};
use antar_domain::Event;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What came of a batch.
#[derive(Debug)]
pub enum Written {
    /// It is on disk.
    Committed,
    /// It is not on disk and never will be. This is what is there, where that can be read.
    Refused(Option<Vec<Event>>),
    /// Nobody knows whether it is on disk, until the disk was opened again. This is what certainly is there,
    /// where that can be read.
    Unknown(Option<Vec<Event>>),
}

/// What a writer does next.
#[derive(Debug)]
pub enum Task {
    /// Write this batch, and tell [`Writer::wrote`] what came of it.
    Write(Batch),
    /// Open the disk again, which may have to be tried now and then, and tell [`Writer::reopened`]
    /// what is on it.
    Reopen,
}

/// A handle on a [`Runner`](crate::Runner) for whoever writes its batches. A thread that holds one
/// writes batch after batch without waiting for the runner: while one is being written the next
/// fills.
#[derive(Clone, Debug, Default)]
pub struct Writer(Arc<Mutex<Batches>>);

impl Writer {
    pub(crate) fn batches(&self) -> MutexGuard<'_, Batches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done now, if anything is. Nothing is while a batch is being written, and after
    /// a failure nothing is until the runner has settled it.
    pub fn next(&self) -> Option<Task> {
        let mut batches = self.batches();
        if batches.reopens() {
            return Some(Task::Reopen);
        }
        batches.take().map(Task::Write)
    }

    /// Notes what came of a batch and how long that took. The runner is to settle it.
    pub fn wrote(&self, batch: Batch, written: Written, took: Duration) {
        self.batches().wrote(batch, written, took);
    }

    /// Notes that the disk takes batches again, and what is on it. The runner is to settle it.
    pub fn reopened(&self, events: Vec<Event>) {
        self.batches().reopened(events);
    }

    /// How much is on its way to the disk.
    pub fn load(&self) -> Load {
        self.batches().load()
    }
}
