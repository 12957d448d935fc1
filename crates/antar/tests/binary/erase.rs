//! `antar user remove --erase`: it goes on whatever ends the realm in between.

use crate::conn::Conn;
use crate::realm::Realm;
use serde_json::Value;

/// Five steps.
const MESSAGES: usize = 500;

/// A running realm that logs what is done.
fn realm() -> Realm {
    let mut realm = Realm::stopped("");
    let text = std::fs::read_to_string(realm.config()).unwrap();
    std::fs::write(realm.config(), text.replace("log = \"warn\"", "log = \"info\"")).unwrap();
    realm.start();
    realm
}

fn remove(realm: &Realm, name: &str) {
    let output = realm.command("user").args(["remove", name, "--erase"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn say(conn: &mut Conn, to: &str) {
    let lines: String = (0..MESSAGES).map(|n| format!("POST {to} : number {n}\n")).collect();
    conn.send(lines.as_bytes());
    (0..MESSAGES).for_each(|_| assert_eq!(conn.next()["status"], "OK"));
}

/// How many have no text any more, of all of one's that are there.
fn deleted(conn: &mut Conn, request: &str, of: &str) -> (usize, usize) {
    let all = conn.history(request);
    let own: Vec<&Value> = all.iter().filter(|message| message["from"] == of).collect();
    let is_deleted = |message: &&&Value| message["deleted"] == true && message["message"] == "";
    (own.iter().filter(is_deleted).count(), own.len())
}

#[test]
fn all_that_a_user_wrote_is_erased_also_where_the_realm_is_killed_meanwhile() {
    let mut realm = realm();
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    amy.expect_ok("ADDGROUP staff");
    bob.expect_ok("JOINGROUP staff");
    say(&mut bob, "#staff");
    say(&mut bob, "amy");
    amy.expect_ok("POST #staff : hers");
    let mut watch = realm.connect();
    watch.login("amy");
    watch.expect_ok("WATCH after=now");
    remove(&realm, "bob");
    assert_eq!(bob.ask("WHOAMI")["code"], "no_session");
    // It has begun, and has nine steps to go.
    while watch.next()["event"] != "deleted" {}
    realm.kill();
    realm.start();
    // How far it was is known by what is left, and nobody is to wait for it.
    realm.until_logged("all that bob wrote is erased");
    let mut amy = realm.connect();
    amy.login("amy");
    assert_eq!(deleted(&mut amy, "INBOXGROUP staff", "bob"), (MESSAGES, MESSAGES));
    assert_eq!(deleted(&mut amy, "INBOX", "bob"), (MESSAGES, MESSAGES));
    assert_eq!(deleted(&mut amy, "INBOXGROUP staff", "amy"), (0, 1));
    // The name is free, and nothing is left with it.
    let mut heir = realm.user("bob");
    assert_eq!(heir.expect_ok("CONVERSATIONS")["data"], Value::Array(Vec::new()));
    realm.stop();
    let check = realm.command("check").output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// A realm that is stopped notes it, and does it once it runs.
#[test]
fn who_is_erased_while_the_realm_is_stopped_is_erased_once_it_runs() {
    let mut realm = realm();
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    bob.expect_ok("POST amy : secret");
    amy.expect_ok("POST bob : hello");
    realm.stop();
    remove(&realm, "BOB");
    realm.start();
    realm.until_logged("all that bob wrote is erased");
    let mut amy = realm.connect();
    amy.login("amy");
    assert_eq!(deleted(&mut amy, "INBOX", "bob"), (1, 1));
    assert_eq!(deleted(&mut amy, "SENT", "amy"), (0, 1));
}
