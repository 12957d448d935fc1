//! Telling the realms of a group's members what happens in it.
//!
//! Each realm is told once, however many of its users are in the group. What a message says is in no log: it is looked
//! up when its entry is sent, so what was deleted or edited meanwhile is not told.

use crate::links::{LONGEST_TEXT, Peer, has_room, owe};
use crate::state::{OPERATOR, OPERATOR_SHOWN};
use crate::{
    AccountId, Bug, Context, Conversation, Event, GroupId, GroupNews, Membership, PeerId, Posted,
    Rewriting,
};
use antar_types::{
    Away, Code, Entry, EntryMore, Message, Name, RoomEntry, RoomRealm, RoomSays, RoomSettings,
    RoomUser, Silence, Text, Time,
};

/// What one realm is told of a group.
pub(crate) struct RoomTold {
    /// Whom it is about; the group itself where it is about nobody.
    pub from: Option<Name>,
    pub says: RoomSays,
    /// Its text, and what a message says besides.
    pub text: Text,
    pub more: EntryMore,
}

impl From<RoomSays> for RoomTold {
    fn from(says: RoomSays) -> Self {
        Self { from: None, says, text: Text::empty(), more: EntryMore::default() }
    }
}

impl RoomTold {
    fn of(user: (Name, RoomUser), says: impl FnOnce(RoomUser) -> RoomSays) -> Self {
        Self { from: Some(user.0), ..says(user.1).into() }
    }
}

impl Context<'_> {
    /// Tells every realm that has members in a group of this one. A realm for which too much waits already is not told:
    /// its users are taken out of the group.
    pub(crate) fn tell_room(
        &mut self,
        group: GroupId,
        told: impl Fn(&Self, PeerId) -> Option<RoomTold>,
    ) -> Result<(), Code> {
        if self.is_copy(group) {
            return Ok(());
        }
        let mut peers: Vec<PeerId> = self.state.durable.guests.peers(group).collect();
        if self.state.is_planted(Bug::TellsOn) {
            let all = self.state.durable.peers.iter();
            let knows = all.filter(|(_, known)| known.can.is_some_and(|can| can.rooms));
            peers = knows.map(|(peer, _)| *peer).collect();
        }
        for peer in peers {
            if let Some(told) = told(self, peer)
                && !self.owe_room(group, peer, told)?
            {
                self.expel_realm(group, peer)?;
            }
        }
        Ok(())
    }

    /// Whether a group is one of another realm.
    pub(crate) fn is_copy(&self, group: GroupId) -> bool {
        self.state.durable.groups.get(&group).is_some_and(|group| group.record.home.is_some())
    }

    /// Tells one realm something of a group of this one; whether there was room for that.
    pub(super) fn owe_room(
        &mut self,
        group: GroupId,
        peer: PeerId,
        told: RoomTold,
    ) -> Result<bool, Code> {
        let record = &self.state.durable.groups.get(&group).ok_or(Code::GroupNotFound)?.record;
        let (to, time) = (record.name.clone(), self.message_time());
        let RoomTold { from, says, text, more } = told;
        let from = from.unwrap_or_else(|| to.clone());
        let entry = Entry::of_room(time, (from, to), RoomEntry { room: group.0, says });
        self.owe_within(peer, entry.with_said(text, more))
    }

    /// Appends to what a realm is owed where there is room; whether there was.
    pub(super) fn owe_within(&mut self, peer: PeerId, entry: Entry) -> Result<bool, Code> {
        if !self.may_owe(peer, &entry) {
            return Ok(false);
        }
        let known = self.peer(peer).ok_or(Code::RealmNotFound)?;
        let event = owe(&known.out, peer, entry);
        self.emit(event)?;
        Ok(true)
    }

    /// Whether there is room for an entry in what a realm is owed.
    pub(super) fn may_owe(&self, peer: PeerId, entry: &Entry) -> bool {
        let known = self.peer(peer).filter(|known| known.is_open());
        known.is_some_and(|Peer { out, .. }| {
            has_room(&self.state.limits, out, (out.tip, out.total()), entry)
        })
    }

    /// Takes a realm's users out of a group: nothing more of it is told there.
    pub(crate) fn expel_realm(&mut self, group: GroupId, peer: PeerId) -> Result<(), Code> {
        let durable = &self.state.durable;
        let Some(known) = durable.groups.get(&group) else { return Ok(()) };
        let is_of = |id: &AccountId| durable.guests.get(*id).is_some_and(|g| g.peer == peer);
        let members: Vec<AccountId> = known.members.keys().copied().filter(is_of).collect();
        for guest in &members {
            self.emit(Event::MemberRemoved(group, *guest))?;
        }
        self.owe_room(group, peer, RoomSays::Ended.into())?;
        for guest in members {
            self.member_changed(group, Membership::Left, (guest, OPERATOR))?;
            if self.state.durable.groups.contains_key(&group) {
                self.inherit(group, guest, OPERATOR)?;
            }
            self.forget_guest(guest)?;
        }
        Ok(())
    }

    /// Takes those out of a group whose realm may not be in it any more.
    pub(crate) fn expel_unadmitted(&mut self, group: GroupId) -> Result<(), Code> {
        let durable = &self.state.durable;
        let Some(known) = durable.groups.get(&group) else { return Ok(()) };
        let admits = |peer: &PeerId| {
            self.peer(*peer).is_some_and(|peer| known.record.realms.admits(&peer.record.name))
        };
        let gone: Vec<PeerId> = durable.guests.peers(group).filter(|peer| !admits(peer)).collect();
        gone.into_iter().try_for_each(|peer| self.expel_realm(group, peer))
    }

    /// A link was ended: nobody of that realm is in groups here, and nobody here in groups there.
    pub(crate) fn end_rooms(&mut self, peer: PeerId) -> Result<(), Code> {
        for group in self.state.durable.guests.rooms(peer) {
            if !self.is_copy(group) {
                self.expel_realm(group, peer)?;
            }
        }
        let copies: Vec<GroupId> = self.state.durable.copies.of_peer(peer).collect();
        copies.into_iter().try_for_each(|copy| {
            self.end_copy(copy, Some(Code::RealmRemoved), OPERATOR_SHOWN.into())
        })
    }

    /// A member came, or is not in the group any more.
    pub(crate) fn tell_member(
        &mut self,
        group: GroupId,
        what: Membership,
        (user, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        let says = |cx: &Self, peer| {
            let by = cx.state.durable.room_doer(peer, by);
            let user = cx.state.durable.room_user(peer, user)?;
            Some(RoomTold::of(user, |user| RoomSays::Member(user, what, by)))
        };
        self.tell_room(group, says)
    }

    /// The realm of somebody who was its last member in a group is told so as well, and that this was all.
    pub(crate) fn tell_last(
        &mut self,
        group: GroupId,
        what: Membership,
        (user, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        let durable = &self.state.durable;
        let Some(peer) = durable.guests.get(user).map(|guest| guest.peer) else { return Ok(()) };
        let (by, known) = (durable.room_doer(peer, by), durable.room_user(peer, user));
        let is_last = !durable.guests.peers(group).any(|of| of == peer)
            && !self.state.is_planted(Bug::KeepsCopies);
        if let Some(known) = known.filter(|_| is_last) {
            let told = RoomTold::of(known, |user| RoomSays::Member(user, what, by));
            self.owe_room(group, peer, told)?;
            self.owe_room(group, peer, RoomSays::Ended.into())?;
        }
        Ok(())
    }

    /// A group is another in some respect.
    pub(crate) fn tell_news(
        &mut self,
        group: GroupId,
        by: AccountId,
        about: Option<AccountId>,
        what: &GroupNews,
    ) -> Result<(), Code> {
        self.tell_room(group, |cx, peer| {
            let durable = &cx.state.durable;
            let by = durable.room_doer(peer, by);
            let user = || durable.room_user(peer, about?);
            Some(match what {
                GroupNews::Role(_, role) => {
                    RoomTold::of(user()?, |user| RoomSays::Role(user, *role, by))
                }
                GroupNews::Silenced(_, silence) => {
                    RoomTold::of(user()?, |user| RoomSays::Silence(user, *silence, by))
                }
                GroupNews::Topic(_) | GroupNews::Settings(..) | GroupNews::Retention(_) => {
                    let (settings, text) = cx.room_settings(group)?;
                    RoomTold { text, ..RoomSays::Settings(settings, by).into() }
                }
                GroupNews::Closed => RoomSays::Closed(by).into(),
            })
        })
    }

    fn room_settings(&self, group: GroupId) -> Option<(RoomSettings, Text)> {
        let record = &self.state.durable.groups.get(&group)?.record;
        let (entry, listed) = (record.entry, record.listed);
        let (announce, retention) = (record.announce, record.retention);
        let settings = RoomSettings { entry, listed, announce, retention };
        Some((settings, record.topic.clone().unwrap_or_else(Text::empty)))
    }

    /// A message has its place in a group.
    pub(crate) fn tell_posted(&mut self, posted: &Posted) -> Result<(), Code> {
        let Conversation::Group(group) = posted.conversation else { return Ok(()) };
        let (sender, message) = (posted.sender, &posted.message);
        self.tell_room(group, |cx, peer| {
            let (author, origin) = cx.author_for(peer, sender, message);
            let says = RoomSays::Message { id: message.id, author, origin };
            Some(with_message(says, message, (peer, Some(cx.message_time()))))
        })
    }

    /// A message of a group is another than it was.
    pub(crate) fn tell_rewritten(
        &mut self,
        group: GroupId,
        what: Rewriting,
        message: &Message,
    ) -> Result<(), Code> {
        if self.state.is_planted(Bug::OmitsRewritten) {
            return Ok(());
        }
        self.tell_room(group, |_, peer| {
            let says = RoomSays::Rewritten { id: message.id, what };
            Some(with_message(says, message, (peer, None)))
        })
    }

    /// Who wrote a message, and the number under which it was posted where that is another realm. Of somebody whose account is gone
    /// nothing but the name is known.
    pub(super) fn author_for(
        &self,
        peer: PeerId,
        sender: Option<AccountId>,
        message: &Message,
    ) -> (RoomUser, Option<u64>) {
        let Some(Away::FromAccount(realm, there)) = &message.realm else {
            let account = sender.map_or(0, |account| account.0);
            return (RoomUser { account, realm: RoomRealm::Mine }, None);
        };
        let is_theirs = self.state.durable.peer_named(realm) == Some(peer);
        let realm = if is_theirs { RoomRealm::Yours } else { RoomRealm::Of(realm.clone()) };
        (RoomUser { account: there.account, realm }, Some(there.id))
    }

    /// Begins a copy of a group at a realm, with what was said there before; or begins it anew. Whether there was room
    /// for that.
    pub(super) fn begin_copy(
        &mut self,
        group: GroupId,
        peer: PeerId,
        past: Vec<RoomTold>,
    ) -> Result<bool, Code> {
        let Some((settings, text)) = self.room_settings(group) else { return Ok(false) };
        let durable = &self.state.durable;
        let had = durable.conversations.tip(Conversation::Group(group)).ordinal;
        let had = had.saturating_sub(past.len() as u64);
        let Some(known) = durable.groups.get(&group) else { return Ok(false) };
        let mut members: Vec<_> = known.members.iter().collect();
        members.sort_unstable_by_key(|(_, member)| member.since);
        let is = |id: &AccountId| {
            let role = known.role(*id)?;
            let user = durable.room_user(peer, *id)?;
            Some(RoomTold::of(user, |user| RoomSays::Is(user, role)))
        };
        let silenced = |(of, id): &(GroupId, AccountId), silence: &Silence| {
            let user = durable.room_user(peer, *id).filter(|_| *of == group)?;
            let by = durable.room_doer(peer, OPERATOR);
            Some(RoomTold::of(user, |user| RoomSays::Silence(user, *silence, by)))
        };
        let begins = RoomTold { text, ..RoomSays::Begins(settings, had).into() };
        let mut all = vec![begins];
        all.extend(members.iter().filter_map(|(id, _)| is(id)));
        all.push(RoomSays::Begun.into());
        let of_group = (group, AccountId(0))..=(group, AccountId(u64::MAX));
        all.extend(durable.silences.range(of_group).filter_map(|(key, s)| silenced(key, s)));
        for told in all.into_iter().chain(past) {
            if !self.owe_room(group, peer, told)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A realm that was put back, or to which this one is new since it was put back itself, is told anew who is in
    /// groups that it has copies of.
    pub(crate) fn begin_copies(&mut self, peer: PeerId) -> Result<(), Code> {
        for group in self.state.durable.guests.rooms(peer) {
            if !self.is_copy(group) && !self.begin_copy(group, peer, Vec::new())? {
                self.expel_realm(group, peer)?;
            }
        }
        Ok(())
    }

    /// Whether a text may be said in a group: all realms of its members must be able to carry it.
    pub(crate) fn expect_carried(&self, group: GroupId, text: &Text) -> Result<(), Code> {
        let is_long = text.as_str().len() > LONGEST_TEXT;
        let has_guests = self.state.durable.guests.peers(group).next().is_some();
        if is_long && has_guests { Err(Code::TooLong) } else { Ok(()) }
    }
}

/// An entry about a message, with what that says now; where it is a new one, the entry's time.
pub(super) fn with_message(
    says: RoomSays,
    message: &Message,
    (peer, at): (PeerId, Option<Time>),
) -> RoomTold {
    let (text, more) = EntryMore::of_message(message, (peer.0, at));
    RoomTold { from: Some(message.from.clone()), says, text, more }
}
