//! Private messages between users of this realm.

use super::Realm;

#[test]
fn send_answers_with_the_documents_texts() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    let sent = realm.say(1, "send BOB hello  there ");
    assert_eq!((&sent["status"], &sent["message"]), (&"OK".into(), &"Message Sent".into()));
    assert_eq!(realm.say(1, "SEND bob hi")["data"], "Message sent");
    assert!(realm.say(1, "SEND bob x")["id"].as_u64() > sent["id"].as_u64());
    realm.expect(
        1,
        "send eve hi",
        r#"{"status":"ERROR","message":"User tidak ada","code":"user_not_found"}"#,
    );
    realm.expect(1, "SEND bob ", r#"{"status":"ERROR","data":"protokol tidak benar","code":"bad_parameters","usage":"SEND U MSG"}"#);
    assert_eq!(realm.texts(1, "inbox"), Vec::<String>::new());
    realm.login(2, "bob");
    assert_eq!(realm.texts(2, "INBOX"), ["hello  there", "hi", "x"]);
}

#[test]
fn pages_are_asked_for_with_options() {
    let mut realm = Realm::with_users(&["amy"]);
    realm.login(1, "amy");
    let ids: Vec<u64> =
        (0..5).map(|n| realm.say(1, &format!("send amy m{n}"))["id"].as_u64().unwrap()).collect();
    assert_eq!(realm.texts(1, "INBOX limit=2"), ["m3", "m4"]);
    assert_eq!(realm.say(1, "INBOX limit=2")["more"], true);
    let between = format!("INBOX after={} before={}", ids[0], ids[3]);
    assert_eq!(realm.texts(1, &between), ["m1", "m2"]);
    assert!(realm.say(1, &between).get("more").is_none());
    assert_eq!(realm.texts(1, "INBOX"), ["m0", "m1", "m2", "m3", "m4"]);
    for bad in ["limit=0", "limit=1001", "limit=x", "after=-1", "frobnicate=1"] {
        let refused = realm.say(1, &format!("inbox {bad}"));
        assert_eq!(refused["code"], "bad_parameters", "{bad}");
        assert_eq!(refused["usage"], "inbox [after=ID] [before=ID] [limit=N]");
    }
}

#[test]
fn lower_lists_by_sender() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    realm.login(2, "bob");
    realm.say(1, "send bob é");
    realm.say(2, "send bob note");
    let inbox = realm.say(2, "inbox {}");
    assert_eq!(inbox["messages"]["amy"][0]["msg"], "é");
    assert_eq!(inbox["messages"]["bob"][0]["msg_to"], "bob");
}

#[test]
fn sent_lists_what_went_to_a_realm_too() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    let id = realm.say(1, "send bob one")["id"].clone();
    realm.say(1, "send amy self");
    assert_eq!(realm.say(1, "sent")["messages"][0]["id"], id);
    assert_eq!(realm.texts(1, "SENT limit=1"), ["self"]);
    assert_eq!(realm.say(1, "sent realm=beta")["code"], "realm_not_found");
}
