//! Names of users, groups and realms.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest name, in characters (all of them ASCII).
pub const MAX_NAME: usize = 64;

/// A valid name as first written: 1–64 of `A–Z a–z 0–9 . _ -`, the first a letter or digit
/// (protocol section 1). Cheap to clone. Compare names by [`Name::folded`].
#[derive(Clone, PartialEq, Eq)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks a word; `None` where it breaks the rule above.
    ///
    /// ```
    /// use antar_types::Name;
    /// assert!(Name::parse("messi.10").is_some());
    /// assert!(Name::parse("-x").is_none());
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        let first = *word.as_bytes().first()?;
        let valid = word.len() <= MAX_NAME
            && first.is_ascii_alphanumeric()
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        valid.then(|| Self(word.into()))
    }

    /// The name as first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The key under which a map has the name.
    pub fn key(&self) -> NameKey {
        NameKey::of(&self.0).unwrap_or(NameKey { head: 0, tail: None })
    }

    /// The form under which names are equal.
    pub fn folded(&self) -> Folded {
        Folded::new(&self.0).unwrap_or(Folded { bytes: [0; MAX_NAME], len: 0 })
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadsName)
    }
}

/// Reads a name without a copy of the word in between.
struct ReadsName;

impl Visitor<'_> for ReadsName {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a valid name")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Name, E> {
        Name::parse(word).ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word folded to lower case on the stack, to look names up without allocating.
#[derive(Clone, Copy)]
pub struct Folded {
    bytes: [u8; MAX_NAME],
    len: u8,
}

impl Folded {
    /// Folds a word; `None` where it is too long or not ASCII, so that it names nothing.
    pub fn new(word: &str) -> Option<Self> {
        if word.len() > MAX_NAME || !word.is_ascii() {
            return None;
        }
        let mut bytes = [0; MAX_NAME];
        bytes[..word.len()].copy_from_slice(word.as_bytes());
        bytes[..word.len()].make_ascii_lowercase();
        let len = u8::try_from(word.len()).ok()?;
        Some(Self { bytes, len })
    }
}

impl Deref for Folded {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// A folded name as the key of a map, in the order of folded names: most names are compared as one number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameKey {
    /// The first characters; no name has a zero.
    head: u128,
    /// What follows them, where there is more.
    tail: Option<Box<str>>,
}

impl NameKey {
    /// The key of a word in any case; `None` where the word is too long or not ASCII, so that it names nothing.
    pub fn of(word: &str) -> Option<Self> {
        const HEAD: usize = size_of::<u128>();
        if word.len() > MAX_NAME || !word.is_ascii() {
            return None;
        }
        let (head, tail) = word.split_at(word.len().min(HEAD));
        let mut bytes = [0; HEAD];
        bytes[..head.len()].copy_from_slice(head.as_bytes());
        bytes.make_ascii_lowercase();
        let tail = (!tail.is_empty()).then(|| tail.to_ascii_lowercase().into());
        Some(Self { head: u128::from_be_bytes(bytes), tail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_rule() {
        for good in ["a", "Z9", "0", "a.b_c-d", &"x".repeat(64)] {
            assert!(Name::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".a", "_a", "-a", "~a", "a b", "a/b", "é", "a\u{0}", &"x".repeat(65)] {
            assert!(Name::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn folds_case_and_keeps_what_was_written() {
        let name = Name::parse("Messi").unwrap();
        assert_eq!(name.as_str(), "Messi");
        assert_eq!(&*name.folded(), "messi");
        assert!(Folded::new(&"x".repeat(65)).is_none());
        assert!(Folded::new("é").is_none());
    }

    #[test]
    fn keys_are_equal_and_in_order_where_folded_names_are() {
        let (head, long) = ("x".repeat(16), "x".repeat(17));
        let names = ["a", "A", "ab", "b", &head, &long, "XXXXXXXXXXXXXXXXX", &"x".repeat(64), "y"];
        for one in names {
            for other in names {
                let folded = one.to_ascii_lowercase().cmp(&other.to_ascii_lowercase());
                assert_eq!(NameKey::of(one).cmp(&NameKey::of(other)), folded, "{one} {other}");
            }
        }
        assert_eq!(NameKey::of(&"x".repeat(65)), None);
        assert_eq!(NameKey::of("é"), None);
    }
}
