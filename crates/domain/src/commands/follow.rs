//! A peer follows the log of what it is owed.

use crate::links::{Epoch, Position};
use crate::{Answer, Interrupt, LogEnds, Outcome, PeerId, RequestContext};
use antar_types::Code;

/// A place in a log: its epoch, and how far it has come there.
pub type Cursor = (Epoch, Position);

/// Asks for everything that is owed past a cursor.
#[derive(Clone, Debug)]
pub struct Follow {
    /// What the peer has.
    pub cursor: Result<Cursor, Code>,
}

/// Asks for the hash of the log at an entry.
#[derive(Clone, Debug)]
pub struct AskChain {
    /// The entry's number.
    pub seq: Result<u64, Code>,
}

/// Asks for everything past the last entry that both sides have.
#[derive(Clone, Debug)]
pub struct Rejoin {
    /// The epoch that the peer has followed until now, and that entry.
    pub common: Result<Cursor, Code>,
}

/// Tells how far everything is on the peer's disk.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    /// How far.
    pub cursor: Result<Cursor, Code>,
}

impl Follow {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, (epoch, cursor)) = (cx.linked()?, self.cursor?);
        match cx.followed(peer, epoch, cursor)? {
            Some(from) => Ok(begins(cx, peer, from)?),
            None => Ok(Outcome::Diverged(ends(cx, peer)?).into()),
        }
    }
}

impl AskChain {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, seq) = (cx.linked()?, self.seq?);
        Ok(Outcome::Chain(cx.chain_at(peer, seq)?).into())
    }
}

impl Rejoin {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, (was, at)) = (cx.linked()?, self.common?);
        let from = cx.rejoined(peer, was, at)?.ok_or(Code::Diverged)?;
        Ok(begins(cx, peer, from)?)
    }
}

impl Acknowledge {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, (epoch, at)) = (cx.linked()?, self.cursor?);
        let sent = cx.state.links.conns.get(&cx.conn).and_then(|c| c.sent);
        let out = &cx.peer(peer).ok_or(Code::RealmNotFound)?.out;
        if epoch != out.epoch || sent.is_none_or(|sent| at.seq > sent) || at.seq < out.acked.seq {
            let conn = cx.conn;
            cx.hang_up(conn, "a cursor past what it was sent");
            return Ok(Answer::NoReply);
        }
        cx.acked(peer, at)?;
        Ok(Answer::NoReply)
    }
}

/// The answer after which entries come.
fn begins(cx: &RequestContext<'_>, peer: PeerId, from: Position) -> Result<Answer, Code> {
    Ok(Outcome::Following { from, log: ends(cx, peer)? }.into())
}

fn ends(cx: &RequestContext<'_>, peer: PeerId) -> Result<LogEnds, Code> {
    let out = &cx.peer(peer).ok_or(Code::RealmNotFound)?.out;
    Ok(LogEnds { epoch: out.epoch, tip: out.tip.seq, floor: out.floor })
}
