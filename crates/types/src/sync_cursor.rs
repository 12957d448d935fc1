//! A place in everything that concerns a user.

use crate::words::split;
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
        let (epoch, id) = split(word, b'-')?;
        // That numbers may be led by one is the library's rule, and not ours.
        if epoch.starts_with('+') || id.starts_with('+') {
            return None;
        }
        Some(Self { epoch: u64::from_str_radix(epoch, 16).ok()?, id: id.parse().ok()? })
    }

    /// The word that clients see: the epoch in base 16, and the id. Every SYNC is answered with one, so it is made
    /// without the formatter.
    pub fn word(self) -> String {
        let mut word = String::with_capacity(16 + 1 + 20);
        let digits = (u64::BITS - (self.epoch | 1).leading_zeros()).div_ceil(4);
        for at in (0..digits).rev() {
            word.push(char::from(b"0123456789abcdef"[(self.epoch >> (4 * at) & 15) as usize]));
        }
        word.push('-');
        word.push_str(itoa::Buffer::new().format(self.id));
        word
    }
}

impl fmt::Display for SyncCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = SyncCursor { epoch: 0xfeed, id: 42 };
        assert_eq!(cursor.to_string(), "feed-42");
        for (epoch, id, word) in [
            (0, 0, "0-0"),
            (0x10, 9, "10-9"),
            (u64::MAX, u64::MAX, "ffffffffffffffff-18446744073709551615"),
        ] {
            let cursor = SyncCursor { epoch, id };
            assert_eq!((cursor.word(), SyncCursor::parse(word)), (word.into(), Some(cursor)));
        }
        assert_eq!(SyncCursor::parse("feed-42"), Some(cursor));
        for word in ["", "-", "feed", "feed-", "-42", "feed-+42", "feed-x", "feed-42-1", "+1-2"] {
            assert_eq!(SyncCursor::parse(word), None, "{word}");
        }
    }
}
