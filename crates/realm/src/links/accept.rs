//! Being called: who may link, and which of two connections stays.

use super::live::Conn;
use super::{Address, Caller, Failure, LinkKind, Status};
use crate::settings::Inbound;
use crate::{Cx, Event, Origin, Output, Proof, RealmId, Stop};
use antar_wire::{Code, Fingerprint, Name, Token};
use std::net::IpAddr;

/// What another realm says of itself in ACKREALM.
pub(crate) struct Greeting<'a> {
    pub from: Name,
    pub key: Fingerprint,
    pub peer: IpAddr,
    /// Where it says it can be reached.
    pub source: (&'a str, u16),
    /// It has been linked before.
    pub again: bool,
    pub invitation: Option<Token>,
}

impl Cx<'_> {
    /// Another realm calls: takes or refuses the link, and returns its status.
    pub(crate) fn accept(&mut self, greeting: &Greeting<'_>) -> Result<Status, Stop> {
        if self.session.is_some() || self.state.live.session(self.conn).is_some() {
            return Err(Code::Forbidden.into());
        }
        let Greeting { from, key, .. } = greeting;
        if self.state.links.me.key == Some(*key)
            || self.state.durable.name.as_ref().is_some_and(|me| *me.folded() == *from.folded())
        {
            return Err(Code::RealmSelf.into());
        }
        let status = match (self.judge(greeting)?, self.yield_to(greeting)?) {
            // Somebody here who may link has asked for it just now.
            (_, true) => Status::Linked,
            (status, false) => status,
        };
        let known = self.state.durable.peer_named(from);
        let kept = known.and_then(|realm| self.state.durable.peers.get(&realm));
        let kept = kept.filter(|p| !p.is_gone()).and_then(|p| p.record.address.clone());
        let address = kept.filter(|a| a.told_by.is_none()).or_else(|| told(greeting));
        let conn = self.conn;
        let mut step = self.step();
        let realm = step.record(from.clone(), LinkKind::Native(*key), address, status)?;
        let now = step.moment.uptime;
        let replaces = step.link(realm).conn.is_some_and(|old| old != conn);
        let c = step.links().conns.entry(conn).or_insert_with(|| Conn::new(None, None, now));
        (c.realm, c.greeted) = (Some(realm), true);
        // Where there is a connection already, this one takes over once it is used: it may be a call
        // that was given up when the other was made.
        if !replaces {
            self.after_answer = Some(realm);
        }
        Ok(status)
    }

    /// Whether a realm may link, by what is known of it and by the policy.
    fn judge(&mut self, greeting: &Greeting<'_>) -> Result<Status, Stop> {
        let Greeting { from, key, again, .. } = greeting;
        let durable = &self.state.durable;
        let known = durable.peer_named(from);
        let other = (durable.peers.iter())
            .any(|(id, p)| Some(*id) != known && p.key() == Some(*key) && !p.is_gone());
        if other {
            return Err(Code::RealmKey.into());
        }
        let Some((realm, peer)) = known.and_then(|id| Some((id, durable.peers.get(&id)?))) else {
            return self.welcome(greeting);
        };
        let pinned = peer.key();
        match peer.record.status {
            Status::Removed if *again => return Err(Code::RealmRemoved.into()),
            Status::Removed => return self.welcome(greeting),
            _ => {}
        }
        match pinned {
            None => Err(Code::RealmExists.into()),
            Some(pinned) if pinned == *key => match peer.record.status {
                Status::Asking => match self.invited(greeting.invitation.as_ref())? {
                    true => Ok(Status::Linked),
                    false => Ok(Status::Asking),
                },
                _ => Ok(Status::Linked),
            },
            Some(_) => {
                let error = format!(
                    "somebody at {} with the key {key} says it is this realm",
                    greeting.peer
                );
                let mut step = self.step();
                let name = step.name_of(realm);
                step.note(format!("link with {name}: {error}"));
                step.link(realm).error = Some(error);
                Err(Code::RealmKey.into())
            }
        }
    }

    /// Whether a realm that is new here may link.
    fn welcome(&mut self, greeting: &Greeting<'_>) -> Result<Status, Stop> {
        if self.invited(greeting.invitation.as_ref())? {
            return Ok(Status::Linked);
        }
        let policy = &self.state.policy;
        match policy.inbound {
            Inbound::Open => Ok(Status::Linked),
            _ if policy.listed_keys.contains(&greeting.key) => Ok(Status::Linked),
            Inbound::Approve => Ok(Status::Asking),
            Inbound::Listed => Err(Code::Forbidden.into()),
        }
    }

    /// Whether a valid invitation was shown, which is used up then.
    fn invited(&mut self, secret: Option<&Token>) -> Result<bool, Stop> {
        let Some(secret) = secret else { return Ok(false) };
        let hash = secret.hash();
        let found = self.state.durable.invitations.iter().find(|(_, i)| i.hash == hash);
        match found.map(|(id, invitation)| (*id, invitation.expires)) {
            Some((id, expires)) if expires > self.moment.now => {
                self.emit(Event::InvitationEnded(id))?;
                Ok(true)
            }
            _ => Err(Code::BadInvitation.into()),
        }
    }

    /// Where both realms call each other at once, the call of the one whose name comes first stays.
    /// Whether it was a user here who called.
    fn yield_to(&mut self, greeting: &Greeting<'_>) -> Result<bool, Stop> {
        let from = greeting.from.folded();
        let me = self.state.durable.name.as_ref().map(|me| me.folded().to_string());
        let ours = (self.state.links.calls.iter())
            .find(|(_, call)| *call.name.folded() == *from)
            .map(|(dial, call)| (*dial, call.conn.is_some(), call.pin));
        let Some((dial, reached, pin)) = ours else { return Ok(false) };
        // Whoever is called under this name is expected to have another key.
        if pin.is_some_and(|pin| pin != greeting.key) {
            return Err(Code::RealmKey.into());
        }
        // One that has not even reached the other side cannot be what the other side waits for.
        if reached && me.is_some_and(|me| *me < *from) {
            return Err(Code::RealmCrossed.into());
        }
        let mut step = self.step();
        let asker = match step.links().calls.get(&dial).map(|call| call.caller) {
            Some(Caller::User(conn)) => Some(conn),
            _ => None,
        };
        let error = "their call was first".into();
        match asker {
            // What the user asked for is there.
            Some(conn) => {
                let call = step.links().calls.remove(&dial);
                if let Some(ours) = call.and_then(|call| call.conn) {
                    step.links().conns.remove(&ours);
                    step.output(Output::HangUp(ours));
                }
                step.wake(conn, Proof::Linked(Ok(Status::Linked)));
            }
            None => step.call_failed(
                dial,
                Failure { code: Code::RealmCrossed, error, realm: None, plain: None },
            ),
        }
        Ok(asker.is_some())
    }

    /// The realm at the other end of this connection, where it is a link.
    pub(crate) fn linked(&mut self) -> Result<RealmId, Code> {
        let conn = self.conn;
        let found = self.state.links.conns.get(&conn).filter(|c| c.greeted).and_then(|c| c.realm);
        let realm = found.ok_or(Code::Forbidden)?;
        let open = self.state.durable.peers.get(&realm);
        if open.is_none_or(|peer| peer.record.status != Status::Linked) {
            return Err(Code::Forbidden);
        }
        match self.state.links.links.get(&realm).and_then(|link| link.conn) {
            Some(current) if current == conn => {}
            // What was said over a connection that has been replaced since comes too late.
            Some(current) if current > conn => {
                self.step().hang_up(conn, "another connection took its place");
                return Err(Code::Forbidden);
            }
            _ => self.step().carry(realm, conn),
        }
        Ok(realm)
    }

    /// Whether this connection is one with another realm: we have made it, or who has is a realm that
    /// has said so and was not refused.
    pub(crate) fn is_link(&self) -> bool {
        let greeted = || self.state.links.conns.get(&self.conn).is_some_and(|c| c.greeted);
        match self.origin {
            Origin::Dialled { .. } => true,
            Origin::Certified(..) => greeted(),
            Origin::Client(_) | Origin::Operator => false,
        }
    }

    /// Whether requests from server to server are heard on this connection at all.
    pub(crate) fn may_be_peer(&self) -> bool {
        match self.origin {
            Origin::Dialled { .. } => true,
            Origin::Certified(..) => {
                self.session.is_none() && self.state.live.session(self.conn).is_none()
            }
            Origin::Client(_) | Origin::Operator => self.plain_caller().is_ok(),
        }
    }

    /// Why who is on a plain connection is not heard as a peer, where that is because of the address.
    pub(crate) fn unlisted(&self) -> Option<String> {
        let Origin::Client(ip) = self.origin else { return None };
        let nobody = self.session.is_none() && self.state.live.session(self.conn).is_none();
        self.state.policy.plain_peers.refusal(ip).filter(|_| nobody)
    }

    /// Where a link's other end is, for who is on a plain connection.
    pub(crate) fn plain_caller(&self) -> Result<IpAddr, Code> {
        match self.origin {
            Origin::Client(ip)
                if self.session.is_none()
                    && self.state.live.session(self.conn).is_none()
                    && self.state.policy.plain_peers.include(ip) =>
            {
                Ok(ip.to_canonical())
            }
            _ => Err(Code::Forbidden),
        }
    }
}

/// The address that a realm gave, as far as it may be dialled.
fn told(greeting: &Greeting<'_>) -> Option<Address> {
    let (host, port) = greeting.source;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let allowed = match host.parse::<IpAddr>() {
        Ok(ip) => super::may_dial(ip, greeting.peer),
        Err(_) => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !host.is_empty() && host.len() <= 253 && host.bytes().all(plain)
        }
    };
    let told_by = Some(greeting.peer);
    (allowed && port > 0).then(|| Address { host: host.into(), port, told_by })
}
