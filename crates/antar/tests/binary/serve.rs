//! Starting and stopping.

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm, antar, refusal, run};
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::time::Instant;

#[test]
fn says_where_it_listens_and_stops_on_sigterm() {
    let mut realm = Realm::with("");
    let line = realm.line().to_string();
    let port = line.trim_end().strip_prefix("antar: realm alpha listening on 127.0.0.1:");
    assert!(port.is_some_and(|port| port.parse::<u16>().is_ok_and(|p| p > 0)), "{line}");
    let mut idle = realm.connect();
    assert_eq!(idle.ask("PING")["data"], "PONG");
    realm.signal(Signal::TERM);
    idle.expect_closed();
    let port = port.unwrap().trim_end();
    let page = format!("antar: open http://127.0.0.1:{port}/ in a browser\n");
    assert_eq!(realm.ended(), (Some(0), line.clone() + &page));
    assert!(!realm.data().join("antar.sock").exists());
}

#[test]
fn sigint_ends_it_as_well() {
    let mut realm = Realm::with("");
    realm.signal(Signal::INT);
    assert_eq!(realm.ended().0, Some(0));
}

#[test]
fn what_was_pipelined_before_sigterm_is_answered_and_kept() {
    const SENT: usize = 300;
    let mut realm = Realm::stopped("");
    // A login takes so long that all the rest still waits behind it when the signal comes, most of it
    // unread.
    let slow = "[passwords]\nmemory_kib = 16384\niterations = 10\n[limits]\npending_requests = 1\n";
    std::fs::write(realm.config(), slow).unwrap();
    realm.start();
    drop(realm.user("amy"));
    let mut amy = realm.connect();
    // Once the first is answered, both have been read.
    assert_eq!(amy.ask("PING\nAUTH amy pw")["data"], "PONG");
    let lines: String = (0..SENT).map(|n| format!("SEND amy m{n}\n")).collect();
    amy.send(lines.as_bytes());
    realm.signal(Signal::TERM);
    for n in 0..=SENT {
        assert_eq!(amy.next()["status"], "OK", "reply {n}");
    }
    amy.expect_closed();
    assert_eq!(realm.ended().0, Some(0));
    realm.start();
    let mut amy = realm.connect();
    amy.login("amy");
    assert_eq!(amy.history("INBOX").len(), SENT);
}

#[test]
fn who_watches_changes_is_told_that_the_watch_ends() {
    let mut realm = Realm::with("");
    let mut all = ["amy", "bob", "cat", "dan"].map(|name| realm.user(name));
    let asks = ["WATCH after=now", "watch after=now", "WATCH", "WATCH after=now\nUNWATCH"];
    for (conn, ask) in all.iter_mut().zip(asks) {
        conn.expect_ok(ask);
    }
    all[3].next();
    realm.signal(Signal::TERM);
    for (n, mut conn) in all.into_iter().enumerate() {
        if n < 2 {
            let last = conn.next();
            assert_eq!((&last["event"], &last["code"]), (&"ended".into(), &"unavailable".into()));
        }
        conn.expect_closed();
    }
    assert_eq!(realm.ended().0, Some(0));
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let mut realm = Realm::with("");
    let second = realm.command("serve").args(["--listen", "127.0.0.1:0"]).output().unwrap();
    let said = refusal(&second);
    assert!(said.contains(&*realm.data().to_string_lossy()), "{said}");
    // The first one does not mind, and its socket for administration is still its own.
    assert_eq!(realm.connect().ask("PING")["data"], "PONG");
    assert!(realm.command("user").arg("list").output().unwrap().status.success());
    realm.stop();
}

#[test]
fn a_port_that_is_taken_is_named_and_a_first_start_that_fails_leaves_no_realm() {
    let (realm, mut other) = (Realm::with(""), Realm::stopped(""));
    let address = realm.address();
    let serve = |arguments: &[&str]| {
        let mut serve = other.command("serve");
        refusal(&serve.args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap())
    };
    for there in [false, true] {
        if there {
            DirBuilder::new().mode(0o700).create(other.data()).unwrap();
        }
        for wrong in [["--listen", address], ["--metrics", address], ["--name", "no name"]] {
            let said = serve(&wrong);
            assert!(said.contains(wrong[1]), "{said}");
            assert_eq!(other.data().exists(), there);
            assert!(!there || other.data().read_dir().unwrap().next().is_none(), "{wrong:?}");
        }
    }
    // Where the key cannot be written, neither is the name.
    std::fs::create_dir(other.data().join("identity.pem.new")).unwrap();
    assert!(serve(&[]).contains("identity.pem"));
    let left: Vec<_> = other.data().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["identity.pem.new"]);
    std::fs::remove_dir(other.data().join("identity.pem.new")).unwrap();
    other.start();
    assert!(other.line().starts_with("antar: realm alpha "));
}

#[test]
fn mistakes_in_the_configuration_name_the_file_and_the_line() {
    let realm = Realm::stopped("mesage_bytes = 9");
    let said = refusal(&realm.command("serve").output().unwrap());
    let place = format!("{}, line 6", realm.config().display());
    assert!(said.contains(&place) && said.contains("mesage_bytes"), "{said}");

    let realm = Realm::stopped("message_bytes = \"many\"");
    let said = refusal(&realm.command("serve").output().unwrap());
    assert!(said.contains(&format!("{}, line 6", realm.config().display())), "{said}");

    let missing = realm.data().join("nothing.toml");
    let said = refusal(&run(&["serve", "--config", &missing.to_string_lossy()]));
    assert!(said.contains("nothing.toml"), "{said}");
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    for (arguments, word) in [
        (&["serve", "--frobnicate"][..], "--frobnicate"),
        (&["serve", "--listen", "nowhere"], "nowhere"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(word), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_realm_keeps_its_name() {
    let mut realm = Realm::with("");
    realm.stop();
    let serve = |name| {
        realm.command("serve").args(["--listen", "127.0.0.1:0", "--name", name]).output().unwrap()
    };
    let said = refusal(&serve("beta"));
    assert!(said.contains("alpha") && said.contains("beta"), "{said}");
    assert!(refusal(&serve("no name")).contains("no name"));
    realm.start();
    assert!(realm.line().starts_with("antar: realm alpha "));
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let realm = Realm::stopped("");
    let inside = realm.config().join("data");
    let data = inside.to_string_lossy();
    let said = refusal(&run(&["serve", "--listen", "127.0.0.1:0", "--data", &data]));
    assert!(said.contains(&*data), "{said}");
}

/// The demonstration's group with members of both realms, of which one more comes in.
fn people_of_both_write_in_one_group(alpha: &mut BTreeMap<&str, Conn>, salah: &mut Conn) {
    let messi = alpha.get_mut("messi").unwrap();
    messi.expect_ok("UNWATCH");
    assert_eq!(messi.expect_ok("MEMBERS lobby@beta")["data"], json!(["salah@beta", "messi"]));
    messi.expect_ok("post #lobby@beta : hello from alpha");
    salah.expect_ok("post #lobby : hello from beta");
    let both =
        ["Welcome, messi. This is read at both realms.", "hello from alpha", "hello from beta"];
    let deadline = Instant::now() + PATIENCE;
    for (conn, line) in [(messi, "HISTORY #lobby@beta"), (salah, "HISTORY #lobby")] {
        loop {
            let history = conn.expect_ok(line)["data"].clone();
            let all = history.as_array().unwrap().iter();
            let mut said: Vec<_> =
                all.map(|message| message["message"].as_str().unwrap()).collect();
            said.sort_unstable();
            if said == both {
                break;
            }
            assert!(Instant::now() < deadline, "{said:?}");
        }
    }
    alpha.get_mut("henderson").unwrap().expect_ok("joingroup lobby@beta");
}

/// What the demonstration says to type works, and nothing is left of it.
#[test]
fn the_demonstration_has_two_linked_realms_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = antar();
    command.args(["demo", "--alpha", "127.0.0.1:0", "--beta", "127.0.0.1:0"]);
    command.env("TMPDIR", directory.path());
    let mut realm = Realm::stopped("");
    realm.run(command);
    assert!(realm.line().starts_with("antar: realm alpha listening on 127.0.0.1:"));
    let mut alpha = BTreeMap::new();
    for user in ["messi", "henderson", "lineker"] {
        let mut conn = realm.connect();
        conn.expect_ok(&format!("AUTH {user} surabaya"));
        alpha.insert(user, conn);
    }
    let messi = alpha.get_mut("messi").unwrap();
    let link = messi.expect_ok("CHECKREALM")["data"][0].clone();
    assert_eq!((&link["realm"], &link["state"]), (&"beta".into(), &"up".into()));
    let address = format!("127.0.0.1:{}", link["port"]);
    for user in ["kane", "son", "salah"] {
        Conn::open(&address).expect_ok(&format!("AUTH {user} surabaya"));
    }
    let mut salah = Conn::open(&address);
    salah.expect_ok("AUTH salah surabaya");
    messi.expect_ok("sendrealm beta salah hello from alpha");
    let inbox = salah.expect_ok("INBOXREALM alpha");
    assert_eq!(inbox["data"][0]["message"], "hello from alpha");
    messi.expect_ok("WATCH");
    salah.expect_ok("sendrealm alpha messi hello from beta");
    let event = messi.next();
    assert_eq!((&event["box"], &event["realm"]), (&"realm".into(), &"beta".into()));
    for conn in [&mut *messi, &mut salah] {
        conn.expect_ok("addgroup staff secret");
    }
    messi.say("sendgrouprealm beta staff hello from alpha's staff");
    assert_eq!([&messi.next()["box"], &messi.next()["status"]], ["grouprealm", "OK"]);
    let room = salah.expect_ok("INBOXGROUPREALM alpha staff");
    assert_eq!(room["data"][0]["message"], "hello from alpha's staff");
    people_of_both_write_in_one_group(&mut alpha, &mut salah);
    drop((alpha, salah));

    realm.signal(Signal::TERM);
    let (code, said) = realm.ended();
    assert_eq!(code, Some(0));
    assert!(said.contains("post #lobby@beta : hello from alpha"), "{said}");
    assert!(said.lines().nth(1).unwrap().ends_with(&address), "{said}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
