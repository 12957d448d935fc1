//! What events let go of: for that the tree is looked into, so a batch that does it comes alone.

use super::Projection;
use crate::engine::{Direction, Key, Pairs};
use crate::layout::{self, HERE, List, PeerPart, Timeline};
use crate::records::alike::Alike;
use crate::records::codec::{damaged, decode_run};
use crate::records::{self, Message, Pointer, Record};
use crate::{StoreError, history};
use antar_domain::{ChangeList, Conversation, GroupId, SWEPT};
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

impl Projection {
    /// Lets go of the runs of a list that hold nothing past an entry.
    pub(super) fn trim(
        &mut self,
        tree: &dyn Pairs,
        list: List,
        seq: u64,
    ) -> Result<(), StoreError> {
        // The last of them may go on past the entry.
        let mut last: Option<Key> = None;
        tree.scan(list.keys(0, seq.saturating_add(1)), Direction::Up, &mut |key, _| {
            if let Some(whole) = last.replace(key.into()) {
                self.kept.insert(whole, None);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Lets go of all of a list.
    pub(super) fn end_list(&mut self, tree: &dyn Pairs, list: List) -> Result<(), StoreError> {
        self.runs.remove(list);
        self.remove_all(keys_in(tree, list.keys(0, u64::MAX), usize::MAX)?);
        Ok(())
    }

    fn remove_all(&mut self, gone: Vec<Key>) {
        gone.into_iter().for_each(|key| self.remove(key));
    }

    /// Lets go of all that is kept of a group, but for messages.
    pub(super) fn close_group(
        &mut self,
        tree: &dyn Pairs,
        group: GroupId,
    ) -> Result<(), StoreError> {
        self.end_list(tree, List::Changes(ChangeList::Group(group)))?;
        let is_own = |conversation: Conversation| is_of(conversation, group);
        // What was written in the same batch is in no tree yet.
        self.runs.end_conversations(is_own);
        self.rewritten.retain(|(of, _), _| !is_own(*of));
        self.remove(layout::key(b"g", &[group.0]));
        layout::records_about(group)
            .into_iter()
            .try_for_each(|range| self.remove_range(tree, range))
    }

    /// Lets go of some messages of a group that is gone, and of all that are left with the last step.
    pub(super) fn sweep(
        &mut self,
        tree: &dyn Pairs,
        swept: &records::GroupSwept,
    ) -> Result<(), StoreError> {
        let records::GroupSwept { group, left } = *swept;
        self.rewritten.retain(|(of, _), _| !is_of(*of, group));
        let (mut gone, most) = (Vec::new(), if left == 0 { usize::MAX } else { SWEPT });
        for range in layout::messages_of(group) {
            gone.extend(keys_in(tree, range, most - gone.len())?);
        }
        self.remove_all(gone);
        match left {
            0 => self.remove(layout::key(b"b", &[group.0])),
            _ => self.keep(records::GroupClosed { group, left }),
        }
        Ok(())
    }

    /// Lets go of the messages of a conversation up to one, and of what leads to them.
    pub(super) fn let_go(
        &mut self,
        tree: &dyn Pairs,
        gone: &records::LetGo,
    ) -> Result<(), StoreError> {
        let conversation: Conversation = gone.conversation.alike();
        let upto = gone.id.saturating_add(1);
        let mut runs = Vec::new();
        let range = List::Messages(conversation).keys(0, upto);
        tree.scan(range, Direction::Up, &mut |key, value| {
            let first = List::read(key).ok_or_else(|| damaged(key))?.1;
            runs.push((first, decode_run::<Message>(key, value)?));
            Ok(ControlFlow::Continue(()))
        })?;
        let mut all: Vec<Message> = Vec::new();
        for (first, run) in runs {
            // What was changed in the same batch is as it was left.
            let mut run = self.rewritten.remove(&(conversation, first)).unwrap_or(run);
            let left = run.partition_point(|message| message.id < upto);
            all.extend(run.drain(..left));
            self.rewritten.insert((conversation, first), run);
        }
        let ids: Vec<u64> = all.iter().map(|message| message.id).collect();
        for timeline in timelines_to(tree, conversation, &all)? {
            self.drop_pointers(tree, timeline, &ids)?;
        }
        let named = [0, upto].map(|id| layout::named_key(gone.conversation, id));
        let named = named[0].clone()..named[1].clone();
        self.remove_range(tree, named)
    }

    /// Lets go of what lies at some keys, in the tree or in the same batch.
    fn remove_range(&mut self, tree: &dyn Pairs, range: Range<Key>) -> Result<(), StoreError> {
        let mut gone: Vec<Key> =
            self.kept.range(range.clone()).map(|(key, _)| key.clone()).collect();
        gone.extend(keys_in(tree, range, usize::MAX)?);
        self.remove_all(gone);
        Ok(())
    }

    /// Lets go of what a timeline has of messages that are gone; their ids grow.
    fn drop_pointers(
        &mut self,
        tree: &dyn Pairs,
        timeline: Timeline,
        ids: &[u64],
    ) -> Result<(), StoreError> {
        let mut at = 0;
        while let Some(id) = ids.get(at) {
            let found = history::run_holding::<Pointer>(tree, List::Timeline(timeline), *id)?;
            let Some((first, run)) = found else {
                at += 1;
                continue;
            };
            let last = run.last().map_or(*id, |last| last.id.max(*id));
            at = ids.partition_point(|id| *id <= last);
            let known = self.pointers.get(&(timeline, first)).unwrap_or(&run);
            let mut left = known.clone();
            left.retain(|pointer| ids.binary_search(&pointer.id).is_err());
            if left.len() < known.len() {
                self.pointers.insert((timeline, first), left);
            }
        }
        Ok(())
    }

    /// Lets go of all that is kept of a peer, but for messages.
    pub(super) fn forget(
        &mut self,
        tree: &dyn Pairs,
        forgotten: &records::PeerForgotten,
    ) -> Result<(), StoreError> {
        let peer = forgotten.peer;
        // What was written in the same batch is in no tree yet.
        self.owed.retain(|(of, _), _| *of != peer);
        PeerPart::SINGLE.into_iter().for_each(|part| self.remove(part.of(peer)));
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
            gone.extend(keys_in(tree, list.keys(0, u64::MAX), usize::MAX)?);
        }
        self.remove_all(gone);
        Ok(())
    }
}

/// The timelines that may lead to messages of a conversation.
fn timelines_to(
    tree: &dyn Pairs,
    conversation: Conversation,
    messages: &[Message],
) -> Result<Vec<Timeline>, StoreError> {
    let both =
        |account, with| [Timeline::Incoming(account, with), Timeline::Outgoing(account, with)];
    let mut all = match conversation {
        Conversation::Group(_) | Conversation::GroupPeer(..) => return Ok(Vec::new()),
        Conversation::Private(one, other) if one == other => both(one, HERE).to_vec(),
        Conversation::Private(one, other) => [both(one, HERE), both(other, HERE)].concat(),
        Conversation::Peer(account, peer, _) => both(account, peer).to_vec(),
    };
    let Some(peer) = conversation.peer() else { return Ok(all) };
    // Those that waited for a user of a plain peer.
    let names: BTreeSet<_> = messages.iter().map(|message| message.to.key()).collect();
    tree.scan(layout::plain_mailboxes_of(peer), Direction::Up, &mut |_, value| {
        if let Some((Record::PlainMailboxSet(mailbox), _)) = Record::take(value)
            && names.contains(&mailbox.name.key())
        {
            all.push(Timeline::Waiting(peer, mailbox.number));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// The first so many keys of a range.
fn keys_in(tree: &dyn Pairs, range: Range<Key>, most: usize) -> Result<Vec<Key>, StoreError> {
    let mut keys = Vec::new();
    tree.scan(range, Direction::Up, &mut |key, _| {
        if keys.len() == most {
            return Ok(ControlFlow::Break(()));
        }
        keys.push(key.to_vec());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(keys)
}

/// Whether a conversation is a group's, with or without a peer.
fn is_of(conversation: Conversation, group: GroupId) -> bool {
    match conversation {
        Conversation::Group(own) | Conversation::GroupPeer(own, _) => own == group,
        Conversation::Private(..) | Conversation::Peer(..) => false,
    }
}
