//! What the system says of a file, with the file's name, and with whose it is where that is why.

use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Directories in a directory that are looked into for what is to blame.
const DEPTH: usize = 3;

/// Names the file that something was done with.
pub trait At<T> {
    /// The same, with the path and the reason in what an error says.
    ///
    /// # Errors
    /// The same, of the same kind.
    fn at(self, path: &Path) -> io::Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> io::Result<T> {
        self.map_err(|error| named(path, error))
    }
}

/// An error with the path that it is about, and with whose that is where it may not be used.
pub fn named(path: &Path, error: io::Error) -> io::Error {
    let why = why(path, &error);
    io::Error::new(error.kind(), format!("{}: {error}{why}", path.display()))
}

/// The same of something that was done somewhere in a directory: what may not be used there is named.
pub fn named_in(directory: &Path, error: io::Error) -> io::Error {
    let blamed = match error.kind() {
        ErrorKind::PermissionDenied => closed(directory, DEPTH),
        _ => None,
    };
    named(&blamed.unwrap_or(directory.into()), error)
}

/// The first file that this process may not use.
fn closed(path: &Path, depth: usize) -> Option<PathBuf> {
    let directory = path.is_dir();
    let whole = Access::READ_OK | Access::WRITE_OK;
    let wanted = if directory { whole | Access::EXEC_OK } else { whole };
    if access(path, wanted).is_err() {
        return Some(path.into());
    }
    let entries = if directory && depth > 0 { path.read_dir().ok() } else { None };
    entries?.flatten().find_map(|entry| closed(&entry.path(), depth - 1))
}

/// Why something may not be used: whose it is, or its mode; nothing where that is not the reason.
pub fn why(path: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return String::new();
    }
    // What cannot be seen, or is not there, is in a directory that may not be used.
    let seen = path.ancestors().find_map(|path| Some((path, path.metadata().ok()?)));
    let Some((seen, found)) = seen else { return String::new() };
    let what = if seen == path { "it".into() } else { seen.display().to_string() };
    because(&what, &found, geteuid().as_raw())
}

fn because(what: &str, found: &Metadata, me: u32) -> String {
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    match owner == me {
        true => format!("; {what} has mode {mode:04o}"),
        false => format!(
            "; {what} belongs to {}, this process runs as {} (chown gives it back)",
            user(owner),
            user(me)
        ),
    }
}

/// What an account is called, where this machine's list has it.
pub fn user(id: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_named_and_whose_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log/3");
        let shown = path.display();
        let full = named(&path, ErrorKind::StorageFull.into());
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert_eq!(full.to_string(), format!("{shown}: {}", ErrorKind::StorageFull));
        // It is not there, so it is its directory that may not be used.
        let denied = named(&path, ErrorKind::PermissionDenied.into()).to_string();
        let found = directory.path().metadata().unwrap();
        let (inside, mode) = (directory.path().display(), found.mode() & 0o7777);
        let mode = format!("; {inside} has mode {mode:04o}");
        assert!(denied.starts_with(&shown.to_string()) && denied.ends_with(&mode), "{denied}");
        let said = because("it", &found, found.uid() + 1);
        assert!(said.starts_with(&format!("; it belongs to {}", user(found.uid()))), "{said}");
        assert_eq!((user(0), user(u32::MAX - 7)), ("root".into(), format!("uid {}", u32::MAX - 7)));
    }
}
