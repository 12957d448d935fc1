//! All files as one stream, for a backup: of each its hash, its length and its bytes.

use super::part::copied;
use super::{FILES, path_in, sync, walk};
use antar_store::{KnownFiles, private_directory, private_file};
use antar_types::FileHash;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// Writes all files of a directory, and returns how many there were.
///
/// # Errors
/// What the system says, and [`ErrorKind::InvalidData`] where a file is not what its name says.
pub fn pack(directory: &Path, to: &mut dyn Write) -> io::Result<u64> {
    let mut many = 0;
    walk(directory, &mut |path, hash| {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        to.write_all(hash.as_bytes())?;
        to.write_all(&length.to_be_bytes())?;
        let copied = copied(&mut file, to)?;
        many += 1;
        match copied == (*hash.as_bytes(), length) {
            true => Ok(()),
            false => Err(damaged(&hash)),
        }
    })?;
    Ok(many)
}

/// Reads what [`pack`] has written, and has each file's bytes written to what `to` makes for it.
///
/// # Errors
/// What the system says, and [`ErrorKind::InvalidData`] where something is damaged.
pub fn unpack<W: Write>(
    from: &mut dyn Read,
    mut to: impl FnMut(&FileHash) -> io::Result<W>,
    mut done: impl FnMut(&FileHash, W) -> io::Result<()>,
) -> io::Result<KnownFiles> {
    let mut found = KnownFiles::new();
    loop {
        let mut head = [0; 40];
        match from.read(&mut head[..1])? {
            0 => return Ok(found),
            read => from.read_exact(&mut head[read..])?,
        }
        let (hash, length) = head.split_at(32);
        let hash = FileHash::from(<[u8; 32]>::try_from(hash).unwrap_or_default());
        let length = u64::from_be_bytes(length.try_into().unwrap_or_default());
        let mut out = to(&hash)?;
        if copied(&mut from.take(length), &mut out)? != (*hash.as_bytes(), length) {
            return Err(damaged(&hash));
        }
        done(&hash, out)?;
        found.insert(hash, length);
    }
}

/// Puts all files that [`pack`] has written into a directory.
///
/// # Errors
/// See [`unpack`].
pub fn restore(from: &mut dyn Read, directory: &Path) -> io::Result<()> {
    let place = |hash: &FileHash| {
        let path = path_in(directory, hash);
        private_directory(path.parent().unwrap_or(directory))?;
        private_file().open(path)
    };
    unpack(from, place, |hash, file| {
        file.sync_all()?;
        path_in(directory, hash).parent().map_or(Ok(()), sync)
    })?;
    Ok(())
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

    #[test]
    fn what_was_packed_is_restored_and_damage_is_found() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for bytes in ["one", "", "three"] {
            let hash = FileHash::from(<[u8; 32]>::from(Sha256::digest(bytes)));
            let path = path_in(from.path(), &hash);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let mut packed = Vec::new();
        assert_eq!(pack(from.path(), &mut packed).unwrap(), 3);
        restore(&mut &packed[..], to.path()).unwrap();
        let mut again = Vec::new();
        pack(to.path(), &mut again).unwrap();
        assert_eq!(again, packed);
        for at in 0..packed.len() {
            let mut spoilt = packed.clone();
            spoilt[at] ^= 1;
            let restored = restore(&mut &spoilt[..], to.path());
            assert!(restored.is_err(), "{at}");
            // Where it is cut off between two files, nobody can tell from the stream alone.
            let cut = unpack(&mut &packed[..at], |_| Ok(io::sink()), |_, _| Ok(()));
            assert!(cut.is_ok_and(|found| found.len() < 3) || at > 0);
        }
        let mut first = from.path().read_dir().unwrap().next().unwrap().unwrap().path();
        first = first.read_dir().unwrap().next().unwrap().unwrap().path();
        std::fs::write(first, "other").unwrap();
        assert!(pack(from.path(), &mut io::sink()).is_err());
    }
}
