//! What decisions are made with.

use crate::links::{LinkStatus, Peer};
use crate::state::{Account, Effects, Group, OPERATOR, OPERATOR_SHOWN, Readings, State};
use crate::{
    AccountId, Change, ChangeList, Event, GroupId, Mailbox, MemberChange, Membership, Output,
    PeerId, SessionId, SessionRecord,
};
use antar_types::{Code, Message, Name, Time};
use std::sync::Arc;

/// One step of the state: by which readings something is decided, and what comes of it. It is the same
/// whether a user asks, a peer answers or time goes by. Changes go through `emit`.
pub(crate) struct Context<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) effects: &'a mut Effects,
    pub(crate) readings: &'a Readings,
}

impl Context<'_> {
    /// Changes the durable state, now here and on disk before anyone hears of it.
    ///
    /// A command checks everything before it emits; this fails only where nothing at all can be kept.
    pub(crate) fn emit(&mut self, event: Event) -> Result<(), Code> {
        self.state.emit(event, self.effects)
    }

    /// A session begins, or is another in some respect.
    pub(crate) fn set_session(
        &mut self,
        session: SessionId,
        record: SessionRecord,
    ) -> Result<(), Code> {
        self.state.set_session(session, record, self.effects)
    }

    /// A session ends: its token, and on every connection.
    pub(crate) fn end_session(&mut self, session: SessionId) -> Result<(), Code> {
        self.state.end_session(session, self.effects)
    }

    /// Puts a message into a mailbox; `sender` is the account here that wrote it.
    pub(crate) fn post(
        &mut self,
        mailbox: Mailbox,
        sender: Option<AccountId>,
        message: Arc<Message>,
    ) -> Result<(), Code> {
        let posted = self.state.post(mailbox, sender, message, self.effects)?;
        posted.map_or(Ok(()), |posted| self.tell_posted(&posted))
    }

    /// Notes a change beside messages for an account, or for a group's members.
    pub(crate) fn change(&mut self, list: ChangeList, change: Change) -> Result<(), Code> {
        self.state.change(list, change, self.effects)
    }

    /// Notes what happened to a member of a group, for all who are in it.
    pub(crate) fn member_changed(
        &mut self,
        group: GroupId,
        what: Membership,
        (user, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        self.tell_member(group, what, (user, by))?;
        let Some(name) = self.state.durable.group_shown(group) else { return Ok(()) };
        let (Some(of), by) = (self.doer(user), self.doer(by)) else { return Ok(()) };
        let by = by.unwrap_or_else(|| Box::clone(&of));
        let change = Change::Member(MemberChange { group: name, what, user: of, by });
        if what != Membership::Joined && self.account(user).is_some() {
            // The group's list is not theirs any more.
            self.change(ChangeList::Account(user), change.clone())?;
        }
        self.change(ChangeList::Group(group), change)
    }

    /// How members of a group are told who did something.
    pub(crate) fn doer(&self, id: AccountId) -> Option<Box<str>> {
        match id {
            OPERATOR => Some(OPERATOR_SHOWN.into()),
            id => self.state.durable.member_name(id),
        }
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.state.durable.accounts.get(&id)
    }

    /// A user by name, in any case.
    pub(crate) fn user(&self, name: &str) -> Result<(AccountId, &Account), Code> {
        let id = self.state.durable.account_named(name).ok_or(Code::UserNotFound)?;
        self.account(id).map(|account| (id, account)).ok_or(Code::UserNotFound)
    }

    /// Whether a name is this realm's.
    pub(crate) fn is_here(&self, realm: &str) -> bool {
        Name::parse(realm).is_some_and(|name| self.state.is_named(&name))
    }

    /// The realm that a user's or a group's name tells, unless it is this one: `bob@beta`.
    pub(crate) fn split_realm<'n>(&self, name: &'n str) -> (&'n str, Option<&'n str>) {
        match name.split_once('@') {
            Some((name, realm)) if self.is_here(realm) => (name, None),
            Some((name, realm)) => (name, Some(realm)),
            None => (name, None),
        }
    }

    /// A user by name, in any case, or one of another realm who is known here as somebody in a group: `bob@beta`.
    pub(crate) fn person(&self, name: &str) -> Result<AccountId, Code> {
        let (user, realm) = self.split_realm(name);
        let Some(realm) = realm else { return Ok(self.user(user)?.0) };
        let (peer, _) = self.known_peer(realm).map_err(|_| Code::UserNotFound)?;
        let guests = &self.state.durable.guests;
        let is = |id: &AccountId| {
            let guest = guests.get(*id).filter(|guest| guest.realm.is_none());
            guest.is_some_and(|guest| guest.name.eq_ignore_ascii_case(user))
        };
        // Whoever had the name before is another, and has left.
        guests.of_peer(peer).filter(is).max().ok_or(Code::UserNotFound)
    }

    /// A group by name, in any case, listed or not: `staff`, or `staff@beta` where there is a copy of that here.
    pub(crate) fn any_group(&self, name: &str) -> Result<(GroupId, &Group), Code> {
        let (group, realm) = self.split_realm(name);
        self.group_of(group, realm)
    }

    /// A group of this realm, or one of another of which there is a copy here.
    pub(crate) fn group_of(
        &self,
        group: &str,
        realm: Option<&str>,
    ) -> Result<(GroupId, &Group), Code> {
        let durable = &self.state.durable;
        let id = match realm {
            None => durable.group_named(group),
            Some(realm) => {
                let (peer, _) = self.known_peer(realm).map_err(|_| Code::GroupNotFound)?;
                Name::parse(group).and_then(|group| durable.copies.named(peer, &group))
            }
        };
        let id = id.ok_or(Code::GroupNotFound)?;
        durable.groups.get(&id).map(|group| (id, group)).ok_or(Code::GroupNotFound)
    }

    /// A peer by name, in any case, unless it was removed.
    pub(crate) fn current_peer(&self, name: &str) -> Result<(PeerId, &Peer), Code> {
        let found = self.peer_named(name).filter(|(_, p)| p.record.status != LinkStatus::Removed);
        found.ok_or(Code::RealmNotFound)
    }

    /// A peer by name whose history may be read: also one that was removed.
    pub(crate) fn known_peer(&self, name: &str) -> Result<(PeerId, &Peer), Code> {
        let peers = &self.state.durable.peers;
        let mut named = self.state.durable.peers_named(name);
        let found = named.find_map(|id| {
            Some((id, peers.get(&id).filter(|peer| peer.record.status != LinkStatus::Asking)?))
        });
        found.ok_or(Code::RealmNotFound)
    }

    pub(crate) fn peer_named(&self, name: &str) -> Option<(PeerId, &Peer)> {
        let id = self.state.durable.peer_named(name)?;
        Some((id, self.state.durable.peers.get(&id)?))
    }

    /// What is kept of a peer.
    pub(crate) fn peer(&self, peer: PeerId) -> Option<&Peer> {
        self.state.durable.peers.get(&peer)
    }

    /// The next number of the realm's one counter; taken once an event that carries it is emitted.
    pub(crate) fn next_id(&self) -> u64 {
        self.state.durable.next_id()
    }

    /// When a message is taken now: never before one that was taken earlier, whatever is done to the clock.
    pub(crate) fn message_time(&self) -> Time {
        self.readings.now.max(self.state.latest)
    }

    /// Has the driver do something once everything that was emitted before is on disk.
    pub(crate) fn output(&mut self, output: Output) {
        self.effects.outputs.push(output);
    }
}
