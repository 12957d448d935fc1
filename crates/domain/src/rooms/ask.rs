//! What users here want done in a group of another realm: that realm decides on it.
//!
//! What is posted waits here, under a number of its own, until it comes back with its place. Anything else waits for an
//! answer as long as a request waits for another realm, and happens later where none has come.

use crate::links::{CATCH_UP, Peer, Why};
use crate::{
    AccountId, Answer, Bug, Change, ChangeList, Command, Context, Conversation, Event, GroupId,
    GroupRecord, Interrupt, JobResult, Membership, Outcome, PeerId, RequestContext, Word,
};
use antar_types::{
    Code, ConversationName, Entry, EntryMore, EntryOrigin, Message, MessageRef, Name, RoomAsk,
    RoomEntry, RoomRealm, RoomSays, RoomWord, Text,
};
use std::sync::Arc;

impl RequestContext<'_> {
    /// Has the realm of a group decide on a command, where that is another one; nothing where the command is not about
    /// such a group, or is decided here.
    pub(crate) fn ask_host(&mut self, command: &Command) -> Result<Option<Answer>, Interrupt> {
        let Some(copy) = self.copy_of(command) else { return Ok(None) };
        let decided = self.results.iter().find_map(|result| match result {
            JobResult::RoomAnswered(Some(code)) => Some(Err(*code)),
            JobResult::RoomAnswered(None) => Some(Ok(false)),
            JobResult::RoomLater => Some(Ok(true)),
            _ => None,
        });
        match decided {
            Some(Err(code)) => return Err(code.into()),
            Some(Ok(false)) => return Ok(Some(self.done_there(copy, command).into())),
            Some(Ok(true)) => return Ok(Some(Outcome::Later.into())),
            None => {}
        }
        let me = self.me()?;
        if self.state.role(copy, me).is_none() {
            return Err(Code::GroupNotFound.into());
        }
        let (peer, _) = self.home_of(copy).ok_or(Code::GroupNotFound)?;
        let Some((ask, text)) = self.room_ask(peer, copy, command)? else { return Ok(None) };
        let request = self.next_id();
        self.emit(Event::IdReached(request))?;
        let origin = EntryOrigin { id: request, account: me.0 };
        self.owe_ask(copy, origin, RoomSays::Ask(ask), (text, EntryMore::default()))?;
        let is_up = self.state.links.links.get(&peer).is_some_and(|link| link.conn.is_some());
        if !is_up {
            return Ok(Some(Outcome::Later.into()));
        }
        let until = self.readings.uptime + CATCH_UP;
        Err(Interrupt::Wait(Why::Room { peer, request, until }))
    }

    /// What a request that is done there is answered.
    fn done_there(&self, copy: GroupId, command: &Command) -> Outcome {
        let record = self.state.durable.groups.get(&copy).map(|group| &group.record);
        match (command, record) {
            (Command::Topic(_), Some(record)) => Outcome::Topic(record.topic.clone()),
            (Command::SetGroup(_), Some(record)) => Outcome::GroupSettings(record.settings()),
            _ => Outcome::Done,
        }
    }

    /// The copy that a command would change.
    fn copy_of(&self, command: &Command) -> Option<GroupId> {
        let named = |name: &Word| self.any_group(name).ok().map(|(id, _)| id);
        let of = |name: &ConversationName| match self.conversation(name).ok()?.conversation {
            Conversation::Group(id) => Some(id),
            _ => None,
        };
        let group = match command {
            Command::Kick(it) => named(&it.group),
            Command::Ban(it) => named(&it.group),
            Command::Unban(it) => named(&it.group),
            Command::SetRole(it) => named(&it.group),
            Command::SilenceMember(it) => named(&it.group),
            Command::Topic(it) if it.topic.is_some() => named(&it.group),
            Command::SetGroup(it) => named(&it.group),
            Command::Invite(it) => named(&it.group),
            Command::CloseGroup(it) => named(&it.group),
            Command::ListBans(it) => named(&it.group),
            Command::EditMessage(it) => of(&it.of),
            Command::DeleteMessage(it) => of(&it.of),
            Command::React(it) => of(&it.of),
            Command::Unreact(it) => of(&it.of),
            _ => None,
        };
        group.filter(|group| self.is_copy(*group))
    }

    fn room_ask(
        &self,
        peer: PeerId,
        copy: GroupId,
        command: &Command,
    ) -> Result<Option<(RoomAsk, Text)>, Interrupt> {
        let ask = match command {
            Command::Kick(it) => RoomAsk::Kick(self.room_word(peer, &it.user)?),
            Command::Ban(it) => RoomAsk::Ban(self.room_word(peer, &it.user)?),
            Command::Unban(it) => RoomAsk::Unban(self.room_word(peer, &it.user)?),
            Command::SetRole(it) => RoomAsk::Role(self.room_word(peer, &it.user)?, it.role),
            Command::SilenceMember(it) => {
                RoomAsk::Silence(self.room_word(peer, &it.user)?, it.minutes)
            }
            Command::Topic(it) => {
                let draft = it.topic.as_ref().ok_or(Code::BadParameters)?;
                let text = Text::new(draft.0.clone(), crate::TOPIC_BYTES);
                return Ok(Some((RoomAsk::Topic, text.map_err(|_| Code::TooLong)?)));
            }
            Command::SetGroup(it) => {
                // A password is told to nobody else, and these are for who runs the realm.
                let is_elsewhere = it.password.is_some() || it.retention.is_some();
                let is_elsewhere = is_elsewhere || it.realms.is_some() || it.past.is_some();
                if is_elsewhere {
                    return Err(Code::Forbidden.into());
                }
                RoomAsk::Set { entry: it.entry, listed: it.listed, announce: it.announce }
            }
            Command::Invite(_) | Command::CloseGroup(_) | Command::ListBans(_) => {
                return Err(Code::Forbidden.into());
            }
            Command::EditMessage(it) => {
                let place = self.place_of(copy, it.id)?;
                return Ok(Some((RoomAsk::Edit(place), self.draft(&it.text)?)));
            }
            Command::DeleteMessage(it) => RoomAsk::Delete(self.place_of(copy, it.id)?),
            Command::React(it) => RoomAsk::React(self.place_of(copy, it.id)?, it.emoji.clone()),
            Command::Unreact(it) => RoomAsk::Unreact(self.place_of(copy, it.id)?, it.emoji.clone()),
            _ => return Ok(None),
        };
        Ok(Some((ask, Text::empty())))
    }

    /// The id that a message of a copy has at its host.
    pub(crate) fn place_of(&self, copy: GroupId, id: u64) -> Result<u64, Interrupt> {
        if self.state.durable.copies.waiting(copy, id).is_some() {
            return Err(Code::Unavailable.into());
        }
        let placed = self.message_of(Conversation::Group(copy), id)?;
        // One that is lost has none any more.
        let extras = placed.message.extras.as_ref().filter(|extras| !extras.lost);
        let place = extras.and_then(|extras| extras.place);
        Ok(place.ok_or(Code::MessageNotFound)?)
    }

    /// A user, as the host of a group addresses one.
    fn room_word(&self, peer: PeerId, word: &Word) -> Result<RoomWord, Code> {
        let (user, realm) = self.split_realm(word);
        let user = Name::parse(user).ok_or(Code::UserNotFound)?;
        let host = self.peer(peer).map(|known| &known.record.name);
        let realm = match realm {
            None => RoomRealm::Mine,
            Some(realm) if host.is_some_and(|host| host.eq_ignore_ascii_case(realm)) => {
                RoomRealm::Yours
            }
            Some(realm) => RoomRealm::Of(Name::parse(realm).ok_or(Code::UserNotFound)?),
        };
        Ok(RoomWord { user, realm })
    }

    /// Appends what somebody here wants of a group's host.
    fn owe_ask(
        &mut self,
        copy: GroupId,
        origin: EntryOrigin,
        says: RoomSays,
        (text, more): (Text, EntryMore),
    ) -> Result<(), Code> {
        let (peer, room) = self.home_of(copy).ok_or(Code::GroupNotFound)?;
        let known =
            self.peer(peer).filter(|known| known.is_open()).ok_or(Code::RealmUnreachable)?;
        // It was a newer version when the group was joined.
        if known.can.is_some_and(|can| !can.rooms) {
            return Err(Code::Unavailable);
        }
        let from = self.my_account()?.record.name.clone();
        let to = self.state.durable.groups.get(&copy).map(|group| group.record.name.clone());
        let names = (from, to.ok_or(Code::GroupNotFound)?);
        let entry = Entry::of_room(self.message_time(), names, RoomEntry { room, says });
        self.owe(peer, Entry { origin: Some(origin), ..entry.with_said(text, more) })
    }

    /// Posts a message to a group of another realm: it waits for its place there.
    pub(crate) fn post_pending(
        &mut self,
        copy: GroupId,
        message: Message,
        answers: Option<MessageRef>,
    ) -> Result<(), Code> {
        if !self.state.durable.copies.has_room(copy) {
            return Err(Code::LinkFull);
        }
        let me = self.me()?;
        // No file goes to a group of another realm yet.
        if message.file().is_some() {
            return Err(Code::Forbidden);
        }
        let kind = message.extras.as_ref().and_then(|extras| extras.kind);
        let more = EntryMore { kind, reply: answers, ..EntryMore::default() };
        let origin = EntryOrigin { id: message.id, account: me.0 };
        let (id, text) = (message.id, message.text.clone());
        if !self.state.is_planted(Bug::LosesPending) {
            self.owe_ask(copy, origin, RoomSays::Post, (text, more))?;
        }
        self.emit(Event::PendingSet(copy, Arc::new(message)))?;
        self.change(ChangeList::Group(copy), Change::Pending(copy, id))
    }
}

impl Context<'_> {
    /// The host of a group, and the group as the host numbers it.
    pub(crate) fn home_of(&self, copy: GroupId) -> Option<(PeerId, u64)> {
        let home = self.state.durable.groups.get(&copy)?.record.home?;
        Some((home.peer, home.room))
    }

    /// What tells a group's host that an account is not in it any more.
    pub(super) fn leaving(&self, room: u64, origin: EntryOrigin, names: (Name, Name)) -> Entry {
        let room = RoomEntry { room, says: RoomSays::Ask(RoomAsk::Leave) };
        Entry { origin: Some(origin), ..Entry::of_room(self.message_time(), names, room) }
    }

    /// Has all realms that know of rooms let go of what an account wrote there that is gone; whether there was room for
    /// that.
    pub(crate) fn owe_erasure(&mut self, account: AccountId, name: &Name) -> Result<bool, Code> {
        let knows = |known: &Peer| known.is_open() && known.can.is_some_and(|can| can.rooms);
        let peers = self.state.durable.peers.iter().filter(|(_, known)| knows(known));
        let peers: Vec<PeerId> = peers.map(|(peer, _)| *peer).collect();
        let room = RoomEntry { room: 0, says: RoomSays::Ask(RoomAsk::Erase) };
        let names = (name.clone(), name.clone());
        let entry = Entry::of_room(self.message_time(), names, room);
        if !peers.iter().all(|peer| self.may_owe(*peer, &entry)) {
            return Ok(false);
        }
        for peer in peers {
            let origin = Some(EntryOrigin { id: self.next_id(), account: account.0 });
            self.owe_within(peer, Entry { origin, ..entry.clone() })?;
        }
        Ok(true)
    }

    /// Whether the host of a group can be told that somebody has left it.
    pub(crate) fn expect_to_tell_host(
        &self,
        copy: GroupId,
        account: AccountId,
    ) -> Result<(), Code> {
        let Some((peer, entry)) = self.leaving_copy(copy, account) else { return Ok(()) };
        if self.may_owe(peer, &entry) { Ok(()) } else { Err(Code::LinkFull) }
    }

    fn leaving_copy(&self, copy: GroupId, account: AccountId) -> Option<(PeerId, Entry)> {
        let (peer, room) = self.home_of(copy)?;
        let to = self.state.durable.groups.get(&copy)?.record.name.clone();
        let from = self.account(account)?.record.name.clone();
        let origin = EntryOrigin { id: self.next_id(), account: account.0 };
        Some((peer, self.leaving(room, origin, (from, to))))
    }

    /// Takes an account out of a copy at once, and has the host told.
    pub(crate) fn leave_copy(
        &mut self,
        copy: GroupId,
        (account, by): (AccountId, AccountId),
        what: Membership,
    ) -> Result<(), Code> {
        let Some((peer, entry)) = self.leaving_copy(copy, account) else { return Ok(()) };
        // Where there is no room for that, the host is told once it names the account as a member.
        self.owe_within(peer, entry)?;
        if self.state.is_planted(Bug::LeavesLate) {
            return Ok(());
        }
        self.take_from_copy(copy, account)?;
        self.member_changed(copy, what, (account, by))?;
        let conversations: Vec<_> = self.state.durable.conversations.of_group(copy).collect();
        self.end_markers(account, conversations)
    }

    /// Somebody is not in a copy any more, and so does not own it either.
    pub(super) fn take_from_copy(&mut self, copy: GroupId, id: AccountId) -> Result<(), Code> {
        self.emit(Event::MemberRemoved(copy, id))?;
        let group = self.state.durable.groups.get(&copy).map(|group| group.record.clone());
        match group.filter(|record| record.owner == Some(id)) {
            Some(record) => self.emit(Event::GroupSet(copy, GroupRecord { owner: None, ..record })),
            None => Ok(()),
        }
    }
}
