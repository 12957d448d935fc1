//! What events come to in the tree: pairs of key and value.
//!
//! The log is the truth; this is a view of it that can be made again. The pairs depend only on the events,
//! except for how they are divided into runs: that depends on how many batches are put in at once.

use crate::StoreError;
use crate::engine::{Direction, Key, Ops, Pairs};
use crate::layout::{self, FORMAT, FORMAT_KEY, HERE, List, RUN, TIP_KEY, Timeline, Tip};
use crate::records::alike::Alike;
use crate::records::codec::{decode, encode, encode_run};
use crate::records::{
    self, ApartEntry, ApartReached, ConversationReached, CursorReached, Listed, Outgoing,
    OwedReached, Pointer, Position, Posted, Received, Record, SetApart,
};
use antar_domain::{Conversation, ForkId, PeerId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Whether the pairs of a batch depend on what is in the tree: then the batches before it must be there.
pub fn looks_back(batch: &[Record]) -> bool {
    let looks = |record: &Record| match record {
        Record::Trimmed(_) => true,
        Record::PeerForgotten(forgotten) => forgotten.traces,
        _ => false,
    };
    batch.iter().any(looks)
}

/// The changes of batches that follow each other, the last of this number, to what is in `tree`. One that
/// `looks_back` must be alone.
pub fn project<'a>(
    tree: &dyn Pairs,
    number: u64,
    batches: impl IntoIterator<Item = &'a [Record]>,
) -> Result<Ops, StoreError> {
    let value = tree.read(TIP_KEY)?;
    let tip = value.map(|value| decode::<Tip>(TIP_KEY, &value)).transpose()?;
    let last_id = tip.map_or(0, |tip| tip.last_id);
    let mut projection = Projection { last_id, ..Projection::default() };
    for record in batches.into_iter().flatten() {
        projection.record(tree, record)?;
    }
    projection.finish(number, tip.is_none())
}

#[derive(Default)]
struct Projection<'a> {
    last_id: u64,
    singles: BTreeMap<Key, Option<&'a Record>>,
    /// How far conversations, outboxes and cursors have come: the last of each counts.
    reached: BTreeMap<Key, Record>,
    posted: Vec<(Conversation, &'a Posted)>,
    owed: Vec<(PeerId, Outgoing)>,
    marks: Vec<(ForkId, Position)>,
    apart: Vec<(PeerId, ApartEntry)>,
}

impl<'a> Projection<'a> {
    fn record(&mut self, tree: &dyn Pairs, record: &'a Record) -> Result<(), StoreError> {
        self.last_id = self.last_id.max(highest_id(record));
        match record {
            Record::Posted(posted) => self.posted.push((posted.conversation.alike(), posted)),
            Record::Owed(owed) => {
                let (at, entry) = (owed.tip, owed.entry.clone());
                self.owed.push((owed.peer, Outgoing { at, entry }));
                let (peer, tip, total, since) = (owed.peer, owed.tip, owed.total, owed.since);
                self.reach(OwedReached { peer, tip, total, since });
            }
            Record::Received(received) => self.received(received),
            Record::SetApart(SetApart { peer, apart, entry }) => {
                self.apart.extend(entry.iter().map(|entry| (*peer, entry.clone())));
                self.reach(ApartReached { peer: *peer, apart: *apart });
            }
            Record::Followed(followed) => {
                self.reach(CursorReached { peer: followed.peer, cursor: followed.at });
                self.keep(record);
            }
            Record::Trimmed(trimmed) => {
                if let Some(hour) = trimmed.hour {
                    self.remove(layout::key(b"l", &[trimmed.peer.0, 4, hour]));
                }
                self.trim(tree, List::Outbox(trimmed.peer), trimmed.floor.seq)?;
                self.keep(record);
            }
            Record::PeerForgotten(forgotten) => {
                self.forget(tree, forgotten)?;
                if forgotten.traces {
                    self.keep(record);
                }
            }
            Record::AddressTold(records::AddressTold { address: None, .. })
            | Record::KnownAs(records::KnownAs { name: None, .. }) => {
                record.key().into_iter().for_each(|key| self.remove(key));
            }
            record => match removed(record) {
                Some(key) => self.remove(key),
                None => self.keep(record),
            },
        }
        Ok(())
    }

    fn keep(&mut self, record: &'a Record) {
        if let Some(key) = record.key() {
            self.reached.remove(&key);
            self.singles.insert(key, Some(record));
        }
    }

    fn reach(&mut self, record: impl Into<Record>) {
        let record = record.into();
        if let Some(key) = record.key() {
            self.singles.remove(&key);
            self.reached.insert(key, record);
        }
    }

    fn remove(&mut self, key: Key) {
        self.reached.remove(&key);
        self.singles.insert(key, None);
    }

    fn received(&mut self, received: &Received) {
        let Received { peer, fork, cursor, chains, .. } = received;
        // Numbers that no log has come from nowhere but a hostile backup.
        let first = cursor.seq.saturating_add(1).saturating_sub(chains.len() as u64);
        let marks = chains.iter().zip(first..);
        self.marks.extend(marks.map(|(chain, seq)| (*fork, Position { seq, chain: *chain })));
        self.reach(CursorReached { peer: *peer, cursor: *cursor });
    }

    /// Lets go of the runs of a list that hold nothing past an entry.
    fn trim(&mut self, tree: &dyn Pairs, list: List, seq: u64) -> Result<(), StoreError> {
        // The last of them may go on past the entry.
        let mut last: Option<Key> = None;
        tree.scan(list.keys(0, seq.saturating_add(1)), Direction::Up, &mut |key, _| {
            if let Some(whole) = last.replace(key.into()) {
                self.singles.insert(whole, None);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Lets go of all that is kept of a peer, but for messages.
    fn forget(
        &mut self,
        tree: &dyn Pairs,
        forgotten: &records::PeerForgotten,
    ) -> Result<(), StoreError> {
        let peer = forgotten.peer;
        // What was written in the same batch is in no tree yet.
        for part in [0, 1, 2, 3, 6, 9, 11, 12, 14] {
            self.remove(layout::key(b"l", &[peer.0, part]));
        }
        if !forgotten.traces {
            return Ok(());
        }
        let (mut lists, mut gone) = (vec![List::Outbox(peer), List::Apart(peer)], Vec::new());
        for range in layout::records_of(peer) {
            tree.scan(range, Direction::Up, &mut |key, value| {
                gone.push(key.to_vec());
                if let Some((Record::Followed(followed), _)) = Record::take(value) {
                    lists.push(List::Hashes(followed.fork));
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for list in lists {
            tree.scan(list.keys(0, u64::MAX), Direction::Up, &mut |key, _| {
                gone.push(key.to_vec());
                Ok(ControlFlow::Continue(()))
            })?;
        }
        gone.into_iter().for_each(|key| self.remove(key));
        Ok(())
    }

    fn finish(mut self, number: u64, is_first: bool) -> Result<Ops, StoreError> {
        let mut ops = Ops::default();
        self.conversations(&mut ops)?;
        self.owed.sort_by_key(|(peer, _)| *peer);
        runs(&self.owed, List::Outbox, &mut ops)?;
        self.marks.sort_by_key(|(fork, _)| *fork);
        runs(&self.marks, List::Hashes, &mut ops)?;
        self.apart.sort_by_key(|(peer, _)| *peer);
        runs(&self.apart, List::Apart, &mut ops)?;
        for (key, record) in &self.singles {
            match record {
                Some(record) => ops.put(key, |value| record.encode(value))?,
                None => ops.delete(key),
            }
        }
        for (key, record) in &self.reached {
            ops.put(key, |value| record.encode(value))?;
        }
        if is_first {
            ops.put(FORMAT_KEY, |value| encode(&FORMAT, value))?;
        }
        let tip = Tip { batch: number, last_id: self.last_id };
        ops.put(TIP_KEY, |value| encode(&tip, value))?;
        Ok(ops)
    }

    /// Messages in their conversations, the pointers to them, and how far each conversation is.
    fn conversations(&mut self, ops: &mut Ops) -> Result<(), StoreError> {
        // Stable: within a conversation the ids stay in order.
        self.posted.sort_by_key(|(conversation, _)| *conversation);
        let mut pointers = Vec::with_capacity(2 * self.posted.len());
        for list in self.posted.chunk_by(|a, b| a.0 == b.0) {
            for run in list.chunks(RUN) {
                let Some((conversation, first)) = run.first() else { continue };
                let first = first.message.id;
                ops.put(&List::Messages(*conversation).key(first), |value| {
                    encode_run(run.iter().map(|(_, posted)| &posted.message), value)
                })?;
                run.iter().for_each(|(_, posted)| point(posted, first, &mut pointers));
            }
            if let Some((_, last)) = list.last() {
                let (conversation, message) = (last.conversation, &last.message);
                let (ordinal, id) = (message.ordinal, message.id);
                let reached = ConversationReached { conversation, ordinal, id };
                ops.put(&layout::conversation_key(conversation), |value| {
                    Record::from(reached).encode(value)
                })?;
            }
        }
        // By list and id: conversations come one after the other.
        pointers.sort_by_key(|(timeline, pointer)| (*timeline, pointer.id));
        runs(&pointers, List::Timeline, ops)
    }
}

/// Adds the pointers to a message whose run begins with an id.
fn point(posted: &Posted, run: u64, pointers: &mut Vec<(Timeline, Pointer)>) {
    let with = match posted.conversation {
        records::Conversation::Peer(_, peer, _) => peer,
        _ => HERE,
    };
    let pointer = Pointer { id: posted.message.id, conversation: posted.conversation, run };
    let incoming = posted.recipient.map(|account| Timeline::Incoming(account, with));
    let outgoing = posted.sender.map(|account| Timeline::Outgoing(account, with));
    let waiting = posted.waits.map(|number| Timeline::Waiting(with, number));
    let timelines = [incoming, outgoing, waiting].into_iter().flatten();
    pointers.extend(timelines.map(|timeline| (timeline, pointer)));
}

fn runs<L: Copy + PartialEq, T: Listed>(
    entries: &[(L, T)],
    list: fn(L) -> List,
    ops: &mut Ops,
) -> Result<(), StoreError> {
    for run in entries.chunk_by(|a, b| a.0 == b.0).flat_map(|list| list.chunks(RUN)) {
        let Some((of, first)) = run.first() else { continue };
        ops.put(&list(*of).key(first.id()), |value| {
            encode_run(run.iter().map(|(_, entry)| entry), value)
        })?;
    }
    Ok(())
}

/// The key of what a record removes, where that is all it does.
fn removed(record: &Record) -> Option<Key> {
    Some(match record {
        Record::AccountRemoved(r) => layout::key(b"a", &[r.account.0]),
        Record::SessionEnded(r) => layout::key(b"s", &[r.session.0]),
        Record::MemberRemoved(r) => layout::key(b"m", &[r.group.0, r.account.0]),
        Record::InvitationEnded(r) => layout::key(b"i", &[r.invitation]),
        Record::NameTaken(r) => layout::key(b"f", &[r.account.0]),
        Record::HeirEnded(r) => layout::key(b"l", &[r.peer.0, 10, r.account.0]),
        _ => return None,
    })
}

/// The highest number of the realm's one counter that a record carries.
pub fn highest_id(record: &Record) -> u64 {
    match record {
        Record::IdReached(r) => r.id,
        Record::AccountSet(r) => r.account.0,
        Record::SessionSet(r) => r.session.0,
        Record::GroupSet(r) => r.group.0,
        Record::MemberAdded(r) => r.since,
        Record::InvitationSet(r) => r.invitation,
        Record::NameLeft(r) => r.account.0,
        Record::Posted(r) => r.message.id,
        Record::ConversationReached(r) => r.id,
        Record::CorrespondentSet(r) => r.id.0,
        Record::SetApart(r) => r.entry.as_ref().map_or(0, |entry| entry.id),
        Record::PeerSet(r) => r.peer.0,
        Record::PeerForgotten(r) => r.peer.0,
        Record::Followed(r) => r.fork.0,
        Record::PlainMailboxSet(r) => r.number,
        _ => 0,
    }
}
