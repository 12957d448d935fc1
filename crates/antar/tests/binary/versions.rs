//! Links between realms of this binary and realms of an older one, which `ANTAR_OLD_BINARY` names. Without it
//! both are of this one.

use crate::conn::Conn;
use crate::links::{done, links};
use crate::realm::{PATIENCE, Realm};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Which binary each of two realms has, the one that calls first.
fn pairs() -> Vec<[Option<PathBuf>; 2]> {
    match std::env::var_os("ANTAR_OLD_BINARY").map(PathBuf::from) {
        Some(old) => vec![[Some(old.clone()), None], [None, Some(old)]],
        None => vec![[None, None]],
    }
}

/// Two linked realms, each with two users, all of them in a group.
struct Two {
    alpha: Realm,
    beta: Realm,
}

impl Two {
    #[track_caller]
    fn linked([caller, called]: [Option<PathBuf>; 2]) -> Self {
        let (alpha, beta) = (Realm::of(caller, "alpha"), Realm::of(called, "beta"));
        for (realm, users) in [(&alpha, ["amy", "ann"]), (&beta, ["bob", "ben"])] {
            realm.user(users[0]).expect_ok("ADDGROUP room pw");
            realm.user(users[1]).expect_ok("JOINGROUP room pw");
        }
        done(&alpha, &["add", "beta", beta.address()]);
        let two = Self { alpha, beta };
        two.settle();
        two
    }

    /// Each with the name of the other, a user, and a user of the other.
    fn sides(&self) -> [(&Realm, &'static str, &'static str, &'static str); 2] {
        [(&self.alpha, "beta", "amy", "bob"), (&self.beta, "alpha", "bob", "amy")]
    }

    /// Waits until neither owes the other anything.
    #[track_caller]
    fn settle(&self) {
        for (realm, other, ..) in self.sides() {
            until(realm, other, |link| link["state"] == "up" && link["owed"] == 0);
        }
        // What came last may have led to a notice.
        for (realm, other, ..) in self.sides() {
            until(realm, other, |link| link["owed"] == 0);
        }
    }

    /// Sends this both ways, to the users and to the group.
    #[track_caller]
    fn exchange(&self, text: &str) {
        for (realm, other, own, theirs) in self.sides() {
            let mut conn = login(realm, own);
            conn.expect_ok(&format!("SENDREALM {other} {theirs} {text}"));
            conn.expect_ok(&format!("SENDGROUPREALM {other} room {text}"));
        }
    }

    /// Both have these texts from each other, privately and in the group, fresh and in order.
    #[track_caller]
    fn expect_texts(&self, expected: &[String]) {
        self.settle();
        for (realm, other, own, theirs) in self.sides() {
            let mut conn = login(realm, own);
            let inbox = fresh(&mut conn, &format!("INBOXREALM {other}"));
            let group = fresh(&mut conn, &format!("INBOXGROUPREALM {other} room"));
            let group = group.into_iter().filter(|message| message["from"] == theirs);
            for messages in [inbox, group.collect()] {
                assert_eq!(texts(&messages), *expected, "{own}");
                assert!(messages.iter().all(|m| m["from"] == theirs && m["realm"] == other));
            }
        }
    }
}

#[track_caller]
fn login(realm: &Realm, user: &str) -> Conn {
    let mut conn = realm.connect();
    conn.login(user);
    conn
}

#[track_caller]
fn until(realm: &Realm, other: &str, fits: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let links = links(realm);
        if links.iter().any(|link| link["realm"] == other && fits(link)) {
            return;
        }
        assert!(Instant::now() < deadline, "{links:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A history that the other realm has been asked about.
#[track_caller]
fn fresh(conn: &mut Conn, request: &str) -> Vec<Value> {
    let reply = conn.expect_ok(request);
    assert_eq!(reply.get("stale"), None, "{request}: {reply}");
    reply["data"].as_array().unwrap().clone()
}

fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|m| m["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_passes_between_two_versions() {
    for pair in pairs() {
        let two = Two::linked(pair);
        let mut watches = two.sides().map(|(realm, other, own, _)| {
            let mut watch = login(realm, own);
            watch.expect_ok("WATCH");
            (watch, other)
        });
        let said = ["hi", "é 漢 🦀\u{2028}two", "\"{\\} [1,2]", &"x".repeat(16_000)];
        let said = said.map(String::from);
        said.iter().for_each(|text| two.exchange(text));
        two.expect_texts(&said);
        for (watch, other) in &mut watches {
            let mut seen = 0;
            while seen < 2 * said.len() {
                let event = watch.next();
                seen += usize::from(event["realm"] == *other);
                assert_eq!(event["event"], "message");
            }
        }
        for (realm, other, own, _) in two.sides() {
            let mut conn = login(realm, own);
            conn.expect_ok(&format!("ADDGROUP only{own} pw"));
            conn.expect_ok(&format!("SENDREALM {other} nobody one"));
            conn.expect_ok(&format!("SENDGROUPREALM {other} only{own} two"));
        }
        two.settle();
        for (realm, other, own, _) in two.sides() {
            let inbox = fresh(&mut login(realm, own), &format!("INBOXREALM {other}"));
            let told = inbox[said.len()..].iter();
            let told: Vec<Value> =
                told.map(|m| json!([m["notice"], m["from"], m["message"]])).collect();
            let group = format!("only{own}");
            let expected = json!([
                ["user_not_found", "nobody", "Pesan tidak terkirim (User tidak ada): one"],
                ["group_not_found", group, "Pesan tidak terkirim (Group belum ada): two"],
            ]);
            assert_eq!(Value::from(told), expected);
        }
    }
}

#[test]
fn whatever_restarts_everything_passes_between_two_versions() {
    for pair in pairs() {
        let mut two = Two::linked(pair);
        let mut said: Vec<String> = (0..400).map(|n| format!("{n} of many")).collect();
        for (realm, other, own, theirs) in two.sides() {
            let mut conn = login(realm, own);
            for chunk in said.chunks(100) {
                for verb in
                    [format!("SENDREALM {other} {theirs}"), format!("SENDGROUPREALM {other} room")]
                {
                    chunk.iter().for_each(|text| conn.say(&format!("{verb} {text}")));
                    chunk.iter().for_each(|_| assert_eq!(conn.next()["status"], "OK"));
                }
            }
        }
        two.expect_texts(&said);
        two.alpha.kill();
        login(&two.beta, "bob").expect_ok("SENDREALM alpha amy alpha was down");
        login(&two.beta, "bob").expect_ok("SENDGROUPREALM alpha room alpha was down");
        two.alpha.start();
        login(&two.alpha, "amy").expect_ok("SENDREALM beta bob alpha was down");
        login(&two.alpha, "amy").expect_ok("SENDGROUPREALM beta room alpha was down");
        said.push("alpha was down".into());
        two.expect_texts(&said);
        two.beta.stop();
        two.exchange_one_way("beta was down");
        two.alpha.kill();
        two.beta.start();
        two.alpha.start();
        done(&two.alpha, &["add", "beta", two.beta.address()]);
        login(&two.beta, "bob").expect_ok("SENDREALM alpha amy beta was down");
        login(&two.beta, "bob").expect_ok("SENDGROUPREALM alpha room beta was down");
        said.push("beta was down".into());
        two.expect_texts(&said);
        // The link is ended by either, and made anew by either; nothing is repeated.
        for round in 0..2 {
            let [ends, makes] = if round == 0 { [0, 1] } else { [1, 0] };
            let sides = two.sides();
            done(sides[ends].0, &["remove", sides[ends].1]);
            until(sides[makes].0, sides[makes].1, |link| link["state"] == "removed");
            done(sides[makes].0, &["add", sides[makes].1, sides[ends].0.address()]);
            two.settle();
            let text = format!("linked again {round}");
            two.exchange(&text);
            said.push(text);
            two.expect_texts(&said);
        }
    }
}

impl Two {
    fn side(&mut self, side: usize) -> &mut Realm {
        if side == 0 { &mut self.alpha } else { &mut self.beta }
    }

    /// Sends this from alpha only.
    #[track_caller]
    fn exchange_one_way(&self, text: &str) {
        let mut amy = login(&self.alpha, "amy");
        amy.expect_ok(&format!("SENDREALM beta bob {text}"));
        amy.expect_ok(&format!("SENDGROUPREALM beta room {text}"));
    }
}

#[test]
fn either_version_may_be_put_back() {
    for (pair, back) in pairs().into_iter().flat_map(|pair| [(pair.clone(), 0), (pair, 1)]) {
        let mut two = Two::linked(pair);
        (0..5).for_each(|n| two.exchange(&format!("before {n}")));
        two.settle();
        let outer = tempfile::tempdir().unwrap();
        let backup = outer.path().join("backup");
        let realm = two.sides()[back].0;
        assert!(realm.command("backup").arg(&backup).status().unwrap().success());
        (0..3).for_each(|n| two.exchange(&format!("after {n}")));
        two.settle();
        let realm = if back == 0 { &mut two.alpha } else { &mut two.beta };
        realm.kill();
        std::fs::remove_dir_all(realm.data()).unwrap();
        assert!(realm.command("restore").arg(&backup).status().unwrap().success());
        realm.start();
        // Where it is whom the other called, it is elsewhere now.
        if back == 1 {
            done(&two.alpha, &["add", "beta", two.beta.address()]);
        }
        two.settle();
        (0..2).for_each(|n| two.exchange(&format!("anew {n}")));
        let all = |phases: &[(&str, usize)]| -> Vec<String> {
            let texts =
                phases.iter().flat_map(|(phase, n)| (0..*n).map(move |n| format!("{phase} {n}")));
            texts.collect()
        };
        // What the other one sent it has again; what it sent itself the other one has.
        two.expect_texts(&all(&[("before", 5), ("after", 3), ("anew", 2)]));
        let (realm, other, own, theirs) = two.sides()[back];
        let mut conn = login(realm, own);
        let sent = texts(&fresh(&mut conn, &format!("SENT realm={other}")));
        assert_eq!(sent, all(&[("before", 5), ("anew", 2)]), "{own} {theirs}");
    }
}

#[test]
fn invited_approved_and_renamed_between_two_versions() {
    for [caller, called] in pairs() {
        let mut alpha = Realm::of(caller.clone(), "alpha");
        let mut beta = Realm::of(called, "beta");
        let gamma = Realm::of(caller, "gamma");
        beta.configure("inbound = \"approve\"");
        beta.stop();
        beta.start();
        drop((alpha.user("amy"), beta.user("bob"), gamma.user("gil")));
        let invitation = done(&beta, &["invite"]);
        assert_eq!(done(&alpha, &["join", invitation.trim()]), "linked with beta\n");
        assert!(done(&gamma, &["add", "beta", beta.address()]).contains("approve"));
        login(&gamma, "gil").expect_ok("SENDREALM beta bob early");
        done(&beta, &["approve", "gamma"]);
        until(&gamma, "beta", |link| link["state"] == "up" && link["owed"] == 0);
        assert_eq!(texts(&fresh(&mut login(&beta, "bob"), "INBOXREALM gamma")), ["early"]);
        // The one that is called, and the one that calls while the other is down.
        done(&beta, &["rename", "berta"]);
        until(&alpha, "berta", |link| link["state"] == "up");
        alpha.stop();
        done(&alpha, &["rename", "aleph"]);
        let mut command = alpha.command("serve");
        command.args(["--listen", "127.0.0.1:0"]);
        alpha.run(command);
        until(&beta, "aleph", |link| link["state"] == "up");
        login(&alpha, "amy").expect_ok("SENDREALM berta bob renamed");
        until(&alpha, "berta", |link| link["owed"] == 0);
        assert_eq!(texts(&fresh(&mut login(&beta, "bob"), "INBOXREALM aleph")), ["renamed"]);
    }
}

/// The realm of an older binary is opened by this one in the middle of it.
#[test]
fn a_realm_goes_on_where_the_older_version_ended() {
    for [caller, called] in pairs() {
        let mut two = Two::linked([caller.clone(), called.clone()]);
        two.exchange("before");
        two.settle();
        two.beta.kill();
        two.exchange_one_way("between");
        two.alpha.kill();
        two.alpha.change_binary(None);
        two.beta.change_binary(None);
        two.alpha.start();
        two.beta.start();
        done(&two.alpha, &["add", "beta", two.beta.address()]);
        login(&two.beta, "bob").expect_ok("SENDREALM alpha amy between");
        login(&two.beta, "bob").expect_ok("SENDGROUPREALM alpha room between");
        two.exchange("after");
        two.expect_texts(&["before", "between", "after"].map(String::from));
        for realm in [&mut two.alpha, &mut two.beta] {
            realm.stop();
            assert!(realm.command("check").status().unwrap().success());
        }
    }
}

/// A name becomes another's while messages are on their way both ways: what is for the former, and what tells of
/// what the former wrote, is not for the present one.
#[test]
fn a_name_taken_anew_inherits_nothing_between_two_versions() {
    for (pair, at) in pairs().into_iter().flat_map(|pair| [(pair.clone(), 0), (pair, 1)]) {
        let mut two = Two::linked(pair);
        two.exchange("before");
        two.settle();
        let (own, theirs) = if at == 0 { ("amy", "bob") } else { ("bob", "amy") };
        let (here, there) = if at == 0 { ("alpha", "beta") } else { ("beta", "alpha") };
        two.side(at).kill();
        let mut other = login(two.side(1 - at), theirs);
        other.expect_ok(&format!("SENDREALM {here} {own} for the former"));
        two.side(1 - at).kill();
        two.side(at).start();
        login(two.side(at), own).expect_ok(&format!("SENDREALM {there} nobody by the former"));
        for action in ["remove", "add"] {
            let mut command = two.side(at).command("user");
            command.args([action, own]).stdin(Stdio::piped()).stdout(Stdio::null());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"pw\n").ok();
            assert!(child.wait().unwrap().success(), "{action}");
        }
        two.side(1 - at).start();
        done(&two.alpha, &["add", "beta", two.beta.address()]);
        two.settle();
        let mut present = login(two.side(at), own);
        let mut other = login(two.side(1 - at), theirs);
        other.expect_ok(&format!("SENDREALM {here} {own} for the present one"));
        present.expect_ok(&format!("SENDREALM {there} {theirs} by the present one"));
        two.settle();
        let inbox = fresh(&mut present, &format!("INBOXREALM {there}"));
        assert_eq!(texts(&inbox), ["for the present one"]);
        let sent = present.expect_ok(&format!("SENT realm={there}"));
        assert_eq!(texts(sent["data"].as_array().unwrap()), ["by the present one"]);
        let inbox = fresh(&mut other, &format!("INBOXREALM {here}"));
        let told = "Pesan tidak terkirim (User tidak ada): for the former";
        assert_eq!(texts(&inbox), ["before", told, "by the present one"]);
    }
}
