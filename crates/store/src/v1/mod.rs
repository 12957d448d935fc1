//! Format 1, what Antar's first version kept under which key: read by the migration to the next, and where
//! a backup is checked. Nothing here may ever change.
//!
//! | key | value |
//! |---|---|
//! | `k` fork, number | a run of hashes of what a peer sent, the first at this entry |
//! | `m` mailbox, id | a run of messages, the first with this id |
//! | `o` peer, number | a run of what a peer is owed, the first this entry |
//! | `r` kind, numbers | a record |
//! | `s` account, id | a run of pointers to messages the account sent, the first with this id |
//!
//! Numbers take eight bytes, big-endian. What is under `b` and `f` is as it still is.

mod records;
#[cfg(test)]
pub mod write;

pub use records::{Message, Owed, Pointer, Position, Record};

use crate::StoreError;
use crate::engine::Key;
use crate::layout::{RUN, hex};
use crate::records::codec::{decode, take};
use antar_domain::{AccountId, Event, ForkId, GroupId, Mailbox, PeerId};
use serde::Deserialize;

/// The version of this format.
pub const FORMAT: u32 = 1;

/// The kinds of its keys.
pub const KINDS: [u8; 5] = [b'k', b'm', b'o', b'r', b's'];

pub const RECORDS: u8 = b'r';

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Mailbox(Mailbox),
    Sent(AccountId),
    Outbox(PeerId),
    Hashes(ForkId),
}

/// What a pair says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    Record(Event),
    Messages(Mailbox, Vec<Message>),
    Sent(AccountId, Vec<Pointer>),
    Owed(PeerId, Vec<Owed>),
    Marks(ForkId, Vec<Position>),
}

/// Reads a pair.
///
/// # Errors
/// [`StoreError::Corrupt`] where the first version could not have written it.
pub fn read(key: &[u8], value: &[u8]) -> Result<Pair, StoreError> {
    if let [RECORDS, ..] = key {
        let event = decode::<Record>(key, value)?.read();
        let own = record_key(&event).is_some_and(|own| own == key);
        return if own { Ok(Pair::Record(event)) } else { Err(misplaced(key)) };
    }
    match list(key).ok_or_else(|| misplaced(key))? {
        List::Mailbox(mailbox) => {
            run(key, value, |message: &Message| message.id).map(|run| Pair::Messages(mailbox, run))
        }
        List::Sent(account) => {
            run(key, value, |pointer: &Pointer| pointer.id).map(|run| Pair::Sent(account, run))
        }
        List::Outbox(peer) => {
            run(key, value, |owed: &Owed| owed.at.seq).map(|run| Pair::Owed(peer, run))
        }
        List::Hashes(fork) => {
            run(key, value, |at: &Position| at.seq).map(|run| Pair::Marks(fork, run))
        }
    }
}

impl List {
    /// What the keys of its runs begin with.
    pub fn prefix(self) -> Key {
        let (kind, numbers): (&[u8], [Option<u64>; 2]) = match self {
            Self::Mailbox(Mailbox::Private(account)) => (b"mp", [Some(account.0), None]),
            Self::Mailbox(Mailbox::Group(group)) => (b"mg", [Some(group.0), None]),
            Self::Mailbox(Mailbox::Realm(account, peer)) => (b"mr", [account.0, peer.0].map(Some)),
            Self::Mailbox(Mailbox::SentRealm(account, peer)) => {
                (b"ms", [account.0, peer.0].map(Some))
            }
            Self::Mailbox(Mailbox::GroupRealm(group, peer)) => (b"mt", [group.0, peer.0].map(Some)),
            Self::Mailbox(Mailbox::Plain(peer, user)) => (b"mw", [peer.0, user].map(Some)),
            Self::Sent(account) => (b"s", [Some(account.0), None]),
            Self::Outbox(peer) => (b"o", [Some(peer.0), None]),
            Self::Hashes(fork) => (b"k", [Some(fork.0), None]),
        };
        let mut key = kind.to_vec();
        numbers.iter().flatten().for_each(|number| key.extend_from_slice(&number.to_be_bytes()));
        key
    }

    /// The key of the run that begins with an id.
    pub fn key(self, id: u64) -> Key {
        [&self.prefix()[..], &id.to_be_bytes()].concat()
    }
}

/// The list that a key belongs to.
pub fn list(key: &[u8]) -> Option<List> {
    let (lists, id) = key.split_last_chunk::<8>()?;
    let (kind, list, further) = match lists.len() {
        9 | 10 => {
            let (kind, list) = lists.split_last_chunk::<8>()?;
            (kind, u64::from_be_bytes(*list), 0)
        }
        _ => {
            let (lists, further) = lists.split_last_chunk::<8>()?;
            let (kind, list) = lists.split_last_chunk::<8>()?;
            (kind, u64::from_be_bytes(*list), u64::from_be_bytes(*further))
        }
    };
    let (user, peer) = (AccountId(list), PeerId(further));
    let list = match kind {
        b"mp" => List::Mailbox(Mailbox::Private(user)),
        b"mg" => List::Mailbox(Mailbox::Group(GroupId(list))),
        b"mr" => List::Mailbox(Mailbox::Realm(user, peer)),
        b"ms" => List::Mailbox(Mailbox::SentRealm(user, peer)),
        b"mt" => List::Mailbox(Mailbox::GroupRealm(GroupId(list), peer)),
        b"mw" => List::Mailbox(Mailbox::Plain(PeerId(list), further)),
        b"s" => List::Sent(user),
        b"o" => List::Outbox(PeerId(list)),
        b"k" => List::Hashes(ForkId(list)),
        _ => return None,
    };
    // The length must be that of the kind, too.
    (list.key(u64::from_be_bytes(*id)) == key).then_some(list)
}

/// Where a record was kept.
fn record_key(event: &Event) -> Option<Key> {
    let (kind, numbers): (u8, &[u64]) = match event {
        Event::RealmNamed(_) => (b'n', &[]),
        Event::AccountSet(id, _) => (b'a', &[id.0]),
        Event::SessionSet(id, _) => (b's', &[id.0]),
        Event::GroupSet(id, _) => (b'g', &[id.0]),
        Event::MemberSet(group, account, _) => (b'm', &[group.0, account.0]),
        Event::InvitationSet(id, _) => (b'i', &[*id]),
        Event::NameLeft(id, _) => (b'f', &[id.0]),
        Event::PeerSet(peer, _) => (b'l', &[peer.0, 0]),
        Event::EpochBegun(peer, _) => (b'l', &[peer.0, 1]),
        Event::OwedReached { peer, .. } => (b'l', &[peer.0, 2]),
        Event::Trimmed { peer, .. } => (b'l', &[peer.0, 3]),
        Event::Acked { peer, hour, .. } => (b'l', &[peer.0, 4, *hour]),
        Event::Followed { peer, fork, .. } => (b'l', &[peer.0, 5, fork.0]),
        Event::CursorReached { peer, .. } => (b'l', &[peer.0, 6]),
        Event::PlainMailboxSet(peer, id, _) => (b'l', &[peer.0, 7, *id]),
        Event::PeerForgotten { peer, traces: true } => (b'l', &[peer.0, 8]),
        Event::AddressTold(peer, Some(_)) => (b'l', &[peer.0, 9]),
        Event::HeirSet(peer, account, _) => (b'l', &[peer.0, 10, account.0]),
        Event::Dropped { peer, .. } => (b'l', &[peer.0, 11]),
        Event::KnownAs(peer, Some(_)) => (b'l', &[peer.0, 12]),
        _ => return None,
    };
    let mut key = vec![RECORDS, kind];
    numbers.iter().for_each(|number| key.extend_from_slice(&number.to_be_bytes()));
    Some(key)
}

/// A run, whose first id is that of its key.
fn run<T: for<'a> Deserialize<'a>>(
    key: &[u8],
    value: &[u8],
    id: fn(&T) -> u64,
) -> Result<Vec<T>, StoreError> {
    let (mut run, mut rest) = (Vec::<T>::new(), value);
    while !rest.is_empty() {
        let (entry, after) = take(rest).ok_or_else(|| misplaced(key))?;
        run.push(entry);
        rest = after;
    }
    let first = key.last_chunk().map(|first| u64::from_be_bytes(*first));
    let in_order = run.windows(2).all(|two| id(&two[0]) < id(&two[1]));
    match run.first() {
        Some(entry) if Some(id(entry)) == first && in_order && run.len() <= RUN => Ok(run),
        _ => Err(misplaced(key)),
    }
}

fn misplaced(key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("what is under key {} does not belong there", hex(key)))
}
