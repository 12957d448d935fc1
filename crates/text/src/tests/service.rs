//! What anyone may ask of a server.

use super::Realm;
use antar_domain::testing::BETA;

#[test]
fn ping_is_answered_and_realms_are_told_the_time() {
    let mut realm = Realm::linked(&["bob"]);
    let token = realm.login(1, "bob");
    realm.expect(2, "ping", r#"{"status":"OK","message":"PONG"}"#);
    realm.expect(2, &format!("PING {token}"), r#"{"status":"OK","data":"PONG"}"#);
    let clock = realm.time();
    let told = format!(r#"{{"status":"OK","data":"PONG","clock":{clock}}}"#);
    realm.expect(BETA, "PING", &told);
}

#[test]
fn help_tells_of_all_or_one() {
    let mut realm = Realm::with_users(&[]);
    let all = realm.say(1, "HELP")["data"].as_array().unwrap().len();
    assert_eq!(all, crate::all().count());
    assert_eq!(
        realm.say(1, "HELP members of what")["data"],
        "MEMBERS G: Lists a group's members, in the order they joined, and its owner."
    );
    assert_eq!(
        realm.say(1, "help group send")["message"],
        "group send [G] MSG: Sends a message to the group named first, else to the session's current group."
    );
    let last = crate::all().last().unwrap();
    let help = realm.say(1, &format!("HELP {}", last.name))["data"].clone();
    assert!(help.as_str().unwrap().ends_with(last.help));
    realm.expect(
        1,
        "help frobnicate",
        r#"{"status":"ERROR","message":"protokol tidak benar","code":"unknown_request"}"#,
    );
}

#[test]
fn version_tells_version_and_realm() {
    let mut realm = Realm::with_users(&[]);
    let version = realm.say(1, "VERSION");
    assert!(version["data"].as_str().unwrap().starts_with("antar 0."));
    assert_eq!(version["realm"], "alpha");
}
