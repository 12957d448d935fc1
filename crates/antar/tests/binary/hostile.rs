//! Clients that mean harm, and honest ones beside them.

use crate::conn::Conn;
use crate::metrics::Watched;
use crate::realm::{PATIENCE, Realm};
use antar_server::{Identity, client_config};
use antar_types::Name;
use rustix::process::Signal;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

/// Sends as much of it as the other side takes without waiting.
fn press(conn: &mut Conn, bytes: &[u8]) {
    conn.stream.set_nonblocking(true).unwrap();
    let mut rest = bytes;
    while let Ok(written @ 1..) = conn.stream.write(rest) {
        rest = &rest[written..];
    }
}

/// Reads to the end; whether the other side has closed it.
fn drain(conn: &mut Conn) -> bool {
    conn.stream.set_nonblocking(false).unwrap();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match conn.stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn slow_writers_take_little_memory_and_nobodys_turn() {
    const SLOW: usize = 500;
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let before = realm.peak_memory();
    let mut slow: Vec<Conn> = (0..SLOW).map(|_| realm.connect()).collect();
    for byte in b"WHOAMI" {
        slow.iter_mut().for_each(|conn| conn.send(&[*byte]));
        amy.expect_ok("SEND amy the others go on");
    }
    let peak = realm.peak_memory();
    assert!(peak < before + 20, "{before} MB before, {peak} MB now");
    // They are slow, and served all the same.
    for conn in &mut slow {
        assert_eq!(conn.ask("")["code"], "no_session");
    }
}

#[test]
fn who_asks_for_much_and_reads_nothing_gives_way_to_others() {
    const DEAF: usize = 200;
    let realm = Realm::with("unread_bytes = 16777216");
    let mut amy = realm.user("amy");
    let token = amy.login("amy");
    let text = "x".repeat(16 << 10);
    (0..70).for_each(|_| drop(amy.expect_ok(&format!("SEND amy {text}"))));
    // Each asks for 1 MiB, many times; what the system buffers comes on top.
    let mut deaf: Vec<Conn> = (0..DEAF).map(|_| realm.connect()).collect();
    for conn in &mut deaf {
        conn.expect_ok(&format!("WHOAMI {token}"));
        press(conn, "INBOX\n".repeat(100).as_bytes());
    }
    for _ in 0..50 {
        amy.expect_ok("SEND amy the others go on");
    }
    // Who reads what it asked for has lost nothing by it.
    assert!(amy.expect_ok("INBOX limit=50")["data"].as_array().unwrap().len() == 50);
    let deadline = Instant::now() + PATIENCE;
    while deaf.len() > DEAF / 2 {
        deaf.retain_mut(|conn| !is_closed(conn));
        assert!(Instant::now() < deadline, "{} of {DEAF} are still there", deaf.len());
        amy.expect_ok("PING");
    }
    assert!(realm.peak_memory() < 200, "{} MB", realm.peak_memory());
}

/// What was on its way when the server is gone is all that the system kept of it.
#[test]
fn the_system_keeps_little_of_what_a_client_does_not_read() {
    let mut realm = Realm::with("");
    let mut amy = realm.user("amy");
    let text = "x".repeat(16 << 10);
    (0..70).for_each(|_| drop(amy.expect_ok(&format!("SEND amy {text}"))));
    let mut deaf = realm.connect();
    deaf.login("amy");
    deaf.send("INBOX\n".repeat(20).as_bytes());
    (0..20).for_each(|_| drop(amy.expect_ok("INBOX")));
    realm.kill();
    let mut kept = Vec::new();
    let _ = deaf.stream.read_to_end(&mut kept);
    assert!((1..1 << 20).contains(&kept.len()), "{} bytes", kept.len());
}

#[test]
fn long_lists_are_kept_once_however_often_they_are_asked_for() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let token = amy.login("amy");
    amy.expect_ok("ADDGROUP all pw");
    let mut others = realm.connect();
    let joins: String =
        (0..1_000).map(|n| format!("REGISTER user{n} pw\nJOINGROUP all pw\n")).collect();
    others.send(joins.as_bytes());
    (0..2_000).for_each(|_| assert_eq!(others.next()["status"], "OK"));
    let before = realm.peak_memory();
    let mut deaf: Vec<Conn> = (0..50).map(|_| realm.connect()).collect();
    for conn in &mut deaf {
        conn.expect_ok(&format!("WHOAMI {token}"));
        press(conn, "MEMBERS all\ngetgroups {}\n".repeat(100).as_bytes());
    }
    assert_eq!(amy.expect_ok("MEMBERS all")["data"].as_array().unwrap().len(), 1_001);
    let peak = realm.peak_memory();
    assert!(peak < before + 50, "{before} MB before, {peak} MB now");
}

/// A connection over TLS with a certificate that its client has just made.
fn certified(realm: &Realm) -> StreamOwned<ClientConnection, TcpStream> {
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity::open_or_make(directory.path(), &Name::parse("x").unwrap()).unwrap();
    let config = Arc::new(client_config(Some(&identity)));
    let nowhere = Ipv4Addr::UNSPECIFIED;
    let client = ClientConnection::new(config, ServerName::IpAddress(nowhere.into())).unwrap();
    let stream = TcpStream::connect(realm.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    StreamOwned::new(client, stream)
}

/// Whoever makes a certificate has shown no more than a client has.
#[test]
fn a_certificate_is_no_link() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let before = realm.peak_memory();
    let mut deaf: Vec<_> = (0..6).map(|_| certified(&realm)).collect();
    for stream in &mut deaf {
        // What it does not read makes the realm wait with what it asks next.
        let _ = stream.write_all("HELP\n".repeat(2_000).as_bytes());
        let _ = stream.write_all("x\n".repeat(5 << 20).as_bytes());
    }
    amy.expect_ok("SEND amy the others go on");
    let peak = realm.peak_memory();
    assert!(peak < before + 20, "{before} MB before, {peak} MB now");
    // Nor has it longer lines.
    let mut stream = certified(&realm);
    stream.write_all(&[&[b'x'; 100 << 10], &b"\n"[..]].concat()).unwrap();
    let mut reply = [0; 200];
    let read = stream.read(&mut reply).unwrap();
    assert!(String::from_utf8_lossy(&reply[..read]).contains("too_long"));
}

#[test]
fn what_waits_behind_a_request_takes_no_more_than_its_bytes() {
    const WAITING: u64 = 100;
    let realm = Realm::stopped("");
    // A password that is worked on until the realm is killed, and takes no memory.
    let slow = "log = \"warn\"\n[passwords]\nmemory_kib = 8\niterations = 4000000000\n";
    std::fs::write(realm.config(), slow).unwrap();
    let watched = Watched::of(realm, "alpha");
    let realm = &watched.realm;
    let mut amy = realm.connect();
    let mut waiting: Vec<Conn> = (0..WAITING).map(|_| realm.connect()).collect();
    waiting.iter_mut().for_each(|conn| assert_eq!(conn.ask("PING")["data"], "PONG"));
    let before = realm.peak_memory();
    // All of it has come before any of it is read, so as much as possible is read at once.
    realm.signal(Signal::STOP);
    let lines = "REGISTER amy pw\n".to_owned() + &"x\n".repeat(1 << 20);
    waiting.iter_mut().for_each(|conn| press(conn, lines.as_bytes()));
    realm.signal(Signal::CONT);
    // What is kept is told in steps of 4 KiB.
    let kept = || watched.samples()["antar_kept_bytes"];
    let deadline = Instant::now() + PATIENCE;
    while kept() < ((WAITING * 60) << 10) as f64 {
        assert!(Instant::now() < deadline, "{} bytes are kept", kept());
    }
    (0..50).for_each(|_| assert_eq!(amy.ask("PING")["data"], "PONG"));
    let peak = realm.peak_memory();
    // 64 KiB of each, and the 64 requests that it has handed on.
    assert!(peak < before + 12, "{before} MB before, {peak} MB now");
    assert!(kept() < ((WAITING * 80) << 10) as f64, "{} bytes are kept", kept());
}

#[test]
fn how_it_stands_with_links_is_kept_once_however_often_it_is_asked_for() {
    const STRANGERS: usize = 8;
    let mut realm = Realm::stopped("");
    realm.configure("inbound = \"approve\"");
    realm.start();
    let token = realm.user("amy").login("amy");
    let mut strangers: Vec<_> = (0..STRANGERS).map(|_| certified(&realm)).collect();
    for (n, stranger) in strangers.iter_mut().enumerate() {
        let line = format!("ACKREALM alpha 127.0.0.1 1 127.0.0.1 {} from=s{n}\n", n + 1);
        stranger.write_all(line.as_bytes()).unwrap();
        let mut reply = [0; 200];
        let read = stranger.read(&mut reply).unwrap();
        assert!(String::from_utf8_lossy(&reply[..read]).contains("waiting"));
    }
    let before = realm.peak_memory();
    let mut deaf: Vec<Conn> = (0..50).map(|_| realm.connect()).collect();
    for conn in &mut deaf {
        conn.expect_ok(&format!("WHOAMI {token}"));
        press(conn, "CHECKREALM\ncheckrealm\n".repeat(500).as_bytes());
    }
    let mut amy = realm.connect();
    let listed = amy.expect_ok(&format!("CHECKREALM {token}"));
    assert_eq!(listed["data"].as_array().unwrap().len(), STRANGERS);
    let peak = realm.peak_memory();
    assert!(peak < before + 30, "{before} MB before, {peak} MB now");
}

/// Whether the other side has closed it; reads nothing.
fn is_closed(conn: &mut Conn) -> bool {
    conn.stream.set_nonblocking(true).unwrap();
    let written = conn.stream.write(b"\n");
    written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock)
}

#[test]
fn rubbish_that_looks_like_tls_ends_its_own_connection_only() {
    let realm = Realm::with("handshake_seconds = 1");
    let mut amy = realm.user("amy");
    let rubbish: Vec<u8> = (0..4096u32).map(|n| (n * 37 % 251) as u8).collect();
    let begins: [&[u8]; 4] = [
        b"\x16",
        b"\x16\x03\x01\x00\x05",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let mut conns = Vec::new();
    for begin in begins {
        for length in [0, 1, 100, rubbish.len()] {
            let mut conn = realm.connect();
            conn.send(begin);
            // It may have been closed by now.
            let _ = conn.stream.write_all(&rubbish[..length]);
            conns.push(conn);
        }
    }
    amy.expect_ok("SEND amy the others go on");
    for conn in &mut conns {
        assert!(drain(conn), "it is still open");
    }
    assert_eq!(amy.ask("WHOAMI")["data"], "amy");
}

#[test]
fn a_web_page_cannot_drive_a_realm() {
    let realm = Realm::with("");
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n",
        "\r\n\r\nPOST /\tHTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut conn = realm.connect();
        let _ = conn.stream.write_all(head.as_bytes());
        let _ = conn.stream.write_all(b"REGISTER evil pw\r\nSEND evil x\r\n");
        assert!(drain(&mut conn), "it is still open");
    }
    assert_eq!(realm.connect().ask("AUTH evil pw")["code"], "user_not_found");
}
