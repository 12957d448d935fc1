//! Groups of other realms of which there is a copy here.

use crate::{GroupId, Home, PeerId};
use antar_types::{Message, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Messages that wait for their place in one group, and bytes of them.
const WAITING: (usize, usize) = (1_000, 4 << 20);

/// All copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    rooms: BTreeMap<(PeerId, u64), GroupId>,
    names: BTreeMap<(PeerId, Box<str>), GroupId>,
    /// What waits for its place there, in order.
    pending: BTreeMap<GroupId, BTreeMap<u64, Arc<Message>>>,
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

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// What waits for its place in a group, in order.
    pub fn pending(&self, group: GroupId) -> impl Iterator<Item = &Arc<Message>> {
        self.pending.get(&group).into_iter().flat_map(BTreeMap::values)
    }

    /// All that waits, in whichever group.
    pub fn all_pending(&self) -> impl Iterator<Item = (GroupId, &Arc<Message>)> {
        self.pending.iter().flat_map(|(group, all)| all.values().map(|message| (*group, message)))
    }

    /// The message that waits in a group under a number.
    pub fn waiting(&self, group: GroupId, id: u64) -> Option<&Arc<Message>> {
        self.pending.get(&group)?.get(&id)
    }

    /// Whether one more may wait.
    pub fn has_room(&self, group: GroupId) -> bool {
        let Some(all) = self.pending.get(&group) else { return true };
        let bytes: usize = all.values().map(|message| message.memory()).sum();
        all.len() < WAITING.0 && bytes < WAITING.1
    }

    pub fn add(&mut self, group: GroupId, home: Home, name: &Name) {
        self.rooms.insert((home.peer, home.room), group);
        self.names.insert((home.peer, (*name.folded()).into()), group);
    }

    pub fn remove(&mut self, group: GroupId, home: Home, name: &Name) {
        self.rooms.remove(&(home.peer, home.room));
        let key = (home.peer, (*name.folded()).into());
        if self.names.get(&key) == Some(&group) {
            self.names.remove(&key);
        }
        self.pending.remove(&group);
    }

    pub fn wait(&mut self, group: GroupId, message: &Arc<Message>) {
        self.pending.entry(group).or_default().insert(message.id, message.clone());
    }

    pub fn end_pending(&mut self, group: GroupId, id: u64) {
        if let Some(all) = self.pending.get_mut(&group) {
            all.remove(&id);
            if all.is_empty() {
                self.pending.remove(&group);
            }
        }
    }
}
