//! Whose a name is: who has another key, or calls from another place, is another realm, whatever it
//! is called. What was said with the one before is not its to read.

use super::live::RENAMES;
use super::{Address, LinkKind, LinkStatus, Peer, PeerRecord, PeerRequest};
use crate::Context;
use crate::{ConnId, Event, Output, PeerId};
use antar_types::{Code, MAX_NAME, Name};

impl Context<'_> {
    /// The record of a realm that was here before, whatever its name was then.
    pub fn same_peer(
        &self,
        name: &Name,
        kind: &LinkKind,
        address: Option<&Address>,
        status: LinkStatus,
    ) -> Option<PeerId> {
        let durable = &self.state.durable;
        let is = |id: &PeerId| durable.peers.get(id).is_some_and(|peer| peer.is(kind, address));
        if let Some(named) = durable.peers_named(name).find(is) {
            return Some(named);
        }
        // Who only asks for a link does not change what others here read under a name.
        if *kind == LinkKind::Plain || status == LinkStatus::Asking {
            return None;
        }
        let same = durable.peers.iter().filter(|(id, _)| is(id));
        same.max_by_key(|(id, peer)| (!peer.is_gone(), **id)).map(|(id, _)| *id)
    }

    /// Makes a name free for a realm: those that had it before keep what was said with them under a
    /// name of their own.
    pub fn vacate(&mut self, name: &Name, peer: Option<PeerId>) -> Result<(), Code> {
        let before = self.state.durable.peers_named(name).filter(|id| Some(*id) != peer);
        for former in before.collect::<Vec<_>>() {
            if self.peer(former).is_some_and(Peer::is_asking) {
                self.stop_waiting(former);
            }
            let Some(record) = self.peer(former).map(|known| known.record.clone()) else {
                continue;
            };
            let own = self.free_name(name).ok_or(Code::LimitReached)?;
            let text = format!("another realm is {name} from now on; the one before is {own}");
            self.tell(former, text);
            self.sever(former, None, "another realm has its name now");
            let (status, since) = (LinkStatus::Former, self.readings.now);
            self.emit(Event::PeerSet(former, PeerRecord { name: own, status, since, ..record }))?;
        }
        Ok(())
    }

    /// What this realm calls itself to another.
    pub fn name_for(&self, peer: Option<PeerId>) -> Option<Name> {
        let known = peer.and_then(|peer| self.peer(peer));
        let link = peer.and_then(|peer| self.state.links.links.get(&peer));
        let before = known.and_then(|known| known.known_as.clone());
        let before = before.filter(|_| link.is_some_and(|link| link.as_before));
        before.or(self.state.durable.name.clone())
    }

    /// A linked realm has been renamed: it has its new name here too, where that is free.
    pub fn renamed_to(&mut self, peer: PeerId, name: &Name) {
        let Some(record) = self.peer(peer).map(|known| known.record.clone()) else { return };
        if *record.name == **name {
            return;
        }
        let is_free = |id: &PeerId| {
            *id == peer
                || self.peer(*id).is_none_or(|known| {
                    known.is_asking()
                        || known.record.status == LinkStatus::Removed && !known.has_history()
                })
        };
        let free = !self.state.is_named(name)
            && self.state.durable.peers_named(name).all(|id| is_free(&id));
        let before = record.name.clone();
        let uptime = self.readings.uptime;
        // Each is written to disk, and whoever waits under the name has to go.
        if free && self.link(peer).renames.one_more(uptime, RENAMES).is_none() {
            return self.warn(peer, format!("link with {before}: it is renamed too often"));
        }
        if !free || self.vacate(name, Some(peer)).is_err() {
            let told = self.link(peer).calls_itself.replace(name.clone());
            if told.as_ref() != Some(name) {
                let text =
                    format!("link with {before}: it is named {name} now, which another has here");
                self.warn(peer, text);
            }
            return;
        }
        let record = PeerRecord { name: name.clone(), ..record };
        if self.emit(Event::PeerSet(peer, record)).is_ok() {
            self.link(peer).calls_itself = None;
            self.tell(peer, format!("link with {before}: it is named {name} from now on"));
        }
    }

    /// A name like this one that nobody has: `beta.1`.
    fn free_name(&self, name: &Name) -> Option<Name> {
        (1_u32..)
            .map_while(|n| {
                let end = format!(".{n}");
                let start = name.as_str().get(..name.as_str().len().min(MAX_NAME - end.len()))?;
                Name::parse(&format!("{start}{end}"))
            })
            .find(|own| self.state.durable.peers_named(own).next().is_none())
    }

    /// Ends every connection and call of a link, after a last request to who is there.
    pub fn sever(&mut self, peer: PeerId, last: Option<PeerRequest>, why: &str) {
        let link = self.links().links.remove(&peer).unwrap_or_default();
        if let Some(dial) = link.call {
            let call = self.links().calls.remove(&dial);
            call.and_then(|c| c.conn).into_iter().for_each(|c| self.output(Output::HangUp(c)));
        }
        let conns: Vec<(ConnId, bool)> = (self.links().conns.iter())
            .filter(|(_, c)| c.peer == Some(peer))
            .map(|(conn, c)| (*conn, c.greeted))
            .collect();
        for (conn, greeted) in conns {
            if let Some(request) = last.clone().filter(|_| greeted) {
                self.output(Output::Request(conn, request));
            }
            self.hang_up(conn, why);
        }
        self.links().links.remove(&peer);
    }
}
