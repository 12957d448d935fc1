//! Checks of what is on disk: a stopped realm's data, or a backup.

use crate::backup::{self, BackupError, Contents};
use crate::files::{FILES, archive};
use crate::identity::Identity;
use crate::restore::open_files;
use antar_store::{Checked, Damage, Disk, KnownFiles, Tell, why_refused};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// Checks the data of a stopped realm and its key, and changes nothing. `tell` hears of each damage as
/// it is found, and of how far the check is.
///
/// # Errors
/// Where there is no realm, it is running, or nothing can be read at all.
pub fn check(data: &Path, tell: &mut Tell<'_>) -> Result<Checked, BackupError> {
    expect_realm(data)?;
    let (mut checked, files) = antar_store::check(data, tell)?;
    check_files(data, files, &mut checked, tell);
    if let Some(what) = wrong_identity(data) {
        checked.damages += 1;
        tell(&checked, Some(Damage { place: backup::IDENTITY.into(), what }));
    }
    Ok(checked)
}

/// Reads every file that there must be, and holds it against its name. What nobody knows of is no damage: the next start
/// removes what was not acknowledged.
fn check_files(data: &Path, known: KnownFiles, checked: &mut Checked, tell: &mut Tell<'_>) {
    let directory = data.join(FILES);
    for (hash, size) in known {
        let damage = archive::wrong(&hash, size, archive::look(&directory, &hash));
        checked.files += 1;
        checked.file_bytes += size;
        checked.damages += u64::from(damage.is_some());
        tell(checked, damage);
    }
}

/// Finds out whether there is a realm in a directory, running or not, and changes nothing.
///
/// # Errors
/// [`BackupError::NoRealm`] where there is none.
pub fn expect_realm(data: &Path) -> Result<(), BackupError> {
    match Disk::is_in(data)? {
        true => Ok(()),
        false => Err(BackupError::NoRealm(data.into())),
    }
}

/// Whether a directory is that of a backup.
pub fn is_backup(directory: &Path) -> bool {
    directory.join(backup::DATA).is_file()
}

/// Checks a backup: that it is whole, and that everything in it can be read. Files that it lacks are told.
///
/// # Errors
/// The first thing else that is wrong with it.
pub fn check_backup(directory: &Path) -> Result<Contents, BackupError> {
    let path = directory.join(backup::DATA);
    let (data, known) = antar_store::check_export(BufReader::new(backup::Input::open(path)?))?;
    let found = match open_files(directory)? {
        Some(mut files) => archive::read(&mut files).map_err(|error| BackupError::Read {
            path: directory.join(FILES),
            error: error.told(),
        })?,
        None => archive::Found::new(),
    };
    let lacks = archive::lacking(&known, &found);
    match wrong_identity(directory) {
        Some(what) => {
            let (path, error) = (directory.join(backup::IDENTITY), std::io::Error::other(what));
            Err(BackupError::Read { path, error })
        }
        None => Ok(Contents { data, files: known.len() as u64, lacks }),
    }
}

/// What is wrong with a realm's key, where it has one: a realm that never ran has none.
fn wrong_identity(directory: &Path) -> Option<String> {
    let path = directory.join(backup::IDENTITY);
    match std::fs::read(&path) {
        Ok(text) => Identity::parse(&text).err(),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(format!("cannot be read: {error}{}", why_refused(&path, &error))),
    }
}
