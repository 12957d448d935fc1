//! What realms have on disk of groups with people of several realms, whatever broke.

use crate::node::Node;
use crate::rooms::{HOST, first_text, is_in_hall};
use crate::world::World;
use antar_domain::{AccountId, Conversation, Event, GroupId, PeerId};
use antar_types::{Away, Message, RoomSays};
use std::collections::{BTreeMap, BTreeSet};

/// Who is in groups of a realm, as its batches say.
#[derive(Debug, Default)]
pub struct RoomsOnDisk {
    guests: BTreeMap<AccountId, PeerId>,
    members: BTreeMap<GroupId, BTreeSet<AccountId>>,
    /// Realms that are told the past of a group, whose first member comes.
    beginning: BTreeSet<(u64, PeerId)>,
    /// An entry about a group for a realm that has nobody in it.
    pub told_to_nobody: Option<String>,
}

impl RoomsOnDisk {
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::GuestSet(guest, of) => drop(self.guests.insert(*guest, of.peer)),
            Event::GuestEnded(guest) => drop(self.guests.remove(guest)),
            Event::MemberSet(group, member, _) => {
                self.members.entry(*group).or_default().insert(*member);
                let peer = self.guests.get(member);
                peer.iter().for_each(|peer| {
                    self.beginning.remove(&(group.0, **peer));
                });
            }
            Event::MemberRemoved(group, member) => {
                self.members.entry(*group).or_default().remove(member);
            }
            Event::GroupClosed(group, _) => drop(self.members.remove(group)),
            Event::Owed { peer, entry, .. } => {
                let Some(room) = entry.room() else { return };
                match room.says {
                    RoomSays::Begins(..) => {
                        self.beginning.insert((room.room, *peer));
                    }
                    RoomSays::Ended => {
                        self.beginning.remove(&(room.room, *peer));
                    }
                    _ => {}
                }
                let is_news = matches!(
                    room.says,
                    RoomSays::Message { .. }
                        | RoomSays::Rewritten { .. }
                        | RoomSays::Settings(..)
                        | RoomSays::Role(..)
                );
                let members = self.members.get(&GroupId(room.room));
                let of = |member| self.guests.get(member) == Some(peer);
                let begins = self.beginning.contains(&(room.room, *peer));
                if is_news && !begins && !members.into_iter().flatten().any(of) {
                    self.told_to_nobody = Some(room.to_string());
                }
            }
            _ => {}
        }
    }
}

/// A message, whatever was done to it: its number at the group's own realm, who wrote it, and what it said at first,
/// unless it is deleted.
type Entry = (u64, String, Option<String>);

impl World<'_> {
    /// Each copy has, at any time, what the group's own realm has from some message on up to another, and nothing
    /// else.
    pub fn copies_are_prefixes(&mut self) {
        let odd = |node: &Node| node.put_back || node.by_hand;
        let runs = self.nodes[HOST].running.is_some();
        if self.versions.is_some() || self.linking || !runs || self.nodes.iter().any(odd) {
            return;
        }
        let all = self.hall_at(HOST, |_| true);
        let Some(all) = all.into_values().find(|all| !all.is_empty()) else { return };
        for node in (0..self.nodes.len()).filter(|node| *node != HOST) {
            let is_copied =
                |message: &Message| message.extras.as_ref().is_some_and(|e| e.place.is_some());
            for copy in self.hall_at(node, is_copied).into_values() {
                let Some((first, ..)) = copy.first() else { continue };
                let rest = all.iter().skip_while(|(place, ..)| place != first);
                let same = |(one, other): (&Entry, &Entry)| {
                    let alike = one.2.is_none() || other.2.is_none() || one.2 == other.2;
                    (one.0, &one.1) == (other.0, &other.1) && alike
                };
                let agree = rest.zip(&copy).take_while(|pair| same(*pair)).count();
                if agree < copy.len() {
                    let (here, odd) = (self.nodes[node].name.clone(), &copy[agree]);
                    let last = agree.checked_sub(1).and_then(|n| copy.get(n));
                    return self.violate(format!(
                        "the copy at {here} has {odd:?} after {last:?}, as its own realm has not"
                    ));
                }
                self.checked.add("entries alike on two disks", agree as u64);
            }
        }
    }

    /// The group's messages on a realm's disk, by conversation.
    fn hall_at(
        &self,
        node: usize,
        is_of: impl Fn(&Message) -> bool,
    ) -> BTreeMap<Conversation, Vec<Entry>> {
        let own = &self.nodes[node].name;
        let entry = |message: &Message| {
            let place = message.extras.as_ref().and_then(|extras| extras.place);
            let realm = match &message.realm {
                Some(Away::FromAccount(realm, _)) => realm.as_str(),
                _ => own,
            };
            let text = Some(message.text.as_str()).filter(|text| !text.is_empty());
            let author = format!("{}@{realm}", message.from);
            (place.unwrap_or(message.id), author, text.map(|text| first_text(text).to_string()))
        };
        let said = self.said_at(node).into_iter().filter(|(conversation, all)| {
            let in_hall = |message: &Message| is_in_hall(message.text.as_str());
            matches!(conversation, Conversation::Group(_)) && all.iter().any(in_hall)
        });
        let said = said.map(|(conversation, all)| {
            (conversation, all.iter().filter(|message| is_of(message)).map(entry).collect())
        });
        said.collect()
    }
}
