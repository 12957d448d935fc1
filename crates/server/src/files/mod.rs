//! The bytes of files, in the directory `files` of the data: each under its hash, and `uploads` for what has not come
//! as a whole yet.
//!
//! Which files there are is the domain's to say. Here is seen to it that the bytes are on disk before the domain hears of them
//! and are not removed while an upload is bringing them once more. Whatever a crash leaves is sorted out at the next start.

pub mod archive;
mod kind;
mod part;
mod places;

pub use part::{Part, Whole, hash_of};
pub use places::{OPEN, Places};

use antar_domain::{AccountId, FileRoom};
use antar_store::{private_directory, why_refused};
use antar_types::{FileHash, FileName, FileType};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

/// The directory of files, in the data directory.
pub const FILES: &str = "files";

/// What is not whole yet, in the directory of files.
const UPLOADS: &str = "uploads";

/// Files that one account may be bringing in parts, and that all together may.
const PARTS: usize = 16;
const ALL_PARTS: usize = 1_000;

/// Room on the disk that files leave to everything else, and at most which part of the disk that is.
const RESERVE: (u64, u64) = (64 << 20, 20);

/// Files of a realm.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    inner: Mutex<Inner>,
    /// Held while it is found out whether there is room for what comes in parts, until that takes it.
    booking: Mutex<()>,
    next: AtomicU64,
    /// Uploads and downloads that are under way.
    pub places: Places,
    /// Bytes that came and that went.
    pub passed: [AtomicU64; 2],
    /// Files that are being fetched.
    turns: Mutex<HashMap<FileHash, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Inner {
    pins: HashMap<FileHash, Pinned>,
    /// What is being brought in parts and is being written now, and how many bytes it has then, as far as is known.
    writing: HashMap<(AccountId, FileHash), u64>,
    /// How many bytes what is being brought in parts is to have, where that was said.
    announced: HashMap<(AccountId, FileHash), u64>,
    /// Backups that are being written.
    copying: usize,
    /// Files that go once no backup is being written.
    gone: BTreeSet<FileHash>,
}

/// A file that an upload is bringing.
#[derive(Debug)]
struct Pinned {
    by: usize,
    /// It is to be there when nobody brings it any more.
    keep: bool,
}

impl FileStore {
    /// In a data directory; nothing is made before it is needed. So many files and sockets may be open for what is
    /// brought and given.
    pub fn new(data: &Path, open: usize) -> Self {
        Self {
            directory: data.join(FILES),
            inner: Mutex::default(),
            booking: Mutex::default(),
            next: AtomicU64::new(0),
            places: Places::new(open),
            passed: Default::default(),
            turns: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a file's bytes are.
    pub fn path(&self, hash: &FileHash) -> PathBuf {
        path_in(&self.directory, hash)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self, hash: &FileHash) -> io::Result<File> {
        File::open(self.path(hash))
    }

    /// Makes sure that there is room for so many bytes, and some for everything else.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] where there is not.
    pub fn expect_room(&self, bytes: u64) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.directory)?;
        let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let reserve = RESERVE.0.min(all / RESERVE.1);
        match free >= bytes.saturating_add(reserve) {
            true => Ok(()),
            false => Err(ErrorKind::StorageFull.into()),
        }
    }

    /// Makes the directories, where they are not there yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(&self) -> io::Result<()> {
        if private_directory(&self.directory.join(UPLOADS))? {
            self.directory.parent().map_or(Ok(()), sync)?;
        }
        Ok(())
    }

    /// Begins a file that comes at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(self: &Arc<Self>) -> io::Result<Part> {
        let name = format!("new-{}", self.next.fetch_add(1, Relaxed));
        Part::begin(self.directory.join(UPLOADS).join(name))
    }

    /// Begins a file of an account that comes in parts, or goes on with it where so much of it is here. Room is taken for as
    /// much as it is to have, so that what has begun can be ended. Also returns how many bytes it may have.
    ///
    /// # Errors
    /// [`NotResumed`]
    pub fn resume(
        self: &Arc<Self>,
        of: (AccountId, FileHash),
        coming: Coming,
        room: FileRoom,
    ) -> Result<(Part, u64), NotResumed> {
        let _booking = self.booking.lock().unwrap_or_else(PoisonError::into_inner);
        let (offset, end, path) = (coming.offset, coming.end, self.part_path(of.0, &of.1));
        let known = {
            let inner = self.inner();
            if inner.writing.contains_key(&of) {
                return Err(NotResumed::Busy);
            }
            inner.announced.get(&of).copied().filter(|_| offset > 0)
        };
        match path.metadata().map(|found| found.len()) {
            Ok(length) if offset > 0 && length != offset => return Err(NotResumed::Other(length)),
            Err(_) if offset > 0 => return Err(NotResumed::Missing),
            Err(_) if self.has_no_place(of.0) => return Err(NotResumed::TooMany),
            _ => {}
        }
        let is_same = known.zip(coming.whole).is_none_or(|(known, said)| known == said);
        let announced = known.or(coming.whole);
        if !is_same || announced.is_some_and(|whole| coming.is_past(whole)) {
            return Err(NotResumed::Announced);
        }
        let whole = announced.unwrap_or(0).max(end.unwrap_or(offset));
        let most = self.room_besides(of, room);
        if whole > most {
            return Err(NotResumed::TooMany);
        }
        let writing = self.write(of, whole, announced);
        let part = match offset {
            0 => Part::begin_in_parts(path, coming.about, announced, writing),
            _ => Part::go_on(path, offset, writing),
        };
        Ok((part.map_err(NotResumed::Io)?, most.min(announced.unwrap_or(u64::MAX))))
    }

    fn write(
        self: &Arc<Self>,
        of: (AccountId, FileHash),
        whole: u64,
        announced: Option<u64>,
    ) -> Writing {
        let mut inner = self.inner();
        inner.writing.insert(of, whole);
        match announced {
            Some(bytes) => _ = inner.announced.insert(of, bytes),
            None => _ = inner.announced.remove(&of),
        }
        drop(inner);
        Writing { files: self.clone(), of }
    }

    /// How many bytes a file of an account may have besides all that comes in parts: that is nobody's yet, and takes room all
    /// the same.
    pub fn room_besides(&self, (account, hash): (AccountId, FileHash), room: FileRoom) -> u64 {
        let (of_account, all) = self.begun(account, Some(hash));
        let (account, realm) =
            (room.account.saturating_sub(of_account), room.realm.saturating_sub(all));
        FileRoom { account, realm, ..room }.most()
    }

    /// Gives up what an account brings in parts; whether there was anything.
    ///
    /// # Errors
    /// [`NotResumed::Busy`] where it is being written, and what the system says.
    pub fn cancel(&self, account: AccountId, hash: FileHash) -> Result<bool, NotResumed> {
        let _booking = self.booking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.inner().writing.contains_key(&(account, hash)) {
            return Err(NotResumed::Busy);
        }
        self.remove_part((account, hash)).map_err(NotResumed::Io)
    }

    /// Removes all that an account was bringing in parts. What is being written comes to nothing.
    pub fn remove_uploads(&self, account: AccountId) {
        let of_account = self.parts().filter(|(of, ..)| *of == account);
        for (account, hash, _) in of_account.collect::<Vec<_>>() {
            if let Err(error) = self.remove_part((account, hash)) {
                tracing::warn!(%error, "could not remove an upload of a user who is gone");
            }
        }
    }

    /// Removes what has come of a file, and what was said of it; whether there was anything.
    fn remove_part(&self, of: (AccountId, FileHash)) -> io::Result<bool> {
        let path = self.part_path(of.0, &of.1);
        self.inner().announced.remove(&of);
        let there = removed(&path)?;
        removed(&part::beside(&path))?;
        Ok(there)
    }

    /// How much is here of a file that an account brings in parts.
    pub fn progress(&self, account: AccountId, hash: &FileHash) -> Option<u64> {
        Some(self.part_path(account, hash).metadata().ok()?.len())
    }

    fn part_path(&self, account: AccountId, hash: &FileHash) -> PathBuf {
        self.directory.join(UPLOADS).join(format!("{}-{hash}", account.0))
    }

    /// What is coming in parts: of which account and file, and how many bytes are here.
    fn parts(&self) -> impl Iterator<Item = (AccountId, FileHash, u64)> {
        let entries = self.directory.join(UPLOADS).read_dir().into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let (account, hash) = part_name(&entry.file_name())?;
            Some((account, hash, entry.metadata().ok()?.len()))
        })
    }

    fn has_no_place(&self, account: AccountId) -> bool {
        let (of_account, all) = self.parts().fold((0, 0), |(of_account, all), (of, ..)| {
            (of_account + usize::from(of == account), all + 1)
        });
        of_account >= PARTS || all >= ALL_PARTS
    }

    /// How many bytes are here of what comes in parts, or are to come, but of one file that an account brings: of that
    /// account's, and of everybody's.
    pub fn begun(&self, account: AccountId, besides: Option<FileHash>) -> (u64, u64) {
        let inner = self.inner();
        let to_come = |of: &(AccountId, FileHash)| {
            let [writing, announced] = [&inner.writing, &inner.announced].map(|all| all.get(of));
            writing.max(announced).copied().unwrap_or(0)
        };
        let others = self.parts().filter(|(of, hash, _)| (*of, Some(*hash)) != (account, besides));
        others.fold((0, 0), |(of_account, all), (of, hash, bytes)| {
            let bytes = bytes.max(to_come(&(of, hash)));
            (of_account + if of == account { bytes } else { 0 }, all + bytes)
        })
    }

    /// Keeps a file from being removed until what this returns is settled or dropped.
    pub fn pin(self: &Arc<Self>, hash: FileHash) -> Pin {
        let mut inner = self.inner();
        let there = !inner.gone.contains(&hash) && self.path(&hash).exists();
        let pinned = inner.pins.entry(hash).or_insert(Pinned { by: 0, keep: there });
        pinned.by += 1;
        drop(inner);
        Pin { files: self.clone(), hash }
    }

    /// What whoever has a file fetched holds meanwhile, so that it is fetched once.
    pub fn turn(&self, hash: FileHash) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.get(&hash).and_then(Weak::upgrade).unwrap_or_default();
        turns.insert(hash, Arc::downgrade(&turn));
        turn
    }

    /// Puts a whole file under its name, for good. It must be pinned.
    ///
    /// # Errors
    /// What the system says; then it is not there.
    pub fn put(&self, whole: Whole) -> io::Result<()> {
        let path = self.path(&whole.hash);
        let directory = path.parent().unwrap_or(&self.directory);
        private_directory(directory)?;
        whole.rename(&path)?;
        sync(directory)?;
        // Whoever made the directory may not have come so far yet.
        sync(&self.directory)
    }

    /// Removes a file that nobody has or names any more.
    pub fn remove(&self, hash: FileHash) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        match inner.pins.get_mut(&hash) {
            // It is being brought again, and the domain will hear of it.
            Some(pinned) => pinned.keep = false,
            None if inner.copying > 0 => drop(inner.gone.insert(hash)),
            None => self.unlink(&hash),
        }
    }

    fn unlink(&self, hash: &FileHash) {
        let path = self.path(hash);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let why = why_refused(&path, &error);
                tracing::warn!(?path, %error, "could not remove a file{why}");
            }
            _ => {}
        }
    }

    /// Keeps all files until what this returns is dropped.
    pub fn hold(self: &Arc<Self>) -> Hold {
        self.inner().copying += 1;
        Hold(self.clone())
    }

    /// What passes now, and what has passed.
    pub fn transfers(&self) -> Transfers {
        let (uploads, downloads) = self.places.count();
        let [received, sent] = self.passed.each_ref().map(|bytes| bytes.load(Relaxed));
        Transfers { uploads, downloads, received, sent }
    }

    /// Removes what a crash has left, and tells of what is missing. `known` are the files that there must be, and `is_here` says
    /// whether there is an account.
    ///
    /// # Errors
    /// What the system says.
    pub fn sort_out(
        &self,
        known: &HashMap<FileHash, u64>,
        is_here: impl Fn(AccountId) -> bool,
    ) -> io::Result<()> {
        let (mut found, mut strange) = (HashSet::new(), 0_u64);
        walk(&self.directory, &mut |path, hash| {
            match known.contains_key(&hash) {
                true => drop(found.insert(hash)),
                false => {
                    strange += 1;
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        })?;
        if strange > 0 {
            tracing::info!(files = strange, "removed files that were not acknowledged");
        }
        for hash in known.keys().filter(|hash| !found.contains(*hash)) {
            tracing::error!(%hash, "a file is missing: put it back from a backup");
        }
        for entry in entries(&self.directory.join(UPLOADS))? {
            if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("new-")) {
                std::fs::remove_file(entry)?;
            }
        }
        for (account, hash, _) in self.parts().collect::<Vec<_>>() {
            let path = self.part_path(account, &hash);
            match (is_here(account), part::announced(&path)) {
                (false, _) => _ = self.remove_part((account, hash))?,
                (true, Some(bytes)) => {
                    self.inner().announced.insert((account, hash), bytes);
                }
                (true, None) => {}
            }
        }
        Ok(())
    }

    /// Removes what was begun in parts and given up for so long: what has come and what was said of it, by the newer of the two.
    ///
    /// # Errors
    /// What the system says.
    pub fn give_up(&self, after: Duration) -> io::Result<()> {
        let _booking = self.booking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = BTreeMap::new();
        for path in entries(&self.directory.join(UPLOADS))? {
            let Ok(at) = path.metadata().and_then(|found| found.modified()) else { continue };
            let newest = written.entry(part::without_about(&path)).or_insert(at);
            *newest = at.max(*newest);
        }
        for (path, at) in written {
            let age = SystemTime::now().duration_since(at).unwrap_or_default();
            let of = path.file_name().and_then(part_name);
            if age <= after || of.is_some_and(|of| self.inner().writing.contains_key(&of)) {
                continue;
            }
            match of {
                Some(of) => _ = self.remove_part(of)?,
                None => _ = removed(&path)?,
            }
        }
        Ok(())
    }
}

/// Whose a file of [`UPLOADS`] is that comes in parts, and which, by its name.
fn part_name(name: &OsStr) -> Option<(AccountId, FileHash)> {
    let (account, hash) = name.to_str()?.split_once('-')?;
    Some((AccountId(account.parse().ok()?), FileHash::parse(hash)?))
}

/// Removes a file; whether there was one.
fn removed(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

/// What passes now, and what has passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transfers {
    pub uploads: usize,
    pub downloads: usize,
    /// In bytes.
    pub received: u64,
    pub sent: u64,
}

/// A part of a file, and what was said of that.
#[derive(Clone, Debug)]
pub struct Coming {
    /// How many bytes come before it.
    pub offset: u64,
    /// How many there are with it, where that was said.
    pub end: Option<u64>,
    /// How many the file has, where that was said.
    pub whole: Option<u64>,
    /// No other comes after it.
    pub last: bool,
    /// What the file is called, and of which kind it is.
    pub about: (FileName, FileType),
}

impl Coming {
    /// Whether a file that is to have so many bytes has others with this part.
    fn is_past(&self, whole: u64) -> bool {
        self.offset > whole || self.end.is_some_and(|end| end > whole || self.last && end != whole)
    }
}

/// Why a file that comes in parts is not gone on with.
#[derive(Debug)]
pub enum NotResumed {
    /// Another part of it is being written.
    Busy,
    /// So much of it is here.
    Other(u64),
    /// Nothing of it is here.
    Missing,
    /// The account brings too many.
    TooMany,
    /// It is to have another number of bytes.
    Announced,
    /// What the system says.
    Io(io::Error),
}

/// The right to write a file that comes in parts.
#[derive(Debug)]
pub struct Writing {
    files: Arc<FileStore>,
    of: (AccountId, FileHash),
}

impl Drop for Writing {
    fn drop(&mut self) {
        let (account, hash) = self.of;
        let there = self.files.part_path(account, &hash).exists();
        let mut inner = self.files.inner();
        inner.writing.remove(&self.of);
        if !there {
            inner.announced.remove(&self.of);
        }
    }
}

/// A file that is not removed.
#[derive(Debug)]
pub struct Pin {
    files: Arc<FileStore>,
    hash: FileHash,
}

impl Pin {
    /// The file is to be there: the domain knows of it.
    pub fn keep(&self) {
        let mut inner = self.files.inner();
        inner.gone.remove(&self.hash);
        inner.pins.get_mut(&self.hash).into_iter().for_each(|pinned| pinned.keep = true);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut inner = self.files.inner();
        let Some(pinned) = inner.pins.get_mut(&self.hash) else { return };
        pinned.by -= 1;
        if pinned.by == 0 {
            let keep = pinned.keep;
            inner.pins.remove(&self.hash);
            match (keep, inner.copying) {
                (true, _) => {}
                (false, 0) => self.files.unlink(&self.hash),
                (false, _) => drop(inner.gone.insert(self.hash)),
            }
        }
    }
}

/// All files are kept while a backup is written.
pub struct Hold(Arc<FileStore>);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.copying -= 1;
        if inner.copying == 0 {
            let gone = std::mem::take(&mut inner.gone);
            let (now, later) =
                gone.into_iter().partition::<BTreeSet<_>, _>(|hash| !inner.pins.contains_key(hash));
            now.iter().for_each(|hash| self.0.unlink(hash));
            for hash in later {
                inner.pins.get_mut(&hash).into_iter().for_each(|pinned| pinned.keep = false);
            }
        }
    }
}

/// Where a file's bytes are in a directory of files.
pub fn path_in(directory: &Path, hash: &FileHash) -> PathBuf {
    let name = hash.to_string();
    directory.join(&name[..2]).join(name)
}

/// Looks at every whole file in a directory of files: its path, and the hash that it is named by. What lies there
/// besides is somebody else's, and stays.
///
/// # Errors
/// What the system says, and what `each` does.
pub fn walk(
    directory: &Path,
    each: &mut dyn FnMut(&Path, FileHash) -> io::Result<()>,
) -> io::Result<()> {
    for inner in entries(directory)? {
        // Nor is a link followed to where somebody else's are.
        if !inner.file_name().is_some_and(is_ours) || !inner.symlink_metadata()?.is_dir() {
            continue;
        }
        for path in entries(&inner)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let hash =
                name.and_then(FileHash::parse).filter(|hash| path_in(directory, hash) == path);
            if let Some(hash) = hash.filter(|_| path.symlink_metadata().is_ok_and(|m| m.is_file()))
            {
                each(&path, hash)?;
            }
        }
    }
    Ok(())
}

/// Whether a directory has the name of one of those that files are in.
fn is_ours(name: &OsStr) -> bool {
    let digits = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    name.len() == 2 && name.as_encoded_bytes().iter().all(digits)
}

/// What is in a directory, in order; nothing where there is none.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let found = match directory.read_dir() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let mut paths = found.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
