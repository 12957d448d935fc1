//! `antar realm`: real realms that link.

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm, refusal};
use serde_json::Value;
use std::process::Output;
use std::time::Instant;

fn realm(realm: &Realm, arguments: &[&str]) -> Output {
    realm.command("realm").args(arguments).output().unwrap()
}

/// The same where it must succeed; returns what it printed.
#[track_caller]
pub fn done(on: &Realm, arguments: &[&str]) -> String {
    let output = realm(on, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub fn refused(on: &Realm, arguments: &[&str]) -> String {
    refusal(&realm(on, arguments))
}

/// How it stands with each link, by CHECKREALM.
#[track_caller]
pub fn links(on: &Realm) -> Vec<Value> {
    let said = done(on, &["list", "--json"]);
    serde_json::from_str(&said).unwrap()
}

/// Waits until a realm's only link is in a state, and returns it.
#[track_caller]
pub fn until(on: &Realm, state: &str) -> Value {
    until_it(on, |link| link["state"] == state)
}

#[track_caller]
pub fn until_it(on: &Realm, fits: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let links = links(on);
        match links.as_slice() {
            [link] if fits(link) => return link.clone(),
            _ => assert!(Instant::now() < deadline, "{links:?}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

pub fn fingerprint(on: &Realm) -> String {
    let said: Value = serde_json::from_str(&done(on, &["show", "--json"])).unwrap();
    said["fingerprint"].as_str().unwrap().into()
}

/// Writes from one realm to a user of another, and waits for it there.
#[track_caller]
fn write(from: &mut Conn, to_realm: &str, to: &mut Conn, name: &str, from_realm: &str, text: &str) {
    from.expect_ok(&format!("SENDREALM {to_realm} {name} {text}"));
    let inbox = to.expect_ok(&format!("INBOXREALM {from_realm}"));
    assert_eq!(inbox.get("stale"), None, "{inbox}");
    let last = inbox["data"].as_array().unwrap().last().cloned().unwrap_or_default();
    assert_eq!((&last["message"], &last["realm"]), (&text.into(), &from_realm.into()), "{inbox}");
}

#[test]
fn a_link_is_made_listed_and_ended() {
    let (mut alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let shown = done(&beta, &["show"]);
    for word in ["beta", beta.address(), "sha256:"] {
        assert!(shown.contains(word), "{shown}");
    }
    assert_eq!(done(&alpha, &["list"]), "no realm is linked\n");
    assert_eq!(done(&alpha, &["add", "beta", beta.address()]), "linked with beta\n");
    assert!(refused(&alpha, &["add", "beta", beta.address()]).contains("realm_exists"));
    assert!(refused(&beta, &["add", "alpha", alpha.address()]).contains("realm_exists"));
    assert_eq!(until(&beta, "up")["fingerprint"], fingerprint(&alpha));

    let (mut amy, mut bob) = (alpha.user("amy"), beta.user("bob"));
    write(&mut amy, "beta", &mut bob, "bob", "alpha", "hello over there");
    write(&mut bob, "alpha", &mut amy, "amy", "beta", "hello back");
    let table = done(&alpha, &["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("REALM  STATE  SINCE"), "{table}");
    assert!(lines[1].starts_with("beta   up     20"), "{table}");
    assert!(lines[1].ends_with(beta.address()) && lines.len() == 2, "{table}");

    // A stopped realm shows what it keeps, and links with nobody.
    alpha.stop();
    assert!(done(&alpha, &["show"]).contains("alpha"));
    let stopped = realm(&alpha, &["list", "--json"]);
    assert!(String::from_utf8_lossy(&stopped.stderr).contains("not running"));
    let kept: Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!((&kept[0]["realm"], &kept[0]["state"]), (&"beta".into(), &"down".into()));
    assert!(refused(&alpha, &["add", "gamma", "127.0.0.1:1"]).contains("start it"));
    assert!(refused(&alpha, &["join", "antar:x"]).contains("start it"));
    until(&beta, "down");
    alpha.start();
    until(&alpha, "up");

    assert_eq!(done(&alpha, &["remove", "beta"]), "the link with beta is ended\n");
    assert_eq!(links(&alpha), [Value::Null; 0]);
    until(&beta, "removed");
    assert_eq!(bob.ask("SENDREALM alpha amy x")["code"], "realm_unreachable");
    assert!(refused(&alpha, &["remove", "beta"]).contains("realm_not_found"));
    // Linked again, it repeats nothing.
    done(&beta, &["add", "alpha", alpha.address()]);
    let mut amy = alpha.connect();
    amy.login("amy");
    write(&mut bob, "alpha", &mut amy, "amy", "beta", "once more");
    assert_eq!(amy.expect_ok("INBOXREALM beta")["data"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_owed_is_dropped_by_force_only() {
    let (mut alpha, mut beta) = (Realm::with(""), Realm::named("beta", ""));
    done(&alpha, &["add", "beta", beta.address()]);
    beta.stop();
    until(&alpha, "down");
    let mut amy = alpha.user("amy");
    (0..3).for_each(|n| drop(amy.expect_ok(&format!("SENDREALM beta bob {n}"))));
    let link = until(&alpha, "down");
    assert_eq!((&link["owed"], &link["sent"]), (&3.into(), &0.into()));
    let said = refused(&alpha, &["remove", "beta"]);
    assert!(said.contains("3 messages; --force") && said.contains("realm_owed"), "{said}");
    done(&alpha, &["remove", "beta", "--force"]);
    // Who wrote what was dropped is told, whatever happens to the realm meanwhile.
    alpha.kill();
    alpha.start();
    let mut amy = alpha.connect();
    amy.login("amy");
    let begun = Instant::now();
    let told = loop {
        let told = amy.expect_ok("INBOXREALM beta")["data"].as_array().unwrap().clone();
        if told.len() == 3 {
            break told;
        }
        assert!(begun.elapsed() < PATIENCE, "{told:?}");
    };
    assert!(told.iter().all(|notice| notice["notice"] == "realm_removed"), "{told:?}");
    assert!(told[2]["message"].as_str().unwrap().ends_with(": 2"), "{told:?}");
    // It hears of it when it calls, or when it is called: neither has the other's word yet.
    beta.start();
    assert_eq!(amy.ask("SENDREALM beta bob x")["code"], "realm_not_found");
}

/// How much is owed is known after a start, so a full link is full, and what is owed arrives once and in order.
#[test]
fn a_realm_that_is_started_again_while_a_link_is_full_goes_on() {
    let (mut alpha, mut beta) = (Realm::with("link_messages = 8"), Realm::named("beta", ""));
    drop(beta.user("bob"));
    done(&alpha, &["add", "beta", beta.address()]);
    beta.kill();
    until(&alpha, "down");
    let mut amy = alpha.user("amy");
    let post = |n| amy.expect_ok(&format!("POST bob@beta : {n}"))["id"].clone();
    let ids: Vec<Value> = (0..8).map(post).collect();
    for death in [Realm::kill, Realm::stop] {
        assert_eq!(amy.ask("POST bob@beta : more")["code"], "link_full");
        death(&mut alpha);
        alpha.start();
        amy = alpha.connect();
        amy.login("amy");
        assert_eq!(until(&alpha, "down")["owed"], 8);
    }
    // A deletion has room still, and as little as before.
    amy.expect_ok(&format!("DELETE bob@beta {}", ids[0]));
    alpha.kill();
    alpha.start();
    amy = alpha.connect();
    amy.login("amy");
    assert_eq!(amy.ask(&format!("DELETE bob@beta {}", ids[1]))["code"], "link_full");
    assert_eq!(amy.ask("POST bob@beta : more")["code"], "link_full");

    beta.start();
    done(&alpha, &["add", "beta", beta.address()]);
    until_it(&alpha, |link| link["state"] == "up" && link["owed"] == 0);
    amy.expect_ok("POST bob@beta : 8");
    until_it(&alpha, |link| link["owed"] == 0);
    let mut bob = beta.connect();
    bob.login("bob");
    let said = bob.history("HISTORY amy@alpha");
    let texts: Vec<&str> = said.iter().filter_map(|each| each["message"].as_str()).collect();
    assert_eq!((said.len(), &said[0]["deleted"]), (9, &true.into()));
    assert_eq!(texts, ["1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn a_realm_that_was_away_hears_that_it_was_removed() {
    let (mut alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    // It calls from now on, since it has the address.
    done(&beta, &["add", "alpha", alpha.address()]);
    until(&alpha, "up");
    let port = alpha.address().to_string();
    alpha.stop();
    until(&beta, "down");
    assert_eq!(done(&alpha, &["remove", "beta"]), "the link with beta is ended\n");
    let mut command = alpha.command("serve");
    command.args(["--listen", &port]);
    alpha.run(command);
    until(&beta, "removed");
}

#[test]
fn one_with_an_invitation_needs_no_approval_and_others_do() {
    let alpha = Realm::named("alpha", "inbound = \"approve\"");
    let (beta, gamma) = (Realm::named("beta", ""), Realm::named("gamma", ""));
    let code = done(&alpha, &["invite"]);
    assert_eq!((code.lines().count(), code.starts_with("antar:alpha@127.0.0.1:")), (1, true));
    assert_eq!(done(&beta, &["join", code.trim()]), "linked with alpha\n");
    until(&alpha, "up");
    // It was good for one.
    let said = refused(&gamma, &["join", code.trim()]);
    assert!(said.contains("realm_refused") && said.contains("bad_invitation"), "{said}");
    assert!(refused(&gamma, &["join", "antar:nonsense"]).contains("bad_invitation"));
    assert!(refused(&gamma, &["join", "two words"]).contains("one word"));

    let said = done(&gamma, &["add", "alpha", alpha.address()]);
    assert!(said.contains("waits for `antar realm approve`"), "{said}");
    assert_eq!(until(&gamma, "waiting")["realm"], "alpha");
    let (mut amy, mut carl) = (alpha.user("amy"), gamma.user("carl"));
    // Written before the approval, it is delivered after it.
    carl.expect_ok("SENDREALM alpha amy early");
    assert_eq!(amy.ask("SENDREALM gamma carl x")["code"], "realm_not_found");
    assert!(done(&alpha, &["list"]).contains("gamma  waiting"));
    assert!(done(&alpha, &["approve", "gamma"]).contains("gamma is approved"));
    until(&gamma, "up");
    assert!(refused(&alpha, &["approve", "gamma"]).contains("realm_exists"));
    assert!(refused(&alpha, &["approve", "delta"]).contains("realm_not_found"));
    until_it(&gamma, |link| link["owed"] == 0);
    let inbox = amy.expect_ok("INBOXREALM gamma");
    assert_eq!(inbox["data"][0]["message"], "early", "{inbox}");
}

#[test]
fn an_invitation_can_be_made_while_the_realm_is_stopped() {
    let mut alpha = Realm::named("alpha", "inbound = \"listed\"");
    let (address, beta) = (alpha.address().to_string(), Realm::named("beta", ""));
    assert!(refused(&beta, &["add", "alpha", &address]).contains("forbidden"));
    alpha.stop();
    assert!(refused(&alpha, &["invite"]).contains("give --address"));
    let code = done(&alpha, &["invite", "--address", &address]);
    let mut command = alpha.command("serve");
    command.args(["--listen", &address]);
    alpha.run(command);
    done(&beta, &["join", code.trim()]);
    until(&alpha, "up");
}

#[test]
fn a_realm_with_another_key_or_name_is_refused() {
    let (alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let other = format!("sha256:{}", "ab".repeat(32));
    let said = refused(&alpha, &["add", "beta", beta.address(), "--key", &other]);
    assert!(said.contains("realm_key") && said.contains(&fingerprint(&beta)), "{said}");
    let said = refused(&alpha, &["add", "gamma", beta.address()]);
    assert!(said.contains("realm_name") && said.contains("named beta"), "{said}");
    assert!(refused(&alpha, &["add", "alpha", alpha.address()]).contains("realm_self"));
    let nobody = refused(&alpha, &["add", "beta", "127.0.0.1:1"]);
    assert!(nobody.contains("realm_unreachable") && nobody.contains("refused"), "{nobody}");
    assert!(refused(&alpha, &["add", "b!", "127.0.0.1:1"]).contains("is no name"));
    assert!(refused(&alpha, &["add", "beta", "127.0.0.1:x:"]).contains("is no address"));
    assert!(refused(&alpha, &["add", "beta", "h", "--key", "sha256:1"]).contains("fingerprint"));
    assert_eq!(links(&alpha), [Value::Null; 0]);
    assert_eq!(links(&beta), [Value::Null; 0]);
    done(&alpha, &["add", "BETA", beta.address(), "--key", &fingerprint(&beta)]);
    assert_eq!(until(&alpha, "up")["realm"], "beta");
}

/// A realm of the same name in the same place, with another key: it is not the one that was linked.
#[test]
fn a_changed_key_is_refused_until_the_link_is_removed() {
    let (alpha, mut beta) = (Realm::with(""), Realm::named("beta", ""));
    let address = beta.address().to_string();
    done(&alpha, &["add", "beta", &address]);
    beta.stop();
    std::fs::remove_file(beta.data().join("identity.pem")).unwrap();
    let mut command = beta.command("serve");
    command.args(["--listen", &address]);
    let said = refusal(&command.output().unwrap());
    assert!(said.contains("identity.pem") && said.contains("--new-identity"), "{said}");
    assert!(!beta.data().join("identity.pem").exists());
    command.arg("--new-identity");
    beta.run(command);
    let link = until(&alpha, "refused");
    assert!(link["error"].as_str().unwrap().contains(&fingerprint(&beta)), "{link}");
    let table = done(&alpha, &["list"]);
    assert!(table.contains("  last error: it has the key sha256:"), "{table}");
    done(&alpha, &["remove", "beta"]);
    done(&alpha, &["add", "beta", &address]);
    until(&alpha, "up");
}

/// A name that a realm had, and somebody else has now: nothing that was said before is its to read.
#[test]
fn what_was_said_with_a_realm_is_not_for_who_has_its_name_next() {
    let mut alpha = Realm::named("alpha", "plain_peers = [\"127.0.0.1\"]");
    let beta = Realm::named("beta", "");
    done(&alpha, &["add", "beta", beta.address()]);
    let (mut amy, mut bob) = (alpha.user("amy"), beta.user("bob"));
    amy.expect_ok("ADDGROUP staff pw");
    bob.expect_ok("ADDGROUP staff pw");
    amy.expect_ok("SENDGROUPREALM beta staff between us");
    write(&mut bob, "alpha", &mut amy, "amy", "beta", "for amy");
    until_it(&alpha, |link| link["owed"] == 0);
    done(&beta, &["remove", "alpha"]);
    until(&alpha, "removed");
    let mut plain = alpha.connect();
    let ack = "ackrealm beta 127.0.0.1 8889 127.0.0.1 7001";
    let read = "remoteinboxgrouprealm staff beta";
    assert_eq!(plain.ask(ack)["code"], "realm_exists");
    assert_eq!(plain.ask(read)["code"], "forbidden");
    done(&alpha, &["remove", "beta"]);
    assert_eq!(plain.ask(ack)["status"], "OK");
    assert_eq!(plain.ask(read)["messages"].as_array().map(Vec::len), Some(0));

    // It stays so, and its users here find what they had.
    alpha.kill();
    alpha.start();
    let mut amy = alpha.connect();
    amy.login("amy");
    assert_eq!(alpha.connect().ask(read)["messages"].as_array().map(Vec::len), Some(0));
    let said = |amy: &mut Conn, line: &str| amy.expect_ok(line)["data"][0]["message"].clone();
    assert_eq!(said(&mut amy, "INBOXREALM beta.1"), "for amy");
    assert_eq!(said(&mut amy, "INBOXGROUPREALM beta.1 staff"), "between us");
}

/// Whoever has a name now gets nothing that was on its way to whoever had it before, and no notice of
/// what that one wrote.
#[test]
fn what_is_on_its_way_is_for_the_account_it_was_written_to() {
    let (mut alpha, mut beta) = (Realm::with(""), Realm::named("beta", ""));
    let (at, mut amy) = (beta.address().to_string(), alpha.user("amy"));
    drop(beta.user("bob"));
    done(&alpha, &["add", "beta", &at]);
    until(&alpha, "up");
    beta.stop();
    let user = |realm: &Realm, arguments: &[&str]| {
        let mut command = realm.command("user");
        let password = realm.config().with_file_name("password");
        std::fs::write(&password, "pw\n").unwrap();
        command.args(arguments).stdin(std::fs::File::open(password).unwrap());
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    amy.expect_ok("SENDREALM beta bob for the first bob");
    amy.expect_ok("SENDREALM beta nobody from the first amy");
    user(&beta, &["remove", "bob"]);
    user(&beta, &["add", "bob"]);
    amy.expect_ok("SENDREALM beta bob for the second bob");
    user(&alpha, &["remove", "amy"]);
    user(&alpha, &["add", "amy"]);
    let mut amy = alpha.connect();
    amy.login("amy");
    amy.expect_ok("SENDREALM beta nobody from the second amy");
    alpha.kill();
    alpha.start();
    let mut command = beta.command("serve");
    command.args(["--listen", &at]);
    beta.run(command);
    until_it(&alpha, |link| link["state"] == "up" && link["owed"] == 0);
    until_it(&beta, |link| link["state"] == "up" && link["owed"] == 0);
    let (mut amy, mut bob) = (alpha.connect(), beta.connect());
    amy.login("amy");
    bob.login("bob");
    let texts = |conn: &mut Conn, realm: &str| -> Vec<String> {
        let inbox = conn.expect_ok(&format!("INBOXREALM {realm}"));
        let list = inbox["data"].as_array().unwrap();
        list.iter().map(|message| message["message"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(texts(&mut bob, "alpha"), ["for the second bob"]);
    let told = "Pesan tidak terkirim (User tidak ada): from the second amy";
    assert_eq!(texts(&mut amy, "beta"), [told]);
    write(&mut amy, "beta", &mut bob, "bob", "alpha", "and at once");
}
