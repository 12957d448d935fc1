//! Makes batches durable: a thread of its own does it back to back, so that while one syncs the next
//! fills. Where the runner says so, the hub's thread does it itself.

use crate::metrics::{Commits, Meter};
use antar_domain::Event;
use antar_runner::{Batch, Task, Writer, Written};
use antar_store::{NotCommitted, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often a disk that took nothing is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The hub's handle on the thread.
pub struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    store: Arc<Store>,
    writer: Writer,
    meter: Mutex<Meter>,
    /// Tells the hub that something is to be settled.
    done: Notify,
    closed: AtomicBool,
}

impl Committer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>, writer: Writer) -> std::io::Result<Self> {
        let (meter, done, closed) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { store, writer, meter, done, closed });
        let its = shared.clone();
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || its.run());
        Ok(Self { shared, thread: Some(thread?) })
    }

    /// Has the thread look for something to do.
    pub fn wake(&self) {
        self.thread.iter().for_each(|thread| thread.thread().unpark());
    }

    /// Writes a batch on this thread; the hub is to settle it.
    pub fn write(&self, batch: Batch) {
        self.shared.write(batch);
    }

    /// Waits until something is to be settled.
    pub async fn done(&self) {
        self.shared.done.notified().await;
    }

    /// For who wants to know how it stands, without the hub.
    pub fn probe(&self) -> Probe {
        Probe(self.shared.clone())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sees how it stands with batches; keeps nothing running.
pub struct Probe(Arc<Shared>);

impl Probe {
    pub fn look(&self) -> Commits {
        Commits { meter: self.0.meter().clone(), load: self.0.writer.load() }
    }
}

impl Shared {
    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does until the hub is gone and everything is written.
    fn run(&self) {
        loop {
            match self.writer.next() {
                Some(Task::Write(batch)) => {
                    self.write(batch);
                    self.done.notify_one();
                }
                Some(Task::Reopen) => match self.reopen() {
                    Some(events) => {
                        self.writer.reopened(events);
                        self.done.notify_one();
                    }
                    None => return,
                },
                None if self.closed.load(Ordering::Acquire) => return,
                None => std::thread::park(),
            }
        }
    }

    /// Writes a batch and notes what came of it.
    fn write(&self, batch: Batch) {
        self.meter().begin(batch.events().len());
        let began = Instant::now();
        let written = match self.store.commit(batch.events()) {
            Ok(()) => {
                self.meter().synced();
                Written::Committed
            }
            Err(error) => {
                tracing::error!(%error, "a batch could not be written; refusing changes until the disk takes them");
                self.meter().failed();
                let on_disk = self.store.reload().ok();
                match error {
                    NotCommitted::Refused(_) => Written::Refused(on_disk),
                    NotCommitted::Unknown(_) => Written::Unknown(on_disk),
                }
            }
        };
        self.writer.wrote(batch, written, began.elapsed());
    }

    /// Tries until the disk takes batches again; `None` once the hub is gone.
    fn reopen(&self) -> Option<Vec<Event>> {
        loop {
            let until = Instant::now() + RETRY;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                if self.closed.load(Ordering::Acquire) {
                    return None;
                }
                std::thread::park_timeout(left);
            }
            match self.store.reopen() {
                Ok(events) => {
                    tracing::info!("the disk takes changes again");
                    return Some(events);
                }
                Err(error) => tracing::warn!(%error, "the disk still refuses"),
            }
        }
    }
}
