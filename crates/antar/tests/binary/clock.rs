//! A clock that jumps under the real binary.

use crate::conn::Conn;
use crate::realm::Realm;
use crate::system::Faulty;
use std::path::Path;

const DAY: i64 = 24 * 3600;

/// Sends to oneself; the id.
fn sent(conn: &mut Conn, text: &str) -> u64 {
    conn.expect_ok(&format!("SEND amy {text}"))["id"].as_u64().unwrap()
}

fn day_of_last(conn: &mut Conn) -> String {
    let last = conn.expect_ok("INBOX limit=1");
    last["data"][0]["time"].as_str().unwrap()[..10].into()
}

#[test]
fn order_does_not_follow_the_clock() {
    let mut system = Faulty::with("");
    let mut amy = system.realm.user("amy");
    let mut watch = system.realm.connect();
    watch.login("amy");
    watch.expect_ok("WATCH");
    let (mut ids, mut days) = (Vec::new(), Vec::new());
    for ahead in [0, 3 * DAY, -20 * 365 * DAY, -1_000_000 * DAY, 1_000_000 * DAY, 0] {
        system.set_clock(ahead);
        ids.push(sent(&mut amy, "x"));
        days.push(day_of_last(&mut amy));
        assert_eq!(watch.next()["id"].as_u64(), ids.last().copied());
    }
    // The clock was wrong where it was to be, and what is told of it never falls.
    assert!(days[0] < days[1] && days[3] < days[4] && days.is_sorted(), "{days:?}");
    // After a restart too, with a clock that stands before everything there is.
    system.set_clock(-20 * 365 * DAY);
    system.realm.kill();
    system.start();
    let mut amy = system.realm.connect();
    amy.login("amy");
    ids.push(sent(&mut amy, "x"));
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let inbox = amy.expect_ok("INBOX limit=100");
    let found = inbox["data"].as_array().unwrap().iter().map(|m| m["id"].as_u64().unwrap());
    assert_eq!(found.collect::<Vec<_>>(), ids);
}

/// Rates and turns go by a clock that nobody sets.
#[test]
fn a_clock_set_ahead_forgives_no_failed_login() {
    let system = Faulty::with("login_failures_per_account = 2");
    drop(system.realm.user("amy"));
    let mut guesser = system.realm.connect();
    for _ in 0..2 {
        assert_eq!(guesser.ask("AUTH amy guess")["code"], "wrong_password");
    }
    assert_eq!(guesser.ask("AUTH amy guess")["code"], "rate_limited");
    system.set_clock(365 * DAY);
    assert_eq!(guesser.ask("AUTH amy guess")["code"], "rate_limited");
}

#[test]
fn a_clock_set_back_ends_no_session() {
    let mut system = Faulty::with("");
    let token = system.realm.connect().ask("REGISTER amy pw")["data"].as_str().unwrap().to_owned();
    for ahead in [-365 * DAY, 20 * DAY, 0] {
        system.set_clock(ahead);
        assert_eq!(system.realm.connect().ask(&format!("WHOAMI {token}"))["data"], "amy");
        system.realm.stop();
        system.start();
        assert_eq!(system.realm.connect().ask(&format!("WHOAMI {token}"))["data"], "amy");
    }
}

/// The ids that a realm gives out once it is restored from a backup by this system's clock.
fn ids_of_a_life(system: &Faulty, backup: &Path) -> Vec<u64> {
    let mut life = Realm::stopped("");
    let mut restore = life.command("restore");
    system.carry(restore.arg(backup));
    assert!(restore.output().unwrap().status.success());
    life.start();
    let mut amy = life.connect();
    amy.login("amy");
    (0..20).map(|_| sent(&mut amy, "x")).collect()
}

#[test]
fn restored_realms_give_out_ids_of_their_own_whatever_the_clock_says() {
    let system = Faulty::with("");
    let mut amy = system.realm.user("amy");
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup");
    let done = system.realm.command("backup").arg(&backup).status().unwrap();
    assert!(done.success());
    let first: Vec<u64> = (0..20).map(|_| sent(&mut amy, "x")).collect();
    let clocks = [0, -100 * 365 * DAY, -100 * 365 * DAY, 10 * 365 * DAY, 8000 * 365 * DAY, 0, -DAY];
    // The backup remembers: every life's ids are past those of the life before.
    let mut all = first.clone();
    for ahead in clocks {
        system.set_clock(ahead);
        all.extend(ids_of_a_life(&system, &backup));
    }
    assert!(all.is_sorted_by(|a, b| a < b) && *all.last().unwrap() < 1 << 53, "{all:?}");
    // One that cannot: no id twice, none before the first life's, and past all that wrong clocks made.
    let noted = backup.join("restored");
    let (mut all, mut wrong) = (first, 0);
    for ahead in clocks {
        std::fs::remove_file(&noted).unwrap();
        system.set_clock(ahead);
        let ids = ids_of_a_life(&system, &backup);
        assert!(ids[0] > all[19] && ids[19] < 1 << 53, "{ids:?}");
        if ahead.abs() <= DAY {
            assert!(ids[0] > wrong, "{ids:?} after {wrong}");
        } else {
            wrong = wrong.max(ids[19]);
        }
        all.extend(ids);
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "{all:?}");
}
