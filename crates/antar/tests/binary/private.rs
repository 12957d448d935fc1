//! What a realm keeps is its owner's only, whatever the umask and whatever was there before.

use crate::realm::{Realm, antar};
use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The same command from a shell that keeps nothing from anybody.
fn carelessly(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).env_remove("RUST_LOG");
    shell
}

/// Everything in a directory and itself.
fn all(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        path.read_dir().unwrap().for_each(|entry| all(&entry.unwrap().path(), found));
    }
    found.push(path.into());
}

/// Files are 0600 and directories 0700; how many there are.
#[track_caller]
fn is_private(path: &Path) -> usize {
    let mut found = Vec::new();
    all(path, &mut found);
    for path in &found {
        let found = path.symlink_metadata().unwrap();
        let expected = if found.is_dir() { 0o700 } else { 0o600 };
        let mode = found.permissions().mode() & 0o7777;
        assert_eq!(mode, expected, "{} {mode:o}", path.display());
    }
    found.len()
}

#[track_caller]
fn backed_up(realm: &Realm, name: &str) {
    let to = realm.config().with_file_name(name);
    // One that is there and open to all, and one that is not there.
    if name == "running" {
        std::fs::create_dir(&to).unwrap();
        std::fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
    }
    let mut backup = realm.command("backup");
    let done = carelessly(backup.arg(&to)).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(is_private(&to) >= 3);
    let data = realm.config().with_file_name(format!("{name} restored"));
    let mut again = antar();
    again.arg("restore").arg(&to).arg("--data").arg(&data);
    let done = carelessly(&again).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    is_private(&data);
}

fn serve(realm: &mut Realm) {
    let mut serve = realm.command("serve");
    serve.args(["--listen", "127.0.0.1:0", "--name", "alpha"]);
    realm.run(carelessly(&serve));
}

#[test]
fn under_a_umask_that_keeps_nothing_in_a_directory_that_was_open() {
    let mut realm = Realm::stopped("");
    std::fs::create_dir(realm.data()).unwrap();
    std::fs::set_permissions(realm.data(), Permissions::from_mode(0o755)).unwrap();
    serve(&mut realm);
    assert!(realm.log().contains("others had access"), "{}", realm.log());
    drop(realm.user("amy"));
    realm.stop();
    // As earlier versions left it.
    let mut found = Vec::new();
    all(&realm.data(), &mut found);
    for path in found {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    serve(&mut realm);
    assert!(realm.log().contains("others could read files"), "{}", realm.log());
    let mut amy = realm.connect();
    amy.login("amy");
    amy.expect_ok("SEND amy hello");
    let socket = realm.data().join("antar.sock");
    assert!(socket.metadata().unwrap().file_type().is_socket());
    is_private(&realm.data());
    backed_up(&realm, "running");
    drop(amy);
    realm.stop();
    // The tables among them.
    assert!(is_private(&realm.data()) >= 9);
    backed_up(&realm, "stopped");
}
