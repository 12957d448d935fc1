//! Whose a realm's files are. Whoever is root and works on a realm of somebody else's, as with `sudo antar user
//! add`, does so as that one: a file of root's would be one that the realm cannot use.
//!
//! To become the owner is better than to give the files away in the end: it holds also where the process is
//! killed on its way, and a link that the owner has put there leads root nowhere.

use antar_server::user_name;
use anyhow::Context;
use rustix::fs::{Dir, Gid, OFlags, Uid};
use rustix::{process, thread};
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// What tells whose a realm is where its directory is root's: an account may have been let in by a group.
const FILES: [&str; 3] = ["acknowledged", "log", "tree"];

/// Who has a realm that is not root's, where this process is root's.
pub struct Owner {
    /// What belongs to them.
    theirs: PathBuf,
    user: Uid,
    group: Gid,
    /// Of the directory; it may be what lets them in.
    groups: Vec<Gid>,
}

impl Owner {
    /// Of a data directory, or of what is in it where the directory is root's; where it is not there yet, of
    /// the directory that it will be in.
    pub fn of(data: &Path) -> Option<Self> {
        if !process::geteuid().is_root() {
            return None;
        }
        let found = |path: &Path| Some((path.metadata().ok()?, path.to_owned()));
        let whole = std::path::absolute(data).ok()?;
        let directory = found(&whole).or_else(|| whole.parent().and_then(found))?;
        let groups = Some(Gid::from_raw(directory.0.gid())).filter(|group| !group.is_root());
        let files = FILES.iter().filter_map(|file| found(&whole.join(file)));
        let not_roots = |(found, _): &(Metadata, PathBuf)| found.uid() != 0;
        let (found, theirs) = std::iter::once(directory).chain(files).find(not_roots)?;
        let (user, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
        Some(Self { theirs, user, group, groups: groups.into_iter().collect() })
    }

    /// Has this process be the owner's from now on. No other thread may run yet: the system has a thread be
    /// somebody's, and those that it starts.
    ///
    /// # Errors
    /// Where the system does not let root do so.
    pub fn take_place(&self) -> anyhow::Result<()> {
        let (user, group) = (self.user, self.group);
        let become_it = || {
            thread::set_thread_groups(&self.groups)?;
            thread::set_thread_res_gid(group, group, group)?;
            thread::set_thread_res_uid(user, user, user)
        };
        become_it().with_context(|| {
            let name = user_name(user.as_raw());
            format!("{} belongs to {name}; run this as {name}", self.theirs.display())
        })
    }

    /// Makes a directory, or takes an empty one of root's, and gives it to the owner to write to.
    ///
    /// # Errors
    /// What the system says.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
                self.give(parent)?
            }
            _ => {}
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // What is given is what was looked at: the owner may put something else in its place at any time.
        let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
        let Ok(directory) = File::options().read(true).custom_flags(flags).open(path) else {
            return Ok(());
        };
        // It holds itself and the directory that it is in.
        let empty = Dir::read_from(&directory)?.take(3).count() == 2;
        match directory.metadata()?.uid() == 0 && empty {
            true => fchown(&directory, Some(self.user.as_raw()), Some(self.group.as_raw())),
            false => Ok(()),
        }
    }
}

/// Has this process be whoever has a data directory, where it is root's and that is somebody else's.
///
/// # Errors
/// See [`Owner::take_place`].
pub fn take_place(data: &Path) -> anyhow::Result<()> {
    Owner::of(data).map_or(Ok(()), |owner| owner.take_place())
}
