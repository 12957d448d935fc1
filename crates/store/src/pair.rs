//! A pair of key and value, read: what [`crate::projection`] writes and nothing else.

use crate::StoreError;
use crate::layout::{FORMAT_KEY, List, RECORDS, RUN, TIP_KEY, Timeline, Tip, hex};
use crate::records::codec::{damaged, decode, decode_record, decode_run};
use crate::records::{
    ApartEntry, ChangeEntry, Listed, Message, Outgoing, Pointer, Position, Record,
};
use crate::references::{Place, Stored, week};
use antar_domain::{ChangeList, Conversation, ForkId, PeerId};

/// What a pair says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    /// How far the data go.
    Tip(Tip),
    /// The version of the layout.
    Format(u32),
    /// What is loaded at a start.
    Record(Record),
    /// A run of messages of a conversation.
    Messages(Conversation, Vec<Message>),
    /// A message that was posted under a reference.
    Referred(Place, Stored),
    /// A run of a timeline.
    Pointers(Timeline, Vec<Pointer>),
    /// A run of a list of changes.
    Changes(ChangeList, Vec<ChangeEntry>),
    /// A run of what a peer is owed.
    Owed(PeerId, Vec<Outgoing>),
    /// A run of the hashes of what a peer has sent.
    Marks(ForkId, Vec<Position>),
    /// A run of what a peer has sent that is not known here.
    Apart(PeerId, Vec<ApartEntry>),
}

/// Reads a pair.
///
/// # Errors
/// [`StoreError::Corrupt`] where no batch of events could have written it: the value is unreadable, is
/// under another key than its own, or is a run that is empty, too long or out of order.
pub fn read(key: &[u8], value: &[u8]) -> Result<Pair, StoreError> {
    match key {
        TIP_KEY => decode(key, value).map(Pair::Tip),
        FORMAT_KEY => decode(key, value).map(Pair::Format),
        [RECORDS, ..] => {
            let record = decode_record(key, value)?;
            let own = record.key().is_some_and(|own| own == key);
            if own { Ok(Pair::Record(record)) } else { Err(misplaced(key)) }
        }
        [b'F', ..] => {
            let place = Place::read(key).ok_or_else(|| misplaced(key))?;
            let stored = Stored::decode(key, value)?;
            let is_own = week(stored.time) == place.week;
            if is_own { Ok(Pair::Referred(place, stored)) } else { Err(misplaced(key)) }
        }
        _ => match List::read(key).ok_or_else(|| misplaced(key))? {
            (List::Messages(conversation), id) => {
                run_from(key, id, value).map(|run| Pair::Messages(conversation, run))
            }
            (List::Timeline(timeline), id) => {
                run_from(key, id, value).map(|run| Pair::Pointers(timeline, run))
            }
            (List::Changes(list), id) => run(key, id, value).map(|run| Pair::Changes(list, run)),
            (List::Outbox(peer), id) => run(key, id, value).map(|run| Pair::Owed(peer, run)),
            (List::Hashes(fork), id) => run(key, id, value).map(|run| Pair::Marks(fork, run)),
            (List::Apart(peer), id) => run(key, id, value).map(|run| Pair::Apart(peer, run)),
        },
    }
}

/// A run, whose first id is that of its key.
fn run<T: Listed>(key: &[u8], first: u64, value: &[u8]) -> Result<Vec<T>, StoreError> {
    let run = run_from(key, first, value)?;
    let is_whole = run.first().is_some_and(|entry: &T| entry.id() == first);
    if is_whole { Ok(run) } else { Err(misplaced(key)) }
}

/// A run that may have lost its first entries.
fn run_from<T: Listed>(key: &[u8], first: u64, value: &[u8]) -> Result<Vec<T>, StoreError> {
    let run: Vec<T> = decode_run(key, value)?;
    let in_order = run.windows(2).all(|two| two[0].id() < two[1].id());
    match run.first() {
        Some(entry) if entry.id() >= first && in_order && run.len() <= RUN => Ok(run),
        Some(_) => Err(misplaced(key)),
        None => Err(damaged(key)),
    }
}

fn misplaced(key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("what is under key {} does not belong there", hex(key)))
}
