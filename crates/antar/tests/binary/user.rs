//! `antar user`, on a stopped realm and on a running one.

use crate::realm::{PATIENCE, Realm, antar, refusal};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

/// Runs `antar user …` with a line on standard input.
fn user(realm: &Realm, arguments: &[&str], input: &str) -> Output {
    let mut command = realm.command("user");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    // One that needs no password may have gone without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < PATIENCE);
    output
}

/// The same where it must succeed; returns what it printed.
#[track_caller]
fn done(realm: &Realm, arguments: &[&str], input: &str) -> String {
    let output = user(realm, arguments, input);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What an operator does about a group, on a realm in whichever state.
fn look_after_groups(realm: &Realm) {
    let group = |arguments: &[&str], input: &str| {
        let mut antar = realm.command("group");
        let antar = antar.args(arguments).stdin(Stdio::piped());
        let mut child = antar.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let does = |arguments: &[&str]| {
        let output = group(arguments, "secret\n");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(does(&["list"]).contains("Staff "), "{}", does(&["list"]));
    assert!(does(&["members", "#staff"]).starts_with("amy                      owner\nbob\n"));
    does(&["ban", "#staff", "bob"]);
    assert_eq!(does(&["bans", "staff"]), "bob\n");
    assert!(refusal(&group(&["add", "staff", "bob"], "")).contains("group unban staff bob"));
    assert!(refusal(&group(&["kick", "staff", "amy"], "")).contains("MEMBER owner"));
    assert!(refusal(&group(&["kick", "staff", "bob"], "")).contains("bob is not in staff"));
    assert!(refusal(&group(&["members", "none"], "")).contains("there is no group none"));
    assert!(refusal(&group(&["kick", "staff", "a b"], "")).contains("a b"));
    does(&["unban", "staff", "bob"]);
    does(&["add", "staff", "bob"]);
    does(&["role", "staff", "bob", "owner"]);
    does(&["silence", "staff", "amy", "5"]);
    assert_eq!(does(&["topic", "staff", "Weekly: plans"]), "Weekly: plans\n");
    let set = does(&["set", "staff", "--listed", "no", "--password"]);
    assert_eq!(
        set,
        "entry     password\nlisted    no\nannounce  no\nretention realm\nrealms    none\n"
    );
    let shown: Value = does(&["show", "staff", "--json"]).parse().unwrap();
    assert_eq!((&shown["owner"], &shown["topic"]), (&"bob".into(), &"Weekly: plans".into()));
    assert_eq!((&shown["members"], &shown["listed"]), (&2.into(), &false.into()));
    does(&["close", "staff"]);
    assert_eq!(does(&["list"]), "no groups\n");
}

#[test]
fn groups_of_a_running_realm_and_of_a_stopped_one() {
    let mut realm = Realm::with("");
    let make = |realm: &Realm| {
        for (user, line) in [("amy", "ADDGROUP Staff"), ("bob", "JOINGROUP staff")] {
            let mut conn = realm.connect();
            conn.expect_ok(&format!("AUTH {user} pw"));
            conn.expect_ok(line);
        }
    };
    drop((realm.user("amy"), realm.user("bob")));
    make(&realm);
    look_after_groups(&realm);
    make(&realm);
    realm.stop();
    look_after_groups(&realm);
}

#[test]
fn users_are_locked_out_and_logged_out() {
    let realm = Realm::with("");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    let sessions = done(&realm, &["sessions", "amy", "--json"], "");
    let id = sessions.parse::<Value>().unwrap()[0]["id"].to_string();
    assert!(done(&realm, &["sessions", "amy"], "").contains(&id));
    assert!(refusal(&user(&realm, &["revoke", "bob", &id], "")).contains("session_not_found"));
    done(&realm, &["revoke", "amy", &id], "");
    assert_eq!(amy.ask("WHOAMI")["code"], "no_session");
    done(&realm, &["lock", "amy"], "");
    assert_eq!(amy.ask("AUTH amy pw")["code"], "locked");
    assert!(done(&realm, &["list"], "").lines().next().unwrap().ends_with("locked"));
    done(&realm, &["unlock", "amy"], "");
    done(&realm, &["promote", "amy"], "");
    amy.expect_ok("AUTH amy pw");
    amy.expect_ok("GETUSERS");
    done(&realm, &["demote", "amy"], "");
    assert_eq!(amy.ask("GETUSERS")["code"], "forbidden");
    let output = realm.command("kick").arg("bob").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    bob.expect_closed();
    amy.expect_ok("WHOAMI");
}

/// All of a user's lines, which end with one that says so.
fn exported(realm: &Realm, name: &str) -> Vec<Value> {
    let lines = done(realm, &["export", name], "");
    let lines: Vec<Value> = lines.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(lines.last().unwrap()["kind"], "end", "{lines:?}");
    lines
}

#[test]
fn all_of_a_user_is_exported_from_a_running_realm_and_a_stopped_one() {
    let mut realm = Realm::with("");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    drop(realm.user("cat"));
    amy.expect_ok("SETPROFILE name=Amy_Lee : about me");
    amy.expect_ok("ADDGROUP staff");
    amy.expect_ok("BLOCK cat");
    for n in 0..1_203 {
        bob.expect_ok(&format!("POST amy : number {n}"));
    }
    amy.expect_ok("POST cat : between us");
    amy.expect_ok("MUTE bob");
    let check = |realm: &Realm| {
        let lines = exported(realm, "AMY");
        let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
        assert_eq!(
            (&of("user")[0]["user"], &of("user")[0]["name"]),
            (&"amy".into(), &"Amy Lee".into())
        );
        assert_eq!((of("session").len(), of("blocked").len(), of("muted").len()), (1, 1, 1));
        let conversations: Vec<&str> =
            of("conversation").iter().filter_map(|line| line["conv"].as_str()).collect();
        assert_eq!(conversations, ["cat", "bob", "#staff"]);
        let messages = of("message");
        assert_eq!((messages.len(), &of("end")[0]["messages"]), (1_204, &1_204.into()));
        let texts = messages[1..].iter().map(|line| line["message"].as_str().unwrap().to_owned());
        assert!(texts.eq((0..1_203).map(|n| format!("number {n}"))));
        assert!(!exported(realm, "bob").iter().any(|line| line["message"] == "between us"));
        assert!(refusal(&user(realm, &["export", "eve"], "")).contains("user_not_found"));
    };
    check(&realm);
    let to = realm.config().with_file_name("amy.jsonl");
    let path = to.to_str().unwrap();
    done(&realm, &["export", "amy", "--to", path], "");
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&to).unwrap().lines().count(), 1_204 + 3 + 5);
    assert!(refusal(&user(&realm, &["export", "amy", "--to", path], "")).contains("exists"));
    let none = realm.config().with_file_name("eve.jsonl");
    refusal(&user(&realm, &["export", "eve", "--to", none.to_str().unwrap()], ""));
    assert!(!none.exists());
    realm.stop();
    check(&realm);
}

#[test]
fn an_export_has_what_the_user_wrote_in_groups_that_were_left_and_no_more() {
    let (mut alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let (mut amy, mut bob) = (alpha.user("amy"), alpha.user("bob"));
    let mut kane = beta.user("kane");
    let (host, port) = beta.address().rsplit_once(':').unwrap();
    amy.expect_ok(&format!("ADDREALM beta {host} {port}"));
    kane.expect_ok("ADDGROUP staff");
    bob.expect_ok("ADDGROUP staff");
    bob.expect_ok("ADDGROUP quiet");
    for group in ["staff", "quiet"] {
        amy.expect_ok(&format!("JOINGROUP {group}"));
    }
    amy.expect_ok("POST #staff : hers");
    bob.expect_ok("POST #staff : his");
    amy.expect_ok("SENDGROUPREALM beta staff far");
    bob.expect_ok("SENDGROUPREALM beta staff his far");
    for group in ["staff", "quiet"] {
        amy.expect_ok(&format!("LEAVEGROUP {group}"));
    }
    bob.expect_ok("GROUPSET staff listed=no");
    let check = |realm: &Realm| {
        let lines = exported(realm, "amy");
        let of = |kind: &str, key: &str| {
            let of_kind = lines.iter().filter(|line| line["kind"] == kind);
            of_kind.map(|line| line[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("conversation", "conv"), ["#staff", "#staff+beta"]);
        assert_eq!(of("message", "message"), ["hers", "far"]);
        assert_eq!(lines.last().unwrap()["conversations"], 2);
    };
    check(&alpha);
    alpha.stop();
    check(&alpha);
}

/// As `head` goes once it has seen enough.
#[test]
fn a_reader_that_has_gone_ends_a_list_quietly() {
    let realm = Realm::stopped("");
    done(&realm, &["add", "amy"], "pw\n");
    for (command, arguments) in [("user", &["list"][..]), ("realm", &["list"]), ("check", &[])] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = realm.command(command).args(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(141), "{command} {arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Every action, on a realm in whichever state.
fn administer(realm: &Realm) {
    done(realm, &["add", "Messi"], "sura baya\n");
    done(realm, &["add", "root", "--admin"], "secret\r\n");
    done(realm, &["add", "gone"], "pw\n");
    done(realm, &["passwd", "messi"], "new  word\n");
    done(realm, &["remove", "GONE"], "");
    let link = done(realm, &["invite", "kane"], "");
    let (_, fragment) = link.trim_end().split_once("/#invite=").unwrap();
    let code = fragment.strip_suffix("&name=kane").unwrap();
    assert_eq!(code.len(), 43, "{link}");
    let list = done(realm, &["list"], "");
    let rows: Vec<Vec<&str>> = list.lines().map(|l| l.split_whitespace().collect()).collect();
    let shown: Vec<&[&str]> = rows.iter().map(|row| &row[..row.len() - 1]).collect();
    assert_eq!(shown, [&["Messi"][..], &["root", "admin"]], "{list}");

    assert!(refusal(&user(realm, &["add", "MESSI"], "x\n")).contains("user_exists"));
    assert!(refusal(&user(realm, &["add", "_x"], "x\n")).contains("_x"));
    assert!(refusal(&user(realm, &["add", "a b"], "x\n")).contains("a b"));
    assert!(refusal(&user(realm, &["add", "eve"], "\n")).contains("password"));
    assert!(refusal(&user(realm, &["add", "eve"], "a\u{7}b\n")).contains("bad_password"));
    assert!(refusal(&user(realm, &["passwd", "eve"], "x\n")).contains("user_not_found"));
    assert!(refusal(&user(realm, &["remove", "eve"], "")).contains("user_not_found"));
    assert_eq!(done(realm, &["list"], "").lines().count(), 2);
}

fn check(realm: &Realm) {
    let mut conn = realm.connect();
    assert_eq!(conn.ask("AUTH messi sura baya")["code"], "wrong_password");
    assert_eq!(conn.ask("AUTH gone pw")["code"], "user_not_found");
    conn.expect_ok("AUTH messi new  word");
    assert_eq!(conn.ask("WHOAMI")["data"], "Messi");
    conn.expect_ok("AUTH root secret");
    assert_eq!(conn.ask("WHOAMI")["admin"], true);
}

#[test]
fn on_a_stopped_realm() {
    let mut realm = Realm::stopped("");
    administer(&realm);
    realm.start();
    check(&realm);
}

#[test]
fn on_a_running_realm() {
    let mut realm = Realm::with("");
    administer(&realm);
    // It listens elsewhere than its configuration says.
    let link = done(&realm, &["invite", "judy"], "");
    assert!(link.starts_with(&format!("http://{}/#invite=", realm.address())), "{link}");
    check(&realm);
    // It was all on disk.
    realm.kill();
    realm.start();
    check(&realm);
}

#[test]
fn an_invitation_that_others_cannot_open_says_so() {
    let said = |lines: &str| {
        let realm = Realm::stopped("");
        realm.configure(lines);
        done(&realm, &["add", "root", "--admin"], "secret\n");
        String::from_utf8(user(&realm, &["invite", "judy"], "").stderr).unwrap()
    };
    assert!(said("listen = [\"0.0.0.0:8889\"]").contains("[web] url"));
    assert_eq!(said("listen = [\"127.0.0.1:8889\"]"), "");
    let named = "listen = [\"0.0.0.0:8889\"]\nweb.url = \"https://chat.example\"";
    assert_eq!(said(named), "");
}

#[test]
fn a_new_password_and_a_removal_end_sessions_at_once() {
    let realm = Realm::with("");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    done(&realm, &["passwd", "amy"], "new\n");
    assert_eq!(amy.ask("WHOAMI")["code"], "no_session");
    done(&realm, &["remove", "bob"], "");
    assert_eq!(bob.ask("WHOAMI")["code"], "no_session");
    assert_eq!(amy.ask("AUTH amy pw")["code"], "wrong_password");
    assert_eq!(amy.ask("AUTH bob pw")["code"], "user_not_found");
}

/// With the socket's name, 107 bytes are as many as the system takes in a path of one.
#[test]
fn data_may_be_in_a_directory_of_any_path() {
    for length in [96, 97, 98, 1000] {
        let mut realm = Realm::stopped("");
        realm.move_data(length);
        assert_eq!(realm.data().as_os_str().len(), length);
        realm.start();
        administer(&realm);
        check(&realm);
        let mut backup = realm.command("backup");
        let done = backup.arg(realm.config().with_file_name("backup")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut chat = antar();
        chat.arg("chat").arg(realm.data().join("antar.sock")).args(["--user", "root"]);
        let chatted = chat.env("ANTAR_PASSWORD", "secret").output().unwrap();
        assert!(chatted.status.success(), "{}", String::from_utf8_lossy(&chatted.stderr));
        realm.stop();
        assert!(!realm.data().join("antar.sock").exists());
    }
}

#[test]
fn data_in_use_by_what_does_not_answer_are_said_to_be() {
    let realm = Realm::with("");
    std::fs::remove_file(realm.data().join("antar.sock")).unwrap();
    let said = refusal(&user(&realm, &["list"], ""));
    assert!(
        said.contains("in use, and no realm answers at") && said.contains("antar.sock"),
        "{said}"
    );
}

#[test]
fn the_socket_for_administration_is_its_owners_only() {
    let realm = Realm::with("");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let socket = realm.data().join("antar.sock");
    assert_eq!((mode(&realm.data()), mode(&socket)), (0o700, 0o600));
    // It speaks the same protocol; who can open it needs no session.
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"register amy pw\nGETUSERS\nINBOX\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let replies: Vec<Value> =
        said.split_terminator("\r\n\r\n").map(|reply| reply.parse().unwrap()).collect();
    assert_eq!(replies[1]["data"][0]["user"], "amy");
    assert_eq!((replies.len(), &replies[2]["status"]), (3, &"OK".into()));
}

/// Commands that need a realm, in a directory that is not there, in one without a realm, and in one where
/// there is a file.
#[test]
fn where_there_is_no_realm_nothing_is_made() {
    let realm = Realm::stopped("");
    let to = realm.config().with_file_name("backup").to_string_lossy().into_owned();
    for there in [false, true] {
        if there {
            std::fs::create_dir(realm.data()).unwrap();
            std::fs::write(realm.data().join("notes"), "").unwrap();
        }
        for command in [
            &["user", "list"][..],
            &["user", "passwd", "amy"],
            &["user", "remove", "amy"],
            &["user", "lock", "amy"],
            &["kick", "amy"],
            &["group", "list"],
            &["realm", "list"],
            &["realm", "show"],
            &["realm", "add", "beta", "127.0.0.1:1"],
            &["realm", "remove", "beta"],
            &["realm", "approve", "beta"],
            &["realm", "invite"],
            &["realm", "join", "antar:code"],
            &["backup", &to],
            &["check"],
        ] {
            let mut antar = realm.command(command[0]);
            let said = refusal(&antar.args(&command[1..]).output().unwrap());
            let expected = format!("no realm in {}; give", realm.data().display());
            assert!(said.contains(&expected), "{command:?}: {said}");
            assert!(!Path::new(&to).exists());
            match there {
                true => assert_eq!(realm.data().read_dir().unwrap().count(), 1, "{command:?}"),
                false => assert!(!realm.data().exists(), "{command:?}"),
            }
        }
        // One that begins a realm, and is refused.
        assert!(refusal(&user(&realm, &["add", "eve"], "a\u{7}b\n")).contains("bad_password"));
        assert_eq!(realm.data().exists(), there);
    }
    done(&realm, &["add", "amy"], "pw\n");
    assert!(done(&realm, &["list"], "").starts_with("amy"));
    // It has no name yet.
    let show = realm.command("realm").arg("show").output().unwrap();
    assert!(String::from_utf8_lossy(&show.stderr).contains("first start"), "{show:?}");
}
