//! What events come to in the tree: pairs of key and value.
//!
//! The log is the truth; this is a view of it that can be made again. The pairs depend only on the events,
//! except for how they are divided into runs: that depends on how many batches are put in at once.

mod letting_go;
mod runs;

use crate::engine::{Key, Ops, Pairs};
use crate::event_log::{Batch, Content};
use crate::layout::{self, FORMAT, FORMAT_KEY, HERE, List, PeerPart, TIP_KEY, Timeline, Tip};
use crate::records::alike::Alike;
use crate::records::codec::{decode, decode_run, encode, encode_number, encode_run};
use crate::records::{
    self, ApartReached, ChangeEntry, Changed, ChangesReached, ConversationReached, CursorReached,
    Listed, MarkerSet, Message, NO_EXTRAS, Outgoing, OwedReached, Pointer, Position, Raw,
    RawPosted, Received, Record, SetApart,
};
use crate::references::{self, Stored};
use crate::{StoreError, history};
use antar_domain::{AccountId, Conversation, Marker, PeerId};
use antar_types::Text;
use runs::{Run, Runs};
use std::collections::BTreeMap;

/// Whether the pairs of a batch depend on what is in the tree: then the batches before it must be there.
pub fn looks_back(batch: &[Raw<'_>]) -> bool {
    let looks = |raw: &Raw<'_>| match raw {
        Raw::Posted(_) => false,
        Raw::Other(record) => match &**record {
            Record::Trimmed(_) | Record::ChangesTrimmed(_) | Record::ChangesEnded(_) => true,
            Record::GroupClosed(_) | Record::GroupSwept(_) | Record::Rewritten(_) => true,
            Record::OwedReplaced(_) | Record::LetGo(_) => true,
            Record::PeerForgotten(forgotten) => forgotten.traces,
            _ => false,
        },
    };
    batch.iter().any(looks)
}

/// The changes of a batch by itself to what is in `tree`.
pub fn project(tree: &dyn Pairs, number: u64, batch: &Batch) -> Result<Ops, StoreError> {
    match batch.content(number)? {
        Content::Pairs(ops) => Ok(ops),
        Content::Events(records) => {
            let mut projection = Projection::default();
            projection.add(tree, records)?;
            projection.finish(tree, number)?.ops()
        }
    }
}

/// What batches that follow each other come to. A batch that [`looks_back`] must be alone.
#[derive(Default)]
pub struct Projection {
    highest_id: u64,
    /// The latest of what is kept under each key; none where that is let go of.
    kept: BTreeMap<Key, Option<Record>>,
    /// What messages are called that have a reference, and the week of the last of them.
    references: BTreeMap<Key, Stored>,
    week: Option<u64>,
    /// What is added to lists.
    runs: Runs,
    /// Runs of the tree in which messages were changed, or let go of, by conversation and first message.
    rewritten: BTreeMap<(Conversation, u64), Vec<Message>>,
    /// Runs of the tree in which pointers were let go of.
    pointers: BTreeMap<(Timeline, u64), Vec<Pointer>>,
    /// The same of outboxes.
    owed: BTreeMap<(PeerId, u64), Vec<Outgoing>>,
    /// The pointer to the message that is being put in.
    pointer: Vec<u8>,
}

/// What a tree is given: a key, and its value unless it is removed.
pub type Put<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// The changes to a tree that batches come to.
pub struct Changes {
    /// By list and first entry.
    runs: Vec<(List, Run)>,
    records: Ops,
    /// Bytes of runs that replace others.
    rewritten: usize,
}

impl Changes {
    /// Bytes of runs that replace others: each is in memory once more.
    pub fn rewritten(&self) -> usize {
        self.rewritten
    }

    /// Calls `put` with each key, and with its value unless it is removed.
    pub fn each(&self, put: &mut Put<'_>) {
        for (list, run) in &self.runs {
            put(&list.key(run.first), Some(&run.value));
        }
        self.records.iter().for_each(|(key, value)| put(key, value));
    }

    fn ops(&self) -> Result<Ops, StoreError> {
        let mut ops = Ops::default();
        for (list, run) in &self.runs {
            ops.put(&list.key(run.first), |value| {
                value.extend_from_slice(&run.value);
                Ok(())
            })?;
        }
        ops.append(&self.records);
        Ok(ops)
    }
}

impl Projection {
    /// Adds the records of the next batch.
    pub fn add(&mut self, tree: &dyn Pairs, records: Vec<Raw<'_>>) -> Result<(), StoreError> {
        records.into_iter().try_for_each(|raw| match raw {
            Raw::Posted(posted) => self.posted(&posted),
            Raw::Other(record) => self.record(tree, *record),
        })
    }

    /// A message goes to its conversation, and pointers to it to the timelines it is in.
    fn posted(&mut self, posted: &RawPosted<&[u8]>) -> Result<(), StoreError> {
        let RawPosted { conversation, ordinal, id, .. } = *posted;
        self.highest_id = self.highest_id.max(id);
        if posted.is_referred || posted.has_file {
            self.note(posted)?;
        }
        let mut pointer = std::mem::take(&mut self.pointer);
        let slot = self.runs.slot(List::Messages(conversation.alike()));
        if let Some(account) = posted.sender {
            // Who writes has read what was there.
            let marker = Marker { id, ordinal, own_after: 0 };
            self.runs.mark(slot, account, Some(marker));
        }
        let run = self.runs.take::<Message>(slot, id);
        run.value.extend_from_slice(posted.message);
        if posted.is_old {
            run.value.push(NO_EXTRAS);
        }
        run.reached = Some(ConversationReached { conversation, ordinal, id });
        if run.at.is_empty() {
            Pointer::encode_place(conversation, run.first, &mut run.at)?;
        }
        pointer.clear();
        encode_number(id, &mut pointer);
        pointer.extend_from_slice(&run.at);
        for timeline in timelines_of(posted) {
            let timeline = self.runs.timeline(slot, timeline);
            let run = self.runs.take::<Pointer>(timeline, id);
            run.value.extend_from_slice(&pointer);
        }
        self.pointer = pointer;
        Ok(())
    }

    /// Whoever posts a message again is told of it, and the file that one names is kept for it.
    fn note(&mut self, posted: &RawPosted<&[u8]>) -> Result<(), StoreError> {
        let damaged = || StoreError::Corrupt(format!("message {} is unreadable", posted.id));
        let Some(Record::Posted(posted)) = Raw::Posted(posted.with(posted.message)).read() else {
            return Err(damaged());
        };
        if let Some(file) = posted.message.extras.file().cloned() {
            let (conversation, id, account) =
                (posted.conversation, posted.message.id, posted.sender);
            self.keep(records::FileNamed { conversation, id, account, file });
        }
        if let Some((place, stored)) = references::Place::of(&posted.read()) {
            self.week = self.week.max(Some(place.week));
            self.references.insert(place.key(), stored);
        }
        Ok(())
    }

    fn entry<T: Listed>(&mut self, list: List, entry: &T) -> Result<(), StoreError> {
        let slot = self.runs.slot(list);
        encode(entry, &mut self.runs.take::<T>(slot, entry.id()).value)
    }

    fn record(&mut self, tree: &dyn Pairs, record: Record) -> Result<(), StoreError> {
        self.highest_id = self.highest_id.max(highest_id(&record));
        match record {
            // None is written that is not read as it lies: see `Raw::take`.
            Record::Posted(_) => return Err(StoreError::Corrupt("a message of no version".into())),
            Record::Owed(records::Owed { peer, tip, total, since, entry }) => {
                self.entry(List::Outbox(peer), &Outgoing { at: tip, entry })?;
                self.keep(OwedReached { peer, tip, total, since });
            }
            Record::Changed(Changed { list, tip, change }) => {
                let entry = ChangeEntry { id: tip.id, change };
                self.entry(List::Changes(list.alike()), &entry)?;
                self.keep(ChangesReached { list, tip });
            }
            Record::ChangesTrimmed(records::ChangesTrimmed { list, tip }) => {
                self.trim(tree, List::Changes(list.alike()), tip.floor)?;
                self.keep(ChangesReached { list, tip });
            }
            Record::ChangesEnded(records::ChangesEnded { list }) => {
                self.end_list(tree, List::Changes(list.alike()))?;
                self.remove(layout::changes_key(list));
            }
            Record::Rewritten(rewritten) => {
                let records::Rewritten { conversation, message } = &rewritten;
                if message.extras.is_deleted() && message.extras.file().is_none() {
                    self.remove(layout::named_key(*conversation, message.id));
                }
                self.rewrite(tree, rewritten)?;
            }
            Record::OwedReplaced(records::OwedReplaced { peer, seq, text, upto }) => {
                self.replace_owed(tree, peer, seq, &text)?;
                self.keep(records::ReplacedReached { peer, upto });
            }
            Record::Received(received) => self.received(received)?,
            Record::SetApart(SetApart { peer, apart, entry }) => {
                entry.iter().try_for_each(|entry| self.entry(List::Apart(peer), entry))?;
                self.keep(ApartReached { peer, apart });
            }
            Record::MarkerSet(MarkerSet { conversation, account, id, ordinal, own_after }) => {
                let marker = Marker { id, ordinal, own_after };
                self.mark(conversation, account, Some(marker));
            }
            Record::MarkerEnded(records::MarkerEnded { conversation, account }) => {
                self.mark(conversation, account, None);
            }
            Record::Followed(followed) => {
                self.keep(CursorReached { peer: followed.peer, cursor: followed.at });
                self.keep(followed);
            }
            Record::Trimmed(trimmed) => {
                if let Some(hour) = trimmed.hour {
                    self.remove(PeerPart::Acked(hour).of(trimmed.peer));
                }
                self.trim(tree, List::Outbox(trimmed.peer), trimmed.floor.seq)?;
                self.keep(trimmed);
            }
            Record::PeerForgotten(forgotten) => {
                self.forget(tree, &forgotten)?;
                if forgotten.traces {
                    self.keep(forgotten);
                }
            }
            Record::GroupClosed(closed) => {
                self.close_group(tree, closed.group)?;
                self.keep(closed);
            }
            Record::GroupSwept(swept) => self.sweep(tree, &swept)?,
            Record::FileRemoved(removed) => {
                self.remove(layout::file_key(&removed.hash));
                self.remove(layout::given_key(&removed.hash));
            }
            Record::LetGo(gone) => {
                self.let_go(tree, &gone)?;
                self.keep(gone);
            }
            Record::Silenced(records::Silenced { silence: records::Silence::Ended, .. })
            | Record::AddressTold(records::AddressTold { address: None, .. })
            | Record::KnownAs(records::KnownAs { name: None, .. }) => {
                record.key().into_iter().for_each(|key| self.remove(key));
            }
            record => match removed(&record) {
                Some(key) => self.remove(key),
                None => self.keep(record),
            },
        }
        Ok(())
    }

    /// Notes how far a user has read a conversation; none where that is let go of.
    fn mark(
        &mut self,
        conversation: records::Conversation,
        account: AccountId,
        marker: Option<Marker>,
    ) {
        let slot = self.runs.slot(List::Messages(conversation.alike()));
        self.runs.mark(slot, account, marker);
    }

    fn keep(&mut self, record: impl Into<Record>) {
        let record = record.into();
        if let Some(key) = record.key() {
            self.kept.insert(key, Some(record));
        }
    }

    fn remove(&mut self, key: Key) {
        self.kept.insert(key, None);
    }

    fn received(&mut self, received: Received) -> Result<(), StoreError> {
        let Received { peer, fork, cursor, chains, .. } = received;
        // Numbers that no log has come from nowhere but a hostile backup.
        let first = cursor.seq.saturating_add(1).saturating_sub(chains.len() as u64);
        for (chain, seq) in chains.into_iter().zip(first..) {
            self.entry(List::Hashes(fork), &Position { seq, chain })?;
        }
        self.keep(CursorReached { peer, cursor });
        Ok(())
    }

    /// A message is as it says now, where it lies. It was read there before it was changed, so it was posted in an
    /// earlier batch.
    fn rewrite(
        &mut self,
        tree: &dyn Pairs,
        records::Rewritten { conversation, message }: records::Rewritten,
    ) -> Result<(), StoreError> {
        let conversation: Conversation = conversation.alike();
        let rewritten = self.rewritten.range((conversation, 0)..=(conversation, message.id));
        let known = rewritten.map(|((_, first), _)| *first).next_back();
        let (first, run) = match history::run_of(tree, conversation, message.id)? {
            Some((first, _)) if known == Some(first) => (first, Vec::new()),
            Some(found) => found,
            // Whoever reads it is told that it is gone.
            None => return Ok(()),
        };
        let run = self.rewritten.entry((conversation, first)).or_insert(run);
        run.iter_mut().filter(|known| known.id == message.id).for_each(|known| {
            known.clone_from(&message);
        });
        Ok(())
    }

    /// An entry of an outbox says something else now, where it lies: in the tree, or in what the same batch adds.
    fn replace_owed(
        &mut self,
        tree: &dyn Pairs,
        peer: PeerId,
        seq: u64,
        text: &Text,
    ) -> Result<(), StoreError> {
        let list = List::Outbox(peer);
        let replace = |run: &mut Vec<Outgoing>| {
            for owed in run.iter_mut().filter(|owed| owed.at.seq == seq) {
                let (at, entry) = owed.clone().read();
                owed.entry = records::Entry::of(&entry.saying(text.clone(), at.chain));
            }
        };
        if let Some(run) = self.runs.holding(list, seq) {
            let mut all: Vec<Outgoing> = decode_run(&list.key(run.first), &run.value)?;
            replace(&mut all);
            run.value.clear();
            return encode_run(&all, &mut run.value);
        }
        let known = self.owed.range((peer, 0)..=(peer, seq)).next_back().map(|((_, at), _)| *at);
        let (first, run) = match history::run_holding::<Outgoing>(tree, list, seq)? {
            Some((first, _)) if known == Some(first) => (first, Vec::new()),
            Some(found) => found,
            // It was let go of.
            None => return Ok(()),
        };
        replace(self.owed.entry((peer, first)).or_insert(run));
        Ok(())
    }

    /// Takes the memory of changes that were put in, for the next ones.
    pub fn reuse(&mut self, changes: Changes) {
        self.runs.reuse(changes.runs);
    }

    /// What all of it comes to; this is the number of the last batch. Nothing is left of it then.
    pub fn finish(&mut self, tree: &dyn Pairs, number: u64) -> Result<Changes, StoreError> {
        let mut records = Ops::default();
        for ((conversation, first), run) in std::mem::take(&mut self.rewritten) {
            put_run(&mut records, List::Messages(conversation), first, &run)?;
        }
        for ((timeline, first), run) in std::mem::take(&mut self.pointers) {
            put_run(&mut records, List::Timeline(timeline), first, &run)?;
        }
        for ((peer, first), run) in std::mem::take(&mut self.owed) {
            put_run(&mut records, List::Outbox(peer), first, &run)?;
        }
        let rewritten = records.as_bytes().len();
        let (mut runs, markers) = self.runs.finish();
        for reached in runs.iter_mut().filter_map(|(_, run)| run.reached.take()) {
            let key = layout::conversation_key(reached.conversation);
            records.put(&key, |value| Record::from(reached).encode(value))?;
        }
        for ((conversation, account), marker) in markers {
            let conversation = conversation.alike();
            let key = layout::marker_key(conversation, account);
            let Some(Marker { id, ordinal, own_after }) = marker else {
                records.delete(&key);
                continue;
            };
            let marker = MarkerSet { conversation, account, id, ordinal, own_after };
            records.put(&key, |value| Record::from(marker).encode(value))?;
        }
        for (key, record) in std::mem::take(&mut self.kept) {
            match record {
                Some(record) => records.put(&key, |value| record.encode(value))?,
                None => records.delete(&key),
            }
        }
        for (key, stored) in std::mem::take(&mut self.references) {
            records.put(&key, |value| stored.encode(value))?;
        }
        if let Some(week) = self.week.take() {
            references::outdated(tree, week)?.iter().for_each(|key| records.delete(key));
        }
        let tip = tree.read(TIP_KEY)?;
        let tip = tip.map(|value| decode::<Tip>(TIP_KEY, &value)).transpose()?;
        if tip.is_none() {
            records.put(FORMAT_KEY, |value| encode(&FORMAT, value))?;
        }
        let highest_id = std::mem::take(&mut self.highest_id);
        let last_id = highest_id.max(tip.map_or(0, |tip| tip.last_id));
        records.put(TIP_KEY, |value| encode(&Tip { batch: number, last_id }, value))?;
        Ok(Changes { runs, records, rewritten })
    }
}

/// Puts a run in the place of what it was; nothing where nothing is left of it.
fn put_run<T: Listed>(ops: &mut Ops, list: List, first: u64, run: &[T]) -> Result<(), StoreError> {
    let key = list.key(first);
    if run.is_empty() {
        ops.delete(&key);
        return Ok(());
    }
    ops.put(&key, |value| encode_run(run, value))
}

/// The timelines that point to a message.
fn timelines_of(posted: &RawPosted<&[u8]>) -> impl Iterator<Item = Timeline> {
    let (with, is_group) = match posted.conversation {
        records::Conversation::Peer(_, peer, _) => (peer, false),
        records::Conversation::Private(..) => (HERE, false),
        records::Conversation::Group(_) | records::Conversation::GroupPeer(..) => (HERE, true),
    };
    let incoming = posted.recipient.map(|account| Timeline::Incoming(account, with));
    let outgoing =
        posted.sender.filter(|_| !is_group).map(|account| Timeline::Outgoing(account, with));
    let waiting = posted.waits.map(|number| Timeline::Waiting(with, number));
    [incoming, outgoing, waiting].into_iter().flatten()
}

/// The key of what a record removes, where that is all it does.
fn removed(record: &Record) -> Option<Key> {
    Some(match record {
        Record::AccountRemoved(r) => layout::key(b"a", &[r.account.0]),
        Record::Erased(r) => layout::key(b"y", &[r.account.0]),
        Record::SessionEnded(r) => layout::key(b"s", &[r.session.0]),
        Record::MemberRemoved(r) => layout::key(b"m", &[r.group.0, r.account.0]),
        Record::GuestEnded(r) => layout::key(b"ag", &[r.guest.0]),
        Record::PendingEnded(r) => layout::key(b"gp", &[r.group.0, r.id]),
        Record::Unbanned(r) => layout::key(b"b", &[r.group.0, r.account.0]),
        Record::InvitationEnded(r) => layout::key(b"i", &[r.invitation]),
        Record::UserInvitationEnded(r) => layout::key(b"j", &[r.invitation]),
        Record::NameTaken(r) => layout::key(b"f", &[r.account.0]),
        Record::GroupNameTaken(r) => layout::key(b"fg", &[r.group.0]),
        Record::MuteEnded(r) => layout::mute_key(r.conversation, r.account),
        Record::BlockEnded(r) => layout::key(b"qb", &[r.account.0, r.number]),
        Record::UnshownSet(r) if (r.hidden, r.shown) == (0, 0) => {
            layout::unshown_key(r.conversation, r.account)
        }
        Record::MentionsSet(r) if r.ordinals.is_empty() => {
            layout::mentions_key(r.conversation, r.account)
        }
        Record::FileLetGo(r) => layout::hold_key(&r.hash, r.account),
        Record::ProfileEnded(r) => layout::key(b"p", &[r.account.0]),
        Record::HeirEnded(r) => PeerPart::Heir(r.account).of(r.peer),
        _ => return None,
    })
}

/// The highest number of the realm's one counter that a record carries.
pub fn highest_id(record: &Record) -> u64 {
    match record {
        Record::IdReached(r) => r.id,
        Record::AccountSet(r) => r.account.0,
        Record::Erasing(r) => r.account.0,
        Record::SessionSet(r) => r.session.0,
        Record::GroupSet(r) => r.group.0,
        Record::MemberSet(r) => r.since,
        Record::GuestSet(r) => r.guest.0,
        Record::PendingSet(r) => r.id,
        Record::InvitationSet(r) => r.invitation,
        Record::UserInvited(r) => r.invitation,
        Record::FormerSet(r) => r.account.0,
        Record::MarkerSet(r) => r.id,
        Record::UnshownSet(r) => r.hidden.max(r.shown),
        Record::BlockSet(r) => r.spans.iter().map(|s| s.after).fold(r.number, u64::max),
        Record::NameLeft(r) => r.account.0,
        Record::GroupNameLeft(r) => r.group.0,
        Record::Changed(r) => r.tip.id,
        Record::ChangesReached(r) => r.tip.id,
        Record::ChangesTrimmed(r) => r.tip.id,
        Record::Posted(r) => r.message.id,
        Record::ConversationReached(r) => r.id,
        Record::LetGo(r) => r.id,
        Record::CorrespondentSet(r) => r.id.0,
        Record::SetApart(r) => r.entry.as_ref().map_or(0, |entry| entry.id),
        Record::PeerSet(r) => r.peer.0,
        Record::PeerForgotten(r) => r.peer.0,
        Record::Followed(r) => r.fork.0,
        Record::PlainMailboxSet(r) => r.number,
        Record::FileNamed(r) => r.id,
        _ => 0,
    }
}
