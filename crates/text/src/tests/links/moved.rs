//! Tests of links whose realms move: to another address.

use crate::Value;
use crate::tests::Realm;
use antar_domain::links::{Contact, NotDialled};
use antar_domain::testing::BETA;
use antar_domain::{DialId, Input, Origin, Output};
use antar_types::Fingerprint;
use std::net::IpAddr;

const BETA_IP: &str = "192.0.2.1";

/// The last call that was made, and where.
fn dialled(realm: &mut Realm) -> Option<(DialId, String)> {
    let calls = realm.asked.extract_if(.., |output| matches!(output, Output::Dial(..)));
    let last = calls.last()?;
    match last {
        Output::Dial(dial, at) => Some((dial, format!("{}:{}", at.host, at.port))),
        _ => None,
    }
}

fn nobody(realm: &mut Realm, dial: DialId) {
    let why = NotDialled { error: "nobody answers".into(), plain: None };
    realm.tell(Input::NotDialled(dial, why));
}

/// Who has this key answers a call.
fn answers(realm: &mut Realm, conn: u64, dial: DialId, key: u8) {
    let peer: IpAddr = "198.51.100.7".parse().unwrap();
    let key = Fingerprint([key; 32]);
    realm.connect_from(conn, Origin::Dialled { dial, key, peer, local: peer });
}

/// What a user's ADDREALM is answered once nobody, or whoever has this key, has answered there.
fn moved(realm: &mut Realm, asker: Option<u64>, line: &str, key: Option<u8>) -> Value {
    realm.asked.clear();
    let asked = match asker {
        Some(conn) => realm.say(conn, line),
        None => realm.operator(line),
    };
    assert_eq!(asked, Value::Null, "{line}");
    let (dial, _) = dialled(realm).unwrap();
    match key {
        Some(key) => answers(realm, 90, dial, key),
        None => nobody(realm, dial),
    }
    if key.is_some_and(|key| line.contains(&Fingerprint([key; 32]).to_string())) || key == Some(2) {
        let answer = r#"{"status":"OK","realm":"beta","state":"up"}"#;
        assert_eq!(realm.hear(90, answer), None);
    }
    realm.woken().unwrap()
}

fn listed(realm: &mut Realm) -> (String, u64, String) {
    let beta = realm.operator("CHECKREALM")["data"][0].clone();
    let at = format!("{}:{}", beta["host"].as_str().unwrap(), beta["port"]);
    (at, beta["owed"].as_u64().unwrap(), beta["state"].as_str().unwrap().into())
}

/// Alpha, which owes beta a message; beta does not answer any more.
fn lost() -> Realm {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.say(1, "sendrealm beta bob x");
    realm.disconnect(BETA);
    realm
}

#[test]
fn a_linked_realm_is_given_another_address_and_keeps_its_key() {
    let mut realm = lost();
    assert_eq!(realm.say(1, "ADDREALM beta 192.0.2.1 8889")["code"], "realm_exists");
    assert_eq!(realm.say(1, "ADDREALM beta 198.51.100.7 7 plain")["code"], "realm_exists");
    let other = format!("ADDREALM beta 198.51.100.7 7 {}", Fingerprint([3; 32]));
    assert_eq!(realm.say(1, &other)["code"], "realm_key");
    let add = "ADDREALM beta 198.51.100.7 7001";
    let before = ("192.0.2.1:8889".to_string(), 1, "down".to_string());
    // Somebody else is there, or nobody.
    assert_eq!(moved(&mut realm, Some(1), add, Some(3))["code"], "realm_key");
    assert_eq!(moved(&mut realm, None, add, Some(3))["code"], "realm_key");
    assert_eq!(moved(&mut realm, Some(1), add, None)["code"], "realm_unreachable");
    assert_eq!(listed(&mut realm), before);
    assert_eq!(moved(&mut realm, Some(1), add, Some(2))["state"], "up");
    let owed = ("198.51.100.7:7001".to_string(), 1, "up".to_string());
    assert_eq!(listed(&mut realm), owed);
    assert!(realm.said(90).iter().any(|line| line.starts_with("FOLLOW ")));
}

#[test]
fn the_operators_word_holds_where_the_peer_is_down() {
    let mut realm = lost();
    let said = moved(&mut realm, None, "ADDREALM beta 198.51.100.7 7001", None);
    let said = (&said["status"], &said["state"], &said["error"]);
    assert_eq!(said, (&"OK".into(), &"down".into(), &"nobody answers".into()));
    assert_eq!(listed(&mut realm).0, "198.51.100.7:7001");
    realm.tick();
    assert_eq!(dialled(&mut realm).unwrap().1, "198.51.100.7:7001");
}

#[test]
fn a_call_of_the_peer_meanwhile_does_not_swallow_the_new_address() {
    let mut realm = lost();
    assert_eq!(realm.operator("ADDREALM beta 198.51.100.7 7001"), Value::Null);
    let (dial, _) = dialled(&mut realm).unwrap();
    realm.link_beta(20, 0, antar_types::Chain::START);
    assert_eq!(realm.woken(), None);
    answers(&mut realm, 90, dial, 2);
    assert_eq!(realm.hear(90, r#"{"status":"OK","realm":"beta","state":"up"}"#), None);
    assert_eq!(realm.woken().unwrap()["state"], "up");
    assert_eq!(listed(&mut realm).0, "198.51.100.7:7001");
}

/// Beta, which was given an address, has moved and calls in; then alpha alone can call.
#[test]
fn an_address_that_was_given_is_not_for_ever() {
    let mut realm = lost();
    moved(&mut realm, None, "ADDREALM beta 198.51.100.7 7001", None);
    realm.link_beta(20, 0, antar_types::Chain::START);
    assert_eq!(listed(&mut realm).0, "198.51.100.7:7001");
    realm.disconnect(20);
    let mut called = Vec::new();
    for _ in 0..4 {
        realm.asked.clear();
        realm.pass(400);
        realm.tick();
        let (dial, at) = dialled(&mut realm).unwrap();
        called.push(at);
        nobody(&mut realm, dial);
    }
    let both = ["198.51.100.7:7001", "192.0.2.1:8889"];
    assert_eq!(called, [both, both].concat());
    // What it may be told is bounded as ever: not what is nearer than it is itself.
    let ip: IpAddr = BETA_IP.parse().unwrap();
    realm.connect_from(21, Origin::Certified(ip, Fingerprint([2; 32])));
    let line = "ACKREALM alpha 192.0.2.9 8889 127.0.0.1 8889 from=beta";
    assert_eq!(realm.hear(21, line).unwrap()["status"], "OK");
    assert_eq!(realm.operator("CHECKREALM")["data"][0].get("told"), None);
}

/// Beta, which has lost its key and kept its data, or has lost both.
#[test]
fn a_linked_realm_is_given_another_key_and_keeps_what_it_is_owed() {
    for kept in [true, false] {
        let mut realm = lost();
        let add = format!("ADDREALM beta 192.0.2.1 8889 new-key {}", Fingerprint([3; 32]));
        assert_eq!(realm.say(1, &add)["code"], "forbidden");
        assert_eq!(realm.operator("ADDREALM beta h 1 new-key")["code"], "bad_parameters");
        let other = add.replace("beta", "gamma");
        assert_eq!(realm.operator(&other)["code"], "realm_not_found");
        let before = realm.operator("CHECKREALM")["data"][0].clone();
        // Somebody else is there.
        assert_eq!(moved(&mut realm, None, &add, Some(4))["code"], "realm_key");
        assert_eq!(realm.operator("CHECKREALM")["data"][0]["fingerprint"], before["fingerprint"]);
        // It may be down; then the operator's word holds.
        let there = kept.then_some(3);
        let said = moved(&mut realm, None, &add, there);
        assert_eq!(said["state"], if kept { "up" } else { "down" }, "{said}");
        let after = realm.operator("CHECKREALM")["data"].clone();
        assert_eq!(after.as_array().unwrap().len(), 1);
        for key in ["realm", "owed", "sent", "received", "cursor"] {
            assert_eq!(after[0][key], before[key], "{key}");
        }
        assert_eq!(after[0]["fingerprint"], Fingerprint([3; 32]).to_string());
        assert_eq!(realm.texts(1, "SENT realm=beta"), ["x"]);
        // The key before is a stranger's.
        let ip: IpAddr = BETA_IP.parse().unwrap();
        realm.connect_from(30, Origin::Certified(ip, Fingerprint([2; 32])));
        let greeting = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta");
        assert_eq!(realm.hear(30, &greeting).unwrap()["code"], "realm_key");
        realm.connect_from(95, Origin::Certified(ip, Fingerprint([3; 32])));
        assert_eq!(realm.hear(95, &greeting).unwrap()["status"], "OK");
        let follow = format!("FOLLOW {} 0 {}", "0".repeat(16), antar_types::Chain::START);
        assert_eq!(realm.hear(95, &follow).unwrap()["status"], "OK");
    }
}

#[test]
fn two_realms_of_one_name_are_told_so() {
    let mut realm = Realm::with_users(&["amy"]);
    let key = Some(Fingerprint([1; 32]));
    realm.state.introduce(Contact { key, port: 8889, ..Default::default() });
    realm.login(1, "amy");
    let expect = |refused: &Value| {
        assert_eq!(refused["code"], "realm_same_name", "{refused}");
        assert!(refused["error"].as_str().unwrap().contains("antar realm rename"), "{refused}");
    };
    expect(&moved(&mut realm, Some(1), "ADDREALM alpha 198.51.100.7 1", Some(3)));
    // It says what it is called, or, as it did before, that it takes this one for itself.
    for answer in [
        r#"{"status":"ERROR","code":"realm_name","realm":"alpha"}"#,
        r#"{"status":"ERROR","code":"realm_self"}"#,
    ] {
        realm.asked.clear();
        assert_eq!(realm.say(1, "ADDREALM beta 198.51.100.7 1"), Value::Null);
        let (dial, _) = dialled(&mut realm).unwrap();
        answers(&mut realm, 91, dial, 3);
        realm.hear(91, answer);
        expect(&realm.woken().unwrap());
    }
    // Itself is still itself.
    let own = moved(&mut realm, Some(1), "ADDREALM alpha 192.0.2.9 1", Some(1));
    assert_eq!(own["code"], "realm_self");
    // One that calls is answered so, and the operator is told, once in a while.
    let ip: IpAddr = BETA_IP.parse().unwrap();
    realm.asked.clear();
    for conn in [40, 41] {
        realm.connect_from(conn, Origin::Certified(ip, Fingerprint([3; 32])));
        let greeting = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=Alpha");
        assert_eq!(realm.hear(conn, &greeting).unwrap()["code"], "realm_same_name");
    }
    let noted = realm.asked.iter().filter(
        |output| matches!(output, Output::Note { text, .. } if text.contains("antar realm rename")),
    );
    assert_eq!(noted.count(), 1);
}

fn greeted(realm: &mut Realm, conn: u64, to: &str, from: &str) -> Value {
    let ip: IpAddr = BETA_IP.parse().unwrap();
    realm.connect_from(conn, Origin::Certified(ip, Fingerprint([2; 32])));
    realm.hear(conn, &format!("ACKREALM {to} 192.0.2.9 8889 {ip} 8889 from={from}")).unwrap()
}

#[test]
fn a_renamed_realm_is_known_by_its_new_name_where_that_is_free() {
    let mut realm = lost();
    assert_eq!(greeted(&mut realm, 50, "alpha", "bet")["status"], "OK");
    assert_eq!(realm.operator("CHECKREALM")["data"][0]["realm"], "bet");
    assert_eq!(realm.texts(1, "SENT realm=bet"), ["x"]);
    // Its own name is not free, so it is who it was.
    assert_eq!(greeted(&mut realm, 51, "alpha", "alpha")["status"], "OK");
    let bet = realm.operator("CHECKREALM")["data"][0].clone();
    assert_eq!((&bet["realm"], &bet["calls_itself"]), (&"bet".into(), &"alpha".into()));
}

#[test]
fn who_does_not_know_the_new_name_is_greeted_by_the_one_before() {
    let mut realm = lost();
    assert_eq!(realm.say(1, "RENAMEREALM aleph")["code"], "forbidden");
    assert_eq!(realm.operator("RENAMEREALM beta")["code"], "realm_exists");
    assert_eq!(realm.operator("REALM RENAME aleph")["status"], "OK");
    realm.pass(1);
    let mut said = Vec::new();
    for conn in [90, 91] {
        realm.asked.clear();
        realm.tick();
        let (dial, _) = dialled(&mut realm).unwrap();
        answers(&mut realm, conn, dial, 2);
        said.extend(realm.said(conn));
        realm.hear(conn, r#"{"status":"ERROR","code":"realm_key"}"#);
    }
    assert!(said[0].contains(" from=aleph ") && said[1].contains(" from=alpha "), "{said:?}");
    // It calls by the name it knows, and hears of the other.
    let told = greeted(&mut realm, 60, "alpha", "beta");
    assert_eq!((&told["realm"], &told["now"]), (&"alpha".into(), &"aleph".into()));
    let told = greeted(&mut realm, 61, "aleph", "beta");
    assert_eq!((&told["realm"], told.get("now")), (&"aleph".into(), None));
    assert_eq!(greeted(&mut realm, 62, "alpha", "beta")["code"], "realm_name");
}
