//! Calling other realms, and what carries a link.

use super::accept::NAMESAKE;
use super::live::{Asked, Following};
use super::{
    Address, Conn, Epoch, Failure, Introduction, LinkKind, LinkStatus, Peer, PeerAnswer,
    PeerRecord, PeerRequest, Why,
};
use crate::Context;
use crate::{ConnId, DialId, Event, JobResult, Output, PeerId};
use antar_types::{Capabilities, Code, Fingerprint, Name, Token};
use std::net::IpAddr;

/// How long a call may take to be answered, in milliseconds.
pub(crate) const CALL: u64 = 10_000;

/// Requests over one link that are not answered yet.
const UNANSWERED: usize = 4_096;

/// A call to another realm, under way.
#[derive(Debug)]
pub(crate) struct Call {
    /// The name that is expected there.
    pub name: Name,
    pub address: Address,
    /// The key that is expected there, if one is: it was given with the name, or is that of a link.
    pub pin: Option<Fingerprint>,
    /// The operator has said that a linked realm has this key now, and is the same.
    pub renews: bool,
    /// The secret of an invitation.
    pub invitation: Option<Token>,
    /// Who asked for the link, where this is the first call.
    pub caller: Caller,
    /// The key of who answered.
    pub key: Option<Fingerprint>,
    pub conn: Option<ConnId>,
    /// When it is given up, in milliseconds of uptime.
    pub until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A user's ADDREALM, on this connection.
    User(ConnId),
    /// The link itself.
    Link(PeerId),
}

impl Context<'_> {
    /// Calls a realm.
    pub fn call(&mut self, call: Call) -> DialId {
        let dial = DialId(self.links().next());
        self.output(Output::Dial(dial, call.address.clone()));
        if let Caller::Link(peer) = call.caller {
            self.link(peer).call = Some(dial);
        }
        self.links().calls.insert(dial, call);
        dial
    }

    /// A call of ours was answered, over TLS: says who we are.
    pub fn reached(
        &mut self,
        conn: ConnId,
        dial: DialId,
        key: Fingerprint,
        from: (IpAddr, IpAddr),
    ) {
        let (remote, local) = from;
        let (now, me) = (self.readings.uptime, self.state.links.me.clone());
        let called = self.state.links.calls.get(&dial);
        let is_namesake = called.is_some_and(|call| self.state.is_named(&call.name));
        let Some(call) = self.state.links.calls.get_mut(&dial) else {
            return self.output(Output::HangUp(conn));
        };
        (call.conn, call.key) = (Some(conn), Some(key));
        let peer = match call.caller {
            Caller::Link(peer) => Some(peer),
            Caller::User(_) => None,
        };
        let wrong = match call.pin {
            _ if me.key == Some(key) => {
                Some((Code::RealmSelf, "this realm itself answered".into()))
            }
            Some(pin) if pin != key => Some((Code::RealmKey, format!("it has the key {key}"))),
            _ if is_namesake => Some((Code::RealmSameName, NAMESAKE.into())),
            _ => None,
        };
        let mut conn_state = Conn::new(peer, Some(dial), now);
        conn_state.asked.push_back(Asked::Greeting(dial));
        let (again, invitation) = (peer.is_some(), call.invitation.clone());
        let (to, at) = (call.name.clone(), (remote, call.address.port));
        self.links().conns.insert(conn, conn_state);
        if let Some((code, error)) = wrong {
            return self.call_failed(dial, Failure { code, error, realm: None, plain: None });
        }
        let Some(from) = self.name_for(peer) else { return };
        let source = (me.host.unwrap_or_else(|| local.to_string()), me.port);
        let can = me.can;
        let greeting = Introduction { to, at, source, from, again, invitation, can };
        self.output(Output::Request(conn, PeerRequest::Greet(Box::new(greeting))));
        self.judge_crossing(dial);
    }

    /// Takes a call off the list, and ends its connection.
    pub fn end_call(&mut self, dial: DialId) -> Option<Call> {
        let call = self.links().calls.remove(&dial)?;
        if let Some(conn) = call.conn {
            self.links().conns.remove(&conn);
            self.output(Output::HangUp(conn));
        }
        self.judge_crossing(dial);
        Some(call)
    }

    /// Something has come of a call: realms that called under its name meanwhile are judged again.
    fn judge_crossing(&mut self, dial: DialId) {
        let waiting: Vec<ConnId> = (self.state.links.waiting.iter())
            .filter(|(_, w)| w.why == Why::Crossing(dial))
            .map(|(conn, _)| *conn)
            .collect();
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::Crossed));
    }

    /// A call came to nothing.
    pub fn call_failed(&mut self, dial: DialId, failure: Failure) {
        let Some(call) = self.end_call(dial) else { return };
        match call.caller {
            Caller::User(conn) => self.wake(conn, JobResult::Linked(Err(failure))),
            Caller::Link(peer) => self.mend_failed(peer, failure),
        }
    }

    fn mend_failed(&mut self, peer: PeerId, failure: Failure) {
        let now = self.readings.now;
        let has_old_name = self.peer(peer).is_some_and(|known| known.known_as.is_some());
        let in_turns = self.peer(peer).is_some_and(|known| known.told.is_some());
        let link = self.link(peer);
        link.call = None;
        // Their call goes on, and is not to be taken for a fault.
        if failure.code == Code::RealmCrossed || link.conn.is_some() {
            return self.retry_later(peer);
        }
        // A realm of an earlier version does not know that others can be renamed.
        if failure.code == Code::RealmKey && has_old_name && !link.as_before {
            (link.as_before, link.retry_at) = (true, 0);
            return;
        }
        link.failed();
        link.refused = failure.code != Code::RealmUnreachable;
        // Two addresses fail in turns, each in its own way: that is nothing new.
        if link.error.as_ref() != Some(&failure.error) && !(in_turns && link.failures > 1) {
            link.since = now;
        }
        link.error = Some(failure.error);
        self.retry_later(peer);
        if failure.code == Code::RealmRemoved {
            self.set_status(peer, LinkStatus::RemovedThere);
        }
    }

    /// Changes a link's status, now and on disk.
    pub fn set_status(&mut self, peer: PeerId, status: LinkStatus) {
        let Some(record) = self.peer(peer).map(|p| p.record.clone()) else { return };
        if record.status != status {
            let since = self.readings.now;
            let _ = self.emit(Event::PeerSet(peer, PeerRecord { status, since, ..record }));
        }
    }

    /// The answer to our ACKREALM.
    pub fn greeted(&mut self, conn: ConnId, dial: DialId, answer: &PeerAnswer) {
        let Some(call) = self.state.links.calls.get(&dial) else { return };
        let real = answer.realm.clone();
        let same = real.as_ref().is_some_and(|real| *real.folded() == *call.name.folded());
        if !answer.ok || !same {
            let (mut code, mut error) = refusal(answer, real.as_ref());
            // Its key is not this realm's, so it is not this realm.
            if matches!(code, Code::RealmSelf | Code::RealmSameName)
                || real.as_ref().is_some_and(|real| self.state.is_named(real))
            {
                (code, error) = (Code::RealmSameName, NAMESAKE.into());
            }
            if code == Code::RealmCrossed && matches!(call.caller, Caller::User(_)) {
                return self.crossed(dial);
            }
            let failure = Failure { code, error, realm: real, plain: None };
            return self.call_failed(dial, failure);
        }
        let Some(mut name) = real else { return };
        if let Caller::Link(peer) = call.caller {
            if let Some(now) = &answer.now {
                self.renamed_to(peer, now);
            }
            let Some(known) = self.peer(peer) else { return };
            name = known.record.name.clone();
        }
        let status = if answer.waiting { LinkStatus::Asked } else { LinkStatus::Linked };
        let can = answer.can.unwrap_or(Capabilities::NONE).and(self.state.links.me.can);
        match self.settle(dial, name, status) {
            Ok(peer) => {
                if let Some(c) = self.conn(conn) {
                    (c.peer, c.greeted, c.call) = (Some(peer), true, None);
                    c.can = can;
                }
                self.carry(peer, conn);
            }
            Err(code) => {
                let error = code.text().into();
                self.call_failed(dial, Failure { code, error, realm: None, plain: None });
            }
        }
    }

    /// Makes or changes the record of a realm that has taken our call.
    pub fn settle(&mut self, dial: DialId, name: Name, status: LinkStatus) -> Result<PeerId, Code> {
        let Some(call) = self.state.links.calls.get(&dial) else {
            return Err(Code::Unavailable);
        };
        let key = call.key.ok_or(Code::Unavailable)?;
        let (address, caller, renews) = (call.address.clone(), call.caller, call.renews);
        let known = self.state.durable.peer_named(&name);
        if let Some(peer) = known.filter(|_| renews) {
            self.renew_key(peer, key)?;
        }
        let kept = known.and_then(|peer| self.peer(peer)).filter(|p| !p.is_gone());
        let address = match (caller, kept) {
            (Caller::Link(_), Some(kept)) => kept.record.address.clone(),
            // They called us meanwhile, and are who they were.
            (Caller::User(_), Some(kept)) if kept.key() == Some(key) => Some(address),
            // Somebody only waits under this name, and this is who was meant.
            (Caller::User(_), Some(kept)) if kept.is_asking() => Some(address),
            (Caller::User(_), None) => Some(address),
            _ => return Err(Code::RealmExists),
        };
        let peer = self.record(name, LinkKind::Native(key), address, status)?;
        self.links().calls.remove(&dial);
        self.judge_crossing(dial);
        self.link(peer).call = None;
        if let Caller::User(conn) = caller {
            self.wake(conn, JobResult::Linked(Ok(status)));
        }
        Ok(peer)
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

    /// A connection carries a link from now on.
    pub fn carry(&mut self, peer: PeerId, conn: ConnId) {
        let now = self.readings.now;
        let status = self.peer(peer).map(|p| p.record.status);
        let linked = status == Some(LinkStatus::Linked);
        let link = self.link(peer);
        let old = link.conn.replace(conn).filter(|old| *old != conn);
        if old.is_none() {
            link.since = now;
        }
        (link.failures, link.refused, link.error) = (0, false, None);
        // Another connection of one that waits, or is up, is nothing new.
        let is_new =
            status.is_some() && std::mem::replace(&mut link.told_operator, status) != status;
        if let Some(old) = old {
            self.links().conns.remove(&old);
            self.output(Output::HangUp(old));
        }
        if is_new {
            self.tell_of(peer);
        }
        if linked {
            self.follow(conn, peer);
        }
    }

    /// Tells the operator that a link has come about, or waits for somebody's approval.
    fn tell_of(&mut self, peer: PeerId) {
        let Some(known) = self.peer(peer) else { return };
        let (name, key) = (&known.record.name, known.key());
        let key = key.map_or(String::new(), |key| format!(" with the key {key}"));
        let text = match known.record.status {
            LinkStatus::Asking => format!("link with {name}: waits for approval{key}"),
            LinkStatus::Asked => format!("link with {name}: waits for approval there"),
            _ => format!("link with {name}: up"),
        };
        self.tell(peer, text);
    }

    /// Asks for what follows our cursor.
    pub fn follow(&mut self, conn: ConnId, peer: PeerId) {
        let Some(known) = self.peer(peer) else { return };
        let request = PeerRequest::Follow(known.followed.epoch(), known.followed.cursor);
        let asked_at = self.state.durable.next_id();
        if let Some(c) = self.conn(conn) {
            (c.following, c.asked_at) = (Following::Not, asked_at);
        }
        self.ask_clock(peer);
        self.ask(conn, Asked::Follow, request);
    }

    /// Sends a request over a link and remembers what its answer will be about.
    pub fn ask(&mut self, conn: ConnId, asked: Asked, request: PeerRequest) {
        let Some(c) = self.conn(conn) else { return };
        if c.asked.len() >= UNANSWERED {
            return self.hang_up(conn, "it answers nothing");
        }
        c.asked.push_back(asked);
        self.output(Output::Request(conn, request));
    }

    /// Ends a connection because of what came over it, or did not.
    pub fn hang_up(&mut self, conn: ConnId, why: &str) {
        self.output(Output::HangUp(conn));
        self.closed(conn, why);
    }

    /// A connection is gone.
    pub fn closed(&mut self, conn: ConnId, why: &str) {
        self.links().waiting.remove(&conn);
        let Some(gone) = self.links().conns.remove(&conn) else { return };
        if let Some(dial) = gone.call {
            let (code, error) = (Code::RealmUnreachable, why.to_string());
            return self.call_failed(dial, Failure { code, error, realm: None, plain: None });
        }
        let Some(peer) = gone.peer else { return };
        let now = self.readings.now;
        let link = self.link(peer);
        if link.conn != Some(conn) {
            return;
        }
        (link.conn, link.since, link.error) = (None, now, Some(why.to_string()));
        link.as_before = false;
        link.lost += 1;
        if link.told_operator == Some(LinkStatus::Linked) {
            link.told_operator = None;
            let name = self.name_of(peer);
            self.tell(peer, format!("link with {name}: down, {why}"));
        }
        self.retry_later(peer);
        let waiting: Vec<ConnId> = (self.state.links.waiting.iter())
            .filter(|(_, w)| matches!(w.why, Why::CatchUp { peer: of, .. } if of == peer))
            .map(|(conn, _)| *conn)
            .collect();
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::CaughtUp { stale: true }));
        // The peer may have called already, before it was known here that this one is dead.
        let next = self.links().conns.iter().rev().find(|(_, c)| c.greeted && c.peer == Some(peer));
        if let Some(next) = next.map(|(conn, _)| *conn) {
            self.carry(peer, next);
        }
    }

    /// Goes on with a user's request that waited for another realm.
    pub fn wake(&mut self, conn: ConnId, result: JobResult) {
        let Some(mut waiting) = self.links().waiting.remove(&conn) else { return };
        waiting.results.push(result);
        self.output(Output::Resume { conn, request: waiting.request, results: waiting.results });
    }
}

/// What a peer's refusal says.
fn refusal(answer: &PeerAnswer, real: Option<&Name>) -> (Code, String) {
    match (answer.code, real) {
        (Some(Code::RealmName) | None, Some(real)) => {
            (Code::RealmName, format!("the realm there is named {real}"))
        }
        (
            Some(
                code @ (Code::RealmRemoved
                | Code::RealmCrossed
                | Code::RealmSelf
                | Code::RealmSameName
                | Code::RealmKey),
            ),
            _,
        ) => (code, code.text().into()),
        _ => (Code::RealmRefused, format!("refused there: {}", answer.code_word)),
    }
}
