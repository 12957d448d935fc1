//! What one realm owes another, and the chain of hashes that shows whether two logs are the same.

use crate::{Message, Name, Notice, Text, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// One message on its way to another realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// When the sending realm took it.
    pub time: Time,
    /// The sender there; for a notice, the user or group that does not exist.
    pub from: Name,
    /// The user or group here.
    pub to: Name,
    /// What was written.
    pub text: Text,
    /// Which message it is, or tells of: where both realms go by that, and it is known. It is no part of
    /// the hash, so an entry can go to a realm that does not take it.
    pub origin: Option<EntryOrigin>,
}

/// A message and its sender, as the realm where it was written numbers them. The message that an entry
/// carries is of the sending realm; one that a notice tells of is of the realm that the notice goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryOrigin {
    /// The message's id.
    pub id: u64,
    /// The number of its sender's account, which no other account ever has.
    pub account: u64,
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A message to a user.
    Private,
    /// A message to a group.
    Group,
    /// Why a message from there could not be delivered.
    Notice(Notice),
}

impl EntryKind {
    /// The word for it, on a link and in the hash of a log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Notice(notice) => notice.as_str(),
        }
    }

    /// Reads what [`EntryKind::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "private" => Some(Self::Private),
            "group" => Some(Self::Group),
            _ => Notice::parse(word).map(Self::Notice),
        }
    }
}

impl Entry {
    /// What carries a message that an account of this realm wrote.
    pub fn of(kind: EntryKind, message: &Message, account: u64) -> Self {
        let Message { id, time, from, to, text, .. } = message.clone();
        Self { kind, time, from, to, text, origin: Some(EntryOrigin { id, account }) }
    }

    /// About how much it takes, in bytes: what limits on a link are counted in.
    pub fn size(&self) -> u64 {
        (64 + self.from.as_str().len() + self.to.as_str().len() + self.text.as_str().len()) as u64
    }
}

/// The hash of a log up to some entry: half of a SHA-256, each over the one before and the entry.
/// Where two logs have the same at an entry, they are the same up to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chain([u8; 16]);

impl Chain {
    /// Before the first entry.
    pub const START: Self = Self([0; 16]);

    /// The chain with one more entry.
    #[must_use]
    pub fn with(self, entry: &Entry) -> Self {
        let (from, to, text) = (entry.from.as_str(), entry.to.as_str(), entry.text.as_str());
        self.with_fields(entry.kind.as_str(), entry.time, [from, to, text])
    }

    /// The same for the fields of an entry of any kind. No field holds a NUL, so no two entries read alike.
    pub fn with_fields(self, kind: &str, time: Time, [from, to, text]: [&str; 3]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(time.0.to_be_bytes());
        for text in [kind, from, to] {
            hash.update(text);
            hash.update([0]);
        }
        hash.update(text);
        let whole: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        Self(half)
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(word: &str) -> Option<Self> {
        let valid = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| u128::from_str_radix(word, 16).ok())?.map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        let name = |n| Name::parse(n).unwrap();
        let text = Text::parse(text, 99).unwrap();
        let (kind, time, origin) = (EntryKind::Private, Time(7), None);
        Entry { kind, time, from: name("amy"), to: name("bob"), text, origin }
    }

    #[test]
    fn a_chain_tells_every_difference() {
        let one = Chain::START.with(&entry("one"));
        assert_eq!(one, Chain::START.with(&entry("one")));
        assert_ne!(one, Chain::START.with(&entry("two")));
        assert_ne!(one, one.with(&entry("one")));
        assert_eq!(Chain::parse(&one.to_string()), Some(one));
        assert_eq!(Chain::parse("+f"), None);
    }
}
