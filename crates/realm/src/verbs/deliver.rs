//! DELIVER and REMOVED: what a peer tells that needs no answer; on native links.

use super::{Needs, Param, ROW, Verb};
use crate::links::{Epoch, Status};
use crate::{Answer, Args, Cx, Stop};
use antar_wire::{Chain, Entry};

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
        needs: Needs::Link,
        run: deliver,
        ..ROW
    },
    Verb {
        name: "REMOVED",
        help: "Tells that the link was ended; from server to server.",
        needs: Needs::Link,
        run: removed,
        ..ROW
    },
];

/// Longer than any realm's limit on a text could sensibly be.
const TEXT: usize = 1 << 20;

fn deliver(cx: &mut Cx<'_>, args: &Args<'_>) -> Result<Answer, Stop> {
    let realm = cx.linked()?;
    let head = (|| {
        let first = args.word(1).parse::<u64>().ok()?;
        Some((Epoch::parse(args.word(0))?, first, Chain::parse(args.word(2))?))
    })();
    let list = Entry::parse_list(args.text, TEXT);
    let (conn, mut step) = (cx.conn, cx.step());
    let taken = match (head, list) {
        (Some(head), Some(list)) => step.take(conn, realm, head, &list),
        _ => Err("entries that cannot be read"),
    };
    if let Err(wrong) = taken {
        // What it is about cannot be told from here; a new connection starts from the cursor.
        let name = step.name_of(realm);
        step.note(realm, format!("link with {name}: it sent {wrong}"));
        step.hang_up(conn, &format!("it sent {wrong}"));
    }
    Ok(Answer::Silence)
}

fn removed(cx: &mut Cx<'_>, _: &Args<'_>) -> Result<Answer, Stop> {
    let realm = cx.linked()?;
    let conn = cx.conn;
    let mut step = cx.step();
    step.set_status(realm, Status::RemovedThere);
    step.hang_up(conn, "the other realm has ended the link");
    Ok(Answer::Silence)
}
