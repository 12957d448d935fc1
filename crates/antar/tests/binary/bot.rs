//! The bot on the front page of `antar-client`, on a real realm.

use crate::conn::Conn;
use crate::proxy::Proxy;
use crate::realm::Realm;
use antar_client::live::Address;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[path = "../../../client/examples/echo.rs"]
#[allow(dead_code, reason = "its main is not called")]
mod echo;

/// A bot that runs until it is dropped.
struct Bot {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    running: Option<std::thread::JoinHandle<()>>,
}

impl Bot {
    fn start(address: &str, kept: &Path) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (address, kept): (_, PathBuf) = (Address::Tcp(address.into()), kept.into());
        let running = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    ended = echo::echo(address, "echo", "pw", &kept) => panic!("{ended:?}"),
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), running: Some(running) }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.running.take().is_some_and(|bot| bot.join().is_err()) && !std::thread::panicking() {
            panic!("the bot has ended");
        }
    }
}

/// A connection that is told of everything that comes to a user.
#[track_caller]
fn watching(realm: &Realm, name: &str) -> Conn {
    let mut conn = realm.connect();
    conn.login(name);
    conn.expect_ok("WATCH");
    conn
}

/// The next message that a watching connection is told of: mailbox, sender, text.
#[track_caller]
fn told(conn: &mut Conn) -> [Value; 3] {
    let event = conn.next();
    ["box", "from", "message"].map(|key| event[key].clone())
}

fn message(mailbox: &str, from: &str, text: &str) -> [Value; 3] {
    [mailbox, from, text].map(Value::from)
}

/// Waits until the bot has noted how far it has come, and that it is not where it was.
fn noted(kept: &Path, before: &str) -> String {
    loop {
        match std::fs::read_to_string(kept) {
            Ok(cursor) if cursor != before => return cursor,
            _ => std::thread::yield_now(),
        }
    }
}

#[test]
fn it_answers_where_it_was_told_and_never_itself() {
    let (alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let link = format!("ADDREALM beta {}", beta.address().replace(':', " "));
    let (mut amy, mut bot, mut bob) = (alpha.user("amy"), alpha.user("Echo"), beta.user("bob"));
    amy.expect_ok(&link);
    bob.expect_ok("ADDGROUP staff secret");
    amy.expect_ok("ADDGROUP staff secret");
    bot.expect_ok("JOINGROUP staff secret");
    let (mut at_alpha, mut at_beta) = (watching(&alpha, "amy"), watching(&beta, "bob"));
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("cursor");
    let _bot = Bot::start(alpha.address(), &kept);
    noted(&kept, "");

    bob.expect_ok("SENDREALM alpha Echo hello");
    assert_eq!(told(&mut at_beta), message("realm", "Echo", "hello"));
    amy.expect_ok("SENDGROUP staff all");
    assert_eq!(told(&mut at_alpha), message("group", "amy", "all"));
    assert_eq!(told(&mut at_alpha), message("group", "Echo", "all"));
    amy.expect_ok("SENDGROUPREALM beta staff both");
    for from in ["amy", "Echo"] {
        assert_eq!(told(&mut at_alpha), message("grouprealm", from, "both"));
        assert_eq!(told(&mut at_beta), message("grouprealm", from, "both"));
    }
    // Were it to answer itself, that would come first.
    amy.expect_ok("SEND Echo me");
    assert_eq!(told(&mut at_alpha), message("private", "Echo", "me"));
    bob.expect_ok("SENDGROUPREALM alpha staff back");
    for conn in [&mut at_alpha, &mut at_beta] {
        assert_eq!(told(conn), message("grouprealm", "bob", "back"));
        assert_eq!(told(conn), message("grouprealm", "Echo", "back"));
    }
}

/// Stopped, cut off, and begun again from an older cursor, as after a kill between an answer and its note.
#[test]
fn it_goes_on_where_it_was_and_answers_nothing_twice() {
    const MISSED: usize = 1_300;
    let alpha = Realm::with("");
    let mut amy = alpha.user("amy");
    drop(alpha.user("echo"));
    let mut at_alpha = watching(&alpha, "amy");
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("cursor");
    let proxy = Proxy::start();
    proxy.lead_to(alpha.address());
    let bot = Bot::start(&proxy.address, &kept);
    let begin = noted(&kept, "");
    amy.expect_ok("SEND echo live");
    assert_eq!(told(&mut at_alpha), message("private", "echo", "live"));
    noted(&kept, &begin);
    proxy.cut();
    amy.expect_ok("SEND echo cut off");
    assert_eq!(told(&mut at_alpha), message("private", "echo", "cut off"));
    drop(bot);

    let lines: String = (0..MISSED).map(|n| format!("SEND echo m{n}\n")).collect();
    amy.send(lines.as_bytes());
    (0..MISSED).for_each(|_| assert_eq!(amy.next()["status"], "OK"));
    std::fs::write(&kept, &begin).unwrap();
    let _bot = Bot::start(alpha.address(), &kept);
    for n in 0..MISSED {
        assert_eq!(told(&mut at_alpha), message("private", "echo", &format!("m{n}")));
    }
    amy.expect_ok("SEND echo last");
    assert_eq!(told(&mut at_alpha), message("private", "echo", "last"));
}
