//! Links, as users and the operator make and end them.

use super::Realm;
use crate::Value;
use antar_domain::links::NotDialled;
use antar_domain::testing::BETA;
use antar_domain::{Input, Output};

/// Calls at once that users have asked for.
const CALLS: u64 = 64;

/// Answers a call as one that came to nothing.
fn nobody(realm: &mut Realm) -> Value {
    let dialled = |output: &Output| match output {
        Output::Dial(dial, _) => Some(*dial),
        _ => None,
    };
    let dial = realm.asked.iter().find_map(dialled).unwrap();
    let why = NotDialled { error: "nobody answers".into(), plain: None };
    realm.tell(Input::NotDialled(dial, why));
    realm.woken().unwrap()
}

#[test]
fn users_have_few_realms_called_at_once() {
    let mut realm = Realm::linked(&["amy"]);
    for n in 0..CALLS {
        realm.login(100 + n, "amy");
        assert_eq!(realm.say(100 + n, &format!("addrealm r{n} host 1")), Value::Null);
    }
    realm.login(1, "amy");
    assert_eq!(realm.say(1, "addrealm gamma host 1")["code"], "limit_reached");
    assert_eq!(realm.operator("addrealm gamma host 1"), Value::Null);
}

#[test]
fn says_why_no_link_was_made() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    assert_eq!(realm.say(1, "addrealm gamma host 1"), Value::Null);
    assert_eq!(realm.say(2, "whoami")["code"], "no_session");
    let refused = nobody(&mut realm);
    assert_eq!(
        (&refused["code"], &refused["error"]),
        (&"realm_unreachable".into(), &"nobody answers".into())
    );
    for (line, code) in [
        ("addrealm beta 192.0.2.1 8889", "realm_exists"),
        ("addrealm gamma host port", "bad_parameters"),
        ("addrealm gamma host 0", "bad_parameters"),
        ("addrealm gamma ho/st 1", "bad_parameters"),
        ("addrealm gamma host 1 sha256:ab", "bad_parameters"),
        ("addrealm gamma host 1 key=x", "bad_parameters"),
        ("addrealm g! host 1", "bad_name"),
        ("addrealm gamma 8.8.8.8 1 plain", "forbidden"),
        ("joinrealm antar:x", "bad_invitation"),
    ] {
        assert_eq!(realm.say(1, line)["code"], code, "{line}");
    }
    realm.policy().open_linking = false;
    assert_eq!(realm.say(1, "addrealm gamma host 1")["code"], "forbidden");
    assert_eq!(realm.say(1, "inviterealm host 1")["code"], "forbidden");
}

#[test]
fn an_invitation_names_where_to_call_and_whom_to_expect() {
    let mut realm = Realm::linked(&[]);
    assert_eq!(realm.operator("inviterealm")["code"], "bad_parameters");
    let code = realm.operator("inviterealm example.net 99")["message"].clone();
    let code = code.as_str().unwrap();
    assert!(code.starts_with("antar:alpha@example.net:99/0101"), "{code}");
    let mut other = Realm::linked(&[]);
    assert_eq!(other.operator(&format!("joinrealm {code}")), Value::Null);
    let called = other.asked.iter().any(|output| match output {
        Output::Dial(_, address) => (&*address.host, address.port) == ("example.net", 99),
        _ => false,
    });
    assert!(called, "{:?}", other.asked);
}

#[test]
fn lists_links_in_both_shapes() {
    let mut realm = Realm::linked(&["amy"]);
    assert_eq!(realm.say(1, "checkrealm")["code"], "no_session");
    realm.login(1, "amy");
    let lower = realm.say(1, "checkrealm");
    let beta = &lower["message"]["beta"];
    assert_eq!((&beta["serverip"], &beta["port"]), (&"192.0.2.1".into(), &8889.into()));
    assert_eq!(realm.operator("REALM LIST")["data"][0]["state"], "up");
    realm.disconnect(BETA);
    let upper = realm.say(1, "CHECKREALM")["data"][0].clone();
    assert_eq!((&upper["realm"], &upper["host"]), (&"beta".into(), &"192.0.2.1".into()));
    assert_eq!(
        (&upper["state"], &upper["error"]),
        (&"down".into(), &"the connection was lost".into())
    );
    realm.say(1, "sendrealm beta bob x");
    realm.pass(7);
    assert_eq!(realm.say(1, "CHECKREALM")["data"][0]["oldest"], 7);
}

#[test]
fn tells_what_others_need_to_link() {
    let mut realm = Realm::linked(&[]);
    let shown = realm.operator("showrealm")["message"].clone();
    assert_eq!((&shown["realm"], &shown["port"]), (&"alpha".into(), &8889.into()));
    assert_eq!(shown["fingerprint"], format!("sha256:{}", "01".repeat(32)));
}

#[test]
fn what_is_owed_is_dropped_by_force_only_and_history_stays() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.say(1, "sendrealm beta bob x");
    let refused = realm.say(1, "removerealm beta");
    assert_eq!((&refused["code"], &refused["owed"]), (&"realm_owed".into(), &1.into()));
    realm.said(BETA);
    assert_eq!(realm.say(1, "REMOVEREALM BETA force")["data"], "Realm dihapus");
    assert_eq!(realm.said(BETA), ["REMOVED"]);
    assert_eq!(realm.say(1, "removerealm beta")["code"], "realm_not_found");
    assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "realm_not_found");
    assert_eq!(realm.texts(1, "SENT realm=beta"), ["x"]);
    assert_eq!(realm.say(1, "INBOXREALM beta")["stale"], true);
}

#[test]
fn only_who_may_link_may_end_a_link() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.policy().open_linking = false;
    assert_eq!(realm.say(1, "removerealm beta")["code"], "forbidden");
    assert_eq!(realm.say(1, "realm approve beta")["code"], "forbidden");
    assert_eq!(realm.operator("realm approve beta")["code"], "realm_exists");
    assert_eq!(realm.operator("realm remove beta")["status"], "OK");
}
