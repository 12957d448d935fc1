//! Whose a realm's files are. Whoever is root and works on a realm of somebody else's, as with `sudo antar user
//! add`, does so as that one: a file of root's would be one that the realm cannot use.
//!
//! To become the owner is better than to give the files away in the end: it holds also where the process is
//! killed on its way, and a link that the owner has put there leads root nowhere.

use antar_server::user_name;
use anyhow::Context;
use rustix::fs::{Gid, Uid};
use rustix::{process, thread};
use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Who has a directory that is not root's, where this process is root's.
pub struct Owner {
    directory: PathBuf,
    user: Uid,
    group: Gid,
}

impl Owner {
    /// Of a data directory; where it is not there yet, of the directory that it will be in.
    pub fn of(data: &Path) -> Option<Self> {
        if !process::geteuid().is_root() {
            return None;
        }
        let found = |path: &Path| Some((path.to_owned(), path.metadata().ok()?));
        let whole = std::path::absolute(data).ok()?;
        let (directory, found): (_, Metadata) =
            found(&whole).or_else(|| whole.parent().and_then(found))?;
        let (user, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
        (!user.is_root()).then_some(Self { directory, user, group })
    }

    /// Has this process be the owner's from now on. No other thread may run yet: the system has a thread be
    /// somebody's, and those that it starts.
    ///
    /// # Errors
    /// Where the system does not let root do so.
    pub fn take_place(&self) -> anyhow::Result<()> {
        let (user, group) = (self.user, self.group);
        let become_it = || {
            thread::set_thread_groups(&[])?;
            thread::set_thread_res_gid(group, group, group)?;
            thread::set_thread_res_uid(user, user, user)
        };
        become_it().with_context(|| {
            let name = user_name(user.as_raw());
            format!("{} belongs to {name}; run this as {name}", self.directory.display())
        })
    }

    /// Makes a directory, or takes an empty one of root's, and gives it to the owner to write to.
    ///
    /// # Errors
    /// What the system says.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let give = |path: &Path| chown(path, Some(self.user.as_raw()), Some(self.group.as_raw()));
        if let Ok(found) = path.symlink_metadata() {
            let taken = found.is_dir() && found.uid() == 0 && path.read_dir()?.next().is_none();
            return if taken { give(path) } else { Ok(()) };
        }
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
                self.give(parent)?
            }
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(path)?;
        give(path)
    }
}

/// Has this process be whoever has a data directory, where it is root's and that is somebody else's.
///
/// # Errors
/// See [`Owner::take_place`].
pub fn take_place(data: &Path) -> anyhow::Result<()> {
    Owner::of(data).map_or(Ok(()), |owner| owner.take_place())
}
