//! A peer's record: made, and changed where its status, key or address is another.

use super::{Address, Epoch, LinkKind, LinkStatus, Peer, PeerRecord};
use crate::{Context, Event, PeerId};
use antar_types::{Code, Fingerprint, Name};

impl Context<'_> {
    /// Changes a link's status, now and on disk.
    pub fn set_status(&mut self, peer: PeerId, status: LinkStatus) {
        let Some(record) = self.peer(peer).map(|p| p.record.clone()) else { return };
        if record.status != status {
            let since = self.readings.now;
            let _ = self.emit(Event::PeerSet(peer, PeerRecord { status, since, ..record }));
            if matches!(status, LinkStatus::Removed | LinkStatus::RemovedThere) {
                let _ = self.end_rooms(peer);
            }
        }
    }

    /// Keeps a realm's record; where it is new, its log begins.
    pub fn record(
        &mut self,
        name: Name,
        kind: LinkKind,
        address: Option<Address>,
        status: LinkStatus,
    ) -> Result<PeerId, Code> {
        let durable = &self.state.durable;
        let known = self.same_peer(&name, &kind, address.as_ref(), status);
        let held = known.and_then(|id| durable.peers.get(&id)).filter(|p| !p.is_gone());
        // Who waits takes no place from those who are linked.
        let is_new = held.is_none_or(Peer::is_asking) && status != LinkStatus::Asking;
        if is_new && self.state.durable.links() >= self.state.limits.links {
            return Err(Code::LimitReached);
        }
        let since = match held {
            Some(there) if there.record.status == status => there.record.since,
            _ => self.readings.now,
        };
        if status != LinkStatus::Asking {
            self.vacate(&name, known)?;
        }
        let record = PeerRecord { name, kind, address, status, since };
        if known.is_none() && status != LinkStatus::Asking {
            self.make_room_for_a_record()?;
        }
        let durable = &self.state.durable;
        let peer = known.unwrap_or(PeerId(durable.next_id()));
        if durable.peers.get(&peer).is_some_and(|there| there.record.kind != record.kind) {
            // Whoever was heard as this realm until now is another.
            self.send_away(peer);
            self.told_address(peer, None)?;
        }
        let durable = &self.state.durable;
        if durable.peers.get(&peer).is_none_or(|there| there.record != record) {
            self.emit(Event::PeerSet(peer, record))?;
        }
        if self.peer(peer).is_some_and(Peer::is_told_twice) {
            self.told_address(peer, None)?;
        }
        if self.peer(peer).is_some_and(|there| there.out.epoch == Epoch::default()) {
            self.emit(Event::EpochBegun(peer, Epoch::new(&self.readings.entropy)))?;
        }
        let now = self.readings.now;
        self.state
            .links
            .links
            .entry(peer)
            .or_insert_with(|| super::Link { since: now, ..Default::default() });
        Ok(peer)
    }

    /// A linked realm has another key from now on. It is the same, so what it is owed, how far it was
    /// followed and what was said stay.
    pub fn renew_key(&mut self, peer: PeerId, key: Fingerprint) -> Result<(), Code> {
        let peers = &self.state.durable.peers;
        let native = peers.get(&peer).filter(|known| known.is_open() && known.key().is_some());
        let Some(record) = native.map(|known| known.record.clone()) else { return Ok(()) };
        let own = peers.iter().filter(|(id, p)| **id != peer && p.key() == Some(key));
        let own: Vec<(PeerId, bool)> = own.map(|(id, p)| (*id, p.is_asking())).collect();
        let linked = |id: &PeerId| self.peer(*id).is_some_and(Peer::is_open);
        if own.iter().any(|(id, _)| linked(id)) {
            return Err(Code::RealmKey);
        }
        // It may wait for approval under another name.
        own.iter().filter(|(_, asks)| *asks).for_each(|(id, _)| self.stop_waiting(*id));
        let kind = LinkKind::Native(key);
        if record.kind == kind {
            return Ok(());
        }
        self.sever(peer, None, "it has another key from now on");
        let text =
            format!("link with {}: the operator says that its key is {key} now", record.name);
        self.tell(peer, text);
        self.emit(Event::PeerSet(peer, PeerRecord { kind, ..record }))?;
        self.told_address(peer, None)
    }

    /// Keeps where a realm says it is, beside where somebody here has said so.
    pub fn told_address(&mut self, peer: PeerId, told: Option<Address>) -> Result<(), Code> {
        match self.peer(peer) {
            Some(known) if known.told != told => self.emit(Event::AddressTold(peer, told)),
            _ => Ok(()),
        }
    }

    /// Lets a realm link that waits for it.
    pub fn approve(&mut self, peer: PeerId) -> Result<(), Code> {
        if let Some(name) = self.peer(peer).map(|known| known.record.name.clone()) {
            self.vacate(&name, Some(peer))?;
        }
        self.set_status(peer, LinkStatus::Linked);
        self.call_again(peer);
        Ok(())
    }

    /// A realm that waited hears that it is approved when it calls again, which it does at once.
    pub(super) fn call_again(&mut self, peer: PeerId) {
        if let Some(conn) = self.link(peer).conn {
            self.hang_up(conn, "approved; waiting for its next call");
        }
    }
}
