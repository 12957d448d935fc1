//! Messages as they arrive.

use super::Realm;

#[test]
fn notifications_are_in_the_dialect_of_their_watch() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    let token = realm.login(2, "bob");
    realm.login(3, "bob");
    realm.expect(2, "WATCH", r#"{"status":"OK","data":"Watch dimulai"}"#);
    realm.say(3, &format!("watch {token}"));
    realm.say(1, "send bob é");
    realm.say(1, "send amy not for bob");
    let id = realm.say(2, "INBOX")["data"][0]["id"].clone();
    let event = realm.events(2).remove(0);
    assert_eq!(event["event"], "message");
    assert_eq!(event["box"], "private");
    assert_eq!(event["id"], id);
    assert_eq!(event["message"], "é");
    let ascii = realm.raw_events(3);
    assert_eq!(ascii.len(), 1);
    assert!(ascii[0].is_ascii() && ascii[0].contains("\"from\":\"amy\""));
    // The caller's own group messages too.
    realm.say(2, "group add staff pw");
    realm.say(2, "group send hi");
    assert_eq!(realm.events(2)[0]["box"], "group");
}

#[test]
fn unwatch_says_that_it_ended() {
    let mut realm = Realm::with_users(&["bob"]);
    realm.login(1, "bob");
    realm.say(1, "watch");
    realm.expect(1, "unwatch", r#"{"status":"OK","message":"Watch selesai"}"#);
}
