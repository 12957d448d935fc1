//! Entries of another realm's log, those of kinds unknown here too.

use crate::{Chain, Entry, Name, Text, Time};

/// An entry of another realm's log, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingEntry {
    /// An entry that this version understands.
    Known(Entry),
    /// An entry of a kind that it does not.
    Unknown(UnknownEntry),
}

/// An entry of a kind that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEntry {
    /// The kind.
    pub kind: Box<str>,
    /// The entry as it came, whatever a door makes of it: a list, as JSON.
    pub fields: Box<str>,
    /// What it adds to the hash: kind, time, sender, recipient and text.
    pub hashed: (Box<str>, Time, Name, Name, Text),
}

impl IncomingEntry {
    /// The hash of a log with this entry, where it was `before`.
    #[must_use]
    pub fn chain(&self, before: Chain) -> Chain {
        match self {
            Self::Known(entry) => before.with(entry),
            Self::Unknown(UnknownEntry { hashed: (kind, time, from, to, text), .. }) => {
                before.with_fields(kind, *time, [from.as_str(), to.as_str(), text.as_str()])
            }
        }
    }

    /// The entry, where this version understands it.
    pub fn known(&self) -> Option<&Entry> {
        match self {
            Self::Known(entry) => Some(entry),
            Self::Unknown(_) => None,
        }
    }
}
