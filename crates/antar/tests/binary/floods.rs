//! One address that floods a realm, and another that uses it.

use crate::conn::Conn;
use crate::realm::Realm;
use std::time::{Duration, Instant};

/// Addresses, by their last number: one that floods and one that does not.
const ONE: u8 = 1;
const OTHER: u8 = 2;

#[test]
fn a_flood_of_logins_does_not_keep_another_address_from_logging_in() {
    let mut realm = Realm::stopped("");
    let slow = "log = \"warn\"\nregister = \"open\"\n[passwords]\nmemory_kib = 4096\niterations = 4\n\
                workers = 1\nwaiting = 4\n";
    std::fs::write(realm.config(), slow).unwrap();
    realm.start_public();
    drop(realm.user("amy"));
    let flood = "AUTH amy pw\n".repeat(1_000);
    let mut attackers: Vec<Conn> = (0..12)
        .map(|_| {
            let mut attacker = Conn::open_from(ONE, realm.address());
            attacker.send(flood.as_bytes());
            attacker
        })
        .collect();
    // All places to wait are taken from now on.
    while attackers[11].next()["code"] != "unavailable" {}
    for _ in 0..3 {
        Conn::open_from(OTHER, realm.address()).login("amy");
    }
}

#[test]
fn so_many_registrations_from_one_address() {
    let realm = Realm::public("registrations_per_hour = 2");
    let mut one = Conn::open_from(ONE, realm.address());
    one.expect_ok("REGISTER amy pw");
    // What fails before it costs anything does not count.
    assert_eq!(one.ask("REGISTER amy pw")["code"], "user_exists");
    one.expect_ok("REGISTER bob pw");
    assert_eq!(one.ask("REGISTER cat pw")["code"], "rate_limited");
    assert_eq!(one.ask("register cat pw")["message"], "Terlalu banyak permintaan");
    one.login("amy");
    Conn::open_from(OTHER, realm.address()).expect_ok("REGISTER cat pw");
}

#[test]
fn so_many_new_connections_from_one_address() {
    let realm = Realm::public("connects_per_minute = 3");
    for _ in 0..3 {
        assert_eq!(Conn::open_from(ONE, realm.address()).ask("PING")["data"], "PONG");
    }
    let mut refused = Conn::open_from(ONE, realm.address());
    assert_eq!(refused.next()["code"], "too_many_connections");
    refused.expect_closed();
    assert_eq!(Conn::open_from(OTHER, realm.address()).ask("PING")["data"], "PONG");
}

#[test]
fn too_many_requests_are_answered_more_slowly_and_none_is_refused() {
    let realm = Realm::public("requests_per_second = 10");
    let (mut one, mut other) =
        (Conn::open_from(ONE, realm.address()), Conn::open_from(OTHER, realm.address()));
    let began = Instant::now();
    for _ in 0..12 {
        one.send("PING\n".repeat(10).as_bytes());
        for _ in 0..10 {
            assert_eq!(one.next()["data"], "PONG");
        }
    }
    // A hundred at once, and twenty more in two seconds.
    assert!(began.elapsed() > Duration::from_secs(1));
    assert_eq!(other.ask("PING")["data"], "PONG");
}

#[test]
fn an_account_has_its_own_rate_wherever_it_asks_from() {
    let realm = Realm::public("requests_per_account = 50");
    realm.user("bob");
    let token = realm.user("amy").login("amy");
    let mut amy = Conn::open_from(ONE, realm.address());
    let mut amy_elsewhere = Conn::open_from(OTHER, realm.address());
    let mut bob = Conn::open_from(OTHER, realm.address());
    bob.login("bob");
    // All that it may ask at once, and half of a second's requests more, with its token.
    for conn in [&mut amy, &mut amy_elsewhere] {
        assert_eq!(conn.ask(&format!("WHOAMI {token}"))["data"], "amy");
    }
    let began = Instant::now();
    let answered = |conn: &mut Conn, requests: usize| {
        conn.send(format!("WHOAMI {token}\n").repeat(requests).as_bytes());
        (0..requests).for_each(|_| assert_eq!(conn.next()["data"], "amy"));
    };
    answered(&mut amy, 500);
    (0..100).for_each(|_| drop(bob.ask("WHOAMI")));
    answered(&mut amy_elsewhere, 25);
    assert!(began.elapsed() > Duration::from_millis(400));
}

#[test]
fn what_is_read_counts_too() {
    let mut realm = Realm::stopped("");
    realm.start();
    let (mut amy, text) = (realm.user("amy"), "x".repeat(16_000));
    (0..50).for_each(|_| drop(amy.expect_ok(&format!("SEND amy {text}"))));
    realm.stop();
    let config = std::fs::read_to_string(realm.config()).unwrap();
    std::fs::write(realm.config(), config + "requests_per_second = 50\n").unwrap();
    realm.start_public();
    let mut amy = Conn::open_from(ONE, realm.address());
    amy.login("amy");
    let began = Instant::now();
    // Each is 48 requests' worth, and there are 500 at once.
    for _ in 0..13 {
        assert_eq!(amy.ask("INBOX")["data"].as_array().unwrap().len(), 50);
    }
    assert!(began.elapsed() > Duration::from_secs(1));
}

/// A load generator, a test-suite, a class: all at 127.0.0.1.
#[test]
fn in_local_mode_one_address_may_do_what_it_likes() {
    let realm = Realm::with("");
    let mut one = realm.connect();
    let registrations: String = (0..1_000).map(|n| format!("REGISTER user{n} pw\n")).collect();
    one.send(registrations.as_bytes());
    for n in 0..1_000 {
        assert_eq!(one.next()["status"], "OK", "{n}");
    }
    let mut all: Vec<Conn> = (0..1_000).map(|_| realm.connect()).collect();
    for conn in &mut all {
        conn.send("PING\n".repeat(100).as_bytes());
    }
    for conn in &mut all {
        for _ in 0..100 {
            assert_eq!(conn.next()["data"], "PONG");
        }
    }
}
