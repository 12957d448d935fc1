//! What the realm of a group tells of it.
//!
//! The host is believed about its own groups and about nothing else: what it says of a group that it is not the host
//! of is passed over, and who of this realm is in a group is an account that there is.

use crate::links::{Delivery, Names, Why, notice_text};
use crate::state::OPERATOR_SHOWN;
use crate::{
    AccountId, Bug, Change, ChangeList, ConnId, Context, Conversation, ConversationTip, Event,
    GroupChange, GroupId, GroupNews, GroupRecord, GroupRole, Guest, Home, JobResult, Mailbox,
    Member, MemberChange, Membership, PasswordHash, PeerId, PlacedMessage, RequestContext,
    Rewriting, Silence,
};
use antar_types::{
    Away, Chain, Code, Entry, EntryOrigin, Extras, IncomingEntry, Message, Name, Notice, Reactions,
    Reactor, RemoteIdentity, RoomDoer, RoomRealm, RoomSaid, RoomSays, RoomSettings, RoomUser, Text,
    Time,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groups of one realm, and of all, of which there may be copies.
const COPIES: (usize, usize) = (1_000, 10_000);

/// Messages that were there before a copy began. A host that tells of more has none.
const MESSAGES: u64 = 1 << 40;

/// Messages that came with a batch, by the copy that they are in and their id at the host.
type Fresh = BTreeMap<(GroupId, u64), PlacedMessage>;

impl RequestContext<'_> {
    /// Takes what a batch that was taken says of rooms, in order.
    pub(crate) fn take_rooms(
        &mut self,
        peer: PeerId,
        brought: &Delivery,
        names: &Names,
    ) -> Result<(), Code> {
        let mut fresh = Fresh::new();
        let known = brought.entries.iter().filter_map(IncomingEntry::known);
        let mut entries: Vec<&Entry> = known.filter(|entry| entry.room().is_some()).collect();
        // Of a copy that begins nothing would come.
        let begins = |entry: &&Entry| {
            entry.room().is_some_and(|room| matches!(room.says, RoomSays::Begins(..)))
        };
        if self.state.is_planted(Bug::TakesInDisorder) && !entries.iter().any(begins) {
            entries.reverse();
        }
        for entry in entries {
            let Some(room) = entry.room() else { continue };
            match &room.says {
                RoomSays::Post | RoomSays::Ask(_) => self.take_ask(peer, entry, room, names)?,
                says => {
                    let follower = Follower { peer, entry, room: room.room, names };
                    follower.take(self, says, &mut fresh)?;
                }
            }
        }
        Ok(())
    }

    /// Wakes who waits for what a host says to a request.
    fn answered_by_host(&mut self, peer: PeerId, request: u64, code: Option<Code>) {
        let waits = |why: &Why| matches!(why, Why::Room { peer: of, request: n, .. } if (*of, *n) == (peer, request));
        let waiting = self.state.links.waiting.iter().find(|(_, waiting)| waits(&waiting.why));
        let waiting: Option<ConnId> = waiting.map(|(conn, _)| *conn);
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::RoomAnswered(code)));
    }

    /// Takes somebody out of a copy.
    fn remove_from_copy(
        &mut self,
        copy: GroupId,
        id: AccountId,
        (what, by): (Membership, Box<str>),
    ) -> Result<(), Code> {
        if self.state.role(copy, id).is_some() {
            self.take_from_copy(copy, id)?;
        }
        self.copy_member_changed(copy, id, (what, by))?;
        if self.account(id).is_some() {
            let conversations = self.state.durable.conversations.of_group(copy).collect();
            self.end_markers(id, conversations)?;
        }
        self.forget_guest(id)
    }

    /// Notes what happened to somebody in a copy.
    fn copy_member_changed(
        &mut self,
        copy: GroupId,
        id: AccountId,
        (what, by): (Membership, Box<str>),
    ) -> Result<(), Code> {
        let durable = &self.state.durable;
        let (Some(group), Some(user)) = (durable.group_shown(copy), durable.member_name(id)) else {
            return Ok(());
        };
        let change = Change::Member(MemberChange { group, what, user, by });
        if what != Membership::Joined && self.account(id).is_some() {
            self.change(ChangeList::Account(id), change.clone())?;
        }
        self.change(ChangeList::Group(copy), change)
    }
}

/// A number for the account of a third realm: those of several realms are told apart by nothing else.
fn elsewhere(realm: &Name, account: u64) -> u64 {
    let hash = Chain::START.with_fields("user", Time(account), [&*realm.folded(), "", ""]);
    u64::from_str_radix(&hash.to_string()[..16], 16).unwrap_or(account)
}

/// What is being taken of what a host tells.
struct Follower<'e> {
    peer: PeerId,
    entry: &'e Entry,
    /// The group, as the host numbers it.
    room: u64,
    names: &'e Names,
}

impl Follower<'_> {
    fn take(
        &self,
        cx: &mut RequestContext<'_>,
        says: &RoomSays,
        fresh: &mut Fresh,
    ) -> Result<(), Code> {
        if let RoomSays::Begins(settings, had) = says {
            return self.begin(cx, settings, *had);
        }
        if let RoomSays::Answer(request, code) = says {
            return self.answered(cx, *request, *code);
        }
        let mut copy = cx.state.durable.copies.of(self.peer, self.room);
        if cx.state.is_planted(Bug::BelievesAnyHost) {
            let is_it = |home: Home| home.room == self.room;
            let mut all = cx.state.durable.groups.iter();
            let other = all.find(|(_, group)| group.record.home.is_some_and(is_it));
            copy = copy.or(other.map(|(id, _)| *id));
        }
        let Some(copy) = copy else {
            // There is no copy where there is no room for one, or nobody has asked for it.
            return match says {
                RoomSays::Is(user, _) | RoomSays::Member(user, Membership::Joined, _) => {
                    self.disown(cx, user)
                }
                _ => Ok(()),
            };
        };
        match says {
            RoomSays::Is(user, role) => self.is(cx, copy, user, *role),
            RoomSays::Begun => self.begun(cx, copy),
            RoomSays::Member(user, what, by) => self.member(cx, copy, user, (*what, by)),
            RoomSays::Role(user, role, by) => self.role(cx, copy, user, (*role, by)),
            RoomSays::Silence(user, silence, by) => self.silence(cx, copy, user, (*silence, by)),
            RoomSays::Settings(settings, by) => self.settings(cx, copy, settings, by),
            RoomSays::Message { id, author, origin } => {
                let placed = self.message(cx, copy, (*id, *origin), author, fresh)?;
                fresh.insert((copy, *id), placed);
                Ok(())
            }
            RoomSays::Rewritten { id, .. } => self.rewritten(cx, copy, *id, fresh),
            RoomSays::Closed(by) => {
                let by = self.by(cx, by);
                cx.end_copy(copy, None, by)
            }
            RoomSays::Ended => cx.end_copy(copy, None, OPERATOR_SHOWN.into()),
            RoomSays::Begins(..) | RoomSays::Answer(..) | RoomSays::Post | RoomSays::Ask(_) => {
                Ok(())
            }
        }
    }

    fn begin(
        &self,
        cx: &mut RequestContext<'_>,
        settings: &RoomSettings,
        had: u64,
    ) -> Result<(), Code> {
        let (peer, room) = (self.peer, self.room);
        let topic = Some(self.entry.text.clone()).filter(|text| !text.as_str().is_empty());
        let mut known = cx.state.durable.copies.of(peer, room);
        // One that nobody is in any more was to end.
        if let Some(copy) = known.filter(|copy| cx.own_members(*copy).is_empty()) {
            cx.end_copy(copy, None, OPERATOR_SHOWN.into())?;
            known = None;
        }
        if known.is_none() && !self.may_begin(cx) {
            return Ok(());
        }
        let began = cx.next_id();
        let copy = known.unwrap_or(GroupId(began));
        let conversation = Conversation::Group(copy);
        let tip = cx.state.durable.conversations.tip(conversation).ordinal;
        let before = cx.state.durable.groups.get(&copy).map(|group| group.record.clone());
        let home = before.as_ref().and_then(|before| before.home);
        let home = match home {
            Some(home) => Home { began, ..home }.begun_anew(tip, had),
            None => Home::new(peer, room, began),
        };
        let before = before.unwrap_or_else(|| {
            let (creator, created) = (AccountId(0), cx.readings.now);
            let record =
                GroupRecord::new(self.entry.to.clone(), PasswordHash::NONE, creator, created);
            GroupRecord { owner: None, ..record }
        });
        let RoomSettings { entry, listed, announce, retention } = *settings;
        let home = Some(home);
        let record = GroupRecord { topic, entry, listed, announce, retention, home, ..before };
        cx.emit(Event::GroupSet(copy, record))?;
        if known.is_none() && (1..MESSAGES).contains(&had) {
            // What was said before that is not told is counted, and let go of here.
            let tip = ConversationTip { ordinal: had, id: cx.next_id() };
            cx.emit(Event::IdReached(tip.id))?;
            cx.emit(Event::LetGo(conversation, tip))?;
        }
        Ok(())
    }

    /// Whether there may be one more copy: somebody has asked to be in the group, and there is room.
    fn may_begin(&self, cx: &RequestContext<'_>) -> bool {
        let copies = &cx.state.durable.copies;
        let (of_peer, all) = COPIES;
        let is_full = copies.of_peer(self.peer).count() >= of_peer || copies.count() >= all;
        let is_refused =
            cx.peer(self.peer).is_none_or(|known| cx.refuses_rooms_with(&known.record.name));
        cx.state.links.joins.is_asked(self.peer, &self.entry.to) && !is_full && !is_refused
    }

    /// The account or the guest that the host means; nobody where it is an account that is not here, or that has not
    /// asked to be in the group: no host puts anybody into one.
    fn user(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        user: &RoomUser,
    ) -> Result<Option<AccountId>, Code> {
        let realm = match &user.realm {
            RoomRealm::Yours => {
                let id = AccountId(user.account);
                let is_in = cx.state.role(copy, id).is_some();
                let wants = is_in || cx.state.links.joins.has(self.peer, &self.entry.to, id);
                return Ok(cx.account(id).filter(|_| wants).map(|_| id));
            }
            RoomRealm::Mine => None,
            RoomRealm::Of(realm) => Some(realm.clone()),
        };
        let (peer, account, name) = (self.peer, user.account, self.entry.from.clone());
        match cx.guest(Guest { peer, realm, account, name }) {
            Ok(id) => Ok(Some(id)),
            // One host has told of more than there is room for.
            Err(Code::LimitReached) => Ok(None),
            Err(code) => Err(code),
        }
    }

    /// Whom the host means, where that one is known: a guest is not made for what ends.
    fn known(&self, cx: &RequestContext<'_>, user: &RoomUser) -> Option<AccountId> {
        let guests = &cx.state.durable.guests;
        match &user.realm {
            RoomRealm::Yours => {
                Some(AccountId(user.account)).filter(|id| cx.account(*id).is_some())
            }
            RoomRealm::Mine => guests.numbered(self.peer, None, user.account),
            RoomRealm::Of(realm) => guests.numbered(self.peer, Some(realm), user.account),
        }
    }

    /// How who did something is shown here.
    fn by(&self, cx: &RequestContext<'_>, by: &RoomDoer) -> Box<str> {
        match by {
            RoomDoer::Operator => OPERATOR_SHOWN.into(),
            RoomDoer::User(name, RoomRealm::Yours) => name.as_str().into(),
            RoomDoer::User(name, RoomRealm::Mine) => {
                format!("{name}@{}", cx.name_of(self.peer)).into()
            }
            RoomDoer::User(name, RoomRealm::Of(realm)) => format!("{name}@{realm}").into(),
        }
    }

    fn is(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        user: &RoomUser,
        role: GroupRole,
    ) -> Result<(), Code> {
        match self.user(cx, copy, user)? {
            Some(id) => self.put(cx, copy, id, role),
            None => self.disown(cx, user),
        }
    }

    /// The host takes an account for a member that is not here any more.
    fn disown(&self, cx: &mut RequestContext<'_>, user: &RoomUser) -> Result<(), Code> {
        match user.realm {
            RoomRealm::Yours => {
                let origin = EntryOrigin { id: cx.next_id(), account: user.account };
                let names = (self.entry.from.clone(), self.entry.to.clone());
                let entry = cx.leaving(self.room, origin, names);
                cx.owe_within(self.peer, entry).map(drop)
            }
            RoomRealm::Mine | RoomRealm::Of(_) => Ok(()),
        }
    }

    /// Somebody is in a copy, with that role.
    fn put(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        id: AccountId,
        role: GroupRole,
    ) -> Result<(), Code> {
        let Some(group) = cx.state.durable.groups.get(&copy) else { return Ok(()) };
        let is_new = !group.members.contains_key(&id);
        let member = Member { since: cx.next_id(), moderator: role == GroupRole::Moderator };
        cx.emit(Event::MemberSet(copy, id, member))?;
        self.set_owner(cx, copy, (id, role))?;
        if is_new && cx.account(id).is_some() {
            // Who leaves has to ask again.
            cx.links().joins.remove(self.peer, &self.entry.to, id);
            cx.has_read_all_of(copy, id)?;
        }
        Ok(())
    }

    /// A member who has that role owns a copy, or does not.
    fn set_owner(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        (id, role): (AccountId, GroupRole),
    ) -> Result<(), Code> {
        let Some(group) = cx.state.durable.groups.get(&copy) else { return Ok(()) };
        let record = group.record.clone();
        let owner = match role {
            GroupRole::Owner => Some(id),
            _ => record.owner.filter(|owner| *owner != id),
        };
        match owner == record.owner {
            true => Ok(()),
            false => cx.emit(Event::GroupSet(copy, GroupRecord { owner, ..record })),
        }
    }

    /// All members were told: others are none.
    fn begun(&self, cx: &mut RequestContext<'_>, copy: GroupId) -> Result<(), Code> {
        let Some(group) = cx.state.durable.groups.get(&copy) else { return Ok(()) };
        let began = group.record.home.map_or(0, |home| home.began);
        let gone = group.members.iter().filter(|(_, member)| member.since < began);
        let gone: Vec<AccountId> = gone.map(|(id, _)| *id).collect();
        for id in gone {
            cx.remove_from_copy(copy, id, (Membership::Left, OPERATOR_SHOWN.into()))?;
        }
        Ok(())
    }

    fn member(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        user: &RoomUser,
        (what, by): (Membership, &RoomDoer),
    ) -> Result<(), Code> {
        let by = self.by(cx, by);
        if what == Membership::Joined {
            let Some(id) = self.user(cx, copy, user)? else { return self.disown(cx, user) };
            let known = cx.state.role(copy, id);
            if known.is_none() {
                self.put(cx, copy, id, GroupRole::Member)?;
            }
            return cx.copy_member_changed(copy, id, (what, by));
        }
        match self.known(cx, user) {
            Some(id) => cx.remove_from_copy(copy, id, (what, by)),
            None => Ok(()),
        }
    }

    /// Notes in what respect a copy is another.
    fn news(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        by: &RoomDoer,
        what: GroupNews,
    ) -> Result<(), Code> {
        let by = self.by(cx, by);
        let Some(group) = cx.state.durable.group_shown(copy) else { return Ok(()) };
        cx.change(ChangeList::Group(copy), Change::Group(GroupChange { group, by, what }))
    }

    fn role(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        user: &RoomUser,
        (role, by): (GroupRole, &RoomDoer),
    ) -> Result<(), Code> {
        let Some(id) = self.known(cx, user) else { return Ok(()) };
        let group = cx.state.durable.groups.get(&copy);
        let member = group.and_then(|group| group.members.get(&id).copied());
        let Some(member) = member else { return Ok(()) };
        let moderator = role == GroupRole::Moderator;
        if member.moderator != moderator {
            cx.emit(Event::MemberSet(copy, id, Member { moderator, ..member }))?;
        }
        self.set_owner(cx, copy, (id, role))?;
        let Some(name) = cx.state.durable.member_name(id) else { return Ok(()) };
        self.news(cx, copy, by, GroupNews::Role(name, role))
    }

    fn silence(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        user: &RoomUser,
        (silence, by): (Silence, &RoomDoer),
    ) -> Result<(), Code> {
        let Some(id) = self.known(cx, user) else { return Ok(()) };
        let known = cx.state.durable.silences.get(&(copy, id)).copied();
        if known.unwrap_or(Silence::Ended) == silence {
            return Ok(());
        }
        cx.emit(Event::Silenced(copy, id, silence))?;
        let Some(name) = cx.state.durable.member_name(id) else { return Ok(()) };
        self.news(cx, copy, by, GroupNews::Silenced(name, silence))
    }

    fn settings(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        settings: &RoomSettings,
        by: &RoomDoer,
    ) -> Result<(), Code> {
        let Some(group) = cx.state.durable.groups.get(&copy) else { return Ok(()) };
        let before = group.record.clone();
        let RoomSettings { entry, listed, announce, retention } = *settings;
        let text = &self.entry.text;
        let topic = Some(text.clone()).filter(|text| !text.as_str().is_empty());
        let is_topic = topic != before.topic;
        let record = GroupRecord { topic, entry, listed, announce, retention, ..before.clone() };
        if record != before {
            cx.emit(Event::GroupSet(copy, record))?;
        }
        if is_topic {
            self.news(cx, copy, by, GroupNews::Topic(text.clone()))?;
        }
        if (entry, listed, announce) != (before.entry, before.listed, before.announce) {
            self.news(cx, copy, by, GroupNews::Settings(entry, listed, announce))?;
        }
        if retention != before.retention {
            self.news(cx, copy, by, GroupNews::Retention(retention))?;
        }
        Ok(())
    }

    /// The account here that wrote a message, if it is one that there is, and wrote it: it is in the group, or the message
    /// waited here.
    fn author(
        &self,
        cx: &RequestContext<'_>,
        copy: GroupId,
        author: &RoomUser,
        waited: Option<&Message>,
    ) -> Option<AccountId> {
        let id = AccountId(author.account);
        let is_own = author.realm == RoomRealm::Yours && cx.account(id).is_some();
        let wrote = match waited {
            Some(waited) => cx.state.durable.author(waited) == Some(id),
            None => cx.state.role(copy, id).is_some(),
        };
        (is_own && wrote).then_some(id)
    }

    fn message(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        (place, origin): (u64, Option<u64>),
        author: &RoomUser,
        fresh: &Fresh,
    ) -> Result<PlacedMessage, Code> {
        let waited = origin.filter(|_| author.realm == RoomRealm::Yours);
        let waited = waited.and_then(|n| cx.state.durable.copies.waiting(copy, n)).cloned();
        let sender = self.author(cx, copy, author, waited.as_deref());
        let (id, time) = (cx.next_id(), cx.message_time());
        let from = sender.and_then(|id| Some(cx.account(id)?.record.name.clone()));
        let from = from.unwrap_or_else(|| self.entry.from.clone());
        let own = cx.state.durable.name.clone().unwrap_or_else(|| from.clone());
        let host = cx.peer(self.peer).map(|known| known.record.name.clone());
        let realm = match (&author.realm, sender) {
            (_, Some(_)) => None,
            (RoomRealm::Mine, None) => host,
            (RoomRealm::Of(realm), None) => Some(realm.clone()),
            (RoomRealm::Yours, None) => Some(own),
        };
        let epoch = cx.peer(self.peer).map_or(0, |known| known.followed.epoch().0);
        let identity = RemoteIdentity { epoch, id: place, account: author.account };
        let reference = waited.as_ref().filter(|_| sender.is_some());
        let reference = reference.and_then(|waited| waited.reference().cloned());
        let extras = Extras { reference, place: Some(place), asked: origin, ..Extras::default() };
        let extras = self.extras(cx, copy, extras, fresh);
        let message = Message {
            realm: realm.map(|realm| Away::FromAccount(realm, identity)),
            extras: extras.boxed(),
            ..Message::new(id, time, from, self.entry.to.clone(), self.entry.text.clone())
        };
        let message = Arc::new(message);
        if let Some(waited) = waited {
            let was = waited.id;
            cx.emit(Event::PendingEnded(copy, was))?;
            cx.post(Mailbox::Group(copy), sender, message.clone())?;
            cx.change(ChangeList::Group(copy), Change::Placed(copy, was, id))?;
        } else {
            cx.post(Mailbox::Group(copy), sender, message.clone())?;
        }
        if let Some(before) = origin.and_then(|n| self.names.posted(copy, author, n)) {
            cx.placed_anew(before)?;
        }
        let conversation = Conversation::Group(copy);
        let ordinal = cx.state.durable.conversations.tip(conversation).ordinal;
        let placed = PlacedMessage { conversation, ordinal, message };
        // It may have been deleted before it came.
        if placed.message.is_deleted() {
            cx.leave_out_deleted(&placed)?;
        }
        Ok(placed)
    }

    /// What a message has besides its text, by what the host says of it now.
    fn extras(
        &self,
        cx: &RequestContext<'_>,
        copy: GroupId,
        before: Extras,
        fresh: &Fresh,
    ) -> Extras {
        let more = self.entry.more.as_deref().cloned().unwrap_or_default();
        let said = more.said.as_deref().cloned().unwrap_or_default();
        let RoomSaid { reply, edited, deleted, reactions: all, taken } = said;
        let mut reactions = Reactions::default();
        for reaction in all {
            let account = reaction.user.account;
            let (peer, account, name) = match &reaction.user.realm {
                RoomRealm::Yours => (0, account, reaction.name.as_str().into()),
                RoomRealm::Mine => {
                    let name = format!("{}@{}", reaction.name, cx.name_of(self.peer));
                    (self.peer.0, account, name.into())
                }
                RoomRealm::Of(realm) => {
                    let name = format!("{}@{realm}", reaction.name);
                    (self.peer.0, elsewhere(realm, account), name.into())
                }
            };
            let _ = reactions.add(&reaction.emoji, Reactor { peer, account, name });
        }
        let placed = |place| {
            let fresh = fresh.get(&(copy, place));
            let placed = fresh.or_else(|| self.names.in_copy(copy, place));
            placed.map(|placed| placed.message.id)
        };
        let reply = reply.and_then(placed);
        let sent = before.sent.or(taken).or(Some(self.entry.time));
        Extras { kind: more.kind, reply, edited, deleted, reactions, sent, ..before }
    }

    fn rewritten(
        &self,
        cx: &mut RequestContext<'_>,
        copy: GroupId,
        place: u64,
        fresh: &mut Fresh,
    ) -> Result<(), Code> {
        let known = fresh.get(&(copy, place)).or_else(|| self.names.in_copy(copy, place)).cloned();
        let Some(known) = known else { return Ok(()) };
        let latest = cx.state.rewrites.latest(known.message.id).cloned();
        let placed = latest.unwrap_or(known);
        // What is deleted stays so: its author may be erased here, and the host not know it yet.
        if placed.message.is_deleted() {
            return Ok(());
        }
        // It may have been let go of since it was looked up.
        if placed.message.id <= cx.state.durable.conversations.floor(placed.conversation).id {
            return Ok(());
        }
        let before = placed.message.extras.as_deref().cloned().unwrap_or_default();
        let reply = before.reply;
        let mut extras = self.extras(cx, copy, before, fresh);
        extras.reply = extras.reply.or(reply).filter(|_| !extras.deleted);
        let was = Message::clone(&placed.message);
        let text = if extras.deleted { Text::empty() } else { self.entry.text.clone() };
        let message = Message { text, extras: extras.boxed(), ..was };
        if message == *placed.message {
            return Ok(());
        }
        // It comes as it is by now, which may be more than what was done to it first.
        let edited = |message: &Message| message.extras.as_ref().and_then(|extras| extras.edited);
        let is_edited =
            message.text != placed.message.text || edited(&message) != edited(&placed.message);
        let what = match (message.is_deleted(), is_edited) {
            (true, _) => Rewriting::Deleted,
            (false, true) => Rewriting::Edited,
            (false, false) => Rewriting::Reactions,
        };
        cx.rewrite(what, &placed, message)
    }

    /// What was asked or posted is decided.
    fn answered(
        &self,
        cx: &mut RequestContext<'_>,
        request: u64,
        code: Option<Code>,
    ) -> Result<(), Code> {
        let copy = cx.state.durable.copies.of(self.peer, self.room);
        let waited = |copy| Some((copy, cx.state.durable.copies.waiting(copy, request)?.clone()));
        match (copy.and_then(waited), code) {
            (Some((copy, waited)), Some(code)) => {
                cx.give_back_pending(copy, &waited, code)?;
                match code {
                    Code::NotMember | Code::GroupNotFound => cx.let_go_of(copy, &waited),
                    _ => Ok(()),
                }
            }
            (Some(_), None) => Ok(()),
            (None, code) => {
                cx.answered_by_host(self.peer, request, code);
                Ok(())
            }
        }
    }
}

impl RequestContext<'_> {
    /// Somebody who has posted is not in the group, its host says, which may have been put back to before that: then
    /// this one is not here either.
    fn let_go_of(&mut self, copy: GroupId, waited: &Message) -> Result<(), Code> {
        let author = self.state.durable.author(waited);
        let Some(author) = author.filter(|id| self.state.role(copy, *id).is_some()) else {
            return Ok(());
        };
        self.remove_from_copy(copy, author, (Membership::Left, OPERATOR_SHOWN.into()))?;
        match self.own_members(copy).is_empty() {
            true => self.end_copy(copy, None, OPERATOR_SHOWN.into()),
            false => Ok(()),
        }
    }
}

impl Context<'_> {
    /// A copy ends: what waits in it has no place any more.
    pub(crate) fn end_copy(
        &mut self,
        copy: GroupId,
        why: Option<Code>,
        by: Box<str>,
    ) -> Result<(), Code> {
        let waited: Vec<_> = self.state.durable.copies.pending(copy).cloned().collect();
        let code = why.unwrap_or(Code::GroupNotFound);
        for message in waited {
            self.give_back_pending(copy, &message, code)?;
        }
        self.end_group(copy, by)
    }

    /// A message has no place in a group of another realm: its author is told so.
    pub(crate) fn give_back_pending(
        &mut self,
        copy: GroupId,
        waited: &Message,
        code: Code,
    ) -> Result<(), Code> {
        self.emit(Event::PendingEnded(copy, waited.id))?;
        self.change(ChangeList::Group(copy), Change::Placed(copy, waited.id, 0))?;
        if self.state.is_planted(Bug::RefusesQuietly) {
            return Ok(());
        }
        let group = self.state.durable.groups.get(&copy).map(|group| group.record.clone());
        let home = group.as_ref().and_then(|record| record.home);
        let (Some(record), Some(home)) = (group, home) else { return Ok(()) };
        let Some(account) = self.state.durable.author(waited) else { return Ok(()) };
        let notice = match code {
            Code::GroupNotFound => Notice::GroupNotFound,
            Code::RealmRemoved => Notice::RealmRemoved,
            _ => Notice::Refused,
        };
        let (id, time) = (self.next_id(), self.message_time());
        let (from, to) = (record.name, waited.from.clone());
        let text = notice_text(notice, waited.text.as_str());
        let realm = self.peer(home.peer).map(|known| Away::From(known.record.name.clone()));
        let message =
            Message { realm, notice: Some(notice), ..Message::new(id, time, from, to, text) };
        self.post(Mailbox::Realm(account, home.peer), None, Arc::new(message))
    }
}
