//! Bounds on realms that wait, that were forgotten, and that come under ever new names.

use super::squat::*;
use crate::Value;
use crate::tests::Realm;
use antar_domain::testing::BETA;
use antar_domain::{Inbound, Input, Origin, Output};
use antar_types::{EntryKind, Fingerprint};
use std::net::IpAddr;

/// A stranger with a key and a name of its own calls from there.
fn ask(alpha: &mut Realm, n: u64, ip: &str) -> Value {
    let bytes = [n.to_be_bytes(), [9; 8], [9; 8], [9; 8]].concat();
    let conn = 10_000 + n;
    call_from(alpha, conn, ip, Fingerprint(bytes.try_into().unwrap()));
    alpha.hear(conn, &greeting(&format!("r{n}"))).unwrap()
}

#[test]
fn places_to_wait_are_never_all_taken() {
    let mut alpha = alpha(Inbound::Approve);
    let waits = |alpha: &mut Realm, name: &str| links(alpha).iter().any(|l| l["realm"] == *name);
    // One address has a few, and the oldest of them gives way.
    for n in 0..20 {
        assert_eq!(ask(&mut alpha, n, "2001:db8::1")["state"], "waiting");
    }
    assert_eq!(links(&mut alpha).len(), 8);
    assert!(waits(&mut alpha, "r19") && !waits(&mut alpha, "r11") && is_hung_up(&alpha, 10_011));
    // Others are not in their way, nor they in that of others.
    for n in 20..200 {
        alpha.pass(1);
        assert_eq!(ask(&mut alpha, n, &format!("198.51.100.{n}"))["state"], "waiting");
        assert!(waits(&mut alpha, &format!("r{n}")) && links(&mut alpha).len() <= 64);
    }
    // Whoever has been longest gives way in the end.
    assert!(waits(&mut alpha, "r136") && !waits(&mut alpha, "r135"));
    // What the operator asks for needs no place, nor is one that waits in the way of a link.
    alpha.limits().links = 1;
    alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
    reached(&mut alpha, 2);
    take(&mut alpha, "beta");
    assert_eq!(alpha.woken().unwrap()["state"], "up");
    assert_eq!(alpha.operator("APPROVEREALM r199")["code"], "limit_reached");
    alpha.limits().links = 2;
    assert_eq!(alpha.operator("APPROVEREALM r199")["status"], "OK");
    assert_eq!(alpha.links(), 2);
}

#[test]
fn nobody_waits_for_ever() {
    let mut alpha = alpha(Inbound::Approve);
    assert_eq!(greet(&mut alpha, 30, 3, "beta")["state"], "waiting");
    alpha.pass(7 * 24 * 3600 - 1);
    assert_eq!(greet(&mut alpha, 31, 3, "beta")["state"], "waiting");
    alpha.tick();
    assert_eq!(links(&mut alpha).len(), 1);
    alpha.pass(1);
    alpha.tick();
    assert_eq!(links(&mut alpha).len(), 0);
    assert!(is_hung_up(&alpha, 30) && is_hung_up(&alpha, 31));
    assert!(!alpha.state.knows_key(&key(3)));
    assert_eq!(greet(&mut alpha, 32, 4, "beta")["state"], "waiting");
}

#[test]
fn who_waits_under_the_name_of_one_that_was_linked_leaves_its_history() {
    let mut alpha = alpha(Inbound::Open);
    assert_eq!(greet(&mut alpha, BETA, 2, "beta")["state"], "up");
    assert_eq!(alpha.say(AMY, "SENDREALM beta bob x")["status"], "OK");
    assert_eq!(alpha.say(AMY, "REMOVEREALM beta force")["status"], "OK");
    alpha.policy().inbound = Inbound::Approve;
    assert_eq!(greet(&mut alpha, 30, 2, "beta")["state"], "waiting");
    alpha.pass(8 * 24 * 3600);
    alpha.tick();
    assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
    // Nor is that let go of as one under which nothing was said is.
    assert_eq!(greet(&mut alpha, 31, 3, "gamma")["state"], "waiting");
    assert_eq!(alpha.say(AMY, "REMOVEREALM gamma")["status"], "OK");
    alpha.pass(8 * 24 * 3600);
    alpha.tick();
    assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
    assert_eq!(alpha.say(AMY, "SENT realm=gamma")["code"], "realm_not_found");
}

#[test]
fn names_that_were_used_once_are_no_bound() {
    let mut alpha = alpha(Inbound::Open);
    for (conn, n, name) in [(BETA, 2, "beta"), (40, 4, "delta")] {
        assert_eq!(greet(&mut alpha, conn, n, name)["state"], "up");
        alpha.pass(1);
    }
    assert_eq!(alpha.say(AMY, "SENDREALM beta bob x")["status"], "OK");
    assert_eq!(alpha.say(AMY, "REMOVEREALM beta force")["status"], "OK");
    for n in 0..5_000 {
        assert_eq!(ask(&mut alpha, n, AWAY)["state"], "up", "{n}");
        assert_eq!(alpha.say(AMY, &format!("REMOVEREALM r{n}"))["status"], "OK");
        assert!(alpha.peers().len() <= 4_096);
    }
    // Those under which something was said go last, and one that is linked never.
    assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
    is_linked(&mut alpha, "delta", 4);
    // A name that was forgotten is another realm's, with nothing that was the former's.
    assert_eq!(ask(&mut alpha, 0, AWAY)["state"], "up");
    alpha.tell(Input::Tick);
    assert_eq!(alpha.texts(AMY, "SENT realm=r0"), [""; 0]);
}

#[test]
fn a_realm_decides_neither_how_many_notices_it_is_owed_nor_how_often_it_is_renamed() {
    let mut alpha = Realm::linked(&["amy"]);
    alpha.limits().link_messages = 16;
    let texts = ["x"; 30].map(|text| (text, None));
    alpha.deliver_with(EntryKind::Private, ("bob", "nobody"), &texts);
    assert_eq!(alpha.owed_up_to().1.seq, 18);
    let warned =
        |output: &Output| matches!(output, Output::Note { text, .. } if text.contains("not told"));
    assert!(alpha.asked.iter().any(warned));

    let rename = |alpha: &mut Realm, n: u64| {
        let name = format!("beta{n}");
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        alpha.connect_from(100 + n, Origin::Certified(ip, Fingerprint([2; 32])));
        let line = format!("ACKREALM alpha {ip} 8889 {ip} 8889 from={name} again=1");
        assert_eq!(alpha.hear(100 + n, &line).unwrap()["status"], "OK");
        alpha.peers().contains(&name)
    };
    assert!((0..10).all(|n| rename(&mut alpha, n)));
    assert!(!rename(&mut alpha, 10));
    alpha.pass(60);
    assert!(rename(&mut alpha, 11));
}
