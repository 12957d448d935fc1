//! What must hold of everything that a realm says, and of what it keeps.

use crate::world::{World, limits, policy};
use antar_client::{Incoming, Replies};
use antar_domain::links::{Epoch, Position};
use antar_domain::{Event, MAX_PAGE, Notification, Outcome, Page, State, Tag};
use antar_store::{MemoryEngine, Store};
use antar_text as text;
use antar_text::Dialect;
use antar_text::deliveries as written;
use antar_types::{Capabilities, END, Entry, EntryKind, EntryMore, IncomingEntry};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// A reply is one JSON object and its end mark in both dialects; in the one that was asked in a client reads
/// it, too, and it means what it meant.
pub fn reply(tag: Tag, outcome: Outcome, scratch: &mut Vec<u8>) {
    let (refusal, read_as) = (outcome.refusal(), text::dialect(tag));
    let reply = text::reply(tag, outcome);
    for dialect in [Dialect::Lower, Dialect::Upper] {
        scratch.clear();
        reply.encode(dialect, scratch);
        if dialect != read_as {
            let json = scratch.strip_suffix(END).map(serde_json::from_slice::<IgnoredAny>);
            assert!(json.is_some_and(|json| json.is_ok()), "{reply:?} as {dialect:?}");
            assert!(scratch[0] == b'{' && (dialect == Dialect::Upper || scratch.is_ascii()));
            continue;
        }
        let Incoming::Reply(read) = object(scratch, dialect) else {
            panic!("{reply:?} is an event")
        };
        assert_eq!(read.ok(), refusal.is_none(), "{reply:?}");
        assert_eq!(read.code(), refusal.map(|code| code.as_str()), "{reply:?}");
    }
}

/// So is a notification.
pub fn event(tag: Tag, told: &Notification, scratch: &mut Vec<u8>) {
    scratch.clear();
    text::write_notification(tag, told, scratch);
    let Incoming::Event(read) = object(scratch, text::dialect(tag)) else {
        panic!("{told:?} is no event")
    };
    let text = read.message().map(|read| read.text);
    assert_eq!(text.as_deref(), told.message().map(|message| message.text.as_str()));
}

fn object(bytes: &[u8], dialect: Dialect) -> Incoming {
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    assert!(bytes.ends_with(END) && (dialect == Dialect::Upper || bytes.is_ascii()), "{}", shown());
    let mut replies = Replies::new(1 << 20);
    replies.feed(bytes);
    let read = replies.pop();
    assert!(!replies.is_midway(), "more than a reply: {}", shown());
    match read {
        Ok(Some(read)) => read,
        other => panic!("{other:?}: {}", shown()),
    }
}

/// What the store is asked for is bounded.
pub fn page(page: Page) {
    assert!((1..=MAX_PAGE).contains(&page.limit), "{page:?}");
}

/// What is sent to a peer reads as it was.
pub fn deliveries(
    (epoch, can): (Epoch, Capabilities),
    first: u64,
    last: u64,
    fresh: &[(Position, Arc<Entry>)],
) {
    assert!(first <= last, "{first} to {last}");
    if fresh.is_empty() {
        return;
    }
    let numbers = fresh.iter().map(|(at, _)| at.seq);
    assert!(numbers.eq(first..=last), "not what was to be sent");
    let mut lines = Vec::new();
    written(epoch, can, fresh, &mut lines);
    let lines = String::from_utf8(lines).unwrap_or_else(|error| panic!("{error}"));
    let sent = |entry: &Entry| {
        let more = entry.more.as_deref().filter(|_| can.kinds).cloned().unwrap_or_default();
        let EntryMore { kind, reply, change, file, hash, room, said } = more;
        let (room, said) = (room.filter(|_| can.rooms), said.filter(|_| can.rooms));
        let (kind, reply) = (kind.filter(|_| can.replies), reply.filter(|_| can.replies));
        let file = file.filter(|_| can.replies);
        let hash = hash.filter(|_| can.changes);
        let origin = entry.origin.filter(|_| can.kinds && can.origins);
        let more = EntryMore { kind, reply, change, file, hash, room, said }.boxed();
        Entry { origin, more, ..entry.clone() }
    };
    // Whoever does not know of rooms sets apart what is told of them.
    let takes = |entry: &Entry| entry.kind != EntryKind::Room || can.kinds && can.rooms;
    let mut entries =
        fresh.iter().map(|(_, entry)| entry).filter(|entry| takes(entry)).map(|entry| sent(entry));
    for line in lines.lines() {
        let list = line.splitn(5, ' ').nth(4).unwrap_or_default();
        let list = antar_text::read_entries(list, 1 << 20);
        let list = list.unwrap_or_else(|| panic!("{line}"));
        let known: Vec<_> = list.iter().filter_map(IncomingEntry::known).cloned().collect();
        let many = known.len();
        assert!(known.into_iter().eq(entries.by_ref().take(many)), "{line}");
    }
    assert!(entries.next().is_none(), "less than was to be sent");
}

/// What was emitted makes the same state again, as it is and by way of the store.
pub fn replayed(world: &World, loaded: &[Event], by_store: bool) {
    let mut state = State::new(limits(), policy(), []);
    let mut outputs = Vec::new();
    loaded.iter().chain(&world.events).for_each(|event| state.apply(event, &mut outputs));
    assert!(world.runner.state().is_durably(&state), "its events make another state");
    if !by_store {
        return;
    }
    let (store, _) =
        Store::open(Box::new(MemoryEngine::default())).unwrap_or_else(|e| panic!("{e}"));
    let commit = |events: &[Event]| store.commit(events).unwrap_or_else(|error| panic!("{error}"));
    commit(loaded);
    world.events.chunks(3).for_each(commit);
    let events = store.reload().unwrap_or_else(|error| panic!("{error}"));
    let state = State::new(limits(), policy(), events);
    assert!(world.runner.state().is_durably(&state), "the store makes another state");
}
