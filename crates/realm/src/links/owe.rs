//! What a peer is owed, sent as it follows.

use super::live::cursor_words;
use super::{Epoch, Position, Step};
use crate::{ConnId, Event, Output, RealmId};
use antar_wire::{Chain, Code, Entry, Value};
use std::sync::Arc;

/// Entries sent past what the peer has told to be durable.
const WINDOW: u64 = 8_192;

/// Entries, and bytes of them, that one DELIVER carries at most; one entry always fits.
const BATCH: (usize, usize) = (512, 32 << 10);

/// The longest text that a link carries, in bytes, whatever this realm allows among its own users: the
/// line it stands in, where each character may be escaped, must be one that the other side reads.
pub(crate) const LONGEST: usize = 100 << 10;

impl Step<'_> {
    /// Has what is owed sent to every peer that follows, as far as it may be under way.
    pub fn send_owed(&mut self) {
        let conns: Vec<(ConnId, RealmId, u64)> = (self.links().conns.iter())
            .filter_map(|(conn, c)| Some((*conn, c.realm?, c.sent?)))
            .collect();
        for (conn, realm, sent) in conns {
            let Some(out) = self.peer(realm).map(|peer| &peer.out) else { continue };
            let last = out.tip.seq.min(out.acked.seq.max(out.floor.seq) + WINDOW);
            if last <= sent {
                continue;
            }
            let (epoch, first) = (out.epoch, sent + 1);
            if let Some(c) = self.conn(conn) {
                c.sent = Some(last);
            }
            self.output(Output::Deliver { conn, realm, epoch, first, last });
        }
    }

    /// A peer has told how far what it was owed is durable there.
    pub fn acked(&mut self, realm: RealmId, acked: Position) -> Result<(), Code> {
        let Some(out) = self.peer(realm).map(|peer| &peer.out) else { return Ok(()) };
        if acked == out.acked {
            return Ok(());
        }
        let (hour, _) = self.state.limits.ack_hours();
        let (total, hour) = (out.total_at(acked.seq), self.moment.now.0 / hour);
        self.emit(Event::Acked { realm, acked, total, hour })
    }
}

/// What appends an entry to a log.
pub(crate) fn owe(out: &super::record::OutLog, realm: RealmId, entry: Entry) -> Event {
    let since = out.oldest().unwrap_or(entry.time);
    let (tip, total) = (out.with(&entry), out.total_with(&entry));
    Event::Owed { realm, tip, total, since, entry: Arc::new(entry) }
}

/// The lines that carry entries of a log, given in order with the hash at each: `DELIVER EPOCH FIRST
/// CHAIN [entry, …]`, FIRST the number of the first and CHAIN the hash at the last.
pub fn deliveries(epoch: Epoch, entries: &[(Position, Arc<Entry>)]) -> Vec<String> {
    let (mut lines, mut rest) = (Vec::new(), entries);
    while let Some((first, _)) = rest.first() {
        let (mut list, mut bytes, mut chain) = (Vec::new(), 0, Chain::START);
        for (at, entry) in rest {
            bytes += entry.size() as usize;
            if !list.is_empty() && (bytes > BATCH.1 || list.len() >= BATCH.0) {
                break;
            }
            list.push(entry.to_json());
            chain = at.chain;
        }
        rest = &rest[list.len()..];
        let at = Position { seq: first.seq, chain };
        lines.push(format!("DELIVER {} {}", cursor_words(epoch, at), Value::Array(list)));
    }
    lines
}
