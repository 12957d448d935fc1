//! Who writes to another realm is told that what they wrote is on disk there.

use super::giveback::asked;
use super::versions::linked;
use crate::Value;
use crate::tests::Realm;
use antar_domain::links::Position;
use antar_domain::testing::{BETA, WatchedChange};
use antar_domain::{Event, Input, Told};
use antar_types::{Chain, Entry, EntryKind};
use std::sync::Arc;

/// Beta has everything that it is owed.
fn takes_all(alpha: &mut Realm) {
    let (epoch, tip) = alpha.owed_up_to();
    let line = format!("FOLLOW {epoch} {} {}", tip.seq, tip.chain);
    assert_eq!(alpha.hear(BETA, &line).unwrap()["status"], "OK");
}

/// Beta was put back: it has nothing.
fn has_nothing(alpha: &mut Realm) {
    let (epoch, _) = alpha.owed_up_to();
    let line = format!("FOLLOW {epoch} 0 {}", Chain::START);
    assert_eq!(alpha.hear(BETA, &line).unwrap()["status"], "OK");
}

fn post(alpha: &mut Realm, conn: u64, what: &str) -> u64 {
    let posted = alpha.say(conn, &format!("POST {what}"));
    posted["id"].as_u64().unwrap_or_else(|| panic!("{posted}"))
}

/// Whether each message of a conversation is shown as delivered.
fn shown(alpha: &mut Realm, conn: u64, of: &str) -> Vec<bool> {
    let found = alpha.say(conn, &format!("HISTORY {of}"));
    let all = found["data"].as_array().unwrap_or_else(|| panic!("{found}")).iter();
    all.map(|message| message.get("delivered") == Some(&Value::Bool(true))).collect()
}

/// What a watch of changes was told of deliveries since the last look.
fn told(alpha: &mut Realm, conn: u64) -> Vec<String> {
    let told = |change: WatchedChange| match &change.unwrap().told {
        Told::Delivered { conversation, id } => Some(format!("{conversation} {id}")),
        _ => None,
    };
    alpha.changes(conn).into_iter().filter_map(told).collect()
}

fn watch(alpha: &mut Realm, conn: u64) {
    let cursor = alpha.say(conn, "SYNC")["cursor"].as_str().unwrap().to_string();
    assert_eq!(alpha.say(conn, &format!("WATCH after={cursor}"))["status"], "OK");
}

#[test]
fn who_wrote_is_told_once_for_each_conversation() {
    let (mut alpha, mut beta) = linked();
    alpha.say(2, "REGISTER eve pw");
    alpha.login(2, "eve");
    alpha.say(1, "ADDGROUP staff pw");
    alpha.say(2, "JOINGROUP staff pw");
    beta.bring(&mut alpha, r#"[["private",6,"bob","amy","x",{"id":40,"by":7}]]"#);
    [1, 2].into_iter().for_each(|conn| watch(&mut alpha, conn));
    let first = post(&mut alpha, 1, "bob@beta : one");
    let second = post(&mut alpha, 1, "bob@beta : two");
    let kim = post(&mut alpha, 1, "kim@beta : three");
    let eves = post(&mut alpha, 2, "#staff+beta : four");
    assert_eq!(shown(&mut alpha, 1, "bob@beta"), [false, false, false]);
    takes_all(&mut alpha);
    assert_eq!(told(&mut alpha, 1), [format!("bob@beta {second}"), format!("kim@beta {kim}")]);
    assert_eq!(told(&mut alpha, 2), [format!("#staff+beta {eves}")]);
    assert_eq!(shown(&mut alpha, 1, "bob@beta"), [false, true, true]);
    // Only its author is told.
    assert_eq!(shown(&mut alpha, 1, "#staff+beta"), [false]);
    assert_eq!(shown(&mut alpha, 2, "#staff+beta"), [true]);
    let listed = alpha.say(1, "CONVERSATIONS")["data"].clone();
    let kims = listed.as_array().unwrap().iter().find(|each| each["conv"] == "kim@beta").unwrap();
    assert_eq!(kims["last"]["delivered"], true);
    // An edit is no message of its own, and leaves it delivered.
    alpha.say(1, &format!("EDIT bob@beta {first} : ONE"));
    takes_all(&mut alpha);
    assert!(told(&mut alpha, 1).is_empty());
    assert_eq!(shown(&mut alpha, 1, "bob@beta"), [false, true, true]);
    // The documents' own requests show what they did.
    assert!(alpha.say(1, "SENTREALM beta")["data"][0].get("delivered").is_none());
}

#[test]
fn what_a_realm_lost_is_not_delivered_until_it_has_it_again() {
    let (mut alpha, _) = linked();
    watch(&mut alpha, 1);
    let id = post(&mut alpha, 1, "bob@beta : one");
    takes_all(&mut alpha);
    assert_eq!(told(&mut alpha, 1), [format!("bob@beta {id}")]);
    has_nothing(&mut alpha);
    assert_eq!(shown(&mut alpha, 1, "bob@beta"), [false]);
    takes_all(&mut alpha);
    assert_eq!(told(&mut alpha, 1), [format!("bob@beta {id}")]);
    assert_eq!(shown(&mut alpha, 1, "bob@beta"), [true]);
}

#[test]
fn what_was_given_back_is_not_delivered() {
    let (mut alpha, _) = linked();
    post(&mut alpha, 1, "bob@beta : one");
    takes_all(&mut alpha);
    post(&mut alpha, 1, "bob@beta : two");
    watch(&mut alpha, 1);
    let owed = owed(&alpha);
    alpha.say(1, "REMOVEREALM beta force");
    let (ask, first, last) = asked(&mut alpha).unwrap();
    assert_eq!((first, last), (2, 2));
    alpha.tell(Input::Fetched(ask, Ok(vec![owed[1].clone()])));
    assert!(told(&mut alpha, 1).is_empty());
    assert_eq!(shown(&mut alpha, 1, "bob@beta")[..2], [true, false]);
}

/// The entry that carries each message that amy has written, as the log has it.
fn owed(alpha: &Realm) -> Vec<(Position, Arc<Entry>)> {
    let account = alpha.account("amy");
    let written = alpha.posted.iter().filter_map(|event| match event {
        Event::Posted(posted) => Some(&posted.message),
        _ => None,
    });
    let entry = |message| Arc::new(Entry::of(EntryKind::Private, message, account, None));
    let at = |seq| Position { seq, chain: Chain::START };
    (1..).map(at).zip(written.map(|message| entry(message))).collect()
}

#[test]
fn what_is_not_in_memory_is_read_first() {
    let (mut alpha, _) = linked();
    alpha.limits().message_bytes = 60_000;
    let text = "x".repeat(60_000);
    let ids: Vec<u64> =
        (0..70).map(|_| post(&mut alpha, 1, &format!("bob@beta : {text}"))).collect();
    watch(&mut alpha, 1);
    let owed = owed(&alpha);
    takes_all(&mut alpha);
    // Lists are right at once.
    assert_eq!(told(&mut alpha, 1), Vec::<String>::new());
    assert!(shown(&mut alpha, 1, "bob@beta").into_iter().all(|delivered| delivered));
    let (ask, first, last) = asked(&mut alpha).unwrap();
    assert_eq!((first, last, asked(&mut alpha)), (1, 64, None));
    // It cannot be read at first.
    alpha.tell(Input::Fetched(ask, Err(antar_domain::links::Unreadable)));
    assert_eq!(asked(&mut alpha), None);
    alpha.pass(1);
    alpha.tick();
    let (ask, first, last) = asked(&mut alpha).unwrap();
    let found = &owed[first as usize - 1..last as usize];
    alpha.tell(Input::Fetched(ask, Ok(found.to_vec())));
    assert_eq!(told(&mut alpha, 1), [format!("bob@beta {}", ids[63])]);
    let (ask, first, last) = asked(&mut alpha).unwrap();
    assert_eq!((first, last), (65, 70));
    alpha.tell(Input::Fetched(ask, Ok(owed[64..].to_vec())));
    assert_eq!(
        (told(&mut alpha, 1), asked(&mut alpha)),
        (vec![format!("bob@beta {}", ids[69])], None)
    );
}
