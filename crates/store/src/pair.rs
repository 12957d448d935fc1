//! A pair of key and value, read: what [`crate::layout`] writes and nothing else.

use crate::StoreError;
use crate::layout::{self, FORMAT_KEY, RECORDS, RUN, TIP_KEY, Tip, damaged, decode, decode_run};
use crate::records::v1;
use antar_domain::links::Position;
use antar_domain::{AccountId, Event, ForkId, GroupId, Mailbox, PeerId, Source};
use antar_types::{Entry, Message};
use serde::de::DeserializeOwned;
use std::slice::from_ref;

/// What a pair says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    /// How far the data go.
    Tip(Tip),
    /// The version of the layout.
    Format(u32),
    /// What is loaded at a start.
    Record(Event),
    /// A run of messages of a mailbox.
    Messages(Mailbox, Vec<Message>),
    /// A run of a SENT list.
    Sent(AccountId, Vec<(u64, Mailbox)>),
    /// A run of what a realm is owed.
    Owed(PeerId, Vec<(Position, Entry)>),
    /// A run of the hashes of what a realm has sent.
    Marks(ForkId, Vec<Position>),
}

/// Reads a pair.
///
/// # Errors
/// [`StoreError::Corrupt`] where no batch of events could have written it: the value is unreadable, is
/// under another key than its own, or is a run that is empty, too long or out of order.
pub fn read(key: &[u8], value: &[u8]) -> Result<Pair, StoreError> {
    match key {
        TIP_KEY => decode(key, value).map(Pair::Tip),
        FORMAT_KEY => decode(key, value).map(Pair::Format),
        [RECORDS, ..] => record(key, value).map(Pair::Record),
        _ => match source(key).ok_or_else(|| misplaced(key))? {
            Source::Mailbox(mailbox) => {
                let run = run(key, value, |message: &v1::Message| message.id)?;
                Ok(Pair::Messages(mailbox, all(run, v1::Message::read)))
            }
            Source::Sent(account) => {
                let run = run(key, value, |pointer: &v1::Pointer| pointer.id)?;
                Ok(Pair::Sent(account, all(run, |pointer| (pointer.id, pointer.mailbox()))))
            }
            Source::Outbox(realm) => {
                let run = run(key, value, |owed: &v1::Owed| owed.at.seq)?;
                Ok(Pair::Owed(realm, all(run, v1::Owed::read)))
            }
            Source::Hashes(fork) => {
                let run = run(key, value, |at: &v1::Position| at.seq)?;
                Ok(Pair::Marks(fork, all(run, v1::Position::read)))
            }
        },
    }
}

fn all<T, U>(run: Vec<T>, read: fn(T) -> U) -> Vec<U> {
    run.into_iter().map(read).collect()
}

/// A record, which must be what would be written of it.
fn record(key: &[u8], value: &[u8]) -> Result<Event, StoreError> {
    let event = decode::<v1::Record>(key, value)?.read();
    let (ops, _) = layout::write(from_ref(&event))?;
    let own = ops.iter().any(|(k, v)| k == key && v == Some(value));
    if own { Ok(event) } else { Err(misplaced(key)) }
}

/// The list that a key belongs to.
fn source(key: &[u8]) -> Option<Source> {
    let (lists, _id) = key.split_last_chunk::<8>()?;
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
    let (user, realm) = (AccountId(list), PeerId(further));
    let source = match kind {
        b"mp" => Source::Mailbox(Mailbox::Private(user)),
        b"mg" => Source::Mailbox(Mailbox::Group(GroupId(list))),
        b"mr" => Source::Mailbox(Mailbox::Realm(user, realm)),
        b"ms" => Source::Mailbox(Mailbox::SentRealm(user, realm)),
        b"mt" => Source::Mailbox(Mailbox::GroupRealm(GroupId(list), realm)),
        b"mw" => Source::Mailbox(Mailbox::Plain(PeerId(list), further)),
        b"s" => Source::Sent(user),
        b"o" => Source::Outbox(PeerId(list)),
        b"k" => Source::Hashes(ForkId(list)),
        _ => return None,
    };
    // The length must be that of the kind, too.
    let (_, id) = key.split_last_chunk()?;
    (layout::entry(source, u64::from_be_bytes(*id)) == key).then_some(source)
}

/// A run, whose first id is that of its key.
fn run<T: DeserializeOwned>(
    key: &[u8],
    value: &[u8],
    id: fn(&T) -> u64,
) -> Result<Vec<T>, StoreError> {
    let run: Vec<T> = decode_run(key, value)?;
    let (_, first) = key.split_last_chunk().ok_or_else(|| damaged(key))?;
    let first = u64::from_be_bytes(*first);
    let in_order = run.windows(2).all(|two| id(&two[0]) < id(&two[1]));
    match run.first() {
        Some(entry) if id(entry) == first && in_order && run.len() <= RUN => Ok(run),
        _ => Err(misplaced(key)),
    }
}

fn misplaced(key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("what is under key {} does not belong there", layout::hex(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::{Name, Text, Time};
    use std::sync::Arc;

    fn posted(mailbox: Mailbox, id: u64) -> Event {
        let name = |n| Name::parse(n).unwrap();
        let (time, from, to, text) = (Time(id), name("amy"), name("bob"), Text::empty());
        let message = Message { id, time, from, to, text, realm: None, notice: None };
        Event::Posted { mailbox, sender: Some(AccountId(1)), message: Arc::new(message) }
    }

    #[test]
    fn every_list_is_read_under_its_own_key_only() {
        let (user, group, realm) = (AccountId(1), GroupId(2), PeerId(3));
        for mailbox in [
            Mailbox::Private(user),
            Mailbox::Group(group),
            Mailbox::Realm(user, realm),
            Mailbox::SentRealm(user, realm),
            Mailbox::GroupRealm(group, realm),
            Mailbox::Plain(realm, 7),
        ] {
            let (ops, _) = layout::write(&[posted(mailbox, 5), posted(mailbox, 9)]).unwrap();
            for (key, value) in ops.iter() {
                let value = value.unwrap();
                match read(key, value).unwrap() {
                    Pair::Messages(of, run) => assert_eq!((of, run.len()), (mailbox, 2)),
                    Pair::Sent(of, run) => assert_eq!((of, run.len()), (user, 2)),
                    other => panic!("{other:?}"),
                }
                for at in 0..key.len() {
                    let mut other = key.to_vec();
                    other.remove(at);
                    assert!(read(&other, value).is_err(), "{key:x?} without byte {at}");
                }
                let (mut other, last) = (key.to_vec(), key.len() - 1);
                other[last] += 1;
                assert!(read(&other, value).is_err());
            }
        }
    }

    #[test]
    fn a_record_is_read_under_its_own_key_only() {
        let (ops, _) = layout::write(&[Event::SessionEnded(antar_domain::SessionId(1))]).unwrap();
        assert_eq!(ops.iter().filter(|(_, value)| value.is_some()).count(), 0);
        let named = Event::RealmNamed(Name::parse("alpha").unwrap());
        let (ops, _) = layout::write(from_ref(&named)).unwrap();
        let (key, value) = ops.iter().next().unwrap();
        assert_eq!(read(key, value.unwrap()).unwrap(), Pair::Record(named));
        assert!(read(b"ra", value.unwrap()).is_err());
        assert!(read(key, &[value.unwrap(), &[0][..]].concat()).is_err());
    }

    /// Messages from other realms were stored before senders could be shown by what is no name.
    #[test]
    fn what_was_stored_before_reads_as_it_was_written() {
        let old = b"\x01\x02\x01a\x01b\x01c\x01\x00\x01d\x00";
        let message = decode::<v1::Message>(b"", old).unwrap().read();
        let name = |word| Name::parse(word).unwrap();
        assert_eq!(message.realm, Some(antar_types::Away::From(name("d"))));
        let shown = antar_types::DisplayName::new("Jordan Henderson(127.0.0.1:8889)").unwrap();
        let realm = Some(antar_types::Away::FromShown(name("d"), shown));
        let (new, mut bytes) = (Message { realm, ..message }, Vec::new());
        layout::encode(&v1::Message::new(&new), &mut bytes).unwrap();
        assert_eq!(decode::<v1::Message>(b"", &bytes).unwrap().read(), new);
    }
}
