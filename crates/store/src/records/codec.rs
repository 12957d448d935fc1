//! How values are written: as postcard does, after a version.

use super::{Listed, Record, pass_message};
use crate::StoreError;
use crate::layout::hex;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Appends a value.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), StoreError> {
    postcard::serialize_with_flavor(value, Append(out))
        .map_err(|e| StoreError::Engine(format!("cannot encode: {e}")))
}

/// Appends to what is there; postcard's own flavor for this goes byte by byte.
struct Append<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // Numbers most often, of a few bytes: a call to copy them costs more than they do.
        match bytes.len() {
            0..=8 => bytes.iter().for_each(|byte| self.0.push(*byte)),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends a number as [`encode`] does: seven bits a byte, the lowest first. Numbers are half of what it takes to write
/// a message, so they are put together before they are appended.
#[inline]
pub fn encode_number(number: u64, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(byte @ ..0x80) => out.push(byte),
        _ => encode_long(number, out),
    }
}

fn encode_long(number: u64, out: &mut Vec<u8>) {
    let (mut bytes, mut at, mut left) = (0, 0, number);
    while left >= 0x80 && at < 56 {
        bytes |= (left & 0x7f | 0x80) << at;
        left >>= 7;
        at += 8;
    }
    if left >= 0x80 {
        // Longer than what fits: the first seven bytes are there.
        out.extend_from_slice(&bytes.to_le_bytes()[..7]);
        return encode_long(left, out);
    }
    bytes |= left << at;
    let end = out.len() + at / 8 + 1;
    out.extend_from_slice(&bytes.to_le_bytes());
    out.truncate(end);
}

/// Appends a text as [`encode`] does.
pub fn encode_text(text: &str, out: &mut Vec<u8>) {
    encode_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Reads the first value of some bytes, and returns what follows it.
pub fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<(T, &'a [u8])> {
    postcard::take_from_bytes(bytes).ok()
}

/// Reads a value that has no version; the key says which one was damaged.
pub fn decode<'a, T: Deserialize<'a>>(key: &[u8], value: &'a [u8]) -> Result<T, StoreError> {
    match take(value) {
        Some((decoded, [])) => Ok(decoded),
        _ => Err(damaged(key)),
    }
}

/// Reads a record.
pub fn decode_record(key: &[u8], value: &[u8]) -> Result<Record, StoreError> {
    match Record::take(value) {
        Some((record, [])) => Ok(record),
        _ => Err(damaged(key)),
    }
}

/// Appends a run.
pub fn encode_run<'a, T: Listed + 'a>(
    run: impl IntoIterator<Item = &'a T>,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    out.push(T::VERSION);
    run.into_iter().try_for_each(|entry| encode(entry, out))
}

/// Where in runs of messages each of them begins, by id.
#[derive(Default)]
pub struct Offsets(Vec<(u64, usize)>);

impl Offsets {
    /// Reads where those of a run begin, and nothing more of them; says which stretch of all that is.
    pub fn read(&mut self, key: &[u8], value: &[u8]) -> Result<Range<usize>, StoreError> {
        let (version, mut rest) = entries(value).ok_or_else(|| damaged(key))?;
        let first = self.0.len();
        while !rest.is_empty() {
            let at = value.len() - rest.len();
            let passed = pass_message(version, rest).ok_or_else(|| damaged(key))?;
            self.0.push((passed.id, at));
            rest = passed.rest;
        }
        Ok(first..self.0.len())
    }

    /// Where a message of a run begins; `None` where it is not there.
    pub fn of(&self, run: &Range<usize>, id: u64) -> Option<usize> {
        let run = self.0.get(run.clone())?;
        let at = run.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        run.get(at).map(|(_, offset)| *offset)
    }
}

/// Reads a run.
pub fn decode_run<T: Listed>(key: &[u8], value: &[u8]) -> Result<Vec<T>, StoreError> {
    let (version, mut rest) = entries(value).ok_or_else(|| damaged(key))?;
    let mut run = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = T::take(version, rest).ok_or_else(|| damaged(key))?;
        run.push(entry);
        rest = after;
    }
    Ok(run)
}

/// The version of a run, and its entries: there is one at least.
pub fn entries(value: &[u8]) -> Option<(u8, &[u8])> {
    let (version, entries) = value.split_first()?;
    (!entries.is_empty()).then_some((*version, entries))
}

pub fn damaged(key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("the value of key {} is unreadable", hex(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_postcard_does(number: u64, shorter in 0..64) {
            let number = number >> shorter;
            let mut written = vec![1];
            encode_number(number, &mut written);
            let mut expected = vec![1];
            encode(&number, &mut expected).unwrap();
            prop_assert_eq!(written, expected);
        }
    }
}
