//! A place in everything that concerns a user.

use std::fmt;

/// How far a client has followed what concerns its user: protocol, *Conversations*. Clients see a word that they hand
/// back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncCursor {
    /// Drawn when a realm is made, and again when it is put back from a backup: a cursor from before is none
    /// of what follows.
    pub epoch: u64,
    /// Everything up to this id was told.
    pub id: u64,
}

impl SyncCursor {
    /// Reads what `Display` writes; `None` where it is nothing like that.
    pub fn parse(word: &str) -> Option<Self> {
        let (epoch, id) = word.split_once('-')?;
        let is_plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_plain(epoch) || !is_plain(id) {
            return None;
        }
        Some(Self { epoch: u64::from_str_radix(epoch, 16).ok()?, id: id.parse().ok()? })
    }
}

impl fmt::Display for SyncCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = SyncCursor { epoch: 0xfeed, id: 42 };
        assert_eq!(cursor.to_string(), "feed-42");
        assert_eq!(SyncCursor::parse("feed-42"), Some(cursor));
        for word in ["", "-", "feed", "feed-", "-42", "feed-+42", "feed-x", "feed-42-1", "+1-2"] {
            assert_eq!(SyncCursor::parse(word), None, "{word}");
        }
    }
}
