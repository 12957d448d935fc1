//! What a peer is owed, sent as it follows.

use super::Position;
use crate::Context;
use crate::{Bug, Effects, Event, Output, PeerId, State};
use antar_types::{Capabilities, Code, Entry};
use std::sync::Arc;

/// Entries, and about how many bytes of them, sent past what the peer has told to be durable.
const WINDOW: (u64, u64) = (8_192, 2 << 20);

/// The longest text that a link carries, in bytes, whatever this realm allows among its own users: the
/// line it stands in, where each character may be escaped, must be one that the other side reads.
pub const LONGEST_TEXT: usize = 100 << 10;

impl Context<'_> {
    /// A peer has told how far what it was owed is durable there.
    pub fn acked(&mut self, peer: PeerId, acked: Position) -> Result<(), Code> {
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(()) };
        if acked == out.acked {
            return Ok(());
        }
        let (hour, _) = self.state.limits.ack_hours();
        let (total, hour) = (out.total_at(acked.seq), self.readings.now.0 / hour);
        let floor = out.floor;
        // Where the clock was put back: the latest is the one that counts after a start.
        let ahead: Vec<u64> = out.acks.range(hour + 1..).map(|(hour, _)| *hour).collect();
        for hour in ahead {
            self.emit(Event::Trimmed { peer, floor, hour: Some(hour) })?;
        }
        self.emit(Event::Acked { peer, acked, total, hour })
    }
}

impl State {
    /// Has what is owed sent to every peer that follows, as far as it may be under way. A driver calls
    /// this once it has stepped through what it had: many messages go at once.
    pub fn flush(&mut self, effects: &mut Effects) {
        let planted = self.is_planted(Bug::SendsAllOrigins);
        let Self { links, durable, .. } = self;
        for (conn, c) in &mut links.conns {
            let (Some(peer), Some(sent)) = (c.peer, c.sent) else { continue };
            let Some(out) = durable.peers.get(&peer).map(|known| &known.out) else { continue };
            let each = out.owed_bytes() / out.owed().max(1) + 1;
            let window = (WINDOW.1 / each).clamp(16, WINDOW.0);
            let last = out.tip.seq.min(out.acked.seq.max(out.floor.seq) + window);
            if last <= sent {
                continue;
            }
            c.sent = Some(last);
            let (conn, epoch, first) = (*conn, out.epoch, sent + 1);
            let fresh = out.recent(first, last);
            let can = if planted { Capabilities::ALL } else { c.can };
            effects.outputs.push(Output::Deliver { conn, peer, epoch, can, first, last, fresh });
        }
    }
}

/// What appends an entry to a log.
pub(crate) fn owe(out: &super::Outbox, peer: PeerId, entry: Entry) -> Event {
    owe_after(out, (out.tip, out.total()), peer, entry)
}

/// As [`owe`], after entries that are not applied yet: with them the log stands at `(tip, total)`.
pub(crate) fn owe_after(
    out: &super::Outbox,
    (tip, total): (Position, u64),
    peer: PeerId,
    entry: Entry,
) -> Event {
    let since = out.oldest().unwrap_or(entry.time);
    let tip = Position { seq: tip.seq + 1, chain: tip.chain.with(&entry) };
    Event::Owed { peer, tip, total: total + entry.size(), since, entry: Arc::new(entry) }
}
