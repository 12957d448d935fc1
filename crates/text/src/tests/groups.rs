//! Groups of this realm.

use super::Realm;

fn realm() -> Realm {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    realm.login(2, "bob");
    realm
}

#[test]
fn three_forms_of_one_list() {
    let mut realm = realm();
    realm.expect(1, "group get", r#"{"status":"OK","message":[]}"#);
    realm.say(1, "group add Staff pw");
    realm.expect(1, "group get", r#"{"status":"OK","message":["Staff"]}"#);
    realm.expect(1, "GETGROUPS", r#"{"status":"OK","data":["Staff"]}"#);
    realm.expect(1, "GROUP GET", r#"{"status":"OK","data":["Staff"]}"#);
    realm.expect(
        1,
        "getgroups {}",
        r#"{"status":"OK","message":{"Staff":{"nama":"Staff","members":["amy"]}}}"#,
    );
    realm.expect(
        2,
        "getgroups {}",
        r#"{"status":"OK","message":{"Staff":{"nama":"Staff","members":[]}}}"#,
    );
}

#[test]
fn a_group_is_made_under_either_spelling() {
    let mut realm = realm();
    realm.expect(1, "group add staff pw", r#"{"status":"OK","message":"Add group Berhasil"}"#);
    realm.expect(1, "ADDGROUP ops pw", r#"{"status":"OK","data":"Add group berhasil"}"#);
    realm.expect(
        1,
        "addgroup STAFF pw",
        r#"{"status":"ERROR","message":"Group sudah ada","code":"group_exists"}"#,
    );
    assert_eq!(realm.say(1, "group add")["usage"], "addgroup G [P]");
}

#[test]
fn joining_and_leaving_say_so() {
    let mut realm = realm();
    realm.say(1, "group add staff secret word");
    realm.expect(
        2,
        "group join none x",
        r#"{"status":"ERROR","message":"Group belum ada","code":"group_not_found"}"#,
    );
    realm.expect(
        2,
        "JOINGROUP staff x",
        r#"{"status":"ERROR","data":"Password salah","code":"wrong_password"}"#,
    );
    let joined = r#"{"status":"OK","message":"Join group berhasil"}"#;
    realm.expect(2, "group join Staff secret word", joined);
    realm.expect(
        2,
        "joingroup staff x",
        r#"{"status":"ERROR","message":"User sudah join","code":"already_member"}"#,
    );
    realm.expect(2, "MEMBERS staff", r#"{"status":"OK","data":["amy","bob"],"owner":"amy"}"#);
    realm.expect(1, "group leave staff", r#"{"status":"OK","message":"Leave group berhasil"}"#);
    realm.expect(
        1,
        "LEAVE staff",
        r#"{"status":"ERROR","data":"Bukan member group","code":"not_member"}"#,
    );
}

#[test]
fn sendgroup_always_names_its_group() {
    let mut realm = realm();
    realm.say(1, "group add staff pw");
    let sent = realm.say(1, "SENDGROUP Staff hi");
    assert_eq!((&sent["data"], &sent["group"]), (&"Message Sent".into(), &"staff".into()));
    assert_eq!(realm.say(1, "sendgroup staff")["usage"], "sendgroup G MSG");
}

#[test]
fn group_send_may_leave_its_group_out() {
    let mut realm = realm();
    realm.say(1, "group add staff pw");
    realm.say(1, "group add ops pw");
    assert_eq!(realm.say(1, "group send hello all")["group"], "ops");
    assert_eq!(realm.say(1, "group send staff  hello  all ")["group"], "staff");
    // A group's name alone is a text.
    assert_eq!(realm.say(1, "GROUP SEND ops")["group"], "staff");
    assert_eq!(realm.texts(1, "INBOXGROUP staff"), ["hello  all", "ops"]);
    realm.expect(
        2,
        "group send hi there",
        r#"{"status":"ERROR","message":"Group tidak ditemukan","code":"no_group"}"#,
    );
}

#[test]
fn one_conversation_in_three_forms() {
    let mut realm = realm();
    realm.say(1, "group add staff pw");
    realm.say(2, "group join staff pw");
    realm.say(1, "group send one");
    realm.say(2, "group send two");
    assert_eq!(realm.texts(1, "INBOXGROUP staff"), ["one", "two"]);
    let list = realm.say(1, "group inbox staff");
    assert_eq!(list["message"][1]["msg_from"], "bob");
    assert_eq!(list["message"][1]["msg_to"], "staff");
    let object = realm.say(1, "inboxgroup staff limit=1");
    assert_eq!(
        (&object["messages"]["bob"][0]["msg"], &object["more"]),
        (&"two".into(), &true.into())
    );
    let usage = "group inbox G [after=ID] [before=ID] [limit=N]";
    assert_eq!(realm.say(2, "group inbox")["usage"], usage);
}
