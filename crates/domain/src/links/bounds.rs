//! Bounds that forget: who waits for approval, and names that were used once.

use super::{LinkKind, LinkStatus, Peer, network};
use crate::Context;
use crate::{ConnId, Event, Output, PeerId};
use antar_types::Code;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Records of realms, removed ones too, but not of those that wait for approval.
const RECORDS: usize = 4_096;

/// Realms that wait for approval, and those of one address.
const ASKING: usize = 64;
const ASKING_EACH: usize = 8;

/// How long one may wait, and how long it is remembered that a link was ended of which nothing is left,
/// in milliseconds.
const WAITS: u64 = 7 * 24 * 3_600_000;
const REMEMBERED: u64 = 7 * 24 * 3_600_000;

impl Context<'_> {
    /// Lets go of records whose time is over.
    pub fn forget_old(&mut self) {
        let now = self.readings.now;
        let old = |known: &Peer, after: u64| now.0 >= known.record.since.0.saturating_add(after);
        let peers = &self.state.durable.peers;
        let waits = peers.iter().filter(|(_, p)| p.is_asking() && old(p, WAITS));
        let waits: Vec<PeerId> = waits.map(|(peer, _)| *peer).collect();
        let gone = peers.iter().filter(|(_, p)| {
            p.record.status == LinkStatus::Removed && !p.has_history() && old(p, REMEMBERED)
        });
        let gone: Vec<PeerId> = gone.map(|(peer, _)| *peer).collect();
        for peer in waits {
            let name = self.name_of(peer);
            self.tell(
                peer,
                format!("link with {name}: nobody has approved it, it waits no longer"),
            );
            self.stop_waiting(peer);
        }
        gone.into_iter().for_each(|peer| self.forget(peer));
    }

    /// Makes room for one more that waits and calls from there. Where an address has its few places, it is
    /// one of its own that gives way; where there are no more, one of the address with most.
    pub fn make_room_to_wait(&mut self, from: IpAddr) {
        let mut by_address: BTreeMap<Option<IpAddr>, Vec<PeerId>> = BTreeMap::new();
        let peers = self.state.durable.peers.iter().filter(|(_, p)| p.is_asking());
        for (peer, known) in peers {
            let called = self.state.links.links.get(peer).and_then(|link| link.from);
            let told = known.record.address.as_ref().and_then(|address| address.told_by);
            by_address.entry(called.or(told).map(network)).or_default().push(*peer);
        }
        let own = by_address.get(&Some(network(from))).filter(|own| own.len() >= ASKING_EACH);
        let all: usize = by_address.values().map(Vec::len).sum();
        let from = match own {
            Some(own) => Some(own),
            None if all < ASKING => None,
            None => {
                let first = |peers: &&Vec<PeerId>| peers.iter().map(|peer| self.order(*peer)).min();
                by_address.values().max_by_key(|peers| (peers.len(), Reverse(first(peers))))
            }
        };
        let goes = from.and_then(|peers| peers.iter().min_by_key(|peer| self.order(**peer)));
        if let Some(peer) = goes.copied() {
            self.stop_waiting(peer);
        }
    }

    /// In which order those that wait give way: those that are not there first, then the oldest.
    fn order(&self, peer: PeerId) -> (bool, u64, PeerId) {
        let there = self.state.links.links.get(&peer).is_some_and(|link| link.conn.is_some());
        let since = self.peer(peer).map_or(0, |known| known.record.since.0);
        (there, since, peer)
    }

    /// One that waits does so no longer. It may call again, and be heard as a new one.
    pub fn stop_waiting(&mut self, peer: PeerId) {
        self.send_away(peer);
        let history = self.peer(peer).is_some_and(Peer::has_history);
        match history {
            // It is not its own: it waited under the name of one that was linked before.
            true => self.set_status(peer, LinkStatus::Removed),
            false => self.forget(peer),
        }
    }

    /// Ends what there is of connections with a realm, without a word.
    pub fn send_away(&mut self, peer: PeerId) {
        let links = self.links();
        links.links.remove(&peer);
        links.asks.retain(|_, of| *of != peer);
        let own = |c: &super::Conn| c.peer == Some(peer);
        let conns: Vec<ConnId> =
            links.conns.iter().filter(|(_, c)| own(c)).map(|(conn, _)| *conn).collect();
        for conn in conns {
            self.links().conns.remove(&conn);
            self.output(Output::HangUp(conn));
        }
    }

    /// Makes room for one more record: the oldest of a link that has ended gives way, and one under which
    /// nothing was said before any other.
    pub fn make_room_for_a_record(&mut self) -> Result<(), Code> {
        let peers = &self.state.durable.peers;
        if peers.values().filter(|known| !known.is_asking()).count() < RECORDS {
            return Ok(());
        }
        let order = |peer: PeerId, known: &Peer| (known.has_history(), known.record.since, peer);
        let gone = peers.iter().filter(|(_, known)| known.is_gone() && !known.gives_back());
        let oldest = gone.min_by_key(|(peer, known)| order(**peer, known)).map(|(peer, _)| *peer);
        self.forget(oldest.ok_or(Code::LimitReached)?);
        Ok(())
    }

    /// Forgets a realm. What was said with it stays under an id that nobody has any more.
    fn forget(&mut self, peer: PeerId) {
        self.send_away(peer);
        let Some(known) = self.peer(peer) else { return };
        let native = matches!(known.record.kind, LinkKind::Native(_));
        let traces = !native
            || !known.heirs.is_empty()
            || !known.is_asking()
            || known.has_history()
            || known.was_followed();
        // Where nothing can be kept it is tried again at the next tick.
        let _ = self.emit(Event::PeerForgotten { peer, traces });
    }
}
