use super::*;
use crate::Past;
use crate::commands::{
    DeleteMessage, Deliver, EditMessage, FollowPresence, GroupInbox, Inbox, InboxRealm, JoinGroup,
    LeaveGroup, ListConversations, MarkRead, MarkUnread, Post, React, ReadHistory, RemoveUser,
    Search, Send, ShowTyping, Since, Sync, Unreact, Watch,
};
use crate::links::Delivery;
use crate::testing::{BETA, BETAS, Realm, group};
use crate::{Availability, MAX_PAGE, Page, Stretch};
use antar_types::{Chain, Emoji, Entry, EntryKind, IncomingEntry, Secret};

fn of(name: &str) -> Box<ConversationName> {
    Box::new(ConversationName::parse(name).unwrap())
}

fn block(realm: &mut Realm, conn: u64, whom: &str) -> Outcome {
    realm.does(conn, BlockUser { whom: of(whom) })
}

fn unblock(realm: &mut Realm, conn: u64, whom: &str) -> Outcome {
    realm.does(conn, UnblockUser { whom: of(whom) })
}

fn send(realm: &mut Realm, conn: u64, to: &str, text: &str) {
    let outcome = realm.does(conn, Send { to: to.into(), text: text.into() });
    assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
}

fn say(realm: &mut Realm, conn: u64, text: &str) {
    let to = crate::commands::Destination::NamedOrCurrent(text.into());
    let outcome = realm.does(conn, crate::commands::SendToGroup { to });
    assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
}

fn post(realm: &mut Realm, conn: u64, to: &str, reply: Option<u64>) -> Result<u64, Code> {
    let post =
        Post { to: of(to), text: "hi".into(), reference: None, reply, kind: None, file: None };
    match realm.does(conn, post) {
        Outcome::Posted { id, .. } => Ok(id),
        other => Err(other.refusal().unwrap()),
    }
}

const ALL: Page = Page { after: None, before: None, limit: 100 };

fn history(realm: &mut Realm, conn: u64, name: &str, page: Page) -> (Vec<String>, bool) {
    let stretch = Stretch::Page(page);
    match realm.does(conn, ReadHistory { of: of(name), stretch }) {
        Outcome::History(history) => {
            let texts = history.found.iter().map(|m| m.text.as_str().to_string());
            (texts.collect(), history.more)
        }
        other => panic!("{other:?}"),
    }
}

/// Each conversation with its last message and how many are unread, and mention its reader.
fn list(realm: &mut Realm, conn: u64) -> Vec<(String, String, u64, u64)> {
    match realm.does(conn, ListConversations::default()) {
        Outcome::Conversations { all, .. } => {
            let last = |last: Option<antar_types::Message>| {
                last.map_or("-".into(), |last| last.text.as_str().to_string())
            };
            let shown = all.into_iter();
            shown.map(|c| (c.name.into(), last(c.last), c.unread, c.mentions)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn row(name: &str, last: &str, unread: u64, mentions: u64) -> (String, String, u64, u64) {
    (name.into(), last.into(), unread, mentions)
}

fn sync(realm: &mut Realm, conn: u64, after: u64) -> usize {
    let Outcome::InStep(now) = realm.does(conn, Sync::default()) else { panic!("no cursor") };
    let after = Some(Some(antar_types::SyncCursor { id: after, ..now }));
    match realm.does(conn, Sync { after, limit: MAX_PAGE }) {
        Outcome::Changes { all, .. } => {
            all.iter().filter(|told| matches!(told, crate::Told::Message { .. })).count()
        }
        other => panic!("{other:?}"),
    }
}

/// Amy on 1 and bob on 2, both in staff, and cat on 3.
fn realm() -> Realm {
    let mut realm = Realm::linked(&["amy", "Bob", "cat"]);
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat")] {
        realm.login(conn, user);
    }
    realm.does(1, group("staff"));
    for conn in [2, 3] {
        let password = Some(Secret::new("pw".into()));
        realm.does(conn, JoinGroup { group: "staff".into(), password });
    }
    realm
}

#[test]
fn who_is_blocked_is_not_heard_and_what_was_said_meanwhile_never() {
    let mut realm = realm();
    send(&mut realm, 2, "amy", "before");
    assert_eq!(block(&mut realm, 1, "bob"), Outcome::Done);
    assert_eq!(block(&mut realm, 1, "BOB@alpha"), Outcome::Done);
    realm.does(1, Watch::default());
    send(&mut realm, 2, "amy", "meanwhile");
    send(&mut realm, 1, "bob", "hm");
    send(&mut realm, 2, "amy", "again");
    assert!(realm.notifications(1).is_empty());
    let shown = vec!["before".to_string(), "hm".into()];
    assert_eq!(history(&mut realm, 1, "bob", ALL), (shown, false));
    assert_eq!(realm.reads(1, Inbox::default()), ["before"]);
    assert_eq!(list(&mut realm, 1)[0], row("Bob", "hm", 0, 0));
    assert_eq!(sync(&mut realm, 1, 0), 2);
    // Nobody else hears less, and bob is not told.
    assert_eq!(history(&mut realm, 2, "amy", ALL).0.len(), 4);
    assert_eq!(sync(&mut realm, 2, 0), 4);
    assert_eq!(unblock(&mut realm, 1, "bob"), Outcome::Done);
    send(&mut realm, 2, "amy", "after");
    assert_eq!(history(&mut realm, 1, "bob", ALL).0, ["before", "hm", "after"]);
    assert_eq!(realm.reads(1, Inbox::default()), ["before", "after"]);
    assert_eq!(list(&mut realm, 1)[0], row("Bob", "after", 1, 0));
    assert_eq!(realm.notifications(1).len(), 1);
}

#[test]
fn nor_in_groups_where_others_are() {
    let mut realm = realm();
    say(&mut realm, 2, "one");
    block(&mut realm, 1, "bob");
    realm.does(1, Watch { after: Some(Since::Now) });
    say(&mut realm, 2, "two @amy");
    assert!(realm.changes(1).is_empty());
    assert_eq!(list(&mut realm, 1), [row("#staff", "one", 1, 0)]);
    say(&mut realm, 3, "three @Amy");
    say(&mut realm, 2, "four");
    assert_eq!(list(&mut realm, 1), [row("#staff", "three @Amy", 2, 1)]);
    assert_eq!(list(&mut realm, 2), [row("#staff", "four", 0, 0)]);
    assert_eq!(list(&mut realm, 3)[0], row("#staff", "four", 1, 0));
    assert_eq!(history(&mut realm, 1, "#staff", ALL).0, ["one", "three @Amy"]);
    let inbox = GroupInbox { group: "staff".into(), page: ALL };
    assert_eq!(realm.reads(1, inbox), ["one", "three @Amy"]);
    assert_eq!(realm.changes(1).len(), 1);
    for (word, found) in [("one", 1), ("two", 0), ("three", 1), ("four", 0)] {
        let search = Search { words: word.into(), of: None, from: None, before: None, limit: 9 };
        let Outcome::Found { all, .. } = realm.does(1, search) else { panic!("{word}") };
        assert_eq!(all.len(), found, "{word}");
    }
    // A page that holds nothing to show is read on.
    let newest = Page { limit: 1, ..ALL };
    assert_eq!(history(&mut realm, 1, "#staff", newest), (vec!["three @Amy".into()], true));
    assert_eq!(sync(&mut realm, 1, 0), 2);
}

#[test]
fn the_count_stays_right_wherever_the_marker_goes() {
    let mut realm = realm();
    say(&mut realm, 3, "one");
    let first = realm.state.durable.last_id();
    block(&mut realm, 1, "bob");
    say(&mut realm, 2, "two");
    say(&mut realm, 3, "three @amy");
    let third = realm.state.durable.last_id();
    say(&mut realm, 2, "four");
    unblock(&mut realm, 1, "bob");
    say(&mut realm, 2, "five");
    let unread = |realm: &mut Realm| (list(realm, 1)[0].2, list(realm, 1)[0].3);
    assert_eq!(unread(&mut realm), (3, 1));
    realm.does(1, MarkRead { of: of("#staff"), id: first });
    assert_eq!(unread(&mut realm), (2, 1));
    realm.does(1, MarkRead { of: of("#staff"), id: third });
    assert_eq!(unread(&mut realm), (1, 0));
    realm.does(1, MarkUnread { of: of("#staff"), id: first });
    assert_eq!(unread(&mut realm), (3, 1));
    realm.does(1, MarkRead { of: of("#staff"), id: u64::MAX });
    assert_eq!(unread(&mut realm), (0, 0));
    realm.does(1, MarkUnread { of: of("#staff"), id: third });
    assert_eq!(unread(&mut realm), (2, 1));
    // Who writes has read all.
    say(&mut realm, 1, "six");
    assert_eq!(unread(&mut realm), (0, 0));
}

#[test]
fn what_is_hidden_stays_so_when_it_is_edited_and_what_is_deleted_counts_once() {
    let mut realm = realm();
    say(&mut realm, 3, "zero");
    say(&mut realm, 2, "one");
    block(&mut realm, 1, "bob");
    say(&mut realm, 2, "two");
    say(&mut realm, 2, "three @amy");
    let id = |realm: &mut Realm, conn, text: &str| {
        let stretch = Stretch::Page(ALL);
        match realm.does(conn, ReadHistory { of: of("#staff"), stretch }) {
            Outcome::History(all) => {
                all.found.iter().find(|m| m.text.as_str() == text).map(|m| m.id)
            }
            other => panic!("{other:?}"),
        }
    };
    let [one, two, three] =
        ["one", "two", "three @amy"].map(|text| id(&mut realm, 2, text).unwrap());
    assert!(id(&mut realm, 1, "one").is_some() && id(&mut realm, 1, "two").is_none());
    unblock(&mut realm, 1, "bob");
    let unread = |realm: &mut Realm| (list(realm, 1)[0].2, list(realm, 1)[0].3);
    assert_eq!(unread(&mut realm), (2, 0));
    realm.does(1, Watch { after: Some(Since::Now) });
    realm.does(3, Watch { after: Some(Since::Now) });
    let edit = EditMessage { of: of("#staff"), id: two, text: "2".into() };
    assert_eq!(realm.does(2, edit), Outcome::Done);
    assert_eq!((realm.changes(1).len(), realm.changes(3).len()), (0, 1));
    // One that was hidden, and one that was not.
    for (id, left) in [(three, 2), (one, 1)] {
        assert_eq!(realm.does(2, DeleteMessage { of: of("#staff"), id }), Outcome::Done);
        assert_eq!(unread(&mut realm), (left, 0));
    }
    assert_eq!((realm.changes(1).len(), realm.changes(3).len()), (1, 2));
}

#[test]
fn who_was_never_heard_begins_no_conversation() {
    let mut realm = realm();
    block(&mut realm, 1, "bob");
    send(&mut realm, 2, "amy", "hi");
    assert_eq!(list(&mut realm, 1), [row("#staff", "-", 0, 0)]);
    assert_eq!(list(&mut realm, 2)[0], row("amy", "hi", 0, 0));
}

/// An entry of beta's log.
fn entry(kind: EntryKind, from: &str, to: &str, text: &str) -> Entry {
    let name = |word| Name::parse(word).unwrap();
    let (time, text) = (antar_types::Time(5), antar_types::Text::parse(text, 99).unwrap());
    Entry { kind, time, from: name(from), to: name(to), text, origin: None, more: None }
}

#[test]
fn of_another_realm_too() {
    let mut realm = realm();
    realm.deliver(EntryKind::Private, "lineker", "amy", "one");
    block(&mut realm, 1, "Lineker@beta");
    let one = entry(EntryKind::Private, "lineker", "amy", "one");
    let more = [
        entry(EntryKind::Private, "lineker", "amy", "two"),
        entry(EntryKind::Private, "lineker", "Bob", "three"),
        entry(EntryKind::Private, "eve", "amy", "four"),
        entry(EntryKind::Group, "lineker", "staff", "five @cat @amy"),
    ];
    let chain = more.iter().fold(Chain::START.with(&one), |chain, entry| chain.with(entry));
    let entries = more.into_iter().map(IncomingEntry::Known).collect();
    let brought = Delivery { epoch: BETAS, first: 2, chain, entries };
    assert_eq!(realm.hears(BETA, Deliver { entries: Some(brought.into()) }), None);
    let inbox = |realm: &mut Realm, conn| {
        let read = realm.does(conn, InboxRealm { realm: "beta".into(), page: ALL });
        match read {
            Outcome::Messages(page) => page.found.len(),
            other => panic!("{other:?}"),
        }
    };
    // The link was not asked, so what is here is told.
    realm.disconnect(BETA);
    assert_eq!((inbox(&mut realm, 1), inbox(&mut realm, 2)), (2, 1));
    let mut all = list(&mut realm, 1);
    all.sort();
    let expected = [
        row("#staff", "-", 0, 0),
        row("#staff+beta", "-", 0, 0),
        row("eve@beta", "four", 1, 0),
        row("lineker@beta", "one", 1, 0),
    ];
    assert_eq!(all, expected);
    let cat = list(&mut realm, 3).into_iter().find(|told| told.0 == "#staff+beta");
    assert_eq!(cat.unwrap(), row("#staff+beta", "five @cat @amy", 1, 1));
    // Of a realm that is known somebody may be blocked who has written nothing.
    assert_eq!(block(&mut realm, 1, "nobody@beta"), Outcome::Done);
    assert_eq!(block(&mut realm, 1, "nobody@gamma"), Code::RealmNotFound.into());
}

#[test]
fn nobody_sees_whether_somebody_blocked_is_here_or_types() {
    let mut realm = realm();
    send(&mut realm, 2, "amy", "hi");
    let here = |realm: &mut Realm, conn, user: &str| match realm
        .does(conn, FollowPresence { users: user.into() })
    {
        Outcome::Presences(all) => all[0].availability == Availability::Online,
        other => panic!("{other:?}"),
    };
    assert!(here(&mut realm, 1, "bob") && here(&mut realm, 2, "amy"));
    block(&mut realm, 1, "bob");
    assert!(!here(&mut realm, 1, "bob") && here(&mut realm, 2, "amy"));
    realm.does(1, Watch::default());
    realm.does(3, Watch::default());
    for to in ["amy", "#staff"] {
        assert_eq!(realm.does(2, ShowTyping { to: of(to) }), Outcome::Done);
    }
    assert_eq!((realm.notifications(1).len(), realm.notifications(3).len()), (0, 1));
}

#[test]
fn an_account_is_blocked_and_not_who_has_its_name_next() {
    let mut realm = realm();
    block(&mut realm, 1, "bob");
    send(&mut realm, 2, "amy", "old");
    realm.operator_does(RemoveUser { user: "bob".into() });
    realm.add_user("bob");
    realm.login(2, "bob");
    send(&mut realm, 2, "amy", "new");
    assert_eq!(realm.reads(1, Inbox::default()), ["new"]);
    assert_eq!(history(&mut realm, 1, "bob", ALL).0, ["new"]);
    // Nothing is left of whom one has blocked who is gone.
    realm.operator_does(RemoveUser { user: "amy".into() });
    let blocks = &realm.state.durable.blocks;
    assert!(blocks.is_empty());
}

#[test]
fn is_of_users_and_not_of_oneself_and_bounded() {
    let mut realm = realm();
    assert_eq!(block(&mut realm, 1, "amy"), Code::Forbidden.into());
    assert_eq!(block(&mut realm, 1, "#staff"), Code::BadParameters.into());
    assert_eq!(block(&mut realm, 1, "eve"), Code::UserNotFound.into());
    assert_eq!(unblock(&mut realm, 1, "bob"), Outcome::Done);
    for _ in 0..Block::SPANS {
        assert_eq!(block(&mut realm, 1, "bob"), Outcome::Done);
        assert_eq!(unblock(&mut realm, 1, "bob"), Outcome::Done);
    }
    assert_eq!(block(&mut realm, 1, "bob"), Code::LimitReached.into());
    for n in 1..MOST {
        assert_eq!(block(&mut realm, 1, &format!("u{n}@beta")), Outcome::Done);
    }
    assert_eq!(block(&mut realm, 1, "cat"), Code::LimitReached.into());
}

#[test]
fn who_was_removed_has_nothing_more_to_say_and_whoever_has_the_name_next_is_heard() {
    let mut realm = realm();
    send(&mut realm, 3, "amy", "the former");
    realm.operator_does(RemoveUser { user: "cat".into() });
    assert_eq!(block(&mut realm, 1, "cat"), Outcome::Done);
    assert!(realm.state.durable.blocks.is_empty());
    realm.add_user("cat");
    realm.login(3, "cat");
    send(&mut realm, 3, "amy", "somebody else");
    assert_eq!(history(&mut realm, 1, "cat", ALL).0, ["somebody else"]);
    assert_eq!(realm.reads(1, Inbox::default()), ["the former", "somebody else"]);
}

#[test]
fn what_is_not_shown_is_neither_answered_nor_reacted_to() {
    let mut realm = realm();
    let shown = post(&mut realm, 2, "amy", None).unwrap();
    block(&mut realm, 1, "bob");
    let hidden = post(&mut realm, 2, "amy", None).unwrap();
    let in_group = post(&mut realm, 2, "#staff", None).unwrap();
    unblock(&mut realm, 1, "bob");
    for (to, id) in [("bob", hidden), ("#staff", in_group)] {
        assert_eq!(post(&mut realm, 1, to, Some(id)), Err(Code::MessageNotFound));
        let (of, emoji) = (of(to), Emoji::parse("+").unwrap());
        let react = React { of: of.clone(), id, emoji: emoji.clone() };
        assert_eq!(realm.does(1, react), Code::MessageNotFound.into());
        let unreact = Unreact { of, id, emoji };
        assert_eq!(realm.does(1, unreact), Code::MessageNotFound.into());
    }
    assert!(post(&mut realm, 1, "bob", Some(shown)).is_ok());
    assert!(post(&mut realm, 3, "#staff", Some(in_group)).is_ok());
}

#[test]
fn a_page_on_which_nothing_is_shown_says_where_to_go_on() {
    let mut realm = realm();
    say(&mut realm, 3, "zero");
    block(&mut realm, 1, "bob");
    for _ in 0..10_200 {
        say(&mut realm, 2, "hidden");
    }
    let mut read = |page| match realm
        .does(1, ReadHistory { of: of("#staff"), stretch: Stretch::Page(page) })
    {
        Outcome::History(all) => all,
        other => panic!("{other:?}"),
    };
    let newest = Page { limit: 100, ..ALL };
    let page = read(newest);
    let Some(Past::Before(id)) = page.past else { panic!("{page:?}") };
    assert!(page.found.is_empty() && page.more);
    let page = read(Page { before: Some(id), ..newest });
    assert_eq!((page.found.len(), page.more, page.past), (1, false, None));
    let zero = page.found[0].id;
    let page = read(Page { after: Some(zero), ..newest });
    let Some(Past::After(id)) = page.past else { panic!("{page:?}") };
    let page = read(Page { after: Some(id), ..newest });
    assert_eq!((page.found.len(), page.more, page.past), (0, false, None));
}

#[test]
fn who_joins_a_group_is_listed_the_last_message_that_is_shown() {
    let mut realm = realm();
    say(&mut realm, 3, "from before");
    block(&mut realm, 1, "bob");
    realm.does(1, LeaveGroup { group: "staff".into() });
    send(&mut realm, 3, "amy", "later");
    say(&mut realm, 2, "hidden");
    let password = || Some(Secret::new("pw".into()));
    realm.does(1, JoinGroup { group: "staff".into(), password: password() });
    let listed = |realm: &mut Realm, list| match realm.does(1, list) {
        Outcome::Conversations { all, .. } => all
            .into_iter()
            .map(|each| (each.name.to_string(), each.last.map(|last| (last.id, last.text))))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let all = listed(&mut realm, ListConversations::default());
    let texts = all.iter().map(|(_, last)| last.as_ref().map_or("-", |(_, text)| text.as_str()));
    assert_eq!(texts.collect::<Vec<_>>(), ["later", "from before"]);
    // So one goes on from it.
    let before = all[0].1.as_ref().map(|(id, _)| *id);
    let rest = listed(&mut realm, ListConversations { before, limit: 1 });
    assert_eq!(rest, all[1..]);
}
