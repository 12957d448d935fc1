//! How far commits were acknowledged, apart from the data.

use crate::named::{At, named};
use crate::{StoreError, private};
use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// The file it is in.
pub const FILE: &str = "acknowledged";

/// The number of the last batch that was synced, in a file of its own, written after each sync and
/// itself never synced: after the end of a process it is exact, after a power cut it may lag behind,
/// and it is never ahead. It shows a log whose end went missing, which looks like a torn write. The
/// lock on the file is the lock on the directory.
pub struct Watermark(File);

impl Watermark {
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        loop {
            let file = private::new_file().read(true).truncate(false).open(&path).at(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(directory.into())),
                Err(TryLockError::Error(error)) => return Err(named(&path, error).into()),
            }
            // Whoever had the lock may have removed the file since it was opened here, and another may have
            // made and locked one of that name.
            let locked = file.metadata().at(&path)?;
            if path
                .metadata()
                .is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino()))
            {
                return Ok(Self(file));
            }
        }
    }

    /// Zero where nothing readable is there.
    pub fn get(&self) -> u64 {
        let mut bytes = [0; 16];
        let whole = self.0.read_exact_at(&mut bytes, 0).is_ok();
        read(&bytes).filter(|_| whole).unwrap_or(0)
    }

    pub fn set(&self, number: u64) {
        if let Err(error) = self.0.write_all_at(&written(number), 0) {
            // The batch itself is safe; only the check at the next start is weaker.
            tracing::warn!(%error, "could not note the last batch");
        }
    }
}

/// The number, and the same with every bit turned.
pub fn written(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&(!number).to_be_bytes());
    bytes
}

/// The number in what was written, where it is intact.
pub fn read(bytes: &[u8]) -> Option<u64> {
    let (number, check) = (bytes.first_chunk::<8>()?, bytes.get(8..16)?);
    let intact = number.iter().zip(check).all(|(a, b)| *a == !*b);
    intact.then(|| u64::from_be_bytes(*number))
}
