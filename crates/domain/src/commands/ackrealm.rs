//! ACKREALM: another realm calls; from server to server.

use super::{Access, Param, ROW, Verb};
use crate::links::{Address, CAN, Greeting, LinkKind, Status};
use crate::{Answer, Args, Context, Event, Interrupt, Origin, is_loopback};
use antar_types::{Capabilities, Code, Name, Phrase, Reply, Token};
use std::net::IpAddr;

pub const VERBS: &[Verb] = &[Verb {
    name: "ACKREALM",
    params: &[
        Param::Word("R"),
        Param::Word("HOST"),
        Param::Word("PORT"),
        Param::Word("SRCHOST"),
        Param::Word("SRCPORT"),
    ],
    options: &["from=R", "again=1", "invite=SECRET"],
    help: "Answers ADDREALM; from server to server.",
    access: Access::Peer,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let port = |word: &str| word.parse::<u16>().map_err(|_| Code::BadParameters);
    let (_, source) = (port(args.word(2))?, port(args.word(4))?);
    match cx.origin {
        Origin::Certified(peer, key) => {
            let own = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
            let from = args.option("from").and_then(Name::parse).ok_or(Code::BadParameters)?;
            // Who is linked may not know yet that this realm was renamed, or was renamed itself.
            let linked = cx.linked_by_key(key);
            let before =
                linked.and_then(|realm| cx.state.durable.peers.get(&realm)?.known_as.clone());
            let calls_by = before.clone().filter(|name| args.word(0).eq_ignore_ascii_case(name));
            let from = match linked {
                Some(realm) => {
                    let mut step = cx.step();
                    step.renamed_to(realm, &from);
                    step.peer(realm).map_or(from, |peer| peer.record.name.clone())
                }
                None => from,
            };
            if !args.word(0).eq_ignore_ascii_case(own.as_str()) && calls_by.is_none() {
                return Ok(Reply::from(Code::RealmName).with("realm", own.as_str()).into());
            }
            let invitation = args.option("invite").and_then(Token::parse);
            if args.option("invite").is_some() && invitation.is_none() {
                return Err(Code::BadInvitation.into());
            }
            let again = args.option("again").is_some();
            let source = (args.word(3), source);
            let can = args.prefixed(CAN).map_or(Capabilities::NONE, Capabilities::parse);
            let status =
                cx.accept(&Greeting { from, key, peer, source, again, invitation, can })?;
            let state = if status == Status::Linked { "up" } else { "waiting" };
            let reply = Reply::done(Phrase::same("Connect realm berhasil"));
            if let (None, Some(realm), true) = (&calls_by, linked, before.is_some()) {
                cx.emit(Event::KnownAs(realm, None))?;
            }
            let reply = reply.with("realm", calls_by.as_ref().unwrap_or(&own).as_str());
            let reply = reply.with("state", state);
            let reply = match cx.state.links.me.can {
                Capabilities::NONE => reply,
                can => reply.with("can", can.print()),
            };
            Ok(match calls_by {
                Some(_) => reply.with("now", own.as_str()).into(),
                None => reply.into(),
            })
        }
        _ => plain(cx, args, source),
    }
}

/// From a server that knows only the two documents: it is its address.
fn plain(cx: &mut Context<'_>, args: &Args<'_>, port: u16) -> Result<Answer, Interrupt> {
    let ip = cx.plain_caller()?;
    let said = args.word(3);
    let own = said.parse::<IpAddr>().is_ok_and(|said| said.to_canonical() == ip)
        || said.eq_ignore_ascii_case("localhost") && is_loopback(ip);
    if !own || port == 0 {
        return Err(Code::Forbidden.into());
    }
    let name = Name::parse(args.word(0)).ok_or(Code::BadName)?;
    let address = Address { host: ip.to_string().into(), port, told_by: None };
    // Somebody here is just finding out who is there.
    if cx.is_called(&name) {
        return Err(Code::RealmExists.into());
    }
    // The key of a realm that has ended its link is known until REMOVEREALM: a name is not had from
    // it by calling without one.
    let kept = |status| !matches!(status, Status::Removed | Status::Former);
    if let Some((_, peer)) = cx.peer_named(&name)
        && kept(peer.record.status)
        && !peer.is(&LinkKind::Plain, Some(&address))
    {
        return Err(Code::RealmExists.into());
    }
    let mut step = cx.step();
    let realm = step.record(name, LinkKind::Plain, Some(address), Status::Linked)?;
    step.introduced(realm);
    Ok(Reply::done(Phrase::same("Connect realm berhasil")).into())
}
