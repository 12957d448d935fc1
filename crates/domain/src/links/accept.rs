//! Being called: who may link.

use super::{Address, Conn, LinkKind, LinkStatus, Why};
use crate::settings::Inbound;
use crate::{ConnId, Event, Interrupt, Origin, Output, PeerId, Refused, RequestContext};
use antar_types::{Capabilities, Code, Fingerprint, Name, Token};
use std::net::IpAddr;

/// How often it is told, of each realm, that somebody else says it is that one, in milliseconds.
const WARN_AGAIN: u64 = 60_000;

/// What is to be done where two realms have one name.
pub(crate) const NAMESAKE: &str =
    "two realms of one name cannot link: give one of them another (antar realm rename NEW)";

/// What another realm says of itself in ACKREALM.
pub(crate) struct Greeting<'a> {
    pub from: Name,
    pub key: Fingerprint,
    pub ip: IpAddr,
    /// Where it says it can be reached.
    pub source: (&'a str, u16),
    /// It has been linked before.
    pub again: bool,
    pub invitation: Option<Token>,
    /// What it understands on a link.
    pub can: Capabilities,
}

/// What is made of a realm that calls.
enum Verdict {
    /// It may link; an invitation that it showed is used up by that.
    Links(Option<u64>),
    /// It waits for approval.
    Waits,
    /// It waits for approval and is not listed: somebody with another key waits under this name.
    WaitsUnlisted,
}

impl RequestContext<'_> {
    /// Another realm calls: takes or refuses the link, and returns its status.
    pub(crate) fn accept(&mut self, greeting: &Greeting<'_>) -> Result<LinkStatus, Interrupt> {
        if self.session.is_some() || self.state.live.session(self.conn).is_some() {
            return Err(Code::Forbidden.into());
        }
        let Greeting { from, key, .. } = greeting;
        if self.state.links.me.key == Some(*key) {
            return Err(Code::RealmSelf.into());
        }
        if self.state.is_named(from) {
            self.warn_of_namesake(greeting);
            return Err(Code::RealmSameName.into());
        }
        let crossing = self.crossing(greeting)?;
        // Somebody here who may link has asked for just this one.
        let wanted = crossing.as_ref().is_some_and(|c| c.proven && c.asker.is_some());
        let (status, invitation) = match self.judge(greeting, wanted)? {
            Verdict::Links(invitation) => (LinkStatus::Linked, invitation),
            Verdict::Waits => (LinkStatus::Asking, None),
            Verdict::WaitsUnlisted => return Ok(LinkStatus::Asking),
        };
        let known = self.peer_named(from).map(|(peer, there)| (peer, there.record.status));
        let conn = self.conn;
        if known.is_some_and(|(peer, now)| now == status && self.has_greeted(conn, peer)) {
            // It has said so before on this connection: there is nothing to keep and nothing to tell.
            return Ok(status);
        }
        let is_linked = known.is_some_and(|(_, now)| now == LinkStatus::Linked);
        let answered_at = match crossing {
            Some(c) if c.proven => self.give_way(greeting, c)?,
            // Who is at that address is not known yet. Whoever it is goes before one that nobody here
            // has asked for, so that one is judged again then.
            Some(c) if status == LinkStatus::Linked && !is_linked => {
                return Err(Interrupt::Wait(Why::Crossing(c.dial)));
            }
            _ => None,
        };
        if let Some(id) = invitation {
            self.emit(Event::InvitationEnded(id))?;
        }
        self.keep_caller(greeting, status, answered_at)?;
        Ok(status)
    }

    /// The realm that is linked under a key.
    pub(crate) fn linked_by_key(&self, key: Fingerprint) -> Option<PeerId> {
        let mut peers = self.state.durable.peers.iter();
        peers.find(|(_, known)| known.is_open() && known.key() == Some(key)).map(|(peer, _)| *peer)
    }

    /// Keeps the record of a realm that calls; from here on its connection is one with a realm.
    fn keep_caller(
        &mut self,
        greeting: &Greeting<'_>,
        status: LinkStatus,
        answered_at: Option<Address>,
    ) -> Result<(), Interrupt> {
        let Greeting { from, key, ip, .. } = greeting;
        let kept = self.peer_named(from).map(|(_, p)| p).filter(|p| !p.is_gone());
        let is_new = kept.is_none();
        let kept = kept.filter(|p| p.key() == Some(*key)).and_then(|p| p.record.address.clone());
        let given = answered_at.or(kept.filter(|a| a.told_by.is_none()));
        let told = told(greeting);
        // One that was given is not for ever: where the realm says it is elsewhere, both are tried.
        let beside = told.clone().filter(|told| given.as_ref().is_some_and(|a| !a.is_at(told)));
        let address = given.or(told);
        let conn = self.conn;
        if is_new && status == LinkStatus::Asking {
            self.make_room_to_wait(*ip);
        }
        let peer = self.record(from.clone(), LinkKind::Native(*key), address, status)?;
        self.told_address(peer, beside)?;
        let (now, can) = (self.readings.uptime, greeting.can.and(self.links().me.can));
        let link = self.link(peer);
        link.from = Some(*ip);
        let replaces = link.conn.is_some_and(|old| old != conn);
        let c = self.links().conns.entry(conn).or_insert_with(|| Conn::new(None, None, now));
        (c.peer, c.greeted, c.can) = (Some(peer), true, can);
        // Where there is a connection already, this one takes over once it is used: it may be a call
        // that was given up when the other was made.
        if !replaces {
            self.after_answer = Some(peer);
        }
        Ok(())
    }

    fn has_greeted(&self, conn: ConnId, peer: PeerId) -> bool {
        let conn = self.state.links.conns.get(&conn);
        conn.is_some_and(|c| c.greeted && c.peer == Some(peer))
    }

    /// What is made of a realm that calls, by what is known of it and by the policy; `wanted` where it
    /// is the one that somebody here is calling.
    fn judge(&mut self, greeting: &Greeting<'_>, wanted: bool) -> Result<Verdict, Interrupt> {
        let Greeting { from, key, again, .. } = greeting;
        let durable = &self.state.durable;
        let known = durable.peer_named(from);
        let other = (durable.peers.iter())
            .any(|(id, p)| Some(*id) != known && p.key() == Some(*key) && !p.is_gone());
        if other {
            return Err(Code::RealmKey.into());
        }
        let Some((peer, there)) = known.and_then(|id| Some((id, durable.peers.get(&id)?))) else {
            return self.welcome(greeting, wanted);
        };
        match (there.record.status, there.key()) {
            (LinkStatus::Removed | LinkStatus::Former, _) if *again && !wanted => {
                Err(Code::RealmRemoved.into())
            }
            (LinkStatus::Removed | LinkStatus::Former, _) => self.welcome(greeting, wanted),
            (_, None) => Err(Code::RealmExists.into()),
            (LinkStatus::Asking, Some(waits)) => {
                self.judge_waiting(greeting, wanted, (peer, waits))
            }
            (_, Some(pinned)) if pinned == *key => Ok(Verdict::Links(None)),
            (_, Some(_)) => {
                self.warn_of_another(greeting, peer);
                Err(Code::RealmKey.into())
            }
        }
    }

    /// The same where a realm waits for approval under this name. That gives it no right to the name: one
    /// that was called from here, or that an invitation, a listed key or the policy lets in, goes first.
    fn judge_waiting(
        &mut self,
        greeting: &Greeting<'_>,
        wanted: bool,
        (peer, waits): (PeerId, Fingerprint),
    ) -> Result<Verdict, Interrupt> {
        let same = waits == greeting.key;
        match self.welcome(greeting, wanted) {
            Ok(Verdict::Waits) if !same => {
                self.warn_of_another(greeting, peer);
                Ok(Verdict::WaitsUnlisted)
            }
            // What may wait already goes on waiting where no others may any more.
            Err(Interrupt::Refused(Refused { code: Code::Forbidden, .. })) if same => {
                Ok(Verdict::Waits)
            }
            verdict => verdict,
        }
    }

    /// Tells the operator that somebody with another key says it is a realm that is known: once in a
    /// while, however often and with however many keys it is said.
    fn warn_of_another(&mut self, greeting: &Greeting<'_>, peer: PeerId) {
        let Greeting { key, ip, .. } = greeting;
        let error = format!("somebody at {ip} with the key {key} says it is this realm");
        let now = self.readings.uptime;
        let link = self.link(peer);
        let is_told = link.error.as_ref() == Some(&error)
            || link.warned.is_some_and(|at| now < at + WARN_AGAIN);
        link.error = Some(error.clone());
        if !is_told {
            link.warned = Some(now);
            let name = self.name_of(peer);
            self.warn(peer, format!("link with {name}: {error}"));
        }
    }

    /// Tells the operator that another realm has this one's name: once in a while, however often it calls.
    fn warn_of_namesake(&mut self, greeting: &Greeting<'_>) {
        let Greeting { key, ip, .. } = greeting;
        let now = self.readings.uptime;
        let namesake = &mut self.state.links.namesake;
        if namesake.is_some_and(|at| now < at + WARN_AGAIN) {
            return;
        }
        *namesake = Some(now);
        let text = format!(
            "a realm at {ip} with the key {key} asks to link and has this realm's name; {NAMESAKE}"
        );
        self.output(Output::Note { warning: true, text });
    }

    /// Whether a realm that is new here may link.
    fn welcome(&self, greeting: &Greeting<'_>, wanted: bool) -> Result<Verdict, Interrupt> {
        let invitation = self.invited(greeting.invitation.as_ref())?;
        let policy = &self.state.policy;
        if wanted || invitation.is_some() || policy.listed_keys.contains(&greeting.key) {
            return Ok(Verdict::Links(invitation));
        }
        match policy.inbound {
            Inbound::Open => Ok(Verdict::Links(None)),
            Inbound::Approve => Ok(Verdict::Waits),
            Inbound::Listed => Err(Code::Forbidden.into()),
        }
    }

    /// The invitation that was shown, where one was.
    fn invited(&self, secret: Option<&Token>) -> Result<Option<u64>, Interrupt> {
        let Some(secret) = secret else { return Ok(None) };
        let hash = secret.hash();
        let found = self.state.durable.invitations.iter().find(|(_, i)| i.hash == hash);
        match found {
            Some((id, invitation)) if invitation.expires > self.readings.now => Ok(Some(*id)),
            _ => Err(Code::BadInvitation.into()),
        }
    }

    /// The realm at the other end of this connection, where it is a link.
    pub(crate) fn linked(&mut self) -> Result<PeerId, Code> {
        let conn = self.conn;
        let found = self.state.links.conns.get(&conn).filter(|c| c.greeted).and_then(|c| c.peer);
        let peer = found.ok_or(Code::Forbidden)?;
        let open = self.state.durable.peers.get(&peer);
        if open.is_none_or(|known| known.record.status != LinkStatus::Linked) {
            return Err(Code::Forbidden);
        }
        match self.state.links.links.get(&peer).and_then(|link| link.conn) {
            Some(current) if current == conn => {}
            // What was said over a connection that has been replaced since comes too late.
            Some(current) if current > conn => {
                self.hang_up(conn, "another connection took its place");
                return Err(Code::Forbidden);
            }
            _ => self.carry(peer, conn),
        }
        Ok(peer)
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

    /// Why a caller on a plain connection is not heard as a peer, where its address is the reason.
    pub(crate) fn unlisted(&self) -> Option<String> {
        let Origin::Client(ip) = self.origin else { return None };
        let nobody = self.session.is_none() && self.state.live.session(self.conn).is_none();
        self.state.policy.plain_peers.refusal(ip).filter(|_| nobody)
    }

    /// The address of a caller on a plain connection that may be a peer.
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
        Ok(ip) => super::may_dial(ip, greeting.ip),
        Err(_) => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !host.is_empty() && host.len() <= 253 && host.bytes().all(plain)
        }
    };
    let told_by = Some(greeting.ip);
    (allowed && port > 0).then(|| Address { host: host.into(), port, told_by })
}
