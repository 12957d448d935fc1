use super::*;
use crate::GroupId;
use antar_types::{Away, Name, Text, Time};

const AMY: AccountId = AccountId(1);
const BETA: PeerId = PeerId(3);

fn message(id: u64, from: &str) -> Arc<Message> {
    let name = |word| Name::parse(word).unwrap();
    let (time, text, realm) = (Time(id), Text::empty(), Some(Away::From(name("beta"))));
    Arc::new(Message { realm, ..Message::new(id, time, name(from), name("amy"), text) })
}

/// Posts a message and says where it went.
fn post(all: &mut Conversations, mailbox: Mailbox, id: u64, from: &str) -> (Conversation, u64) {
    let (new, posted) = all.post(mailbox, Some(AMY), message(id, from));
    new.iter().for_each(|event| all.apply(event));
    let went = (posted.conversation, posted.ordinal);
    all.apply(&Event::Posted(posted));
    went
}

#[test]
fn each_conversation_counts_by_itself_and_both_sides_count_together() {
    let (mut all, bob) = (Conversations::default(), AccountId(2));
    let both = Conversation::Private(AMY, bob);
    assert_eq!(post(&mut all, Mailbox::Private(bob), 10, "amy"), (both, 1));
    let (_, posted) = all.post(Mailbox::Private(AMY), Some(bob), message(11, "bob"));
    assert_eq!((posted.conversation, posted.ordinal), (both, 2));
    assert_eq!((posted.sender, posted.recipient), (Some(bob), Some(AMY)));
    let group = Mailbox::Group(GroupId(5));
    assert_eq!(post(&mut all, group, 12, "amy"), (Conversation::Group(GroupId(5)), 1));
    let notes = Conversation::Private(AMY, AMY);
    assert_eq!(post(&mut all, Mailbox::Private(AMY), 13, "amy"), (notes, 1));
    // Who wrote to a realm and who answers from there are in the same.
    let kim = Conversation::Peer(AMY, BETA, CorrespondentId(14));
    assert_eq!(post(&mut all, Mailbox::Realm(AMY, BETA), 14, "Kim"), (kim, 1));
    assert_eq!(post(&mut all, Mailbox::Realm(AMY, BETA), 15, "kim"), (kim, 2));
    assert_eq!(all.tip(kim), ConversationTip { ordinal: 2, id: 15 });
}

#[test]
fn a_batch_counts_on_from_what_it_has_not_applied_yet() {
    let (all, mut ahead) = (Conversations::default(), Conversations::default());
    for ordinal in 1..4 {
        let message = message(10 + ordinal, "kim");
        let (new, posted) = all.post_after(&ahead, Mailbox::Realm(AMY, BETA), None, message);
        assert_eq!((new.is_some(), posted.ordinal), (ordinal == 1, ordinal));
        new.into_iter().chain([Event::Posted(posted)]).for_each(|event| ahead.apply(&event));
    }
}

#[test]
fn a_peer_that_makes_up_names_fills_no_memory() {
    let mut all = Conversations::default();
    let others = Conversation::Peer(AMY, BETA, OTHERS);
    let bound = CONVERSATIONS.0 as u64;
    for n in 0..bound + 20 {
        let (went, ordinal) = post(&mut all, Mailbox::Realm(AMY, BETA), 100 + n, &format!("u{n}"));
        assert_eq!(went == others, n >= bound, "{n}");
        assert_eq!(ordinal, 1 + n.saturating_sub(bound));
    }
    assert!(all.known.others.len() as u64 == bound + 1);
    assert!(all.correspondents[&BETA].count as u64 == bound);
    // Those who were there before stay apart.
    let first = Conversation::Peer(AMY, BETA, CorrespondentId(100));
    assert_eq!(post(&mut all, Mailbox::Realm(AMY, BETA), 9999, "U0"), (first, 2));
}

#[test]
fn a_peer_that_writes_to_many_fills_no_memory_and_takes_all_of_it_along() {
    let mut all = Conversations::default();
    let (each, most) = (1_000, CONVERSATIONS.1 as u64);
    for n in 0..most + each {
        let mailbox = Mailbox::Realm(AccountId(n / each), BETA);
        let (went, _) = post(&mut all, mailbox, 100 + n, &format!("u{}", n % each));
        let others = Conversation::Peer(AccountId(n / each), BETA, OTHERS);
        assert_eq!(went == others, n >= most, "{n}");
    }
    assert_eq!(all.counts.of(AccountId(0), BETA)[1..], [CONVERSATIONS.1 + 1; 2]);
    all.apply(&Event::PeerForgotten { peer: BETA, traces: true });
    assert_eq!(all, Conversations::default());
}

#[test]
fn so_many_had_a_name_and_no_more() {
    let mut all = Conversations::default();
    for account in 0..NAMESAKES as u64 + 9 {
        let message = told(100 + account, "kim", account);
        let (new, posted) = all.post(Mailbox::Realm(AMY, BETA), None, message);
        let others = Conversation::Peer(AMY, BETA, OTHERS);
        assert_eq!(posted.conversation == others, account >= NAMESAKES as u64, "{account}");
        new.into_iter().chain([Event::Posted(posted)]).for_each(|event| all.apply(&event));
    }
}

/// A message of an account of beta's.
fn told(id: u64, from: &str, account: u64) -> Arc<Message> {
    let identity = antar_types::RemoteIdentity { epoch: 1, id, account };
    let realm = Name::parse("beta").map(|name| Away::FromAccount(name, identity));
    Arc::new(Message { realm, ..Message::clone(&message(id, from)) })
}

#[test]
fn who_has_a_name_after_another_is_in_another_conversation() {
    let mut all = Conversations::default();
    let mut post = |mailbox, message| {
        let (new, posted) = all.post(mailbox, None, message);
        new.iter().for_each(|event| all.apply(event));
        let went = (posted.conversation, posted.ordinal);
        all.apply(&Event::Posted(posted));
        (went, new.is_some())
    };
    let (from, to) = (Mailbox::Realm(AMY, BETA), Mailbox::SentRealm(AMY, BETA));
    let with = |id| Conversation::Peer(AMY, BETA, CorrespondentId(id));
    let written = |id| {
        Arc::new(Message { to: Name::parse("kim").unwrap(), ..Message::clone(&message(id, "amy")) })
    };
    // As long as beta has not told which account it is, the name is all that is known.
    assert_eq!(post(to, written(10)), ((with(10), 1), true));
    assert_eq!(post(from, told(11, "Kim", 7)), ((with(10), 2), true));
    assert_eq!(post(from, told(12, "kim", 7)), ((with(10), 3), false));
    // Then another has the name; who is written to is that one.
    assert_eq!(post(from, told(13, "kim", 9)), ((with(13), 1), true));
    assert_eq!(post(to, written(14)), ((with(13), 2), false));
    assert_eq!(post(from, message(15, "kim")), ((with(13), 3), false));
    // What the former wrote, and comes late, is the former's.
    assert_eq!(post(from, told(16, "kim", 7)), ((with(10), 4), false));
    assert_eq!(post(to, written(17)), ((with(13), 4), false));
}

#[test]
fn a_batch_tells_accounts_apart_that_it_has_not_applied_yet() {
    let (mut all, mut ahead) = (Conversations::default(), Conversations::default());
    assert_eq!(post(&mut all, Mailbox::Realm(AMY, BETA), 10, "kim").1, 1);
    let mut went = Vec::new();
    for (id, account) in [(11, 7), (12, 9), (13, 7), (14, 9)] {
        let message = told(id, "kim", account);
        let (new, posted) = all.post_after(&ahead, Mailbox::Realm(AMY, BETA), None, message);
        let Conversation::Peer(_, _, CorrespondentId(with)) = posted.conversation else { panic!() };
        went.push((with, posted.ordinal, new.is_some()));
        new.into_iter().chain([Event::Posted(posted)]).for_each(|event| ahead.apply(&event));
    }
    assert_eq!(went, [(10, 2, true), (12, 1, true), (10, 3, false), (12, 2, false)]);
}

#[test]
fn a_peer_that_makes_up_accounts_fills_no_memory() {
    let mut all = Conversations::default();
    for n in 0..CORRESPONDENTS as u64 + 20 {
        let account = AccountId(1 + n / 900);
        let message = told(100 + n, &format!("u{}", n / 50), n + 1);
        let (new, posted) = all.post(Mailbox::Realm(account, BETA), None, message);
        let others = Conversation::Peer(account, BETA, OTHERS);
        assert_eq!(posted.conversation == others, n >= CORRESPONDENTS as u64, "{n}");
        new.iter().for_each(|event| all.apply(event));
        all.apply(&Event::Posted(posted));
    }
    assert_eq!(all.correspondents[&BETA].count, CORRESPONDENTS);
}
