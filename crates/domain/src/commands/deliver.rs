//! DELIVER and REMOVED: what a peer tells that needs no answer; on native links.

use super::{Access, Param, ROW, Verb};
use crate::links::{Epoch, Quote, Status};
use crate::{Answer, Args, Context, Interrupt, Job, JobResult, PeerId};
use antar_types::{Chain, Entry};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "DELIVER",
        params: &[
            Param::Word("EPOCH"),
            Param::Word("FIRST"),
            Param::Word("HASH"),
            Param::Text("[[KIND,TIME,FROM,TO,TEXT],…]"),
        ],
        help: "Brings entries of a log; from server to server.",
        access: Access::Peer,
        run: deliver,
        ..ROW
    },
    Verb {
        name: "REMOVED",
        help: "Tells that the link was ended; from server to server.",
        access: Access::Peer,
        run: removed,
        ..ROW
    },
];

/// Longer than any realm's limit on a text could sensibly be.
const TEXT: usize = 1 << 20;

fn deliver(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let realm = cx.linked()?;
    let head = (|| {
        let first = args.word(1).parse::<u64>().ok()?;
        Some((Epoch::parse(args.word(0))?, first, Chain::parse(args.word(2))?))
    })();
    let list = Entry::parse_list(args.text, TEXT);
    let known = match &list {
        Some(list) => quoted(cx, realm, list)?,
        None => Some(Vec::new()),
    };
    let (conn, mut step) = (cx.conn, cx.step());
    let Some(known) = known else {
        // It is asked again with the next connection, which starts from the cursor.
        step.hang_up(conn, "what it was owed cannot be read here");
        return Ok(Answer::NoReply);
    };
    let taken = match (head, list) {
        (Some(head), Some(list)) => step.take(conn, realm, head, &list, &known),
        _ => Err("entries that cannot be read"),
    };
    if let Err(wrong) = taken {
        // What it is about cannot be told from here; a new connection starts from the cursor.
        let name = step.name_of(realm);
        step.note(realm, format!("link with {name}: it sent {wrong}"));
        step.hang_up(conn, &format!("it sent {wrong}"));
    }
    Ok(Answer::NoReply)
}

/// Of what notices quote, where that must be known, whether it was written by who is told; nothing
/// where it cannot be read.
fn quoted(
    cx: &mut Context<'_>,
    realm: PeerId,
    entries: &[Entry],
) -> Result<Option<Vec<(Quote, bool)>>, Interrupt> {
    let quotes = cx.step().quotes(realm, entries);
    let known = cx.results.iter().rev().find_map(|result| match result {
        JobResult::Quoted(known) => Some(Some(known.clone())),
        JobResult::Unreadable => Some(None),
        _ => None,
    });
    match known {
        Some(None) => Ok(None),
        Some(Some(known)) if quotes.iter().all(|q| known.iter().any(|(k, _)| k == q)) => {
            Ok(Some(known))
        }
        _ if quotes.is_empty() => Ok(Some(Vec::new())),
        _ => Err(Interrupt::Job(Job::Quoted(quotes))),
    }
}

fn removed(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let realm = cx.linked()?;
    let conn = cx.conn;
    let mut step = cx.step();
    step.set_status(realm, Status::RemovedThere);
    step.hang_up(conn, "the other realm has ended the link");
    Ok(Answer::NoReply)
}
