//! Logging in and out, and who one is.

use super::Realm;

#[test]
fn a_login_that_fails_says_why() {
    let mut realm = Realm::with_users(&["bob"]);
    realm.expect(
        1,
        "auth bob wrong",
        r#"{"status":"ERROR","message":"Password salah","code":"wrong_password"}"#,
    );
    realm.expect(
        1,
        "AUTH eve x",
        r#"{"status":"ERROR","data":"User tidak ada","code":"user_not_found"}"#,
    );
    realm.state.policy.hide_unknown_users = true;
    realm.expect(
        1,
        "AUTH eve x",
        r#"{"status":"ERROR","data":"Password salah","code":"wrong_password"}"#,
    );
}

#[test]
fn the_password_is_the_rest_of_the_line() {
    let mut realm = Realm::with_users(&[]);
    realm.say(1, "register bob two  words ");
    assert_eq!(realm.say(2, "auth bob two  words")["status"], "OK");
    assert_eq!(realm.say(2, "auth bob two words")["code"], "wrong_password");
}

#[test]
fn whoami_tells_who_and_where() {
    let mut realm = Realm::with_users(&["Bob"]);
    realm.login(1, "bob");
    realm.expect(1, "WHOAMI", r#"{"status":"OK","data":"Bob","realm":"alpha","admin":false}"#);
}

#[test]
fn a_token_in_front_names_the_session_for_one_request() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    let (amy, bob) = (realm.login(1, "amy"), realm.login(2, "bob"));
    assert_eq!(realm.say(9, "send bob hi")["code"], "no_session");
    assert_eq!(realm.say(9, &format!("send {amy} bob hi"))["status"], "OK");
    assert_eq!(realm.say(9, &format!("whoami {bob}"))["message"], "bob");
    assert_eq!(realm.say(9, "whoami")["message"], "amy");
}
