//! What is found, and by whom.

use super::*;
use crate::commands::{JoinGroup, LeaveGroup, Post, RemoveUser, Send, SendRealm};
use crate::testing::{BETA, Realm, group};
use antar_types::{EntryKind, Secret};

fn words(words: &str) -> Search {
    Search { words: words.into(), of: None, from: None, before: None, limit: 100 }
}

fn named(word: &str) -> Option<Box<ConversationName>> {
    Some(Box::new(ConversationName::parse(word).unwrap()))
}

#[track_caller]
fn page(realm: &mut Realm, conn: u64, search: Search) -> (Vec<String>, Option<u64>) {
    match realm.does(conn, search) {
        Outcome::Found { all, before, .. } => {
            let shown = |(name, message): &(Box<str>, Message)| {
                format!("{name} {}: {}", message.sender(), message.text.as_str())
            };
            (all.iter().map(shown).collect(), before)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn finds(realm: &mut Realm, conn: u64, search: Search) -> Vec<String> {
    page(realm, conn, search).0
}

fn post(realm: &mut Realm, conn: u64, to: &str, text: &str) {
    let to = named(to).unwrap();
    let post = Post { to, text: text.into(), reference: None, reply: None, kind: None, file: None };
    assert!(matches!(realm.does(conn, post), Outcome::Posted { .. }));
}

fn realm() -> Realm {
    let mut realm = Realm::linked(&["amy", "Bob", "eve"]);
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "eve")] {
        realm.login(conn, user);
    }
    realm
}

#[test]
fn all_conversations_are_searched_and_nobody_elses() {
    let mut realm = realm();
    realm.does(1, group("Staff"));
    post(&mut realm, 1, "bob", "the one word");
    post(&mut realm, 2, "amy", "a Word of mine");
    post(&mut realm, 1, "#staff", "words for all");
    realm.does(1, SendRealm { realm: "beta".into(), to: "zoe".into(), text: "word!".into() });
    realm.deliver(EntryKind::Private, "zoe", "amy", "no words");
    post(&mut realm, 1, "amy", "a word to myself");
    post(&mut realm, 2, "eve", "another word, and a sword");
    let all = [
        "amy amy: a word to myself",
        "zoe@beta zoe: no words",
        "zoe@beta amy: word!",
        "#Staff amy: words for all",
        "Bob Bob: a Word of mine",
        "Bob amy: the one word",
    ];
    assert_eq!(finds(&mut realm, 1, words("word")), all);
    let own = ["amy Bob: a Word of mine", "amy amy: the one word"];
    assert_eq!(finds(&mut realm, 2, words("word"))[1..], own);
    assert_eq!(finds(&mut realm, 3, words("WORD")), ["Bob Bob: another word, and a sword"]);
    assert_eq!(finds(&mut realm, 1, words("word one")), ["Bob amy: the one word"]);
    realm.disconnect(BETA);
    let of = |of| Search { of: named(of), ..words("word") };
    assert_eq!(finds(&mut realm, 1, of("bob")), all[4..]);
    assert_eq!(finds(&mut realm, 1, of("zoe@beta")), all[1..3]);
    assert_eq!(finds(&mut realm, 1, of("#staff")), all[3..4]);
    assert_eq!(realm.does(2, of("#staff")), Code::NotMember.into());
    assert_eq!(realm.does(2, of("#ops")), Code::GroupNotFound.into());
    assert_eq!(realm.does(2, of("zoe")), Code::UserNotFound.into());
}

#[test]
fn pages_go_back() {
    let mut realm = realm();
    for (n, to) in ["bob", "eve", "bob", "amy", "eve"].into_iter().enumerate() {
        post(&mut realm, 1, to, &format!("word {n}"));
    }
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let (found, next) = page(&mut realm, 1, Search { before, limit: 2, ..words("word") });
        assert!(found.len() == 2 || next.is_none(), "{found:?}");
        all.extend(found.iter().map(|shown| shown.rsplit_once(' ').unwrap().1.to_string()));
        before = next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(all, ["4", "3", "2", "1", "0"]);
    // All that there is fits.
    assert_eq!(page(&mut realm, 1, Search { limit: 5, ..words("word") }).1, None);
}

#[test]
fn of_a_group_it_is_for_its_members() {
    let mut realm = realm();
    realm.does(1, group("staff"));
    post(&mut realm, 1, "#staff", "a word before");
    let join = || JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
    assert!(finds(&mut realm, 2, words("word")).is_empty());
    realm.does(2, join());
    // As HISTORY shows it.
    assert_eq!(finds(&mut realm, 2, words("word")), ["#staff amy: a word before"]);
    realm.does(2, LeaveGroup { group: "staff".into() });
    assert!(finds(&mut realm, 2, words("word")).is_empty());
}

#[test]
fn what_somebody_wrote_is_not_what_somebody_of_that_name_wrote() {
    let mut realm = realm();
    realm.does(1, group("staff"));
    let join = || JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
    realm.does(2, join());
    let former = realm.account("bob");
    post(&mut realm, 2, "#staff", "word of the first");
    post(&mut realm, 2, "amy", "word to amy");
    post(&mut realm, 1, "bob", "word to the first");
    realm.deliver(EntryKind::Private, "bob", "amy", "word from beta");
    let from = |from: &str| Search { from: named(from), ..words("word") };
    assert_eq!(
        finds(&mut realm, 1, from("BOB")),
        ["Bob Bob: word to amy", "#staff Bob: word of the first"]
    );
    assert_eq!(finds(&mut realm, 1, from("amy")), ["Bob amy: word to the first"]);
    assert_eq!(finds(&mut realm, 1, from("bob@beta")), ["bob@beta bob: word from beta"]);
    assert!(finds(&mut realm, 1, from("amy@beta")).is_empty());
    assert!(finds(&mut realm, 1, from("eve")).is_empty());
    assert_eq!(realm.does(1, from("zoe")), Code::UserNotFound.into());
    assert_eq!(realm.does(1, from("bob@gamma")), Code::RealmNotFound.into());
    assert_eq!(realm.does(1, from("#staff")), Code::BadParameters.into());
    // Removed, and another has the name.
    realm.operator_does(RemoveUser { user: "bob".into() });
    assert_eq!(finds(&mut realm, 1, from("bob")).len(), 2);
    realm.add_user("bob");
    realm.login(2, "bob");
    realm.does(2, join());
    assert!(finds(&mut realm, 1, from("bob")).is_empty());
    post(&mut realm, 2, "#staff", "word of the second");
    assert_eq!(finds(&mut realm, 1, from("bob")), ["#staff bob: word of the second"]);
    let first = finds(&mut realm, 1, from(&format!("bob~{former}")));
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first.iter().all(|shown| !shown.ends_with("second")));
    assert_eq!(realm.does(1, from("bob~1")), Code::UserNotFound.into());
}

#[test]
fn nothing_is_searched_without_words_or_a_session() {
    let mut realm = realm();
    for bad in ["", " ", &"x".repeat(257), "a b c d e f g h i j k l m n o p q"] {
        assert_eq!(realm.does(1, words(bad)), Code::BadParameters.into(), "{bad}");
    }
    assert_eq!(realm.does(9, words("x")), Code::NoSession.into());
}

/// Who writes to very many has as many conversations, and few lists.
#[test]
fn many_conversations_are_searched_by_what_was_written() {
    let users: Vec<String> = (0..=MOST_APART).map(|n| format!("u{n}")).collect();
    let mut names = vec!["amy"];
    names.extend(users.iter().map(String::as_str));
    let mut realm = Realm::linked(&names);
    realm.login(1, "amy");
    realm.login(2, "u7");
    for user in &users {
        realm.does(1, Send { to: (&**user).into(), text: "word".into() });
    }
    realm.deliver(EntryKind::Private, "zoe", "amy", "word from beta");
    post(&mut realm, 1, "amy", "word of mine");
    post(&mut realm, 2, "amy", "word back");
    realm.does(1, group("staff"));
    post(&mut realm, 1, "#staff", "word for all");
    let found = finds(&mut realm, 1, Search { limit: 1_000, ..words("word") });
    assert_eq!(found.len(), 1_000);
    let first = [
        "#staff amy: word for all",
        "u7 u7: word back",
        "amy amy: word of mine",
        "zoe@beta zoe: word from beta",
    ];
    assert_eq!(found[..4], first);
    assert_eq!(found[4], "u1000 amy: word");
}
