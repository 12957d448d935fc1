//! What users of a peer do to messages that came from there, or went there.
//!
//! A message is told by its number in the realm where it was written. Which one that is here is looked up before a
//! batch is taken, but for messages of the same batch. What makes no sense here is left out: what it is about may be
//! gone, and was never here where it could not be delivered.

use super::Delivery;
use crate::rewrites::Rewrites;
use crate::{
    AccountId, Bug, Context, Conversation, Event, GroupId, Interrupt, Job, JobResult,
    MessageLookup, PeerId, PlacedMessage, RequestContext, Rewriting,
};
use antar_types::{
    Away, Code, Entry, EntryChange, EntryKind, Extras, IncomingEntry, Message, MessageRef,
    Reactions, Reactor, RoomAsk, RoomEntry, RoomRealm, RoomSays, RoomUser, Text, Time,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A message as an entry of a peer's log names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedMessage {
    /// In one of these it is, if it is here.
    pub conversations: Vec<Conversation>,
    /// Which one: `theirs` is a message that was written here.
    pub of: MessageRef,
    /// It is one of a room.
    pub in_room: Option<InRoom>,
}

/// How a message of a room is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InRoom {
    /// By the id that it has at the room's host: here (`theirs`), or there.
    Placed,
    /// By the number under which it was posted here.
    PostedHere,
    /// The same, by somebody of that realm with that account there.
    PostedAt(Box<str>, u64),
}

impl NamedMessage {
    /// Whether a message of one of the conversations is it.
    pub fn is(&self, message: &Message) -> bool {
        let MessageRef { theirs, id, time } = self.of;
        let extras = message.extras.as_deref();
        let asked = || extras.and_then(|extras| extras.asked) == Some(id);
        match &self.in_room {
            Some(InRoom::Placed) if theirs => return message.id == id,
            Some(InRoom::Placed) => return extras.and_then(|extras| extras.place) == Some(id),
            Some(InRoom::PostedHere) => return message.realm.is_none() && asked(),
            Some(InRoom::PostedAt(realm, account)) => {
                return match &message.realm {
                    Some(Away::FromAccount(of, there)) => {
                        *of.folded() == **realm && there.account == *account && asked()
                    }
                    _ => false,
                };
            }
            None => {}
        }
        message.notice.is_none()
            && match &message.realm {
                Some(Away::To(_)) => theirs && (message.id, message.time) == (id, time),
                Some(Away::FromAccount(_, there)) => {
                    !theirs && (there.id, message.sent()) == (id, time)
                }
                Some(Away::From(_) | Away::FromShown(..)) | None => false,
            }
    }
}

/// Asks for messages that entries of a peer's log name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesLookup {
    /// The messages.
    pub all: Vec<NamedMessage>,
    /// How many changes there had been when they were asked for.
    pub(crate) seen: u64,
}

/// Messages that entries of a batch name, as far as they are here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Vec<(NamedMessage, Option<PlacedMessage>)>);

impl Names {
    fn of(&self, named: &NamedMessage) -> Option<&PlacedMessage> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == named).and_then(|(_, found)| found.as_ref())
    }

    /// The message of a copy that has this id at the host.
    pub(crate) fn in_copy(&self, copy: GroupId, place: u64) -> Option<&PlacedMessage> {
        self.of(&NamedMessage::in_room(copy, false, place))
    }

    /// The message of a group here that a user of another realm means.
    pub(crate) fn in_room(&self, group: GroupId, id: u64) -> Option<&PlacedMessage> {
        self.of(&NamedMessage::in_room(group, true, id))
    }

    /// The message of a copy that was posted under a number in its author's realm, where it was looked for.
    pub(crate) fn posted(&self, copy: GroupId, by: &RoomUser, n: u64) -> Option<&PlacedMessage> {
        self.of(&NamedMessage::posted(copy, by, n)?)
    }

    /// What was found of what a user of another realm wants something done with, as if that one had asked for it.
    pub(crate) fn results(
        &self,
        rewrites: &Rewrites,
        group: GroupId,
        ask: &RoomAsk,
    ) -> Vec<JobResult> {
        let Some(id) = ask.message() else { return Vec::new() };
        let (conversation, seen) = (Conversation::Group(group), rewrites.seen());
        let lookup = MessageLookup { conversation, id, seen };
        vec![JobResult::Message(lookup, self.in_room(group, id).cloned())]
    }
}

impl NamedMessage {
    fn in_room(group: GroupId, theirs: bool, id: u64) -> Self {
        let of = MessageRef { theirs, id, time: Time(0) };
        let in_room = Some(InRoom::Placed);
        Self { conversations: vec![Conversation::Group(group)], of, in_room }
    }

    fn posted(copy: GroupId, by: &RoomUser, n: u64) -> Option<Self> {
        let in_room = match &by.realm {
            RoomRealm::Mine => return None,
            RoomRealm::Yours => InRoom::PostedHere,
            RoomRealm::Of(realm) => InRoom::PostedAt((*realm.folded()).into(), by.account),
        };
        Some(Self { in_room: Some(in_room), ..Self::in_room(copy, false, n) })
    }
}

/// What is done to messages by entries of a batch.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Messages of the batch itself that are deleted already.
    pub deleted: Vec<PlacedMessage>,
    /// What is done to messages that were here before.
    pub changes: Vec<(Entry, PlacedMessage)>,
}

impl RequestContext<'_> {
    /// The messages that entries of a batch name; nothing where they cannot be read.
    pub(crate) fn names(
        &self,
        peer: PeerId,
        brought: &Delivery,
    ) -> Result<Option<Names>, Interrupt> {
        let mut here = BTreeSet::new();
        let mut all = BTreeSet::new();
        for entry in brought.entries.iter().filter_map(IncomingEntry::known) {
            if let Some(room) = entry.room() {
                self.names_in_room(peer, entry, room, &mut all);
                continue;
            }
            for of in [entry.change().and_then(EntryChange::of), reply(entry)] {
                let is_here = |of: &MessageRef| !of.theirs && here.contains(&(of.id, of.time));
                all.extend(of.filter(|of| !is_here(of)).map(|of| self.named(peer, entry, of)));
            }
            if let (None, Some(origin)) = (entry.change(), entry.origin) {
                here.insert((origin.id, entry.time));
            }
        }
        all.retain(|named| !named.conversations.is_empty());
        if all.is_empty() {
            return Ok(Some(Names::default()));
        }
        let rewrites = &self.state.rewrites;
        let found = self.results.iter().rev().find_map(|result| match result {
            JobResult::Named(asked, found) if rewrites.has_all_since(asked.seen) => {
                let is_it = all.iter().eq(&asked.all);
                is_it.then(|| Some(asked.all.iter().cloned().zip(found.iter().cloned()).collect()))
            }
            JobResult::Unreadable => Some(None),
            _ => None,
        });
        let lookup = || NamesLookup { all: all.into_iter().collect(), seen: rewrites.seen() };
        found.map(|found| found.map(Names)).ok_or_else(|| Interrupt::Job(Job::Named(lookup())))
    }

    /// Does to messages what a batch says that was taken.
    pub(crate) fn do_changes(&mut self, peer: PeerId, done: &Done) -> Result<(), Code> {
        for placed in &done.deleted {
            self.leave_out_deleted(placed)?;
        }
        for (entry, placed) in &done.changes {
            if self.state.is_planted(Bug::MissesChanges) {
                continue;
            }
            let latest = self.state.rewrites.latest(placed.message.id);
            let placed = latest.unwrap_or(placed).clone();
            // It may have been let go of since it was looked up.
            let floor = self.state.durable.conversations.floor(placed.conversation);
            if placed.message.id <= floor.id {
                continue;
            }
            if let Some((what, message)) = self.changed(peer, entry, &placed.message) {
                self.rewrite(what, &placed, message)?;
            }
        }
        Ok(())
    }
}

fn reply(entry: &Entry) -> Option<MessageRef> {
    entry.more.as_ref()?.reply
}

impl Context<'_> {
    /// Where a message is that an entry names, if it is here.
    fn named(&self, peer: PeerId, entry: &Entry, of: MessageRef) -> NamedMessage {
        let durable = &self.state.durable;
        let conversations = match entry.kind {
            EntryKind::Private => {
                let account = durable.account_named(&entry.to);
                // What is with one who was removed is changed as well: nobody reads it, but it is kept.
                let formers = entry.change().map(|_| durable.formers_named(&entry.to));
                let by = entry.origin.map(|origin| origin.account);
                let with = |account: AccountId| {
                    durable.conversations.with_user((account, peer), (&entry.from, by))
                };
                account.into_iter().chain(formers.into_iter().flatten()).flat_map(with).collect()
            }
            EntryKind::Group => {
                let group = durable.group_named(&entry.to);
                group.map(|group| Conversation::GroupPeer(group, peer)).into_iter().collect()
            }
            EntryKind::Notice(_) | EntryKind::Room => Vec::new(),
        };
        NamedMessage { conversations, of, in_room: None }
    }

    /// The messages that an entry about a room names.
    fn names_in_room(
        &self,
        peer: PeerId,
        entry: &Entry,
        room: &RoomEntry,
        all: &mut BTreeSet<NamedMessage>,
    ) {
        let (durable, more) = (&self.state.durable, entry.more.as_deref());
        let copy = durable.copies.of(peer, room.room);
        let own = GroupId(room.room);
        let (theirs, group, ids) = match &room.says {
            RoomSays::Message { .. } | RoomSays::Rewritten { .. } => {
                let reply = more.and_then(|more| more.said.as_ref()?.reply);
                let rewritten = room.message().filter(|_| !room.is_new());
                (false, copy, [reply, rewritten])
            }
            RoomSays::Post => (true, Some(own), [reply(entry).map(|of| of.id), None]),
            RoomSays::Ask(ask) => (true, Some(own), [ask.message(), None]),
            _ => return,
        };
        let Some(group) = group.filter(|group| durable.groups.contains_key(group)) else { return };
        if let RoomSays::Message { author, origin: Some(n), .. } = &room.says
            && self.may_be_placed_anew(group)
            && durable.copies.waiting(group, *n).is_none()
        {
            all.extend(NamedMessage::posted(group, author, *n));
        }
        all.extend(ids.into_iter().flatten().map(|id| NamedMessage::in_room(group, theirs, id)));
    }

    /// The message here that one of a peer's answers; `ahead` is what came with it.
    pub(super) fn answered_here(
        &self,
        peer: PeerId,
        entry: &Entry,
        names: &Names,
        ahead: &[Event],
    ) -> Option<u64> {
        let named = self.named(peer, entry, reply(entry)?);
        let found = ahead.iter().rev().find_map(|event| match event {
            Event::Posted(posted) if named.is(&posted.message) => {
                is_between(entry, &posted.message).then_some(posted.message.id)
            }
            _ => None,
        });
        found.or_else(|| names.of(&named).map(|placed| placed.message.id))
    }

    /// Takes note of what an entry does to a message: to one that came in the same batch it is done at once.
    pub(super) fn note_change(
        &self,
        peer: PeerId,
        entry: &Entry,
        names: &Names,
        ahead: &mut [Event],
        done: &mut Done,
    ) {
        let Some(of) = entry.change().and_then(EntryChange::of) else { return };
        let named = self.named(peer, entry, of);
        let mut posted = ahead.iter_mut().rev().filter_map(|event| match event {
            Event::Posted(posted) => Some(posted),
            _ => None,
        });
        let posted =
            posted.find(|posted| named.is(&posted.message) && is_between(entry, &posted.message));
        let Some(posted) = posted else {
            let found = names.of(&named).cloned();
            return done.changes.extend(found.map(|placed| (entry.clone(), placed)));
        };
        if let Some((what, message)) = self.changed(peer, entry, &posted.message) {
            posted.message = Arc::new(message);
            let (conversation, ordinal) = (posted.conversation, posted.ordinal);
            let message = posted.message.clone();
            let placed = PlacedMessage { conversation, ordinal, message };
            done.deleted.extend(Some(placed).filter(|_| what == Rewriting::Deleted));
        }
    }

    /// What becomes of a message by what an entry does to it; nothing where that is nobody's to do, or is done.
    fn changed(
        &self,
        peer: PeerId,
        entry: &Entry,
        message: &Message,
    ) -> Option<(Rewriting, Message)> {
        let (change, by) = (entry.change()?, entry.origin?.account);
        if message.is_deleted() || message.notice.is_some() {
            return None;
        }
        let is_authors = match &message.realm {
            Some(Away::FromAccount(_, there)) => there.account == by,
            _ => false,
        };
        let mut extras = message.extras.as_deref().cloned().unwrap_or_default();
        let (mut text, what) = (message.text.clone(), Rewriting::Reactions);
        let what = match change {
            EntryChange::Edit(_) if is_authors => {
                text = entry.said_as(extras.kind);
                let is_long = text.as_str().len() > self.state.limits.message_bytes;
                // It may have come with that text: then it is told for the first time that it was edited.
                if is_long || text == message.text && extras.edited.is_some() {
                    return None;
                }
                extras.edited = Some(self.message_time());
                Rewriting::Edited
            }
            EntryChange::Delete(_) if is_authors => {
                text = Text::empty();
                let sent = extras.sent;
                extras = Extras { sent, deleted: true, ..Extras::default() };
                Rewriting::Deleted
            }
            EntryChange::React(_, emoji) => {
                let name = format!("{}@{}", entry.from, self.name_of(peer)).into();
                let reactor = Reactor { peer: peer.0, account: by, name };
                is_other(extras.reactions.add(emoji, reactor))?;
                what
            }
            EntryChange::Unreact(_, emoji) => {
                let all: &mut Reactions = &mut extras.reactions;
                is_other(Some(all.remove(emoji, peer.0, by)))?;
                what
            }
            EntryChange::Edit(_) | EntryChange::Delete(_) | EntryChange::Gone => return None,
        };
        Some((what, Message { text, extras: extras.boxed(), ..message.clone() }))
    }
}

/// Whether a message that came with an entry is in the conversation that the entry is in.
fn is_between(entry: &Entry, message: &Message) -> bool {
    *message.to.folded() == *entry.to.folded()
        && (entry.kind == EntryKind::Group || message.from == entry.from)
}

fn is_other(changed: Option<bool>) -> Option<()> {
    changed.filter(|changed| *changed).map(drop)
}
