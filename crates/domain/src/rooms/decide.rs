//! What users of other realms want done in a group here.
//!
//! It is decided as if a user here had asked for it. A realm speaks for its own users only: whoever acts is the guest
//! who has that number there.

use crate::commands::{
    Ban, DeleteMessage, EditMessage, Kick, React, SetGroup, SetRole, SilenceMember, Topic, Unban,
    Unreact,
};
use crate::links::Names;
use crate::{
    AccountId, Bug, Command, Draft, Event, GroupId, Guest, Interrupt, JobResult, Mailbox,
    Membership, PeerId, RequestContext, Word,
};
use antar_types::{
    Away, Code, ConversationName, Entry, EntryOrigin, Extras, Message, RemoteIdentity, RoomAsk,
    RoomEntry, RoomRealm, RoomSays, RoomWord,
};
use std::sync::Arc;

/// Users of one realm who may be being erased at once.
const ERASED: usize = 1_000;

impl RequestContext<'_> {
    /// Decides on what a peer's user wants, and has the peer told.
    pub(super) fn take_ask(
        &mut self,
        peer: PeerId,
        entry: &Entry,
        room: &RoomEntry,
        names: &Names,
    ) -> Result<(), Code> {
        let Some(origin) = entry.origin else { return Ok(()) };
        if room.says == RoomSays::Ask(RoomAsk::Erase) {
            return self.erase_guest(peer, entry, origin);
        }
        let code = match self.asked_of(peer, entry, room, origin) {
            Ok((group, guest)) => match &room.says {
                RoomSays::Ask(ask) => self.decide_ask((group, guest), ask, entry, names),
                _ => match self.post_of(peer, (group, guest), entry, names) {
                    // It comes back with its place.
                    Ok(()) => return Ok(()),
                    refused => refused,
                },
            },
            Err(code) => Err(code),
        };
        // Nobody waits for the answer to that.
        let is_leaving = matches!(room.says, RoomSays::Ask(RoomAsk::Leave));
        let code = match code {
            Err(Code::Unavailable) if !self.may_keep() => return Err(Code::Unavailable),
            code => code.err().filter(|_| !is_leaving),
        };
        self.answer_ask(peer, entry, room.room, origin, code)
    }

    /// An account of a peer's is gone, and nothing is to be left of what it wrote in groups here.
    fn erase_guest(
        &mut self,
        peer: PeerId,
        entry: &Entry,
        origin: EntryOrigin,
    ) -> Result<(), Code> {
        let durable = &self.state.durable;
        let is_of = |id: &&AccountId| durable.guests.get(**id).is_some_and(|g| g.peer == peer);
        let is_full = durable.erasing.keys().filter(is_of).count() >= ERASED;
        let (account, name) = (origin.account, entry.from.clone());
        let guest = Guest { peer, realm: None, account, name: name.clone() };
        // Each is a walk through what was said in groups here: a realm does not make this one do that for ever.
        let guest = match is_full {
            true => Err(Code::LimitReached),
            false => self.guest(guest),
        };
        match guest {
            Err(Code::LimitReached) => {
                let realm = self.name_of(peer);
                let what = format!(
                    "{realm} has more users erased at once than it may: what {name} of {account} there wrote stays"
                );
                self.warn(peer, what);
                Ok(())
            }
            Ok(guest) if self.state.durable.erasing.contains_key(&guest) => Ok(()),
            Ok(guest) => self.emit(Event::Erasing(guest, name)),
            Err(code) => Err(code),
        }
    }

    /// Whether anything can be kept: what is refused because nothing can is not decided.
    fn may_keep(&self) -> bool {
        self.state.mode == crate::Mode::Open
    }

    fn asked_of(
        &mut self,
        peer: PeerId,
        entry: &Entry,
        room: &RoomEntry,
        origin: EntryOrigin,
    ) -> Result<(GroupId, AccountId), Code> {
        let group = GroupId(room.room);
        let known = self.state.durable.groups.get(&group);
        if known.is_none_or(|known| known.record.home.is_some()) {
            return Err(Code::GroupNotFound);
        }
        let guests = &self.state.durable.guests;
        let guest = guests.numbered(peer, None, origin.account);
        let anyone =
            self.state.is_planted(Bug::BelievesAnyone).then_some(AccountId(origin.account));
        let guest = guest.or(anyone).ok_or(Code::NotMember)?;
        self.state.role(group, guest).ok_or(Code::NotMember)?;
        let (account, name) = (origin.account, entry.from.clone());
        self.guest(Guest { peer, realm: None, account, name })?;
        Ok((group, guest))
    }

    fn answer_ask(
        &mut self,
        peer: PeerId,
        asked: &Entry,
        room: u64,
        origin: EntryOrigin,
        code: Option<Code>,
    ) -> Result<(), Code> {
        let room = RoomEntry { room, says: RoomSays::Answer(origin.id, code) };
        let names = (asked.from.clone(), asked.to.clone());
        let entry = Entry::of_room(self.message_time(), names, room);
        self.owe_within(peer, entry).map(drop)
    }

    /// Puts a guest's message in its place.
    fn post_of(
        &mut self,
        peer: PeerId,
        (group, guest): (GroupId, AccountId),
        entry: &Entry,
        names: &Names,
    ) -> Result<(), Code> {
        let origin = entry.origin.ok_or(Code::BadParameters)?;
        self.acting_as(guest, &[], |cx| cx.expect_to_write(group).map_err(Into::into))?;
        if entry.text.as_str().len() > self.state.limits.message_bytes {
            return Err(Code::TooLong);
        }
        let more = entry.more.as_deref().cloned().unwrap_or_default();
        let reply = more.reply.and_then(|of| names.in_room(group, of.id)).map(|of| of.message.id);
        let known = self.peer(peer).ok_or(Code::RealmNotFound)?;
        let realm = known.record.name.clone();
        let (epoch, id, account) = (known.followed.epoch().0, origin.id, origin.account);
        let identity = RemoteIdentity { epoch, id, account };
        let sent = Some(entry.time);
        let extras = Extras { kind: more.kind, reply, sent, ..Extras::default() };
        let to = self.state.durable.groups.get(&group).map(|known| known.record.name.clone());
        let (id, time) = (self.next_id(), self.message_time());
        let to = to.ok_or(Code::GroupNotFound)?;
        let message = Message {
            realm: Some(Away::FromAccount(realm, identity)),
            extras: extras.boxed(),
            ..Message::new(id, time, entry.from.clone(), to, entry.text.clone())
        };
        let message = Arc::new(message);
        self.post(Mailbox::Group(group), None, message.clone())?;
        if self.state.is_planted(Bug::PlacesTwice) {
            let again = Message { id: self.next_id(), ..Message::clone(&message) };
            self.post(Mailbox::Group(group), None, Arc::new(again))?;
        }
        Ok(())
    }

    fn decide_ask(
        &mut self,
        (group, guest): (GroupId, AccountId),
        ask: &RoomAsk,
        entry: &Entry,
        names: &Names,
    ) -> Result<(), Code> {
        if *ask == RoomAsk::Leave {
            self.remove_member(group, Membership::Left, (guest, guest))?;
            return self.forget_guest(guest);
        }
        let Some(peer) = self.state.durable.guests.get(guest).map(|guest| guest.peer) else {
            return Err(Code::NotMember);
        };
        let command = self.command(peer, group, ask, entry).ok_or(Code::UserNotFound)?;
        let results = names.results(&self.state.rewrites, group, ask);
        self.acting_as(guest, &results, |cx| {
            command.decide(cx)?;
            cx.audit(&command);
            Ok(())
        })
    }

    /// What a guest asks for, as a user here would.
    fn command(
        &self,
        peer: PeerId,
        group: GroupId,
        ask: &RoomAsk,
        entry: &Entry,
    ) -> Option<Command> {
        let name = self.state.durable.groups.get(&group)?.record.name.as_str();
        let of = || Box::new(ConversationName::Group { group: name.into(), realm: None });
        let text = Draft(entry.text.as_str().into());
        let (named, group) = (|user: &RoomWord| self.word(peer, user), Word::from(name));
        Some(match ask {
            RoomAsk::Leave | RoomAsk::Erase => return None,
            RoomAsk::Kick(user) => Kick { group, user: named(user)? }.into(),
            RoomAsk::Ban(user) => Ban { group, user: named(user)? }.into(),
            RoomAsk::Unban(user) => Unban { group, user: named(user)? }.into(),
            RoomAsk::Role(user, role) => SetRole { group, user: named(user)?, role: *role }.into(),
            RoomAsk::Silence(user, minutes) => {
                SilenceMember { group, user: named(user)?, minutes: *minutes }.into()
            }
            RoomAsk::Topic => Topic { group, topic: Some(text) }.into(),
            RoomAsk::Set { entry, listed, announce } => {
                let (entry, listed, announce) = (*entry, *listed, *announce);
                SetGroup { group, entry, listed, announce, ..SetGroup::default() }.into()
            }
            RoomAsk::Edit(id) => EditMessage { of: of(), id: *id, text }.into(),
            RoomAsk::Delete(id) => DeleteMessage { of: of(), id: *id }.into(),
            RoomAsk::React(id, emoji) => React { of: of(), id: *id, emoji: emoji.clone() }.into(),
            RoomAsk::Unreact(id, emoji) => {
                Unreact { of: of(), id: *id, emoji: emoji.clone() }.into()
            }
        })
    }

    /// A user whom a peer names, as one here would write it.
    fn word(&self, peer: PeerId, RoomWord { user, realm }: &RoomWord) -> Option<Word> {
        Some(match realm {
            RoomRealm::Yours => Word::from(user.as_str()),
            RoomRealm::Mine => Word::from(&*format!("{user}@{}", self.peer(peer)?.record.name)),
            RoomRealm::Of(realm) => Word::from(&*format!("{user}@{realm}")),
        })
    }

    /// Decides something as a guest. What would have to be looked up elsewhere first is refused.
    fn acting_as(
        &mut self,
        guest: AccountId,
        results: &[JobResult],
        decide: impl FnOnce(&mut RequestContext<'_>) -> Result<(), Interrupt>,
    ) -> Result<(), Code> {
        let (conn, origin, tag) = (self.conn, self.origin, self.tag);
        let context = crate::Context {
            state: &mut *self.context.state,
            effects: &mut *self.context.effects,
            readings: self.context.readings,
        };
        let (session, caller, after_answer) = (None, Some(guest), None);
        let mut cx =
            RequestContext { context, conn, origin, tag, session, caller, results, after_answer };
        match decide(&mut cx) {
            Ok(()) => Ok(()),
            Err(Interrupt::Refused(refused)) => Err(refused.code),
            Err(Interrupt::Job(_) | Interrupt::Wait(_)) => Err(Code::Unavailable),
        }
    }
}
