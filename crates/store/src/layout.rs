//! Which event is kept under which key.
//!
//! | key | value |
//! |---|---|
//! | `b` | the latest batch, and the highest id by then ([`Tip`]) |
//! | `f` | format version |
//! | `m` mailbox, id | a run of messages, the first with this id |
//! | `r` `a` account | [`Event::AccountSet`] |
//! | `r` `g` group | [`Event::GroupSet`] |
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
use antar_realm::{Event, Mailbox, Source};
use antar_wire::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version of this layout.
pub const FORMAT: u32 = 1;

/// The most entries of a run: bounds what reading one of them costs.
pub const RUN: usize = 64;

pub const FORMAT_KEY: &[u8] = b"f";
pub const TIP_KEY: &[u8] = b"b";
pub const RECORDS: u8 = b'r';
const MAILBOXES: u8 = b'm';

/// How far the data go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    pub batch: u64,
    pub last_id: u64,
}

/// An entry of a SENT list: where the message is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pointer {
    pub id: u64,
    pub mailbox: Mailbox,
}

/// The changes that a batch of events makes on disk, and the highest id it carries.
pub fn write(events: &[Event]) -> Result<(Ops, u64), StoreError> {
    let (mut ops, mut last_id) = (Ops::default(), 0);
    let mut posted = Vec::with_capacity(2 * events.len());
    for event in events {
        last_id = last_id.max(write_record(event, &mut ops)?);
        if let Event::Posted { mailbox, sender, message } = event {
            posted.push((Source::Mailbox(*mailbox), event));
            posted.extend(sender.map(|sender| (Source::Sent(sender), event)));
            last_id = last_id.max(message.id);
        }
    }
    // Stable: within a list the ids stay in order.
    posted.sort_by_key(|(source, _)| *source);
    for list in posted.chunk_by(|a, b| a.0 == b.0) {
        list.chunks(RUN).try_for_each(|run| write_run(run, &mut ops))?;
    }
    Ok((ops, last_id))
}

/// Writes what is kept of an event that is no message, and returns its id.
fn write_record(event: &Event, ops: &mut Ops) -> Result<u64, StoreError> {
    let (kind, ids, id): (u8, &[u64], u64) = match event {
        Event::Posted { .. } => return Ok(0),
        Event::IdReached(id) => return Ok(*id),
        Event::RealmNamed(_) => (b'n', &[], 0),
        Event::AccountSet(id, _) => (b'a', &[id.0], id.0),
        Event::SessionSet(id, _) => (b's', &[id.0], id.0),
        Event::GroupSet(id, _) => (b'g', &[id.0], id.0),
        Event::MemberAdded(group, account, since) => (b'm', &[group.0, account.0], *since),
        Event::AccountRemoved(id) => return Ok(remove(ops, b'a', &[id.0])),
        Event::SessionEnded(id) => return Ok(remove(ops, b's', &[id.0])),
        Event::MemberRemoved(group, account) => {
            return Ok(remove(ops, b'm', &[group.0, account.0]));
        }
    };
    ops.put(&record(kind, ids), |value| encode(event, value))?;
    Ok(id)
}

fn remove(ops: &mut Ops, kind: u8, ids: &[u64]) -> u64 {
    ops.delete(&record(kind, ids));
    0
}

fn write_run(run: &[(Source, &Event)], ops: &mut Ops) -> Result<(), StoreError> {
    let Some((source, Event::Posted { message: first, .. })) = run.first() else {
        return Ok(());
    };
    ops.put(&entry(*source, first.id), |value| {
        run.iter().try_for_each(|(_, event)| match (source, event) {
            (Source::Mailbox(_), Event::Posted { message, .. }) => encode(&**message, value),
            (Source::Sent(_), Event::Posted { mailbox, message, .. }) => {
                encode(&Pointer { id: message.id, mailbox: *mailbox }, value)
            }
            _ => Ok(()),
        })
    })
}

/// The key of the run that begins with an id.
pub fn entry(source: Source, id: u64) -> Key {
    let (kind, list): (&[u8], u64) = match source {
        Source::Mailbox(Mailbox::Private(account)) => (b"mp", account.0),
        Source::Mailbox(Mailbox::Group(group)) => (b"mg", group.0),
        Source::Sent(account) => (b"s", account.0),
    };
    let mut key = Vec::with_capacity(18);
    key.extend_from_slice(kind);
    key.extend_from_slice(&list.to_be_bytes());
    key.extend_from_slice(&id.to_be_bytes());
    key
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

/// How many messages a pair holds; that it can be read is found out on the way.
pub fn messages(key: &[u8], value: &[u8]) -> Result<u64, StoreError> {
    match key.first() {
        Some(&MAILBOXES) => Ok(decode_run::<Message>(key, value)?.len() as u64),
        _ => Ok(0),
    }
}

pub fn damaged(key: &[u8]) -> StoreError {
    let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
    StoreError::Corrupt(format!("the value of key {hex} is unreadable"))
}
