//! A batch in the log: [`HEADER`] bytes (length, number, checksum of both and of the payload) and the payload,
//! padded to whole [`PAGE`]s: what was synced is never written again. The number tells a record from what an
//! earlier use of the file left behind.

use crate::StoreError;
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// What the system writes at once: a record that shared one with the record before would have that
/// one written again, or first be read.
pub const PAGE: usize = 4096;

/// Length (4 bytes), number and checksum (8 bytes each), all little-endian.
pub(super) const HEADER: usize = 20;

/// A batch as the log has it, where direct writes can take it from: at an address that is a multiple
/// of [`PAGE`].
#[derive(Default)]
pub struct Record {
    buffer: Vec<u8>,
    start: usize,
    size: usize,
}

impl Record {
    /// What was written last, padded to whole pages.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..][..self.size]
    }

    /// Makes it this batch.
    pub fn write(&mut self, number: u64, payload: &[u8]) {
        let end = HEADER + payload.len();
        self.size = padded(payload);
        if self.buffer.len() < self.size + PAGE {
            self.buffer = vec![0; self.size + PAGE];
        }
        self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        let record = &mut self.buffer[self.start..][..self.size];
        record[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        record[4..12].copy_from_slice(&number.to_le_bytes());
        record[12..HEADER].copy_from_slice(&checksum(number, payload).to_le_bytes());
        record[HEADER..end].copy_from_slice(payload);
        record[end..].fill(0);
    }
}

fn checksum(number: u64, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&number.to_le_bytes());
    hash.update(&(payload.len() as u64).to_le_bytes());
    hash.update(payload);
    hash.digest()
}

/// The record at the beginning of some bytes: its number and payload, if it is whole.
pub(super) fn read_record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let number = u64::from_le_bytes(*number);
    let whole = number > 0 && checksum(number, payload) == u64::from_le_bytes(*check);
    whole.then_some((number, payload))
}

/// Bytes that the record of a batch takes.
pub(super) fn padded(payload: &[u8]) -> usize {
    (HEADER + payload.len()).next_multiple_of(PAGE)
}

/// Replays the batches of a segment that may have these numbers, and returns the number after its last.
pub fn read_segment(
    bytes: &[u8],
    numbers: Range<u64>,
    replay: &mut impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (mut rest, mut next) = (bytes, numbers.start);
    while let Some((number, payload)) = read_record(rest).filter(|(number, _)| *number == next) {
        if next >= numbers.end {
            return Ok(next);
        }
        replay(number, payload)?;
        next += 1;
        let size = padded(payload);
        rest = rest.get(size..).unwrap_or_default();
    }
    // Each batch was synced before the next was written: a later one after a damaged one means that
    // the damaged one had been whole.
    while !rest.is_empty() {
        if let Some((number, _)) = read_record(rest).filter(|(number, _)| *number > next) {
            return Err(StoreError::Corrupt(format!(
                "batch {next} in the log is damaged, and batch {number} is whole"
            )));
        }
        rest = rest.get(PAGE..).unwrap_or_default();
    }
    Ok(next)
}
