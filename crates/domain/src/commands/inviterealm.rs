//! INVITEREALM: a code that makes another realm's link with this one.

use super::{Access, Param, ROW, Verb};
use crate::links::{Invitation, InvitationRecord};
use crate::{Answer, Args, Context, Event, Interrupt};
use antar_types::{Body, Code, Time, Token, words};

pub const VERBS: &[Verb] = &[Verb {
    name: "INVITEREALM",
    aliases: &["REALM INVITE"],
    params: &[Param::Maybe("[HOST PORT]")],
    help: "Makes a code with which another realm links, once, within seven days; administrators only.",
    access: Access::Admin,
    run,
    ..ROW
}];

/// Invitations that wait to be used.
const OPEN: usize = 1_000;

/// How long one is good for, in milliseconds.
const LASTS: u64 = 7 * 24 * 3_600_000;

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (host, rest) = words::first(args.text);
    let (port, _) = words::first(rest);
    let me = cx.state.links.me.clone();
    let (host, port) = match (host, port) {
        ("", _) => (me.host.or(me.listens).ok_or(Code::BadParameters)?, me.port),
        (host, "") => (host.to_string(), me.port),
        (host, port) => (host.to_string(), port.parse().map_err(|_| Code::BadParameters)?),
    };
    let key = me.key.ok_or(Code::Unavailable)?;
    let name = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
    let now = cx.readings.now;
    let invitations = &cx.state.durable.invitations;
    let old: Vec<u64> =
        invitations.iter().filter(|(_, i)| i.expires <= now).map(|(id, _)| *id).collect();
    if invitations.len() - old.len() >= OPEN {
        return Err(Code::LimitReached.into());
    }
    old.into_iter().try_for_each(|id| cx.emit(Event::InvitationEnded(id)))?;
    let secret = Token::new(cx.readings.entropy);
    let record = InvitationRecord { hash: secret.hash(), expires: Time(now.0 + LASTS) };
    cx.emit(Event::InvitationSet(cx.next_id(), record))?;
    Ok(Body::Value(Invitation { name, host, port, key, secret }.print().into()).into())
}
