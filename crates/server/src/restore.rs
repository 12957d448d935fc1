//! A realm made of a backup again.

use crate::Config;
use crate::backup::{BackupError, Contents, DATA, Input, failed, read_identity, write_identity};
use crate::files::FILES;
use crate::files::archive::{self, Found, NotUnpacked};
use antar_domain::{Effects, State};
use antar_store::{Disk, Exported, KnownFiles, Store, StoreError, private_directory, private_file};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The id that the last realm restored from a backup went on from, in the directory of the backup. It
/// is no part of it: where it is missing or cannot be written, the clock and chance are what is left.
const REACHED: &str = "restored";

/// A backup, open: whoever restores it may act for somebody who could not open it.
pub struct Backup {
    data: Input,
    identity: Option<Vec<u8>>,
    files: Option<Input>,
    reached: Option<u64>,
    note: Note,
}

impl Backup {
    /// Opens a backup's files.
    ///
    /// # Errors
    /// [`BackupError::NoDirectory`] and [`BackupError::NoBackup`] where there is none;
    /// [`BackupError::Read`] where it cannot be read.
    pub fn open(from: &Path) -> Result<Self, BackupError> {
        let data = Input::open(from.join(DATA)).map_err(|error| match error {
            BackupError::Read { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                let missing = !from.exists();
                let error = if missing { BackupError::NoDirectory } else { BackupError::NoBackup };
                error(from.into())
            }
            error => error,
        })?;
        let identity = read_identity(from)?;
        let files = open_files(from)?;
        let reached = reached(from);
        Ok(Self { data, identity, files, reached, note: Note::At(from.join(REACHED)) })
    }

    /// Opens what a restore writes to the backup, for a process that will not be able to. Where the restore
    /// is refused, it is left there empty.
    pub fn open_note(&mut self) {
        if let Note::At(path) = &self.note {
            self.note = Note::Open(open_note(path));
        }
    }
}

/// Makes the data directory of a configuration a realm's, from a backup. Leaves it as it was where
/// this fails. A file that the backup lacks is no failure: it may have been missing when that was made.
///
/// # Errors
/// See [`BackupError`].
pub fn restore(config: &Config, backup: Backup) -> Result<Contents, BackupError> {
    let made = !config.data.exists();
    private_directory(&config.data).map_err(failed(&config.data))?;
    let disk = Disk::restore(&config.data)?;
    let Backup { data, identity, files, reached, note } = backup;
    let had_files = config.data.join(FILES).exists();
    let restored = import(config, disk, data, reached).and_then(|(exported, reached, known)| {
        let found = match files {
            Some(files) => restore_files(files, &config.data.join(FILES))?,
            None => Found::new(),
        };
        if let Some(identity) = identity {
            write_identity(&identity, &config.data)?;
        }
        note_reached(note, reached);
        Disk::finish(&config.data)?;
        let lacks = archive::lacking(&known, &found);
        Ok(Contents { data: exported, files: known.len() as u64, lacks })
    });
    if restored.is_err() {
        // What cannot be removed is still marked as no realm.
        let _ = Disk::give_up(&config.data);
        let _ = (!had_files).then(|| std::fs::remove_dir_all(config.data.join(FILES)));
        let _ = made.then(|| std::fs::remove_dir(&config.data));
    }
    restored
}

fn restore_files(mut files: Input, to: &Path) -> Result<Found, BackupError> {
    archive::restore(&mut files, to).map_err(|error| match error {
        NotUnpacked::Write(path, error) => failed(&path)(error),
        error => BackupError::Read { path: files.path().into(), error: error.told() },
    })
}

/// The bytes of files in a backup, where it has any.
pub(crate) fn open_files(backup: &Path) -> Result<Option<Input>, BackupError> {
    match Input::open(backup.join(FILES)) {
        Ok(files) => Ok(Some(files)),
        Err(BackupError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fills a store, has the domain take note, and closes it.
fn import(
    config: &Config,
    disk: Disk,
    from: Input,
    reached: Option<u64>,
) -> Result<(Exported, u64, KnownFiles), BackupError> {
    let (store, events, exported) = Store::import(Box::new(disk), BufReader::new(from))?;
    let mut state = State::new(config.domain_limits(), config.policy(), events);
    let mut effects = Effects::default();
    // Refused only by a state that may not change anything, and this one may.
    let reached = state
        .restored(&crate::offline::readings(), reached, &mut effects)
        .unwrap_or(exported.last_id);
    store.commit(&effects.events).map_err(StoreError::from)?;
    Ok((exported, reached, state.files().collect()))
}

/// How far the last realm made of a backup jumped, where that is noted.
fn reached(backup: &Path) -> Option<u64> {
    let mut note = String::new();
    File::open(backup.join(REACHED)).ok()?.take(64).read_to_string(&mut note).ok()?;
    note.trim_end().parse().ok()
}

/// Where it is noted.
enum Note {
    At(PathBuf),
    Open(io::Result<File>),
}

fn open_note(path: &Path) -> io::Result<File> {
    let file = private_file().truncate(false).open(path)?;
    path.parent().map_or(Ok(()), |backup| File::open(backup)?.sync_all())?;
    Ok(file)
}

/// Notes it, as far as the backup can be written. What was there before is written over as a whole.
fn note_reached(note: Note, reached: u64) {
    let file = match note {
        Note::At(path) => open_note(&path),
        Note::Open(file) => file,
    };
    let noted = file.and_then(|file| {
        file.write_all_at(format!("{reached:<20}\n").as_bytes(), 0)?;
        file.sync_all()
    });
    if let Err(error) = noted {
        tracing::info!(%error, "could not note in the backup how far ids have jumped");
    }
}
