//! What can go wrong with a store.

use std::path::PathBuf;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory open.
    #[error(
        "{0}: another server is using this data directory; stop it, or give this one its own with --data"
    )]
    Locked(PathBuf),
    /// The data were written by a version of Antar that keeps them in another form.
    #[error(
        "the data have format {found}, this program knows format {known}; use the version of antar that wrote them"
    )]
    Format {
        /// What the data say.
        found: u32,
        /// What this program writes.
        known: u32,
    },
    /// What is on disk is not what was written there.
    #[error("the data are damaged: {0}; put the directory back from a backup")]
    Corrupt(String),
    /// What should be restored is not a whole export.
    #[error("the backup cannot be used: {0}; take another one")]
    Backup(String),
    /// An export cannot be written.
    #[error("the backup could not be written: {0}")]
    Output(std::io::Error),
    /// A realm should be restored where there is one.
    #[error("{0} holds a realm already; move it away, or restore to another directory with --data")]
    Occupied(PathBuf),
    /// A realm should be begun where there is a backup.
    #[error(
        "{0} is a backup, not a realm's data directory; have antar restore make a realm of it in another directory"
    )]
    IsBackup(PathBuf),
    /// The process that restored a realm ended before it was whole.
    #[error("a restore into {0} did not finish; run antar restore again, or remove the directory")]
    Unfinished(PathBuf),
    /// The disk refused: it is full, or it fails.
    #[error("the disk refused: {0}")]
    Io(std::io::Error),
    /// The engine refused, or has shut itself after an earlier failure.
    #[error("the storage engine refused: {0}")]
    Engine(String),
    /// Nobody knows whether something was done.
    #[error("it may or may not have been done, so look before you do it again: {0}")]
    Unknown(String),
}

// By hand: what `from` derives makes it the source as well, and who shows an error with its sources says it twice.
impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
