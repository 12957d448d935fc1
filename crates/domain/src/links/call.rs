//! Calling other realms.

use super::accept::NAMESAKE;
use super::live::Asked;
use super::{Address, Conn, Failure, Introduction, LinkKind, LinkStatus, PeerAnswer, PeerRequest};
use crate::{ConnId, Context, DialId, JobResult, Output, PeerId};
use antar_types::{Capabilities, Code, Fingerprint, Name, Token};
use std::net::IpAddr;

/// How long a call may take to be answered, in milliseconds.
pub(crate) const CALL: u64 = 10_000;

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
