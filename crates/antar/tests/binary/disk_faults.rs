//! A disk that fails under the real binary.

use crate::conn::Conn;
use crate::realm::{PATIENCE, antar, refusal};
use crate::system::Faulty;
use std::time::{Duration, Instant};

/// What the system says of a device that fails, and of one that is full.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Sends to oneself; the id where it was acknowledged, otherwise the code.
fn sent(conn: &mut Conn, text: &str) -> Result<u64, String> {
    let reply = conn.ask(&format!("SEND amy {text}"));
    match reply["status"] == "OK" {
        true => Ok(reply["id"].as_u64().unwrap()),
        false => Err(reply["code"].as_str().unwrap().to_owned()),
    }
}

/// That nothing of it was done.
fn refused() -> Result<u64, String> {
    Err("unavailable".into())
}

/// Sends until it is acknowledged.
fn sent_at_last(conn: &mut Conn, text: &str, disk: &Faulty) {
    let began = Instant::now();
    while let Err(code) = sent(conn, text) {
        assert_eq!(code, "unavailable");
        assert!(began.elapsed() < PATIENCE, "it does not recover: {}", disk.realm.log());
        std::thread::sleep(Duration::from_millis(10));
    }
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

/// What is in flight when it fails is answered with this code.
fn refuses_reads_on_and_recovers(call: &str, error: i32, code: &str) {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    let (mut kept, mut in_flight): (Vec<(u64, String)>, Vec<String>) = Default::default();
    for round in 0..2 {
        for n in 0..20 {
            let text = format!("{round} {n}");
            kept.push((sent(&mut amy, &text).expect("the disk is well"), text));
        }
        disk.fail(call, error);
        in_flight.push(format!("{round} fails"));
        assert_eq!(sent(&mut amy, &in_flight[round]), Err(code.into()));
        for _ in 0..5 {
            assert_eq!(sent(&mut amy, "nothing is taken"), refused());
            let found = inbox(&mut amy);
            assert!(kept.iter().all(|message| found.contains(message)), "{found:?}");
        }
        assert_eq!(disk.realm.connect().ask("REGISTER bob pw")["code"], "unavailable");
        disk.mend();
        sent_at_last(&mut amy, &in_flight[round], &disk);
    }
    disk.realm.kill();
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    let found = inbox(&mut amy);
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    let (others, acknowledged): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, text)| in_flight.contains(text));
    assert_eq!(acknowledged, kept);
    // Each was acknowledged at the second try. Only of what was unknown the first try may be there too.
    let times = if code == "unknown" { 1..=2 } else { 1..=1 };
    for text in in_flight {
        let found = others.iter().filter(|(_, other)| *other == text).count();
        assert!(times.contains(&found), "{text} is there {found} times");
    }
}

#[test]
fn a_disk_that_cannot_sync() {
    refuses_reads_on_and_recovers("sync", EIO, "unknown");
}

#[test]
fn a_disk_that_cannot_write() {
    refuses_reads_on_and_recovers("write", EIO, "unavailable");
}

#[test]
fn a_disk_that_is_full() {
    refuses_reads_on_and_recovers("write", ENOSPC, "unavailable");
}

/// Many requests are in flight when the disk fails, and the process is killed while it does.
fn what_was_said_is_true_after_a_restart(call: &str, may_be_unknown: bool) {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    sent(&mut amy, "kept").expect("the disk is well");
    disk.fail(call, EIO);
    let texts: Vec<String> = (0..200).map(|n| format!("text {n}")).collect();
    let lines: Vec<String> = texts.iter().map(|text| format!("SEND amy {text}")).collect();
    amy.say(&lines.join("\n"));
    let codes: Vec<_> = texts.iter().map(|_| amy.next()["code"].clone()).collect();
    assert!(codes.iter().all(|code| code == "unavailable" || code == "unknown"), "{codes:?}");
    assert_eq!(codes.iter().any(|code| code == "unknown"), may_be_unknown, "{codes:?}");
    disk.realm.kill();
    disk.mend();
    disk.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    let found: Vec<String> = inbox(&mut amy).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found[0], "kept");
    for (text, code) in texts.iter().zip(codes) {
        assert!(code == "unknown" || !found.contains(text), "{text}, {code}, is in {found:?}");
    }
}

#[test]
fn what_was_said_of_requests_in_flight_is_true_where_a_sync_failed() {
    what_was_said_is_true_after_a_restart("sync", true);
}

#[test]
fn what_was_said_of_requests_in_flight_is_true_where_a_write_failed() {
    what_was_said_is_true_after_a_restart("write", false);
}

/// The log is opened again at once, and tells that the batch is there: nobody has to be told otherwise.
#[test]
fn a_sync_that_fails_once_is_got_over_and_what_was_written_is_on_the_disk() {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    disk.fail_once("sync", EIO);
    let id = sent(&mut amy, "x").expect("it is written again");
    assert!(disk.realm.log().contains("opening the data again"), "{}", disk.realm.log());
    assert_eq!(disk.cut_power(), 1);
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    assert_eq!(inbox(&mut amy), [(id, "x".into())]);
}

#[test]
fn what_could_not_be_synced_is_written_again_before_anything_follows_it() {
    let mut disk = Faulty::with("");
    let mut amy = disk.realm.user("amy");
    let mut kept = Vec::new();
    for round in 0..3 {
        kept.push(sent(&mut amy, "x").expect("the disk is well"));
        disk.fail("sync", EIO);
        assert_eq!(sent(&mut amy, "not synced"), Err("unknown".into()));
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
        sent_at_last(&mut amy, "again", &disk);
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
    assert!(sent(&mut amy, "kept").is_ok());
    disk.fail("sync", EIO);
    assert_eq!(sent(&mut amy, "in flight"), Err("unknown".into()));
    assert_eq!(sent(&mut amy, "nothing is taken"), refused());
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
    assert!(sent(&mut amy, "kept").is_ok());
    disk.realm.kill();
    disk.fail("all", EIO);
    let said = refusal(&disk.command().output().unwrap());
    assert!(said.contains("Input/output error"), "{said}");
    disk.realm.start();
    let mut amy = disk.realm.connect();
    amy.login("amy");
    assert_eq!(inbox(&mut amy).len(), 1);
}
