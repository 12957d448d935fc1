//! FOLLOW, REJOIN, CHAIN and CURSOR: a peer follows the log of what it is owed; on native links.

use super::{Access, Param, ROW, Verb};
use crate::links::{Epoch, Position, position};
use crate::{Answer, Args, Context, Interrupt, PeerId};
use antar_types::{Code, Phrase, Reply};

const POSITION: [Param; 3] = [Param::Word("EPOCH"), Param::Word("N"), Param::Word("HASH")];

pub const VERBS: &[Verb] = &[
    Verb {
        name: "FOLLOW",
        params: &POSITION,
        help: "Asks for everything owed past a cursor; from server to server.",
        access: Access::Peer,
        run: follow,
        ..ROW
    },
    Verb {
        name: "CHAIN",
        params: &[Param::Word("N")],
        help: "Asks for the hash of the log at an entry; from server to server.",
        access: Access::Peer,
        run: chain,
        ..ROW
    },
    Verb {
        name: "REJOIN",
        params: &POSITION,
        help: "Goes on after the last entry that both sides have; from server to server.",
        access: Access::Peer,
        run: rejoin,
        ..ROW
    },
    Verb {
        name: "CURSOR",
        params: &POSITION,
        help: "Tells how far everything is on disk; from server to server.",
        access: Access::Peer,
        run: cursor,
        ..ROW
    },
];

fn read(args: &Args<'_>) -> Result<(Epoch, Position), Code> {
    let epoch = Epoch::parse(args.word(0)).ok_or(Code::BadParameters)?;
    Ok((epoch, position(args.word(1), args.word(2)).ok_or(Code::BadParameters)?))
}

fn follow(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (realm, (epoch, cursor)) = (cx.linked()?, read(args)?);
    match cx.followed(realm, epoch, cursor)? {
        Some(from) => Ok(begins(cx, realm, from)?),
        None => {
            let out = &cx.peer(realm)?.out;
            let reply = Reply::from(Code::Diverged).with("epoch", out.epoch.to_string());
            let reply = reply.with("tip", out.tip.seq).with("floor", out.floor.seq);
            Ok(reply.with("floor_chain", out.floor.chain.to_string()).into())
        }
    }
}

fn rejoin(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (realm, (was, at)) = (cx.linked()?, read(args)?);
    let from = cx.rejoined(realm, was, at)?.ok_or(Code::Diverged)?;
    Ok(begins(cx, realm, from)?)
}

/// The answer after which entries come.
fn begins(cx: &Context<'_>, realm: PeerId, from: Position) -> Result<Answer, Code> {
    let out = &cx.peer(realm)?.out;
    let reply = Reply::done(Phrase::same("Berikut")).with("epoch", out.epoch.to_string());
    let reply = reply.with("from", from.seq).with("chain", from.chain.to_string());
    let reply = reply.with("tip", out.tip.seq).with("floor", out.floor.seq);
    Ok(reply.with("floor_chain", out.floor.chain.to_string()).into())
}

fn chain(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let realm = cx.linked()?;
    let seq = args.word(0).parse().map_err(|_| Code::BadParameters)?;
    let chain = cx.chain_at(realm, seq)?.map(|chain| chain.to_string());
    Ok(Reply::done(Phrase::same("Rantai")).with("chain", chain).into())
}

fn cursor(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (realm, (epoch, at)) = (cx.linked()?, read(args)?);
    let sent = cx.state.links.conns.get(&cx.conn).and_then(|c| c.sent);
    let out = &cx.peer(realm)?.out;
    if epoch != out.epoch || sent.is_none_or(|sent| at.seq > sent) || at.seq < out.acked.seq {
        let conn = cx.conn;
        cx.step().hang_up(conn, "a cursor past what it was sent");
        return Ok(Answer::NoReply);
    }
    cx.step().acked(realm, at)?;
    Ok(Answer::NoReply)
}
