//! Files on a disk, as a crash and those who use them at once leave them.

use super::*;
use sha2::{Digest, Sha256};

fn hash(bytes: &[u8]) -> FileHash {
    FileHash::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}

fn about() -> (FileName, FileType) {
    (FileName::cleaned("a.txt"), FileType::default())
}

const ROOM: FileRoom = FileRoom { file: 1_000, account: 1_000, realm: 1_000 };

/// The next part, of which it is said how many bytes the file has with it, and how many it is to have.
fn coming(offset: u64, end: u64, whole: Option<u64>) -> Coming {
    Coming { offset, end: Some(end), whole, last: whole == Some(end), about: about() }
}

struct Place {
    files: Arc<FileStore>,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { files: Arc::new(FileStore::new(directory.path(), 400)), directory }
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
    let resume = |at| {
        let coming = Coming { end: None, ..coming(at, 0, None) };
        place.files.resume((account, whole), coming, ROOM).map(|(part, _)| part)
    };
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
        drop(place.files.resume((account, hash(&[n as u8])), coming(0, 0, None), ROOM).unwrap());
    }
    assert!(matches!(resume(0), Err(NotResumed::TooMany)));
    place.files.give_up(Duration::from_secs(60)).unwrap();
    assert_eq!(place.uploads(), 2 * PARTS);
    place.files.give_up(Duration::ZERO).unwrap();
    assert_eq!(place.uploads(), 0);
}

/// What is announced takes its room from the first part on, so that whatever was begun can be ended.
#[test]
fn an_announced_file_takes_its_room_at_once() {
    let place = Place::new();
    place.files.make().unwrap();
    let (account, room) = (AccountId(7), FileRoom { account: 100, ..ROOM });
    let [one, two] = [b"one", b"two"].map(|bytes| (account, hash(bytes)));
    let resume = |of, coming| place.files.resume(of, coming, room);
    let (part, most) = resume(one, coming(0, 3, Some(60))).unwrap();
    assert_eq!((most, place.files.begun(account, None)), (60, (60, 60)));
    assert!(matches!(resume(two, coming(0, 3, Some(41))), Err(NotResumed::TooMany)));
    drop(part);
    assert!(matches!(resume(two, coming(0, 41, None)), Err(NotResumed::TooMany)));
    // While it is written, also what was not announced.
    let (part, _) = resume(two, coming(0, 40, None)).unwrap();
    assert_eq!(place.files.begun(account, None), (100, 100));
    drop(part);
    assert_eq!(place.files.begun(account, None), (60, 60));
    let mut part = resume(one, coming(0, 3, Some(50))).unwrap().0;
    part.write(b"one").unwrap();
    drop(part);
    for other in
        [coming(3, 6, Some(60)), coming(3, 51, None), Coming { last: true, ..coming(3, 6, None) }]
    {
        assert!(matches!(resume(one, other), Err(NotResumed::Announced)));
    }
    let part = resume(one, coming(3, 6, Some(50))).unwrap().0;
    assert!(matches!(place.files.cancel(account, one.1), Err(NotResumed::Busy)));
    drop(part);
    assert!(place.files.cancel(account, one.1).unwrap());
    assert!(!place.files.cancel(account, one.1).unwrap());
    assert_eq!((place.files.begun(account, None), place.uploads()), ((0, 0), 2));
    place.files.remove_uploads(AccountId(8));
    assert_eq!(place.uploads(), 2);
    place.files.remove_uploads(account);
    assert_eq!(place.uploads(), 0);
}

#[test]
fn an_upload_that_goes_on_keeps_what_was_said_of_it() {
    let place = Place::new();
    place.files.make().unwrap();
    let of = (AccountId(7), hash(b"onetwo"));
    drop(place.files.resume(of, coming(0, 3, None), ROOM).unwrap());
    let uploads = place.directory.path().join("files/uploads");
    let set = |ending: &str, age: u64| {
        let path = uploads.join(format!("7-{}{ending}", of.1));
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    };
    for (part, said) in [(0, 100), (100, 0)] {
        set("", part);
        set(".about", said);
        place.files.give_up(Duration::from_secs(60)).unwrap();
        assert_eq!(place.uploads(), 2);
    }
    set(".about", 100);
    let part = place.files.resume(of, coming(0, 3, None), ROOM).unwrap();
    set("", 100);
    set(".about", 100);
    place.files.give_up(Duration::from_secs(60)).unwrap();
    assert_eq!(place.uploads(), 2);
    drop(part);
    place.files.give_up(Duration::from_secs(60)).unwrap();
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
    for account in [7, 8] {
        let of = (AccountId(account), hash(b"x"));
        drop(place.files.resume(of, coming(0, 0, Some(9)), ROOM).unwrap());
    }
    let known = HashMap::from([(hash(b"one"), 3), (hash(b"missing"), 3)]);
    // Of two who were bringing something one is gone.
    let again = FileStore::new(place.directory.path(), 400);
    again.sort_out(&known, |account| account == AccountId(7)).unwrap();
    assert_eq!(again.begun(AccountId(7), None), (9, 9));
    assert!(place.has(b"one") && !place.has(b"two"));
    assert!(theirs.iter().all(|path| path.exists()));
    assert_eq!(place.uploads(), 2);
    // A directory without files is one of a realm that never had any.
    let other = tempfile::tempdir().unwrap();
    FileStore::new(other.path(), 400).sort_out(&known, |_| true).unwrap();
}
