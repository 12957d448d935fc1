//! What a peer is owed: from where it follows, and what it is sent.

use super::{Epoch, Position};
use crate::{
    Bug, Context, Effects, Event, Interrupt, Limits, Membership, Output, PeerId, RequestContext,
    Source, State,
};
use antar_types::{
    Capabilities, Chain, Code, Entry, EntryChange, EntryKind, RoomAsk, RoomEntry, RoomSays,
};
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
        let told = self.tell_delivered(peer, acked.seq)?;
        self.note_acked(peer, acked, told)?;
        if told < acked.seq {
            self.read_to_tell_delivered();
        }
        Ok(())
    }

    /// Notes how far what a peer was owed is durable there, and up to where those who wrote it were told so.
    pub fn note_acked(&mut self, peer: PeerId, acked: Position, told: u64) -> Result<(), Code> {
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(()) };
        let (hour, _) = self.state.limits.ack_hours();
        let (total, hour) = (out.total_at(acked.seq), self.readings.now.0 / hour);
        let floor = out.floor;
        // Where the clock was put back: the latest is the one that counts after a start.
        let ahead: Vec<u64> = out.acks.range(hour + 1..).map(|(hour, _)| *hour).collect();
        for hour in ahead {
            self.emit(Event::Trimmed { peer, floor, hour: Some(hour) })?;
        }
        self.emit(Event::Acked { peer, acked, total, hour, told })
    }
}

impl RequestContext<'_> {
    /// FOLLOW: whether a peer's cursor is on our log; then it is sent what follows.
    pub(crate) fn followed(
        &mut self,
        peer: PeerId,
        epoch: Epoch,
        cursor: Position,
    ) -> Result<Option<Position>, Interrupt> {
        let out = &self.state.durable.peers.get(&peer).ok_or(Code::RealmNotFound)?.out;
        let start = match cursor.seq {
            // Either it has never followed, or it is so far behind that nothing can be compared.
            seq if seq <= out.floor.seq && (epoch == Epoch(0) || epoch == out.epoch) => out.floor,
            _ if self.state.is_planted(Bug::SendsOn) => out.tip,
            _ if self.state.is_planted(Bug::NoEpoch) => cursor,
            seq if epoch != out.epoch || seq > out.tip.seq => return Ok(None),
            _ if self.state.is_planted(Bug::NoHash) => cursor,
            seq => match self.chain_at(peer, seq)? {
                Some(chain) if chain == cursor.chain => cursor,
                _ => return Ok(None),
            },
        };
        let is_behind = epoch != Epoch(0) && cursor.seq < out.floor.seq;
        let start = self.past_replaced(peer, start)?;
        self.send_from(peer, start)?;
        if is_behind {
            // What it missed it can have no more, but for who is in groups.
            self.begin_copies(peer)?;
        }
        Ok(Some(start))
    }

    /// REJOIN: a peer has found the last entry that both have.
    pub(crate) fn rejoined(
        &mut self,
        peer: PeerId,
        was: Epoch,
        at: Position,
    ) -> Result<Option<Position>, Interrupt> {
        let out = &self.state.durable.peers.get(&peer).ok_or(Code::RealmNotFound)?.out;
        let (epoch, floor) = (out.epoch, out.floor);
        let start = if at.seq <= floor.seq { floor } else { at };
        if at.seq > floor.seq && self.chain_at(peer, at.seq)? != Some(at.chain) {
            return Ok(None);
        }
        let start = self.past_replaced(peer, start)?;
        let entropy = self.readings.entropy;
        let name = self.name_of(peer);
        if was == epoch && was != Epoch(0) {
            // Same epoch, another past: our own store was put back by hand, and did not know.
            self.emit(Event::EpochBegun(peer, Epoch::new(&entropy)))?;
            if !std::mem::replace(&mut self.links().jumped, true) {
                let Context { state, effects, readings } = &mut self.context;
                state.jump(readings, effects)?;
            }
            let what = format!(
                "this realm's data were put back: {name} has later ones; went on after entry {}",
                start.seq
            );
            self.warn(peer, what.clone());
            self.link(peer).error = Some(what);
        }
        self.send_from(peer, start)?;
        // Its copies may have what this realm does not know of any more.
        self.begin_copies(peer)?;
        Ok(Some(start))
    }

    /// Where a peer goes on that cannot take entries which do not say any more what they did: past the last of
    /// those, where it has told that it had them once, and was put back since.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where it never had them: it could take them when they were replaced, and goes by an older
    /// version since. Nothing is passed over then; it is sent on once it can take them again.
    fn past_replaced(&mut self, peer: PeerId, cursor: Position) -> Result<Position, Interrupt> {
        let conn = self.conn;
        let takes = self.conn(conn).is_some_and(|c| c.can.kinds && c.can.changes);
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(cursor) };
        let (seq, is_there) = (out.replaced, out.replaced > out.floor.seq);
        if takes || seq <= cursor.seq || !is_there {
            return Ok(cursor);
        }
        if out.acked.seq < seq {
            let name = self.name_of(peer);
            let what = format!(
                "{name} goes by an older version than before, which cannot take what it is owed: it needs the newer one"
            );
            self.warn(peer, what.clone());
            self.link(peer).error = Some(what);
            self.note_stuck(conn);
            return Err(Code::Unavailable.into());
        }
        let chain = self.chain_at(peer, seq)?;
        Ok(chain.map_or(cursor, |chain| Position { seq, chain }))
    }

    /// Has a peer sent everything after an entry.
    fn send_from(&mut self, peer: PeerId, start: Position) -> Result<(), Interrupt> {
        let conn = self.conn;
        let acked = self.peer(peer).map_or(0, |known| known.out.acked.seq);
        if start.seq < acked {
            let name = self.name_of(peer);
            let what =
                format!("{name} was put back: it has {} of the {acked} entries it had", start.seq);
            self.warn(peer, what.clone());
            self.link(peer).error = Some(what);
        }
        self.acked(peer, start)?;
        let Some(c) = self.conn(conn) else { return Ok(()) };
        let can = c.can;
        c.sent = Some(start.seq);
        if self.peer(peer).is_some_and(|known| known.can != Some(can)) {
            self.emit(Event::CanSet(peer, can))?;
        }
        Ok(())
    }

    /// The hash of what a realm is owed at an entry, where it is still known.
    pub(crate) fn chain_at(&self, peer: PeerId, seq: u64) -> Result<Option<Chain>, Interrupt> {
        let Some(there) = self.state.durable.peers.get(&peer) else { return Ok(None) };
        let out = &there.out;
        if let Some(known) = [out.tip, out.floor].into_iter().find(|known| known.seq == seq) {
            return Ok(Some(known.chain));
        }
        if seq > out.tip.seq || seq < out.floor.seq {
            return Ok(None);
        }
        Ok(self.looked_up(vec![Source::Outbox(peer)], seq)?.first().copied())
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

/// Whether an entry is within what may be owed, after entries that are not applied yet: with them the log stands at
/// `(tip, total)`. What ends something has an eighth more room: whoever has filled a link that is away is not to be left
/// with what must be taken back, and who has written to nobody is to hear of it.
pub(crate) fn has_room(
    limits: &Limits,
    out: &super::Outbox,
    (tip, total): (Position, u64),
    entry: &Entry,
) -> bool {
    let room = |most: u64| most.saturating_add(if ends_something(entry) { most / 8 } else { 0 });
    let owed = tip.seq.saturating_sub(out.acked.seq);
    let bytes = out.owed_bytes() + total.saturating_sub(out.total());
    owed < room(limits.link_messages) && bytes + entry.size() <= room(limits.link_bytes)
}

/// Whether an entry takes something back, or answers.
fn ends_something(entry: &Entry) -> bool {
    let is_deletion = matches!(entry.change(), Some(EntryChange::Delete(_)));
    let is_end = |room: &RoomEntry| match &room.says {
        RoomSays::Ended | RoomSays::Closed(_) | RoomSays::Answer(..) => true,
        RoomSays::Member(_, what, _) => *what != Membership::Joined,
        RoomSays::Ask(ask) => matches!(ask, RoomAsk::Leave | RoomAsk::Erase),
        _ => false,
    };
    is_deletion || matches!(entry.kind, EntryKind::Notice(_)) || entry.room().is_some_and(is_end)
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
