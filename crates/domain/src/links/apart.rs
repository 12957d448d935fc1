//! Entries of kinds that this version does not know: they are set apart, for a later version to take.
//!
//! Such an entry moves the cursor like any other one, and is kept as it came. It takes an id as a message
//! would, so that its place among the messages is known. What is kept of one peer is bounded, and what is kept
//! of all; past the bounds an entry is only counted. No version shows them yet: the first that knows one of their kinds will.

use super::Epoch;
use crate::{Context, Event, PeerId};
use antar_types::UnknownEntry;
use std::sync::Arc;

/// Entries kept of one peer, and bytes of them.
const MOST: (u64, u64) = (10_000, 4 << 20);

/// The same of all peers together: those that are forgotten take what is kept of them along.
const MOST_OF_ALL: (u64, u64) = (16 * MOST.0, 16 * MOST.1);

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
    /// Whether there is room for so many bytes more.
    fn has_room(self, bytes: u64, most: (u64, u64)) -> bool {
        self.kept < most.0 && self.bytes + bytes <= most.1
    }

    /// What there is once one more entry of so many bytes has come, beside what is kept of others;
    /// whether it is kept.
    fn with(self, bytes: u64, others: Self) -> (Self, bool) {
        let Self { kept, bytes: before, dropped } = self;
        let all = Self { kept: kept + others.kept, bytes: before + others.bytes, dropped };
        match self.has_room(bytes, MOST) && all.has_room(bytes, MOST_OF_ALL) {
            true => (Self { kept: kept + 1, bytes: before + bytes, dropped }, true),
            false => (Self { kept, bytes: before, dropped: dropped + 1 }, false),
        }
    }
}

/// What sets one more entry apart, where it would have this id; and what there is of such entries then, beside
/// those of other peers.
pub(super) fn set_apart(
    peer: PeerId,
    (apart, others): (Apart, Apart),
    (epoch, seq, id): (Epoch, u64, u64),
    entry: &UnknownEntry,
) -> (Event, Apart) {
    let (apart, kept) = apart.with(entry.fields.len() as u64, others);
    let fields = Arc::from(&*entry.fields);
    let entry = kept.then(|| Arc::new(ApartEntry { id, epoch, seq, fields }));
    (Event::SetApart { peer, apart, entry }, apart)
}

impl Context<'_> {
    /// What is kept of all peers but one.
    pub(super) fn apart_of_others(&self, peer: PeerId) -> Apart {
        let others = self.state.durable.peers.iter().filter(|(id, _)| **id != peer);
        others.fold(Apart::default(), |all, (_, known)| Apart {
            kept: all.kept + known.apart.kept,
            bytes: all.bytes + known.apart.bytes,
            dropped: 0,
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Effects;
    use crate::commands::Deliver;
    use crate::links::{Contact, Delivery, Position};
    use crate::testing::{BETA, BETAS, Realm};
    use antar_types::{Capabilities, Chain, Fingerprint, IncomingEntry, Name, Text, Time};

    /// An entry of so many bytes.
    fn unknown(bytes: usize) -> IncomingEntry {
        let name = || Name::parse("bob").unwrap();
        let hashed = ("poll".into(), Time(5), name(), name(), Text::parse("tea", 9).unwrap());
        let fields = "x".repeat(bytes).into();
        IncomingEntry::Unknown(UnknownEntry { kind: "poll".into(), fields, hashed })
    }

    /// Beta brings so many entries, each of so many bytes, after as many others.
    fn bring(realm: &mut Realm, before: &mut Position, many: u64, bytes: usize) {
        let first = before.seq + 1;
        let entries: Vec<_> = (0..many).map(|_| unknown(bytes)).collect();
        for entry in &entries {
            *before = Position { seq: before.seq + 1, chain: entry.chain(before.chain) };
        }
        let brought = Delivery { epoch: BETAS, first, chain: before.chain, entries };
        assert_eq!(realm.hears(BETA, Deliver { entries: Some(brought.into()) }), None);
    }

    #[test]
    fn what_is_kept_of_all_peers_is_bounded() {
        const BYTES: usize = 1_000;
        // Others have left room for one entry, by number or by bytes.
        for (kept, bytes) in [(MOST_OF_ALL.0 - 1, 0), (0, MOST_OF_ALL.1 - BYTES as u64)] {
            let mut realm = Realm::with_users(&["amy"]);
            let (key, can) = (Some(Fingerprint([1; 32])), Capabilities::ALL);
            realm.state.introduce(Contact { key, port: 8889, can, ..Contact::default() });
            realm.link_beta(BETA, 0, Chain::START);
            let beta = *realm.state.durable.peers.keys().next().unwrap();
            realm.link_peer(BETA + 1, ("gamma", 3), Capabilities::NONE, Position::default());
            let gamma = *realm.state.durable.peers.keys().last().unwrap();
            let others = |apart| Event::ApartReached(gamma, apart);
            let set = |realm: &mut Realm, apart| {
                let mut effects = Effects::default();
                realm.state.apply(&others(apart), &mut effects.outputs);
            };
            set(&mut realm, Apart { kept, bytes, dropped: 0 });
            let mut at = Position::default();
            bring(&mut realm, &mut at, 2, BYTES);
            let of = |realm: &Realm| realm.state.durable.peers[&beta].apart;
            assert_eq!(of(&realm), Apart { kept: 1, bytes: BYTES as u64, dropped: 1 });
            // What was kept of a peer that is forgotten makes room.
            set(&mut realm, Apart::default());
            bring(&mut realm, &mut at, 1, BYTES);
            assert_eq!(of(&realm), Apart { kept: 2, bytes: 2 * BYTES as u64, dropped: 1 });
        }
    }
}
