//! Whoever says it is a realm and is not, and realms that break the rules.

use crate as text;
use crate::json;
use crate::tests::Realm;
use antar_domain::Access;
use antar_domain::Inbound;
use antar_domain::links::{Contact, Epoch, LONGEST_TEXT, Position};
use antar_domain::testing::{BETA, BETAS};
use antar_domain::{Origin, Output};
use antar_types::{Capabilities, Chain, Entry, EntryKind, Fingerprint, Name, Text, Time};
use std::net::IpAddr;

const AWAY: &str = "192.0.2.1";
const OWN: Fingerprint = Fingerprint([1; 32]);
const EPOCH: Epoch = BETAS;

/// Alpha, with a user and a group, that others can reach and that takes any link.
fn alpha() -> Realm {
    let mut alpha = Realm::with_users(&["amy"]);
    alpha.state.introduce(Contact { key: Some(OWN), port: 8889, ..Contact::default() });
    alpha.login(1, "amy");
    assert_eq!(alpha.say(1, "ADDGROUP staff pw")["status"], "OK");
    alpha
}

fn certified(realm: &mut Realm, conn: u64, key: u8) {
    let ip: IpAddr = AWAY.parse().unwrap();
    realm.connect_from(conn, Origin::Certified(ip, Fingerprint([key; 32])));
}

/// The request by which a realm links.
fn greeting(from: &str, source: &str) -> String {
    format!("ACKREALM alpha 192.0.2.9 8889 {source} 8889 from={from}")
}

/// Alpha linked with beta, whose log it follows.
fn linked() -> Realm {
    let mut alpha = alpha();
    link_again(&mut alpha, BETA, 0, Chain::START);
    alpha
}

/// A new connection of beta's, followed from where alpha is.
fn link_again(alpha: &mut Realm, conn: u64, seq: u64, chain: Chain) {
    alpha.link_beta(conn, seq, chain);
}

/// Who may be a plain peer of alpha's.
fn list_plain_peers(alpha: &mut Realm, addresses: &[&str]) {
    let addresses = addresses.iter().map(|word| word.parse::<IpAddr>().unwrap());
    alpha.policy().plain_peers = addresses.collect();
}

fn is_hung_up(realm: &Realm, conn: u64) -> bool {
    realm.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == conn))
}

fn entry(text: &str) -> Entry {
    let (from, to) = (Name::parse("bob").unwrap(), Name::parse("amy").unwrap());
    let text = Text::parse(text, 99).unwrap();
    Entry { kind: EntryKind::Private, time: Time(5), from, to, text, origin: None, more: None }
}

fn deliver(first: u64, before: Chain, text: &str) -> (String, Chain) {
    let (entry, epoch) = (entry(text), EPOCH);
    let chain = before.with(&entry);
    let mut list = Vec::new();
    text::write_entries([&entry], Capabilities::NONE, &mut list);
    let list = String::from_utf8(list).unwrap();
    (format!("DELIVER {epoch} {first} {chain} {list}"), chain)
}

/// What amy has from beta, whose link is down by now.
fn inbox(alpha: &mut Realm) -> Vec<String> {
    alpha.texts(1, "INBOXREALM beta")
}

/// A request of each verb between servers, as a realm named beta would send it.
fn between_servers() -> Vec<String> {
    let zero = Chain::START;
    let rest = |name: &str| match name {
        "ACKREALM" => "beta 127.0.0.1 1 127.0.0.1 2 from=beta".to_string(),
        "REMOTEINBOXREALM" => "amy beta".into(),
        "REMOTEINBOXGROUPREALM" => "staff beta".into(),
        "RECVGROUPREALM" => "beta bob staff hi".into(),
        "DELIVER" => format!("{EPOCH} 1 {zero} []"),
        "CHAIN" => "1".into(),
        "JOINROOM" => "staff bob 7 0".into(),
        "REMOVED" => String::new(),
        _ => format!("{EPOCH} 0 {zero}"),
    };
    let all = text::all().filter(|verb| verb.access() == Access::Peer);
    all.map(|verb| format!("{} {}", verb.name, rest(verb.name))).collect()
}

#[test]
fn requests_between_servers_are_for_links_only() {
    let mut alpha = linked();
    list_plain_peers(&mut alpha, &["127.0.0.1"]);
    assert!(between_servers().len() >= 10);
    // A client from elsewhere, and one that looks like beta but has not said so.
    alpha.connect_from(20, Origin::Client(AWAY.parse().unwrap()));
    certified(&mut alpha, 21, 2);
    // One that may be a plain peer, but has logged in; and one that has a certificate and has.
    certified(&mut alpha, 22, 3);
    alpha.login(22, "amy");
    for request in between_servers() {
        for conn in [1, 20, 21, 22] {
            if conn == 21 && request.starts_with("ACKREALM") {
                continue;
            }
            assert_eq!(alpha.say(conn, &request)["code"], "forbidden", "{conn}: {request}");
        }
    }
    // Nor is a plain peer heard where none is listed; it is told what would have to be.
    list_plain_peers(&mut alpha, &[]);
    for request in between_servers() {
        let refused = alpha.say(30, &request);
        assert_eq!(refused["code"], "forbidden", "{request}");
        assert!(refused["error"].as_str().unwrap().contains("plain_peers"), "{refused}");
    }
    assert_eq!(inbox(&mut alpha), [""; 0]);
}

#[test]
fn a_plain_peer_does_not_speak_for_a_native_realm() {
    let mut alpha = linked();
    list_plain_peers(&mut alpha, &["127.0.0.1"]);
    for (request, code) in [
        ("ackrealm beta 127.0.0.1 1 127.0.0.1 2", "realm_exists"),
        ("recvgrouprealm beta bob staff hi", "forbidden"),
        ("remoteinboxrealm amy beta", "forbidden"),
        ("remoteinboxgrouprealm staff beta", "forbidden"),
    ] {
        assert_eq!(alpha.say(30, request)["code"], code, "{request}");
    }
    // Nor does one for another that is on another machine.
    list_plain_peers(&mut alpha, &["127.0.0.1", AWAY]);
    alpha.connect_from(31, Origin::Client(AWAY.parse().unwrap()));
    let linked = alpha.say(31, &format!("ackrealm gamma 127.0.0.1 1 {AWAY} 2"));
    assert_eq!(linked["status"], "OK");
    for request in ["recvgrouprealm gamma bob staff hi", "remoteinboxrealm amy gamma"] {
        assert_eq!(alpha.say(30, request)["code"], "forbidden", "{request}");
    }
    let again = alpha.say(30, "ackrealm gamma 127.0.0.1 1 127.0.0.1 2");
    assert_eq!(again["code"], "realm_exists");
}

#[test]
fn names_and_keys_belong_together() {
    let mut alpha = linked();
    for (conn, key, request, code) in [
        (20, 3, greeting("beta", AWAY), "realm_key"),
        (21, 3, greeting("Alpha", AWAY), "realm_same_name"),
        (22, 1, greeting("gamma", AWAY), "realm_self"),
        (24, 3, greeting("gamma", AWAY).replace("alpha", "delta"), "realm_name"),
    ] {
        certified(&mut alpha, conn, key);
        let reply = alpha.hear(conn, &request).unwrap();
        assert_eq!(reply["code"], code, "{request}");
        assert_eq!(reply["realm"], if code == "realm_name" { json!("alpha") } else { json!(null) });
        // It is not heard as the realm it said it was.
        let (line, _) = deliver(1, Chain::START, "spoofed");
        assert_eq!(alpha.hear(conn, &line).unwrap()["code"], "forbidden");
    }
    let listed = alpha.say(1, "CHECKREALM");
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let (link, other) = (&listed["data"][0], Fingerprint([3; 32]).to_string());
    assert_eq!((&link["realm"], &link["state"]), (&"beta".into(), &"up".into()));
    assert!(link["error"].as_str().unwrap().contains(&other), "{link}");
    let (line, _) = deliver(1, Chain::START, "the real one");
    assert_eq!(alpha.hear(BETA, &line), None);
    alpha.disconnect(BETA);
    assert_eq!(inbox(&mut alpha), ["the real one"]);
}

#[test]
fn an_address_inside_is_not_taken_from_outside() {
    let inside = ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "[fe80::1]", "0.0.0.0", "a/b"];
    for (conn, source) in (20..).zip(inside) {
        let mut alpha = alpha();
        certified(&mut alpha, conn, 2);
        assert_eq!(alpha.hear(conn, &greeting("beta", source)).unwrap()["status"], "OK");
        let link = alpha.say(1, "CHECKREALM")["data"][0].clone();
        assert_eq!((&link["host"], &link["state"]), (&"".into(), &"up".into()), "{source}");
    }
    let mut alpha = alpha();
    certified(&mut alpha, BETA, 2);
    alpha.hear(BETA, &greeting("beta", "198.51.100.7"));
    assert_eq!(alpha.say(1, "CHECKREALM")["data"][0]["host"], "198.51.100.7");
}

#[test]
fn what_does_not_follow_ends_the_connection_and_nothing_is_stored() {
    let mut alpha = linked();
    let (first, one) = deliver(1, Chain::START, "one");
    let (second, _) = deliver(2, one, "two");
    assert_eq!(alpha.hear(BETA, &first), None);
    alpha.disconnect(BETA);
    let far = format!("{}", u64::MAX);
    let position = |epoch: Epoch, seq: &str| format!("{epoch} {seq} {}", Chain::START);
    let wrong = [
        first.clone(),
        deliver(3, one, "a gap").0,
        deliver(u64::MAX, one, "far").0,
        deliver(2, Chain::START, "another past").0,
        second.replace(&EPOCH.to_string(), &Epoch(8).to_string()),
        second.replace("two", "2wo"),
        second.replace("private", "public"),
        second.replace("bob", "b b"),
        format!("DELIVER {} []", position(EPOCH, "2")),
        "DELIVER x 2 y []".into(),
        "DELIVER 0 0 0 {".into(),
        format!("CURSOR {}", position(EPOCH, "1")),
        format!("CURSOR {}", position(EPOCH, &far)),
        "{".into(),
        "{}".into(),
        r#"{"status":"OK","data":"PONG"}"#.into(),
    ];
    for (conn, line) in (100..).zip(wrong) {
        link_again(&mut alpha, conn, 1, one);
        assert_eq!(alpha.hear(conn, &line), None, "{line}");
        assert!(is_hung_up(&alpha, conn), "{line}");
        // What was on its way is not taken either.
        let after = alpha.hear(conn, &second).map(|reply| reply["code"].clone());
        assert_eq!(after, Some("forbidden".into()), "{line}");
        alpha.disconnect(conn);
        assert_eq!(inbox(&mut alpha), ["one"], "{line}");
    }
    link_again(&mut alpha, 200, 1, one);
    assert_eq!(alpha.hear(200, &second), None);
    alpha.disconnect(200);
    assert_eq!(inbox(&mut alpha), ["one", "two"]);
}

#[test]
fn an_answer_of_any_length_is_none() {
    for (values, heard) in [(2_000, true), (20_000, false)] {
        let mut alpha = linked();
        assert_eq!(alpha.say(1, "INBOXREALM beta"), json!(null));
        let long = format!(r#"{{"status":"OK","tip":0,"data":[{}0]}}"#, "0,".repeat(values));
        assert_eq!(alpha.hear(BETA, &long), None);
        assert_eq!(is_hung_up(&alpha, BETA), !heard);
        let reply = alpha.woken();
        assert_eq!(reply.is_some_and(|reply| reply.get("stale").is_none()), heard);
    }
}

#[test]
fn numbers_that_no_log_can_reach_are_no_answer() {
    for key in ["from", "tip", "floor"] {
        let mut alpha = alpha();
        certified(&mut alpha, BETA, 2);
        alpha.hear(BETA, &greeting("beta", AWAY));
        let status = if key == "from" { "OK" } else { "ERROR" };
        let none = Chain::START.to_string();
        let mut answer = json!({"status": status, "epoch": EPOCH.to_string(), "from": 0,
            "chain": none, "tip": 9, "floor": 0, "floor_chain": none});
        answer[key] = u64::MAX.into();
        assert_eq!(alpha.hear(BETA, &answer.to_string()), None);
        let (line, _) = deliver(u64::MAX, Chain::START, "far");
        alpha.hear(BETA, &line);
        alpha.hear(BETA, &deliver(0, Chain::START, "far").0);
        alpha.disconnect(BETA);
        assert_eq!(inbox(&mut alpha), [""; 0], "{key}");
        // The link recovers.
        link_again(&mut alpha, 20, 0, Chain::START);
        alpha.hear(20, &deliver(1, Chain::START, "near").0);
        alpha.disconnect(20);
        assert_eq!(inbox(&mut alpha), ["near"], "{key}");
    }
}

#[test]
fn realms_that_ask_are_bounded() {
    let mut alpha = linked();
    alpha.policy().inbound = Inbound::Approve;
    for n in 0..300_u64 {
        let key = Fingerprint(
            [u8::try_from(n % 251).unwrap(), 9, u8::try_from(n / 251).unwrap()].repeat(11)[..32]
                .try_into()
                .unwrap(),
        );
        alpha.connect_from(1_000 + n, Origin::Certified(AWAY.parse().unwrap(), key));
        let reply = alpha.hear(1_000 + n, &greeting(&format!("r{n}"), AWAY)).unwrap();
        assert_eq!(reply["state"], "waiting");
        let listed = alpha.say(1, "CHECKREALM")["data"].as_array().unwrap().len();
        assert!((2..=64).contains(&listed), "{listed}");
    }
    // Who waits is not heard; who is linked goes on.
    let (line, _) = deliver(1, Chain::START, "hi");
    assert_eq!(alpha.hear(1_000, &line).unwrap()["code"], "forbidden");
    assert_eq!(alpha.hear(1_299, &line).unwrap()["code"], "forbidden");
    assert_eq!(alpha.hear(BETA, &line), None);
    alpha.disconnect(BETA);
    assert_eq!(inbox(&mut alpha), ["hi"]);
}

#[test]
fn an_invitation_is_not_guessed_and_is_used_once() {
    let mut alpha = alpha();
    alpha.policy().inbound = Inbound::Listed;
    let code = alpha.operator("INVITEREALM 192.0.2.9 8889")["data"].clone();
    let secret = code.as_str().unwrap().rsplit('/').next().unwrap().to_string();
    certified(&mut alpha, 20, 2);
    for n in 0..1_000_u64 {
        let mut guess = [9; 32];
        guess[..8].copy_from_slice(&n.to_be_bytes());
        let guess = antar_types::Token::new(guess);
        let guess = format!("{} invite={}", greeting("beta", AWAY), guess.reveal());
        assert_eq!(alpha.hear(20, &guess).unwrap()["code"], "bad_invitation");
    }
    let rubbish = format!("{} invite=x", greeting("beta", AWAY));
    assert_eq!(alpha.hear(20, &rubbish).unwrap()["code"], "bad_invitation");
    assert_eq!(alpha.hear(20, &greeting("beta", AWAY)).unwrap()["code"], "forbidden");
    let invited = format!("{} invite={secret}", greeting("beta", AWAY));
    assert_eq!(alpha.hear(20, &invited).unwrap()["status"], "OK");
    certified(&mut alpha, 21, 3);
    let other = invited.replace("beta", "gamma");
    assert_eq!(alpha.hear(21, &other).unwrap()["code"], "bad_invitation");
}

#[test]
fn a_removed_realm_does_not_come_back_by_itself() {
    let mut alpha = linked();
    assert_eq!(alpha.say(1, "REMOVEREALM beta")["status"], "OK");
    assert!(is_hung_up(&alpha, BETA));
    certified(&mut alpha, 20, 2);
    let again = format!("{} again=1", greeting("beta", AWAY));
    assert_eq!(alpha.hear(20, &again).unwrap()["code"], "realm_removed");
    let (line, _) = deliver(1, Chain::START, "hi");
    assert_eq!(alpha.hear(20, &line).unwrap()["code"], "forbidden");
    assert_eq!(alpha.say(1, "CHECKREALM")["data"], json!([]));
    // Asked for anew it is another link.
    assert_eq!(alpha.hear(20, &greeting("beta", AWAY)).unwrap()["status"], "OK");
}

#[test]
fn nobody_answers_for_a_realm_that_is_called_with_another_key() {
    let mut alpha = alpha();
    let key = Fingerprint([2; 32]);
    assert_eq!(alpha.say(1, &format!("ADDREALM beta {AWAY} 8889 {key}")), json!(null));
    certified(&mut alpha, 30, 3);
    assert_eq!(alpha.hear(30, &greeting("beta", AWAY)).unwrap()["code"], "realm_key");
    assert_eq!(alpha.woken(), None);
    // The one that is meant may come first: then the user has what was asked for.
    alpha.policy().inbound = Inbound::Approve;
    certified(&mut alpha, 31, 2);
    assert_eq!(alpha.hear(31, &greeting("beta", AWAY)).unwrap()["state"], "up");
    assert_eq!(alpha.woken().unwrap()["state"], "up");
}

#[test]
fn a_text_that_no_line_of_a_link_holds_is_refused_at_once() {
    let mut alpha = linked();
    alpha.limits().message_bytes = 1 << 20;
    let send = |n: usize| format!("SENDREALM beta bob {}", "\"".repeat(n));
    assert_eq!(alpha.say(1, &send(LONGEST_TEXT + 1))["code"], "too_long");
    assert_eq!(alpha.say(1, &send(LONGEST_TEXT))["status"], "OK");
    let entry = entry(&"x".repeat(9));
    let text = Text::parse(&"\"".repeat(LONGEST_TEXT), LONGEST_TEXT).unwrap();
    let at = Position { seq: 1, chain: Chain::START };
    let (entry, mut line) = (std::sync::Arc::new(Entry { text, ..entry }), Vec::new());
    crate::deliveries(EPOCH, Capabilities::NONE, &[(at, entry)], &mut line);
    assert!(line.len() < 256 << 10, "{}", line.len());
}
