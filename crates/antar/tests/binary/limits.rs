//! Limits set by the configuration.

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm};
use std::io::Write;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// One that was refused when it connected.
#[track_caller]
fn refused(realm: &Realm) {
    let mut conn = realm.connect();
    assert_eq!(conn.next()["code"], "too_many_connections");
    conn.expect_closed();
}

/// Connects until it is let in.
#[track_caller]
fn let_in(realm: &Realm) -> Conn {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut conn = realm.connect();
        // One that is refused may be gone by now.
        let _ = conn.stream.write_all(b"PING\n");
        match conn.receive() {
            Some(reply) if reply["data"] == "PONG" => return conn,
            _ => assert!(Instant::now() < deadline, "it is not let in"),
        }
    }
}

#[test]
fn so_many_connections_in_all() {
    let realm = Realm::with("connections = 2");
    let (mut first, second) = (realm.user("amy"), realm.user("bob"));
    refused(&realm);
    assert_eq!(first.ask("PING")["data"], "PONG");
    // Its place is free once it has gone.
    drop(second);
    let _third = let_in(&realm);
    refused(&realm);
}

#[test]
fn so_many_connections_from_one_address() {
    let realm = Realm::with("connections_per_address = 1");
    let first = realm.user("amy");
    refused(&realm);
    drop(first);
    let_in(&realm);
}

#[test]
fn so_long_to_log_in() {
    let realm = Realm::public("login_seconds = 1");
    let mut amy = realm.user("amy");
    let (mut silent, mut chatty) = (realm.connect(), realm.connect());
    assert_eq!(chatty.ask("PING")["data"], "PONG");
    for conn in [&mut silent, &mut chatty] {
        assert_eq!(conn.next()["code"], "timed_out");
        conn.expect_closed();
    }
    // Who has logged in may stay for ever.
    assert_eq!(amy.ask("WHOAMI")["data"], "amy");
}

#[test]
fn so_long_to_say_nothing() {
    let realm = Realm::public("idle_seconds = 1");
    let (mut idle, mut busy) = (realm.user("amy"), realm.user("bob"));
    // A blank line asks for nothing.
    let mut blank = idle.stream.try_clone().unwrap();
    let began = Instant::now();
    let (told, hear) = channel();
    idle.expect_ok("WATCH after=now");
    std::thread::spawn(move || {
        let ended = idle.next();
        assert_eq!((&ended["event"], &ended["code"]), (&"ended".into(), &"timed_out".into()));
        let last_words = idle.next();
        idle.expect_closed();
        told.send(last_words).unwrap();
    });
    // Someone who says something every now and then stays.
    let every_now_and_then = Duration::from_millis(100);
    let last_words = loop {
        match hear.recv_timeout(every_now_and_then) {
            Ok(last_words) => break last_words,
            Err(_) => {
                let _ = blank.write_all(b"\n");
                assert_eq!(busy.ask("PING")["data"], "PONG");
            }
        }
        assert!(began.elapsed() < PATIENCE, "it is not dismissed");
    };
    assert_eq!(last_words["code"], "timed_out");
    // It heard its last reply before `began`, so it may seem to have been given a little less.
    assert!(began.elapsed() >= Duration::from_millis(900));
    assert_eq!(busy.ask("WHOAMI")["data"], "bob");
}

#[test]
fn blank_lines_and_what_is_left_of_long_ones_count_as_requests() {
    let realm = Realm::with("requests_per_second = 100");
    let mut conn = realm.connect();
    // All that may be asked at once; what comes after it waits until it would be free again.
    conn.send("\n".repeat(1_000).as_bytes());
    conn.ask("PING");
    for nothing in ["\n".repeat(200), format!("{}\n", "x".repeat(400 << 10))] {
        let began = Instant::now();
        conn.send(nothing.as_bytes());
        while conn.ask("PING")["data"] != "PONG" {}
        assert!(began.elapsed() > Duration::from_secs(1), "after {:?}", began.elapsed());
    }
}

#[test]
fn a_watcher_that_reads_is_not_closed_however_much_comes_at_once() {
    let realm = Realm::with("unread_events = 50");
    let mut keen = realm.user("amy");
    keen.expect_ok("WATCH");
    drop(realm.user("bob"));
    let bob = |_| {
        let mut conn = realm.connect();
        conn.login("bob");
        conn
    };
    let mut bobs: Vec<_> = (0..20).map(bob).collect();
    let many = "SEND amy hello\n".repeat(60);
    bobs.iter_mut().for_each(|conn| conn.send(many.as_bytes()));
    for n in 0..20 * 60 {
        assert_eq!(keen.next()["event"], "message", "after {n}");
    }
}

#[test]
fn a_watcher_that_does_not_read_is_closed_and_others_go_on() {
    // More than the system buffers for a connection, which may be 10 MB.
    const SENT: usize = 2_000;
    let realm = Realm::with("unread_events = 1700");
    let (mut lazy, mut keen) = (realm.user("amy"), realm.connect());
    keen.login("amy");
    lazy.expect_ok("WATCH");
    keen.expect_ok("WATCH");
    let mut bob = realm.user("bob");
    let text = "x".repeat(16 << 10);
    // Never more in flight than one may leave unread: each counts 17.
    for _ in 0..SENT / 50 {
        (0..50).for_each(|_| bob.say(&format!("SEND amy {text}")));
        for _ in 0..50 {
            assert_eq!(keen.next()["event"], "message");
            assert_eq!(bob.next()["status"], "OK");
        }
    }
    // Who reads is given its time, also where much comes at once.
    realm.until_logged("a client does not read its events");
    let mut read = 0;
    while let Some(event) = lazy.receive() {
        assert!(event["event"] == "message" || event["code"] == "too_slow", "{event}");
        read += 1;
    }
    assert!(read < SENT, "all {read} were buffered: send more");
    // All clients together leave 256 MiB.
    assert!(realm.peak_memory() < 300, "{} MB", realm.peak_memory());
    // What it missed is in the inbox.
    assert_eq!(keen.history("INBOX limit=200").len(), SENT);
}

#[test]
fn so_many_wrong_passwords() {
    let realm = Realm::with("login_failures_per_account = 3\nlogin_failure_seconds = 2");
    drop((realm.user("amy"), realm.user("bob")));
    let mut conn = realm.connect();
    for _ in 0..3 {
        assert_eq!(conn.ask("AUTH amy wrong")["code"], "wrong_password");
    }
    // The right one is not tried either; who knows it learns nothing.
    assert_eq!(conn.ask("AUTH amy pw")["code"], "rate_limited");
    assert_eq!(conn.ask("auth amy pw")["message"], "Terlalu banyak permintaan");
    // It is about the account, and it passes.
    conn.expect_ok("AUTH bob pw");
    let deadline = Instant::now() + PATIENCE;
    while conn.ask("AUTH amy pw")["code"] == "rate_limited" {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(conn.ask("WHOAMI")["data"], "amy");
}

/// Everybody is at one address, as behind a school's router.
#[test]
fn a_strangers_guesses_do_not_keep_out_who_is_known() {
    let mut realm = Realm::with("login_failures_per_address = 20");
    let token = realm.user("amy").login("amy");
    drop((realm.user("bob"), realm.user("eve")));
    let mut stranger = realm.connect();
    let guess = |stranger: &mut Conn, many: usize, name: &str| {
        (0..many).map(|_| stranger.ask(&format!("AUTH {name} wrong"))["code"].clone()).last()
    };
    // Of those who registered there each counts alone.
    for name in ["bob", "eve"] {
        assert_eq!(guess(&mut stranger, 11, name).unwrap(), "rate_limited");
    }
    realm.connect().expect_ok("AUTH amy pw");
    assert_eq!(guess(&mut stranger, 11, "amy").unwrap(), "rate_limited");
    assert_eq!(realm.connect().ask("AUTH amy pw")["code"], "rate_limited");
    // Whoever has a token is let in all the same, may log in, and change the password.
    realm.connect().expect_ok(&format!("WHOAMI {token}"));
    let mut amy = realm.connect();
    amy.expect_ok(&format!("AUTH {token} amy pw"));
    amy.expect_ok("PASSWD pw other");
    // Such a one may try as few as anybody, and nobody else's account.
    assert_eq!(guess(&mut amy, 11, "amy").unwrap(), "rate_limited");
    assert_eq!(amy.ask("AUTH bob pw")["code"], "rate_limited");
    // After a restart nobody is known, and the address is all there is to go by, but for who logs in.
    realm.stop();
    realm.start();
    realm.connect().expect_ok("AUTH amy other");
    let mut stranger = realm.connect();
    for name in ["bob", "eve"] {
        assert_eq!(guess(&mut stranger, 10, name).unwrap(), "wrong_password");
    }
    assert_eq!(realm.connect().ask("AUTH bob pw")["code"], "rate_limited");
    realm.connect().expect_ok("AUTH amy other");
}

#[test]
fn so_many_wrong_passwords_for_a_group() {
    let realm = Realm::with("login_failures_per_account = 2");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    amy.expect_ok("ADDGROUP g pw");
    for _ in 0..2 {
        assert_eq!(bob.ask("JOINGROUP g wrong")["code"], "wrong_password");
    }
    assert_eq!(bob.ask("JOINGROUP g pw")["code"], "rate_limited");
}

#[test]
fn lines_messages_and_waiting_requests() {
    let realm = Realm::with("line_bytes = 100\nmessage_bytes = 10\npending_requests = 1");
    let mut amy = realm.user("amy");
    assert_eq!(amy.ask(&format!("SEND amy {}", "x".repeat(11)))["code"], "too_long");
    assert_eq!(amy.ask(&"x".repeat(101))["code"], "too_long");
    // One at a time, but all of them.
    amy.send("SEND amy x\nPING\n".repeat(100).as_bytes());
    for _ in 0..100 {
        assert_eq!(amy.next()["data"], "Message sent");
        assert_eq!(amy.next()["data"], "PONG");
    }
}
