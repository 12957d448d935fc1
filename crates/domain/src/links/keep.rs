//! Time: redialling, keepalive, waiting for a peer, letting go of old entries.

use super::call::CALL;
use super::live::Asked;
use super::{Address, Call, Caller, Failure, LinkKind, LinkStatus, PeerRequest, Why};
use crate::Context;
use crate::{Bug, ConnId, DialId, Event, JobResult, PeerId};
use antar_types::Code;

/// The first wait before a lost connection is made anew, and the longest, in milliseconds.
const RETRY: (u64, u64) = (500, 30_000);

/// The longest wait where the other side said no.
const REFUSED: u64 = 300_000;

/// A connection that says nothing is asked this often, and dead after that long (protocol section 6).
const PING: u64 = 30_000;
const DEAD: u64 = 90_000;

/// The same while an answer is due: then silence means more.
const PING_DUE: u64 = 5_000;
const DEAD_DUE: u64 = 15_000;

/// How long INBOXREALM waits for a peer, in milliseconds (protocol section 6).
pub(crate) const CATCH_UP: u64 = 3_000;

impl Context<'_> {
    /// Time has passed.
    pub fn keep_links(&mut self) {
        self.give_up_calls();
        self.give_up_waiting();
        self.keep_alive();
        self.forget_old();
        self.give_back();
        self.read_to_tell_delivered();
        // Where it cannot be noted now it is tried again.
        let _ = self.end_refused_room();
        let peers: Vec<PeerId> = self.state.durable.peers.keys().copied().collect();
        for peer in peers {
            let Some(known) = self.peer(peer).filter(|known| !known.is_gone()) else { continue };
            match known.record.kind {
                LinkKind::Native(_) => self.mend(peer),
                LinkKind::Plain => self.deliver_next(peer),
            }
            self.let_go(peer);
        }
    }

    fn give_up_calls(&mut self) {
        let now = self.readings.uptime;
        let late: Vec<DialId> =
            self.links().calls.iter().filter(|(_, c)| c.until <= now).map(|(d, _)| *d).collect();
        for dial in late {
            let error = format!("no answer within {} s", CALL / 1000);
            let failure = Failure { code: Code::RealmUnreachable, error, realm: None, plain: None };
            self.call_failed(dial, failure);
        }
    }

    fn give_up_waiting(&mut self) {
        let now = self.readings.uptime;
        let late: Vec<ConnId> = (self.links().waiting.iter())
            .filter(|(_, w)| matches!(w.why, Why::CatchUp { until, .. } if until <= now))
            .map(|(conn, _)| *conn)
            .collect();
        late.into_iter().for_each(|conn| self.wake(conn, JobResult::CaughtUp { stale: true }));
        self.go_on_without_host(|why| matches!(why, Why::Room { until, .. } if *until <= now));
    }

    /// Who waits for the realm of a group does not any more: it will do what it was asked once it can.
    pub fn go_on_without_host(&mut self, is_over: impl Fn(&Why) -> bool) {
        let waiting = self.state.links.waiting.iter().filter(|(_, w)| is_over(&w.why));
        let waiting: Vec<ConnId> = waiting.map(|(conn, _)| *conn).collect();
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::RoomLater));
    }

    /// Asks connections that are silent whether they are there, and ends those that are not.
    fn keep_alive(&mut self) {
        let now = self.readings.uptime;
        let conns: Vec<ConnId> = self.links().conns.keys().copied().collect();
        for conn in conns {
            let Some(c) = self.state.links.conns.get(&conn) else { continue };
            let acked = c.peer.and_then(|r| self.peer(r)).map_or(0, |p| p.out.acked.seq);
            let is_ping = |asked: &Asked| matches!(asked, Asked::Ping(_));
            let asked = c.asked.iter().any(|asked| !is_ping(asked));
            let due = asked || c.sent.is_some_and(|sent| sent > acked);
            let (ping, dead) = if due { (PING_DUE, DEAD_DUE) } else { (PING, DEAD) };
            let silent = now.saturating_sub(c.heard);
            let asks = c.greeted && silent >= ping && now.saturating_sub(c.pinged) >= ping;
            let pinged = c.asked.iter().find_map(|asked| match asked {
                Asked::Ping(sent) => Some(now.saturating_sub(*sent)),
                _ => None,
            });
            // It was silent because nobody asked anything, until it was asked: from then on it has time to answer.
            if silent >= dead && pinged.is_some_and(|pinged| pinged >= dead - ping) {
                self.hang_up(conn, &format!("nothing heard for {} s", silent / 1000));
            } else if asks {
                if let Some(c) = self.conn(conn) {
                    c.pinged = now;
                }
                self.ask(conn, Asked::Ping(now), PeerRequest::Ping);
            }
        }
    }

    /// Calls a realm that is linked and not connected, when it is time.
    fn mend(&mut self, peer: PeerId) {
        let (now, wall) = (self.readings.uptime, self.readings.now);
        let links = &mut self.state.links.links;
        let link =
            links.entry(peer).or_insert_with(|| super::Link { since: wall, ..Default::default() });
        if link.conn.is_some() || link.call.is_some() || link.retry_at > now {
            return;
        }
        let Some(known) = self.peer(peer) else { return };
        let calls = matches!(known.record.status, LinkStatus::Linked | LinkStatus::Asked);
        if let (true, Some(address)) = (calls, self.next_address(peer)) {
            let (name, pin) = (known.record.name.clone(), known.key());
            let (caller, until) = (Caller::Link(peer), now + CALL);
            let (invitation, key, conn, renews) = (None, None, None, false);
            self.call(Call { name, address, pin, renews, invitation, caller, key, conn, until });
        }
    }

    /// Where a realm is called next: where somebody here has said it is, and where it has said so itself,
    /// in turns. Either may have become wrong since.
    fn next_address(&self, peer: PeerId) -> Option<Address> {
        let known = self.peer(peer)?;
        let failures = self.state.links.links.get(&peer).map_or(0, |link| link.failures);
        let (own, told) = (known.record.address.as_ref(), known.told.as_ref());
        let next = if failures.is_multiple_of(2) { own.or(told) } else { told.or(own) };
        next.cloned()
    }

    /// Sets when a link is tried again: later after each failure, and not when everyone else does.
    pub fn retry_later(&mut self, peer: PeerId) {
        let chance = u64::from(self.readings.entropy[0]);
        let now = self.readings.uptime;
        let link = self.link(peer);
        let longest = if link.refused { REFUSED } else { RETRY.1 };
        let wait = RETRY.0.saturating_mul(1 << link.failures.max(link.stuck).min(16)).min(longest);
        link.retry_at = now + wait / 2 + wait * chance / 512;
    }

    /// Lets go of entries that have been durable on the other side for longer than the grace.
    fn let_go(&mut self, peer: PeerId) {
        let (hour, grace) = self.state.limits.ack_hours();
        let now = self.readings.now.0;
        if self.state.is_planted(Bug::TrimTooEarly)
            && let Some(floor) = self.peer(peer).map(|known| known.out.tip)
        {
            let _ = self.emit(Event::Trimmed { peer, floor, hour: None });
        }
        loop {
            let Some(out) = self.peer(peer).map(|known| &known.out) else { return };
            let Some((noted, ack)) = out.acks.first_key_value().map(|(h, a)| (*h, *a)) else {
                return;
            };
            if (noted + 1).saturating_mul(hour).saturating_add(grace) > now {
                return;
            }
            // A peer that was put back has less now than it had then.
            let older = ack.seq > out.acked.seq || ack.seq < out.floor.seq;
            let floor = if older { out.floor } else { ack };
            // Those who wrote it are told first that it is there.
            if floor.seq > out.told {
                return;
            }
            if self.emit(Event::Trimmed { peer, floor, hour: Some(noted) }).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::{Greet, InboxRealm, PeerAnswers};
    use crate::links::{Address, PeerAnswer, PeerRequest};
    use crate::testing::{BETA, Realm};
    use crate::{ConnId, Origin, Output, Page};
    use antar_types::{Capabilities, Chain, Fingerprint, Name};

    /// Whether the link's connection is asked whether it is there after so many seconds more, and whether it is
    /// given up.
    fn after(realm: &mut Realm, seconds: u64) -> (bool, bool) {
        realm.pass(seconds);
        realm.tick();
        let hangs_up = |output: &Output| matches!(output, Output::HangUp(ConnId(BETA)));
        (realm.said(BETA).contains(&PeerRequest::Ping), realm.asked.iter().any(hangs_up))
    }

    #[test]
    fn an_idle_connection_is_asked_and_has_time_to_answer() {
        let mut realm = Realm::linked(&[]);
        assert_eq!(after(&mut realm, 29), (false, false));
        assert_eq!(after(&mut realm, 1), (true, false));
        assert_eq!(after(&mut realm, 1), (false, false));
        assert_eq!(after(&mut realm, 29), (true, false));
        assert_eq!(after(&mut realm, 28), (false, false));
        assert!(after(&mut realm, 2).1);
    }

    #[test]
    fn one_that_was_idle_has_time_to_answer_what_it_is_asked() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        assert_eq!(after(&mut realm, 25), (false, false));
        let page = Page { after: None, before: None, limit: 9 };
        assert_eq!(realm.hears(1, InboxRealm { realm: "beta".into(), page }), None);
        assert_eq!(after(&mut realm, 0), (true, false));
        assert_eq!(after(&mut realm, 4), (false, false));
        assert_eq!(after(&mut realm, 4), (true, false));
        assert!(after(&mut realm, 2).1);
    }

    /// Beta greets, cannot give what it is asked for, and is hung up on.
    fn gives_nothing(realm: &mut Realm, conn: u64) {
        let (ip, key) = ([192, 0, 2, 1].into(), Fingerprint([2; 32]));
        realm.connect_from(conn, Origin::Certified(ip, key));
        let (again, invitation, can) = (true, None, Capabilities::NONE);
        let (to, from, host) = ("alpha".into(), Name::parse("beta"), "192.0.2.1".into());
        realm.hears(conn, Greet { to, host, port: 8889, from, again, invitation, can });
        realm.asked.clear();
        realm.hears(conn, PeerAnswers { answer: Ok(PeerAnswer::default().into()) });
        let hangs_up = |output: &Output| matches!(output, Output::HangUp(c) if c.0 == conn);
        assert!(realm.asked.iter().any(hangs_up));
    }

    fn calls_within(realm: &mut Realm, seconds: u64) -> bool {
        realm.asked.clear();
        (0..4 * seconds).for_each(|_| realm.tick());
        realm.asked.iter().any(|output| matches!(output, Output::Dial(..)))
    }

    /// Where the two meet and cannot go on, they meet less and less often, though each call succeeds.
    #[test]
    fn a_realm_that_gives_nothing_is_called_less_and_less_often() {
        let mut realm = Realm::linked(&[]);
        let address = Address { host: "192.0.2.1".into(), port: 8889, told_by: None };
        let mut peers = realm.state.durable.peers.values_mut();
        peers.next().unwrap().record.address = Some(address);
        realm.disconnect(BETA);
        (0..8).for_each(|n| gives_nothing(&mut realm, BETA + 1 + n));
        assert!(!calls_within(&mut realm, 14));
        assert!(calls_within(&mut realm, 20));
        realm.link_beta(BETA + 20, 0, Chain::START);
        realm.disconnect(BETA + 20);
        assert!(calls_within(&mut realm, 2));
    }
}
