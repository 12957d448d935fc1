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
    realm.policy().hide_unknown_users = true;
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

#[test]
fn register_answers_with_a_token() {
    let mut realm = Realm::with_users(&[]);
    assert!(realm.say(1, "register Bob pw")["tokenid"].as_str().unwrap().starts_with('~'));
    realm.expect(
        2,
        "REGISTER bob x",
        r#"{"status":"ERROR","data":"User sudah ada","code":"user_exists"}"#,
    );
    assert_eq!(realm.say(2, "register x")["usage"], "register U P");
}

#[test]
fn logout_and_what_follows_it() {
    let mut realm = Realm::with_users(&["bob"]);
    realm.login(1, "bob");
    realm.expect(1, "logout", r#"{"status":"OK","message":"Logout berhasil"}"#);
    realm.expect(
        1,
        "whoami",
        r#"{"status":"ERROR","message":"Session tidak ditemukan","code":"no_session"}"#,
    );
}

#[test]
fn the_old_password_is_a_word_and_the_new_one_the_rest_of_the_line() {
    let mut realm = Realm::with_users(&["bob"]);
    realm.login(1, "bob");
    realm.expect(1, "PASSWD pw new  one ", r#"{"status":"OK","data":"Password diganti"}"#);
    assert_eq!(realm.say(4, "auth bob new  one")["status"], "OK");
}
