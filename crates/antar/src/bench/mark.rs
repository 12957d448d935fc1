//! What a message of the load is known by where it arrives.

use std::sync::LazyLock;
use std::time::Instant;

/// When this process began to count microseconds.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Microseconds since this process began to count.
pub fn micros(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(*BEGAN).as_micros()).unwrap_or(u64::MAX)
}

/// The beginning of a text: who sent it, which of theirs it is, and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub connection: u32,
    pub serial: u32,
    pub micros: u64,
}

/// Hexadecimal digits of each part.
const DIGITS: [usize; 3] = [6, 8, 12];

impl Mark {
    /// Bytes that a mark takes.
    pub const SIZE: usize = DIGITS[0] + DIGITS[1] + DIGITS[2];

    /// Writes it over the first [`Mark::SIZE`] bytes of a text.
    pub fn put(self, text: &mut [u8]) {
        let parts = [u64::from(self.connection), u64::from(self.serial), self.micros];
        let mut at = 0;
        for (part, digits) in parts.into_iter().zip(DIGITS) {
            for (i, byte) in text[at..at + digits].iter_mut().enumerate() {
                let digit = (part >> (4 * (digits - 1 - i))) & 15;
                *byte = b"0123456789abcdef"[digit as usize];
            }
            at += digits;
        }
    }

    /// Reads it off the beginning of a text.
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text.get(..Self::SIZE)?).ok()?;
        let (connection, rest) = text.split_at_checked(DIGITS[0])?;
        let (serial, micros) = rest.split_at_checked(DIGITS[1])?;
        let hex = |part| u64::from_str_radix(part, 16).ok();
        let (connection, serial) =
            (hex(connection)?.try_into().ok()?, hex(serial)?.try_into().ok()?);
        Some(Self { connection, serial, micros: hex(micros)? })
    }

    /// Reads it off an event whose text, of so many bytes, is the last thing in it.
    pub fn of_event(event: &[u8], text: usize) -> Option<Self> {
        Self::read(event.get(event.len().checked_sub(text + 2)?..)?)
    }

    /// What no other message of this process has.
    pub fn key(self) -> u64 {
        u64::from(self.connection) << 32 | u64::from(self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_put() {
        let mark = Mark { connection: 0x12_3456, serial: u32::MAX, micros: 1 << 40 };
        let mut text = *b"some words of a text that is long enough";
        mark.put(&mut text);
        assert_eq!(Mark::read(&text), Some(mark));
        assert!(text.ends_with(b"is long enough"));
        assert_eq!(Mark::read(b"some words of a text that is long enough"), None);
        assert_eq!(Mark::read(b"00"), None);
        let event = [br#"{"event":"message","message":""#, &text[..], br#""}"#].concat();
        assert_eq!(Mark::of_event(&event, text.len()), Some(mark));
        assert_eq!(Mark::of_event(b"{}", text.len()), None);
    }
}
