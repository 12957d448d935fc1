//! Bytes in all sorts of portions.

use crate::realm::Realm;
use std::io::Write;

#[test]
fn segments_of_one_byte() {
    let realm = Realm::with("");
    drop(realm.user("amy"));
    let mut amy = realm.connect();
    for byte in "AUTH amy pw\r\nSEND amy é  🦀\r\n\r\nINBOX\r\n".as_bytes() {
        amy.send(&[*byte]);
    }
    assert_eq!(amy.next()["status"], "OK");
    assert_eq!(amy.next()["data"], "Message sent");
    assert_eq!(amy.next()["data"][0]["message"], "é  🦀");
}

#[test]
fn five_thousand_requests_without_reading() {
    const SENT: usize = 5_000;
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let lines: String = (0..SENT).map(|n| format!("SEND amy m{n}\n")).collect();
    amy.send(lines.as_bytes());
    let ids: Vec<u64> = (0..SENT).map(|_| amy.next()["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    let inbox = amy.history("INBOX");
    assert_eq!(inbox.len(), SENT);
    for (n, message) in inbox.iter().enumerate() {
        assert_eq!(
            (&message["message"], &message["id"]),
            (&format!("m{n}").into(), &ids[n].into())
        );
    }
}

/// Many small requests make large replies: the server must stop reading, not hoard them.
#[test]
fn replies_that_nobody_reads_are_not_hoarded() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let text = "x".repeat(15 << 10);
    let lines: String = (0..64).map(|_| format!("SEND amy {text}\n")).collect();
    amy.send(lines.as_bytes());
    (0..64).for_each(|_| assert_eq!(amy.next()["status"], "OK"));
    // Each reply is 1 MB; ten thousand of them would be 10 GB.
    amy.stream.set_nonblocking(true).unwrap();
    let mut asked = "INBOX\n".repeat(500).into_bytes();
    while let Ok(written @ 1..) = amy.stream.write(&asked) {
        asked.drain(..written);
    }
    let mut other = realm.user("bob");
    for _ in 0..50 {
        other.expect_ok("SEND bob the others go on");
    }
    assert!(realm.peak_memory() < 200, "{} MB", realm.peak_memory());
    amy.stream.set_nonblocking(false).unwrap();
    assert_eq!(amy.next()["data"].as_array().unwrap().len(), 64);
}

#[test]
fn who_closes_the_sending_side_is_answered_in_full() {
    const SENT: usize = 1_000;
    let realm = Realm::with("");
    drop(realm.user("amy"));
    let mut amy = realm.connect();
    let lines: String = (0..SENT).map(|n| format!("SEND amy m{n}\n")).collect();
    amy.send(format!("AUTH amy pw\n{lines}INBOX limit=1\nPI").as_bytes());
    amy.finish();
    for _ in 0..=SENT {
        assert_eq!(amy.next()["status"], "OK");
    }
    assert_eq!(amy.next()["data"][0]["message"], format!("m{}", SENT - 1));
    amy.expect_closed();
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    const MEGABYTES: usize = 100;
    let realm = Realm::with("");
    let mut conn = realm.connect();
    let before = realm.peak_memory();
    let megabyte = vec![b'x'; 1 << 20];
    (0..MEGABYTES).for_each(|_| conn.send(&megabyte));
    conn.send(b"\nPING\n");
    assert_eq!(conn.next()["code"], "too_long");
    assert_eq!(conn.next()["data"], "PONG");
    let (peak, most) = (realm.peak_memory(), 200);
    assert!(peak < most, "{before} MB before, {peak} MB now");
    conn.finish();
    conn.expect_closed();
}

#[test]
fn a_thousand_messages_unless_a_page_is_asked_for() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let lines: String = (0..1_002).map(|n| format!("SEND amy m{n}\n")).collect();
    amy.send(lines.as_bytes());
    (0..1_002).for_each(|_| assert_eq!(amy.next()["status"], "OK"));
    let newest = amy.ask("INBOX");
    let list = newest["data"].as_array().unwrap();
    assert_eq!((list.len(), &newest["more"]), (1_000, &true.into()));
    assert_eq!((&list[0]["message"], &list[999]["message"]), (&"m2".into(), &"m1001".into()));
    assert_eq!(amy.ask("INBOX after=0 limit=1000")["data"][999]["message"], "m999");
}
