//! What events let go of: for that the tree is looked into, so a batch that does it comes alone.

use super::Projection;
use crate::StoreError;
use crate::engine::{Direction, Key, Pairs};
use crate::layout::{self, List, PeerPart};
use crate::records::{self, Record};
use antar_domain::{ChangeList, Conversation, GroupId, SWEPT};
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
        let mut gone = vec![layout::key(b"g", &[group.0])];
        for range in layout::records_about(group) {
            gone.extend(self.kept.range(range.clone()).map(|(key, _)| key.clone()));
            gone.extend(keys_in(tree, range, usize::MAX)?);
        }
        self.remove_all(gone);
        Ok(())
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
