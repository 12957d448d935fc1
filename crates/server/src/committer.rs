//! Makes batches durable: a thread of its own does it back to back, so that while one syncs the next
//! fills. Where there would be nothing to do meanwhile, the hub's thread does it itself.

use crate::metrics::{Commits, Meter};
use antar_domain::{Batches, Effects, Event, Output};
use antar_store::{Store, StoreError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::RuntimeFlavor;
use tokio::sync::Notify;

/// Events in the filling batch past which the hub takes no more requests until it is under way.
const FULL: usize = 8_192;

/// A disk that took longer for its last sync is not waited for by the hub's thread.
const FAST: Duration = Duration::from_millis(1);

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
    store: Arc<Store>,
    /// The hub shares its thread with the connections: handing a batch to another thread and back
    /// costs more than it gains where all of them wait for it.
    one_thread: bool,
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
    meter: Meter,
    /// The disk failed, and has not taken anything since.
    failed: bool,
    /// The hub has gone back to what is on the disk that failed.
    back: bool,
    /// The last sync was [`FAST`].
    fast: bool,
    closed: bool,
}

impl Slots {
    /// Takes the batch that filled, to be written now.
    fn take(&mut self) -> Option<Effects> {
        let batch = self.batches.take()?;
        self.meter.begin(batch.events.len());
        Some(batch)
    }
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, done: Done) {
        let mut slots = self.slots();
        match done {
            Done::Committed(_) => slots.meter.synced(),
            Done::Failed { .. } => slots.meter.failed(),
            Done::Recovered(_) => {}
        }
        slots.done.push(done);
        drop(slots);
        self.done.notify_one();
    }
}

impl Committer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { slots: Mutex::default(), work: Condvar::new(), done: Notify::new() });
        let (its, its_store) = (shared.clone(), store.clone());
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || run(&its_store, &its))?;
        let flavour = tokio::runtime::Handle::current().runtime_flavor();
        let one_thread = flavour == RuntimeFlavor::CurrentThread;
        Ok(Self { shared, store, one_thread, thread: Some(thread) })
    }

    /// Adds effects to the filling batch, or hands the outputs back: see [`Batches::submit`]. The
    /// batch waits for [`Committer::commit`] or [`Committer::commit_here`].
    pub fn submit(&self, effects: &mut Effects) -> Vec<Output> {
        self.shared.slots().batches.submit(effects)
    }

    /// Whether a batch waits that this thread had better write itself if nothing else is to be done.
    pub fn is_for_here(&self) -> bool {
        let slots = self.shared.slots();
        self.one_thread && slots.fast && slots.batches.is_next()
    }

    /// Has the thread write what waits, if anything does.
    pub fn commit(&self) {
        let waits = self.shared.slots().batches.filling() != (0, 0);
        if waits {
            self.shared.work.notify_one();
        }
    }

    /// Writes what waits, if nothing is under way; [`Committer::take_done`] has what became of it.
    pub fn commit_here(&self) {
        let batch = {
            let mut slots = self.shared.slots();
            if slots.failed || !slots.batches.is_next() {
                return;
            }
            slots.take()
        };
        if let Some(batch) = batch
            && !write(&self.store, &self.shared, batch)
        {
            self.shared.work.notify_one();
        }
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
        slots.back = true;
        let outputs = slots.batches.give_up();
        drop(slots);
        self.shared.work.notify_one();
        outputs
    }

    /// For who wants to know how it stands, without the hub.
    pub fn probe(&self) -> Probe {
        Probe(self.shared.clone())
    }

    /// Whether nothing is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        self.shared.slots().batches.is_idle()
    }
}

/// Sees how it stands with batches; keeps nothing running.
pub struct Probe(Arc<Shared>);

impl Probe {
    pub fn look(&self) -> Commits {
        let slots = self.0.slots();
        let (filling, under_way) = (slots.batches.filling(), slots.batches.under_way());
        Commits { meter: slots.meter.clone(), filling, under_way }
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
    while let Some(task) = next(shared) {
        match task {
            Task::Write(batch) => drop(write(store, shared, batch)),
            Task::Recover => match recover(store, shared) {
                Some(events) => shared.report(Done::Recovered(events)),
                None => return,
            },
        }
    }
}

/// Writes a batch and reports what became of it; returns whether the disk took it.
fn write(store: &Store, shared: &Shared, batch: Effects) -> bool {
    let began = Instant::now();
    let committed = match batch.events.is_empty() {
        true => Ok(()),
        false => {
            store.commit(&batch.events).inspect(|()| shared.slots().fast = began.elapsed() < FAST)
        }
    };
    match committed {
        Ok(()) => {
            shared.report(Done::Committed(batch.outputs));
            true
        }
        Err(error) => {
            tracing::error!(%error, "a batch could not be written; refusing changes until the disk takes them");
            let on_disk = store.reload();
            let mut slots = shared.slots();
            (slots.failed, slots.back) = (true, false);
            drop(slots);
            shared.report(Done::Failed { outputs: batch.outputs, on_disk });
            false
        }
    }
}

/// What the thread does next.
enum Task {
    Write(Effects),
    /// Try until the disk takes batches again.
    Recover,
}

/// Waits for something to do; `None` once the hub is gone and everything is written.
fn next(shared: &Shared) -> Option<Task> {
    let mut slots = shared.slots();
    loop {
        if slots.failed {
            return Some(Task::Recover);
        }
        if let Some(batch) = slots.take() {
            return Some(Task::Write(batch));
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
        if !slots.back {
            continue;
        }
        drop(slots);
        match store.reopen() {
            Ok(events) => {
                tracing::info!("the disk takes changes again");
                shared.slots().failed = false;
                return Some(events);
            }
            Err(error) => tracing::warn!(%error, "the disk still refuses"),
        }
    }
}
