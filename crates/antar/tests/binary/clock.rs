//! A clock that jumps under the real binary.

use crate::conn::Conn;
use crate::system::Faulty;

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
    // The clock was wrong where it was to be.
    assert!(days[0] < days[1] && days[2] < days[0] && days[3] == "1970-01-01", "{days:?}");
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
