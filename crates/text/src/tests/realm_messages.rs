//! Messages between realms.

use super::Realm;
use crate::Value;
use antar_domain::testing::BETA;
use antar_types::{EntryKind, Notice};

#[test]
fn answers_at_once_whether_the_link_is_up_or_down() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    let id = realm.say(1, "sendrealm BETA bob one")["id"].clone();
    realm.disconnect(BETA);
    let sent = realm.say(1, "SENDREALM beta bob two  words ");
    assert_eq!((&sent["status"], &sent["data"]), (&"OK".into(), &"Pesan realm dikirim".into()));
    let list = realm.say(1, "SENT realm=beta");
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["to_realm"]), (&id, &"beta".into()));
    assert_eq!(realm.texts(1, "SENT realm=beta"), ["one", "two  words"]);
    assert_eq!(realm.texts(1, "SENT"), Vec::<String>::new());
    assert_eq!(realm.say(1, "CHECKREALM")["data"][0]["owed"], 2);
}

#[test]
fn refuses_what_could_not_be_delivered() {
    let mut realm = Realm::linked(&["amy"]);
    assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "no_session");
    realm.login(1, "amy");
    realm.expect(
        1,
        "sendrealm gamma bob x",
        r#"{"status":"ERROR","message":"Realm belum ada","code":"realm_not_found"}"#,
    );
    assert_eq!(realm.say(1, "sendrealm beta b!b x")["code"], "bad_name");
    assert_eq!(realm.say(1, "sendrealm beta bob a\u{1}")["code"], "bad_text");
    realm.limits().link_messages = 2;
    (0..2).for_each(|_| assert_eq!(realm.say(1, "sendrealm beta bob x")["status"], "OK"));
    assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "link_full");
    realm.limits().link_messages = 9;
    realm.limits().link_bytes = 100;
    assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "link_full");
    realm.hear(BETA, "REMOVED");
    assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "realm_unreachable");
}

#[test]
fn waits_for_what_the_realm_has_and_then_shows_what_is_here() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    assert_eq!(realm.say(1, "INBOXREALM beta"), Value::Null);
    let asked = realm.said(BETA);
    assert!(asked[0].starts_with("REMOTEINBOXREALM amy alpha cursor="), "{asked:?}");
    realm.hear(BETA, r#"{"status":"OK","messages":[],"tip":1}"#);
    assert_eq!(realm.woken(), None);
    realm.deliver(EntryKind::Private, "bob", "AMY", "hi");
    let inbox = realm.woken().unwrap();
    assert_eq!((&inbox["data"][0]["from"], inbox.get("stale")), (&"bob".into(), None));
    assert_eq!(
        (&inbox["data"][0]["to"], &inbox["data"][0]["realm"]),
        (&"amy".into(), &"beta".into())
    );
    assert!(realm.said(BETA)[0].starts_with("CURSOR "));
}

#[test]
fn is_stale_where_the_realm_does_not_answer() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.deliver(EntryKind::Notice(Notice::UserNotFound), "bob", "amy", "not there");
    assert_eq!(realm.say(1, "inboxrealm beta"), Value::Null);
    (0..11).for_each(|_| realm.tick());
    assert_eq!(realm.woken(), None);
    realm.tick();
    let late = realm.woken().unwrap();
    assert_eq!(
        (&late["stale"], &late["messages"][0]["notice"]),
        (&true.into(), &"user_not_found".into())
    );
    realm.disconnect(BETA);
    assert_eq!(realm.say(1, "inboxrealm beta")["stale"], true);
    assert_eq!(realm.say(1, "inboxrealm gamma")["code"], "realm_not_found");
}

/// Linked with beta; amy, on connection 1, is in the group staff, and zoe, on 2, is not.
fn with_staff() -> Realm {
    let mut realm = Realm::linked(&["amy", "zoe"]);
    realm.login(1, "amy");
    realm.login(2, "zoe");
    realm.say(1, "group add staff pw");
    realm
}

#[test]
fn both_sides_are_one_conversation() {
    let mut realm = with_staff();
    realm.say(1, "WATCH");
    let sent = realm.say(1, "SENDGROUPREALM beta Staff hello");
    assert_eq!(
        (&sent["data"], &sent["group"]),
        (&"Pesan grup realm terkirim".into(), &"staff".into())
    );
    realm.deliver(EntryKind::Group, "bob", "STAFF", "hello too");
    let events = realm.events(1);
    let shown = |i: usize| [&events[i]["box"], &events[i]["realm"], &events[i]["to_realm"]];
    assert_eq!(shown(0), [&"grouprealm".into(), &Value::Null, &"beta".into()]);
    assert_eq!(shown(1), [&"grouprealm".into(), &"beta".into(), &Value::Null]);
    realm.disconnect(BETA);
    assert_eq!(realm.texts(1, "INBOXGROUPREALM beta staff"), ["hello", "hello too"]);
    assert_eq!(realm.texts(1, "INBOXGROUP staff"), Vec::<String>::new());
    assert_eq!(realm.say(2, "inboxgrouprealm beta staff")["code"], "not_member");
}

#[test]
fn in_lower_case_the_group_may_be_left_out() {
    let mut realm = with_staff();
    assert_eq!(realm.say(1, "sendgrouprealm beta hello all")["group"], "staff");
    assert_eq!(realm.say(1, "sendgrouprealm beta staff hello")["message"], "Pesan realm dikirim");
    assert_eq!(realm.say(2, "sendgrouprealm beta hello")["code"], "no_group");
    assert_eq!(realm.say(2, "sendgrouprealm beta staff hello")["code"], "not_member");
    assert_eq!(realm.say(1, "SENDGROUPREALM beta none hello")["code"], "group_not_found");
    assert_eq!(realm.say(1, "SENDGROUPREALM beta staff")["code"], "bad_parameters");
}
