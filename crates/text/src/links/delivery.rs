//! The lines that carry entries of a log to a peer.

use super::entries::write_entries;
use super::request::cursor;
use antar_domain::links::{Epoch, Position};
use antar_types::{Capabilities, Chain, Entry};
use std::sync::Arc;

/// Entries, and bytes of them, that one DELIVER carries at most; one entry always fits.
const BATCH: (usize, usize) = (512, 32 << 10);

/// Appends the lines that carry entries of a log, given in order with the hash at each: `DELIVER EPOCH
/// FIRST CHAIN [entry, …]`, FIRST the number of the first and CHAIN the hash at the last. What the other
/// realm cannot take of an entry is left out.
pub fn deliveries(
    epoch: Epoch,
    can: Capabilities,
    entries: &[(Position, Arc<Entry>)],
    out: &mut Vec<u8>,
) {
    let mut rest = entries;
    while let Some((first, _)) = rest.first() {
        let (mut count, mut bytes, mut chain) = (0, 0, Chain::START);
        for (at, entry) in rest {
            bytes += entry.size() as usize;
            if count > 0 && (bytes > BATCH.1 || count >= BATCH.0) {
                break;
            }
            count += 1;
            chain = at.chain;
        }
        let (batch, after) = rest.split_at(count);
        rest = after;
        let at = Position { seq: first.seq, chain };
        out.extend_from_slice(format!("DELIVER {} ", cursor(epoch, at)).as_bytes());
        write_entries(batch.iter().map(|(_, entry)| &**entry), can, out);
        out.push(b'\n');
    }
}
