//! Checks of what is on disk: a stopped realm's data, or a backup.

use crate::backup::{self, BackupError};
use crate::files::{FILES, archive, hash_of, walk};
use crate::identity::Identity;
use crate::restore::open_files;
use antar_store::{Checked, Damage, Disk, Exported, Tell, why_refused};
use std::fs::File;
use std::io::{BufReader, ErrorKind, sink};
use std::path::Path;

/// Checks the data of a stopped realm and its key, and changes nothing. `tell` hears of each damage as
/// it is found, and of how far the check is.
///
/// # Errors
/// Where there is no realm, it is running, or nothing can be read at all.
pub fn check(data: &Path, tell: &mut Tell<'_>) -> Result<Checked, BackupError> {
    expect_realm(data)?;
    let mut checked = antar_store::check(data, tell)?;
    check_files(data, &mut checked, tell)?;
    if let Some(what) = wrong_identity(data) {
        checked.damages += 1;
        tell(&checked, Some(Damage { place: backup::IDENTITY.into(), what }));
    }
    Ok(checked)
}

/// Reads every file, and holds it against its name.
fn check_files(data: &Path, checked: &mut Checked, tell: &mut Tell<'_>) -> Result<(), BackupError> {
    let directory = data.join(FILES);
    let mut damage = |checked: &mut Checked, path: &Path, what: String| {
        checked.damages += 1;
        tell(checked, Some(Damage { place: path.display().to_string(), what }));
    };
    let walked = walk(&directory, &mut |path, hash| {
        let Some(hash) = hash else {
            damage(checked, path, "is not named as a file is".into());
            return Ok(());
        };
        match File::open(path).and_then(|file| hash_of(&file)) {
            Ok((found, _)) if found == *hash.as_bytes() => {}
            Ok(_) => damage(checked, path, "its bytes are others than those it is named by".into()),
            Err(error) => damage(checked, path, format!("cannot be read: {error}")),
        }
        Ok(())
    });
    walked.map_err(|error| BackupError::Read { path: directory, error })
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

/// Checks a backup: that it is whole, and that everything in it can be read.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check_backup(directory: &Path) -> Result<Exported, BackupError> {
    let path = directory.join(backup::DATA);
    let exported = antar_store::check_export(BufReader::new(backup::Input::open(path)?))?;
    if let Some(mut files) = open_files(directory)? {
        let read = archive::unpack(&mut files, |_| Ok(sink()), |_, _| Ok(()));
        read.map_err(|error| BackupError::Read { path: directory.join(FILES), error })?;
    }
    match wrong_identity(directory) {
        Some(what) => {
            let (path, error) = (directory.join(backup::IDENTITY), std::io::Error::other(what));
            Err(BackupError::Read { path, error })
        }
        None => Ok(exported),
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
