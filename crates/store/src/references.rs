//! What messages were called by whoever posted them: looked up by account and reference, and kept for a week at
//! least. The week is in the key, so that what is old lies together.

use crate::StoreError;
use crate::engine::{Direction, Key, Pairs};
use crate::layout::put;
use crate::records::Conversation;
use crate::records::alike::Alike;
use crate::records::codec::{damaged, encode, take};
use antar_domain::{AccountId, Posted, REFERRED_FOR, ReferenceLookup, Referred};
use antar_types::{Reference, TextDigest, Time};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// The kind of their keys.
const KIND: u8 = b'F';

/// Stands at the beginning of each value.
const VERSION: u8 = 1;

/// How many that are old are removed at once: more than are added with one batch, most often.
const REMOVED: usize = 64;

/// A message that was posted under a reference, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    pub id: u64,
    pub time: Time,
    pub conversation: Conversation,
    pub text: TextDigest,
}

/// Under which reference a message is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub week: u64,
    pub account: AccountId,
    pub reference: Reference,
}

/// The week of a time. What is remembered at a time is of its week or of the one before.
pub fn week(time: Time) -> u64 {
    let week = u64::try_from(REFERRED_FOR.as_millis()).unwrap_or(u64::MAX);
    time.0 / week
}

impl Place {
    pub fn key(&self) -> Key {
        let mut key = Vec::with_capacity(24 + self.reference.as_str().len());
        put(&mut key, &[KIND], &[self.week, self.account.0]);
        key.extend_from_slice(self.reference.as_str().as_bytes());
        key
    }

    pub fn read(key: &[u8]) -> Option<Self> {
        let [KIND, rest @ ..] = key else { return None };
        let number = |bytes: &mut &[u8]| {
            let (length, rest) = bytes.split_first()?;
            let (number, rest) = rest.split_at_checked(usize::from(*length))?;
            *bytes = rest;
            Some(number.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)))
        };
        let mut rest = rest;
        let (week, account) = (number(&mut rest)?, AccountId(number(&mut rest)?));
        let reference = Reference::parse(std::str::from_utf8(rest).ok()?)?;
        let place = Self { week, account, reference };
        (place.key() == key).then_some(place)
    }

    /// Where a message is kept that has a reference, and what of it.
    pub fn of(posted: &Posted) -> Option<(Self, Stored)> {
        let (account, reference, Referred { id, time, conversation, text }) = Referred::of(posted)?;
        let place = Self { week: week(time), account, reference: reference.clone() };
        Some((place, Stored { id, time, conversation: conversation.alike(), text }))
    }
}

impl Stored {
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.push(VERSION);
        encode(self, out)
    }

    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        match value {
            [VERSION, rest @ ..] => match take(rest) {
                Some((stored, [])) => Ok(stored),
                _ => Err(damaged(key)),
            },
            _ => Err(damaged(key)),
        }
    }
}

/// The latest message that an account has called so.
pub fn find(tree: &dyn Pairs, lookup: &ReferenceLookup) -> Result<Option<Referred>, StoreError> {
    let this = week(lookup.now);
    for week in [Some(this), this.checked_sub(1)].into_iter().flatten() {
        let (account, reference) = (lookup.account, lookup.reference.clone());
        let key = Place { week, account, reference }.key();
        if let Some(value) = tree.read(&key)? {
            let Stored { id, time, conversation, text } = Stored::decode(&key, &value)?;
            return Ok(Some(Referred { id, time, conversation: conversation.alike(), text }));
        }
    }
    Ok(None)
}

/// The keys of some that no lookup in this week finds.
pub fn outdated(tree: &dyn Pairs, week: u64) -> Result<Vec<Key>, StoreError> {
    let (mut first, mut past) = (vec![], vec![]);
    put(&mut first, &[KIND], &[]);
    put(&mut past, &[KIND], &[week.saturating_sub(1)]);
    let mut found = Vec::new();
    tree.scan(first..past, Direction::Up, &mut |key, _| {
        found.push(key.to_vec());
        let is_enough = found.len() >= REMOVED;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryEngine, Store};
    use antar_domain::{Conversations, Event, Mailbox};
    use antar_types::{Extras, Message, Name, Text};
    use std::sync::Arc;

    const AMY: AccountId = AccountId(1);
    const WEEK: u64 = 7 * 86_400_000;

    fn reference(word: &str) -> Reference {
        Reference::parse(word).unwrap()
    }

    fn posted(id: u64, word: &str, time: u64) -> Event {
        let name = Name::parse("amy").unwrap();
        let text = Text::parse("hi", 9).unwrap();
        let extras = Extras { reference: Some(reference(word)), ..Extras::default() }.boxed();
        let message = Message::new(id, Time(time), name.clone(), name, text);
        let message = Arc::new(Message { extras, ..message });
        Event::Posted(Conversations::default().post(Mailbox::Private(AMY), Some(AMY), message).1)
    }

    #[test]
    fn keys_read_as_they_were_written_and_no_other_key_does() {
        for (week, account) in [(0, 0), (1, 255), (2952, 1 << 40), (u64::MAX, u64::MAX)] {
            let place = Place { week, account: AccountId(account), reference: reference("a.B-9") };
            assert_eq!(Place::read(&place.key()), Some(place));
        }
        assert_eq!(Place::read(b"F\x02\x00\x01\x01\x01a"), None);
        assert_eq!(Place::read(b"F\x01\x01\x01\x01"), None);
        assert_eq!(Place::read(b"F\x09"), None);
    }

    #[test]
    fn a_reference_is_found_for_a_week_and_let_go_of_after_two() {
        let engine = MemoryEngine::default();
        let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
        let keys = || {
            let mut keys = 0;
            engine
                .scan(vec![KIND]..vec![KIND + 1], Direction::Up, &mut |_, _| {
                    keys += 1;
                    Ok(ControlFlow::Continue(()))
                })
                .unwrap();
            keys
        };
        for id in 1..=3 {
            store.commit(&[posted(id, &format!("r{id}"), id * WEEK - 1)]).unwrap();
            let place =
                Place { week: id - 1, account: AMY, reference: reference(&format!("r{id}")) };
            let value = engine.read(&place.key()).unwrap().unwrap();
            assert_eq!(Stored::decode(b"", &value).unwrap().id, id);
        }
        // The first one was of the week before the last.
        assert_eq!(keys(), 2);
        store.commit(&[posted(4, "r3", 3 * WEEK)]).unwrap();
        assert_eq!(keys(), 2);
        assert_eq!(week(Time(WEEK - 1)), 0);
    }
}
