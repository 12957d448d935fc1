//! `antar backup` and `antar restore`.

use crate::conn::Conn;
use crate::kill::{Numbers, id, read, senders};
use crate::realm::{Realm, antar, refusal, run};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::channel;
use tempfile::TempDir;

fn backup(realm: &Realm, to: &Path) -> Output {
    realm.command("backup").arg(to).output().unwrap()
}

fn restore(realm: &Realm, from: &Path) -> Output {
    realm.command("restore").arg(from).output().unwrap()
}

/// What a run that must succeed prints.
#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A directory, and a path in it where nothing is yet.
fn nowhere() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on the way");
    (directory, path)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn of_a_realm_that_is_used_meanwhile() {
    let mut realm = Realm::with("");
    let mut senders = senders(&realm);
    let (_directory, path) = nowhere();
    let mut known = BTreeSet::new();
    std::thread::scope(|scope| {
        let (told, hear) = channel();
        for sender in &mut senders {
            let (told, address) = (told.clone(), realm.address().to_string());
            scope.spawn(move || sender.run(&address, &told));
        }
        known.extend(hear.iter().take(2_000));
        known.extend(hear.try_iter());
        let said = done(&backup(&realm, &path));
        assert!(said.starts_with("antar: backed up "), "{said}");
        // Nobody had to wait for the end of it.
        hear.iter().take(500).for_each(drop);
        realm.kill();
    });
    let mut restored = Realm::stopped("");
    let said = done(&restore(&restored, &path));
    assert!(said.starts_with("antar: restored "), "{said}");
    restored.start();

    let mut sink = restored.connect();
    sink.login("sink");
    let (inbox, room) = (read(&mut sink, "INBOX"), read(&mut sink, "INBOXGROUP room"));
    let there: BTreeSet<u64> = inbox.iter().chain(&room).map(id).collect();
    assert_eq!(there.len(), inbox.len() + room.len(), "an id is there twice");
    assert!(known.is_subset(&there), "what was acknowledged before is not there");
    senders.iter().for_each(|sender| check(sender, &[&inbox[..], &room].concat(), &restored));
    let given = senders.iter().flat_map(|sender| sender.acknowledged.values()).max().unwrap();
    let next = id(&sink.expect_ok("SEND sink after"));
    assert!(next > *given && next > *there.last().unwrap(), "{next} after {given}");
}

#[test]
fn no_realm_is_begun_in_a_backup() {
    let mut realm = Realm::with("");
    drop(realm.user("amy"));
    realm.stop();
    let backups = tempfile::tempdir().unwrap();
    let path = backups.path().join("monday");
    done(&backup(&realm, &path));
    let data = path.to_str().unwrap();
    let password = backups.path().join("password");
    std::fs::write(&password, "pw\n").unwrap();
    for command in [
        &["user", "add", "eve", "--data", data][..],
        &["restore", data, "--data", data],
        &["serve", "--listen", "127.0.0.1:0", "--data", data],
    ] {
        let password = std::fs::File::open(&password).unwrap();
        let said = refusal(&antar().args(command).stdin(password).output().unwrap());
        assert!(said.contains("is a backup, not a realm's"), "{command:?}: {said}");
        let mut left: Vec<_> = path.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["data", "identity.pem"], "{command:?}");
    }
    let mut restored = Realm::stopped("");
    done(&restore(&restored, &path));
    restored.start();
    restored.connect().login("amy");
}

/// What there is of a sender is a beginning of what was sent; tokens are still good.
fn check(sender: &Numbers, messages: &[serde_json::Value], realm: &Realm) {
    let own = messages.iter().filter(|m| m["from"] == sender.name.as_str());
    for (expected, message) in own.enumerate() {
        assert_eq!(sender.number(message), expected as u64, "{}", sender.name);
        if let Some(given) = sender.acknowledged.get(&(expected as u64)) {
            assert_eq!(*given, id(message));
        }
    }
    realm.connect().expect_ok(&format!("WHOAMI {}", sender.token));
}

/// A realm with two users, a group and a message, stopped.
fn stopped() -> Realm {
    let mut realm = Realm::with("");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    amy.expect_ok("ADDGROUP room pw");
    bob.expect_ok("JOINGROUP room pw");
    amy.expect_ok("SEND bob kept");
    realm.stop();
    realm
}

#[track_caller]
fn expect_whole(realm: &mut Realm) -> Conn {
    realm.start();
    let mut bob = realm.connect();
    bob.login("bob");
    let inbox = bob.history("INBOX");
    assert_eq!((inbox.len(), &inbox[0]["message"]), (1, &"kept".into()));
    assert_eq!(bob.ask("MEMBERS room")["data"].as_array().unwrap().len(), 2);
    bob
}

#[test]
fn of_a_stopped_realm_and_of_its_key() {
    let mut realm = stopped();
    let key = realm.data().join("identity.pem");
    std::fs::write(&key, "the key").unwrap();
    let (_directory, path) = nowhere();
    let said = done(&backup(&realm, &path));
    assert!(said.contains("1 messages"), "{said}");
    let mut names: Vec<_> = path.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["data", "identity.pem"]);
    assert_eq!((mode(&path), mode(&path.join("data"))), (0o700, 0o600));
    assert_eq!(mode(&path.join("identity.pem")), 0o600);

    let mut restored = Realm::stopped("");
    done(&restore(&restored, &path));
    let copy = restored.data().join("identity.pem");
    assert_eq!(std::fs::read(&copy).unwrap(), b"the key");
    assert_eq!((mode(&restored.data()), mode(&copy)), (0o700, 0o600));
    // The server would look for a real one.
    [key, copy].iter().for_each(|key| std::fs::remove_file(key).unwrap());
    expect_whole(&mut restored);
    expect_whole(&mut realm);
}

#[test]
fn a_backup_is_not_written_over_anything() {
    let mut realm = stopped();
    let (directory, path) = nowhere();
    std::fs::write(directory.path().join("letter"), "dear").unwrap();
    for running in [false, true] {
        if running {
            realm.start();
        }
        let said = refusal(&backup(&realm, directory.path()));
        assert!(said.contains("is not empty"), "{said}");
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
        let file = directory.path().join("letter");
        assert!(refusal(&backup(&realm, &file)).contains("letter"));
        assert!(refusal(&backup(&realm, Path::new("a\nb"))).contains("another name"));
    }
    done(&backup(&realm, &path));
    assert!(refusal(&backup(&realm, &path)).contains("is not empty"));
    let nobody = antar().args(["backup", "/x", "--data", "/nowhere"]).output().unwrap();
    assert!(refusal(&nobody).contains("no realm in /nowhere"));
}

#[test]
fn a_relative_path_is_the_callers() {
    let realm = Realm::with("");
    let (directory, _) = nowhere();
    done(&realm.command("backup").arg("here").current_dir(directory.path()).output().unwrap());
    assert!(directory.path().join("here/data").exists());
}

#[test]
fn nothing_is_restored_over_a_realm() {
    let mut realm = stopped();
    let (_directory, path) = nowhere();
    done(&backup(&realm, &path));
    let said = refusal(&restore(&realm, &path));
    assert!(said.contains("holds a realm already"), "{said}");
    let mut bob = expect_whole(&mut realm);
    let said = refusal(&restore(&realm, &path));
    assert!(said.contains("another server is using"), "{said}");
    assert_eq!(bob.ask("WHOAMI")["data"], "bob");
}

#[test]
fn what_is_no_whole_backup_is_refused_and_leaves_nothing() {
    let realm = stopped();
    let (directory, path) = nowhere();
    done(&backup(&realm, &path));
    let mut restored = Realm::stopped("");
    let data = path.join("data");
    let whole = std::fs::read(&data).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for (bytes, why) in [
        (&whole[..whole.len() - 9], "its end is missing"),
        (&flipped, "damaged"),
        (b"something else entirely", "not written by antar"),
    ] {
        std::fs::write(&data, bytes).unwrap();
        let said = refusal(&restore(&restored, &path));
        assert!(said.contains(why), "{said}");
        assert!(!restored.data().exists());
    }
    assert!(refusal(&restore(&restored, directory.path())).contains("no whole backup"));
    let missing = refusal(&restore(&restored, &directory.path().join("missing")));
    assert!(missing.contains("there is no directory"), "{missing}");
    std::fs::write(&data, whole).unwrap();
    // A directory that is there and empty, as where it is a mount point.
    std::fs::create_dir(restored.data()).unwrap();
    done(&restore(&restored, &path));
    expect_whole(&mut restored);
}

#[test]
fn a_restore_that_was_killed_is_no_realm_and_can_be_done_again() {
    let realm = stopped();
    let (_directory, path) = nowhere();
    done(&backup(&realm, &path));
    let mut restored = Realm::stopped("");
    done(&restore(&restored, &path));
    // As it is before the end.
    std::fs::write(restored.data().join("unfinished"), "").unwrap();
    let data = restored.data().display().to_string();
    for command in ["serve", "backup"] {
        let mut arguments = vec![command, "--data", &data];
        arguments.extend((command == "backup").then_some("/tmp/antar/none"));
        let said = refusal(&run(&arguments));
        assert!(said.contains("did not finish; run antar restore again"), "{said}");
    }
    done(&restore(&restored, &path));
    expect_whole(&mut restored);
}
