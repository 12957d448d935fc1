//! Realms that call themselves as others did.

use crate::Value;
use crate::tests::Realm;
use antar_domain::Inbound;
use antar_domain::Origin;
use antar_domain::links::Contact;
use antar_domain::testing::BETA;
use antar_types::{EntryKind, Fingerprint};
use std::net::IpAddr;

fn hear_plain_peers(realm: &mut Realm) {
    realm.policy().plain_peers = ["127.0.0.1".parse::<IpAddr>().unwrap()].into_iter().collect();
}

/// Alpha with a group, linked with beta, with whom something was said; beta has ended the link.
fn ended() -> Realm {
    let mut realm = Realm::linked(&["amy"]);
    hear_plain_peers(&mut realm);
    realm.login(1, "amy");
    realm.say(1, "ADDGROUP staff pw");
    realm.say(1, "SENDGROUPREALM beta staff ours");
    realm.deliver(EntryKind::Private, "bob", "amy", "to amy");
    realm.hear(BETA, "REMOVED");
    realm
}

/// A realm with another key calls itself beta.
fn greet(realm: &mut Realm, conn: u64, key: u8) -> Value {
    let ip: IpAddr = "192.0.2.7".parse().unwrap();
    realm.connect_from(conn, Origin::Certified(ip, Fingerprint([key; 32])));
    let line = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta");
    realm.hear(conn, &line).unwrap()
}

#[test]
fn a_plain_peer_takes_neither_name_nor_history_of_a_native_realm() {
    let mut realm = ended();
    let ack = "ackrealm beta 127.0.0.1 8889 127.0.0.1 7001";
    assert_eq!(realm.say(2, ack)["code"], "realm_exists");
    assert_eq!(realm.say(2, "remoteinboxgrouprealm staff beta")["code"], "forbidden");
    // Once the operator here has let go of the key, the name is free, and nothing else is.
    assert_eq!(realm.operator("REMOVEREALM beta force")["status"], "OK");
    assert_eq!(realm.say(2, ack)["status"], "OK");
    let told = realm.say(2, "remoteinboxgrouprealm staff beta");
    assert_eq!(told["messages"], Value::Array(Vec::new()), "{told}");
    assert_eq!(realm.say(2, "remoteinboxgrouprealm staff beta.1")["code"], "forbidden");
    // Who took part reads it under the former's own name.
    assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
    assert_eq!(realm.texts(1, "INBOXGROUPREALM beta.1 staff"), ["ours"]);
    assert_eq!(realm.say(1, "sendrealm beta.1 bob x")["code"], "realm_not_found");
    let list = realm.say(1, "CHECKREALM")["data"].clone();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["plain"]), (1, &true.into()));
    assert_eq!(list[0]["former"], Value::Array(vec!["beta.1".into()]));
    assert_eq!(realm.operator("REMOVEREALM beta.1")["status"], "OK");
    assert_eq!(realm.say(1, "CHECKREALM")["data"][0].get("former"), None);
    assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
}

#[test]
fn a_plain_peer_at_another_place_is_another() {
    let mut realm = Realm::with_users(&["amy"]);
    realm.state.introduce(Contact { port: 8889, ..Contact::default() });
    hear_plain_peers(&mut realm);
    realm.login(1, "amy");
    realm.say(2, "ackrealm beta 127.0.0.1 8889 127.0.0.1 7001");
    realm.say(1, "sendrealm beta bob for bob there");
    let waits = |realm: &mut Realm| {
        let list = realm.say(2, "remoteinboxrealm bob beta")["messages"].clone();
        list.as_array().unwrap().len()
    };
    assert_eq!(waits(&mut realm), 1);
    realm.say(1, "removerealm beta");
    assert_eq!(realm.say(2, "ackrealm beta 127.0.0.1 8889 127.0.0.1 7002")["status"], "OK");
    assert_eq!(waits(&mut realm), 0);
    assert_eq!(realm.say(2, "remoteinboxrealm bob beta.1")["code"], "forbidden");
    // The first is back: it is who it was.
    realm.say(1, "removerealm beta");
    assert_eq!(realm.say(2, "ackrealm beta.1 127.0.0.1 8889 127.0.0.1 7001")["status"], "OK");
    assert_eq!(realm.say(2, "remoteinboxrealm bob beta.1")["messages"][0]["msg"], "for bob there");
}

#[test]
fn a_realm_with_another_key_is_another_and_the_same_key_is_the_same() {
    let mut realm = ended();
    assert_eq!(greet(&mut realm, 20, 3)["code"], "realm_key");
    realm.operator("REMOVEREALM beta force");
    assert_eq!(greet(&mut realm, 21, 3)["status"], "OK");
    assert_eq!(realm.peers(), ["beta.1", "beta"]);
    assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
    realm.operator("REMOVEREALM beta");
    // Linked again, the first has its name again, and what was said.
    assert_eq!(greet(&mut realm, 22, 2)["status"], "OK");
    assert_eq!(realm.peers(), ["beta", "beta.2"].map(str::to_string));
    realm.disconnect(22);
    assert_eq!(realm.texts(1, "INBOXREALM beta"), ["to amy"]);
}

#[test]
fn who_waits_for_approval_changes_nobodys_name() {
    let mut realm = ended();
    realm.operator("REMOVEREALM beta force");
    realm.policy().inbound = Inbound::Approve;
    assert_eq!(greet(&mut realm, 20, 3)["state"], "waiting");
    assert_eq!(realm.peers(), ["beta", "beta"]);
    assert_eq!(realm.texts(1, "INBOXREALM beta"), ["to amy"]);
    assert_eq!(realm.operator("APPROVEREALM beta")["status"], "OK");
    assert_eq!(realm.peers(), ["beta.1", "beta"]);
    assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
}
