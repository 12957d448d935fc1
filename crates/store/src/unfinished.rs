//! Data on their way into a directory that is no realm's until they are whole.
//!
//! A file marks it until then. They are not put together elsewhere and renamed, since a data
//! directory may be a mount point, or the only one that its owner may write to.

use crate::{StoreError, mark, private};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the engine keeps its parts.
const PARTS: [&str; 2] = ["tree", "log"];

fn marker(directory: &Path) -> PathBuf {
    directory.join("unfinished")
}

/// Whether what is in a directory may be used.
pub fn check(directory: &Path) -> Result<(), StoreError> {
    match marker(directory).try_exists()? {
        true => Err(StoreError::Unfinished(directory.into())),
        false => Ok(()),
    }
}

/// Whether any part of an engine is in a directory.
pub fn has_parts(directory: &Path) -> bool {
    PARTS.iter().any(|part| directory.join(part).exists())
}

/// Marks a directory that is empty, or has been marked before.
pub fn begin(directory: &Path) -> Result<(), StoreError> {
    if marker(directory).try_exists()? {
        remove_parts(directory)?;
    } else if has_parts(directory) {
        return Err(StoreError::Occupied(directory.into()));
    }
    private::new_file().open(marker(directory))?.sync_all()?;
    Ok(sync(directory)?)
}

/// Takes the mark away: everything is there.
pub fn end(directory: &Path) -> io::Result<()> {
    // The names of the parts, before that of the mark goes. The directory itself may be new; where
    // its parent cannot be opened it is not.
    sync(directory)?;
    let _ = directory.canonicalize()?.parent().map(sync);
    std::fs::remove_file(marker(directory))?;
    sync(directory)
}

/// Leaves the directory as it was.
pub fn give_up(directory: &Path) -> io::Result<()> {
    remove_parts(directory)?;
    std::fs::remove_file(directory.join(mark::FILE))?;
    std::fs::remove_file(marker(directory))
}

fn remove_parts(directory: &Path) -> io::Result<()> {
    for part in PARTS.map(|part| directory.join(part)).iter().filter(|part| part.exists()) {
        std::fs::remove_dir_all(part)?;
    }
    Ok(())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
