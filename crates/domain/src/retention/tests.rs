use super::*;
use crate::commands::{
    CreateGroup, Destination, EditMessage, GroupInbox, Inbox, ListConversations, MarkRead,
    MarkUnread, ReadHistory, Send, SendToGroup, Sent, SetGroup,
};
use crate::testing::Realm;
use crate::{Outcome, Page, RETENTION_DAYS, Stretch};
use antar_types::{Code, ConversationName};
use std::time::Duration;

const DAYS: u64 = 86_400;

/// A realm that keeps messages for ten days, with amy and bob.
fn realm() -> Realm {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    realm.limits().retention = Duration::from_secs(10 * DAYS);
    (1..).zip(["amy", "bob"]).for_each(|(conn, user)| drop(realm.login(conn, user)));
    realm
}

fn named(name: &str) -> Box<ConversationName> {
    Box::new(ConversationName::parse(name).unwrap())
}

fn send(realm: &mut Realm, conn: u64, to: &str, text: &str) -> u64 {
    match realm.does(conn, Send { to: to.into(), text: text.into() }) {
        Outcome::Sent { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

/// Time goes by as it does: the clock is steady, and there is a round.
fn pass(realm: &mut Realm, days: u64) {
    realm.pass(days * DAYS);
    for _ in 0..3 {
        realm.tick();
        realm.pass(3_601);
    }
    (0..10).for_each(|_| realm.tick());
}

fn history(realm: &mut Realm, conn: u64, of: &str) -> Vec<String> {
    let read = ReadHistory {
        of: named(of),
        stretch: Stretch::Page(Page { limit: 1_000, ..Page::default() }),
    };
    match realm.does(conn, read) {
        Outcome::History(page) => page.found.iter().map(|m| m.text.as_str().into()).collect(),
        other => panic!("{other:?}"),
    }
}

/// The conversations of a connection: how many messages are unread in each, and what was said last.
fn list(realm: &mut Realm, conn: u64) -> Vec<String> {
    let Outcome::Conversations { all, .. } = realm.does(conn, ListConversations::default()) else {
        panic!("no list")
    };
    let last = |last: &Option<Message>| {
        last.as_ref().map_or("-".to_string(), |last| last.text.as_str().to_string())
    };
    all.iter().map(|o| format!("{} {} {}", o.name, o.unread, last(&o.last))).collect()
}

#[test]
fn what_is_older_is_gone_from_every_reply() {
    let mut realm = realm();
    let old = send(&mut realm, 1, "bob", "old");
    pass(&mut realm, 5);
    send(&mut realm, 1, "bob", "new");
    assert_eq!(history(&mut realm, 1, "bob"), ["old", "new"]);
    assert_eq!(list(&mut realm, 2), ["amy 2 new"]);
    pass(&mut realm, 6);
    assert_eq!(history(&mut realm, 1, "bob"), ["new"]);
    assert_eq!(realm.reads(2, Inbox::default()), ["new"]);
    assert_eq!(realm.reads(1, Sent::default()), ["new"]);
    assert_eq!(list(&mut realm, 2), ["amy 1 new"]);
    let edit = EditMessage { of: named("bob"), id: old, text: "x".into() };
    assert_eq!(realm.does(1, edit), Code::MessageNotFound.into());
    pass(&mut realm, 6);
    assert!(history(&mut realm, 1, "bob").is_empty() && list(&mut realm, 2).is_empty());
    assert!(!realm.state.is_busy());
    send(&mut realm, 1, "bob", "newest");
    assert_eq!(list(&mut realm, 2), ["amy 1 newest"]);
    assert_eq!(history(&mut realm, 2, "amy"), ["newest"]);
}

#[test]
fn what_does_not_count_is_not_taken_off_twice() {
    let mut realm = realm();
    let first = send(&mut realm, 2, "amy", "one");
    for text in ["two", "three"] {
        send(&mut realm, 1, "bob", text);
    }
    pass(&mut realm, 5);
    let four = send(&mut realm, 2, "amy", "four");
    send(&mut realm, 1, "bob", "five");
    realm.does(1, MarkUnread { of: named("bob"), id: first });
    assert_eq!(list(&mut realm, 1), ["bob 2 five"]);
    pass(&mut realm, 6);
    assert_eq!(list(&mut realm, 1), ["bob 1 five"]);
    // What is gone is no place to go back to, or to have read up to.
    let read = realm.does(1, MarkRead { of: named("bob"), id: first + 1 });
    let Outcome::Marked(at) = read else { panic!("{read:?}") };
    assert!(at < four, "{at}");
    assert_eq!(list(&mut realm, 1), ["bob 1 five"]);
    realm.does(1, MarkRead { of: named("bob"), id: u64::MAX });
    assert_eq!(list(&mut realm, 1), ["bob 0 five"]);
    realm.does(1, MarkUnread { of: named("bob"), id: 1 });
    assert_eq!(list(&mut realm, 1), ["bob 1 five"]);
}

#[test]
fn a_group_says_for_itself_how_long() {
    let mut realm = realm();
    for group in ["brief", "ever", "plain"] {
        realm.does(1, CreateGroup { group: group.into(), password: None });
        let to = Destination::Named(group.into(), "old".into());
        realm.does(1, SendToGroup { to });
    }
    let set = |group: &str, days| SetGroup {
        group: group.into(),
        entry: None,
        listed: None,
        announce: None,
        password: None,
        retention: Some(days),
        realms: None,
        past: None,
    };
    let from = realm.cursor(1);
    for (group, days) in [("brief", Some(2)), ("ever", Some(0))] {
        let told = realm.does(1, set(group, days));
        assert!(matches!(told, Outcome::GroupSettings(set) if set.retention == days));
    }
    let news = ["group #brief kept Some(2) by amy", "group #ever kept Some(0) by amy"];
    assert_eq!(realm.group_news(1, from), news);
    assert_eq!(realm.does(1, set("ever", Some(RETENTION_DAYS + 1))), Code::BadParameters.into());
    let left = |realm: &mut Realm| {
        ["brief", "ever", "plain"].map(|group| {
            let page = Page::default();
            realm.reads(1, GroupInbox { group: group.into(), page }).len()
        })
    };
    pass(&mut realm, 3);
    assert_eq!(left(&mut realm), [0, 1, 1]);
    pass(&mut realm, 9);
    assert_eq!(left(&mut realm), [0, 1, 0]);
    realm.does(1, set("ever", None));
    pass(&mut realm, 0);
    assert_eq!(left(&mut realm), [0, 0, 0]);
}

/// A clock that has jumped takes nothing, unless it goes on like that.
#[test]
fn nothing_goes_while_the_clock_jumps() {
    let mut realm = realm();
    send(&mut realm, 1, "bob", "hello");
    pass(&mut realm, 1);
    realm.ahead = 20 * DAYS * 1000;
    realm.tick();
    assert_eq!(history(&mut realm, 1, "bob"), ["hello"]);
    realm.pass(1_800);
    realm.ahead = 0;
    (0..3).for_each(|_| realm.tick());
    pass(&mut realm, 1);
    assert_eq!(history(&mut realm, 1, "bob"), ["hello"]);
    realm.ahead = 20 * DAYS * 1000;
    pass(&mut realm, 0);
    assert!(history(&mut realm, 1, "bob").is_empty());
}

#[test]
fn many_conversations_and_messages_go_in_steps() {
    let users: Vec<String> = (0..ASKED + 10).map(|n| format!("u{n}")).collect();
    let mut realm = Realm::with_users(&users.iter().map(String::as_str).collect::<Vec<_>>());
    realm.limits().retention = Duration::from_secs(10 * DAYS);
    realm.login(1, "u0");
    for user in &users {
        send(&mut realm, 1, user, "hi");
    }
    for n in 0..LET_GO + 10 {
        send(&mut realm, 1, "u1", &n.to_string());
    }
    realm.pass(11 * DAYS);
    realm.tick();
    realm.pass(3_601);
    realm.tick();
    assert!(realm.state.is_busy());
    let left = |realm: &mut Realm| history(realm, 1, "u1").len();
    assert!(left(&mut realm) > 0);
    (0..6).for_each(|_| realm.tick());
    assert!(left(&mut realm) == 0 && list(&mut realm, 1).is_empty() && !realm.state.is_busy());
}
