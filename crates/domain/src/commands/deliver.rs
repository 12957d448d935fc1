//! Entries of a peer's log.

use crate::links::{Delivery, Names, Quote, TakeError};
use crate::{Answer, Interrupt, Job, JobResult, PeerId, RequestContext};
use antar_types::IncomingEntry;

/// Brings entries of a peer's log, in order.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// The entries; none where they could not be read.
    pub entries: Option<Box<Delivery>>,
}

impl Deliver {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let peer = cx.linked()?;
        let known = match &self.entries {
            Some(brought) => quoted(cx, peer, &brought.entries)?,
            None => Some(Vec::new()),
        };
        let conn = cx.conn;
        let Some(known) = known else {
            // It is asked again with the next connection, which starts from the cursor.
            cx.hang_up(conn, "what it was owed cannot be read here");
            return Ok(Answer::NoReply);
        };
        let done = match &self.entries {
            Some(brought) => match cx.names(peer, brought)? {
                Some(names) => take(cx, peer, brought, &known, &names),
                None => Err(TakeError::Unkept),
            },
            None => Err(TakeError::Unreadable),
        };
        if let Err(wrong) = done {
            // What it is about cannot be told from here; a new connection starts from the cursor.
            let name = cx.name_of(peer);
            cx.warn(peer, format!("link with {name}: {wrong}"));
            cx.hang_up(conn, &wrong.to_string());
        }
        Ok(Answer::NoReply)
    }
}

/// Takes a batch, and then does what it says about messages and rooms that there are.
fn take(
    cx: &mut RequestContext<'_>,
    peer: PeerId,
    brought: &Delivery,
    known: &[(Quote, bool)],
    names: &Names,
) -> Result<(), TakeError> {
    let conn = cx.conn;
    let done = cx.take_batch(conn, peer, brought, known, names)?;
    let unkept = |_| TakeError::Unkept;
    cx.do_changes(peer, &done).map_err(unkept)?;
    cx.take_rooms(peer, brought, names).map_err(unkept)
}

/// Of what notices quote, where that must be known, whether it was written by who is told; nothing
/// where it cannot be read.
fn quoted(
    cx: &mut RequestContext<'_>,
    peer: PeerId,
    entries: &[IncomingEntry],
) -> Result<Option<Vec<(Quote, bool)>>, Interrupt> {
    let quotes = cx.quotes(peer, entries.iter().filter_map(IncomingEntry::known));
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
