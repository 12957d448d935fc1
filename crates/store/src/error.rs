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
    /// The disk refused: it is full, or it fails.
    #[error("the disk refused: {0}")]
    Io(#[from] std::io::Error),
    /// The engine refused, or has shut itself after an earlier failure.
    #[error("the storage engine refused: {0}")]
    Engine(String),
}
