//! Makes batches durable: a thread of its own does it back to back, so that while one syncs the next
//! fills. Where the runner says so, the hub's thread does it itself; what became of a batch that failed there
//! the thread finds out, since that may take long.

use crate::metrics::{Commits, Meter};
use antar_domain::Event;
use antar_runner::{Batch, Task, Writer, Written};
use antar_store::{NotCommitted, Store, Unsettled};
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
    /// A batch that the hub's thread could not write. No other is written by then.
    failed: Mutex<Option<Failed>>,
    /// Tells the hub that something is to be settled.
    done: Notify,
    closed: AtomicBool,
}

/// A batch that could not be written, and when that was begun.
struct Failed {
    batch: Batch,
    why: Unsettled,
    began: Instant,
}

impl Committer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>, writer: Writer) -> std::io::Result<Self> {
        let (meter, done, closed) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        let failed = Mutex::default();
        let shared = Arc::new(Shared { store, writer, meter, failed, done, closed });
        let its = shared.clone();
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || its.run());
        Ok(Self { shared, thread: Some(thread?) })
    }

    /// Has the thread look for something to do.
    pub fn wake(&self) {
        self.thread.iter().for_each(|thread| thread.thread().unpark());
    }

    /// Writes a batch on this thread; the hub is to settle it. Where that fails the other thread finds out
    /// what became of it.
    pub fn write(&self, batch: Batch) {
        if let Err(failed) = self.shared.write(batch) {
            *self.shared.failed() = Some(failed);
            self.wake();
        }
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
    fn failed(&self) -> MutexGuard<'_, Option<Failed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does until the hub is gone and everything is written.
    fn run(&self) {
        loop {
            let failed = self.failed().take();
            if let Some(failed) = failed {
                self.settle(failed);
                continue;
            }
            match self.writer.next() {
                Some(Task::Write(batch)) => match self.write(batch) {
                    Ok(()) => self.done.notify_one(),
                    Err(failed) => self.settle(failed),
                },
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

    /// Writes a batch, and notes that it is on disk.
    fn write(&self, batch: Batch) -> Result<(), Failed> {
        self.meter().begin(batch.events().len());
        let began = Instant::now();
        match self.store.write(batch.events()) {
            Ok(()) => {
                self.committed(batch, began);
                Ok(())
            }
            Err(why) => Err(Failed { batch, why, began }),
        }
    }

    fn committed(&self, batch: Batch, began: Instant) {
        self.meter().synced();
        self.writer.wrote(batch, Written::Committed, began.elapsed());
    }

    /// Finds out what became of a batch that could not be written, and has the hub settle it.
    fn settle(&self, Failed { batch, why, began }: Failed) {
        match self.store.settle(why) {
            Ok(()) => self.committed(batch, began),
            Err(error) => {
                tracing::error!(%error, "a batch could not be written; refusing changes until the disk takes them");
                self.meter().failed();
                let on_disk = self.store.reload().ok();
                let written = match error {
                    NotCommitted::Refused(_) => Written::Refused(on_disk),
                    NotCommitted::Unknown(_) => Written::Unknown(on_disk),
                };
                self.writer.wrote(batch, written, began.elapsed());
            }
        }
        self.done.notify_one();
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

#[cfg(test)]
mod tests {
    use super::*;
    use antar_domain::commands::{AddUser, Role};
    use antar_domain::{
        Command, ConnId, Input, Job, JobResult, Limits, Origin, Output, Policy, Readings, State,
    };
    use antar_runner::Runner;
    use antar_store::{
        Batch as Stored, Direction, Engine, Key, MemoryEngine, Pairs, StoreError, Value, Visit,
    };
    use antar_types::{Secret, Time};
    use std::ops::Range;
    use std::thread::{self, ThreadId};

    /// A disk that knows by whom it was opened again.
    struct Watched(MemoryEngine, Arc<Mutex<Vec<ThreadId>>>);

    impl Pairs for Watched {
        fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
            self.0.read(key)
        }

        fn scan(
            &self,
            range: Range<Key>,
            direction: Direction,
            visit: &mut Visit<'_>,
        ) -> Result<(), StoreError> {
            self.0.scan(range, direction, visit)
        }
    }

    impl Engine for Watched {
        fn commit(&self, number: u64, batch: Stored) -> Result<(), NotCommitted> {
            self.0.commit(number, batch)
        }

        fn acknowledged(&self) -> u64 {
            self.0.acknowledged()
        }

        fn reopen(&self) -> Result<(), StoreError> {
            self.1.lock().unwrap().push(thread::current().id());
            self.0.reopen()
        }
    }

    fn readings() -> Readings {
        Readings { now: Time(1), uptime: 1, entropy: [1; 32] }
    }

    /// Everything that may be known, as the outcomes of requests.
    fn released(runner: &mut Runner) -> Vec<bool> {
        let mut outcomes = Vec::new();
        while let Some(output) = runner.release(&mut readings) {
            match output {
                Output::Job { conn, request, mut results, job } => {
                    let Job::Hash { password, .. } = *job else { panic!("{job:?}") };
                    results.push(JobResult::hashed_as_is(&password));
                    runner.input(Input::Resume { conn, request, results }, &mut readings);
                }
                Output::Reply(_, _, outcome) => outcomes.push(outcome.refusal().is_none()),
                // What is said in the log is no answer.
                Output::Note { .. } => {}
                output => panic!("{output:?}"),
            }
        }
        outcomes
    }

    #[tokio::test]
    async fn the_hub_does_not_wait_for_the_data_to_be_opened_again() {
        for written in [true, false] {
            let mut runner = Runner::new(State::new(Limits::default(), Policy::local(), []), true);
            let conn = ConnId(0);
            runner.input(Input::Connected(conn, Origin::Operator), &mut readings);
            let (role, password) = (Some(Role::User), Secret::new("pw".into()));
            let add = Command::from(AddUser { user: "amy".into(), role, password });
            runner.input(Input::Request(conn, add.into()), &mut readings);
            assert!(released(&mut runner).is_empty());
            let Some(Task::Write(batch)) = runner.writer().next() else { panic!("no batch") };

            let (disk, opened) = (MemoryEngine::default(), Arc::default());
            let engine = Box::new(Watched(disk.clone(), Arc::clone(&opened)));
            let (store, _) = Store::open(engine).unwrap();
            disk.fail_once(written);
            let committer = Committer::start(Arc::new(store), runner.writer()).unwrap();
            committer.write(batch);
            committer.done().await;
            runner.settle();
            assert_eq!(released(&mut runner), [written]);
            let opened = opened.lock().unwrap().clone();
            assert!(!opened.is_empty() && !opened.contains(&thread::current().id()));
        }
    }
}
