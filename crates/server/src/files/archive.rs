//! All files as one stream, for a backup: of each its hash, its length and its bytes.
//!
//! What data name and what is there are compared in one way ([`wrong`]), wherever it is: in a data directory that is
//! checked or backed up, in a backup, and in what is restored of one.

use super::part::{Side, copied};
use super::{FILES, hash_of, path_in, sync};
use antar_store::{Damage, KnownFiles, private_directory, private_file, why_refused};
use antar_types::FileHash;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// What a file has: the hash of its bytes, and how many there are.
pub type Content = ([u8; 32], u64);

/// Files as they were found, each by the hash that it is named by.
pub type Found = BTreeMap<FileHash, Content>;

/// What is wrong with a file of so many bytes that data name, as it was found.
pub fn wrong(hash: &FileHash, size: u64, found: Result<Content, String>) -> Option<Damage> {
    let what = match found {
        Err(what) => what,
        Ok((_, bytes)) if bytes != size => format!("has {bytes} bytes, and had {size}"),
        Ok((found, _)) if found != *hash.as_bytes() => {
            "is damaged: its bytes are others than those it is named by".into()
        }
        Ok(_) => return None,
    };
    Some(Damage { place: format!("file {hash}"), what })
}

/// What is wrong with the files that data name, as they are in a backup.
pub fn lacking(known: &KnownFiles, found: &Found) -> Vec<Damage> {
    let found = |hash: &FileHash| found.get(hash).copied().ok_or_else(missing);
    known.iter().filter_map(|(hash, size)| wrong(hash, *size, found(hash))).collect()
}

fn missing() -> String {
    "is missing".into()
}

/// Reads a file of a directory of files.
pub fn look(directory: &Path, hash: &FileHash) -> Result<Content, String> {
    let path = path_in(directory, hash);
    File::open(&path).and_then(|file| hash_of(&file)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(),
        _ => format!("cannot be read: {error}{}", why_refused(&path, &error)),
    })
}

/// Writes the files that data name, and returns which of them are not as they were: those are left out.
///
/// # Errors
/// What the system says, and [`ErrorKind::InvalidData`] where a file changes while it is read.
pub fn pack(known: &KnownFiles, from: &Path, to: &mut dyn Write) -> io::Result<Vec<Damage>> {
    let mut lacks = Vec::new();
    for (hash, size) in known {
        if let Some(damage) = wrong(hash, *size, look(from, hash)) {
            lacks.push(damage);
            continue;
        }
        to.write_all(hash.as_bytes())?;
        to.write_all(&size.to_be_bytes())?;
        let copied = copied(&mut File::open(path_in(from, hash))?, to)?;
        if copied != (*hash.as_bytes(), *size) {
            return Err(damaged(hash));
        }
    }
    Ok(lacks)
}

/// Why what [`pack`] has written is not read to its end.
#[derive(Debug)]
pub enum NotUnpacked {
    /// It cannot be read from this byte on, which is of this file if one had begun.
    Read(u64, Option<FileHash>, io::Error),
    /// What is made of it cannot be written.
    Write(PathBuf, io::Error),
}

impl NotUnpacked {
    /// What a reader says.
    pub fn told(self) -> io::Error {
        match self {
            Self::Write(_, error) => error,
            Self::Read(at, of, error) => {
                let what = match error.kind() {
                    ErrorKind::UnexpectedEof => "it is cut off".into(),
                    _ => error.to_string(),
                };
                let of =
                    of.map_or("between two files".into(), |hash| format!("in the file {hash}"));
                io::Error::new(error.kind(), format!("{what} at byte {at}, {of}"))
            }
        }
    }
}

/// Reads what [`pack`] has written, and has each file's bytes written to what `to` makes for it; then `done` hears what
/// they were.
///
/// # Errors
/// See [`NotUnpacked`]. Files with other bytes than they had are none.
pub fn unpack<W: Write>(
    from: &mut dyn Read,
    mut to: impl FnMut(&FileHash) -> Result<W, NotUnpacked>,
    mut done: impl FnMut(&FileHash, W, Content) -> Result<(), NotUnpacked>,
) -> Result<Found, NotUnpacked> {
    let (mut found, mut at) = (Found::new(), 0);
    loop {
        let mut head = [0; 40];
        let read = from.read(&mut head[..1]).map_err(|error| NotUnpacked::Read(at, None, error))?;
        if read == 0 {
            return Ok(found);
        }
        let whole = from.read_exact(&mut head[1..]);
        whole.map_err(|error| NotUnpacked::Read(at, None, error))?;
        let (hash, length) = head.split_at(32);
        let hash = FileHash::from(<[u8; 32]>::try_from(hash).unwrap_or_default());
        let length = u64::from_be_bytes(length.try_into().unwrap_or_default());
        at += head.len() as u64;
        let mut out = to(&hash)?;
        let copied = copied(&mut from.take(length), &mut out).map_err(|error| match error {
            Side::Read(error) => NotUnpacked::Read(at, Some(hash), error),
            Side::Write(error) => NotUnpacked::Write(hash.to_string().into(), error),
        })?;
        at += copied.1;
        if copied.1 < length {
            return Err(NotUnpacked::Read(at, Some(hash), ErrorKind::UnexpectedEof.into()));
        }
        done(&hash, out, copied)?;
        found.insert(hash, copied);
    }
}

/// Reads what [`pack`] has written.
///
/// # Errors
/// See [`unpack`].
pub fn read(from: &mut dyn Read) -> Result<Found, NotUnpacked> {
    unpack(from, |_| Ok(io::sink()), |_, _, _| Ok(()))
}

/// Puts all files that [`pack`] has written into a directory.
///
/// # Errors
/// See [`unpack`]; also where a file has other bytes than it had.
pub fn restore(from: &mut dyn Read, directory: &Path) -> Result<Found, NotUnpacked> {
    let failed = |hash: &FileHash| {
        let path = path_in(directory, hash);
        move |error| NotUnpacked::Write(path, error)
    };
    let mut at = 0;
    let place = |hash: &FileHash| {
        let path = path_in(directory, hash);
        let made = private_directory(path.parent().unwrap_or(directory));
        made.and_then(|_| private_file().open(path)).map_err(failed(hash))
    };
    unpack(from, place, |hash, file, content| {
        at += 40 + content.1;
        if content.0 != *hash.as_bytes() {
            return Err(NotUnpacked::Read(at, Some(*hash), damaged(hash)));
        }
        let synced = file.sync_all();
        let path = path_in(directory, hash);
        synced.and_then(|()| path.parent().map_or(Ok(()), sync)).map_err(failed(hash))
    })
}

/// Copies a file of a data directory to where there is none yet; whether there is one.
///
/// # Errors
/// What the system says, and [`ErrorKind::InvalidData`] where its bytes are others than its name says.
pub fn copy(data: &Path, hash: &FileHash, to: &Path) -> io::Result<bool> {
    let mut from = match File::open(path_in(&data.join(FILES), hash)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        from => from?,
    };
    let mut file = private_file().open(to)?;
    if copied(&mut from, &mut file)?.0 != *hash.as_bytes() {
        return Err(damaged(hash));
    }
    file.sync_all()?;
    Ok(true)
}

fn damaged(hash: &FileHash) -> io::Error {
    let text =
        format!("the file {hash} is damaged: its bytes are others than those that it is named by");
    io::Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn hash(bytes: &str) -> FileHash {
        FileHash::from(<[u8; 32]>::from(Sha256::digest(bytes)))
    }

    /// A directory of files, and what data say of them.
    fn files() -> (tempfile::TempDir, KnownFiles) {
        let (directory, mut known) = (tempfile::tempdir().unwrap(), KnownFiles::new());
        for bytes in ["one", "", "three"] {
            let path = path_in(directory.path(), &hash(bytes));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
            known.insert(hash(bytes), bytes.len() as u64);
        }
        (directory, known)
    }

    #[test]
    fn what_was_packed_is_restored_and_damage_is_found() {
        let ((from, known), to) = (files(), tempfile::tempdir().unwrap());
        let mut packed = Vec::new();
        assert!(pack(&known, from.path(), &mut packed).unwrap().is_empty());
        assert!(lacking(&known, &restore(&mut &packed[..], to.path()).unwrap()).is_empty());
        let mut again = Vec::new();
        assert!(pack(&known, to.path(), &mut again).unwrap().is_empty());
        assert_eq!(again, packed);
        for at in 0..packed.len() {
            let mut spoilt = packed.clone();
            spoilt[at] ^= 1;
            let restored = restore(&mut &spoilt[..], to.path());
            assert!(matches!(restored, Err(NotUnpacked::Read(..))), "{at}");
            let found = read(&mut &spoilt[..]);
            assert!(found.is_err() || lacking(&known, &found.unwrap()).len() == 1, "{at}");
        }
    }

    #[test]
    fn where_it_is_cut_off_is_told() {
        let (from, known) = files();
        let mut packed = Vec::new();
        pack(&known, from.path(), &mut packed).unwrap();
        let mut whole = Vec::new();
        for at in 0..packed.len() {
            match read(&mut &packed[..at]) {
                // Between two files: what follows is missing.
                Ok(found) => whole.push(lacking(&known, &found).len()),
                Err(error @ NotUnpacked::Read(..)) => {
                    let said = error.told().to_string();
                    assert!(said.starts_with("it is cut off at byte "), "{said}");
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(whole, [3, 2, 1]);
    }

    #[test]
    fn what_is_not_as_it_was_is_left_out_and_named() {
        let (from, mut known) = files();
        std::fs::write(path_in(from.path(), &hash("one")), "two").unwrap();
        std::fs::write(path_in(from.path(), &hash("three")), "thre").unwrap();
        known.insert(hash("four"), 4);
        let mut packed = Vec::new();
        let lacks = pack(&known, from.path(), &mut packed).unwrap();
        let said = |bytes: &str| {
            let place = format!("file {}", hash(bytes));
            let found = lacks.iter().find(|damage| damage.place == place);
            found.map(|damage| damage.what.split(':').next().unwrap())
        };
        assert_eq!(said("one"), Some("is damaged"));
        assert_eq!(said("three"), Some("has 4 bytes, and had 5"));
        assert_eq!((said("four"), said("")), (Some("is missing"), None));
        let found = read(&mut &packed[..]).unwrap();
        assert_eq!((found.len(), lacking(&known, &found).len()), (1, 3));
    }
}
