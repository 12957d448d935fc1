//! A link with another realm.

use crate::links::{
    Address, Ask, CALL, Call, Caller, Failure, Invitation, LinkKind, LinkState, LinkStatus,
    NotAsked, Peer, PeerRecord, Told, Why, introduction,
};
use crate::{
    Answer, Bug, Interrupt, Job, JobResult, Origin, Outcome, PeerId, Refused, RequestContext, Word,
    is_loopback,
};
use antar_types::{Code, Fingerprint, Name, Token};
use std::net::IpAddr;
use std::num::NonZeroU16;

/// Links this realm with another; both keep the link from then on.
#[derive(Clone, Debug)]
pub struct LinkRealm {
    /// The other realm's name.
    pub name: Word,
    /// Where it is.
    pub host: Word,
    /// Its port there.
    pub port: NonZeroU16,
    /// What is known of it.
    pub how: Result<How, Code>,
}

/// What is known of a realm before it is called. Keys are boxed so that a command stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing: whoever answers is the one.
    Anyone,
    /// The key that it must have.
    Pinned(Box<Fingerprint>),
    /// The key that it has now: it is linked, and has had another.
    NewKey(Box<Fingerprint>),
    /// It is a server that knows only the two documents.
    Plain,
}

/// Links this realm with the one that made an invitation.
#[derive(Clone, Debug)]
pub struct JoinRealm {
    /// The invitation.
    pub invitation: Result<Box<Invitation>, Code>,
}

/// Calls at once that users have asked for, so that links find sockets for theirs.
const CALLS: usize = 64;

/// A link that is asked for.
struct Wanted {
    name: Name,
    address: Address,
    pin: Option<Fingerprint>,
    invitation: Option<Token>,
    plain: bool,
    /// It is linked and has another key now.
    renews: bool,
}

impl LinkRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.may_link()?;
        let name = Name::parse(&self.name).ok_or(Code::BadName)?;
        let how = self.how.as_ref().map_err(|code| *code)?;
        let (pin, renews) = match how {
            How::Anyone | How::Plain => (None, false),
            How::Pinned(key) => (Some(**key), false),
            How::NewKey(key) => (Some(**key), true),
        };
        let (host, port) = (host(&self.host)?.into(), self.port.get());
        let address = Address { host, port, told_by: None };
        let plain = *how == How::Plain;
        link(cx, Wanted { name, address, pin, invitation: None, plain, renews })
    }
}

impl JoinRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.may_link()?;
        let Invitation { name, host: at, port, key, secret } = *self.invitation.clone()?;
        let address = Address { host: host(&at)?.into(), port, told_by: None };
        let (pin, invitation) = (Some(key), Some(secret));
        link(cx, Wanted { name, address, pin, invitation, plain: false, renews: false })
    }
}

fn host(word: &str) -> Result<&str, Code> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    let known = |b: u8| b.is_ascii_alphanumeric() || b".-_:%".contains(&b);
    let valid = !bare.is_empty() && bare.len() <= 253 && bare.bytes().all(known);
    valid.then_some(bare).ok_or(Code::BadParameters)
}

/// Goes through the stages of a link: calling, the answer, and perhaps the plain way.
fn link(cx: &mut RequestContext<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    for result in cx.results.iter().rev() {
        match result.clone() {
            JobResult::Asked(_, answer) => return plain_answered(cx, wanted, answer),
            JobResult::Linked(Ok(status)) => return Ok(done(wanted.name, status)),
            JobResult::Linked(Err(failure)) => return called_in_vain(cx, wanted, failure),
            _ => {}
        }
    }
    if cx.peer_named(&wanted.name).is_some_and(|(_, p)| !p.is_gone() && !p.is_asking()) {
        return move_link(cx, wanted);
    }
    if wanted.renews {
        return Err(Code::RealmNotFound.into());
    }
    if wanted.plain {
        return ask_plainly(cx, wanted);
    }
    if cx.is_called(&wanted.name) {
        return Err(Code::RealmExists.into());
    }
    if cx.calls_of_users() >= CALLS && cx.origin != Origin::Operator {
        return Err(Code::LimitReached.into());
    }
    let Wanted { name, address, pin, invitation, .. } = wanted;
    // Its key is known until REMOVEREALM, whoever ended the link; that of one that only waits for
    // approval is no more than what anybody says.
    let waiting_pins = cx.state.is_planted(Bug::WaitingPins);
    let is_known = |peer: &Peer| match peer.record.status {
        LinkStatus::Removed => false,
        LinkStatus::Asking => waiting_pins,
        _ => true,
    };
    let known = cx.peer_named(&name).filter(|(_, peer)| is_known(peer));
    let pin = pin.or(known.and_then(|(_, peer)| peer.key()));
    let (caller, until) = (Caller::User(cx.conn), cx.readings.uptime + CALL);
    let (key, conn, renews) = (None, None, false);
    let dial = cx.call(Call { name, address, pin, renews, invitation, caller, key, conn, until });
    Err(Interrupt::Wait(Why::Call(dial)))
}

/// A linked realm is said to be elsewhere, or to have another key. The one it has, or the one that is
/// said, must answer there.
fn move_link(cx: &mut RequestContext<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    let Some((_, pinned)) = cx.moves(&wanted) else { return Err(Code::RealmExists.into()) };
    // Whoever has another key is another realm, unless somebody says so who answers for this one.
    if wanted.renews && !cx.is_admin() {
        return Err(Code::Forbidden.into());
    }
    if !wanted.renews && wanted.pin.is_some_and(|pin| pin != pinned) {
        return Ok(other_key(format!(
            "the link has the key {pinned}; if it is the same realm with another key, say so: \
             antar realm add --new-key"
        )));
    }
    let Wanted { name, address, renews, pin, .. } = wanted;
    let is_asked = |call: &Call| {
        matches!(call.caller, Caller::User(_)) && *call.name.folded() == *name.folded()
    };
    if cx.state.links.calls.values().any(is_asked) {
        return Err(Code::RealmExists.into());
    }
    let pin = pin.or(Some(pinned));
    let (caller, until) = (Caller::User(cx.conn), cx.readings.uptime + CALL);
    let (invitation, key, conn) = (None, None, None);
    let dial = cx.call(Call { name, address, pin, renews, invitation, caller, key, conn, until });
    Err(Interrupt::Wait(Why::Call(dial)))
}

fn other_key(error: String) -> Answer {
    Refused::from(Code::RealmKey).because(error).into()
}

/// Nobody is there just now. The operator's word holds all the same: it may be the peer that is down.
fn moved_unseen(
    cx: &mut RequestContext<'_>,
    peer: PeerId,
    wanted: Wanted,
    error: String,
) -> Result<Answer, Interrupt> {
    let PeerRecord { name, kind, status, .. } =
        cx.peer(peer).ok_or(Code::RealmNotFound)?.record.clone();
    let kind = match wanted.pin.filter(|_| wanted.renews) {
        Some(key) => {
            cx.renew_key(peer, key)?;
            LinkKind::Native(key)
        }
        None => kind,
    };
    cx.record(name, kind, Some(wanted.address), status)?;
    let link = cx.link(peer);
    (link.failures, link.refused, link.retry_at) = (0, false, 0);
    let (realm, state) = (wanted.name, LinkState::Down);
    Ok(Outcome::Linked { realm, state, error: Some(error) }.into())
}

fn done(realm: Name, status: LinkStatus) -> Answer {
    let state = if status == LinkStatus::Linked { LinkState::Up } else { LinkState::Waiting };
    Outcome::Linked { realm, state, error: None }.into()
}

/// Nobody there speaks TLS, or who does will not link.
fn called_in_vain(
    cx: &mut RequestContext<'_>,
    wanted: Wanted,
    failure: Failure,
) -> Result<Answer, Interrupt> {
    let mut error = failure.error;
    let moves = cx.moves(&wanted);
    if let (Some((peer, _)), Code::RealmUnreachable, Origin::Operator) =
        (moves, failure.code, cx.origin)
    {
        return moved_unseen(cx, peer, wanted, error);
    }
    if let Some(ip) = failure.plain.filter(|_| wanted.pin.is_none() && moves.is_none()) {
        match cx.state.policy.plain_peers.refusal(ip) {
            Some(why) => error = format!("{error}, and {why}"),
            None if is_loopback(ip) => return ask_plainly(cx, wanted),
            None => {}
        }
    }
    Ok(Refused { realm: failure.realm, ..Refused::from(failure.code).because(error) }.into())
}

/// Where a name leads the driver finds out, which asks nobody who may not be a plain peer.
fn ask_plainly(cx: &mut RequestContext<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    let ip = wanted.address.host.parse().ok();
    if let Some(why) = ip.and_then(|ip| cx.state.policy.plain_peers.refusal(ip)) {
        return Ok(unlisted(why));
    }
    let request = introduction(&cx.state.links.me);
    let ask = Ask { address: wanted.address, realm: wanted.name, request };
    Err(Interrupt::Job(Job::Ask(ask, None)))
}

fn unlisted(why: String) -> Answer {
    Refused::from(Code::Forbidden).because(why).into()
}

fn plain_answered(
    cx: &mut RequestContext<'_>,
    wanted: Wanted,
    answer: Result<(Told, IpAddr), NotAsked>,
) -> Result<Answer, Interrupt> {
    let (answer, ip) = match answer {
        Ok(answer) => answer,
        Err(NotAsked { error, .. }) => {
            return Ok(Refused::from(Code::RealmUnreachable).because(error).into());
        }
    };
    if let Some(why) = cx.state.policy.plain_peers.refusal(ip) {
        return Ok(unlisted(why));
    }
    if !answer.ok {
        return Ok(Refused::from(Code::RealmUnreachable).because(answer.said).into());
    }
    // Callers are known by their address, so that is what is kept.
    let address = Address { host: ip.to_string().into(), ..wanted.address };
    let linked = LinkStatus::Linked;
    let peer = cx.record(wanted.name.clone(), LinkKind::Plain, Some(address), linked)?;
    cx.introduced(peer);
    Ok(done(wanted.name, linked))
}

impl RequestContext<'_> {
    /// The realm that is linked natively and said to be at another address than it is known at, and its
    /// key.
    fn moves(&self, wanted: &Wanted) -> Option<(PeerId, Fingerprint)> {
        let (peer, known) = self.peer_named(&wanted.name)?;
        let elsewhere = known.record.address.as_ref().is_none_or(|a| !a.is_at(&wanted.address));
        let renewed = wanted.renews && wanted.pin != known.key();
        let asked = !wanted.plain && wanted.invitation.is_none();
        let moves = known.is_open() && asked && (elsewhere || renewed);
        Some((peer, known.key().filter(|_| moves)?))
    }

    /// Whether a realm of this name is being called.
    pub(crate) fn is_called(&self, name: &Name) -> bool {
        let name = name.folded();
        self.state.links.calls.values().any(|call| *call.name.folded() == *name)
    }

    /// How many realms are being called because somebody asked for a link.
    fn calls_of_users(&self) -> usize {
        let calls = self.state.links.calls.values();
        calls.filter(|call| matches!(call.caller, Caller::User(_))).count()
    }

    /// Whether the caller may make and end links.
    pub(crate) fn may_link(&self) -> Result<(), Code> {
        match self.state.policy.open_linking || self.is_admin() {
            true => Ok(()),
            false => Err(Code::Forbidden),
        }
    }
}
