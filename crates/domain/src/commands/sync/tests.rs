//! What is told of what is new.

use super::*;
use crate::commands::{
    JoinGroup, LeaveGroup, ListConversations, MarkRead, MarkUnread, RemoveUser, Send, SendToGroup,
    Since, Unwatch, Watch,
};
use crate::testing::{Realm, WatchedChange, group};
use crate::{CHANGES_KEPT, Command, Notification};
use antar_types::{ConversationName, EntryKind, Secret};

fn shown(told: &Told) -> String {
    match told {
        Told::Message { conversation, message } => {
            format!("{conversation} {}", message.text.as_str())
        }
        Told::Rewritten { what, conversation, message } => {
            format!("{} {conversation} {}", what.as_str(), message.text.as_str())
        }
        Told::Read { conversation, .. } => format!("read {conversation}"),
        Told::Placed { conversation, was, id } => format!("placed {conversation} {was} {id:?}"),
        Told::Delivered { conversation, id } => format!("delivered {conversation} {id}"),
        Told::Member(change) => {
            format!("{} #{} {}", change.what.as_str(), &*change.group, change.user)
        }
        Told::Group(change) => format!("{} #{}", change.what.as_str(), &*change.group),
        Told::Muted { conversation, muted } => format!("muted {conversation} {muted:?}"),
        Told::Blocked { conversation, blocked } => format!("blocked {conversation} {blocked}"),
        Told::Profile(shown) => format!("profile {}", shown.about.as_str()),
        Told::Session { what, .. } => format!("session {}", what.as_str()),
    }
}

fn now(realm: &mut Realm, conn: u64) -> SyncCursor {
    match realm.does(conn, Sync::default()) {
        Outcome::InStep(cursor) => cursor,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn page(
    realm: &mut Realm,
    conn: u64,
    after: SyncCursor,
    limit: usize,
) -> (Vec<String>, SyncCursor, bool) {
    match realm.does(conn, Sync { after: Some(Some(after)), limit }) {
        Outcome::Changes { all, cursor, more } => (all.iter().map(shown).collect(), cursor, more),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn since(realm: &mut Realm, conn: u64, after: SyncCursor) -> Vec<String> {
    page(realm, conn, after, MAX_PAGE).0
}

fn send(realm: &mut Realm, conn: u64, to: &str, text: &str) {
    realm.does(conn, Send { to: to.into(), text: text.into() });
}

fn say(realm: &mut Realm, conn: u64, text: &str) {
    let to = crate::commands::Destination::Named("staff".into(), text.into());
    realm.does(conn, SendToGroup { to });
}

fn realm() -> Realm {
    let mut realm = Realm::linked(&["amy", "bob"]);
    realm.login(1, "amy");
    realm.login(2, "bob");
    realm
}

fn read(of: &str) -> MarkRead {
    MarkRead { of: Box::new(ConversationName::parse(of).unwrap()), id: u64::MAX }
}

#[test]
fn tells_everything_in_order_and_once_own_messages_too() {
    let mut realm = realm();
    let start = [now(&mut realm, 1), now(&mut realm, 2)];
    assert!(since(&mut realm, 1, start[0]).is_empty());
    realm.does(1, group("staff"));
    send(&mut realm, 1, "bob", "one");
    say(&mut realm, 1, "two");
    realm.deliver(EntryKind::Private, "eve", "amy", "three");
    send(&mut realm, 2, "amy", "four");
    realm.does(1, read("bob"));
    send(&mut realm, 1, "amy", "note");
    let all = [
        "joined #staff amy",
        "bob one",
        "#staff two",
        "eve@beta three",
        "bob four",
        "read bob",
        "amy note",
    ];
    assert_eq!(since(&mut realm, 1, start[0]), all);
    assert_eq!(since(&mut realm, 2, start[1]), ["amy one", "amy four"]);
    // A page at a time it is the same.
    let (mut cursor, mut told) = (start[0], Vec::new());
    loop {
        let (page, next, more) = page(&mut realm, 1, cursor, 2);
        assert!(next.id > cursor.id && page.len() <= 2);
        told.extend(page);
        cursor = next;
        if !more {
            break;
        }
    }
    assert_eq!(told, all);
    assert!(since(&mut realm, 1, cursor).is_empty());
    assert_eq!(cursor, now(&mut realm, 1));
}

#[test]
fn who_joins_is_told_nothing_from_before_and_who_left_nothing_from_after() {
    let mut realm = realm();
    realm.does(1, group("staff"));
    let start = now(&mut realm, 2);
    say(&mut realm, 1, "before");
    let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
    realm.does(2, join.clone());
    say(&mut realm, 1, "within");
    assert_eq!(since(&mut realm, 2, start), ["joined #staff bob", "#staff within"]);
    realm.does(2, LeaveGroup { group: "staff".into() });
    say(&mut realm, 1, "after");
    assert_eq!(since(&mut realm, 2, start), ["left #staff bob"]);
    let of_amy = since(&mut realm, 1, start);
    let expected = ["#staff before", "joined #staff bob", "#staff within", "left #staff bob"];
    assert_eq!(of_amy[..4], expected);
    realm.does(2, join);
    assert_eq!(since(&mut realm, 2, start), ["left #staff bob", "joined #staff bob"]);
}

#[test]
fn a_cursor_of_elsewhere_or_of_another_past_begins_anew() {
    let mut realm = realm();
    let here = now(&mut realm, 1);
    let ahead = SyncCursor { id: here.id + 1, ..here };
    let foreign = SyncCursor { epoch: here.epoch + 1, ..here };
    for after in [None, Some(ahead), Some(foreign)] {
        let sync = Sync { after: Some(after), limit: 9 };
        assert_eq!(realm.does(1, sync), Code::Resync.into(), "{after:?}");
        let watch = Watch { after: Some(Since::Cursor(after)) };
        assert_eq!(realm.does(1, watch), Code::Resync.into(), "{after:?}");
    }
}

#[test]
fn changes_that_are_gone_are_not_passed_over() {
    let mut realm = realm();
    send(&mut realm, 2, "amy", "one");
    send(&mut realm, 2, "amy", "two");
    let start = now(&mut realm, 1);
    let of = || Box::new(ConversationName::parse("bob").unwrap());
    let turn = |realm: &mut Realm| {
        realm.does(1, read("bob"));
        realm.does(1, MarkUnread { of: of(), id: 1 });
    };
    turn(&mut realm);
    let after_one = now(&mut realm, 1);
    (1..CHANGES_KEPT).for_each(|_| turn(&mut realm));
    let sync = |after| Sync { after: Some(Some(after)), limit: 9 };
    assert_eq!(realm.does(1, sync(start)), Code::Resync.into());
    assert_eq!(realm.does(1, sync(after_one)), Code::Resync.into());
    // Bob has none of that in his list.
    assert!(since(&mut realm, 2, start).is_empty());
    realm.operator_does(RemoveUser { user: "amy".into() });
}

/// What a connection that watches is told until it is in step, as its door asks for it.
fn catch_up(realm: &mut Realm, conn: u64, watch: Watch) -> Vec<String> {
    let (mut told, mut next) = (Vec::new(), Some(Command::from(watch)));
    while let Some(command) = next {
        let outcome = realm.does(conn, command);
        next = outcome.goes_on();
        match outcome {
            Outcome::CaughtUp { all, .. } => told.extend(all.iter().map(|at| shown(&at.told))),
            outcome => assert!(matches!(outcome, Outcome::Watching { .. }), "{outcome:?}"),
        }
    }
    told
}

fn live(realm: &mut Realm, conn: u64) -> Vec<String> {
    let shown = |change: WatchedChange| match change {
        Ok(at) => shown(&at.told),
        Err(code) => format!("ended {}", code.as_str()),
    };
    realm.changes(conn).into_iter().map(shown).collect()
}

#[test]
fn a_watch_tells_what_has_happened_and_then_what_happens() {
    let mut realm = realm();
    let start = now(&mut realm, 1);
    realm.does(1, group("staff"));
    send(&mut realm, 2, "amy", "one");
    let after = Some(Since::Cursor(Some(start)));
    assert_eq!(catch_up(&mut realm, 1, Watch { after }), ["joined #staff amy", "bob one"]);
    say(&mut realm, 1, "two");
    realm.does(1, read("bob"));
    send(&mut realm, 1, "bob", "three");
    realm.deliver(EntryKind::Private, "eve", "amy", "four");
    let expected = ["#staff two", "read bob", "bob three", "eve@beta four"];
    assert_eq!(live(&mut realm, 1), expected);
    // A cursor of an event goes on where it was.
    realm.does(1, Unwatch);
    send(&mut realm, 2, "amy", "five");
    assert!(live(&mut realm, 1).is_empty());
    assert_eq!(catch_up(&mut realm, 1, Watch { after: Some(Since::Now) }), [""; 0]);
    send(&mut realm, 2, "amy", "six");
    let [Ok(at)] = &realm.changes(1)[..] else { panic!("one change") };
    assert_eq!((shown(&at.told), at.cursor), ("bob six".into(), now(&mut realm, 1)));
    // Messages as they arrive are not told to who watches changes.
    assert!(realm.notifications(1).is_empty());
}

#[test]
fn nothing_is_told_twice_or_passed_over_while_a_watch_is_behind() {
    let mut realm = realm();
    let start = now(&mut realm, 1);
    send(&mut realm, 2, "amy", "one");
    let watch = Watch { after: Some(Since::Cursor(Some(start))) };
    let outcome = realm.does(1, watch);
    // It is behind: what happens now is told in its turn.
    send(&mut realm, 2, "amy", "two");
    assert!(live(&mut realm, 1).is_empty());
    let Some(Command::CatchUp(next)) = outcome.goes_on() else { panic!() };
    let pending = realm.begin(1, next);
    send(&mut realm, 2, "amy", "three");
    let outcome = realm.end(pending);
    let next = outcome.goes_on().expect("it is behind");
    let Outcome::CaughtUp { all, .. } = outcome else { panic!() };
    let told: Vec<_> = all.iter().map(|at| shown(&at.told)).collect();
    assert_eq!(told, ["bob one", "bob two"]);
    assert!(live(&mut realm, 1).is_empty());
    let Outcome::CaughtUp { all, behind: None, .. } = realm.does(1, next) else { panic!() };
    assert_eq!(all.len(), 1);
    send(&mut realm, 2, "amy", "four");
    assert_eq!(live(&mut realm, 1), ["bob four"]);
}

#[test]
fn a_watch_of_changes_says_that_it_has_ended() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    let token = realm.login(1, "amy");
    realm.does(1, Watch { after: Some(Since::Now) });
    realm.does_as(2, &token, crate::commands::Logout);
    assert_eq!(live(&mut realm, 1), ["ended no_session"]);
    realm.login(1, "amy");
    realm.does(1, Watch { after: Some(Since::Now) });
    realm.login(1, "bob");
    assert_eq!(live(&mut realm, 1), ["ended no_session"]);
    realm.does(1, Watch { after: Some(Since::Now) });
    realm.does(1, Unwatch);
    assert!(live(&mut realm, 1).is_empty());
    realm.does(1, Watch { after: Some(Since::Now) });
    realm.does(1, Watch { after: Some(Since::Now) });
    assert!(live(&mut realm, 1).is_empty());
    realm.does(1, Watch::default());
    assert_eq!(live(&mut realm, 1), ["ended replaced"]);
    realm.does(1, Watch::default());
    assert!(live(&mut realm, 1).is_empty());
    // After a batch that was refused, or may be on disk all the same, nobody knows what was told.
    realm.does(1, Watch { after: Some(Since::Now) });
    let mut outputs = Vec::new();
    realm.state.suspend(&mut outputs);
    let ended = |output: &crate::Output| {
        matches!(output, crate::Output::Notify(_, _, Notification::WatchEnded(_)))
    };
    assert_eq!(outputs.iter().filter(|output| ended(output)).count(), 1);
}

#[test]
fn a_list_of_conversations_and_what_is_new_go_together() {
    let mut realm = realm();
    send(&mut realm, 2, "amy", "one");
    let cursor = now(&mut realm, 1);
    realm.does(1, ListConversations::default());
    send(&mut realm, 2, "amy", "two");
    assert_eq!(since(&mut realm, 1, cursor), ["bob two"]);
}

#[test]
fn other_devices_hear_where_one_logs_in_and_out_and_what_one_has_set() {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.login(1, "amy");
    realm.login(2, "bob");
    let start = now(&mut realm, 1);
    realm.login(3, "amy");
    realm.does(3, crate::commands::NameClient { name: "phone".into() });
    realm.does(3, crate::commands::NameClient { name: "phone".into() });
    realm.does(3, crate::commands::SetProfile { name: None, about: "one".into() });
    realm.does(3, crate::commands::SetProfile { name: None, about: "two".into() });
    realm.does(3, crate::commands::Logout);
    let after = Sync { after: Some(Some(start)), limit: MAX_PAGE };
    let Outcome::Changes { all, .. } = realm.does(1, after) else { panic!("no changes") };
    let expected =
        ["session opened", "session named", "profile two", "profile two", "session ended"];
    assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), expected);
    // Who has no other device is told nothing of oneself, and nobody of others.
    let Outcome::Changes { all, .. } = realm.does(2, after) else { panic!("no changes") };
    assert!(all.is_empty());
}
