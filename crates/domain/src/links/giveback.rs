//! What was owed on a link that was ended here: who wrote it is told that it was not delivered.
//!
//! It may be much, and is on disk. So it is read off the domain's thread, so many entries at a time; their
//! notices and how far that has come are of one batch. After a crash it goes on from there.

use super::notice_text;
use super::{Fetched, Outbox, Peer, Unreadable};
use crate::Context;
use crate::{AskId, Event, Mailbox, Output, PeerId};
use antar_types::{Away, Code, Entry, EntryKind, Message, Notice};
use std::sync::Arc;

/// Entries that are read at a time.
const EACH: u64 = 64;

impl Context<'_> {
    /// Has the next of what is to be given back read, where none is being read.
    pub fn give_back(&mut self) {
        let now = self.readings.uptime;
        let links = &self.state.links;
        let due = |peer: &PeerId| links.links.get(peer).is_none_or(|link| link.retry_at <= now);
        let mut peers = self.state.durable.peers.iter();
        let is_told = |out: &Outbox| out.told >= out.acked.seq;
        let next =
            peers.find(|(peer, known)| known.gives_back() && is_told(&known.out) && due(peer));
        let Some((peer, out)) = next.map(|(peer, known)| (*peer, &known.out)) else { return };
        let first = out.acked.seq + 1;
        let last = out.tip.seq.min(out.acked.seq + EACH);
        if links.given_back.is_some() {
            return;
        }
        let ask = AskId(self.links().next());
        self.links().given_back = Some((peer, ask));
        self.output(Output::Fetch { ask, peer, first, last });
    }

    /// It was read.
    pub fn read_to_give_back(&mut self, found: Result<Fetched, Unreadable>) {
        let Some((peer, _)) = self.links().given_back.take() else { return };
        // It may have been linked again meanwhile, and have what it is owed.
        if !self.peer(peer).is_some_and(Peer::gives_back) {
            return self.give_back();
        }
        let told = found.is_ok_and(|entries| self.told_writers(peer, entries).is_ok());
        if !told {
            self.link(peer).failed();
            self.retry_later(peer);
        } else if !self.peer(peer).is_some_and(Peer::gives_back) {
            self.links().links.remove(&peer);
        }
        self.give_back();
    }

    fn told_writers(&mut self, peer: PeerId, mut entries: Fetched) -> Result<(), Code> {
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(()) };
        let (acked, tip, dropped, lost) = (out.acked, out.tip, out.dropped, out.lost.clone());
        entries.retain(|(at, _)| (acked.seq + 1..=tip.seq).contains(&at.seq));
        // What is not in the store any more cannot be given back.
        let floor = entries.last().map_or(tip, |(at, _)| *at);
        for (at, entry) in &entries {
            self.tell_writer(peer, at.seq, entry)?;
        }
        let dropped = dropped + floor.seq - acked.seq;
        let lost = lost.with(acked.seq + 1, floor.seq);
        self.emit(Event::Dropped { peer, dropped, lost })?;
        match floor.seq < tip.seq {
            true => self.emit(Event::Trimmed { peer, floor, hour: None }),
            false => self.end_log(peer),
        }
    }

    fn tell_writer(&mut self, peer: PeerId, seq: u64, entry: &Entry) -> Result<(), Code> {
        // A notice is about what somebody there has written.
        if matches!(entry.kind, EntryKind::Notice(_)) || entry.change().is_some() {
            return Ok(());
        }
        // What waited for its place there was given back when the link was ended.
        if entry.kind == EntryKind::Room {
            return Ok(());
        }
        let Some(account) = self.writer(peer, seq, entry) else { return Ok(()) };
        let notice = Notice::RealmRemoved;
        let (id, time) = (self.next_id(), self.message_time());
        let (from, to) = (entry.to.clone(), entry.from.clone());
        let text = notice_text(notice, entry.text.as_str());
        let message = Message {
            realm: self.peer(peer).map(|known| Away::From(known.record.name.clone())),
            notice: Some(notice),
            ..Message::new(id, time, from, to, text)
        };
        let mailbox = Mailbox::Realm(account, peer);
        self.post(mailbox, None, Arc::new(message))
    }

    /// Nothing is owed on a link that was ended any more, nor kept for a peer that was put back.
    pub fn end_log(&mut self, peer: PeerId) -> Result<(), Code> {
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(()) };
        let floor = out.tip;
        let hours: Vec<u64> = out.acks.keys().copied().collect();
        let hours = hours.into_iter().map(Some).chain([None]);
        hours.map(|hour| Event::Trimmed { peer, floor, hour }).try_for_each(|e| self.emit(e))
    }
}
