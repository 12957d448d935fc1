//! What a host and a member's realm say to each other; the other side is made of single entries.

use super::PAST;
use crate::commands::{
    Ban, BlockUser, CreateGroup, DeleteMessage, Deliver, EditMessage, JoinGroup, JoinRoom, Kick,
    LeaveGroup, ListConversations, ListMembers, PeerAnswers, Post, ReadHistory, SetGroup,
    SilenceMember, Sync, UnlinkRealm,
};
use crate::links::{Delivery, PeerAnswer, PeerRequest, Position, RoomJoin};
use crate::testing::{BETA, BETAS, Realm};
use crate::{Outcome, Page, RoomRealms, Stretch, Told};
use antar_types::{
    Capabilities, Code, ConversationName, Entry, EntryKind, EntryMore, EntryOrigin, Fingerprint,
    IncomingEntry, Message, Name, RoomEntry, Text, Time,
};

mod hostile;

const GAMMA: u64 = BETA + 1;

/// What a peer sends, in order.
#[derive(Default)]
struct Peer {
    at: Position,
}

impl Peer {
    /// Sends what it says of a room, about this user, with this text.
    fn says(&mut self, realm: &mut Realm, conn: u64, line: &str, from: &str, text: &str) {
        self.says_as(realm, conn, (line, None), from, text);
    }

    /// The same, where one of its users wants something: a number, and the number of the user's account.
    fn says_as(
        &mut self,
        realm: &mut Realm,
        conn: u64,
        (line, by): (&str, Option<(u64, u64)>),
        from: &str,
        text: &str,
    ) {
        let name = |word| Name::parse(word).unwrap();
        let room = RoomEntry::parse(line).unwrap_or_else(|| panic!("{line}"));
        let more = EntryMore { room: Some(Box::new(room)), ..EntryMore::default() }.boxed();
        let (kind, time, text) = (EntryKind::Room, Time(5), Text::parse(text, 99).unwrap());
        let origin = by.map(|(id, account)| EntryOrigin { id, account });
        let entry = Entry { kind, time, from: name(from), to: name("staff"), text, origin, more };
        let (first, chain) = (self.at.seq + 1, self.at.chain.with(&entry));
        self.at = Position { seq: first, chain };
        let entries = vec![IncomingEntry::Known(entry)];
        let brought = Delivery { epoch: BETAS, first, chain, entries };
        assert_eq!(realm.hears(conn, Deliver { entries: Some(brought.into()) }), None);
        let hung_up = |output: &crate::Output| matches!(output, crate::Output::HangUp(_));
        assert!(!realm.asked.iter().any(hung_up), "{line}");
    }
}

/// A realm with amy, bob and cat, linked with beta and gamma, which know of rooms.
fn linked() -> Realm {
    let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
    let (key, can) = (Some(Fingerprint([1; 32])), Capabilities::ALL);
    let me = crate::links::Contact { key, port: 8889, can, ..Default::default() };
    realm.state.introduce(me);
    realm.link_peer(BETA, ("beta", 2), can, Position::default());
    realm.link_peer(GAMMA, ("gamma", 3), can, Position::default());
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat")] {
        realm.login(conn, user);
    }
    realm
}

/// The same in which amy has the group staff, in which users of linked realms may be.
fn host() -> Realm {
    let mut realm = linked();
    realm.does(1, CreateGroup { group: "staff".into(), password: None });
    realm.does(1, admitting(RoomRealms::Linked));
    realm
}

fn admitting(realms: RoomRealms) -> SetGroup {
    SetGroup { group: "staff".into(), realms: Some(Box::new(realms)), ..SetGroup::default() }
}

/// A user of a peer asks to be in staff.
fn join(realm: &mut Realm, conn: u64, user: &str, account: u64) -> Result<(), Code> {
    let name = |word| Name::parse(word).unwrap();
    let (group, user) = (name("staff"), name(user));
    let join = RoomJoin { group, user, account, after: 0, password: None };
    match realm.hears(conn, JoinRoom { join: Some(Box::new(join)) }) {
        Some(Outcome::Tip(_)) => Ok(()),
        Some(Outcome::Refused(refused)) => Err(refused.code),
        other => panic!("{other:?}"),
    }
}

/// What a peer is owed past an entry, each as its line, whom it is about, and its text.
fn owed(realm: &Realm, peer: &str, past: u64) -> Vec<String> {
    let known = realm.state.durable.peer_named(peer).unwrap();
    let out = &realm.state.durable.peers[&known].out;
    let all = out.recent(past + 1, out.tip.seq);
    assert_eq!(all.len() as u64, out.tip.seq - past);
    let line = |entry: &Entry| {
        let (line, from) = (entry.room().unwrap(), entry.from.as_str());
        format!("{line} | {from} | {}", entry.text.as_str()).trim_end_matches(" | ").into()
    };
    all.iter().map(|(_, entry)| line(entry)).collect()
}

fn tip(realm: &Realm, peer: &str) -> u64 {
    let known = realm.state.durable.peer_named(peer).unwrap();
    realm.state.durable.peers[&known].out.tip.seq
}

fn conv(name: &str) -> Box<ConversationName> {
    Box::new(ConversationName::parse(name).unwrap())
}

fn post(to: &str, text: &str) -> Post {
    let (reference, reply, kind, file) = Default::default();
    Post { to: conv(to), text: text.into(), reference, reply, kind, file }
}

/// What somebody reads in a conversation, oldest first.
fn history(realm: &mut Realm, conn: u64, of: &str) -> Vec<Message> {
    let read = ReadHistory { of: conv(of), stretch: Stretch::Page(Page::default()) };
    match realm.does(conn, read) {
        Outcome::History(history) => history.found,
        other => panic!("{other:?}"),
    }
}

/// The same, as who says what.
fn said(realm: &mut Realm, conn: u64, of: &str) -> Vec<String> {
    let pending = |m: &Message| m.extras.as_ref().is_some_and(|extras| extras.pending);
    let shown = |m: &Message| {
        let realm = match &m.realm {
            Some(antar_types::Away::FromAccount(realm, _)) => format!("@{realm}"),
            _ => String::new(),
        };
        let mark = if pending(m) { "…" } else { "" };
        format!("{}{realm}: {}{mark}", m.from, m.text.as_str())
    };
    history(realm, conn, of).iter().map(shown).collect()
}

fn members(realm: &mut Realm, conn: u64, group: &str) -> Vec<String> {
    match realm.does(conn, ListMembers { group: group.into() }) {
        Outcome::Members { names, .. } => names.iter().map(|name| name.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_says_whose_users_may_be_in_it() {
    let mut realm = linked();
    realm.does(1, CreateGroup { group: "staff".into(), password: None });
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Err(Code::GroupNotFound));
    let gamma = Name::parse("gamma").unwrap();
    realm.does(1, admitting(RoomRealms::Listed([gamma].into())));
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Err(Code::GroupNotFound));
    assert_eq!(join(&mut realm, GAMMA, "zoe", 7), Ok(()));
    assert_eq!(join(&mut realm, GAMMA, "zoe", 7), Err(Code::AlreadyMember));
    // Another realm's user is another, be the name and the number the same.
    realm.does(1, admitting(RoomRealms::Linked));
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    assert_eq!(members(&mut realm, 1, "staff"), ["amy", "zoe@gamma", "zoe@beta"]);
    realm.does(1, Ban { group: "staff".into(), user: "zoe@beta".into() });
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Err(Code::Banned));
    // Whose realm may not be in it any more is not.
    realm.does(1, admitting(RoomRealms::None));
    assert_eq!(members(&mut realm, 1, "staff"), ["amy"]);
}

#[test]
fn a_realm_is_told_of_a_group_once_for_all_its_users() {
    let mut realm = host();
    let (amy, room) = (realm.account("amy"), realm.group_id("staff").0);
    let message = |id| format!("{room} message {id} {amy} - | amy");
    let before = posted(realm.does(1, post("#staff", "before")));
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    let begins = format!("{room} begins open yes no - 0 | staff");
    let is = |who: &str| format!("{room} is {who}");
    // Of a copy that the realm may have, nothing is known here.
    let expected = [
        format!("{room} ended | staff"),
        begins,
        is(&format!("{amy} owner | amy")),
        format!("{room} begun | staff"),
        format!("{} | before", message(before)),
        format!("{room} member 7! joined zoe! | zoe"),
    ];
    assert_eq!(owed(&realm, "beta", 0), expected);
    let so_far = tip(&realm, "beta");
    assert_eq!(join(&mut realm, BETA, "yan", 8), Ok(()));
    assert_eq!(join(&mut realm, GAMMA, "yan", 8), Ok(()));
    let Outcome::Posted { id, .. } = realm.does(1, post("#staff", "hello")) else { panic!() };
    let told = owed(&realm, "beta", so_far);
    assert_eq!(told[0], format!("{room} member 8! joined yan! | yan"));
    assert_eq!(told[1], format!("{room} member 8@gamma joined yan@gamma | yan"));
    assert_eq!(told[2..], [format!("{} | hello", message(id))]);
    // What the last of a realm is not in any more it is told no more of.
    realm.does(1, Kick { group: "staff".into(), user: "yan@gamma".into() });
    let gone = tip(&realm, "gamma");
    let last = owed(&realm, "gamma", gone - 2);
    let kicked = format!("{room} member 8! kicked amy | yan");
    assert_eq!(last, [kicked, format!("{room} ended | staff")]);
    realm.does(1, post("#staff", "without gamma"));
    assert_eq!(tip(&realm, "gamma"), gone);
}

fn posted(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Posted { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_of_a_realm_brings_the_newest_messages() {
    let mut realm = host();
    for n in 0..usize::from(PAST) + 2 {
        realm.does(1, post("#staff", &format!("m{n}")));
    }
    let all = history(&mut realm, 1, "#staff");
    realm.does(1, EditMessage { of: conv("#staff"), id: all[5].id, text: "edited".into() });
    realm.does(1, DeleteMessage { of: conv("#staff"), id: all[6].id });
    let told_at = realm.time();
    realm.pass(60);
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    let room = realm.group_id("staff").0;
    let told = owed(&realm, "beta", 0);
    assert_eq!(told[1], format!("{room} begins open yes no - 2 | staff"));
    let texts: Vec<&str> = told.iter().filter_map(|line| line.split(" | ").nth(2)).collect();
    assert_eq!((texts[0], texts[5], texts.len()), ("m2", "edited", usize::from(PAST) - 1));
    // When they were said goes with them.
    let known = realm.state.durable.peer_named("beta").unwrap();
    let first = realm.state.durable.peers[&known].out.recent(5, 5).remove(0).1;
    let said = first.more.as_ref().and_then(|more| more.said.as_ref()).unwrap();
    assert_eq!(said.taken, Some(Time(told_at)));
    // Another is told nothing of it.
    let so_far = tip(&realm, "beta");
    assert_eq!(join(&mut realm, BETA, "yan", 8), Ok(()));
    assert_eq!(tip(&realm, "beta"), so_far + 1);
}

#[test]
fn what_was_said_before_is_read_and_unread_by_nobody() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    let join = JoinGroup { group: "staff@beta".into(), password: None };
    let waits = realm.begin(1, join);
    let amy = realm.account("amy");
    let tip = PeerAnswer { ok: true, tip: Some(6), ..PeerAnswer::default() };
    realm.hears(BETA, PeerAnswers { answer: Ok(tip.into()) });
    beta.says(&mut realm, BETA, "40 begins open yes no - 3", "staff", "");
    beta.says(&mut realm, BETA, "40 is 3 owner", "zoe", "");
    beta.says(&mut realm, BETA, "40 begun", "staff", "");
    beta.says(&mut realm, BETA, "40 message 81 3 -", "zoe", "welcome");
    // Somebody whose account is gone by now.
    beta.says(&mut realm, BETA, "40 message 82 0 -", "yan", "bye");
    beta.says(&mut realm, BETA, &format!("40 member {amy}! joined amy!"), "amy", "");
    let woken = realm.woken().expect("the tip is reached");
    assert_eq!(realm.settle(woken).unwrap().1, Outcome::Done);
    drop(waits);
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["zoe@beta: welcome", "yan@beta: bye"]);
    let Outcome::Conversations { all, .. } = realm.does(1, ListConversations::default()) else {
        panic!()
    };
    assert_eq!(all.iter().map(|each| each.unread).collect::<Vec<_>>(), [0]);
    beta.says(&mut realm, BETA, "40 message 83 3 -", "zoe", "new");
    let Outcome::Conversations { all, .. } = realm.does(1, ListConversations::default()) else {
        panic!()
    };
    assert_eq!(all[0].unread, 1);
}

#[test]
fn what_is_deleted_is_told_to_nobody() {
    let mut realm = host();
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    let before = tip(&realm, "beta");
    let id = posted(realm.does(1, post("#staff", "secret")));
    assert!(owed(&realm, "beta", before)[0].contains("secret"));
    realm.does(1, DeleteMessage { of: conv("#staff"), id });
    let told = owed(&realm, "beta", before);
    assert!(told.len() == 2 && !told.iter().any(|line| line.contains("secret")), "{told:?}");
}

#[test]
fn what_is_deleted_is_told_to_nobody_who_has_left_either() {
    let mut realm = host();
    let mut beta = Peer::default();
    let room = realm.group_id("staff").0;
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    let before = tip(&realm, "beta");
    let Outcome::Posted { id, .. } = realm.does(1, post("#staff", "secret")) else { panic!() };
    let leaves = format!("{room} ask leave");
    beta.says_as(&mut realm, BETA, (&leaves, Some((70, 7))), "zoe", "");
    realm.does(1, DeleteMessage { of: conv("#staff"), id });
    // Nothing of it has been sent yet.
    let told = owed(&realm, "beta", before);
    assert!(told[0].contains("message") && !told[0].contains("secret"), "{told:?}");
}

#[test]
fn a_realm_speaks_for_its_own_users_only() {
    let mut realm = host();
    let (mut beta, mut gamma) = (Peer::default(), Peer::default());
    let room = realm.group_id("staff").0;
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    let line = |says: &str| format!("{room} {says}");
    let before = tip(&realm, "beta");
    beta.says_as(&mut realm, BETA, (&line("post"), Some((70, 7))), "zoe", "from beta");
    assert_eq!(said(&mut realm, 1, "#staff"), ["zoe@beta: from beta"]);
    let id = history(&mut realm, 1, "#staff")[0].id;
    let comes_back = format!("{room} message {id} 7! 70 | zoe | from beta");
    assert_eq!(owed(&realm, "beta", before), [comes_back]);
    // Gamma has nobody in the group, whoever it says it is.
    gamma.says_as(&mut realm, GAMMA, (&line("post"), Some((71, 7))), "zoe", "from gamma");
    assert_eq!(owed(&realm, "gamma", 0), [format!("{room} answer 71 not_member | zoe")]);
    // Who is no moderator keeps no order, who is silenced does not write.
    beta.says_as(&mut realm, BETA, (&line("ask kick amy!"), Some((72, 7))), "zoe", "");
    let silence = SilenceMember { group: "staff".into(), user: "zoe@beta".into(), minutes: None };
    realm.does(1, silence);
    beta.says_as(&mut realm, BETA, (&line("post"), Some((73, 7))), "zoe", "still here");
    let answers: Vec<String> = owed(&realm, "beta", before + 1);
    assert_eq!(answers[0], format!("{room} answer 72 forbidden | zoe"));
    assert_eq!(answers[2], format!("{room} answer 73 silenced | zoe"));
    assert_eq!(said(&mut realm, 1, "#staff").len(), 1);
    assert_eq!(members(&mut realm, 1, "staff"), ["amy", "zoe@beta"]);
}

/// Amy of alpha asks to be in staff at beta, which says that it is so.
fn joined(realm: &mut Realm, beta: &mut Peer) {
    let amy = realm.account("amy");
    let wait = realm.begin(1, JoinGroup { group: "staff@beta".into(), password: None });
    let asked = realm.said(BETA);
    assert!(matches!(asked.last(), Some(PeerRequest::JoinRoom(_))), "{asked:?}");
    let answer = PeerAnswer { ok: true, tip: Some(beta.at.seq + 5), ..PeerAnswer::default() };
    realm.hears(BETA, PeerAnswers { answer: Ok(answer.into()) });
    beta.says(realm, BETA, "40 begins open yes no - 0", "staff", "");
    beta.says(realm, BETA, "40 is 3 owner", "zoe", "");
    beta.says(realm, BETA, &format!("40 is {amy}! member"), "amy", "");
    beta.says(realm, BETA, "40 begun", "staff", "");
    beta.says(realm, BETA, &format!("40 member {amy}! joined amy!"), "amy", "");
    let woken = realm.woken().expect("the tip is reached");
    assert_eq!(realm.settle(woken).unwrap().1, Outcome::Done);
    drop(wait);
}

#[test]
fn what_is_posted_waits_for_its_place() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    assert_eq!(members(&mut realm, 1, "staff@beta"), ["zoe@beta", "amy"]);
    let since = realm.cursor(1);
    let amy = realm.account("amy");
    let posted = realm.does(1, post("#staff@beta", "hello"));
    let Outcome::Posted { id, pending: true, .. } = posted else { panic!("{posted:?}") };
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["amy: hello…"]);
    assert_eq!(owed(&realm, "beta", 0), ["40 post | amy | hello"]);
    // Zoe was faster.
    beta.says(&mut realm, BETA, "40 message 90 3 -", "zoe", "first");
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["zoe@beta: first", "amy: hello…"]);
    beta.says(&mut realm, BETA, &format!("40 message 91 {amy}! {id}"), "amy", "hello");
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["zoe@beta: first", "amy: hello"]);
    let Outcome::Changes { all, .. } =
        realm.does(1, Sync { after: Some(Some(since)), ..Sync::default() })
    else {
        panic!()
    };
    let placed = all.iter().find_map(|told| match told {
        Told::Placed { was, id, .. } => Some((*was, *id)),
        _ => None,
    });
    let now = history(&mut realm, 1, "#staff@beta")[1].id;
    assert_eq!(placed, Some((id, Some(now))));
    // One that is refused comes back as a notice.
    let Outcome::Posted { id, .. } = realm.does(1, post("#staff@beta", "no")) else { panic!() };
    beta.says(&mut realm, BETA, &format!("40 answer {id} silenced"), "amy", "");
    assert_eq!(said(&mut realm, 1, "#staff@beta").len(), 2);
    let notice = history(&mut realm, 1, "staff@beta").pop().unwrap();
    assert_eq!(notice.notice, Some(antar_types::Notice::Refused));
}

#[test]
fn no_host_puts_anybody_into_a_group() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    let (amy, bob) = (realm.account("amy"), realm.account("bob"));
    // Nobody has asked to be in this one.
    beta.says(&mut realm, BETA, "40 begins open yes no - 9", "staff", "");
    beta.says(&mut realm, BETA, &format!("40 is {amy}! member"), "amy", "");
    assert!(realm.state.durable.copies.count() == 0);
    assert_eq!(owed(&realm, "beta", 0), ["40 ask leave | amy"]);
    joined(&mut realm, &mut beta);
    beta.says(&mut realm, BETA, &format!("40 member {bob}! joined zoe"), "bob", "");
    assert_eq!(members(&mut realm, 1, "staff@beta"), ["zoe@beta", "amy"]);
    assert_eq!(owed(&realm, "beta", 1), ["40 ask leave | bob"]);
    // Nor does it say what users here have said who are not in it.
    beta.says(&mut realm, BETA, &format!("40 message 90 {bob}! -"), "bob", "never said");
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["bob@alpha: never said"]);
    // And another realm says nothing of it.
    let mut gamma = Peer::default();
    gamma.says(&mut realm, GAMMA, "40 message 91 3 -", "zoe", "elsewhere");
    gamma.says(&mut realm, GAMMA, "40 closed @", "staff", "");
    assert_eq!(said(&mut realm, 1, "#staff@beta").len(), 1);
}

#[test]
fn who_leaves_does_so_at_once_and_the_host_is_told() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    let leave = LeaveGroup { group: "staff@beta".into() };
    assert_eq!(realm.does(1, leave), Outcome::Done);
    assert_eq!(owed(&realm, "beta", 0), ["40 ask leave | amy"]);
    let members = ListMembers { group: "staff@beta".into() };
    assert_eq!(realm.does(1, members), Code::GroupNotFound.into());
    beta.says(&mut realm, BETA, "40 ended", "staff", "");
    assert_eq!(realm.state.durable.copies.count(), 0);
}

#[test]
fn a_link_that_is_ended_takes_its_people_along() {
    let mut realm = host();
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    assert_eq!(join(&mut realm, GAMMA, "zoe", 7), Ok(()));
    let unlink = UnlinkRealm { realm: "beta".into(), force: true };
    assert_eq!(realm.operator_does(unlink), Outcome::Done);
    assert_eq!(members(&mut realm, 1, "staff"), ["amy", "zoe@gamma"]);
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    let unlink = UnlinkRealm { realm: "beta".into(), force: true };
    assert_eq!(realm.operator_does(unlink), Outcome::Done);
    assert_eq!(realm.state.durable.copies.count(), 0);
}

/// The realm of the group was put back, and has had so many messages once these are said: what the copy has had is
/// noted, and the copy begins anew.
fn put_back(realm: &mut Realm, beta: &mut Peer, since: &[(&str, &str)], had: u64) {
    let peer = realm.state.durable.peer_named("beta").unwrap();
    realm.within(|cx| cx.part_copies(peer).unwrap());
    for (line, text) in since {
        beta.says(realm, BETA, line, "zoe", text);
    }
    beta.says(realm, BETA, &format!("40 begins open yes no - {had}"), "staff", "");
}

#[test]
fn what_a_host_lost_is_marked_from_its_end() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    for n in 1..=5 {
        beta.says(&mut realm, BETA, &format!("40 message {} 3 -", 90 + n), "zoe", &format!("m{n}"));
    }
    let marks = |realm: &mut Realm| {
        let lost = |m: &Message| m.extras.as_ref().is_some_and(|extras| extras.lost);
        let shown = |m: &Message| format!("{}{}", m.text.as_str(), if lost(m) { "†" } else { "" });
        history(realm, 1, "#staff@beta").iter().map(shown).collect::<Vec<_>>()
    };
    let since = realm.cursor(1);
    // Two are lost; of what it has said since, nothing is.
    put_back(&mut realm, &mut beta, &[("40 message 200 3 -", "new")], 4);
    realm.tick();
    assert_eq!(marks(&mut realm), ["m1", "m2", "m3", "m4†", "m5†", "new"]);
    assert!(!realm.state.is_busy() || realm.state.durable.copies.losing(None).is_none());
    let Outcome::Changes { all, .. } =
        realm.does(1, Sync { after: Some(Some(since)), ..Sync::default() })
    else {
        panic!()
    };
    let told = all
        .iter()
        .filter(|told| matches!(told, Told::Rewritten { what: antar_types::Rewriting::Lost, .. }));
    assert_eq!(told.count(), 2);
    // The same once more, and nothing new is lost.
    put_back(&mut realm, &mut beta, &[], 4);
    realm.tick();
    assert_eq!(marks(&mut realm), ["m1", "m2", "m3", "m4†", "m5†", "new"]);
    put_back(&mut realm, &mut beta, &[], 2);
    realm.tick();
    assert_eq!(marks(&mut realm), ["m1", "m2", "m3†", "m4†", "m5†", "new†"]);
}

#[test]
fn what_a_host_lost_and_places_anew_stands_there_once() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    let amy = realm.account("amy");
    let id = posted(realm.does(1, post("#staff@beta", "mine")));
    beta.says(&mut realm, BETA, &format!("40 message 91 {amy}! {id}"), "amy", "mine");
    beta.says(&mut realm, BETA, "40 message 92 8@gamma 70", "yan", "theirs");
    beta.says(&mut realm, BETA, "40 message 93 9@gamma 70", "kim", "another");
    beta.says(&mut realm, BETA, "40 message 94 3 -", "zoe", "lost");
    let anew = [
        (&*format!("40 message 201 {amy}! {id}"), "mine"),
        ("40 message 202 8@gamma 70", "theirs"),
    ];
    put_back(&mut realm, &mut beta, &anew, 2);
    realm.tick();
    let all = history(&mut realm, 1, "#staff@beta");
    let shown = |m: &Message| {
        let extras = m.extras.as_deref().cloned().unwrap_or_default();
        let marks = [(extras.lost, '†'), (extras.deleted, '×')];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        format!("{}{marks}", m.text.as_str())
    };
    let all: Vec<String> = all.iter().map(shown).collect();
    assert_eq!(all, ["†×", "†×", "another†", "lost†", "mine", "theirs"]);
}

#[test]
fn who_is_blocked_is_not_heard_in_a_group_of_several_realms() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    let whom = |name: &str| Box::new(ConversationName::parse(name).unwrap());
    realm.does(1, BlockUser { whom: whom("zoe@beta") });
    realm.does(1, BlockUser { whom: whom("yan@gamma") });
    beta.says(&mut realm, BETA, "40 message 91 3 -", "zoe", "one");
    beta.says(&mut realm, BETA, "40 message 92 8@gamma 70", "yan", "two");
    beta.says(&mut realm, BETA, "40 message 93 9@gamma 71", "kim", "three");
    assert_eq!(said(&mut realm, 1, "#staff@beta"), ["kim@gamma: three"]);
    let Outcome::Conversations { all, .. } = realm.does(1, ListConversations::default()) else {
        panic!()
    };
    assert_eq!(all.iter().map(|each| each.unread).collect::<Vec<_>>(), [1]);
    // At the host as well.
    let mut realm = host();
    let mut beta = Peer::default();
    assert_eq!(join(&mut realm, BETA, "zoe", 7), Ok(()));
    realm.does(1, BlockUser { whom: whom("zoe@beta") });
    let line = format!("{} post", realm.group_id("staff").0);
    beta.says_as(&mut realm, BETA, (&line, Some((70, 7))), "zoe", "hello");
    assert!(said(&mut realm, 1, "#staff").is_empty());
}
