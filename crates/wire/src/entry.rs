//! What one realm owes another, and the chain of hashes that shows whether two logs are the same.

use crate::{Name, Notice, Text, TextError, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Notice(notice) => notice.as_str(),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "private" => Some(Self::Private),
            "group" => Some(Self::Group),
            _ => Notice::parse(word).map(Self::Notice),
        }
    }
}

impl Entry {
    /// About how much it takes, in bytes: what limits on a link are counted in.
    pub fn size(&self) -> u64 {
        (64 + self.from.as_str().len() + self.to.as_str().len() + self.text.as_str().len()) as u64
    }

    /// As it stands in a link's DELIVER: `[kind, milliseconds, from, to, text]`.
    pub fn to_json(&self) -> Value {
        let (from, to, text) = (self.from.as_str(), self.to.as_str(), self.text.as_str());
        json!([self.kind.as_str(), self.time.0, from, to, text])
    }

    /// Reads what [`Entry::to_json`] writes; `None` where it is anything else or the text is longer
    /// than `limit` bytes.
    pub fn from_json(value: &Value, limit: usize) -> Option<Self> {
        let fields: &[Value; 5] = value.as_array()?.as_slice().try_into().ok()?;
        let [kind, time, from, to, text] = fields;
        let text: Result<Text, TextError> = Text::parse(text.as_str()?, limit);
        Some(Self {
            kind: EntryKind::parse(kind.as_str()?)?,
            time: Time(time.as_u64()?),
            from: Name::parse(from.as_str()?)?,
            to: Name::parse(to.as_str()?)?,
            text: text.ok()?,
        })
    }
}

/// The hash of a log up to some entry: half of a SHA-256, each over the one before and the entry.
/// Where two logs have the same at an entry, they are the same up to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chain([u8; 16]);

impl Chain {
    /// Before the first entry.
    pub const START: Self = Self([0; 16]);

    /// The chain with one more entry. No field holds a NUL, so no two entries read alike.
    #[must_use]
    pub fn with(self, entry: &Entry) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(entry.time.0.to_be_bytes());
        let texts = [entry.kind.as_str(), entry.from.as_str(), entry.to.as_str()];
        for text in texts {
            hash.update(text);
            hash.update([0]);
        }
        hash.update(entry.text.as_str());
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
        Entry { kind: EntryKind::Private, time: Time(7), from: name("amy"), to: name("bob"), text }
    }

    #[test]
    fn an_entry_reads_as_it_was_written() {
        for kind in [EntryKind::Private, EntryKind::Group, EntryKind::Notice(Notice::UserNotFound)]
        {
            let entry = Entry { kind, ..entry("a\t\"é\u{2028}") };
            assert_eq!(Entry::from_json(&entry.to_json(), 99), Some(entry));
        }
        assert_eq!(Entry::from_json(&entry("long").to_json(), 3), None);
        for bad in [json!([]), json!(["private", 1, "a", "b"]), json!(["x", 1, "a", "b", "c"])] {
            assert_eq!(Entry::from_json(&bad, 99), None, "{bad}");
        }
        assert_eq!(Entry::from_json(&json!(["group", 1, "a", "b", "c\n"]), 99), None);
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
