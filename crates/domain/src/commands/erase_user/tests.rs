use super::*;
use crate::commands::{
    AddUser, CreateGroup, Destination, GroupInbox, Inbox, InviteUser, JoinGroup, React,
    ReadHistory, Role, Send, SendToGroup,
};
use crate::testing::Realm;
use crate::{Output, Page, Stretch};
use antar_types::{ConversationName, Emoji, Secret};

/// Amy and bob, who are in a group and write to each other.
fn realm() -> Realm {
    let mut realm = Realm::with_users(&["amy", "bob"]);
    (1..).zip(["amy", "bob"]).for_each(|(conn, user)| drop(realm.login(conn, user)));
    realm.does(1, CreateGroup { group: "staff".into(), password: None });
    realm.does(2, JoinGroup { group: "staff".into(), password: None });
    realm
}

fn say(realm: &mut Realm, conn: u64, text: &str) -> u64 {
    let to = Destination::Named("staff".into(), text.into());
    id(realm.does(conn, SendToGroup { to }))
}

fn send(realm: &mut Realm, conn: u64, to: &str, text: &str) -> u64 {
    id(realm.does(conn, Send { to: to.into(), text: text.into() }))
}

fn id(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Sent { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

fn add(user: &str) -> AddUser {
    let (role, password) = (Some(Role::User), Secret::new("pw".into()));
    AddUser { user: user.into(), role, password }
}

fn ticks(realm: &mut Realm) {
    (0..12).for_each(|_| realm.tick());
    assert!(!realm.state.is_busy());
}

fn erase() -> EraseUser {
    EraseUser { user: "amy".into() }
}

fn group_inbox() -> GroupInbox {
    GroupInbox { group: "staff".into(), page: Page::default() }
}

#[test]
fn what_one_wrote_is_deleted_and_what_others_wrote_stays() {
    let mut realm = realm();
    for (conn, text) in [(1, "mine"), (2, "his"), (1, "too")] {
        say(&mut realm, conn, text);
    }
    send(&mut realm, 1, "bob", "secret");
    send(&mut realm, 2, "amy", "hello");
    send(&mut realm, 1, "amy", "a note");
    let notes = realm.posted.len();
    assert_eq!(realm.does(2, erase()), Code::Forbidden.into());
    assert_eq!(realm.operator_does(erase()), Outcome::Done);
    assert_eq!(realm.does(1, Inbox::default()), Code::NoSession.into());
    ticks(&mut realm);
    assert_eq!(realm.reads(2, group_inbox()), ["", "his", ""]);
    assert_eq!(realm.reads(2, Inbox::default()), [""]);
    let of = Box::new(ConversationName::parse("amy").unwrap());
    let history = ReadHistory { of, stretch: Stretch::Page(Page::default()) };
    let Outcome::History(page) = realm.does(2, history) else { panic!("no history") };
    let shown: Vec<_> = page.found.iter().map(|m| (m.text.as_str(), m.is_deleted())).collect();
    assert_eq!(shown, [("", true), ("hello", false)]);
    // What only she had is gone as a whole.
    let left = realm.posted.iter().filter(|event| matches!(event, Event::Posted(_))).count();
    assert!(left < notes, "{left} of {notes}");
    let texts = realm.posted.iter().filter_map(|event| match event {
        Event::Posted(posted) => Some(posted.message.text.as_str()),
        _ => None,
    });
    assert!(!texts.into_iter().any(|text| ["mine", "too", "secret", "a note"].contains(&text)));
}

#[test]
fn nobody_has_the_name_until_it_is_done() {
    let mut realm = realm();
    say(&mut realm, 1, "mine");
    realm.operator_does(erase());
    assert_eq!(realm.operator_does(add("AMY")), Code::UserExists.into());
    assert_eq!(realm.operator_does(InviteUser { user: "amy".into() }), Code::UserExists.into());
    // It is asked for once more, and goes on.
    assert_eq!(realm.operator_does(erase()), Outcome::Done);
    assert_eq!(
        realm.does(2, Send { to: "amy".into(), text: "x".into() }),
        Code::UserNotFound.into()
    );
    ticks(&mut realm);
    assert_eq!(realm.operator_does(add("amy")), Outcome::Done);
    assert_eq!(realm.reads(2, group_inbox()), [""]);
}

#[test]
fn who_was_removed_before_can_be_erased_unless_somebody_has_the_name() {
    let mut realm = realm();
    say(&mut realm, 1, "mine");
    realm.operator_does(RemoveUser { user: "amy".into() });
    assert_eq!(realm.reads(2, group_inbox()), ["mine"]);
    assert_eq!(realm.operator_does(erase()), Outcome::Done);
    ticks(&mut realm);
    assert_eq!(realm.reads(2, group_inbox()), [""]);
    assert_eq!(realm.operator_does(EraseUser { user: "cat".into() }), Code::UserNotFound.into());
}

#[test]
fn reactions_are_taken_back() {
    let mut realm = realm();
    let his = say(&mut realm, 2, "his");
    let react = |conn: u64, emoji: &str, realm: &mut Realm| {
        let of = Box::new(ConversationName::parse("#staff").unwrap());
        let react = React { of, id: his, emoji: Emoji::parse(emoji).unwrap() };
        assert_eq!(realm.does(conn, react), Outcome::Done);
    };
    react(1, "a", &mut realm);
    react(1, "b", &mut realm);
    react(2, "b", &mut realm);
    realm.operator_does(erase());
    ticks(&mut realm);
    let Outcome::Messages(page) = realm.does(2, group_inbox()) else { panic!("no messages") };
    let all = page.found[0].extras.as_ref().unwrap().reactions.0.clone();
    let who: Vec<_> = all.iter().flat_map(|of| &of.who).map(|who| &*who.name).collect();
    assert_eq!((all.len(), who), (1, vec!["bob"]));
}

#[test]
fn a_realm_with_which_one_wrote_is_told() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    let text = "to beta".into();
    realm.does(1, crate::commands::SendRealm { realm: "beta".into(), to: "eve".into(), text });
    let (_, before) = realm.owed_up_to();
    realm.operator_does(erase());
    ticks_while_linked(&mut realm);
    assert_eq!(realm.owed_up_to().1.seq, before.seq + 1);
    assert!(realm.state.durable.erasing.is_empty());
}

/// Who is told of a deletion is told before it is done: what is done here already is not looked for again.
#[test]
fn it_waits_where_a_realm_cannot_be_told() {
    let mut realm = Realm::linked(&["amy", "bob"]);
    realm.login(1, "amy");
    let text = "to beta".into();
    realm.does(1, crate::commands::SendRealm { realm: "beta".into(), to: "eve".into(), text });
    send(&mut realm, 1, "bob", "to bob");
    let (_, before) = realm.owed_up_to();
    let room = std::mem::replace(&mut realm.state.limits.link_messages, 1);
    realm.operator_does(erase());
    ticks_while_linked(&mut realm);
    let texts = |realm: &Realm| {
        let texts = realm.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) => Some(posted.message.text.as_str().to_owned()),
            _ => None,
        });
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    // What concerns nobody there is gone.
    assert_eq!(texts(&realm), ["to beta"]);
    let is_warning = |output: &Output| matches!(output, Output::Note { warning: true, .. });
    let minutes = |realm: &mut Realm| (0..3 * 240).for_each(|_| realm.tick());
    minutes(&mut realm);
    assert_eq!(realm.asked.iter().filter(|output| is_warning(output)).count(), 1);
    assert_eq!(realm.operator_does(add("amy")), Code::UserExists.into());
    realm.state.limits.link_messages = room;
    minutes(&mut realm);
    assert_eq!(texts(&realm), [""; 0]);
    assert_eq!(realm.owed_up_to().1.seq, before.seq + 1);
    assert_eq!(realm.operator_does(add("amy")), Outcome::Done);
}

fn ticks_while_linked(realm: &mut Realm) {
    (0..12).for_each(|_| realm.tick());
}

#[test]
fn it_goes_in_steps_and_on_after_a_start() {
    let mut realm = realm();
    for n in 0..3 * crate::ERASED {
        say(&mut realm, 1, &n.to_string());
    }
    realm.operator_does(erase());
    realm.tick();
    let left = |realm: &mut Realm| {
        realm.reads(2, group_inbox()).iter().filter(|text| !text.is_empty()).count()
    };
    let after_one = left(&mut realm);
    assert!(after_one > 0 && after_one < 3 * crate::ERASED, "{after_one}");
    realm.state.erasure.forget();
    ticks(&mut realm);
    assert_eq!(left(&mut realm), 0);
}
