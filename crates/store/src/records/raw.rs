//! Messages, by far the most of what is stored, without a copy of what they are made of: as they are written,
//! and as they lie in the log. There they are read no further than is needed to put them into the tree, where
//! a message is kept byte for byte as it was logged.

use super::alike::Alike;
use super::codec::{encode, encode_number, encode_text, take};
use super::parts::Identity;
use super::{Conversation, Extras, Listed, Message, NO_EXTRAS, Notice, Posted, Record};
use crate::StoreError;
use antar_domain::AccountId;
use antar_types::{Away, Name, Time};
use serde::de::Visitor;
use serde::de::value::BorrowedStrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::ops::Range;

/// A record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// [`Posted`].
    Posted(RawPosted<&'a [u8]>),
    /// Any other.
    Other(Box<Record>),
}

/// A message that was put into a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPosted<M> {
    pub conversation: Conversation,
    pub sender: Option<AccountId>,
    pub recipient: Option<AccountId>,
    pub waits: Option<u64>,
    pub ordinal: u64,
    pub id: u64,
    /// The [`Message`] as it is written, or where it is.
    pub message: M,
    /// Its sender has called it something.
    pub is_referred: bool,
    /// It names a file.
    pub has_file: bool,
    /// It is of version 1, and ends where its extras would begin.
    pub is_old: bool,
}

impl<M> RawPosted<M> {
    /// The same with its message in another form.
    pub fn with<N>(&self, message: N) -> RawPosted<N> {
        let Self { conversation, sender, recipient, waits, ordinal, id, .. } = *self;
        let Self { is_referred, has_file, is_old, .. } = *self;
        RawPosted {
            conversation,
            sender,
            recipient,
            waits,
            ordinal,
            id,
            message,
            is_referred,
            has_file,
            is_old,
        }
    }
}

/// The fields of a [`Message`] but its extras: with its texts, or to pass over them.
#[derive(Deserialize)]
struct MessageRef<S> {
    ordinal: u64,
    id: u64,
    time: Time,
    from: S,
    to: S,
    text: S,
    away: Option<AwayRef<S>>,
    notice: Option<Notice>,
}

/// The variants of [`super::Away`].
#[derive(Serialize, Deserialize)]
enum AwayRef<S> {
    From(S),
    To(S),
    FromShown(S, S),
    FromAccount(S, Identity),
}

/// A text that is passed over: whoever wants it reads the message itself.
struct Passed;

impl<'de> Deserialize<'de> for Passed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(PassedVisitor)
    }
}

struct PassedVisitor;

impl<'de> Visitor<'de> for PassedVisitor {
    type Value = Passed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<Passed, E> {
        Ok(Passed)
    }
}

impl<'a> AwayRef<&'a str> {
    fn of(away: &'a Away) -> Self {
        match away {
            Away::From(realm) => Self::From(realm),
            Away::To(realm) => Self::To(realm),
            Away::FromShown(realm, shown) => Self::FromShown(realm, shown.as_str()),
            Away::FromAccount(realm, identity) => Self::FromAccount(realm, identity.alike()),
        }
    }
}

/// Reads the first message of some bytes, of some version. It shares its names with `like` where they are the
/// same: those of a page mostly are, since people write several messages at a time.
pub fn read_message(
    version: u8,
    bytes: &[u8],
    like: Option<&antar_types::Message>,
) -> Option<antar_types::Message> {
    let (message, rest) = take::<MessageRef<&str>>(bytes)?;
    let extras = match (version, rest) {
        (1, _) | (Posted::VERSION, [NO_EXTRAS, ..]) => Extras::default(),
        (Posted::VERSION, rest) => take::<Extras>(rest)?.0,
        _ => return None,
    };
    let name = |name: &str, like: Option<&Name>| match like {
        Some(like) if like.as_str() == name => Some(like.clone()),
        _ => stored(name),
    };
    let realm = match message.away {
        None => None,
        Some(AwayRef::From(realm)) => Some(Away::From(stored(realm)?)),
        Some(AwayRef::To(realm)) => Some(Away::To(stored(realm)?)),
        // Few are.
        Some(AwayRef::FromShown(..)) => {
            return Message::take(version, bytes).map(|(message, _)| message.read());
        }
        Some(AwayRef::FromAccount(realm, identity)) => {
            Some(Away::FromAccount(stored(realm)?, identity.alike()))
        }
    };
    Some(antar_types::Message {
        id: message.id,
        time: message.time,
        from: name(message.from, like.map(|like| &like.from))?,
        to: name(message.to, like.map(|like| &like.to))?,
        text: stored(message.text)?,
        realm,
        notice: message.notice.map(Alike::alike),
        extras: extras.read(),
    })
}

/// A text as it was stored: it was checked before.
fn stored<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    T::deserialize(BorrowedStrDeserializer::<serde::de::value::Error>::new(text)).ok()
}

/// A message that was passed over.
pub struct PassedMessage<'a> {
    pub id: u64,
    ordinal: u64,
    is_referred: bool,
    has_file: bool,
    /// What follows it.
    pub rest: &'a [u8],
}

/// Passes over the first message of some bytes, of some version.
pub fn pass_message(version: u8, bytes: &[u8]) -> Option<PassedMessage<'_>> {
    let (MessageRef { ordinal, id, .. }, rest) = take::<MessageRef<Passed>>(bytes)?;
    let (extras, rest) = pass_extras(version, rest)?;
    let (is_referred, has_file) = (extras.reference().is_some(), extras.file().is_some());
    Some(PassedMessage { id, ordinal, is_referred, has_file, rest })
}

/// What of a message is looked at before all of it is read.
pub struct Glance<'a> {
    pub id: u64,
    pub from: &'a str,
    pub text: &'a str,
    /// What follows it.
    pub rest: &'a [u8],
}

/// Looks at the first message of some bytes, of some version.
pub fn glance(version: u8, bytes: &[u8]) -> Option<Glance<'_>> {
    let (MessageRef { id, from, text, .. }, rest) = take::<MessageRef<&str>>(bytes)?;
    Some(Glance { id, from, text, rest: pass_extras(version, rest)?.1 })
}

/// Passes over what follows the other fields of a message of some version.
fn pass_extras(version: u8, bytes: &[u8]) -> Option<(Extras, &[u8])> {
    match (version, bytes) {
        // Nearly all: not even a list is read.
        (1, rest) | (Posted::VERSION, [NO_EXTRAS, rest @ ..]) => Some((Extras::default(), rest)),
        (Posted::VERSION, rest) => take::<Extras>(rest),
        _ => None,
    }
}

/// Appends the record of a message that was posted; says what of it is read again, and where the message is.
pub fn encode_posted(
    posted: &antar_domain::Posted,
    out: &mut Vec<u8>,
) -> Result<RawPosted<Range<usize>>, StoreError> {
    let antar_domain::Posted { conversation, ordinal, sender, recipient, waits, message } = posted;
    let (conversation, sender, recipient, waits) =
        (conversation.alike(), *sender, *recipient, *waits);
    out.extend_from_slice(&[Posted::TAG, Posted::VERSION]);
    encode(&conversation, out)?;
    for number in [sender.map(|account| account.0), recipient.map(|account| account.0), waits] {
        out.push(number.is_some().into());
        number.into_iter().for_each(|number| encode_number(number, out));
    }
    let at = out.len();
    encode_message(*ordinal, message, out)?;
    Ok(RawPosted {
        conversation,
        sender,
        recipient,
        waits,
        ordinal: *ordinal,
        id: message.id,
        message: at..out.len(),
        is_referred: message.reference().is_some(),
        has_file: message.file().is_some(),
        is_old: false,
    })
}

/// Appends a [`Message`], field by field: by far the most of what is written.
fn encode_message(
    ordinal: u64,
    message: &antar_types::Message,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    for number in [ordinal, message.id, message.time.0] {
        encode_number(number, out);
    }
    for text in [message.from.as_str(), message.to.as_str(), message.text.as_str()] {
        encode_text(text, out);
    }
    let notice: Option<Notice> = message.notice.map(Alike::alike);
    encode(&(message.realm.as_ref().map(AwayRef::of), notice), out)?;
    match message.extras {
        None => out.push(NO_EXTRAS),
        Some(_) => encode(&Extras::of(message), out)?,
    }
    Ok(())
}

impl<'a> Raw<'a> {
    /// Reads the first record of some bytes, and returns what follows it.
    pub fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        match bytes {
            [Posted::TAG, version, rest @ ..] => {
                let (posted, rest) = RawPosted::take(*version, rest)?;
                Some((Self::Posted(posted), rest))
            }
            _ => Record::take(bytes).map(|(record, rest)| (Self::Other(Box::new(record)), rest)),
        }
    }

    /// Whether what a message said is not to be kept any more.
    pub fn replaces_text(&self) -> bool {
        match self {
            Self::Posted(_) => false,
            Self::Other(record) => match &**record {
                Record::Rewritten(rewritten) => rewritten.message.extras.has_other_text(),
                Record::OwedReplaced(_) => true,
                // All of its messages.
                Record::GroupClosed(_) | Record::GroupSwept(_) | Record::LetGo(_) => true,
                _ => false,
            },
        }
    }

    /// All of the record; `None` where its message is none.
    pub fn read(self) -> Option<Record> {
        match self {
            Self::Other(record) => Some(*record),
            Self::Posted(posted) => {
                let RawPosted { conversation, sender, recipient, waits, message, .. } = posted;
                let version = if posted.is_old { 1 } else { Posted::VERSION };
                let (message, []) = Message::take(version, message)? else { return None };
                Some(Posted { conversation, sender, recipient, waits, message }.into())
            }
        }
    }
}

impl<'a> RawPosted<&'a [u8]> {
    fn take(version: u8, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ((conversation, sender, recipient, waits), message) = take(bytes)?;
        let PassedMessage { id, ordinal, is_referred, has_file, rest } =
            pass_message(version, message)?;
        let message = message.get(..message.len() - rest.len())?;
        let is_old = version == 1;
        let posted = Self {
            conversation,
            sender,
            recipient,
            waits,
            ordinal,
            id,
            message,
            is_referred,
            has_file,
            is_old,
        };
        Some((posted, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Sample, records};
    use antar_domain::Event;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_message_is_written_as_its_record_is(seed in any::<u64>()) {
            let mut seed = seed;
            let mut draw = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed >> 13
            };
            let Some(Event::Posted(posted)) = Record::from(Posted::sample(&mut draw)).event() else {
                panic!("a message is an event");
            };
            let (mut written, mut record) = (Vec::new(), Vec::new());
            encode_posted(&posted, &mut written).unwrap();
            records(&[Event::Posted(posted)])[0].encode(&mut record).unwrap();
            prop_assert_eq!(&written, &record);
            let (raw, rest) = Raw::take(&written).unwrap();
            prop_assert!(matches!(raw, Raw::Posted(_)) && rest.is_empty());
            prop_assert_eq!(raw.read(), Record::take(&record).map(|(record, _)| record));
        }
    }
}
