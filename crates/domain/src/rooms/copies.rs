//! Groups of other realms of which there is a copy here.

use crate::{GroupId, Home, PeerId};
use antar_types::{Message, Name, Reference};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Messages that wait for their place in one group, and bytes of them.
const WAITING: (usize, usize) = (1_000, 4 << 20);

/// All copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    rooms: BTreeMap<(PeerId, u64), GroupId>,
    names: BTreeMap<(PeerId, Box<str>), GroupId>,
    pending: BTreeMap<GroupId, Pending>,
    /// Those in which something is lost that does not say so yet.
    losing: BTreeSet<GroupId>,
    /// What waits under each reference that some client has given.
    references: BTreeMap<Reference, BTreeSet<(GroupId, u64)>>,
}

/// What waits for its place in one group, in order, and how many bytes that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pending {
    messages: BTreeMap<u64, Arc<Message>>,
    bytes: usize,
}

impl Copies {
    /// The copy of a group, as its host numbers it.
    pub fn of(&self, peer: PeerId, room: u64) -> Option<GroupId> {
        self.rooms.get(&(peer, room)).copied()
    }

    /// The copy of a realm's group of this name.
    pub fn named(&self, peer: PeerId, name: &Name) -> Option<GroupId> {
        self.names.get(&(peer, (*name.folded()).into())).copied()
    }

    /// All copies of groups of a realm.
    pub fn of_peer(&self, peer: PeerId) -> impl Iterator<Item = GroupId> {
        self.rooms.range((peer, 0)..=(peer, u64::MAX)).map(|(_, group)| *group)
    }

    /// All of them, each with its host.
    pub fn all(&self) -> impl Iterator<Item = (PeerId, GroupId)> {
        self.rooms.iter().map(|((peer, _), group)| (*peer, *group))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// What waits for its place in a group, in order.
    pub fn pending(&self, group: GroupId) -> impl Iterator<Item = &Arc<Message>> {
        self.pending.get(&group).into_iter().flat_map(|pending| pending.messages.values())
    }

    /// What waits under a reference, whoever gave it.
    pub fn referred(
        &self,
        reference: &Reference,
    ) -> impl Iterator<Item = (GroupId, &Arc<Message>)> {
        let all = self.references.get(reference).into_iter().flatten();
        all.filter_map(|(group, id)| Some((*group, self.waiting(*group, *id)?)))
    }

    /// The message that waits in a group under a number.
    pub fn waiting(&self, group: GroupId, id: u64) -> Option<&Arc<Message>> {
        self.pending.get(&group)?.messages.get(&id)
    }

    /// Whether one more may wait.
    pub fn has_room(&self, group: GroupId) -> bool {
        let has_room = |all: &Pending| all.messages.len() < WAITING.0 && all.bytes < WAITING.1;
        self.pending.get(&group).is_none_or(has_room)
    }

    /// A copy in which something is lost that does not say so yet: the next after one, and that one last.
    pub fn losing(&self, after: Option<GroupId>) -> Option<GroupId> {
        let from = after.map_or(GroupId(0), |group| GroupId(group.0 + 1));
        self.losing.range(from..).next().or(self.losing.first()).copied()
    }

    /// There is a copy, or it is another in some respect.
    pub fn set(&mut self, group: GroupId, home: Home, name: &Name) {
        match home.lost.count {
            0 => self.losing.remove(&group),
            _ => self.losing.insert(group),
        };
        self.rooms.insert((home.peer, home.room), group);
        self.names.insert((home.peer, (*name.folded()).into()), group);
    }

    pub fn remove(&mut self, group: GroupId, home: Home, name: &Name) {
        self.losing.remove(&group);
        self.rooms.remove(&(home.peer, home.room));
        let key = (home.peer, (*name.folded()).into());
        if self.names.get(&key) == Some(&group) {
            self.names.remove(&key);
        }
        let waiting: Vec<u64> = self.pending(group).map(|message| message.id).collect();
        waiting.into_iter().for_each(|id| self.end_pending(group, id));
    }

    pub fn wait(&mut self, group: GroupId, message: &Arc<Message>) {
        self.end_pending(group, message.id);
        if let Some(reference) = message.reference() {
            let all = self.references.entry(reference.clone()).or_default();
            all.insert((group, message.id));
        }
        let pending = self.pending.entry(group).or_default();
        pending.bytes += message.memory();
        pending.messages.insert(message.id, message.clone());
    }

    pub fn end_pending(&mut self, group: GroupId, id: u64) {
        let Some(pending) = self.pending.get_mut(&group) else { return };
        let Some(message) = pending.messages.remove(&id) else { return };
        pending.bytes -= message.memory();
        if pending.messages.is_empty() {
            self.pending.remove(&group);
        }
        let Some(reference) = message.reference() else { return };
        if let Some(all) = self.references.get_mut(reference) {
            all.remove(&(group, id));
            if all.is_empty() {
                self.references.remove(reference);
            }
        }
    }
}
