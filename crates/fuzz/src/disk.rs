//! What is read back from disk: the commit log, values, backups.

use crate::choices::Choices;
use crate::wire::{entry, message, name};
use crate::{Draw, Target};
use antar_domain::links::{Address, Epoch, LinkKind, PeerRecord, Position, Status};
use antar_domain::{
    AccountId, AccountRecord, Event, ForkId, GroupId, GroupRecord, Limits, Mailbox, PasswordHash,
    PeerId, Policy, SessionId, SessionRecord, State,
};
use antar_store::bytes::{self, PAGE, Pair};
use antar_store::{MemoryEngine, Ops, Store, StoreError};
use antar_types::{Chain, Fingerprint, Message, Time, Token};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const LOG: Target = Target {
    name: "log",
    about: "a segment of the commit log: what is damaged is an error or a torn end, and what is \
            replayed is what was written, up to the damage",
    run: log,
    draw: draw_log,
};

pub const VALUES: Target = Target {
    name: "values",
    about: "pairs of the store, batches and the mark: anything can be read or is refused, and what is \
            written reads as it was",
    run: values,
    draw: draw_values,
};

pub const BACKUP: Target = Target {
    name: "backup",
    about: "a backup: it is taken whole or refused, and a realm can be made of what is taken",
    run: backup,
    draw: draw_backup,
};

/// First byte: whether the rest is a segment as it is, or choices of what was written to one and how it
/// was damaged.
fn log(input: &[u8]) {
    let mut choices = Choices(input);
    let first = 1 + choices.below(3) as u64;
    if choices.byte().is_multiple_of(8) {
        let mut next = first;
        let count = |number, _: Ops| {
            assert_eq!(number, next, "batches are replayed in order");
            next += 1;
        };
        let end = bytes::read_segment(choices.0, first, &mut { count });
        return assert!(end.is_err() || end.is_ok_and(|end| end == next));
    }
    let (mut segment, mut ends, mut record) = (Vec::new(), vec![0], bytes::Record::default());
    let batches = 1 + choices.below(4) as u64;
    for number in first..first + batches {
        let length = choices.below(256) * [0, 1, 20, 40][choices.below(4)];
        let payload = vec![choices.byte(); length];
        record.write(number, &payload);
        segment.extend_from_slice(record.bytes());
        ends.push(segment.len());
    }
    // What an earlier use of the file left behind, or zeros.
    for number in 0..choices.below(3) as u64 {
        match choices.below(2) {
            0 => segment.resize(segment.len() + PAGE, 0),
            _ => {
                record.write(number % first, b"old");
                segment.extend_from_slice(record.bytes());
            }
        }
    }
    let whole = segment.clone();
    let at = damage(&mut segment, &mut choices);
    let intact = ends.windows(2).take_while(|record| record[1] <= at).count() as u64;
    let mut replayed = first;
    let end = bytes::read_segment(&segment, first, &mut |number, ops| {
        assert_eq!(number, replayed);
        let at = ends[(number - first) as usize] + 20;
        assert!(whole[at..].starts_with(ops.as_bytes()), "batch {number} is another");
        replayed += 1;
    });
    assert!(replayed >= first + intact, "{replayed} of {intact} intact batches after {first}");
    match end {
        Ok(end) => assert_eq!(end, replayed),
        // Only where something whole follows the damage.
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)) && intact < batches),
    }
}

/// Damages a segment; returns the first byte that may differ.
fn damage(segment: &mut Vec<u8>, choices: &mut Choices<'_>) -> usize {
    let at = (choices.below(256) << 8 | choices.below(256)) % segment.len();
    match choices.below(5) {
        0 => return segment.len(),
        1 => segment.truncate(at),
        2 => segment[at] ^= 1 << choices.below(8),
        3 => {
            let page = at / PAGE * PAGE;
            let end = (page + PAGE).min(segment.len());
            segment[page..end].fill(0);
            return page;
        }
        _ => {
            let end = (at + choices.below(64)).min(segment.len());
            segment[at..end].fill(choices.byte());
        }
    }
    at
}

fn draw_log(draw: &mut Draw, out: &mut Vec<u8>) {
    draw.bytes(2, out);
    if out[1].is_multiple_of(8) {
        let (mut record, mut segment) = (bytes::Record::default(), Vec::new());
        for number in 1..1 + draw.below(3) as u64 {
            record.write(number, b"payload");
            segment.extend_from_slice(record.bytes());
        }
        draw.spoil(&mut segment);
        return out.append(&mut segment);
    }
    draw.bytes(24, out);
}

/// First byte: whether a key and a value follow as they are, or choices of events to be written.
fn values(input: &[u8]) {
    let mut choices = Choices(input);
    match choices.below(4) {
        0 => written(&mut choices),
        1 => {
            let ops = Ops::from_bytes(choices.0);
            let mut size = 0;
            for (key, value) in ops.iter() {
                size += 5 + key.len() + value.map_or(0, <[u8]>::len);
                assert_eq!(
                    read(key, value.unwrap_or_default()),
                    read(key, value.unwrap_or_default())
                );
            }
            assert!(size <= ops.as_bytes().len(), "more was read than is there");
            if let Some(number) = bytes::read_mark(choices.0) {
                assert!(choices.0.starts_with(&bytes::written_mark(number)));
            }
        }
        _ => {
            let length = choices.below(28);
            let key = choices.take(length);
            if let Some(Pair::Record(event)) = read(key, choices.0) {
                let (ops, _) = bytes::write(&[event]).unwrap_or_else(|error| panic!("{error}"));
                assert!(ops.iter().any(|pair| pair == (key, Some(choices.0))));
            }
        }
    }
}

fn read(key: &[u8], value: &[u8]) -> Option<Pair> {
    bytes::read_pair(key, value).ok()
}

/// What events are written as reads as them.
fn written(choices: &mut Choices<'_>) {
    let events = events(choices, 5);
    let (ops, last_id) = bytes::write(&events).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Ops::from_bytes(ops.as_bytes()), ops);
    let mut messages: BTreeMap<Mailbox, Vec<u64>> = BTreeMap::new();
    let mut records = Vec::new();
    for (key, value) in ops.iter() {
        let Some(value) = value else { continue };
        match bytes::read_pair(key, value).unwrap_or_else(|error| panic!("{error}: {events:?}")) {
            Pair::Messages(mailbox, run) => {
                messages.entry(mailbox).or_default().extend(run.iter().map(|m| m.id));
            }
            Pair::Record(event) => records.push(event),
            _ => {}
        }
    }
    for event in &events {
        match event {
            Event::Posted { mailbox, message, .. } => {
                assert!(message.id <= last_id && messages[mailbox].contains(&message.id));
            }
            event => assert!(records.contains(event), "{event:?} is not written"),
        }
    }
}

/// Events out of choices, each with an id of its own, as a realm gives them out.
fn events(choices: &mut Choices<'_>, most: usize) -> Vec<Event> {
    let (mut id, count) = (choices.number() >> 2, 1 + choices.below(most));
    let mut next = |choices: &mut Choices<'_>| {
        id += 1 + choices.below(200) as u64;
        event(choices, id)
    };
    (0..count).map(|_| next(choices)).collect()
}

fn event(choices: &mut Choices<'_>, id: u64) -> Event {
    let time = Time(choices.number());
    let (account, realm) = (AccountId(id), PeerId(choices.number()));
    let (name, password) = (name(choices), PasswordHash::new("$argon2id$x".into()));
    let at = Position { seq: choices.number() >> 1, chain: Chain::START };
    match choices.below(15) {
        0 => Event::RealmNamed(name),
        1 => {
            Event::AccountSet(account, AccountRecord { name, password, admin: true, created: time })
        }
        2 => {
            let hash = Token::new([choices.byte(); 32]).hash();
            Event::SessionSet(SessionId(id), SessionRecord { hash, account, used: time })
        }
        3 => {
            let owner = (choices.below(2) == 0).then_some(account);
            let group = GroupRecord { name, password, creator: account, owner, created: time };
            Event::GroupSet(GroupId(id), group)
        }
        4 => Event::MemberAdded(GroupId(id), account, choices.number()),
        5 => {
            let address = Address { host: "::1".into(), port: 1, told_by: "10.0.0.1".parse().ok() };
            let (kind, status) = (LinkKind::Native(Fingerprint([7; 32])), Status::Asked);
            let record = PeerRecord { name, kind, address: Some(address), status, since: time };
            Event::PeerSet(realm, record)
        }
        6 => Event::EpochBegun(realm, Epoch(id)),
        7 => Event::Acked { realm, acked: at, total: id, hour: choices.number() },
        8 => Event::Trimmed { realm, floor: at, hour: None },
        9 => Event::Followed { realm, fork: ForkId(id), epoch: Epoch(7), at, left: id },
        10 => Event::PlainMailboxSet(realm, id, name),
        // One that leaves none is not written.
        11 => Event::PeerForgotten { realm, traces: true },
        12 => Event::Dropped(realm, choices.number()),
        13 => {
            let host = choices.number().to_string().into();
            Event::AddressTold(realm, Some(Address { host, port: 1, told_by: None }))
        }
        _ => {
            let mailbox = match choices.below(4) {
                0 => Mailbox::Private(account),
                1 => Mailbox::GroupRealm(GroupId(9), realm),
                2 => Mailbox::Plain(realm, 8),
                _ => Mailbox::SentRealm(account, realm),
            };
            let message = Arc::new(Message { id, ..message(choices) });
            Event::Posted { mailbox, sender: Some(AccountId(6)), message }
        }
    }
}

fn draw_values(draw: &mut Draw, out: &mut Vec<u8>) {
    out.push(draw.byte());
    if out[0].is_multiple_of(4) {
        let n = 40 + draw.below(200);
        return draw.bytes(n, out);
    }
    let ops = drawn_pairs(draw);
    if out[0] % 4 == 1 {
        out.extend_from_slice(ops.as_bytes());
    } else if let Some((key, value)) = ops.iter().find(|(_, value)| value.is_some()) {
        out.push(key.len() as u8);
        out.extend_from_slice(key);
        out.extend_from_slice(value.unwrap_or_default());
    }
    if !draw.once_in(8) {
        draw.spoil(out);
    }
}

/// Pairs that may be in a store.
fn drawn_pairs(draw: &mut Draw) -> Ops {
    let mut random = Vec::new();
    draw.bytes(200, &mut random);
    let mut choices = Choices(&random);
    let mut events = events(&mut choices, 3);
    if draw.once_in(4) {
        events.push(received(&mut choices));
    }
    bytes::write(&events).map(|(ops, _)| ops).unwrap_or_default()
}

/// What came over a link: entries and their hashes.
fn received(choices: &mut Choices<'_>) -> Event {
    let (realm, fork, seq) =
        (PeerId(choices.number()), ForkId(choices.number()), choices.number() >> 1);
    let (entry, chain) = (Arc::new(entry(choices)), Chain::START);
    let tip = Position { seq: 5, chain };
    let owed = Event::Owed { realm, tip, total: 9, since: Time(1), entry };
    let (cursor, chains) = (Position { seq: seq + 2, chain }, vec![chain; 2]);
    Event::Received { realm, fork, cursor, chains, events: vec![owed] }
}

/// First byte: whether a stream follows as it is, or frames whose checksums are right: each a byte of
/// kind, two of length and a payload.
fn backup(input: &[u8]) {
    let mut choices = Choices(input);
    if choices.byte().is_multiple_of(4) {
        return import(choices.0);
    }
    let mut frames = Vec::new();
    while !choices.is_empty() {
        let kind = choices.byte();
        let length = choices.below(256) << 8 | choices.below(256);
        frames.push((kind, choices.take(length)));
    }
    import(&bytes::frames(&frames));
}

fn import(stream: &[u8]) {
    let Ok((store, events, taken)) = Store::import(Box::new(MemoryEngine::default()), stream)
    else {
        return;
    };
    assert_eq!(taken.bytes, stream.len() as u64);
    let state = State::new(Limits::default(), Policy::public(), events);
    let mut again = Vec::new();
    let written = store.export(&mut again).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (written.pairs, written.messages, written.last_id),
        (taken.pairs, taken.messages, taken.last_id)
    );
    let again = Store::import(Box::new(MemoryEngine::default()), &again[..]);
    let (_, events, _) = again.unwrap_or_else(|error| panic!("{error}"));
    assert!(State::new(Limits::default(), Policy::public(), events).is_durably(&state));
}

fn draw_backup(draw: &mut Draw, out: &mut Vec<u8>) {
    let pairs = in_order(&drawn_pairs(draw), &drawn_pairs(draw));
    let end = end_of(&pairs, draw.once_in(8));
    let mut frames: Vec<(u8, &[u8])> = pairs.iter().map(|ops| (b'p', ops.as_bytes())).collect();
    frames.push((b'e', &end));
    if draw.once_in(2) {
        out.push(0);
        out.extend_from_slice(&bytes::frames(&frames));
    } else {
        out.push(1);
        for (kind, payload) in frames {
            out.push(kind);
            out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            out.extend_from_slice(payload);
        }
    }
    if !draw.once_in(3) {
        draw.spoil(out);
    }
}

/// Pairs as a scan gives them, in two frames.
fn in_order(one: &Ops, other: &Ops) -> [Ops; 2] {
    let mut all: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    all.extend(one.iter().chain(other.iter()).filter_map(|(key, value)| Some((key, value?))));
    let mut frames = [Ops::default(), Ops::default()];
    for (i, (key, value)) in all.iter().enumerate() {
        let _ = frames[i * 2 / all.len()].put(key, |copy| {
            copy.extend_from_slice(value);
            Ok(())
        });
    }
    frames
}

/// The frame that ends these pairs, unless it is to say something else: batch, highest id, pairs,
/// messages, records.
fn end_of(pairs: &[Ops], wrong: bool) -> Vec<u8> {
    let (mut all, mut messages, mut records) = (0, 0, 0);
    for (key, value) in pairs.iter().flat_map(Ops::iter) {
        all += 1;
        records += u64::from(key.starts_with(b"r"));
        if let Some(Pair::Messages(_, run)) = read(key, value.unwrap_or_default()) {
            messages += run.len() as u64;
        }
    }
    let mut end = Vec::new();
    let _ =
        bytes::encode(&(1_u64, u64::MAX >> 1, all + u64::from(wrong), messages, records), &mut end);
    end
}
