//! Files on a disk, as a crash and those who use them at once leave them.

use super::*;
use sha2::{Digest, Sha256};

fn hash(bytes: &[u8]) -> FileHash {
    FileHash::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}

fn about() -> (FileName, FileType) {
    (FileName::cleaned("a.txt"), FileType::default())
}

struct Place {
    files: Arc<FileStore>,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { files: Arc::new(FileStore::new(directory.path())), directory }
    }

    /// Brings a file; whether it is kept is the caller's to say.
    fn bring(&self, bytes: &[u8]) -> Pin {
        self.files.make().unwrap();
        let mut part = self.files.begin().unwrap();
        part.write(bytes).unwrap();
        let whole = part.finish().unwrap();
        assert_eq!((whole.hash, whole.size), (hash(bytes), bytes.len() as u64));
        let pin = self.files.pin(whole.hash);
        self.files.put(whole).unwrap();
        pin
    }

    fn has(&self, bytes: &[u8]) -> bool {
        std::fs::read(self.files.path(&hash(bytes))).is_ok_and(|found| found == bytes)
    }

    fn uploads(&self) -> usize {
        entries(&self.directory.path().join("files/uploads")).unwrap().len()
    }
}

#[test]
fn what_is_not_acknowledged_goes_again() {
    let place = Place::new();
    let pin = place.bring(b"one");
    assert!(place.has(b"one"));
    drop(pin);
    assert!(!place.has(b"one"));
    let pin = place.bring(b"one");
    pin.keep();
    drop(pin);
    assert!(place.has(b"one") && place.uploads() == 0);
    // Somebody else's is not touched where it is brought once more for nothing.
    drop(place.bring(b"one"));
    assert!(place.has(b"one"));
    place.files.remove(hash(b"one"));
    assert!(!place.has(b"one"));
}

#[test]
fn what_is_brought_while_it_is_removed_stays() {
    let place = Place::new();
    place.bring(b"one").keep();
    let pin = place.bring(b"one");
    place.files.remove(hash(b"one"));
    assert!(place.has(b"one"));
    pin.keep();
    drop(pin);
    assert!(place.has(b"one"));
    let pins = [place.bring(b"one"), place.bring(b"one")];
    place.files.remove(hash(b"one"));
    drop(pins);
    assert!(!place.has(b"one"));
}

#[test]
fn nothing_goes_while_a_backup_is_written() {
    let place = Place::new();
    place.bring(b"one").keep();
    place.bring(b"two").keep();
    let hold = place.files.hold();
    place.files.remove(hash(b"one"));
    place.files.remove(hash(b"two"));
    assert!(place.has(b"one"));
    place.bring(b"two").keep();
    drop(hold);
    assert!(!place.has(b"one") && place.has(b"two"));
}

#[test]
fn a_file_comes_in_parts_and_only_one_at_a_time() {
    let place = Place::new();
    place.files.make().unwrap();
    let (account, whole) = (AccountId(7), hash(b"onetwo"));
    let resume = |at| place.files.resume(account, whole, at, about());
    assert!(matches!(resume(3), Err(NotResumed::Missing)));
    let mut part = resume(0).unwrap();
    part.write(b"one").unwrap();
    assert!(matches!(resume(3), Err(NotResumed::Busy)));
    drop(part);
    assert_eq!(place.files.progress(account, &whole), Some(3));
    assert_eq!(place.files.progress(AccountId(8), &whole), None);
    assert!(matches!(resume(2), Err(NotResumed::Other(3))));
    assert_eq!(place.files.begun(account, None), (3, 3));
    assert_eq!(place.files.begun(account, Some(whole)), (0, 0));
    assert_eq!(place.files.begun(AccountId(8), Some(whole)), (0, 3));
    let mut part = resume(3).unwrap();
    part.write(b"two").unwrap();
    let done = part.finish().unwrap();
    assert_eq!((done.hash, done.about()), (whole, Some(about())));
    let pin = place.files.pin(whole);
    place.files.put(done).unwrap();
    pin.keep();
    assert!(place.has(b"onetwo") && place.uploads() == 0);
    for n in 0..PARTS {
        drop(place.files.resume(account, hash(&[n as u8]), 0, about()).unwrap());
    }
    assert!(matches!(resume(0), Err(NotResumed::TooMany)));
    place.files.give_up(Duration::from_secs(60)).unwrap();
    assert_eq!(place.uploads(), 2 * PARTS);
    place.files.give_up(Duration::ZERO).unwrap();
    assert_eq!(place.uploads(), 0);
}

#[test]
fn a_start_sorts_out_what_a_crash_has_left() {
    let place = Place::new();
    for bytes in [b"one", b"two"] {
        place.bring(bytes).keep();
    }
    let files = place.directory.path().join("files");
    std::fs::write(files.join("uploads/new-0"), "half").unwrap();
    // What is no file of ours is somebody else's, also where a link leads there.
    let others = tempfile::tempdir().unwrap();
    let theirs = [files.join("strange"), files.join("lost+found/x"), others.path().join("y")];
    std::fs::create_dir_all(files.join("lost+found/x")).unwrap();
    std::os::unix::fs::symlink(others.path(), files.join("ab")).unwrap();
    std::fs::write(&theirs[0], "").unwrap();
    std::fs::write(&theirs[2], "").unwrap();
    let kept = place.files.resume(AccountId(7), hash(b"x"), 0, about()).unwrap();
    drop(kept);
    let known = HashMap::from([(hash(b"one"), 3), (hash(b"missing"), 3)]);
    place.files.sort_out(&known).unwrap();
    assert!(place.has(b"one") && !place.has(b"two"));
    assert!(theirs.iter().all(|path| path.exists()));
    assert_eq!(place.uploads(), 2);
    // A directory without files is one of a realm that never had any.
    let other = tempfile::tempdir().unwrap();
    FileStore::new(other.path()).sort_out(&known).unwrap();
}
