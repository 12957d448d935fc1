//! What only some messages have.

use crate::{File, Reactions, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What only some messages have: a plain one has none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// What it is besides a text that somebody says.
    pub kind: Option<MessageKind>,
    /// The id of the message in its conversation that it answers.
    pub reply: Option<u64>,
    /// What its sender calls it.
    pub reference: Option<Reference>,
    /// When the sender's realm took it, where that is another one.
    pub sent: Option<Time>,
    /// When its sender last gave it another text.
    pub edited: Option<Time>,
    /// It was deleted: it has no text any more, nor anything else that was said with it.
    pub deleted: bool,
    /// How others have reacted to it.
    pub reactions: Reactions,
    /// Where what it says is in the log of what another realm is owed, where it went to one.
    pub carried: Option<Carried>,
    /// It is on disk at the realm that it went to, as its sender is told. This is looked up when it is shown, and never
    /// kept.
    pub delivered: bool,
    /// The file that comes with it.
    pub file: Option<Box<File>>,
    /// Its id at the realm where its group was made, where that is another one.
    pub place: Option<u64>,
    /// The realm where its group was made was put back, and does not have it any more.
    pub lost: bool,
    /// The number under which it was posted in its author's realm, where its group is of another one.
    pub asked: Option<u64>,
    /// It waits for its place in a group of another realm. Those that wait are kept apart, so this is never kept.
    pub pending: bool,
}

/// Entries of a log that hold what a message says: the first that was written, and the last, with its latest edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

impl Extras {
    /// As a message has them: not at all where there are none.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// About how many bytes of memory they take.
    pub fn memory(&self) -> usize {
        let reference = self.reference.as_ref().map_or(0, |reference| reference.0.len());
        let file = self.file.as_ref().map_or(0, |file| file.memory());
        size_of::<Self>() + reference + file + self.reactions.memory()
    }
}

/// What a message is, if not a text that somebody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// What somebody does: `/me waves`.
    Action,
    /// What a program has to say, to which no program answers.
    Notice,
}

impl MessageKind {
    /// The word shown under `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Notice => "notice",
        }
    }

    /// Reads what [`MessageKind::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Action, Self::Notice].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a client calls a message that it posts, so that posting it again posts nothing more: 1 to 64 of
/// `A–Z a–z 0–9 . _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Box<str>")]
pub struct Reference(Arc<str>);

/// The longest [`Reference`], in bytes.
const MAX_REFERENCE: usize = 64;

impl Reference {
    /// Checks a word.
    pub fn parse(word: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let valid = (1..=MAX_REFERENCE).contains(&word.len()) && word.bytes().all(allowed);
        valid.then(|| Self(word.into()))
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Box<str>> for Reference {
    type Error = &'static str;

    fn try_from(word: Box<str>) -> Result<Self, Self::Error> {
        Self::parse(&word).ok_or("no reference")
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_word_of_bounded_length() {
        for valid in ["a", "A-z_0.9", &"x".repeat(64)] {
            assert_eq!(Reference::parse(valid).unwrap().as_str(), valid);
        }
        for invalid in ["", "a b", "é", "a:b", "a=b", &"x".repeat(65)] {
            assert!(Reference::parse(invalid).is_none(), "{invalid}");
        }
    }

    #[test]
    fn none_take_no_memory() {
        assert_eq!(Extras::default().boxed(), None);
        let extras = Extras { reply: Some(7), ..Extras::default() };
        assert_eq!(extras.clone().boxed().as_deref(), Some(&extras));
    }
}
