//! The bot on the front page of `antar-client`, on a real realm.

use crate::conn::Conn;
use crate::realm::Realm;
use antar_client::Error;
use serde_json::Value;

#[path = "../../../client/examples/echo.rs"]
#[allow(dead_code, reason = "its main is not called")]
mod echo;

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(echo::watching(alpha.address(), "echo", "pw")).unwrap();
    let running = std::thread::spawn(move || runtime.block_on(echo::echo(client, "echo")));

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
    drop(alpha);
    let ended = running.join().unwrap();
    assert!(matches!(ended, Error::Closed | Error::Io(_) | Error::Unasked(_)), "{ended}");
}
