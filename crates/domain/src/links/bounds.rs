//! Bounds that forget: who waits for approval, and names that were used once.

use super::peer::network;
use super::{LinkContext, LinkKind, Peer, Status};
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

impl LinkContext<'_> {
    /// Lets go of records whose time is over.
    pub fn forget_old(&mut self) {
        let now = self.readings.now;
        let old = |peer: &Peer, after: u64| now.0 >= peer.record.since.0.saturating_add(after);
        let peers = &self.state.durable.peers;
        let waits = peers.iter().filter(|(_, p)| p.is_asking() && old(p, WAITS));
        let waits: Vec<PeerId> = waits.map(|(realm, _)| *realm).collect();
        let gone = peers.iter().filter(|(_, p)| {
            p.record.status == Status::Removed && !p.has_history() && old(p, REMEMBERED)
        });
        let gone: Vec<PeerId> = gone.map(|(realm, _)| *realm).collect();
        for realm in waits {
            let name = self.name_of(realm);
            self.tell(
                realm,
                format!("link with {name}: nobody has approved it, it waits no longer"),
            );
            self.stop_waiting(realm);
        }
        gone.into_iter().for_each(|realm| self.forget(realm));
    }

    /// Makes room for one more that waits and calls from there. Where an address has its few places, it is
    /// one of its own that gives way; where there are no more, one of the address with most.
    pub fn make_room_to_wait(&mut self, from: IpAddr) {
        let mut by_address: BTreeMap<Option<IpAddr>, Vec<PeerId>> = BTreeMap::new();
        let peers = self.state.durable.peers.iter().filter(|(_, p)| p.is_asking());
        for (realm, peer) in peers {
            let called = self.state.links.links.get(realm).and_then(|link| link.from);
            let told = peer.record.address.as_ref().and_then(|address| address.told_by);
            by_address.entry(called.or(told).map(network)).or_default().push(*realm);
        }
        let own = by_address.get(&Some(network(from))).filter(|own| own.len() >= ASKING_EACH);
        let all: usize = by_address.values().map(Vec::len).sum();
        let from = match own {
            Some(own) => Some(own),
            None if all < ASKING => None,
            None => {
                let first = |realms: &&Vec<PeerId>| realms.iter().map(|r| self.order(*r)).min();
                by_address.values().max_by_key(|realms| (realms.len(), Reverse(first(realms))))
            }
        };
        let goes = from.and_then(|realms| realms.iter().min_by_key(|realm| self.order(**realm)));
        if let Some(realm) = goes.copied() {
            self.stop_waiting(realm);
        }
    }

    /// In which order those that wait give way: those that are not there first, then the oldest.
    fn order(&self, realm: PeerId) -> (bool, u64, PeerId) {
        let there = self.state.links.links.get(&realm).is_some_and(|link| link.conn.is_some());
        let since = self.peer(realm).map_or(0, |peer| peer.record.since.0);
        (there, since, realm)
    }

    /// One that waits does so no longer. It may call again, and be heard as a new one.
    pub fn stop_waiting(&mut self, realm: PeerId) {
        self.send_away(realm);
        let history = self.peer(realm).is_some_and(Peer::has_history);
        match history {
            // It is not its own: it waited under the name of one that was linked before.
            true => self.set_status(realm, Status::Removed),
            false => self.forget(realm),
        }
    }

    /// Ends what there is of connections with a realm, without a word.
    pub fn send_away(&mut self, realm: PeerId) {
        let links = self.links();
        links.links.remove(&realm);
        links.asks.retain(|_, of| *of != realm);
        let own = |c: &super::Conn| c.realm == Some(realm);
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
        if peers.values().filter(|peer| !peer.is_asking()).count() < RECORDS {
            return Ok(());
        }
        let order = |realm: PeerId, peer: &Peer| (peer.has_history(), peer.record.since, realm);
        let gone = peers.iter().filter(|(_, peer)| peer.is_gone() && !peer.gives_back());
        let oldest = gone.min_by_key(|(realm, peer)| order(**realm, peer)).map(|(realm, _)| *realm);
        self.forget(oldest.ok_or(Code::LimitReached)?);
        Ok(())
    }

    /// Forgets a realm. What was said with it stays under an id that nobody has any more.
    fn forget(&mut self, realm: PeerId) {
        self.send_away(realm);
        let Some(peer) = self.peer(realm) else { return };
        let native = matches!(peer.record.kind, LinkKind::Native(_));
        let traces = !native
            || !peer.heirs.is_empty()
            || !peer.is_asking()
            || peer.has_history()
            || peer.was_followed();
        // Where nothing can be kept it is tried again at the next tick.
        let _ = self.emit(Event::PeerForgotten { realm, traces });
    }
}

#[cfg(test)]
mod tests {
    use crate::Input;
    use crate::commands::testing::{BETA, Realm};
    use crate::links::squat::*;
    use crate::settings::Inbound;
    use antar_types::{Fingerprint, Value};

    /// A stranger with a key and a name of its own calls from there.
    fn ask(alpha: &mut Realm, n: u64, ip: &str) -> Value {
        let bytes = [n.to_be_bytes(), [9; 8], [9; 8], [9; 8]].concat();
        let conn = 10_000 + n;
        call_from(alpha, conn, ip, Fingerprint(bytes.try_into().unwrap()));
        alpha.hear(conn, &greeting(&format!("r{n}"))).unwrap()
    }

    #[test]
    fn places_to_wait_are_never_all_taken() {
        let mut alpha = alpha(Inbound::Approve);
        let waits =
            |alpha: &mut Realm, name: &str| links(alpha).iter().any(|l| l["realm"] == *name);
        // One address has a few, and the oldest of them gives way.
        for n in 0..20 {
            assert_eq!(ask(&mut alpha, n, "2001:db8::1")["state"], "waiting");
        }
        assert_eq!(links(&mut alpha).len(), 8);
        assert!(
            waits(&mut alpha, "r19") && !waits(&mut alpha, "r11") && is_hung_up(&alpha, 10_011)
        );
        // Others are not in their way, nor they in that of others.
        for n in 20..200 {
            alpha.pass(1);
            assert_eq!(ask(&mut alpha, n, &format!("198.51.100.{n}"))["state"], "waiting");
            assert!(waits(&mut alpha, &format!("r{n}")) && links(&mut alpha).len() <= 64);
        }
        // Whoever has been longest gives way in the end.
        assert!(waits(&mut alpha, "r136") && !waits(&mut alpha, "r135"));
        // What the operator asks for needs no place, nor is one that waits in the way of a link.
        alpha.state.limits.links = 1;
        alpha.say(AMY, &format!("ADDREALM beta {AWAY} 8889"));
        reached(&mut alpha, 2);
        take(&mut alpha, "beta");
        assert_eq!(alpha.woken().unwrap()["state"], "up");
        assert_eq!(alpha.operator("APPROVEREALM r199")["code"], "limit_reached");
        alpha.state.limits.links = 2;
        assert_eq!(alpha.operator("APPROVEREALM r199")["status"], "OK");
        assert_eq!(alpha.state.durable.links(), 2);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut alpha = alpha(Inbound::Approve);
        assert_eq!(greet(&mut alpha, 30, 3, "beta")["state"], "waiting");
        alpha.pass(7 * 24 * 3600 - 1);
        assert_eq!(greet(&mut alpha, 31, 3, "beta")["state"], "waiting");
        alpha.tick();
        assert_eq!(links(&mut alpha).len(), 1);
        alpha.pass(1);
        alpha.tick();
        assert_eq!(links(&mut alpha).len(), 0);
        assert!(is_hung_up(&alpha, 30) && is_hung_up(&alpha, 31));
        assert!(!alpha.state.knows_key(&key(3)));
        assert_eq!(greet(&mut alpha, 32, 4, "beta")["state"], "waiting");
    }

    #[test]
    fn who_waits_under_the_name_of_one_that_was_linked_leaves_its_history() {
        let mut alpha = alpha(Inbound::Open);
        assert_eq!(greet(&mut alpha, BETA, 2, "beta")["state"], "up");
        assert_eq!(alpha.say(AMY, "SENDREALM beta bob x")["status"], "OK");
        assert_eq!(alpha.say(AMY, "REMOVEREALM beta force")["status"], "OK");
        alpha.state.policy.inbound = Inbound::Approve;
        assert_eq!(greet(&mut alpha, 30, 2, "beta")["state"], "waiting");
        alpha.pass(8 * 24 * 3600);
        alpha.tick();
        assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
        // Nor is that let go of as one under which nothing was said is.
        assert_eq!(greet(&mut alpha, 31, 3, "gamma")["state"], "waiting");
        assert_eq!(alpha.say(AMY, "REMOVEREALM gamma")["status"], "OK");
        alpha.pass(8 * 24 * 3600);
        alpha.tick();
        assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
        assert_eq!(alpha.say(AMY, "SENT realm=gamma")["code"], "realm_not_found");
    }

    #[test]
    fn names_that_were_used_once_are_no_bound() {
        let mut alpha = alpha(Inbound::Open);
        for (conn, n, name) in [(BETA, 2, "beta"), (40, 4, "delta")] {
            assert_eq!(greet(&mut alpha, conn, n, name)["state"], "up");
            alpha.pass(1);
        }
        assert_eq!(alpha.say(AMY, "SENDREALM beta bob x")["status"], "OK");
        assert_eq!(alpha.say(AMY, "REMOVEREALM beta force")["status"], "OK");
        for n in 0..5_000 {
            assert_eq!(ask(&mut alpha, n, AWAY)["state"], "up", "{n}");
            assert_eq!(alpha.say(AMY, &format!("REMOVEREALM r{n}"))["status"], "OK");
            assert!(alpha.state.durable.peers.len() <= 4_096);
        }
        // Those under which something was said go last, and one that is linked never.
        assert_eq!(alpha.texts(AMY, "SENT realm=beta"), ["x"]);
        is_linked(&mut alpha, "delta", 4);
        // A name that was forgotten is another realm's, with nothing that was the former's.
        assert_eq!(ask(&mut alpha, 0, AWAY)["state"], "up");
        alpha.tell(Input::Tick);
        assert_eq!(alpha.texts(AMY, "SENT realm=r0"), [""; 0]);
    }
}
