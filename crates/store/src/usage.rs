//! What a store takes.

use std::io::{self, ErrorKind};
use std::path::Path;

/// What the data take on a disk, and how far the tree is behind the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the commit log's files, those made in advance among them.
    pub log_bytes: u64,
    /// Bytes of the tree's tables.
    pub tree_bytes: u64,
    /// Batches that are in the log and not in the tree yet.
    pub behind: u64,
}

/// Bytes of the files in a directory, without those in directories in it.
pub fn bytes_in(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        match entry?.metadata() {
            Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
            Ok(_) => {}
            // The log renames and removes its files meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
