//! A disk that fails under the real binary.

use crate::conn::Conn;
use crate::realm::{PATIENCE, antar, refusal};
use crate::system::Faulty;
use std::time::{Duration, Instant};

/// What the system says of a device that fails, and of one that is full.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Sends to oneself; the id where it was acknowledged.
fn sent(conn: &mut Conn, text: &str) -> Option<u64> {
    let reply = conn.ask(&format!("SEND amy {text}"));
    if reply["status"] != "OK" {
        assert_eq!(reply["code"], "unavailable", "{reply}");
        return None;
    }
    reply["id"].as_u64()
}

/// Ids and texts of a whole mailbox.
fn inbox(conn: &mut Conn) -> Vec<(u64, String)> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = conn.expect_ok(&format!("INBOX after={after} limit=200"));
        for message in page["data"].as_array().unwrap() {
            after = message["id"].as_u64().unwrap();
            all.push((after, message["message"].as_str().unwrap().to_owned()));
        }
        if page["more"].is_null() {
            return all;
        }
    }
}

fn refuses_reads_on_and_recovers(call: &str, error: i32) {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    let mut kept: Vec<(u64, String)> = Vec::new();
    let mut unknown = Vec::new();
    for round in 0..2 {
        for n in 0..20 {
            let text = format!("{round} {n}");
            kept.push((sent(&mut amy, &text).expect("the disk is well"), text));
        }
        disk.fail(call, error);
        // What was in flight when it failed may turn up; what was asked later may not.
        unknown.push(format!("{round} fails"));
        assert_eq!(sent(&mut amy, &unknown[round]), None);
        for _ in 0..5 {
            assert_eq!(sent(&mut amy, "nothing is taken"), None);
            let found = inbox(&mut amy);
            assert!(kept.iter().all(|message| found.contains(message)), "{found:?}");
        }
        assert_eq!(disk.realm.connect().ask("REGISTER bob pw")["code"], "unavailable");
        disk.mend();
        let began = Instant::now();
        while sent(&mut amy, &unknown[round]).is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not recover: {}", disk.realm.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    disk.realm.kill();
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    let found = inbox(&mut amy);
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    let (others, acknowledged): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, text)| unknown.contains(text));
    assert_eq!(acknowledged, kept);
    // Each was acknowledged at the second try, and may have been kept at the first.
    assert!((2..=4).contains(&others.len()), "{others:?}");
}

#[test]
fn a_disk_that_cannot_sync() {
    refuses_reads_on_and_recovers("sync", EIO);
}

#[test]
fn a_disk_that_cannot_write() {
    refuses_reads_on_and_recovers("write", EIO);
}

#[test]
fn a_disk_that_is_full() {
    refuses_reads_on_and_recovers("write", ENOSPC);
}

#[test]
fn what_could_not_be_synced_is_written_again_before_anything_follows_it() {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    let mut kept = Vec::new();
    for round in 0..3 {
        kept.push(sent(&mut amy, "x").expect("the disk is well"));
        disk.fail("sync", EIO);
        assert_eq!(sent(&mut amy, "not synced"), None);
        if round == 1 {
            // The next process finds it in the system's memory.
            disk.realm.kill();
            disk.mend();
            disk.start();
            amy = disk.realm.connect();
            amy.login("amy");
            continue;
        }
        disk.mend();
        let began = Instant::now();
        while sent(&mut amy, "again").is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not recover: {}", disk.realm.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    kept.push(sent(&mut amy, "x").expect("the disk is well"));
    assert!(disk.cut_power() >= 3);
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    let found = inbox(&mut amy).into_iter().filter(|(_, text)| text == "x");
    assert_eq!(found.map(|(id, _)| id).collect::<Vec<_>>(), kept);
}

/// What is synced in a directory whose own name is lost is lost with it.
#[test]
fn a_first_account_is_in_directories_whose_names_are_on_the_disk() {
    let system = Faulty::with("");
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("made/on the way");
    let password = outer.path().join("password");
    std::fs::write(&password, "pw\n").unwrap();
    let mut add = antar();
    add.args(["user", "add", "amy", "--data"]).arg(&data);
    system.carry(add.stdin(std::fs::File::open(password).unwrap()));
    assert!(add.output().unwrap().status.success());
    let synced = system.synced_directories();
    let names = [outer.path().into(), outer.path().join("made"), data.clone(), data.join("log")];
    for directory in names {
        assert!(synced.contains(&directory), "{} of {synced:?}", directory.display());
    }
    assert!(synced.contains(&system.realm.data().parent().unwrap().into()), "{synced:?}");
}

#[test]
fn a_realm_is_stopped_while_its_disk_fails() {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    assert!(sent(&mut amy, "kept").is_some());
    disk.fail("sync", EIO);
    assert_eq!(sent(&mut amy, "nothing is taken"), None);
    disk.realm.stop();
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    assert_eq!(inbox(&mut amy)[0].1, "kept");
}

#[test]
fn a_disk_that_takes_nothing_when_the_realm_starts() {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    assert!(sent(&mut amy, "kept").is_some());
    disk.realm.kill();
    disk.fail("all", EIO);
    let said = refusal(&disk.command().output().unwrap());
    assert!(said.contains("Input/output error"), "{said}");
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    assert_eq!(inbox(&mut amy).len(), 1);
}
