use super::*;
use crate::NotCommitted;
use crate::engine::{Pairs, Visit};
use crate::layout::{TIP_KEY, Tip};
use crate::v1::write::{Put, write};
use crate::{MemoryEngine, Value, check_pairs};
use antar_domain::links::{LinkKind, LinkStatus, PeerRecord};
use antar_domain::{AccountRecord, GroupId, Page, PasswordHash, Source};
use antar_types::{Away, DisplayName, Message, Name, Text, Time};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

const BETA: PeerId = PeerId(3);
const OLD: PeerId = PeerId(4);
const USERS: [&str; 3] = ["amy", "bob", "cat"];

fn name(word: &str) -> Name {
    Name::parse(word).unwrap()
}

fn beginning() -> Vec<Event> {
    let account = |n: u64| {
        let (name, password) = (name(USERS[n as usize - 10]), PasswordHash::new("x".into()));
        let created = Time(1);
        Event::AccountSet(
            AccountId(n),
            AccountRecord { name, password, admin: false, created, locked: false },
        )
    };
    let peer = |id, word, kind| {
        let (address, status, since) = (None, LinkStatus::Linked, Time(1));
        Event::PeerSet(id, PeerRecord { name: name(word), kind, address, status, since })
    };
    let native = LinkKind::Native(antar_types::Fingerprint([7; 32]));
    vec![
        Event::RealmNamed(name("alpha")),
        account(10),
        account(11),
        account(12),
        peer(BETA, "beta", native),
        peer(OLD, "old", LinkKind::Plain),
        Event::PlainMailboxSet(OLD, 20, name("Messi")),
    ]
}

/// What has some id, of every kind in turn.
fn put(id: u64) -> Vec<Put> {
    let (one, other) = (10 + id % 3, 10 + id / 3 % 3);
    let user = |n: u64| name(USERS[n as usize - 10]);
    let text = Text::parse(&format!("text {id}"), 99).unwrap();
    let message = Message::new(id, Time(id), user(one), user(other), text);
    let [me, you] = [one, other].map(AccountId);
    let to = |realm: &str| Some(Away::To(name(realm)));
    match id % 7 {
        0 | 1 => vec![(Mailbox::Private(you), Some(me), message)],
        2 => {
            let realm = Some(Away::From(name("beta")));
            let from = name(["Kim", "kim", "Lee"][id as usize % 3]);
            vec![(Mailbox::Realm(you, BETA), None, Message { from, realm, ..message })]
        }
        3 => {
            let message = Message { to: name("kim"), realm: to("beta"), ..message };
            vec![(Mailbox::SentRealm(me, BETA), None, message)]
        }
        4 => {
            let message = Message { to: name("Messi"), ..message };
            let sent = Message { realm: to("old"), ..message.clone() };
            vec![
                (Mailbox::Plain(OLD, 20), None, message),
                (Mailbox::SentRealm(me, OLD), None, sent),
            ]
        }
        5 => {
            let shown = DisplayName::new("Jordan H.(127.0.0.1:1)").unwrap();
            let realm = Some(Away::FromShown(name("old"), shown));
            vec![(Mailbox::Realm(you, OLD), None, Message { from: name("old"), realm, ..message })]
        }
        _ => vec![(Mailbox::Group(GroupId(30)), None, message)],
    }
}

/// A store of the first version with so many messages, some batches of which had several.
fn old(messages: u64) -> (MemoryEngine, Vec<Put>) {
    let (engine, mut all, mut batch) = (MemoryEngine::default(), Vec::new(), 0);
    let mut commit = |events: &[Event], messages: &[Put]| {
        batch += 1;
        let last_id = messages.last().map_or(30, |(.., message)| message.id);
        let mut ops = Ops::default();
        write(events, messages, &mut ops);
        if batch == 1 {
            ops.put(FORMAT_KEY, |value| encode(&1_u32, value)).unwrap();
        }
        ops.put(TIP_KEY, |value| encode(&Tip { batch, last_id }, value)).unwrap();
        engine.commit(batch, Batch::of_pairs(&ops)).unwrap();
    };
    commit(&beginning(), &[]);
    let ids: Vec<u64> = (40..40 + messages).collect();
    let mut rest = &ids[..];
    while let [first, ..] = rest {
        let (some, after) = rest.split_at((1 + *first as usize % 5).min(rest.len()));
        let puts: Vec<Put> = some.iter().flat_map(|id| put(*id)).collect();
        commit(&[], &puts);
        all.extend(puts);
        rest = after;
    }
    (engine, all)
}

/// Every list that a request may read is as it was.
fn expect(store: &Store, all: &[Put]) {
    let mut lists: Vec<Source> =
        all.iter().map(|(mailbox, ..)| Source::Mailbox(*mailbox)).collect();
    lists.extend((10..13).map(|n| Source::Sent(AccountId(n))));
    for source in lists {
        let is_in = |(mailbox, sender, _): &&Put| match source {
            Source::Sent(account) => *sender == Some(account),
            source => Source::Mailbox(*mailbox) == source,
        };
        let expected: Vec<&Message> =
            all.iter().filter(is_in).map(|(.., message)| message).collect();
        let (found, more) = store.read(source, Page::default()).unwrap();
        assert!(!more && found.iter().eq(expected.iter().copied()), "{source:?}: {found:?}");
    }
}

fn is_sound(engine: &MemoryEngine) {
    let mut damages = Vec::new();
    check_pairs(engine, &mut |_, damage| damages.extend(damage));
    // There is no record of the group.
    damages.retain(|damage| !damage.place.contains("Group(GroupId(30))"));
    assert_eq!(damages, []);
}

/// An engine whose machine stops after some commits.
struct Stops(MemoryEngine, AtomicU64);

impl Pairs for Stops {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.0.read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.scan(range, direction, visit)
    }
}

impl Engine for Stops {
    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(StoreError::Engine("it stopped".into()).into());
        }
        self.0.commit(number, batch)
    }

    fn acknowledged(&self) -> u64 {
        self.0.acknowledged()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.0.reopen()
    }
}

#[test]
fn everything_is_there_and_what_follows_goes_on() {
    let (engine, all) = old(400);
    let (store, events) = Store::open(Box::new(engine.clone())).unwrap();
    expect(&store, &all);
    is_sound(&engine);
    for event in beginning() {
        assert!(events.contains(&event), "{event:?}");
    }
    let reached = |event: &&Event| matches!(event, Event::ConversationReached(..));
    assert!(events.iter().filter(reached).count() > 10);
    // Whoever is written with different letters is one, and there are as many as there should be.
    let of_beta = |event: &&Event| matches!(event, Event::CorrespondentSet { peer: BETA, .. });
    assert_eq!(events.iter().filter(of_beta).count(), 2);
    let first = engine.read(FORMAT_KEY).unwrap().unwrap();
    assert_eq!(first, [2]);
    for kind in v1::KINDS {
        assert_eq!(first_key(&engine, vec![kind], vec![kind + 1]).unwrap(), None);
    }
    drop(store);
    let (_, again) = Store::open(Box::new(engine)).unwrap();
    assert_eq!(again, events);
}

#[test]
fn wherever_it_is_interrupted_it_comes_to_the_same() {
    let (whole, all) = old(300);
    let (whole_store, events) = Store::open(Box::new(whole.clone())).unwrap();
    drop(whole_store);
    for stop in 0.. {
        let (engine, _) = old(300);
        let stops = Stops(engine.clone(), AtomicU64::new(stop));
        let finished = Store::open(Box::new(stops)).is_ok();
        let (store, after) = Store::open(Box::new(engine.clone())).unwrap();
        assert_eq!(after, events, "stopped after {stop}");
        expect(&store, &all);
        is_sound(&engine);
        if finished {
            assert!(stop > 5, "{stop}");
            break;
        }
    }
}

#[test]
fn what_an_older_program_wrote_in_between_is_not_missed() {
    let (engine, mut all) = old(100);
    let stops = Stops(engine.clone(), AtomicU64::new(2));
    assert!(Store::open(Box::new(stops)).is_err());
    assert_eq!(engine.read(FORMAT_KEY).unwrap().unwrap(), [1]);
    let batch = engine.acknowledged() + 1;
    let more = put(143);
    let mut ops = Ops::default();
    write(&[], &more, &mut ops);
    ops.put(TIP_KEY, |value| encode(&Tip { batch, last_id: 143 }, value)).unwrap();
    engine.commit(batch, Batch::of_pairs(&ops)).unwrap();
    all.extend(more);
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    expect(&store, &all);
    is_sound(&engine);
}
