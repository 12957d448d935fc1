//! The engine of a running realm: fjall, a log-structured merge tree with a journal.

use crate::engine::Key;
use crate::{Direction, Engine, Ops, StoreError, Visit};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// Bytes of journal at most: bounds the disk it takes and the time an unclean start replays it.
const JOURNAL_BYTES: u64 = 128 << 20;

/// Bytes of the cache for what is read from disk.
const CACHE_BYTES: u64 = 64 << 20;

/// fjall over a directory.
///
/// One keyspace with key prefixes, because a keyspace that is rarely written pins the journal of
/// all others. Each batch is synced (`SyncData`; the engine's own default does not sync).
pub struct Disk {
    path: PathBuf,
    /// Empty only while the data are being opened again.
    open: RwLock<Option<Open>>,
    mark: Mark,
}

#[derive(Clone)]
struct Open {
    database: Database,
    keyspace: Keyspace,
}

impl Disk {
    /// Opens the data in a directory, making it where it is missing. The directory stays locked
    /// against other processes until this is dropped.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it; [`StoreError::Corrupt`] where the
    /// journal or a table is damaged; [`StoreError::Io`] where the directory cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path)?;
        let open = open(path)?;
        let mark = Mark::open(&path.join("acknowledged"))?;
        Ok(Self { path: path.into(), open: RwLock::new(Some(open)), mark })
    }

    fn with<T>(&self, run: impl FnOnce(&Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        run(open.as_ref().ok_or_else(|| StoreError::Engine("closed after a failure".into()))?)
    }
}

fn open(path: &Path) -> Result<Open, StoreError> {
    let explain = |error| explain(path, error);
    let database = Database::builder(path.join("store"))
        .max_journaling_size(JOURNAL_BYTES)
        .cache_size(CACHE_BYTES)
        .worker_threads(1)
        .open()
        .map_err(explain)?;
    let keyspace = database.keyspace("realm", KeyspaceCreateOptions::default).map_err(explain)?;
    Ok(Open { database, keyspace })
}

fn explain(path: &Path, error: fjall::Error) -> StoreError {
    match error {
        fjall::Error::Locked => StoreError::Locked(path.into()),
        fjall::Error::Io(error) => StoreError::Io(error),
        fjall::Error::JournalRecovery(error) => {
            StoreError::Corrupt(format!("the journal does not add up ({error})"))
        }
        fjall::Error::InvalidVersion(version) => {
            StoreError::Corrupt(format!("unknown version of the storage engine ({version:?})"))
        }
        fjall::Error::Storage(fjall::LsmError::ChecksumMismatch { .. }) => {
            StoreError::Corrupt("a table's checksum does not match".into())
        }
        fjall::Error::Unrecoverable | fjall::Error::InvalidTrailer => {
            StoreError::Corrupt(error.to_string())
        }
        error => StoreError::Engine(error.to_string()),
    }
}

/// Bytes that must be free before the data are opened again.
const ROOM: usize = 1 << 20;

/// Whether the disk takes anything.
fn probe(path: &Path) -> Result<(), StoreError> {
    let path = path.join("probe");
    let tried = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![1; ROOM])?;
        file.sync_all()
    });
    std::fs::remove_file(&path)?;
    Ok(tried?)
}

impl Engine for Disk {
    fn commit(&self, number: u64, ops: &Ops) -> Result<(), StoreError> {
        let committed = self.with(|open| {
            let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
            for (key, value) in ops.iter() {
                match value {
                    Some(value) => batch.insert(&open.keyspace, key, value),
                    None => batch.remove(&open.keyspace, key),
                }
            }
            batch.commit().map_err(|e| explain(&self.path, e))
        });
        committed?;
        self.mark.set(number);
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.mark.get()
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with(|open| {
            open.keyspace.rotate_memtable().map(drop).map_err(|e| explain(&self.path, e))
        })
    }

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|open| {
            let value = open.keyspace.get(key).map_err(|e| explain(&self.path, e))?;
            Ok(value.map(|v| v.to_vec()))
        })
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.with(|open| {
            let mut pairs = open.keyspace.range(range);
            loop {
                let next = match direction {
                    Direction::Up => pairs.next(),
                    Direction::Down => pairs.next_back(),
                };
                let Some(pair) = next else { return Ok(()) };
                let (key, value) = pair.into_inner().map_err(|e| explain(&self.path, e))?;
                if let ControlFlow::Break(()) = visit(&key, &value)? {
                    return Ok(());
                }
            }
        })
    }

    fn reopen(&self) -> Result<(), StoreError> {
        // While there is no room what can still be read stays open.
        probe(&self.path)?;
        let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // Its lock on the directory goes with the last handle; readers may hold one a moment longer.
        *slot = None;
        *slot = Some(open(&self.path)?);
        Ok(())
    }
}

/// The number of the last batch that was synced, in a file of its own, written after each sync and
/// itself never synced: after the end of a process it is exact, after a power cut it may lag behind,
/// and it is never ahead. It shows a journal whose end went missing, which the engine takes for the
/// usual torn write and drops in silence.
struct Mark(File);

impl Mark {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        Ok(Self(options.read(true).write(true).create(true).truncate(false).open(path)?))
    }

    /// Zero where nothing readable is there.
    fn get(&self) -> u64 {
        let mut bytes = [0; 16];
        if self.0.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let [number, check] = [0, 8].map(|at| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[at..at + 8]);
            u64::from_be_bytes(part)
        });
        if number == !check { number } else { 0 }
    }

    fn set(&self, number: u64) {
        let bytes = [number.to_be_bytes(), (!number).to_be_bytes()].concat();
        if let Err(error) = self.0.write_all_at(&bytes, 0) {
            // The batch itself is safe; only the check at the next start is weaker.
            tracing::warn!(%error, "could not note the last batch");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Ops {
        let mut ops = Ops::default();
        ops.put(key.as_bytes(), |value| Ok(value.extend_from_slice(b"value"))).unwrap();
        ops
    }

    #[test]
    fn keeps_what_was_committed_and_locks_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path()).unwrap();
        disk.commit(1, &put("a")).unwrap();
        assert!(matches!(Disk::open(dir.path()), Err(StoreError::Locked(_))));
        drop(disk);
        let disk = Disk::open(dir.path()).unwrap();
        assert_eq!(disk.read(b"a").unwrap().unwrap(), b"value");
        assert_eq!(disk.acknowledged(), 1);
        disk.reopen().unwrap();
        disk.commit(2, &put("b")).unwrap();
        assert_eq!(disk.read(b"b").unwrap().unwrap(), b"value");
    }

    #[test]
    fn a_journal_cut_short_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = crate::Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
        for _ in 0..20 {
            store.commit(&[antar_realm::Event::IdReached(1)]).unwrap();
        }
        drop(store);
        let journal = std::fs::read_dir(dir.path().join("store")).unwrap().find_map(|entry| {
            Some(entry.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "jnl"))
        });
        let journal = journal.unwrap();
        let used = std::fs::read(&journal).unwrap().iter().rposition(|b| *b != 0).unwrap() as u64;
        OpenOptions::new().write(true).open(&journal).unwrap().set_len(used / 2).unwrap();
        let reopened = crate::Store::open(Box::new(Disk::open(dir.path()).unwrap()));
        assert!(reopened.is_err_and(|e| e.to_string().contains("are missing")));
    }
}
