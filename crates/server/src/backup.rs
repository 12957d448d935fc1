//! Backups: a directory with everything a realm is made of.
//!
//! `data` is what the store exports; the realm's key lies beside it where it has one, and `files` with the bytes of the
//! files that the data name, where there are any. One that is missing or damaged is left out and told. `data` gets its name last, when everything is synced: a directory that has it is a whole backup.

use crate::files::{FILES, FileStore, archive};
use crate::panics::contain_here;
use antar_domain::{BackedUp, JobResult};
use antar_store::{
    At, Damage, Exported, KnownFiles, Store, StoreError, private_directory, private_file,
    why_refused,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use tokio::sync::oneshot;

/// What the store exports, in the directory of a backup.
pub const DATA: &str = "data";

/// The key and certificate by which other realms know this one, in the data directory and in a backup.
pub const IDENTITY: &str = "identity.pem";

/// Bytes written before they are synced: a disk that gets them all at once at the end makes every
/// commit wait.
const STRETCH: usize = 8 << 20;

/// Why a backup was not written or a realm not restored. Each says what to do about it in one line.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or directory cannot be written.
    #[error(
        "cannot write {path}: {error}{}; give a directory with room that the realm's user may write to",
        why_refused(path, error)
    )]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {error}{}", why_refused(path, error))]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The directory for the backup holds something.
    #[error("{0} is not empty; give a new directory, or an empty one")]
    NotEmpty(PathBuf),
    /// There is no realm where one should be backed up.
    #[error(
        "there is no realm in {0}; give its data directory with --data, or begin one there with antar serve"
    )]
    NoRealm(PathBuf),
    /// There is nothing where a realm should be restored from.
    #[error("there is no directory {0}; give one that antar backup wrote")]
    NoDirectory(PathBuf),
    /// There is no backup where a realm should be restored from.
    #[error(
        "{0} is no whole backup: it has no file named data; give a directory that antar backup wrote"
    )]
    NoBackup(PathBuf),
    /// The data directory has another realm's key.
    #[error("{0} is there already, and is another than the backup's; move it away")]
    OtherIdentity(PathBuf),
    /// Another backup is being written.
    #[error("another backup is being written; try again when it is done")]
    Busy,
    /// The server stopped.
    #[error("the realm is stopping; back it up again when it has")]
    Stopping,
    /// The store cannot be read, written, or be made of the backup.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |error| BackupError::Write { path: path.into(), error }
}

/// How many files that a backup lacks are named.
const NAMED: usize = 1_000;

/// What is in a backup, or was put back from one.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What the store has.
    pub data: Exported,
    /// How many files the data name.
    pub files: u64,
    /// Which of those are not there, or not as they were.
    pub lacks: Vec<Damage>,
}

/// Writes backups of a running realm, one at a time, each on a thread of its own.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    data: PathBuf,
    files: Arc<FileStore>,
    writing: Mutex<()>,
    stopping: AtomicBool,
}

impl Backups {
    pub fn new(store: Arc<Store>, data: &Path, files: Arc<FileStore>) -> Self {
        let (writing, stopping) = (Mutex::new(()), AtomicBool::new(false));
        Self(Arc::new(Inner { store, data: data.into(), files, writing, stopping }))
    }

    /// Breaks off the one that is being written, and writes no more.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Writes one.
    pub async fn write(&self, path: String) -> JobResult {
        let (inner, path) = (self.0.clone(), PathBuf::from(path));
        let (done, hear) = oneshot::channel();
        let write = move || {
            // Nobody but the operator waits for this, so it stands back for everyone else. A thread of
            // a pool could not be given its priority back.
            let _ = rustix::process::setpriority_process(None, 10);
            if let Some(written) = contain_here(|| inner.write(&path)) {
                let _ = done.send(written);
            }
        };
        let written = match std::thread::Builder::new().name("backup".into()).spawn(write) {
            Ok(_) => hear.await.unwrap_or(Err(BackupError::Stopping)),
            Err(error) => Err(StoreError::Io(error).into()),
        };
        result(written)
    }
}

impl Inner {
    fn write(&self, path: &Path) -> Result<Contents, BackupError> {
        let _writing = match self.writing.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy),
            Err(TryLockError::Poisoned(lock)) => lock.into_inner(),
            Ok(lock) => lock,
        };
        // What the data name is to be there until it is copied.
        let _hold = self.files.hold();
        let written = write(&self.store, &self.data, path, &self.stopping);
        match &written {
            Ok(Contents { data, files, lacks }) => {
                tracing::info!(?path, exported = ?data, files, lacking = lacks.len(), "backed up");
                for Damage { place, what } in lacks.iter().take(NAMED) {
                    tracing::error!(?path, "a backup lacks a {place}: it {what}");
                }
            }
            Err(error) => tracing::warn!(?path, %error, "could not back up"),
        }
        written
    }
}

/// As the domain hears of it.
pub fn result(written: Result<Contents, BackupError>) -> JobResult {
    let written = written.map_err(|error| error.to_string());
    JobResult::BackedUp(written.map(|Contents { data, files, lacks }| {
        let Exported { messages, records, bytes, .. } = data;
        let lacking = lacks.len() as u64;
        let said =
            lacks.iter().take(NAMED).map(|Damage { place, what }| format!("{place}: {what}"));
        let lacks = said.map(Into::into).collect();
        BackedUp { messages, records, bytes, files: files - lacking, lacking, lacks }
    }))
}

/// Writes a backup of what a store holds, and of the key in its data directory, to a directory that is
/// new or empty. Leaves nothing behind where it fails.
pub fn write(
    store: &Store,
    data: &Path,
    to: &Path,
    stop: &AtomicBool,
) -> Result<Contents, BackupError> {
    let made = !to.exists();
    if !made && to.read_dir().map_err(failed(to))?.next().is_some() {
        return Err(BackupError::NotEmpty(to.into()));
    }
    private_directory(to).map_err(failed(to))?;
    let written = fill(store, data, to, stop);
    if written.is_err() {
        // What cannot be removed is no backup either: it has no file of that name.
        for name in [DATA, IDENTITY, FILES].map(|name| to.join(name)) {
            let _ = std::fs::remove_file(part(&name));
            let _ = std::fs::remove_file(name);
        }
        let _ = made.then(|| std::fs::remove_dir(to));
    }
    written
}

fn fill(store: &Store, data: &Path, to: &Path, stop: &AtomicBool) -> Result<Contents, BackupError> {
    if let Some(identity) = read_identity(data)? {
        write_identity(&identity, to)?;
    }
    let path = to.join(DATA);
    let file = private_file().open(part(&path)).map_err(failed(&path))?;
    let mut out = Synced { file, unsynced: 0, stop };
    let (exported, known) = store.export(&mut out).map_err(|error| match error {
        _ if stop.load(Ordering::Relaxed) => BackupError::Stopping,
        StoreError::Output(error) => failed(&path)(error),
        error => error.into(),
    })?;
    out.file.sync_all().map_err(failed(&path))?;
    let lacks = copy_files(&known, data, to, stop)?;
    std::fs::rename(part(&path), &path).map_err(failed(&path))?;
    sync_directory(to)?;
    Ok(Contents { data: exported, files: known.len() as u64, lacks })
}

/// Copies the bytes of the files that the data name, and returns which of them cannot be had.
fn copy_files(
    known: &KnownFiles,
    data: &Path,
    to: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Damage>, BackupError> {
    let (from, path) = (data.join(FILES), to.join(FILES));
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let file = private_file().open(part(&path)).map_err(failed(&path))?;
    let mut out = Synced { file, unsynced: 0, stop };
    let lacks = archive::pack(known, &from, &mut out).map_err(|error| match error.kind() {
        _ if stop.load(Ordering::Relaxed) => BackupError::Stopping,
        io::ErrorKind::InvalidData => BackupError::Read { path: from.clone(), error },
        _ => failed(&path)(error),
    })?;
    out.file.sync_all().map_err(failed(&path))?;
    std::fs::rename(part(&path), &path).map_err(failed(&path))?;
    Ok(lacks)
}

/// A file whose bytes go to the disk at an even pace, until it is told to stop.
struct Synced<'a> {
    file: File,
    unsynced: usize,
    stop: &'a AtomicBool,
}

impl Write for Synced<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("told to stop"));
        }
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= STRETCH {
            self.flush()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_data()
    }
}

/// The name of a file that is not whole.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The realm's key in a directory, where there is one.
pub fn read_identity(directory: &Path) -> Result<Option<Vec<u8>>, BackupError> {
    let path = directory.join(IDENTITY);
    match std::fs::read(&path) {
        Ok(identity) => Ok(Some(identity)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::Read { path, error }),
    }
}

/// Writes a realm's key to a directory, unless it is there.
pub fn write_identity(identity: &[u8], to: &Path) -> Result<(), BackupError> {
    let to = to.join(IDENTITY);
    match std::fs::read(&to) {
        Ok(there) if there == identity => return Ok(()),
        Ok(_) => return Err(BackupError::OtherIdentity(to)),
        Err(_) => {}
    }
    let written = private_file().open(part(&to)).and_then(|mut file| {
        file.write_all(identity)?;
        file.sync_all()?;
        std::fs::rename(part(&to), &to)
    });
    written.map_err(failed(&to))
}

/// Makes the names in a directory durable, and its own where it may be new.
fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let sync = |path: &Path| File::open(path).and_then(|directory| directory.sync_all());
    sync(path).map_err(failed(path))?;
    // One that cannot be opened was not made just now.
    let _ = path.parent().map(sync);
    Ok(())
}

/// A file of a backup; errors name it.
pub struct Input {
    path: PathBuf,
    file: File,
}

impl Input {
    pub fn open(path: PathBuf) -> Result<Self, BackupError> {
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(BackupError::Read { path, error }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).at(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_store::MemoryEngine;

    fn backups(data: &Path) -> Backups {
        let (store, _) = Store::open(Box::new(MemoryEngine::default())).unwrap();
        Backups::new(Arc::new(store), data, Arc::new(FileStore::new(data, 400)))
    }

    #[test]
    fn one_at_a_time_and_none_once_the_server_stops() {
        let directory = tempfile::tempdir().unwrap();
        let (backups, path) = (backups(directory.path()), directory.path().join("backup"));
        let writing = backups.0.writing.lock().unwrap();
        assert!(matches!(backups.0.write(&path), Err(BackupError::Busy)));
        drop(writing);
        backups.stop();
        assert!(matches!(backups.0.write(&path), Err(BackupError::Stopping)));
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_realm_is_not_backed_up() {
        let directory = tempfile::tempdir().unwrap();
        let engine = MemoryEngine::default();
        let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
        engine.overwrite(b"Mp", b"\xff");
        let path = directory.path().join("backup");
        let written = write(&store, directory.path(), &path, &AtomicBool::new(false));
        assert!(matches!(written, Err(BackupError::Store(StoreError::Corrupt(_)))));
        assert!(!path.exists());
    }

    #[test]
    fn another_key_is_not_replaced() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        std::fs::write(from.path().join(IDENTITY), "one").unwrap();
        let identity = read_identity(from.path()).unwrap().unwrap();
        write_identity(&identity, to.path()).unwrap();
        write_identity(&identity, to.path()).unwrap();
        std::fs::write(to.path().join(IDENTITY), "two").unwrap();
        let written = write_identity(&identity, to.path());
        assert!(matches!(written, Err(BackupError::OtherIdentity(_))));
    }
}
