//! Messages that are edited, deleted and reacted to.

use super::*;
use crate::commands::{
    DeleteMessage, EditMessage, GroupInbox, Inbox, JoinGroup, LeaveGroup, ListConversations,
    MarkRead, MarkUnread, Post, React, ReadHistory, RemoveUser, Sent, Since, Sync, Unreact, Watch,
};
use crate::testing::{Realm, group};
use crate::{Notification, Outcome, Overview, Page, Request, Stretch, Told};
use antar_types::{ConversationName, Emoji, Reference, Secret};

fn named(of: &str) -> Box<ConversationName> {
    Box::new(ConversationName::parse(of).unwrap())
}

fn posting(to: &str, text: &str) -> Post {
    Post { to: named(to), text: text.into(), reference: None, reply: None, kind: None, file: None }
}

#[track_caller]
fn post(realm: &mut Realm, conn: u64, to: &str, text: &str) -> u64 {
    match realm.does(conn, posting(to, text)) {
        Outcome::Posted { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

fn edit(of: &str, id: u64, text: &str) -> EditMessage {
    EditMessage { of: named(of), id, text: text.into() }
}

fn delete(of: &str, id: u64) -> DeleteMessage {
    DeleteMessage { of: named(of), id }
}

fn react(of: &str, id: u64, emoji: &str) -> React {
    React { of: named(of), id, emoji: Emoji::parse(emoji).unwrap() }
}

fn unreact(of: &str, id: u64, emoji: &str) -> Unreact {
    Unreact { of: named(of), id, emoji: Emoji::parse(emoji).unwrap() }
}

#[track_caller]
fn history(realm: &mut Realm, conn: u64, of: &str) -> Vec<Message> {
    let stretch = Stretch::Page(Page { after: None, before: None, limit: 100 });
    match realm.does(conn, ReadHistory { of: named(of), stretch }) {
        Outcome::History(history) => history.found,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn overview(realm: &mut Realm, conn: u64, name: &str) -> Overview {
    let Outcome::Conversations { all, .. } = realm.does(conn, ListConversations::default()) else {
        panic!("no list");
    };
    all.into_iter().find(|each| &*each.name == name).expect("it is listed")
}

/// Who has reacted how to the only message.
fn reactions(realm: &mut Realm, conn: u64, of: &str) -> Vec<String> {
    let message = history(realm, conn, of).pop().unwrap();
    let all = message.extras.map(|extras| extras.reactions.0).unwrap_or_default();
    let names = |who: Vec<antar_types::Reactor>| {
        who.into_iter().map(|who| who.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    all.into_iter().map(|r| format!("{} {}", r.emoji.as_str(), names(r.who))).collect()
}

fn realm() -> Realm {
    let mut realm = Realm::linked(&["amy", "bob", "eve"]);
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "eve")] {
        realm.login(conn, user);
    }
    realm.does(1, group("staff"));
    let password = || Some(Secret::new("pw".into()));
    for conn in [2, 3] {
        realm.does(conn, JoinGroup { group: "staff".into(), password: password() });
    }
    realm
}

#[test]
fn an_edited_message_says_something_else_wherever_it_is_shown() {
    let mut realm = realm();
    for (of, there) in [("bob", "amy"), ("#staff", "#staff"), ("amy", "amy")] {
        let id = post(&mut realm, 1, of, "old");
        let before = history(&mut realm, 1, of).pop().unwrap();
        realm.pass(5);
        assert_eq!(realm.does(1, edit(of, id, "new")), Outcome::Done);
        let conn = if of == "amy" { 1 } else { 2 };
        let after = history(&mut realm, conn, there).pop().unwrap();
        let edited = after.extras.as_ref().and_then(|extras| extras.edited);
        assert_eq!(edited, Some(antar_types::Time(before.time.0 + 5_000)));
        assert_eq!((after.text.as_str(), after.time), ("new", before.time));
        let last = overview(&mut realm, conn, there).last.unwrap();
        assert_eq!(last, after);
    }
    assert_eq!(realm.reads(2, Inbox::default()), ["new"]);
    assert_eq!(realm.reads(1, Sent::default()), ["new", "new"]);
    let staff = GroupInbox { group: "staff".into(), page: Page::default() };
    assert_eq!(realm.reads(3, staff), ["new"]);
}

#[test]
fn with_a_user_of_another_realm_it_is_another_here() {
    let mut realm = realm();
    let id = post(&mut realm, 1, "kim@beta", "old");
    assert_eq!(realm.does(1, edit("kim@beta", id, "new")), Outcome::Done);
    assert_eq!(realm.does(1, react("kim@beta", id, "a")), Outcome::Done);
    realm.deliver(antar_types::EntryKind::Private, "kim", "amy", "hers");
    let all = history(&mut realm, 1, "kim@beta");
    assert_eq!((all[0].text.as_str(), all[1].text.as_str()), ("new", "hers"));
    assert_eq!(realm.does(1, edit("kim@beta", all[1].id, "mine")), Code::Forbidden.into());
    assert_eq!(realm.does(1, delete("kim@beta", all[1].id)), Code::Forbidden.into());
    assert_eq!(realm.does(1, delete("kim@beta", id)), Outcome::Done);
    let both = post(&mut realm, 1, "#staff+beta", "old");
    assert_eq!(realm.does(2, react("#staff+beta", both, "a")), Outcome::Done);
    assert_eq!(reactions(&mut realm, 3, "#staff+beta"), ["a bob"]);
}

#[test]
fn only_ones_own_messages_are_edited_and_only_those_that_are_there() {
    let mut realm = realm();
    let (hers, other) = (post(&mut realm, 1, "bob", "hi"), post(&mut realm, 1, "eve", "ho"));
    assert_eq!(realm.does(2, edit("amy", hers, "x")), Code::Forbidden.into());
    assert_eq!(realm.does(2, delete("amy", hers)), Code::Forbidden.into());
    for id in [0, other, u64::MAX, hers + 1_000] {
        assert_eq!(realm.does(1, edit("bob", id, "x")), Code::MessageNotFound.into());
        assert_eq!(realm.does(1, delete("bob", id)), Code::MessageNotFound.into());
        assert_eq!(realm.does(1, react("bob", id, "a")), Code::MessageNotFound.into());
    }
    // One that was changed lately is in its own conversation only.
    assert_eq!(realm.does(1, edit("eve", other, "he")), Outcome::Done);
    assert_eq!(realm.does(1, edit("bob", other, "x")), Code::MessageNotFound.into());
    let long = "x".repeat(99_999);
    assert_eq!(realm.does(1, edit("bob", hers, &long)), Code::TooLong.into());
    assert_eq!(realm.does(1, edit("nobody", hers, "x")), Code::UserNotFound.into());
    // Who has a name after somebody else has not written what that one wrote.
    let former = format!("amy~{}", realm.account("amy"));
    realm.operator_does(RemoveUser { user: "amy".into() });
    realm.add_user("amy");
    realm.login(1, "amy");
    assert_eq!(realm.does(1, edit("bob", hers, "x")), Code::MessageNotFound.into());
    assert_eq!(history(&mut realm, 2, &former).len(), 1);
}

#[test]
fn a_deleted_message_keeps_its_place_and_nothing_else() {
    let mut realm = realm();
    let reference = Reference::parse("r");
    let posting = Post { reference: reference.clone(), ..posting("bob", "secret") };
    let Outcome::Posted { id, .. } = realm.does(1, posting.clone()) else { panic!() };
    realm.does(2, react("amy", id, "a"));
    assert_eq!(realm.does(1, delete("bob", id)), Outcome::Done);
    assert_eq!(realm.does(1, delete("bob", id)), Outcome::Done);
    assert_eq!(realm.does(1, edit("bob", id, "again")), Code::MessageNotFound.into());
    assert_eq!(realm.does(2, react("amy", id, "a")), Code::MessageNotFound.into());
    assert_eq!(realm.does(2, unreact("amy", id, "a")), Code::MessageNotFound.into());
    let message = history(&mut realm, 2, "amy").pop().unwrap();
    assert!(message.is_deleted() && message.text.as_str().is_empty());
    assert_eq!(message.extras.unwrap().reactions.count(), 0);
    assert!(overview(&mut realm, 2, "amy").last.unwrap().is_deleted());
    assert_eq!(realm.reads(2, Inbox::default()), [""]);
    // Whoever is not sure posts it again.
    let again = realm.does(1, posting);
    assert!(matches!(again, Outcome::Posted { id: known, again: true, .. } if known == id));
    let answer = Post { reply: Some(id), ..super::tests::posting("amy", "to what?") };
    assert!(matches!(realm.does(2, answer), Outcome::Posted { .. }));
}

#[test]
fn who_runs_a_group_or_the_realm_deletes_what_others_wrote_there() {
    let mut realm = realm();
    let [one, two, three] = [2, 2, 1].map(|conn| post(&mut realm, conn, "#staff", "hi"));
    assert_eq!(realm.does(3, delete("#staff", one)), Code::Forbidden.into());
    assert_eq!(realm.does(1, delete("#staff", one)), Outcome::Done);
    assert_eq!(realm.does(1, edit("#staff", two, "x")), Code::Forbidden.into());
    let add = crate::commands::AddUser {
        user: "root".into(),
        role: Some(crate::commands::Role::Admin),
        password: Secret::new("pw".into()),
    };
    realm.operator_does(add);
    realm.login(4, "root");
    // Who is in no group with them.
    assert_eq!(realm.does(4, delete("#staff", two)), Outcome::Done);
    assert_eq!(realm.does(4, edit("#staff", two, "x")), Code::NotMember.into());
    assert_eq!(realm.does(3, delete("#staff", three)), Code::Forbidden.into());
    realm.does(3, LeaveGroup { group: "staff".into() });
    assert_eq!(realm.does(3, delete("#staff", three)), Code::NotMember.into());
    assert_eq!(realm.does(3, react("#staff", three, "a")), Code::NotMember.into());
}

#[test]
fn what_was_deleted_does_not_count_as_unread() {
    let mut realm = realm();
    for (of, there) in [("bob", "amy"), ("#staff", "#staff")] {
        let ids: Vec<u64> = (0..4).map(|_| post(&mut realm, 1, of, "hi")).collect();
        let unread = |realm: &mut Realm| overview(realm, 2, there).unread;
        assert_eq!(unread(&mut realm), 4);
        realm.does(1, delete(of, ids[1]));
        realm.does(1, delete(of, ids[1]));
        assert_eq!(unread(&mut realm), 3);
        realm.does(2, MarkRead { of: named(there), id: ids[0] });
        assert_eq!(unread(&mut realm), 2);
        realm.does(2, MarkRead { of: named(there), id: ids[1] });
        assert_eq!(unread(&mut realm), 2);
        realm.does(2, MarkRead { of: named(there), id: ids[3] });
        assert_eq!(unread(&mut realm), 0);
        realm.does(1, delete(of, ids[3]));
        realm.does(2, MarkUnread { of: named(there), id: ids[0] });
        assert_eq!(unread(&mut realm), 2);
        // One's own never counted.
        let own = post(&mut realm, 2, there, "mine");
        realm.does(2, MarkUnread { of: named(there), id: ids[0] });
        assert_eq!(unread(&mut realm), 2);
        realm.does(2, delete(there, own));
        assert_eq!(unread(&mut realm), 2);
        assert_eq!(overview(&mut realm, 1, of).unread, 0);
    }
}

#[test]
fn so_much_is_noted_of_what_does_not_count() {
    let mut all = crate::Conversations::default();
    let conversation = Conversation::Group(crate::GroupId(1));
    for ordinal in (1..=1_500).rev() {
        let skipped = all.skipping(conversation, Skipped { ordinal, author: None });
        all.apply(&Event::SkippedSet(conversation, skipped));
    }
    let skipped = all.skipping(conversation, Skipped { ordinal: 2_000, author: None });
    assert_eq!((skipped.len(), skipped[0].ordinal), (1_000, 502));
    assert_eq!(skipped.last().unwrap().ordinal, 2_000);
}

#[test]
fn each_user_reacts_once_with_each_kind() {
    let mut realm = realm();
    let id = post(&mut realm, 1, "#staff", "hi");
    for (conn, emoji) in [(2, "b"), (3, "b"), (2, "b"), (2, "a"), (1, "a")] {
        assert_eq!(realm.does(conn, react("#staff", id, emoji)), Outcome::Done);
    }
    assert_eq!(reactions(&mut realm, 1, "#staff"), ["b bob eve", "a bob amy"]);
    assert_eq!(realm.does(2, unreact("#staff", id, "b")), Outcome::Done);
    assert_eq!(realm.does(2, unreact("#staff", id, "b")), Outcome::Done);
    assert_eq!(reactions(&mut realm, 1, "#staff"), ["b eve", "a bob amy"]);
    for c in 'c'..='t' {
        assert_eq!(realm.does(2, react("#staff", id, &c.to_string())), Outcome::Done);
    }
    assert_eq!(realm.does(2, react("#staff", id, "u")), Code::LimitReached.into());
    // It is not the name that reacts.
    realm.operator_does(RemoveUser { user: "eve".into() });
    realm.add_user("eve");
    realm.login(3, "eve");
    realm.does(3, JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) });
    realm.does(3, unreact("#staff", id, "b"));
    assert_eq!(reactions(&mut realm, 1, "#staff")[0], "b eve");
}

#[test]
fn of_twenty_who_react_at_once_all_are_noted() {
    for is_in_memory in [true, false] {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        let id = post(&mut realm, 1, "#staff", "hi");
        let pending: Vec<_> = (10..30)
            .map(|conn| {
                let user = format!("u{conn}");
                realm.add_user(&user);
                realm.login(conn, &user);
                let password = Some(Secret::new("pw".into()));
                realm.does(conn, JoinGroup { group: "staff".into(), password });
                realm.begin(conn, react("#staff", id, "a"))
            })
            .collect();
        for pending in pending {
            assert_eq!(realm.end(pending), Outcome::Done);
            if !is_in_memory {
                realm.state.rewrites.forget();
            }
        }
        let message = history(&mut realm, 1, "#staff").pop().unwrap();
        assert_eq!(message.extras.unwrap().reactions.count(), 20);
    }
}

#[test]
fn what_the_store_said_before_the_message_was_another_does_not_count() {
    let mut realm = realm();
    let id = post(&mut realm, 1, "bob", "hi");
    let ask = |realm: &mut Realm, conn, of: &str, emoji| {
        realm.send(conn, Request::from(crate::Command::from(react(of, id, emoji)))).unwrap()
    };
    let (one, other) = (ask(&mut realm, 1, "bob", "a"), ask(&mut realm, 2, "amy", "b"));
    let crate::Output::Job { conn, request, job, .. } = one else { panic!("{one:?}") };
    let Job::Message(lookup) = *job else { panic!("{job:?}") };
    let message = history(&mut realm, 1, "bob").pop().unwrap();
    let conversation = lookup.conversation;
    let placed = PlacedMessage { conversation, ordinal: 1, message: Arc::new(message) };
    realm.settle(other).unwrap();
    realm.state.rewrites.forget();
    let results = vec![JobResult::Message(lookup, Some(placed))];
    let again = realm.resume(conn.0, request, results).unwrap();
    assert_eq!(realm.settle(again).unwrap().1, Outcome::Done);
    assert_eq!(reactions(&mut realm, 1, "bob"), ["b bob", "a amy"]);
}

#[test]
fn those_in_memory_are_bounded() {
    let (amy, mut all) = (antar_types::Name::parse("amy").unwrap(), Rewrites::default());
    let text = antar_types::Text::parse(&"x".repeat(10_000), 99_999).unwrap();
    let note = |all: &mut Rewrites, id| {
        let time = antar_types::Time(id);
        let message = Message::new(id, time, amy.clone(), amy.clone(), text.clone());
        let conversation = Conversation::Group(crate::GroupId(1));
        all.note(&PlacedMessage { conversation, ordinal: id, message: Arc::new(message) });
    };
    (0..10_000).for_each(|n| note(&mut all, n % 5_000));
    let bytes: usize = all.latest.values().map(|(_, placed)| placed.message.memory()).sum();
    assert_eq!((bytes, all.let_go + all.order.len() as u64), (all.bytes, 10_000));
    assert!(bytes <= MOST.1 && bytes > MOST.1 / 2, "{bytes}");
    assert!(all.latest(4_999).is_some() && all.latest(0).is_none());
    (0..10_000).for_each(|_| note(&mut all, 7));
    assert_eq!((all.order.len(), all.latest.len()), (MOST.0, 1));
    assert_eq!(all.latest[&7].0, all.seen());
}

#[test]
fn those_in_the_conversation_are_told_and_what_it_is_called_only_its_author() {
    let mut realm = realm();
    let reference = Reference::parse("r");
    for (of, there) in [("bob", "amy"), ("#staff", "#staff")] {
        let posting = Post { reference: reference.clone(), ..posting(of, of) };
        let reference = Reference::parse(&format!("r{}", of.len()));
        let posting = Post { reference: reference.clone(), ..posting };
        let Outcome::Posted { id, .. } = realm.does(1, posting) else { panic!() };
        let Outcome::InStep(cursor) = realm.does(1, Sync::default()) else { panic!() };
        for conn in [1, 2] {
            let watch = Watch { after: Some(Since::Now) };
            assert!(matches!(realm.does(conn, watch), Outcome::Watching { .. }));
            realm.changes(conn);
        }
        realm.does(1, edit(of, id, "new"));
        realm.does(2, react(there, id, "a"));
        realm.does(1, delete(of, id));
        let expected = ["edited new 0", "reactions new 1", "deleted  0"];
        for (conn, name, refers) in [(1, of, true), (2, there, false)] {
            let told: Vec<_> = realm.changes(conn).into_iter().map(|told| told.unwrap()).collect();
            let shown = told.iter().map(|at| match &at.told {
                Told::Rewritten { what, conversation, message } => {
                    assert_eq!((&**conversation, message.id), (name, id));
                    assert_eq!(message.reference().is_some(), refers, "{conn}");
                    let extras = message.extras.as_deref().cloned().unwrap_or_default();
                    let count = extras.reactions.count();
                    format!("{} {} {count}", what.as_str(), message.text.as_str())
                }
                other => panic!("{other:?}"),
            });
            assert_eq!(shown.collect::<Vec<_>>(), expected);
            assert!(told.windows(2).all(|two| two[0].cursor.id < two[1].cursor.id));
        }
        // Whoever asks later is told that there were these, and how it is now.
        for (conn, refers) in [(1, true), (2, false)] {
            let sync = Sync { after: Some(Some(cursor)), limit: 100 };
            let Outcome::Changes { all, .. } = realm.does(conn, sync) else { panic!() };
            let what = all.iter().filter_map(|told| match told {
                Told::Rewritten { what, message, .. } => {
                    assert!(message.is_deleted() && message.text.as_str().is_empty());
                    assert_eq!(message.reference().is_some(), refers);
                    Some(what.as_str())
                }
                _ => None,
            });
            assert_eq!(what.collect::<Vec<_>>(), ["edited", "reactions", "deleted"]);
        }
        // Plain watches know of messages only.
        assert!(
            realm
                .notifications(1)
                .iter()
                .all(|(_, told)| !matches!(told, Notification::Message(..)))
        );
    }
}

#[test]
fn an_edit_calls_whom_it_names_and_takes_that_back() {
    let mut realm = Realm::with_users(&["amy", "bob", "cat", "dan"]);
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat"), (4, "dan")] {
        realm.login(conn, user);
    }
    realm.does(1, group("staff"));
    let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
    realm.does(2, join.clone());
    realm.does(3, join);
    let mentions = |realm: &mut Realm, conn| overview(realm, conn, "#staff").mentions;
    let first = post(&mut realm, 1, "#staff", "one");
    let second = post(&mut realm, 1, "#staff", "two, @bob");
    realm.does(3, MarkRead { of: named("#staff"), id: first });
    assert_eq!((mentions(&mut realm, 2), mentions(&mut realm, 3)), (1, 0));
    // The author, who has read it, and who is not in the group are not called.
    realm.does(1, edit("#staff", first, "one, @BOB @cat @dan @amy"));
    let all = |realm: &mut Realm| [1, 2, 3].map(|conn| mentions(realm, conn));
    assert_eq!(all(&mut realm), [0, 2, 0]);
    realm.does(1, edit("#staff", second, "two, @cat"));
    assert_eq!(all(&mut realm), [0, 1, 1]);
    // What is counted is what UNREAD works out anew.
    realm.does(2, MarkUnread { of: named("#staff"), id: first });
    realm.does(3, MarkUnread { of: named("#staff"), id: first });
    assert_eq!(all(&mut realm), [0, 1, 2]);
    realm.does(3, crate::commands::BlockUser { whom: named("amy") });
    let hidden = post(&mut realm, 1, "#staff", "three");
    realm.does(1, edit("#staff", hidden, "three, @cat @bob"));
    assert_eq!(all(&mut realm), [0, 2, 2]);
}

/// Who has filled a link can take back what is on its way.
#[test]
fn a_full_link_has_room_for_deletions() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.limits().link_messages = 16;
    let ids: Vec<u64> = (0..16).map(|n| post(&mut realm, 1, "bob@beta", &n.to_string())).collect();
    assert_eq!(realm.does(1, posting("bob@beta", "more")), Code::LinkFull.into());
    assert_eq!(realm.does(1, edit("bob@beta", ids[0], "more")), Code::LinkFull.into());
    let done = |id: &&u64| realm.does(1, delete("bob@beta", **id)) == Outcome::Done;
    assert_eq!(ids.iter().filter(done).count(), 2);
}
