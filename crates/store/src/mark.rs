//! How far commits were acknowledged, apart from the data.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file it is in.
pub const FILE: &str = "acknowledged";

/// The number of the last batch that was synced, in a file of its own, written after each sync and
/// itself never synced: after the end of a process it is exact, after a power cut it may lag behind,
/// and it is never ahead. It shows a log whose end went missing, which looks like a torn write. The
/// lock on the file is the lock on the directory.
pub struct Mark(File);

impl Mark {
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(directory.into())),
            Err(TryLockError::Error(error)) => Err(StoreError::Io(error)),
        }
    }

    /// Zero where nothing readable is there.
    pub fn get(&self) -> u64 {
        let mut bytes = [0; 16];
        if self.0.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let (number, check) = bytes.split_at(8);
        let intact = number.iter().zip(check).all(|(a, b)| *a == !*b);
        number.first_chunk().filter(|_| intact).map_or(0, |b| u64::from_be_bytes(*b))
    }

    pub fn set(&self, number: u64) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..].copy_from_slice(&(!number).to_be_bytes());
        if let Err(error) = self.0.write_all_at(&bytes, 0) {
            // The batch itself is safe; only the check at the next start is weaker.
            tracing::warn!(%error, "could not note the last batch");
        }
    }
}
