//! RENAMEREALM: another name for this realm.

use super::{Access, Param, ROW, Verb};
use crate::{Answer, Args, ConnId, Context, Event, Interrupt, PeerId};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "RENAMEREALM",
    aliases: &["REALM RENAME"],
    params: &[Param::Word("R")],
    help: "Gives this realm another name; administrators only.",
    access: Access::Admin,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let name = cx.new_name(args.word(0))?;
    let before = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
    if cx.peer_named(&name).is_some_and(|(_, peer)| !peer.is_gone() && !peer.is_asking()) {
        return Err(Code::RealmExists.into());
    }
    let peers = cx.state.durable.peers.iter();
    let linked = peers.filter(|(_, p)| p.is_open() && p.key().is_some() && p.known_as.is_none());
    let linked: Vec<PeerId> = linked.map(|(realm, _)| *realm).collect();
    for realm in linked.into_iter().filter(|_| *before.folded() != *name.folded()) {
        cx.emit(Event::KnownAs(realm, Some(before.clone())))?;
    }
    cx.emit(Event::RealmNamed(name.clone()))?;
    // They are told when they are greeted next, which is at once.
    let greeted = cx.state.links.conns.iter().filter(|(_, c)| c.greeted).map(|(conn, _)| *conn);
    for conn in greeted.collect::<Vec<ConnId>>() {
        cx.step().hang_up(conn, "this realm has another name from now on");
    }
    let reply = Reply::done(Phrase::same("Nama realm diganti"));
    Ok(reply.with("realm", name.as_str()).into())
}
