//! Data on their way into a directory that is no realm's until they are whole.
//!
//! A file marks it until then. They are not put together elsewhere and renamed, since a data
//! directory may be a mount point, or the only one that its owner may write to.

use crate::named::{At, named_in};
use crate::{StoreError, export, private, watermark};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the engine keeps its parts.
const PARTS: [&str; 2] = ["tree", "log"];

fn marker(directory: &Path) -> PathBuf {
    directory.join("unfinished")
}

/// Whether what is in a directory may be used.
pub fn check(directory: &Path) -> Result<(), StoreError> {
    match marker(directory).try_exists().at(directory)? {
        true => Err(StoreError::Unfinished(directory.into())),
        false => Ok(()),
    }
}

/// Whether any part of an engine is in a directory.
pub fn has_parts(directory: &Path) -> io::Result<bool> {
    for part in PARTS {
        let part = directory.join(part);
        if part.try_exists().at(&part)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes sure that no realm is begun in a backup: it would have the key of the realm that was backed up, and
/// nothing of what that realm has said.
pub fn refuse_backup(directory: &Path) -> Result<(), StoreError> {
    match export::is_in(directory) && !has_parts(directory)? {
        true => Err(StoreError::IsBackup(directory.into())),
        false => Ok(()),
    }
}

/// A directory that had no data when it was opened. Until something is committed nobody was told of
/// anything in it, so what was put there goes again with this: an attempt that fails leaves no realm.
pub struct Beginning {
    directory: PathBuf,
    made: bool,
    noted: bool,
    kept: AtomicBool,
}

impl Beginning {
    /// Of a directory that is locked: whether it was made just now, and whether anything had been noted as
    /// committed there. `None` where there are data.
    pub fn of(directory: &Path, made: bool, noted: bool) -> io::Result<Option<Self>> {
        let begins = !has_parts(directory)?;
        let kept = AtomicBool::new(false);
        Ok(begins.then(|| Self { directory: directory.into(), made, noted, kept }))
    }

    /// What is there stays.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if *self.kept.get_mut() {
            return;
        }
        // What cannot be removed holds nothing.
        let _ = remove_parts(&self.directory);
        if !self.noted {
            let _ = std::fs::remove_file(self.directory.join(watermark::FILE));
        }
        let _ = self.made.then(|| std::fs::remove_dir(&self.directory));
    }
}

/// Marks a directory that is empty, or has been marked before.
pub fn begin(directory: &Path) -> Result<(), StoreError> {
    if marker(directory).try_exists().at(directory)? {
        remove_parts(directory)?;
    } else if has_parts(directory)? {
        return Err(StoreError::Occupied(directory.into()));
    }
    let marker = marker(directory);
    private::new_file().open(&marker).and_then(|file| file.sync_all()).at(&marker)?;
    Ok(sync(directory)?)
}

/// Takes the mark away: everything is there.
pub fn end(directory: &Path) -> io::Result<()> {
    // The names of the parts, before that of the mark goes. The directory itself may be new; where
    // its parent cannot be opened it is not.
    sync(directory)?;
    let _ = directory.canonicalize().at(directory)?.parent().map(sync);
    remove_file(&marker(directory))?;
    sync(directory)
}

/// Leaves the directory as it was.
pub fn give_up(directory: &Path) -> io::Result<()> {
    remove_parts(directory)?;
    remove_file(&directory.join(watermark::FILE))?;
    remove_file(&marker(directory))
}

fn remove_parts(directory: &Path) -> io::Result<()> {
    for part in PARTS.map(|part| directory.join(part)).iter().filter(|part| part.exists()) {
        std::fs::remove_dir_all(part).map_err(|error| named_in(part, error))?;
    }
    Ok(())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory).and_then(|opened| opened.sync_all()).at(directory)
}

fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).at(path)
}
