//! What goes wrong on the way to an old server.

use super::{Both, HERE, texts, texts_of};
use crate::realm::{PATIENCE, Realm};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const GROUP: &str = "INBOXGROUPREALM beta staff";

#[test]
fn a_message_whose_answer_is_lost_is_there_once() {
    let mut both = Both::linked();
    // Twice the same, so that one cannot be taken for the other.
    for text in ["one", "two", "two", "three"] {
        both.old.obey("drop recvgrouprealm");
        both.messi.expect_ok(&format!("SENDGROUPREALM beta staff {text}"));
        both.await_owed(0);
    }
    both.await_texts(GROUP, &["one", "two", "two", "three"]);
    assert_eq!(both.old.requests("recvgrouprealm").len(), 4);
    both.old.expect_unharmed();
}

#[test]
fn a_server_that_is_away_gets_it_later() {
    let mut both = Both::linked();
    both.messi.expect_ok("SENDGROUPREALM beta staff before");
    both.await_owed(0);
    both.old.obey("down");
    for text in texts() {
        both.messi.expect_ok(&format!("SENDGROUPREALM beta staff {text}"));
    }
    let mut expected = vec!["before".to_string()];
    expected.extend(texts());
    // Meanwhile what is here is shown, and said to be only that.
    let reply = both.messi.expect_ok(GROUP);
    assert_eq!((&reply["stale"], texts_of(&reply)), (&true.into(), expected.clone()));
    let deadline = Instant::now() + PATIENCE;
    while both.link()["state"] != "down" {
        assert!(Instant::now() < deadline, "{}", both.link());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(both.link()["owed"], texts().len());
    both.old.obey("up");
    both.await_texts(GROUP, &expected);
    assert_eq!(both.link()["state"], "up");
}

#[test]
fn a_refusal_is_told_to_the_sender() {
    let mut both = Both::linked();
    both.messi.expect_ok("ADDGROUP unknown pw");
    both.messi.expect_ok("SENDGROUPREALM beta unknown nobody there");
    both.await_owed(0);
    both.old.obey("say recvgrouprealm Gagal");
    both.messi.expect_ok("SENDGROUPREALM beta staff not taken");
    both.await_owed(0);
    let reply = both.messi.expect_ok("INBOXREALM beta");
    let notices: Vec<_> = reply["data"].as_array().unwrap().iter().collect();
    assert_eq!(notices.len(), 2, "{reply}");
    assert_eq!(notices[0]["notice"], "group_not_found");
    assert!(notices[0]["message"].as_str().unwrap().ends_with("nobody there"));
    assert_eq!((&notices[1]["notice"], &notices[1]["from"]), (&"refused".into(), &"staff".into()));
    // What they have for us comes after.
    both.old.client("lineker").command("sendrealm", "beta messi  halo");
    let texts = both.texts("INBOXREALM beta");
    assert_eq!((texts.len(), texts[2].as_str()), (3, "halo"));
}

#[test]
fn a_server_that_has_forgotten_us_is_reminded_once() {
    let mut both = Both::linked();
    both.old.obey("forget beta");
    both.messi.expect_ok("SENDGROUPREALM beta staff again");
    both.await_texts(GROUP, &["again"]);
    assert_eq!(both.old.requests("ackrealm").len(), 2);
    both.old.client("lineker").command("sendgrouprealm", "beta staff  they can too");
    both.await_texts(GROUP, &["again", "they can too"]);
    // One that goes on forgetting gets no further calls, and the sender a notice.
    both.old.obey("forget beta");
    both.old.obey("say ackrealm Realm Unreachable");
    both.messi.expect_ok("SENDGROUPREALM beta staff in vain");
    both.await_owed(0);
    assert_eq!(both.old.requests("ackrealm").len(), 3);
    both.old.obey("say remoteinboxrealm Informasi tidak ditemukan");
    let reply = both.messi.expect_ok("INBOXREALM beta");
    assert_eq!(reply["data"][0]["notice"], "refused", "{reply}");
}

#[test]
fn who_they_do_not_know_waits_alone() {
    let mut both = Both::linked();
    both.old.client("lineker").command("sendrealm", "beta messi  halo");
    let mut amy = both.ours.user("amy");
    let began = Instant::now();
    amy.say("INBOXREALM beta");
    for _ in 0..5 {
        assert_eq!(both.texts("INBOXREALM beta"), ["halo"]);
        both.messi.expect_ok("SEND henderson the others go on");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    let reply = amy.next();
    assert_eq!((&reply["status"], &reply["stale"]), (&"OK".into(), &true.into()));
    assert_eq!(reply["data"], serde_json::json!([]));
    let took = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[test]
fn what_waited_there_is_kept_when_we_start_again() {
    let mut both = Both::linked();
    let mut lineker = both.old.client("lineker");
    both.messi.expect_ok("SENDREALM beta lineker hi");
    both.messi.expect_ok("SENDGROUPREALM beta staff ours");
    both.await_owed(0);
    lineker.command("sendrealm", "beta messi  before");
    lineker.command("sendgrouprealm", "beta staff  theirs");
    both.messi.expect_ok("SENDGROUPREALM beta staff owed");
    both.ours.kill();
    // Their connection is dead, but they keep what is said; this user has never written.
    lineker.command("sendrealm", "beta messi  meanwhile");
    lineker.command("sendrealm", "beta henderson  to another");
    lineker.command("sendgrouprealm", "beta staff  theirs");
    for start in 2..4 {
        both.start_again();
        // One whom they do not know.
        both.ours.connect().ask("REGISTER amy pw");
        both.await_told(start);
        both.await_texts("INBOXREALM beta", &["before", "meanwhile"]);
        let said = ["ours", "theirs", "owed", "theirs"];
        both.await_owed(0);
        let there = both.texts(GROUP);
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list
        };
        assert_eq!(sorted(there), sorted(said.map(String::from).into()));
        both.ours.kill();
    }
    both.start_again();
    both.await_told(4);
    // It has dialled back: it can ask again, and bring.
    assert_eq!(lineker.texts("inboxrealm", "beta"), ["hi"]);
    lineker.command("sendrealm", "beta messi  after");
    lineker.command("sendgrouprealm", "beta staff  after");
    both.await_texts("INBOXREALM beta", &["before", "meanwhile", "after"]);
    assert_eq!(both.texts(GROUP).last().unwrap(), "after");
    let mut henderson = both.ours.connect();
    henderson.login("henderson");
    assert_eq!(texts_of(&henderson.expect_ok("INBOXREALM beta")), ["to another"]);
}

#[test]
fn a_server_that_is_away_when_we_start_is_told_later() {
    let mut both = Both::linked();
    both.messi.expect_ok("SENDREALM beta lineker hi");
    let mut lineker = both.old.client("lineker");
    lineker.command("sendrealm", "beta messi  halo");
    both.ours.kill();
    both.old.obey("down");
    both.start_again();
    both.messi.expect_ok("SENDGROUPREALM beta staff owed");
    let deadline = Instant::now() + PATIENCE;
    while both.link()["state"] != "down" {
        assert!(Instant::now() < deadline, "{}", both.link());
        std::thread::sleep(Duration::from_millis(50));
    }
    both.old.obey("up");
    both.await_texts(GROUP, &["owed"]);
    both.await_told(2);
    both.await_owed(0);
    both.await_texts("INBOXREALM beta", &["halo"]);
    both.await_texts(GROUP, &["owed"]);
    assert_eq!(both.old.requests("ackrealm").len(), 2);
}

/// A server that answers every request to list something with this, and any other with OK; its port.
fn peer_that_lists(answer: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (mut request, mut reading) = (String::new(), BufReader::new(&stream));
            let _ = reading.read_line(&mut request);
            let lists = request.starts_with("remoteinbox");
            let said = if lists { &answer } else { r#"{"status":"OK","message":"x"}"# };
            let _ = (&stream).write_all(format!("{said}\r\n\r\n").as_bytes());
        }
    });
    port
}

/// What it costs to hold 16 MiB of anything at all as values was 1.2 GB, on the thread that serves everybody.
#[test]
fn an_answer_without_measure_is_read_as_far_as_it_is_shown() {
    let mut ours = Realm::stopped("");
    ours.configure(HERE);
    ours.start();
    let mut messi = ours.user("messi");
    let newest = r#"{"msg_from":"lineker","msg_to":"messi","msg":" the newest"}"#;
    for (shape, shown) in [("{}", 1_000), ("0", 1), ("[[]]", 1), (newest, 1_000)] {
        let many = format!("{shape},").repeat((16 << 20) / (shape.len() + 1));
        let answer = format!(r#"{{"status":"OK","messages":[{newest},{many}{shape}]}}"#);
        let port = peer_that_lists(answer);
        messi.expect_ok(&format!("ADDREALM old 127.0.0.1 {port} plain"));
        let reply = messi.expect_ok("INBOXREALM old");
        assert_eq!((&reply["more"], reply.get("stale")), (&true.into(), None), "{shape}");
        let texts = texts_of(&reply);
        assert_eq!((texts.len(), texts.last().unwrap().as_str()), (shown, "the newest"));
        messi.expect_ok("REMOVEREALM old");
    }
    assert!(ours.peak_memory() < 300, "{} MB", ours.peak_memory());
}

/// Telling it of us would make it forget what was not read.
#[test]
fn what_cannot_be_taken_over_is_not_given_up() {
    let mut ours = Realm::stopped("");
    ours.configure(HERE);
    ours.start();
    let mut messi = ours.user("messi");
    let one = r#"{"msg_from":"lineker","msg_to":"messi","msg":" hi"}"#;
    let many = format!("{one},").repeat(20_000);
    let port = peer_that_lists(format!(r#"{{"status":"OK","messages":[{many}{one}]}}"#));
    messi.expect_ok(&format!("ADDREALM old 127.0.0.1 {port} plain"));
    messi.expect_ok("SENDREALM old lineker hi");
    ours.kill();
    ours.start();
    messi = ours.connect();
    messi.login("messi");
    let deadline = Instant::now() + PATIENCE;
    let link = loop {
        let link = messi.expect_ok("CHECKREALM")["data"][0].clone();
        if link["state"] == "down" {
            break link;
        }
        assert!(Instant::now() < deadline, "{link}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(link["error"].as_str().unwrap().contains("more waits there"), "{link}");
}

/// By what their lists say, nobody could tell which of them is whose.
#[test]
fn the_same_words_of_several_people_are_there_once_each() {
    let mut both = Both::linked();
    let mut lineker = both.old.client("lineker");
    let mut henderson = both.ours.connect();
    henderson.login("henderson");
    henderson.expect_ok("JOINGROUP staff pw");
    lineker.command("sendgrouprealm", "beta staff  ok");
    for (speaker, text) in [(0, "ok"), (1, "ok"), (0, "o  k"), (1, "ok"), (0, "ok")] {
        both.old.obey("drop recvgrouprealm");
        let conn = if speaker == 0 { &mut both.messi } else { &mut henderson };
        conn.expect_ok(&format!("SENDGROUPREALM beta staff {text}"));
        both.await_owed(0);
        lineker.command("sendgrouprealm", "beta staff  ok");
    }
    let said = ["ok", "ok", "ok", "ok", "ok", "o  k", "ok", "ok", "ok", "ok", "ok"];
    both.await_texts(GROUP, &said);
    assert_eq!(lineker.texts("inboxgrouprealm", "beta staff"), said);
    assert_eq!(both.old.requests("recvgrouprealm").len(), 5);
    // Their names for people are shown, and only theirs.
    let shown = both.messi.expect_ok(GROUP);
    let theirs = both.old.called("Gary Lineker");
    let shown = shown["data"].as_array().unwrap().iter().filter(|m| m["from"] == theirs.as_str());
    assert_eq!(shown.count(), 6);
}

/// What waited there is theirs to name when it is kept here, too.
#[test]
fn senders_are_shown_as_they_are_called_after_a_restart() {
    let mut both = Both::linked();
    let mut lineker = both.old.client("lineker");
    both.messi.expect_ok("SENDGROUPREALM beta staff ours");
    both.await_owed(0);
    both.ours.kill();
    lineker.command("sendrealm", "beta messi  private");
    lineker.command("sendgrouprealm", "beta staff  meanwhile");
    both.start_again();
    both.await_told(2);
    both.await_texts("INBOXREALM beta", &["private"]);
    both.await_texts(GROUP, &["ours", "meanwhile"]);
    // They are on disk here now.
    both.ours.stop();
    both.old.obey("down");
    both.start_again();
    let lineker = both.old.called("Gary Lineker");
    for (request, at) in [("INBOXREALM beta", 0), (GROUP, 1)] {
        let message = both.messi.expect_ok(request)["data"][at].clone();
        assert_eq!(
            (&message["from"], &message["realm"]),
            (&lineker.as_str().into(), &"beta".into())
        );
        assert!(message["id"].is_u64(), "{message}");
    }
    let lower = both.messi.expect_ok("inboxrealm beta");
    assert_eq!(lower["messages"][0]["msg_from"], lineker.as_str());
}

/// What they list is older than all of a page of what they are still owed.
#[test]
fn a_long_time_away_makes_nothing_of_ours_theirs() {
    let mut both = Both::linked();
    both.messi.expect_ok("SENDGROUPREALM beta staff before");
    both.await_owed(0);
    both.old.obey("down");
    let many: String = (0..1_001).map(|n| format!("SENDGROUPREALM beta staff {n}\n")).collect();
    both.messi.send(many.as_bytes());
    for _ in 0..1_001 {
        assert_eq!(both.messi.next()["status"], "OK");
    }
    both.ours.kill();
    both.old.obey("up");
    both.start_again();
    both.await_told(2);
    let newest = both.texts(GROUP);
    assert_eq!((newest.len(), newest.iter().any(|text| text == "before")), (1_000, false));
}
