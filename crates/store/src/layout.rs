//! Which event is kept under which key.
//!
//! | key | value |
//! |---|---|
//! | `b` | the latest batch, and the highest id by then ([`Tip`]) |
//! | `f` | format version |
//! | `k` fork, number | a run of hashes of what another realm sent, the first at this entry |
//! | `m` mailbox, id | a run of messages, the first with this id |
//! | `o` realm, number | a run of what another realm is owed, the first this entry |
//! | `r` `a` account | [`Event::AccountSet`] |
//! | `r` `f` account | [`Event::NameLeft`] |
//! | `r` `g` group | [`Event::GroupSet`] |
//! | `r` `i` invitation | [`Event::InvitationSet`] |
//! | `r` `l` realm 0 | [`Event::PeerSet`] |
//! | `r` `l` realm 1 | [`Event::EpochBegun`] |
//! | `r` `l` realm 2 | [`Event::OwedReached`] |
//! | `r` `l` realm 3 | the latest [`Event::Trimmed`] |
//! | `r` `l` realm 4, hour | [`Event::Acked`] |
//! | `r` `l` realm 5, fork | [`Event::Followed`] |
//! | `r` `l` realm 6 | [`Event::CursorReached`] |
//! | `r` `l` realm 7, number | [`Event::PlainMailboxSet`] |
//! | `r` `l` realm 8 | [`Event::PeerForgotten`], where it left traces; nothing else is under it then |
//! | `r` `l` realm 9 | [`Event::AddressTold`], where it tells one |
//! | `r` `l` realm 10, account | [`Event::HeirSet`] |
//! | `r` `l` realm 11 | [`Event::Dropped`] |
//! | `r` `l` realm 12 | [`Event::KnownAs`], where it tells one |
//! | `r` `m` group, account | [`Event::MemberAdded`] |
//! | `r` `n` | [`Event::RealmNamed`] |
//! | `r` `s` session | [`Event::SessionSet`] |
//! | `s` account, id | a run of [`Pointer`]s to messages the account sent, the first with this id |
//!
//! Numbers are big-endian, so that keys sort as the numbers do. Records (`r`) are loaded at a start
//! in this order, each event after those it refers to. A *run* is what one batch adds to one list:
//! the engine's cost is by the pair, not by the byte, and where much is sent at once much of it goes
//! to the same places.

use crate::StoreError;
use crate::engine::{Key, Ops};
use crate::records::v1;
use antar_domain::links::Position;
use antar_domain::{Event, Mailbox, PeerId, Source};
use antar_types::{Entry, Message};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::ops::Range;

/// The version of this layout.
pub const FORMAT: u32 = 1;

/// The most entries of a run: bounds what reading one of them costs.
pub const RUN: usize = 64;

pub const FORMAT_KEY: &[u8] = b"f";
pub const TIP_KEY: &[u8] = b"b";
pub const RECORDS: u8 = b'r';

/// How far the data go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    pub batch: u64,
    pub last_id: u64,
}

/// A line of a list, on its way to disk.
enum Line<'a> {
    Message(&'a Message),
    Pointer(u64, Mailbox),
    Owed(Position, &'a Entry),
    Watermark(Position),
}

impl Line<'_> {
    fn id(&self) -> u64 {
        match self {
            Self::Message(message) => message.id,
            Self::Pointer(id, _) => *id,
            Self::Owed(at, _) => at.seq,
            Self::Watermark(at) => at.seq,
        }
    }

    fn encode(&self, value: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Message(message) => encode(&v1::Message::new(message), value),
            Self::Pointer(id, mailbox) => encode(&v1::Pointer::new(*id, *mailbox), value),
            Self::Owed(at, entry) => encode(&v1::Owed::new(*at, entry), value),
            Self::Watermark(at) => encode(&v1::Position::new(*at), value),
        }
    }
}

/// What a batch of events comes to on disk.
#[derive(Default)]
struct Writing<'a> {
    ops: Ops,
    last_id: u64,
    lines: Vec<(Source, Line<'a>)>,
}

/// The changes that a batch of events makes on disk, and the highest id it carries.
pub fn write(events: &[Event]) -> Result<(Ops, u64), StoreError> {
    let mut writing = Writing { lines: Vec::with_capacity(2 * events.len()), ..Writing::default() };
    events.iter().try_for_each(|event| writing.event(event))?;
    let Writing { mut ops, last_id, mut lines } = writing;
    // Stable: within a list the ids stay in order.
    lines.sort_by_key(|(source, _)| *source);
    for list in lines.chunk_by(|a, b| a.0 == b.0) {
        list.chunks(RUN).try_for_each(|run| write_run(run, &mut ops))?;
    }
    Ok((ops, last_id))
}

impl<'a> Writing<'a> {
    fn event(&mut self, event: &'a Event) -> Result<(), StoreError> {
        match event {
            Event::Posted { mailbox, sender, message } => {
                self.lines.push((Source::Mailbox(*mailbox), Line::Message(message)));
                if let Some(sender) = sender {
                    let pointer = Line::Pointer(message.id, *mailbox);
                    self.lines.push((Source::Sent(*sender), pointer));
                }
                self.last_id = self.last_id.max(message.id);
                Ok(())
            }
            Event::Owed { realm, tip, total, since, entry } => {
                self.lines.push((Source::Outbox(*realm), Line::Owed(*tip, entry)));
                let (realm, tip, total, since) = (*realm, *tip, *total, *since);
                self.record(&Event::OwedReached { realm, tip, total, since })
            }
            Event::Received { realm, fork, cursor, chains, events } => {
                events.iter().try_for_each(|event| self.event(event))?;
                let first = cursor.seq + 1 - chains.len() as u64;
                let marks = chains.iter().zip(first..).map(|(chain, seq)| {
                    (Source::Hashes(*fork), Line::Watermark(Position { seq, chain: *chain }))
                });
                self.lines.extend(marks);
                self.record(&Event::CursorReached { realm: *realm, cursor: *cursor })
            }
            Event::Followed { realm, at, .. } => {
                self.record(&Event::CursorReached { realm: *realm, cursor: *at })?;
                self.record(event)
            }
            Event::Trimmed { realm, hour: Some(hour), .. } => {
                self.ops.delete(&record(b'l', &[realm.0, 4, *hour]));
                self.record(event)
            }
            Event::PeerForgotten { realm, traces } => {
                for part in [0, 1, 2, 3, 6, 9, 11, 12] {
                    self.ops.delete(&record(b'l', &[realm.0, part]));
                }
                if *traces { self.record(event) } else { Ok(()) }
            }
            event => self.record(event),
        }
    }

    /// Writes what is kept of an event that is no message.
    fn record(&mut self, event: &Event) -> Result<(), StoreError> {
        let (kind, ids, id): (u8, &[u64], u64) = match event {
            Event::Posted { .. } | Event::Owed { .. } | Event::Received { .. } => return Ok(()),
            Event::IdReached(id) => {
                self.last_id = self.last_id.max(*id);
                return Ok(());
            }
            Event::RealmNamed(_) => (b'n', &[], 0),
            Event::AccountSet(id, _) => (b'a', &[id.0], id.0),
            Event::SessionSet(id, _) => (b's', &[id.0], id.0),
            Event::GroupSet(id, _) => (b'g', &[id.0], id.0),
            Event::MemberAdded(group, account, since) => (b'm', &[group.0, account.0], *since),
            Event::AccountRemoved(id) => return self.remove(b'a', &[id.0]),
            Event::SessionEnded(id) => return self.remove(b's', &[id.0]),
            Event::MemberRemoved(group, account) => {
                return self.remove(b'm', &[group.0, account.0]);
            }
            Event::InvitationSet(id, _) => (b'i', &[*id], *id),
            Event::InvitationEnded(id) => return self.remove(b'i', &[*id]),
            Event::PeerSet(realm, _) => (b'l', &[realm.0, 0], realm.0),
            Event::EpochBegun(realm, _) => (b'l', &[realm.0, 1], 0),
            Event::OwedReached { realm, .. } => (b'l', &[realm.0, 2], 0),
            Event::Trimmed { realm, .. } => (b'l', &[realm.0, 3], 0),
            Event::Acked { realm, hour, .. } => (b'l', &[realm.0, 4, *hour], 0),
            Event::Followed { realm, fork, .. } => (b'l', &[realm.0, 5, fork.0], fork.0),
            Event::CursorReached { realm, .. } => (b'l', &[realm.0, 6], 0),
            Event::KnownAs(realm, None) => return self.remove(b'l', &[realm.0, 12]),
            Event::KnownAs(realm, _) => (b'l', &[realm.0, 12], 0),
            Event::Dropped(realm, _) => (b'l', &[realm.0, 11], 0),
            Event::AddressTold(realm, None) => return self.remove(b'l', &[realm.0, 9]),
            Event::AddressTold(realm, _) => (b'l', &[realm.0, 9], 0),
            Event::PlainMailboxSet(realm, id, _) => (b'l', &[realm.0, 7, *id], *id),
            Event::PeerForgotten { realm, .. } => (b'l', &[realm.0, 8], realm.0),
            Event::NameLeft(id, _) => (b'f', &[id.0], id.0),
            Event::NameTaken(id) => return self.remove(b'f', &[id.0]),
            Event::HeirSet(realm, account, _) => (b'l', &[realm.0, 10, account.0], 0),
            Event::HeirEnded(realm, account) => {
                return self.remove(b'l', &[realm.0, 10, account.0]);
            }
        };
        self.last_id = self.last_id.max(id);
        let stored = v1::Record::of(event);
        self.ops.put(&record(kind, ids), |value| encode_some(stored, value))
    }

    fn remove(&mut self, kind: u8, ids: &[u64]) -> Result<(), StoreError> {
        self.ops.delete(&record(kind, ids));
        Ok(())
    }
}

fn encode_some<T: Serialize>(stored: Option<T>, value: &mut Vec<u8>) -> Result<(), StoreError> {
    stored.map_or(Ok(()), |stored| encode(&stored, value))
}

fn write_run(run: &[(Source, Line<'_>)], ops: &mut Ops) -> Result<(), StoreError> {
    let Some((source, first)) = run.first() else {
        return Ok(());
    };
    ops.put(&entry(*source, first.id()), |value| {
        run.iter().try_for_each(|(_, line)| line.encode(value))
    })
}

/// The key of the run that begins with an id.
pub fn entry(source: Source, id: u64) -> Key {
    let (kind, list, further): (&[u8], u64, Option<u64>) = match source {
        Source::Mailbox(Mailbox::Private(account)) => (b"mp", account.0, None),
        Source::Mailbox(Mailbox::Group(group)) => (b"mg", group.0, None),
        Source::Mailbox(Mailbox::Realm(account, realm)) => (b"mr", account.0, Some(realm.0)),
        Source::Mailbox(Mailbox::SentRealm(account, realm)) => (b"ms", account.0, Some(realm.0)),
        Source::Mailbox(Mailbox::GroupRealm(group, realm)) => (b"mt", group.0, Some(realm.0)),
        Source::Mailbox(Mailbox::Plain(realm, user)) => (b"mw", realm.0, Some(user)),
        Source::Sent(account) => (b"s", account.0, None),
        Source::Outbox(realm) => (b"o", realm.0, None),
        Source::Hashes(fork) => (b"k", fork.0, None),
    };
    let mut key = Vec::with_capacity(26);
    key.extend_from_slice(kind);
    key.extend_from_slice(&list.to_be_bytes());
    further.into_iter().for_each(|further| key.extend_from_slice(&further.to_be_bytes()));
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The keys of what is kept of a realm, but for the note that it was forgotten.
pub fn records_of(realm: PeerId) -> Range<Key> {
    record(b'l', &[realm.0])..record(b'l', &[realm.0, 8])
}

fn record(kind: u8, ids: &[u64]) -> Key {
    let mut key = vec![RECORDS, kind];
    ids.iter().for_each(|id| key.extend_from_slice(&id.to_be_bytes()));
    key
}

/// Appends a value.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let flavor = Append(out);
    postcard::serialize_with_flavor(value, flavor)
        .map_err(|e| StoreError::Engine(format!("cannot encode: {e}")))
}

/// Appends to what is there; postcard's own flavor for this goes byte by byte.
struct Append<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads a value back; the key says which one was damaged.
pub fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(value) {
        Ok((decoded, [])) => Ok(decoded),
        _ => Err(damaged(key)),
    }
}

/// Reads a run back.
pub fn decode_run<T: DeserializeOwned>(key: &[u8], mut value: &[u8]) -> Result<Vec<T>, StoreError> {
    let mut run = Vec::new();
    while !value.is_empty() {
        let (decoded, rest) = postcard::take_from_bytes(value).map_err(|_| damaged(key))?;
        run.push(decoded);
        value = rest;
    }
    Ok(run)
}

pub fn damaged(key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("the value of key {} is unreadable", hex(key)))
}

/// A key as people are shown it.
pub fn hex(key: &[u8]) -> String {
    key.iter().map(|b| format!("{b:02x}")).collect()
}
