//! The engine of a running realm: a commit log of our own, and a tree for what is read.
//!
//! A batch is durable once it is in the log. A second thread puts it into the tree, in memory,
//! once there is enough to be worth it or somebody reads; who reads waits for what was committed before. When a segment of the log
//! is full, a third thread has the tree write what it holds to tables, and the log lets go of what
//! they contain.

#[cfg(test)]
mod tests;

use crate::applier::{Applier, Committed, Progress};
use crate::checkpointer::Checkpointer;
use crate::engine::{Key, Pairs, Value};
use crate::event_log::{Batch, EventLog, NotCommitted};
use crate::log::Log;
use crate::named::At;
use crate::tree::{Replay, Tree};
use crate::unfinished::Beginning;
use crate::watermark::Watermark;
use crate::{Direction, Engine, StoreError, Usage, Visit};
use crate::{private, unfinished, usage, watermark};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Segments that are full and not in the tree's tables yet; past it the tree waits, and so in the
/// end does a commit. Bounds the memory that the tree takes.
const UNWRITTEN: usize = 8;

/// What of a realm's data directory nobody else may read.
const OWN: [&str; 4] = ["tree", "log", watermark::FILE, "identity.pem"];

/// The data in a directory.
pub struct Disk {
    path: PathBuf,
    /// Empty only while the data are being opened again.
    running: RwLock<Option<Arc<Running>>>,
    /// Dropped after what runs and before the lock.
    beginning: Option<Beginning>,
    mark: Watermark,
}

impl Disk {
    /// Opens the data in a directory, making it where it is missing. The directory stays locked
    /// against other processes until this is dropped. Where there were no data and nothing was committed
    /// by then, none are left behind.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it; [`StoreError::Corrupt`] where the log or
    /// a table is damaged; [`StoreError::Unfinished`] where it was not restored to the end;
    /// [`StoreError::IsBackup`] where it is a backup's;
    /// [`StoreError::Io`] where the directory cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        unfinished::refuse_backup(path)?;
        let made = private::directory(path).at(path)?;
        let mark = Watermark::open(path)?;
        unfinished::check(path)?;
        let beginning = Beginning::of(path, made, mark.get() > 0)?;
        private::all_of(path, &OWN);
        Self::start(path, beginning, mark)
    }

    /// Whether there are data in a directory, or were to be.
    ///
    /// # Errors
    /// Where that cannot be found out.
    pub fn is_in(path: &Path) -> Result<bool, StoreError> {
        Ok(unfinished::has_parts(path)?)
    }

    /// Opens an empty directory for data from elsewhere. Until [`Disk::finish`] nothing opens it as
    /// a realm's; what an attempt left that did not get so far is removed.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] where there are data; otherwise as [`Disk::open`].
    pub fn restore(path: &Path) -> Result<Self, StoreError> {
        unfinished::refuse_backup(path)?;
        private::directory(path).at(path)?;
        let mark = Watermark::open(path)?;
        unfinished::begin(path)?;
        mark.set(0);
        Self::start(path, None, mark)
    }

    /// Makes a directory a realm's, once [`Disk::restore`] has filled it and is closed.
    ///
    /// # Errors
    /// What the system says; nothing opens the directory then.
    pub fn finish(path: &Path) -> Result<(), StoreError> {
        Ok(unfinished::end(path)?)
    }

    /// Removes what [`Disk::restore`] has put into a directory, once it is closed.
    ///
    /// # Errors
    /// What the system says; nothing opens the directory then.
    pub fn give_up(path: &Path) -> Result<(), StoreError> {
        Ok(unfinished::give_up(path)?)
    }

    fn start(
        path: &Path,
        beginning: Option<Beginning>,
        mark: Watermark,
    ) -> Result<Self, StoreError> {
        let running = RwLock::new(Some(Arc::new(Running::start(path)?)));
        Ok(Self { path: path.into(), running, beginning, mark })
    }

    fn running(&self) -> Result<Arc<Running>, StoreError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.clone().ok_or_else(|| StoreError::Engine("closed after a failure".into()))
    }

    /// Notes that everything up to a batch is durable.
    fn committed(&self, number: u64) {
        if let Some(beginning) = &self.beginning {
            beginning.keep();
        }
        self.mark.set(number);
    }

    /// What is read, once everything committed before is in the tree.
    fn reading(&self) -> Result<Reading, StoreError> {
        let running = self.running()?;
        running.progress.wait()?;
        Ok(Reading(running))
    }
}

/// What is running, held for as long as it is read: the tree deletes the files of tables that nobody reads
/// any more, and it must not be opened a second time by then.
struct Reading(Arc<Running>);

/// The log, the tree, and the two threads between them.
struct Running {
    log: Arc<Log>,
    tree: Arc<Tree>,
    progress: Arc<Progress>,
    applier: Option<JoinHandle<()>>,
    checkpointer: Option<JoinHandle<()>>,
}

impl Running {
    fn start(path: &Path) -> Result<Self, StoreError> {
        let [tables, directory] = ["tree", "log"].map(|part| path.join(part));
        private::directory(&tables).at(&tables)?;
        private::directory(&directory).at(&directory)?;
        let tree = Arc::new(Tree::open(&tables)?);
        let (applied, mut replay) = (tree.applied()?, Replay::new(&tree));
        let log = Arc::new(Log::open(&directory, applied)?);
        // The tree's tables have all batches up to one, and nothing of those after it.
        log.follow(applied + 1, &mut |number, batch| replay.add(number, &batch))?;
        replay.flush()?;
        let progress = Arc::new(Progress::at(tree.applied()?));
        let (full, segments) = sync_channel(UNWRITTEN);
        let applier = Applier { tree: tree.clone(), progress: progress.clone(), full };
        let checkpointer =
            Checkpointer { tree: tree.clone(), log: log.clone(), progress: progress.clone() };
        let applier = spawn("applier", move || applier.run())?;
        let checkpointer = spawn("checkpointer", move || checkpointer.run(segments))?;
        Ok(Self { log, tree, progress, applier: Some(applier), checkpointer: Some(checkpointer) })
    }

    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted> {
        self.progress.check()?;
        let appended = self.log.append(number, &batch);
        appended.inspect_err(|error| self.progress.fail(&error.to_string()))?;
        let full = self.log.take_filled();
        self.progress.committed(Committed { number, batch, full });
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.progress.close();
        // The checkpointer ends with the applier.
        let _ = self.applier.take().map(JoinHandle::join);
        let _ = self.checkpointer.take().map(JoinHandle::join);
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, std::io::Error> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// Bytes that must be free before the data are opened again.
const ROOM: usize = 1 << 20;

/// Whether the disk takes anything.
fn probe(path: &Path) -> Result<(), StoreError> {
    let path = path.join("probe");
    let tried = private::new_file().open(&path).and_then(|mut file| {
        file.write_all(&vec![1; ROOM])?;
        file.sync_all()
    });
    std::fs::remove_file(&path).at(&path)?;
    Ok(tried.at(&path)?)
}

impl Pairs for Reading {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.0.tree.read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.tree.scan(range, direction, visit)
    }
}

impl Pairs for Disk {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.reading()?.read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.reading()?.scan(range, direction, visit)
    }
}

impl Engine for Disk {
    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted> {
        self.running()?.commit(number, batch)?;
        self.committed(number);
        Ok(())
    }

    fn spare(&self) -> Batch {
        self.running().map(|running| running.progress.spare()).unwrap_or_default()
    }

    fn view(&self) -> Result<Box<dyn Pairs + '_>, StoreError> {
        Ok(Box::new(self.reading()?))
    }

    fn acknowledged(&self) -> u64 {
        self.mark.get()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        // While there is no room, what can still be read stays open.
        probe(&self.path)?;
        let mut slot = self.running.write().unwrap_or_else(PoisonError::into_inner);
        // What failed ends before the same files are opened again; a reader may still be waiting.
        let mut failed = slot.take();
        while let Some(running) = failed.take() {
            if let Err(in_use) = Arc::try_unwrap(running) {
                std::thread::sleep(Duration::from_millis(1));
                failed = Some(in_use);
            }
        }
        let running = Running::start(&self.path)?;
        // All that was found is synced by now.
        match running.tree.applied()? {
            0 => {}
            last => self.committed(last),
        }
        *slot = Some(Arc::new(running));
        Ok(())
    }

    fn usage(&self) -> Option<Usage> {
        let running = self.running.try_read().ok()?.clone()?;
        let log_bytes = usage::bytes_in(&self.path.join("log")).ok()?;
        let (tree_bytes, behind) = (running.tree.bytes(), running.progress.behind());
        Some(Usage { log_bytes, tree_bytes, behind })
    }
}
