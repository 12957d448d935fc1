//! What a peer answers to what it was asked.

use super::live::{Asked, Following};
use super::{Epoch, Position, Why};
use crate::Context;
use crate::commands::UnreadAnswer;
use crate::{ConnId, Interrupt, JobResult, PeerId, RequestContext};
use antar_types::{Capabilities, Chain, Code, Name};

/// A peer's answer: of all that an answer to any request of this realm can tell, what it does tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerAnswer {
    /// It did what it was asked.
    pub ok: bool,
    /// Why it did not, where that is a code of this version.
    pub code: Option<Code>,
    /// The code as it stands there: what of it can be one.
    pub code_word: Box<str>,
    /// The name by which the realm there was greeted, or its own where it has another.
    pub realm: Option<Name>,
    /// Its name, where it was greeted by the one that it had before.
    pub now: Option<Name>,
    /// The link waits for approval there.
    pub waiting: bool,
    /// What it understands on a link.
    pub can: Option<Capabilities>,
    /// The epoch of its log.
    pub epoch: Option<Epoch>,
    /// Where it begins to send.
    pub from: Option<Position>,
    /// Entries up to here are gone.
    pub floor: Option<Position>,
    /// How far its log goes.
    pub tip: Option<u64>,
    /// The hash of its log at the entry that was asked about.
    pub chain: Option<Chain>,
    /// Its time, in milliseconds since 1970.
    pub clock: Option<u64>,
}

/// An answer that came over a link. It may need a hash that is on disk first; then the same answer is
/// heard again with it.
pub(crate) fn answered(
    cx: &mut RequestContext<'_>,
    answer: Result<&PeerAnswer, UnreadAnswer>,
) -> Result<(), Interrupt> {
    let conn = cx.conn;
    let Some(c) = cx.state.links.conns.get(&conn) else { return Ok(()) };
    let (asked, peer) = (c.asked.front().cloned(), c.peer);
    let (asked, answer) = match (asked, answer) {
        (_, Err(UnreadAnswer::TooLong)) => {
            cx.hang_up(conn, "an answer longer than any to what was asked");
            return Ok(());
        }
        (Some(asked), Ok(answer)) => (asked, answer),
        _ => {
            cx.hang_up(conn, "an answer to nothing that was asked");
            return Ok(());
        }
    };
    if let (Asked::Chain(seq), Some(peer)) = (&asked, peer) {
        // The one answer that looks something up; it stays asked until that is there.
        let ours = match cx.hashes_at(peer, *seq) {
            // The next connection begins the search anew.
            Err(Interrupt::Refused(_)) => {
                cx.hang_up(conn, "what it sent earlier cannot be read here");
                return Ok(());
            }
            ours => ours?,
        };
        pop(cx);
        compare(&mut cx.context, conn, peer, *seq, &ours, answer);
        return Ok(());
    }
    pop(cx);
    match (asked, peer) {
        (Asked::Greeting(dial), _) => cx.greeted(conn, dial, answer),
        (Asked::Follow, Some(peer)) => follow_answered(&mut cx.context, conn, peer, answer),
        (Asked::Rejoin(common), Some(peer)) => {
            rejoin_answered(&mut cx.context, conn, peer, common, answer);
        }
        (Asked::Ping(sent), Some(peer)) => ping_answered(&mut cx.context, peer, sent, answer),
        (Asked::CatchUp(asker, until), Some(peer)) => {
            catch_up_answered(&mut cx.context, (asker, until), peer, answer);
        }
        (Asked::Join(asker, until), Some(peer)) if answer.ok => {
            catch_up_answered(&mut cx.context, (asker, until), peer, answer);
        }
        (Asked::Join(asker, until), Some(peer)) => {
            let waits = cx.state.links.waiting.get(&asker).map(|waiting| waiting.why);
            let is_it = matches!(waits, Some(Why::CatchUp { peer: of, until: at, .. }) if (of, at) == (peer, until));
            // A code of a later version is some refusal.
            let code = answer.code.or(Some(Code::Forbidden));
            if is_it {
                cx.wake(asker, JobResult::RoomAnswered(code));
            }
        }
        (Asked::Tip(asked_at), Some(peer)) => cx.told_tip(peer, answer.tip, asked_at),
        (Asked::Chain(_), _) | (_, None) => {}
    }
    Ok(())
}

fn pop(cx: &mut RequestContext<'_>) {
    let conn = cx.conn;
    if let Some(c) = cx.conn(conn) {
        c.asked.pop_front();
    }
}

/// Either the peer sends what follows our cursor, or its past is not ours.
fn follow_answered(cx: &mut Context<'_>, conn: ConnId, peer: PeerId, answer: &PeerAnswer) {
    let (Some(epoch), Some(floor)) = (answer.epoch, answer.floor) else {
        cx.note_stuck(conn);
        return cx.hang_up(conn, "an answer to FOLLOW that makes no sense");
    };
    let Some(known) = cx.peer(peer) else { return };
    let (top, own) = (known.followed.top(), known.followed.epoch());
    if answer.ok {
        let asked_at = cx.conn(conn).map_or(0, |c| c.asked_at);
        cx.told_tip(peer, answer.tip, asked_at);
        let Some(from) = answer.from else {
            return cx.hang_up(conn, "an answer to FOLLOW that makes no sense");
        };
        return begin(cx, conn, peer, epoch, from);
    }
    let Some(tip) = answer.tip else {
        return cx.hang_up(conn, "an answer to FOLLOW that makes no sense");
    };
    let name = cx.name_of(peer);
    let what = match epoch == own {
        true => format!("{name} has another past: its data were put back by hand"),
        false => format!("{name} was put back from a backup"),
    };
    cx.warn(peer, format!("{what}; looking for the last common entry"));
    cx.link(peer).error = Some(what);
    // Both begin with nothing; where the peer has let go of its beginning, from there.
    let common = if floor.seq <= top { floor } else { Position::default() };
    let differs = top.min(tip) + 1;
    if let Some(c) = cx.conn(conn) {
        c.following = Following::Searching { epoch, common, differs };
        c.searched = false;
    }
    cx.search(conn, peer);
}

/// One step of the search: whether both have the same at an entry.
fn compare(
    cx: &mut Context<'_>,
    conn: ConnId,
    peer: PeerId,
    seq: u64,
    ours: &[Chain],
    answer: &PeerAnswer,
) {
    if !answer.ok {
        return cx.hang_up(conn, "it cannot read what it sent earlier");
    }
    let theirs = answer.chain;
    let same = theirs.filter(|theirs| ours.contains(theirs));
    if let Some(c) = cx.conn(conn)
        && let Following::Searching { common, differs, .. } = &mut c.following
    {
        match same {
            Some(chain) if seq > common.seq => *common = Position { seq, chain },
            _ if seq < *differs => *differs = seq,
            _ => {}
        }
    }
    cx.search(conn, peer);
}

fn rejoin_answered(
    cx: &mut Context<'_>,
    conn: ConnId,
    peer: PeerId,
    common: Position,
    answer: &PeerAnswer,
) {
    let (Some(epoch), Some(from)) = (answer.epoch, answer.from) else {
        return cx.hang_up(conn, "no last common entry was found");
    };
    let had = cx.peer(peer).map_or(0, |known| known.followed.cursor.seq);
    let asked_at = cx.conn(conn).map_or(0, |c| c.asked_at);
    cx.told_tip(peer, answer.tip, asked_at);
    begin(cx, conn, peer, epoch, from);
    if cx.part_copies(peer).is_err() {
        return cx.hang_up(conn, "nothing can be kept at the moment");
    }
    let name = cx.name_of(peer);
    let what = format!(
        "{name} was put back: went on after entry {}, the last that both have; {had} were here",
        common.seq
    );
    cx.warn(peer, what.clone());
    cx.link(peer).error = Some(what);
}

/// The peer sends what follows `from`, in this life of its log.
fn begin(cx: &mut Context<'_>, conn: ConnId, peer: PeerId, epoch: Epoch, from: Position) {
    let Some(known) = cx.peer(peer) else { return };
    let (cursor, own) = (known.followed.cursor, known.followed.epoch());
    if from.seq > cursor.seq && own != Epoch(0) {
        let name = cx.name_of(peer);
        let lost = from.seq - cursor.seq;
        let what = format!("{name} has let go of {lost} entries that were not here yet");
        cx.warn(peer, what.clone());
        cx.link(peer).error = Some(what);
    }
    if (epoch, from) != (own, cursor) && cx.adopt(peer, epoch, from).is_err() {
        return cx.hang_up(conn, "nothing can be kept at the moment");
    }
    if let Some(c) = cx.conn(conn) {
        c.following = Following::On;
    }
}

fn ping_answered(cx: &mut Context<'_>, peer: PeerId, sent: u64, answer: &PeerAnswer) {
    let now = cx.readings.now.0;
    let took = cx.readings.uptime.saturating_sub(sent);
    if let Some(theirs) = answer.clock {
        let ours = now.saturating_sub(took / 2);
        let ahead = i64::try_from(theirs).unwrap_or(i64::MAX) - i64::try_from(ours).unwrap_or(0);
        let most = ahead.saturating_add(i64::try_from(took.div_ceil(2)).unwrap_or(i64::MAX));
        let link = cx.link(peer);
        (link.clock, link.clock_most) = (Some(ahead), Some(most));
    }
}

/// The peer has said how far its log goes: whoever asked waits until that is here.
fn catch_up_answered(
    cx: &mut Context<'_>,
    (asker, waits): (ConnId, u64),
    peer: PeerId,
    answer: &PeerAnswer,
) {
    let tip = answer.tip;
    // An answer that is late must not be taken for that to the next request.
    match cx.links().waiting.get_mut(&asker).map(|waiting| &mut waiting.why) {
        Some(Why::CatchUp { peer: of, target, until }) if (*of, *until) == (peer, waits) => {
            *target = tip;
        }
        _ => return,
    }
    match tip {
        Some(_) => cx.caught_up(peer),
        None => cx.wake(asker, JobResult::CaughtUp { stale: true }),
    }
}
