//! Tests of links with realms of another version.

use crate::Value;
use crate::tests::Realm;
use antar_domain::links::Contact;
use antar_domain::testing::BETA;
use antar_domain::{DialId, Origin, Output};
use antar_types::{Capabilities, Fingerprint};
use std::net::IpAddr;

const BETA_IP: &str = "192.0.2.1";

/// Alpha, with a user; it tells these capabilities.
fn alpha(can: Capabilities) -> Realm {
    let mut alpha = Realm::with_users(&["amy"]);
    let key = Some(Fingerprint([1; 32]));
    alpha.state.introduce(Contact { key, port: 8889, can, ..Contact::default() });
    alpha.login(1, "amy");
    alpha
}

/// What alpha answers when beta calls, with this after its greeting.
fn called(alpha: &mut Realm, conn: u64, past: &str) -> Value {
    let ip: IpAddr = BETA_IP.parse().unwrap();
    alpha.connect_from(conn, Origin::Certified(ip, Fingerprint([2; 32])));
    let line = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta again=1{past}");
    alpha.hear(conn, &line).unwrap()
}

/// What alpha says when it calls beta, which answers with this.
fn calls(alpha: &mut Realm, conn: u64, answer: &str) -> String {
    assert_eq!(alpha.say(1, &format!("ADDREALM beta {BETA_IP} 8889")), Value::Null);
    let dials = alpha.asked.extract_if(.., |output| matches!(output, Output::Dial(..)));
    let dial = dials.last().map_or(DialId(0), |output| match output {
        Output::Dial(dial, _) => dial,
        _ => DialId(0),
    });
    let peer: IpAddr = BETA_IP.parse().unwrap();
    let key = Fingerprint([2; 32]);
    alpha.connect_from(conn, Origin::Dialled { dial, key, peer, local: peer });
    let said = alpha.said(conn).remove(0);
    assert_eq!(alpha.hear(conn, answer), None);
    assert_eq!(alpha.woken().unwrap()["state"], "up");
    said
}

/// What the link's other side can, as CHECKREALM has it.
fn can(alpha: &mut Realm) -> Value {
    alpha.say(1, "CHECKREALM")["data"][0]["can"].clone()
}

#[test]
fn who_is_called_tells_what_it_can_and_hears_what_the_caller_can() {
    for (past, heard) in [
        ("", Value::Null),
        (" can:kinds,origins", "kinds,origins".into()),
        (" something can:origins,edits", "origins".into()),
        (" can:", Value::Null),
    ] {
        let mut alpha = alpha(Capabilities::ALL);
        let answer = called(&mut alpha, BETA, past);
        assert_eq!((&answer["state"], &answer["can"]), (&"up".into(), &"kinds,origins".into()));
        assert_eq!(can(&mut alpha), heard, "{past}");
    }
}

#[test]
fn who_calls_tells_what_it_can_in_a_word_that_the_first_version_ignores() {
    let mut alpha = alpha(Capabilities::ALL);
    let said = calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up"}"#);
    assert!(said.ends_with(" from=alpha can:kinds,origins"), "{said}");
    assert_eq!(can(&mut alpha), Value::Null);
    // Another connection is with another version of it.
    called(&mut alpha, 20, " can:kinds");
    alpha.disconnect(BETA);
    assert_eq!(can(&mut alpha), "kinds");
    alpha.disconnect(20);
    assert_eq!(can(&mut alpha), Value::Null);
}

#[test]
fn an_answer_tells_what_the_called_realm_can() {
    let mut alpha = alpha(Capabilities::ALL);
    calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up","can":"kinds,x"}"#);
    assert_eq!(can(&mut alpha), "kinds");
}

#[test]
fn a_realm_of_the_first_version_tells_nothing() {
    let mut alpha = alpha(Capabilities::NONE);
    assert_eq!(called(&mut alpha, BETA, " can:kinds").get("can"), None);
    let mut alpha = self::alpha(Capabilities::NONE);
    let said = calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up"}"#);
    assert!(said.ends_with(" from=alpha"), "{said}");
}
