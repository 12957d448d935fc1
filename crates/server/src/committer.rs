//! The thread that makes batches durable, back to back: while one syncs, the next fills.

use antar_realm::{Batches, Effects, Event, Output};
use antar_store::{Store, StoreError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;

/// Events in the filling batch past which the hub takes no more requests until it is under way.
const FULL: usize = 8_192;

/// How often a disk that took nothing is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What became of batches, in order.
pub enum Done {
    /// Synced: these may be released.
    Committed(Vec<Output>),
    /// Refused by the disk: these must be refused, and so must all that was decided since. The
    /// state goes back to what is on disk.
    Failed {
        outputs: Vec<Output>,
        /// What is on disk, if it can be read.
        on_disk: Result<Vec<Event>, StoreError>,
    },
    /// The disk takes batches again; this is what is on it.
    Recovered(Vec<Event>),
}

/// The hub's handle on the thread.
pub struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    slots: Mutex<Slots>,
    /// Tells the thread that something is to be done.
    work: Condvar,
    /// Tells the hub that something is done.
    done: Notify,
}

#[derive(Default)]
struct Slots {
    batches: Batches,
    done: Vec<Done>,
    /// The disk failed, and the hub has not gone back to what is on it yet.
    failed: bool,
    closed: bool,
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, done: Done) {
        self.slots().done.push(done);
        self.done.notify_one();
    }
}

impl Committer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { slots: Mutex::default(), work: Condvar::new(), done: Notify::new() });
        let its = shared.clone();
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || run(&store, &its))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Adds effects to the filling batch, or hands the outputs back: see [`Batches::submit`].
    pub fn submit(&self, effects: &mut Effects) -> Vec<Output> {
        let mut slots = self.shared.slots();
        let ready = slots.batches.submit(effects);
        let waits = !slots.batches.is_idle();
        drop(slots);
        if waits {
            self.shared.work.notify_one();
        }
        ready
    }

    /// Whether the filling batch has room.
    pub fn has_room(&self) -> bool {
        let (events, outputs) = self.shared.slots().batches.filling();
        events < FULL && outputs < 4 * FULL
    }

    /// Waits until [`Committer::take_done`] has something.
    pub async fn done(&self) {
        self.shared.done.notified().await;
    }

    /// What became of batches since the last call.
    pub fn take_done(&self) -> Vec<Done> {
        let mut slots = self.shared.slots();
        let done = std::mem::take(&mut slots.done);
        let settled = |d: &&Done| !matches!(d, Done::Recovered(_));
        slots.batches.settled(done.iter().filter(settled).count());
        done
    }

    /// After [`Done::Failed`]: takes what was decided since, to be refused too.
    pub fn give_up_open(&self) -> Vec<Output> {
        let mut slots = self.shared.slots();
        slots.failed = false;
        let outputs = slots.batches.give_up();
        drop(slots);
        self.shared.work.notify_one();
        outputs
    }

    /// Whether nothing is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        self.shared.slots().batches.is_idle()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.slots().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(store: &Store, shared: &Shared) {
    while let Some(batch) = next(shared) {
        let committed = match batch.events.is_empty() {
            true => Ok(()),
            false => store.commit(&batch.events),
        };
        let Err(error) = committed else {
            shared.report(Done::Committed(batch.outputs));
            continue;
        };
        tracing::error!(%error, "a batch could not be written; refusing changes until the disk takes them");
        let on_disk = store.reload();
        shared.slots().failed = true;
        shared.report(Done::Failed { outputs: batch.outputs, on_disk });
        match recover(store, shared) {
            Some(events) => shared.report(Done::Recovered(events)),
            None => return,
        }
    }
}

/// Waits for a batch; `None` once the hub is gone and everything is written.
fn next(shared: &Shared) -> Option<Effects> {
    let mut slots = shared.slots();
    loop {
        if let Some(batch) = slots.batches.take() {
            return Some(batch);
        }
        if slots.closed {
            return None;
        }
        slots = shared.work.wait(slots).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Tries until the disk takes batches again; first lets the hub go back to what is on it.
fn recover(store: &Store, shared: &Shared) -> Option<Vec<Event>> {
    loop {
        let slots = shared.slots();
        let wait = shared.work.wait_timeout_while(slots, RETRY, |s| !s.closed);
        let slots = wait.unwrap_or_else(PoisonError::into_inner).0;
        if slots.closed {
            return None;
        }
        if slots.failed {
            continue;
        }
        drop(slots);
        match store.reopen() {
            Ok(events) => {
                tracing::info!("the disk takes changes again");
                return Some(events);
            }
            Err(error) => tracing::warn!(%error, "the disk still refuses"),
        }
    }
}
