//! A file that is being written.

use super::Writing;
use super::kind::Seen;
use antar_store::private_file;
use antar_types::{FileHash, FileName, FileType};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What is said of a file that comes in parts is in a file beside it, with this at the end of its name.
const ABOUT: &str = ".about";

/// Bytes written before they are synced: a disk that gets them all at once at the end makes every
/// commit wait.
const STRETCH: u64 = 8 << 20;

/// Bytes read at once.
const READ: usize = 256 << 10;

/// A file of which not everything is here. What comes at once is removed where it does not become whole.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    length: u64,
    unsynced: u64,
    /// Of everything, where it was all written here.
    hash: Option<Sha256>,
    /// It comes in parts.
    writing: Option<Writing>,
    /// It stays where it is.
    keep: bool,
}

/// A file of which everything is on disk.
#[derive(Debug)]
pub struct Whole {
    /// Which it is.
    pub hash: FileHash,
    /// How many bytes it has.
    pub size: u64,
    /// What its bytes show.
    pub seen: Seen,
    part: Part,
}

impl Part {
    /// Begins one that comes at once.
    pub(super) fn begin(path: PathBuf) -> io::Result<Self> {
        let file = private_file().read(true).open(&path)?;
        let hash = Some(Sha256::new());
        Ok(Self { file, path, length: 0, unsynced: 0, hash, writing: None, keep: false })
    }

    /// Begins one that comes in parts.
    pub(super) fn begin_in_parts(
        path: PathBuf,
        (name, kind): (FileName, FileType),
        announced: Option<u64>,
        writing: Writing,
    ) -> io::Result<Self> {
        let announced = announced.map(|bytes| format!("{bytes}\n")).unwrap_or_default();
        let about = format!("{}\n{}\n{announced}", name.as_str(), kind.as_str());
        private_file().open(beside(&path))?.write_all(about.as_bytes())?;
        let mut part = Self::begin(path)?;
        (part.writing, part.keep) = (Some(writing), true);
        Ok(part)
    }

    /// Goes on with one of which so much is there.
    pub(super) fn go_on(path: PathBuf, length: u64, writing: Writing) -> io::Result<Self> {
        let mut file = File::options().read(true).write(true).open(&path)?;
        file.seek(io::SeekFrom::Start(length))?;
        let writing = Some(writing);
        Ok(Self { file, path, length, unsynced: 0, hash: None, writing, keep: true })
    }

    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What was said of it when it was begun in parts.
    pub fn about(&self) -> Option<(FileName, FileType)> {
        self.writing.as_ref()?;
        let said = std::fs::read_to_string(beside(&self.path)).ok()?;
        let mut lines = said.lines();
        Some((FileName::parse(lines.next()?)?, FileType::parse(lines.next()?)?))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// What the system says; then nothing of it stays.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).inspect_err(|_| self.keep = false)?;
        self.hash.as_mut().into_iter().for_each(|hash| hash.update(bytes));
        self.length += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= STRETCH {
            self.unsynced = 0;
            self.file.sync_data().inspect_err(|_| self.keep = false)?;
        }
        Ok(())
    }

    /// Nothing of it is to stay.
    pub fn discard(&mut self) {
        self.keep = false;
    }

    /// Everything has come: it goes to the disk, and is looked at.
    ///
    /// # Errors
    /// What the system says; then nothing of it stays.
    pub fn finish(mut self) -> io::Result<Whole> {
        self.keep = false;
        self.file.sync_all()?;
        let hash = match self.hash.take() {
            Some(hash) => hash.finalize().into(),
            None => hash_of(&self.file)?.0,
        };
        let seen = Seen::of(&self.file)?;
        Ok(Whole { hash: FileHash::from(hash), size: self.length, seen, part: self })
    }
}

impl Whole {
    pub(super) fn rename(mut self, to: &Path) -> io::Result<()> {
        std::fs::rename(&self.part.path, to)?;
        self.part.keep = true;
        if self.part.writing.is_some() {
            let _ = std::fs::remove_file(beside(&self.part.path));
        }
        Ok(())
    }

    /// What was said of it when it was begun in parts.
    pub fn about(&self) -> Option<(FileName, FileType)> {
        self.part.about()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_file(&self.path);
            if self.writing.is_some() {
                let _ = std::fs::remove_file(beside(&self.path));
            }
        }
    }
}

/// How many bytes a file is to have that comes in parts, where that was said.
pub(super) fn announced(path: &Path) -> Option<u64> {
    std::fs::read_to_string(beside(path)).ok()?.lines().nth(2)?.parse().ok()
}

/// The path of a file that comes in parts, by its own or by that of what is said of it.
pub(super) fn without_about(path: &Path) -> PathBuf {
    let text = path.as_os_str().to_str();
    text.and_then(|text| text.strip_suffix(ABOUT)).map_or_else(|| path.into(), PathBuf::from)
}

pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ABOUT);
    name.into()
}

/// The hash of everything in a file, and how many bytes there are.
///
/// # Errors
/// What the system says.
pub fn hash_of(file: &File) -> io::Result<([u8; 32], u64)> {
    let (mut hash, mut at, mut bytes) = (Sha256::new(), 0, vec![0; READ]);
    loop {
        match file.read_at(&mut bytes, at)? {
            0 => return Ok((hash.finalize().into(), at)),
            read => {
                hash.update(&bytes[..read]);
                at += read as u64;
            }
        }
    }
}

/// On which side copying has failed.
#[derive(Debug)]
pub enum Side {
    Read(io::Error),
    Write(io::Error),
}

impl From<Side> for io::Error {
    fn from(side: Side) -> Self {
        match side {
            Side::Read(error) | Side::Write(error) => error,
        }
    }
}

/// Copies bytes to a file, and returns their hash and how many there were.
///
/// # Errors
/// What the system says, and where the reader fails.
pub fn copied(from: &mut dyn Read, to: &mut dyn Write) -> Result<([u8; 32], u64), Side> {
    let (mut hash, mut many, mut bytes) = (Sha256::new(), 0, vec![0; READ]);
    loop {
        match from.read(&mut bytes).map_err(Side::Read)? {
            0 => return Ok((hash.finalize().into(), many)),
            read => {
                hash.update(&bytes[..read]);
                to.write_all(&bytes[..read]).map_err(Side::Write)?;
                many += read as u64;
            }
        }
    }
}
