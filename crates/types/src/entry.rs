//! What one realm owes another, and the chain of hashes that shows whether two logs are the same.

use crate::{Name, Notice, Text, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
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

    /// Appends entries as they stand in a link's DELIVER: a list of `[kind, milliseconds, from, to,
    /// text]`.
    pub fn write_list<'a>(entries: impl IntoIterator<Item = &'a Self>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, entry) in entries.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let (from, to, text) = (entry.from.as_str(), entry.to.as_str(), entry.text.as_str());
            let fields = (entry.kind.as_str(), entry.time.0, from, to, text);
            let written = serde_json::to_writer(&mut *out, &fields);
            debug_assert!(written.is_ok(), "a Vec takes every write");
        }
        out.push(b']');
    }

    /// Reads what [`Entry::write_list`] writes; `None` where it is anything else or a text is longer
    /// than `limit` bytes.
    pub fn parse_list(list: &str, limit: usize) -> Option<Vec<Self>> {
        let list: Vec<Fields<'_>> = serde_json::from_str(list).ok()?;
        list.into_iter().map(|fields| fields.entry(limit)).collect()
    }
}

/// An entry's fields as they are read.
#[derive(Deserialize)]
struct Fields<'a>(
    #[serde(borrow)] Cow<'a, str>,
    u64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
);

impl Fields<'_> {
    fn entry(self, limit: usize) -> Option<Entry> {
        let Self(kind, time, from, to, text) = self;
        Some(Entry {
            kind: EntryKind::parse(&kind)?,
            time: Time(time),
            from: Name::parse(&from)?,
            to: Name::parse(&to)?,
            text: Text::parse(&text, limit).ok()?,
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

    fn written(entries: &[Entry]) -> String {
        let mut out = Vec::new();
        Entry::write_list(entries, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn entries_read_as_they_were_written() {
        let kinds = [EntryKind::Private, EntryKind::Group, EntryKind::Notice(Notice::UserNotFound)];
        let list = kinds.map(|kind| Entry { kind, ..entry("a\t\"é\u{2028}") });
        assert_eq!(Entry::parse_list(&written(&list), 99).as_deref(), Some(&list[..]));
        assert_eq!(written(&list[..1]), "[[\"private\",7,\"amy\",\"bob\",\"a\\t\\\"é\u{2028}\"]]");
        assert_eq!(Entry::parse_list(&written(&[entry("long")]), 3), None);
        for bad in [
            "",
            "{}",
            "[[]]",
            r#"[["private",1,"a","b"]]"#,
            r#"[["x",1,"a","b","c"]]"#,
            r#"[["group",1,"a","b","c\n"]]"#,
            r#"[["group",1,"a","b","c"],1]"#,
        ] {
            assert_eq!(Entry::parse_list(bad, 99), None, "{bad}");
        }
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
