//! `antar check`.

use crate::realm::{Realm, antar, refusal};
use std::path::Path;
use std::process::Output;

/// A stopped realm with a message in it.
fn stopped() -> Realm {
    let mut realm = Realm::with("");
    let mut amy = realm.connect();
    amy.expect_ok("REGISTER amy pw");
    amy.expect_ok("SEND amy kept");
    drop(amy);
    realm.kill();
    realm
}

fn check(realm: &Realm) -> Output {
    realm.command("check").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_stopped_realm_is_checked_and_a_running_one_is_not() {
    let mut realm = stopped();
    let output = check(&realm);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("1 messages") && said.ends_with("no damage found\n"), "{said}");
    realm.start();
    assert!(refusal(&check(&realm)).contains("stop it"));
    let nobody = antar().args(["check", "--data", "/nowhere"]).output().unwrap();
    assert!(refusal(&nobody).contains("no realm in /nowhere"));
}

#[test]
fn damage_is_named_and_told_by_the_exit_code() {
    let realm = stopped();
    std::fs::write(realm.data().join("identity.pem"), "no key").unwrap();
    std::fs::write(realm.data().join("tree/current"), "rubbish").unwrap();
    let output = check(&realm);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for line in ["antar: damaged: tree/current: ", "antar: damaged: identity.pem: "] {
        assert!(said.contains(line), "{said}");
    }
    assert!(text(&output.stderr).contains("antar restore"), "{}", text(&output.stderr));
}

#[test]
fn a_backup_is_checked_too() {
    let (realm, directory) = (stopped(), tempfile::tempdir().unwrap());
    let path = directory.path().join("backup");
    assert!(realm.command("backup").arg(&path).output().unwrap().status.success());
    let checked = |path: &Path| antar().arg("check").arg(path).output().unwrap();
    let said = text(&checked(&path).stdout);
    assert!(said.contains("is whole: 1 messages"), "{said}");
    assert!(refusal(&checked(directory.path())).contains("is no backup"));
    let data = path.join("data");
    let mut bytes = std::fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    assert!(refusal(&checked(&path)).contains("damaged before byte"));
}
