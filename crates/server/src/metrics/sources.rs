//! Where the numbers come from.

use super::process::Process;
use super::{Commits, Connections};
use crate::committer::Probe;
use crate::files::{FileStore, Transfers};
use crate::hub::{Hub, ToHub};
use crate::ledger::Ledger;
use crate::log;
use crate::panics::contain_here;
use crate::passwords::Passwords;
use antar_domain::{Mode, Stats};
use antar_store::{Store, Usage};
use antar_text::Requests;
use antar_types::Name;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

/// How long the hub may take to answer: normally it takes some microseconds, and a batch's sync while
/// it has no room for more.
const ANSWER: Duration = Duration::from_secs(2);

/// How long looking at the disk may take.
const LOOK: Duration = Duration::from_secs(2);

/// What the hub tells of itself and of the domain.
#[derive(Clone, Debug)]
pub struct Report {
    pub requests: Requests,
    /// By code, in the order of [`antar_types::Code::ALL`].
    pub refusals: Vec<u64>,
    pub mode: Mode,
    pub draining: bool,
    pub stats: Stats,
}

/// Handles on whatever counts. None of them keeps the hub or the store alive.
pub struct Sources {
    pub realm: watch::Receiver<Name>,
    pub connections: Arc<Connections>,
    hub: mpsc::WeakSender<ToHub>,
    store: Weak<Store>,
    committer: Probe,
    passwords: Passwords,
    ledger: Arc<Ledger>,
    reads_failed: Arc<AtomicU64>,
    files: Weak<FileStore>,
    started: SystemTime,
    /// Whether the server shuts down.
    stop: watch::Receiver<bool>,
    /// Held by who looks at the disk: where that hangs, nobody else begins to.
    looking: Arc<Semaphore>,
}

/// Everything the realm's tasks and threads tell, at about one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub realm: Name,
    pub closing: bool,
    /// Messages to the hub that it has not taken.
    pub hub_waiting: usize,
    /// `None` where it did not answer in time, or is gone.
    pub hub: Option<Report>,
    pub commits: Commits,
    pub passwords: usize,
    /// Bytes kept for clients.
    pub kept: usize,
    pub reads_failed: u64,
    /// Uploads and downloads of files, and bytes of them.
    pub transfers: Transfers,
    /// Lines that the log could not take.
    pub log_lines_dropped: u64,
    pub connections: Arc<Connections>,
    pub started: SystemTime,
}

/// What is around it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub process: Process,
    pub usage: Option<Usage>,
}

impl Sources {
    /// Those of a realm whose hub is about to run; `stop` tells that the server shuts down.
    pub fn of(
        realm: watch::Receiver<Name>,
        hub: &Hub,
        ledger: Arc<Ledger>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            realm,
            connections: Arc::default(),
            hub: hub.back.clone(),
            store: Arc::downgrade(hub.reads.store()),
            committer: hub.committer.probe(),
            passwords: hub.passwords.clone(),
            ledger,
            reads_failed: hub.reads.failed(),
            files: Arc::downgrade(&hub.files),
            started: SystemTime::now(),
            stop,
            looking: Arc::new(Semaphore::new(1)),
        }
    }

    /// Gathers the numbers; takes as long as the hub may to answer.
    pub async fn gather(&self) -> Snapshot {
        let hub = self.hub.upgrade();
        let hub_waiting = hub.as_ref().map_or(0, |hub| hub.max_capacity() - hub.capacity());
        let report = async {
            let (tell, told) = oneshot::channel();
            hub?.send(ToHub::Report(tell)).await.ok()?;
            told.await.ok()
        };
        let realm = self.realm.borrow().clone();
        Snapshot {
            realm,
            hub_waiting,
            hub: timeout(ANSWER, report).await.ok().flatten(),
            closing: *self.stop.borrow(),
            commits: self.committer.look(),
            passwords: self.passwords.waiting(),
            kept: self.ledger.kept(),
            reads_failed: self.reads_failed.load(Ordering::Relaxed),
            transfers: self.files.upgrade().map(|files| files.transfers()).unwrap_or_default(),
            log_lines_dropped: log::lines_dropped(),
            connections: self.connections.clone(),
            started: self.started,
        }
    }

    /// Looks at the disk and the process, off the connections' threads; nothing is told where that
    /// takes too long.
    pub async fn look_around(&self) -> Surroundings {
        let Ok(turn) = self.looking.clone().try_acquire_owned() else {
            return Surroundings::default();
        };
        let store = self.store.clone();
        let look = tokio::task::spawn_blocking(move || {
            let look = || {
                let usage = store.upgrade().and_then(|store| store.usage());
                Surroundings { process: Process::look(), usage }
            };
            let looked = contain_here(look);
            drop(turn);
            looked.unwrap_or_default()
        });
        timeout(LOOK, look).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}
