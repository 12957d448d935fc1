//! Users of other realms, as groups have them.

use crate::state::Durable;
use crate::{AccountId, Context, Event, GroupId, Guest, PeerId};
use antar_types::{Code, Message, Name, RoomDoer, RoomRealm, RoomUser};
use std::collections::{BTreeMap, BTreeSet};

/// Guests that one realm may tell of.
const MOST: usize = 50_000;

/// All guests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guests {
    all: BTreeMap<AccountId, (Guest, BTreeSet<GroupId>)>,
    numbers: BTreeMap<(PeerId, Box<str>, u64), AccountId>,
    /// How many there are of whom each realm has told.
    counts: BTreeMap<PeerId, usize>,
    /// How many guests each group has of those of whom a realm has told.
    of_group: BTreeMap<GroupId, BTreeMap<PeerId, usize>>,
}

fn realm_key(realm: Option<&Name>) -> Box<str> {
    realm.map_or_else(Box::default, |realm| (*realm.folded()).into())
}

/// One less; none is not kept.
fn decrease(counts: &mut BTreeMap<PeerId, usize>, peer: PeerId) {
    if let Some(count) = counts.get_mut(&peer) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&peer);
        }
    }
}

impl Guests {
    pub fn get(&self, id: AccountId) -> Option<&Guest> {
        self.all.get(&id).map(|(guest, _)| guest)
    }

    /// The groups that a guest is in.
    pub fn groups(&self, id: AccountId) -> impl Iterator<Item = GroupId> {
        self.all.get(&id).into_iter().flat_map(|(_, groups)| groups).copied()
    }

    /// The guest of whom a realm tells under a number: of its own where no other realm is named.
    pub fn numbered(&self, peer: PeerId, realm: Option<&Name>, account: u64) -> Option<AccountId> {
        self.numbers.get(&(peer, realm_key(realm), account)).copied()
    }

    /// How many there are of whom a realm has told.
    pub fn count(&self, peer: PeerId) -> usize {
        self.counts.get(&peer).copied().unwrap_or_default()
    }

    /// Those of whom a realm has told.
    pub fn of_peer(&self, peer: PeerId) -> impl Iterator<Item = AccountId> {
        let all = self.numbers.range((peer, Box::default(), 0)..);
        all.take_while(move |((of, ..), _)| *of == peer).map(|(_, id)| *id)
    }

    /// The realms that have told of a group's guests.
    pub fn peers(&self, group: GroupId) -> impl Iterator<Item = PeerId> {
        self.of_group.get(&group).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// How many guests a group has of those of whom a realm has told.
    pub fn told_of(&self, group: GroupId, peer: PeerId) -> usize {
        self.of_group.get(&group).and_then(|peers| peers.get(&peer)).copied().unwrap_or(0)
    }

    /// How many guests a group has.
    pub fn in_group(&self, group: GroupId) -> usize {
        self.of_group.get(&group).map_or(0, |peers| peers.values().sum())
    }

    /// All groups that have guests, each with the realms that have told of them and of how many.
    pub fn by_group(&self) -> impl Iterator<Item = (GroupId, &BTreeMap<PeerId, usize>)> {
        self.of_group.iter().map(|(group, peers)| (*group, peers))
    }

    /// The groups that have guests of whom a realm has told.
    pub fn rooms(&self, peer: PeerId) -> Vec<GroupId> {
        let has = |(_, peers): &(&GroupId, &BTreeMap<PeerId, usize>)| peers.contains_key(&peer);
        self.of_group.iter().filter(has).map(|(group, _)| *group).collect()
    }

    pub fn set(&mut self, id: AccountId, guest: &Guest) {
        let key = (guest.peer, realm_key(guest.realm.as_ref()), guest.account);
        if self.numbers.insert(key, id).is_none() {
            *self.counts.entry(guest.peer).or_default() += 1;
        }
        match self.all.get_mut(&id) {
            Some((known, _)) => *known = guest.clone(),
            None => drop(self.all.insert(id, (guest.clone(), BTreeSet::new()))),
        }
    }

    pub fn end(&mut self, id: AccountId) {
        let Some((guest, groups)) = self.all.get(&id).cloned() else { return };
        groups.into_iter().for_each(|group| self.leave(id, group));
        let key = (guest.peer, realm_key(guest.realm.as_ref()), guest.account);
        if self.numbers.remove(&key).is_some() {
            decrease(&mut self.counts, guest.peer);
        }
        self.all.remove(&id);
    }

    /// A guest is in a group; whether there is such a guest.
    pub fn join(&mut self, id: AccountId, group: GroupId) -> bool {
        let Some((guest, groups)) = self.all.get_mut(&id) else { return false };
        if groups.insert(group) {
            *self.of_group.entry(group).or_default().entry(guest.peer).or_default() += 1;
        }
        true
    }

    pub fn leave(&mut self, id: AccountId, group: GroupId) {
        let Some((guest, groups)) = self.all.get_mut(&id) else { return };
        if !groups.remove(&group) {
            return;
        }
        let Some(peers) = self.of_group.get_mut(&group) else { return };
        decrease(peers, guest.peer);
        if peers.is_empty() {
            self.of_group.remove(&group);
        }
    }
}

impl Durable {
    /// How who is in a group is called: `bob`, or `bob@beta`.
    pub(crate) fn member_name(&self, id: AccountId) -> Option<Box<str>> {
        if let Some(account) = self.accounts.get(&id) {
            return Some(account.record.name.as_str().into());
        }
        let guest = self.guests.get(id)?;
        Some(format!("{}@{}", guest.name, self.realm_of(guest)?).into())
    }

    /// The realm of a guest, by name.
    pub(crate) fn realm_of<'a>(&'a self, guest: &'a Guest) -> Option<&'a Name> {
        match &guest.realm {
            Some(realm) => Some(realm),
            None => Some(&self.peers.get(&guest.peer)?.record.name),
        }
    }

    /// The guest who wrote a message in a group here.
    pub(crate) fn guest_author(&self, message: &Message) -> Option<AccountId> {
        let antar_types::Away::FromAccount(realm, there) = message.realm.as_ref()? else {
            return None;
        };
        let peer = self.peer_named(realm)?;
        self.guests.numbered(peer, None, there.account)
    }

    /// A user here or a guest, as a realm is told of them.
    pub(crate) fn room_user(&self, peer: PeerId, id: AccountId) -> Option<(Name, RoomUser)> {
        if let Some(account) = self.accounts.get(&id) {
            let user = RoomUser { account: id.0, realm: RoomRealm::Mine };
            return Some((account.record.name.clone(), user));
        }
        let guest = self.guests.get(id)?;
        let realm = match guest.peer == peer {
            true => RoomRealm::Yours,
            false => RoomRealm::Of(self.realm_of(guest)?.clone()),
        };
        Some((guest.name.clone(), RoomUser { account: guest.account, realm }))
    }

    /// Who did something, as a realm is told.
    pub(crate) fn room_doer(&self, peer: PeerId, id: AccountId) -> RoomDoer {
        match self.room_user(peer, id) {
            Some((name, user)) => RoomDoer::User(name, user.realm),
            None => RoomDoer::Operator,
        }
    }
}

impl Context<'_> {
    /// The guest of whom a realm tells under a number, by that name from now on.
    pub(super) fn guest(&mut self, guest: Guest) -> Result<AccountId, Code> {
        let guests = &self.state.durable.guests;
        let known = guests.numbered(guest.peer, guest.realm.as_ref(), guest.account);
        if let Some(id) = known {
            if guests.get(id) != Some(&guest) {
                self.emit(Event::GuestSet(id, guest))?;
            }
            return Ok(id);
        }
        if guests.count(guest.peer) >= MOST {
            return Err(Code::LimitReached);
        }
        let id = AccountId(self.next_id());
        self.emit(Event::GuestSet(id, guest))?;
        Ok(id)
    }

    /// Lets go of a guest who is in no group, and of whom nothing is to be remembered.
    pub(crate) fn forget_guest(&mut self, id: AccountId) -> Result<(), Code> {
        let durable = &self.state.durable;
        let is_guest = durable.guests.get(id).is_some();
        let matters = durable.erasing.contains_key(&id)
            || durable.guests.groups(id).next().is_some()
            || durable.bans.iter().any(|(_, of)| *of == id)
            || durable.silences.keys().any(|(_, of)| *of == id);
        match is_guest && !matters {
            true => self.emit(Event::GuestEnded(id)),
            false => Ok(()),
        }
    }
}
