//! Entries of kinds that this version does not know: they are set apart, for a later version to take.
//!
//! Such an entry moves the cursor like any other one, and is kept as it came. It takes an id as a message
//! would, so that its place among the messages is known. What is kept of one peer is bounded; past the bound
//! an entry is only counted. No version shows them yet: the first that knows one of their kinds will.

use super::Epoch;
use crate::{Context, Event, PeerId};
use antar_types::UnknownEntry;
use std::sync::Arc;

/// Entries kept of one peer, and bytes of them.
const MOST: (u64, u64) = (10_000, 4 << 20);

/// How often the operator is told of such entries, of each peer, in milliseconds.
const TELL_AGAIN: u64 = 3_600_000;

/// How much of what a peer has sent was set apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// Entries that are kept.
    pub kept: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Entries that were let go of, since there was no more room.
    pub dropped: u64,
}

/// An entry that was set apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApartEntry {
    /// Its place among this realm's messages.
    pub id: u64,
    /// The life of the peer's log that it is from.
    pub epoch: Epoch,
    /// Its number in that log.
    pub seq: u64,
    /// The entry as it came: a list, as JSON.
    pub fields: Arc<str>,
}

impl Apart {
    /// What there is once one more entry of so many bytes has come; whether it is kept.
    fn with(self, bytes: u64) -> (Self, bool) {
        let Self { kept, bytes: before, dropped } = self;
        match kept < MOST.0 && before + bytes <= MOST.1 {
            true => (Self { kept: kept + 1, bytes: before + bytes, dropped }, true),
            false => (Self { kept, bytes: before, dropped: dropped + 1 }, false),
        }
    }
}

/// What sets one more entry apart, where it would have this id; and what there is of such entries then.
pub(super) fn set_apart(
    peer: PeerId,
    apart: Apart,
    (epoch, seq, id): (Epoch, u64, u64),
    entry: &UnknownEntry,
) -> (Event, Apart) {
    let (apart, kept) = apart.with(entry.fields.len() as u64);
    let fields = Arc::from(&*entry.fields);
    let entry = kept.then(|| Arc::new(ApartEntry { id, epoch, seq, fields }));
    (Event::SetApart { peer, apart, entry }, apart)
}

impl Context<'_> {
    /// Tells the operator, once in a while, that entries were set apart.
    pub(super) fn tell_of_apart(&mut self, peer: PeerId, entry: &UnknownEntry) {
        let now = self.readings.uptime;
        let told = &mut self.link(peer).apart_told;
        if told.is_some_and(|at| now < at + TELL_AGAIN) {
            return;
        }
        *told = Some(now);
        let (name, kind) = (self.name_of(peer), &entry.kind);
        self.tell(
            peer,
            format!(
                "link with {name}: it sends what this version does not know ({kind}), which is set apart"
            ),
        );
    }
}
