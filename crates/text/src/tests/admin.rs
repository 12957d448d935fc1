//! Other people's accounts, and backups.

use super::Realm;

#[test]
fn accounts_are_made_listed_and_removed() {
    let mut realm = Realm::with_users(&[]);
    let added = r#"{"status":"OK","message":"Add user berhasil"}"#;
    assert_eq!(realm.operator("user add root Admin pw").to_string(), added);
    realm.login(1, "root");
    realm.expect(
        1,
        "USER LIST",
        r#"{"status":"OK","data":[{"user":"root","admin":true,"created":"1970-01-01T00:16:40.000Z"}]}"#,
    );
    assert_eq!(realm.say(1, "user passwd root new")["message"], "Password diganti");
    let removed = r#"{"status":"OK","data":"Remove user berhasil"}"#;
    assert_eq!(realm.operator("USER REMOVE root").to_string(), removed);
}

#[test]
fn a_role_that_is_none_is_told_to_administrators_only() {
    let mut realm = Realm::with_users(&["bob"]);
    assert_eq!(realm.operator("user add x king pw")["usage"], "adduser U user|admin P");
    assert_eq!(realm.say(1, "user add x king pw")["code"], "no_session");
    realm.login(1, "bob");
    assert_eq!(realm.say(1, "user add x king pw")["code"], "forbidden");
    // What is missing is seen first.
    assert_eq!(realm.say(1, "user add x")["code"], "bad_parameters");
}

#[test]
fn a_backup_says_how_much_was_written_or_why_nothing_was() {
    let mut realm = Realm::with_users(&[]);
    let written = r#"{"status":"OK","data":"Backup berhasil","messages":15,"records":0,"bytes":0,"files":0,"lacking":0,"lacks":[]}"#;
    assert_eq!(realm.operator("BACKUP /tmp/two  words").to_string(), written);
    let failed = realm.operator("BACKUP /full");
    assert_eq!(
        (&failed["code"], &failed["reason"]),
        (&"backup_failed".into(), &"/full is full".into())
    );
    assert_eq!(realm.operator("BACKUP relative")["usage"], "BACKUP DIR");
}
