//! Which event is kept under which key.
//!
//! | key | value |
//! |---|---|
//! | `b` slot | the batch last numbered so, and the highest id by then ([`Tip`]) |
//! | `f` | format version |
//! | `m` mailbox, id | a message |
//! | `r` `a` account | [`Event::AccountSet`] |
//! | `r` `g` group | [`Event::GroupSet`] |
//! | `r` `m` group, account | [`Event::MemberAdded`] |
//! | `r` `n` | [`Event::RealmNamed`] |
//! | `r` `s` session | [`Event::SessionSet`] |
//! | `s` account, id | the mailbox that holds a message the account sent |
//!
//! Numbers are big-endian, so that keys sort as the numbers do. Records (`r`) are loaded at a start
//! in this order, each event after those it refers to.

use crate::StoreError;
use crate::engine::{Key, Op};
use antar_realm::{Event, Mailbox, Source};
use serde::{Serialize, de::DeserializeOwned};

/// The version of this layout.
pub const FORMAT: u32 = 1;

/// How many of the latest batches can be checked for gaps at a start.
pub const RING: u64 = 1 << 16;

pub const FORMAT_KEY: &[u8] = b"f";
pub const BATCHES: u8 = b'b';
pub const RECORDS: u8 = b'r';

/// A batch's own record: the latest one tells how far the data go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tip {
    pub batch: u64,
    pub last_id: u64,
}

/// Appends what an event changes on disk, and returns the highest id it carries.
pub fn write(event: &Event, ops: &mut Vec<Op>) -> Result<u64, StoreError> {
    let put = |key: Key| Ok::<_, StoreError>(Op::Put(key, encode(event)?));
    let (id, op) = match event {
        Event::RealmNamed(_) => (0, put(record(b'n', &[]))?),
        Event::IdReached(id) => return Ok(*id),
        Event::AccountSet(id, _) => (id.0, put(record(b'a', &[id.0]))?),
        Event::AccountRemoved(id) => (0, Op::Delete(record(b'a', &[id.0]))),
        Event::SessionSet(id, _) => (id.0, put(record(b's', &[id.0]))?),
        Event::SessionEnded(id) => (0, Op::Delete(record(b's', &[id.0]))),
        Event::GroupSet(id, _) => (id.0, put(record(b'g', &[id.0]))?),
        Event::MemberAdded(group, account, since) => {
            (*since, put(record(b'm', &[group.0, account.0]))?)
        }
        Event::MemberRemoved(group, account) => {
            (0, Op::Delete(record(b'm', &[group.0, account.0])))
        }
        Event::Posted { mailbox, sender, message } => {
            if let Some(sender) = sender {
                let key = entry(&prefix(Source::Sent(*sender)), message.id);
                ops.push(Op::Put(key, encode(mailbox)?));
            }
            let key = entry(&prefix(Source::Mailbox(*mailbox)), message.id);
            (message.id, Op::Put(key, encode(&**message)?))
        }
    };
    ops.push(op);
    Ok(id)
}

/// What the keys of a list of messages begin with.
pub fn prefix(source: Source) -> Key {
    let (kind, id): (&[u8], u64) = match source {
        Source::Mailbox(Mailbox::Private(account)) => (b"mp", account.0),
        Source::Mailbox(Mailbox::Group(group)) => (b"mg", group.0),
        Source::Sent(account) => (b"s", account.0),
    };
    [kind, &id.to_be_bytes()].concat()
}

/// The key of a message in a list.
pub fn entry(prefix: &[u8], id: u64) -> Key {
    [prefix, &id.to_be_bytes()].concat()
}

pub fn batch_slot(batch: u64) -> Key {
    [&[BATCHES][..], &(batch % RING).to_be_bytes()].concat()
}

fn record(kind: u8, ids: &[u64]) -> Key {
    let mut key = vec![RECORDS, kind];
    ids.iter().for_each(|id| key.extend_from_slice(&id.to_be_bytes()));
    key
}

pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|e| StoreError::Engine(format!("cannot encode: {e}")))
}

/// Reads a value back; the key says which one was damaged.
pub fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(value) {
        Ok((decoded, [])) => Ok(decoded),
        _ => Err(StoreError::Corrupt(format!("the value of key {} is unreadable", hex(key)))),
    }
}

pub fn hex(key: &[u8]) -> String {
    key.iter().map(|b| format!("{b:02x}")).collect()
}
