//! Another realm calls.

use crate::links::{Address, Greeting, LinkKind, LinkStatus};
use crate::{
    Answer, Event, Interrupt, Origin, Outcome, Refused, RequestContext, Word, is_loopback,
};
use antar_types::{Capabilities, Code, Fingerprint, Name, Token};
use std::net::IpAddr;

/// Says who calls and for whom: the first that is said on a link, by the side that has made the connection.
#[derive(Clone, Debug)]
pub struct Greet {
    /// The realm that is called. On a plain link, the name that both sides use for the one that calls.
    pub to: Word,
    /// Where the one that calls says it can be reached.
    pub host: Word,
    /// The port there.
    pub port: u16,
    /// Who calls, on a native link.
    pub from: Option<Name>,
    /// It has been linked before.
    pub again: bool,
    /// The secret of an invitation.
    pub invitation: Option<Result<Box<Token>, Code>>,
    /// What it understands on a link.
    pub can: Capabilities,
}

impl Greet {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        match cx.origin {
            Origin::Certified(peer, key) => native(cx, self, peer, key),
            _ => plain(cx, self),
        }
    }
}

/// From a realm that has proven its key.
fn native(
    cx: &mut RequestContext<'_>,
    greet: &Greet,
    ip: IpAddr,
    key: Fingerprint,
) -> Result<Answer, Interrupt> {
    let own = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
    let from = greet.from.clone().ok_or(Code::BadParameters)?;
    // Who is linked may not know yet that this realm was renamed, or was renamed itself.
    let linked = cx.linked_by_key(key);
    let before = linked.and_then(|peer| cx.state.durable.peers.get(&peer)?.known_as.clone());
    let calls_by = before.clone().filter(|name| greet.to.eq_ignore_ascii_case(name));
    let from = match linked {
        Some(peer) => {
            cx.renamed_to(peer, &from);
            cx.peer(peer).map_or(from, |known| known.record.name.clone())
        }
        None => from,
    };
    if !greet.to.eq_ignore_ascii_case(own.as_str()) && calls_by.is_none() {
        return Ok(Refused { realm: Some(own), ..Code::RealmName.into() }.into());
    }
    let invitation = greet.invitation.clone().transpose()?.map(|token| *token);
    let (again, source, can) = (greet.again, (&*greet.host, greet.port), greet.can);
    let status = cx.accept(&Greeting { from, key, ip, source, again, invitation, can })?;
    if let (None, Some(peer), true) = (&calls_by, linked, before.is_some()) {
        cx.emit(Event::KnownAs(peer, None))?;
    }
    let now = calls_by.is_some().then(|| own.clone());
    let (realm, can) = (calls_by.unwrap_or(own), cx.state.links.me.can);
    Ok(Outcome::Greeted { realm, linked: status == LinkStatus::Linked, can, now }.into())
}

/// From a server that knows only the two documents: it is its address.
fn plain(cx: &mut RequestContext<'_>, greet: &Greet) -> Result<Answer, Interrupt> {
    let ip = cx.plain_caller()?;
    let (said, port) = (&*greet.host, greet.port);
    let own = said.parse::<IpAddr>().is_ok_and(|said| said.to_canonical() == ip)
        || said.eq_ignore_ascii_case("localhost") && is_loopback(ip);
    if !own || port == 0 {
        return Err(Code::Forbidden.into());
    }
    let name = Name::parse(&greet.to).ok_or(Code::BadName)?;
    let address = Address { host: ip.to_string().into(), port, told_by: None };
    // Somebody here is just finding out who is there.
    if cx.is_called(&name) {
        return Err(Code::RealmExists.into());
    }
    // The key of a realm that has ended its link is known until REMOVEREALM: a name is not had from
    // it by calling without one.
    let kept = |status| !matches!(status, LinkStatus::Removed | LinkStatus::Former);
    if let Some((_, peer)) = cx.peer_named(&name)
        && kept(peer.record.status)
        && !peer.is(&LinkKind::Plain, Some(&address))
    {
        return Err(Code::RealmExists.into());
    }
    let peer = cx.record(name, LinkKind::Plain, Some(address), LinkStatus::Linked)?;
    cx.introduced(peer);
    Ok(Outcome::Done.into())
}
