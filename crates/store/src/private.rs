//! Files and directories that only their owner can read: they hold texts, password hashes and a key.
//!
//! Every file is made so. But the tree makes its own as the process's umask has them, directories may have
//! been there before, and earlier versions were less careful: so it is seen to at each start, too.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What files and directories may have beside their owner's permissions: nothing.
const OTHERS: u32 = 0o077;

/// Of directories that everybody may use, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Directories in directories that are looked into; the tree's tables are in the second.
const DEPTH: usize = 3;

/// How a file is made that is its owner's only.
pub fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

/// Makes a directory that is its owner's only, or makes one so that is there. Returns whether it was made.
///
/// # Errors
/// Where it cannot be made. One that is there and somebody else's is left as it is, which is logged: what is
/// put there is its owner's only all the same.
pub fn directory(path: &Path) -> io::Result<bool> {
    let Ok(found) = path.metadata() else {
        make(path)?;
        return Ok(true);
    };
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mode = found.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(false);
    }
    let octal = format!("{mode:04o}");
    match if mode & STICKY == 0 { close(path, &found) } else { Err(io::ErrorKind::Other.into()) } {
        Ok(()) => {
            tracing::warn!(?path, mode = octal, "others had access; it is its owner's only now")
        }
        Err(_) => tracing::warn!(
            ?path,
            mode = octal,
            "others have access to this directory, and it is not this server's alone; give it one of its own"
        ),
    }
    Ok(false)
}

/// Makes a directory, and those it is in where they are missing, with names that are on the disk: what is synced in
/// a directory whose name is lost is lost with it.
fn make(path: &Path) -> io::Result<()> {
    let there = |path: &&Path| path.as_os_str().is_empty() || path.exists();
    let missing = path.ancestors().take_while(|path| !there(path)).count();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Whatever the umask took away.
    std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
    let parents = path.canonicalize()?;
    for parent in parents.ancestors().skip(1).take(missing) {
        // One that may not be opened is not this account's, and there is no other way to sync it.
        File::open(parent).map_or(Ok(()), |parent| parent.sync_all())?;
    }
    Ok(())
}

/// Makes what is at some paths of a directory its owner's only, with everything in it.
pub fn all_of(directory: &Path, names: &[&str]) {
    let closed: u64 = names.iter().map(|name| walk(&directory.join(name), DEPTH)).sum();
    if closed > 0 {
        tracing::warn!(
            ?directory,
            files = closed,
            "others could read files; only their owner can now"
        );
    }
}

/// How many were open to others and are not now. What cannot be changed is somebody else's, and what may
/// not be read is found out by whoever reads it.
fn walk(path: &Path, depth: usize) -> u64 {
    let Ok(found) = path.symlink_metadata() else { return 0 };
    if found.is_symlink() {
        return 0;
    }
    let mut closed = 0;
    if found.mode() & OTHERS != 0 && close(path, &found).is_ok() {
        closed += 1;
    }
    if found.is_dir() && depth > 0 {
        let entries = path.read_dir().into_iter().flatten().flatten();
        closed += entries.map(|entry| walk(&entry.path(), depth - 1)).sum::<u64>();
    }
    closed
}

fn close(path: &Path, found: &Metadata) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o7777 & !OTHERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn directories_are_made_and_closed() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        assert!(directory(&path).unwrap());
        assert_eq!((mode(&path), mode(&outer.path().join("a"))), (0o700, 0o700));
        set(&path, 0o755);
        assert!(!directory(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
        // Everybody's stays everybody's.
        set(&path, 0o1777);
        assert!(!directory(&path).unwrap());
        assert_eq!(mode(&path), 0o1777);
        let file = outer.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(directory(&file).is_err());
    }

    #[test]
    fn only_what_is_named_is_closed_and_no_link_is_followed() {
        let outer = tempfile::tempdir().unwrap();
        let path = |name: &str| outer.path().join(name);
        std::fs::create_dir_all(path("tree/tables")).unwrap();
        for name in ["tree/tables/0", "other", "mark"] {
            std::fs::write(path(name), "").unwrap();
            set(&path(name), 0o644);
        }
        symlink(path("other"), path("tree/link")).unwrap();
        set(&path("tree"), 0o755);
        set(&path("tree/tables"), 0o700);
        all_of(outer.path(), &["tree", "mark", "missing"]);
        let modes = ["tree", "tree/tables", "tree/tables/0", "mark", "other"];
        assert_eq!(modes.map(|name| mode(&path(name))), [0o700, 0o700, 0o600, 0o600, 0o644]);
    }
}
