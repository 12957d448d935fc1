//! Who is believed while a realm is being added, what a connection between realms is for, and bounds that
//! forget.

use crate::plain_answer;
use crate::tests::Realm;
use crate::{Value, json};
use antar_domain::Inbound;
use antar_domain::links::Contact;
use antar_domain::testing::BETA;
use antar_domain::{ConnId, DialId, Input, JobResult, Origin, Output};
use antar_types::{Chain, Fingerprint};
use std::net::IpAddr;

pub const AWAY: &str = "192.0.2.1";
/// The user's connection, and ours to whoever answers at the address that was given.
pub const AMY: u64 = 1;
const CALL: u64 = 50;

pub fn key(n: u8) -> Fingerprint {
    Fingerprint([n; 32])
}

/// Alpha, with a user who may link, that others can reach.
pub fn alpha(inbound: Inbound) -> Realm {
    let mut alpha = Realm::with_users(&["amy"]);
    alpha.state.introduce(Contact { key: Some(key(1)), port: 8889, ..Contact::default() });
    alpha.policy().inbound = inbound;
    alpha.login(AMY, "amy");
    alpha
}

pub fn call_from(realm: &mut Realm, conn: u64, ip: &str, key: Fingerprint) {
    let ip: IpAddr = ip.parse().unwrap();
    realm.connect_from(conn, Origin::Certified(ip, key));
}

pub fn greeting(from: &str) -> String {
    format!("ACKREALM alpha 192.0.2.9 8889 {AWAY} 8889 from={from}")
}

/// Somebody with a key of their own calls, on a new connection, and says who it is.
pub fn greet(realm: &mut Realm, conn: u64, n: u8, from: &str) -> Value {
    call_from(realm, conn, AWAY, key(n));
    realm.hear(conn, &greeting(from)).unwrap()
}

/// Our latest call.
fn dial(realm: &Realm) -> DialId {
    let dials = realm.asked.iter().rev();
    let dial = |output: &Output| match output {
        Output::Dial(dial, _) => Some(*dial),
        _ => None,
    };
    dials.filter_map(dial).next().unwrap()
}

/// Somebody with this key is there.
pub fn reached(realm: &mut Realm, n: u8) {
    let [peer, local] = [AWAY, "192.0.2.9"].map(|ip| ip.parse().unwrap());
    let origin = Origin::Dialled { dial: dial(realm), key: key(n), peer, local };
    realm.connect_from(CALL, origin);
}

/// It takes our call.
pub fn take(realm: &mut Realm, name: &str) {
    let answer = json!({"status": "OK", "realm": name, "state": "up"});
    assert_eq!(realm.hear(CALL, &answer.to_string()), None);
}

pub fn links(realm: &mut Realm) -> Vec<Value> {
    realm.say(AMY, "CHECKREALM")["data"].as_array().unwrap().clone()
}

#[track_caller]
pub fn is_linked(realm: &mut Realm, name: &str, n: u8) {
    let link = links(realm).into_iter().find(|link| link["realm"] == *name).unwrap();
    assert_eq!((&link["state"], &link["fingerprint"]), (&"up".into(), &key(n).to_string().into()));
}

pub fn is_hung_up(realm: &Realm, conn: u64) -> bool {
    realm.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == conn))
}

/// What is said in the log, but for who did what.
fn notes(realm: &mut Realm) -> Vec<String> {
    let notes = realm.asked.extract_if(.., |o| matches!(o, Output::Note { .. }));
    let text = |output| match output {
        Output::Note { text, .. } => text,
        _ => String::new(),
    };
    notes.map(text).filter(|text| !text.starts_with("audit: ")).collect()
}

#[test]
fn a_stranger_is_not_taken_for_the_realm_that_is_being_added() {
    for given in ["", "sha256"] {
        let mut alpha = alpha(Inbound::Approve);
        let given = if given.is_empty() { String::new() } else { key(2).to_string() };
        assert_eq!(alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889 {given}")), Value::Null);
        for conn in 30..33 {
            let answer = greet(&mut alpha, conn, 3, "beta");
            assert_ne!(answer["state"], "up", "{answer}");
        }
        reached(&mut alpha, 2);
        let answer = greet(&mut alpha, 33, 3, "beta");
        assert_ne!(answer["state"], "up", "{answer}");
        assert_eq!(alpha.woken(), None);
        take(&mut alpha, "beta");
        assert_eq!(alpha.woken().unwrap()["state"], "up");
        is_linked(&mut alpha, "beta", 2);
        assert_eq!(greet(&mut alpha, 34, 3, "beta")["code"], "realm_key");
    }
}

#[test]
fn one_that_could_link_at_any_time_waits_until_the_call_has_ended() {
    // Whoever is at the address that was given goes first.
    let mut realm = alpha(Inbound::Open);
    realm.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
    assert_eq!(greet(&mut realm, 30, 3, "beta"), Value::Null);
    reached(&mut realm, 2);
    assert_eq!(realm.woken(), Some(Value::Null));
    take(&mut realm, "beta");
    let answers = [realm.woken().unwrap(), realm.woken().unwrap()];
    assert!(answers.iter().any(|answer| answer["state"] == "up"), "{answers:?}");
    assert!(answers.iter().any(|answer| answer["code"] == "realm_key"), "{answers:?}");
    is_linked(&mut realm, "beta", 2);
    // Where that comes to nothing it is judged as ever.
    let mut realm = alpha(Inbound::Open);
    realm.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
    assert_eq!(greet(&mut realm, 30, 3, "beta"), Value::Null);
    reached(&mut realm, 2);
    assert_eq!(realm.woken(), Some(Value::Null));
    realm.disconnect(CALL);
    let answers = [realm.woken().unwrap(), realm.woken().unwrap()];
    assert!(answers.iter().any(|answer| answer["state"] == "up"), "{answers:?}");
    assert!(answers.iter().any(|answer| answer["code"] == "realm_unreachable"), "{answers:?}");
    // One that is gone meanwhile waits for nothing.
    let mut realm = alpha(Inbound::Open);
    realm.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
    assert_eq!(greet(&mut realm, 30, 3, "beta"), Value::Null);
    realm.disconnect(30);
    reached(&mut realm, 2);
    assert_eq!(realm.woken(), None);
}

#[test]
fn the_realm_that_was_meant_may_call_first() {
    for (inbound, before) in [(Inbound::Approve, "waiting"), (Inbound::Listed, "")] {
        let mut alpha = alpha(inbound);
        alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
        // Nobody knows yet that it is the one.
        assert_eq!(greet(&mut alpha, 30, 2, "beta")["state"].as_str().unwrap_or_default(), before);
        assert_eq!(alpha.woken(), None);
        reached(&mut alpha, 2);
        // By its name its own call gives way.
        assert_eq!(greet(&mut alpha, 31, 2, "beta")["code"], "realm_crossed");
        take(&mut alpha, "beta");
        assert_eq!(alpha.woken().unwrap()["state"], "up");
        is_linked(&mut alpha, "beta", 2);
    }
    let mut alpha = alpha(Inbound::Approve);
    alpha.say(AMY, &format!("ADDREALM aleph {AWAY} 8889"));
    reached(&mut alpha, 2);
    assert_eq!(greet(&mut alpha, 30, 2, "aleph")["state"], "up");
    assert_eq!(alpha.woken().unwrap()["state"], "up");
    is_linked(&mut alpha, "aleph", 2);
}

#[test]
fn a_call_that_gives_way_has_linked_the_two() {
    for squats in [false, true] {
        let mut alpha = alpha(Inbound::Approve);
        if squats {
            assert_eq!(greet(&mut alpha, 29, 3, "aleph")["state"], "waiting");
        }
        // Its call came before it was known whose it is.
        alpha.say(AMY, &format!("ADDREALM aleph {AWAY} 8889"));
        assert_eq!(greet(&mut alpha, 30, 2, "aleph")["state"], "waiting");
        reached(&mut alpha, 2);
        let crossed = json!({"status": "ERROR", "code": "realm_crossed"});
        assert_eq!(alpha.hear(CALL, &crossed.to_string()), None);
        assert_eq!(alpha.woken().unwrap()["state"], "up");
        assert!(is_hung_up(&alpha, if squats { 29 } else { 30 }));
        assert_eq!(greet(&mut alpha, 31, 2, "aleph")["state"], "up");
        is_linked(&mut alpha, "aleph", 2);
    }
}

#[test]
fn what_the_operator_says_goes_before_who_waits() {
    // The realm is added, with its key and without.
    for given in [String::new(), key(2).to_string()] {
        let mut alpha = alpha(Inbound::Approve);
        assert_eq!(greet(&mut alpha, 30, 3, "beta")["state"], "waiting");
        assert_eq!(alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889 {given}")), Value::Null);
        reached(&mut alpha, 2);
        assert_eq!(alpha.woken(), None);
        take(&mut alpha, "beta");
        assert_eq!(alpha.woken().unwrap()["state"], "up");
        is_linked(&mut alpha, "beta", 2);
        assert!(is_hung_up(&alpha, 30));
    }
    // Its key is listed.
    let mut realm = alpha(Inbound::Approve);
    assert_eq!(greet(&mut realm, 30, 3, "beta")["state"], "waiting");
    realm.policy().listed_keys.push(key(2));
    assert_eq!(greet(&mut realm, 31, 2, "beta")["state"], "up");
    is_linked(&mut realm, "beta", 2);
    assert!(is_hung_up(&realm, 30));
    // It was invited.
    let mut realm = alpha(Inbound::Approve);
    let code = realm.operator("INVITEREALM 192.0.2.9 8889")["data"].clone();
    let secret = code.as_str().unwrap().rsplit('/').next().unwrap().to_string();
    assert_eq!(greet(&mut realm, 30, 3, "beta")["state"], "waiting");
    call_from(&mut realm, 31, AWAY, key(2));
    let invited = format!("{} invite={secret}", greeting("beta"));
    assert_eq!(realm.hear(31, &invited).unwrap()["state"], "up");
    is_linked(&mut realm, "beta", 2);
}

#[test]
fn who_comes_second_under_a_name_waits_too_and_is_told_of() {
    let mut alpha = alpha(Inbound::Approve);
    assert_eq!(greet(&mut alpha, 30, 3, "beta")["state"], "waiting");
    assert_eq!(greet(&mut alpha, 31, 2, "beta")["state"], "waiting");
    let link = links(&mut alpha)[0].clone();
    assert_eq!((&link["state"], &link["asks"]), (&"waiting".into(), &true.into()));
    assert_eq!(link["fingerprint"], key(3).to_string());
    assert!(link["error"].as_str().unwrap().contains(&key(2).to_string()), "{link}");
    // It is not heard.
    assert_eq!(alpha.hear(31, "REMOVED").unwrap()["code"], "forbidden");
}

#[test]
fn whoever_is_approved_is_the_one_that_was_looked_at() {
    let mut alpha = alpha(Inbound::Approve);
    assert_eq!(greet(&mut alpha, 30, 3, "beta")["state"], "waiting");
    let refused = alpha.operator(&format!("APPROVEREALM beta {}", key(2)));
    assert_eq!(refused["code"], "realm_key");
    assert!(refused["error"].as_str().unwrap().contains(&key(3).to_string()), "{refused}");
    assert_eq!(alpha.operator("APPROVEREALM beta sha256:3")["code"], "bad_parameters");
    let approved = alpha.operator(&format!("APPROVEREALM beta {}", key(3)));
    assert_eq!(approved["fingerprint"], key(3).to_string());
    assert_eq!(greet(&mut alpha, 31, 3, "beta")["state"], "up");
}

#[test]
fn between_realms_nobody_logs_in() {
    let mut alpha = alpha(Inbound::Open);
    let token = alpha.login(2, "amy");
    alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
    reached(&mut alpha, 2);
    assert_eq!(greet(&mut alpha, 30, 3, "gamma")["state"], "up");
    for conn in [CALL, 30] {
        for line in [
            "AUTH amy pw",
            "REGISTER eve pw",
            "WHOAMI",
            "HELP",
            "VERSION",
            &format!("WHOAMI {token}"),
            &format!("SEND {token} amy hi"),
            &format!("ADDREALM {token} delta {AWAY} 8889"),
        ] {
            assert_eq!(alpha.hear(conn, line).unwrap()["code"], "forbidden", "{conn}: {line}");
        }
        let ping = alpha.hear(conn, &format!("PING {token}")).unwrap();
        assert!(ping["data"] == "PONG" && ping["clock"].is_u64(), "{ping}");
        assert_eq!(alpha.hear(conn, &format!("CHAIN {token}")).unwrap()["status"], "ERROR");
        assert_eq!(alpha.state.account(ConnId(conn)), None);
    }
    take(&mut alpha, "beta");
    assert_eq!(alpha.hear(CALL, "AUTH amy pw").unwrap()["code"], "forbidden");
    // Who has a certificate and is no realm is a user like any other.
    call_from(&mut alpha, 40, AWAY, key(4));
    let login = alpha.hear(40, "AUTH amy pw").unwrap();
    assert_eq!(login["status"], "OK", "{login}");
    assert_eq!(alpha.hear(40, &greeting("delta")).unwrap()["code"], "forbidden");
}

#[test]
fn what_is_said_again_is_neither_told_nor_kept_again() {
    let mut alpha = alpha(Inbound::Approve);
    alpha.policy().listed_keys.push(key(2));
    assert_eq!(greet(&mut alpha, BETA, 2, "beta")["state"], "up");
    assert_eq!(greet(&mut alpha, 30, 3, "gamma")["state"], "waiting");
    assert_eq!(notes(&mut alpha).len(), 2);
    let before = alpha.said(BETA).len();
    for port in 1..200 {
        let moved = |from: &str| greeting(from).replace("8889 from", &format!("{port} from"));
        assert_eq!(alpha.hear(30, &moved("gamma")).unwrap()["state"], "waiting");
        assert_eq!(alpha.hear(BETA, &moved("beta")).unwrap()["state"], "up");
    }
    assert_eq!((notes(&mut alpha), alpha.said(BETA).len(), before), (vec![], 0, 1));
    // Nor what is said with many keys, on many connections.
    for n in 0..100 {
        let conn = 100 + n;
        assert_eq!(greet(&mut alpha, conn, 3, "gamma")["state"], "waiting");
        alpha.disconnect(conn);
        let other = greet(&mut alpha, 300 + n, 10 + (n % 50) as u8, "beta");
        assert_eq!(other["code"], "realm_key");
    }
    assert_eq!(notes(&mut alpha).len(), 1);
    alpha.pass(61);
    assert_eq!(greet(&mut alpha, 600, 9, "beta")["code"], "realm_key");
    assert_eq!(notes(&mut alpha).len(), 1);
}

#[test]
fn a_plain_peer_takes_the_place_of_nobody_who_is_called_nor_a_stranger_that_of_one() {
    let mut alpha = alpha(Inbound::Approve);
    alpha.policy().plain_peers = ["127.0.0.1".parse().unwrap()].into_iter().collect();
    assert_eq!(alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889")), Value::Null);
    let plain = alpha.say(60, "ackrealm beta 127.0.0.1 1 127.0.0.1 2");
    assert_eq!(plain["code"], "realm_exists");
    reached(&mut alpha, 2);
    take(&mut alpha, "beta");
    assert_eq!(alpha.woken().unwrap()["state"], "up");
    // Who waited under a name that is a plain peer's now is not heard as that.
    assert_eq!(greet(&mut alpha, 30, 3, "gamma")["state"], "waiting");
    let answer = br#"{"status":"OK","message":"Connect realm berhasil"}"#;
    let asked =
        JobResult::Asked(None, Ok((plain_answer(answer, false), "127.0.0.1".parse().unwrap())));
    let request = alpha.request(AMY, "ADDREALM gamma 127.0.0.1 9 plain");
    alpha.tell(Input::Resume {
        conn: ConnId(AMY),
        request: Box::new(request),
        results: vec![asked],
    });
    assert!(is_hung_up(&alpha, 30));
    assert_eq!(alpha.hear(30, "REMOVED").unwrap()["code"], "forbidden");
    let link = links(&mut alpha).into_iter().find(|link| link["realm"] == "gamma").unwrap();
    assert_eq!((&link["state"], &link["plain"]), (&"up".into(), &true.into()));
}

#[test]
fn a_realm_that_is_linked_does_not_fill_the_log() {
    let mut alpha = Realm::linked(&["amy"]);
    alpha.login(AMY, "amy");
    assert_eq!(alpha.say(AMY, "SENDREALM beta bob x")["status"], "OK");
    let (epoch, tip) = alpha.owed_up_to();
    let at = |seq, chain| format!("FOLLOW {epoch} {seq} {chain}");
    // It says that it has all, and then that it has nothing.
    let again = |alpha: &mut Realm| {
        for line in [at(1, tip.chain), at(0, Chain::START)] {
            assert_eq!(alpha.hear(BETA, &line).unwrap()["status"], "OK");
        }
    };
    (0..200).for_each(|_| again(&mut alpha));
    let told = notes(&mut alpha);
    assert!((2..=10).contains(&told.len()) && told.iter().any(|n| n.contains("put back")));
    alpha.pass(60);
    again(&mut alpha);
    let told = notes(&mut alpha);
    assert!(
        told.len() == 1 && told[0].contains("lines about this realm were left out"),
        "{told:?}"
    );
}

#[test]
fn realms_under_ever_new_names_do_not_fill_the_log() {
    for inbound in [Inbound::Approve, Inbound::Open] {
        let mut alpha = alpha(inbound);
        // One that was linked long ago is told of all the same.
        alpha.policy().listed_keys.push(key(2));
        assert_eq!(greet(&mut alpha, BETA, 2, "beta")["state"], "up");
        alpha.pass(3_600);
        notes(&mut alpha);
        let some = |alpha: &mut Realm, from: u64| {
            for n in from..from + 200 {
                let bytes = [n.to_be_bytes(), [9; 8], [9; 8], [9; 8]].concat();
                let conn = 1_000 + n;
                call_from(alpha, conn, AWAY, Fingerprint(bytes.try_into().unwrap()));
                alpha.hear(conn, &greeting(&format!("r{n}"))).unwrap();
                alpha.hear(conn, "REMOVED");
            }
        };
        some(&mut alpha, 0);
        alpha.disconnect(BETA);
        let told = notes(&mut alpha);
        assert!((2..=31).contains(&told.len()), "{}", told.len());
        assert!(told.last().unwrap().contains("beta: down"), "{told:?}");
        alpha.pass(60);
        some(&mut alpha, 200);
        let told = notes(&mut alpha);
        assert!(told.len() <= 30 && told[0].contains("lines about new realms"), "{told:?}");
    }
}
