//! What who is connected is told of an event.

use super::State;
use super::live::Watch;
use super::spread::{Spread, in_step, moves_nobody, of_messages};
use crate::{
    AccountId, Change, ChangeList, ConnId, Conversation, Event, GroupElsewhere, GroupId,
    Notification, Output, Posted, Reader, Rewriting, Tag, Told, ToldAt,
};
use antar_types::{BoxKind, Code, Message, SyncCursor};
use std::sync::Arc;

impl State {
    /// What an event means for who is connected.
    pub(super) fn tell(&mut self, event: &Event, outputs: &mut Vec<Output>) {
        if !moves_nobody(event) {
            self.live.audiences.forget();
        }
        match event {
            Event::Received { events, .. } => {
                events.iter().for_each(|event| self.tell(event, outputs));
            }
            Event::SessionEnded(id) => {
                self.live.session_ended(*id);
                self.tell_ended(Code::NoSession, outputs);
            }
            Event::AccountRemoved(id) => self.live.account_removed(*id),
            Event::MemberRemoved(group, account) => {
                if let Some(account) = self.durable.accounts.get(account) {
                    self.live.left(*group, account.sessions.iter().copied());
                }
            }
            Event::GroupClosed(group, _) => self.live.current_groups.retain(|_, of| of != group),
            Event::Posted(posted) => {
                let deaf = self.durable.deaf_to(posted);
                self.tell_watchers(posted, &deaf, outputs);
                self.tell_message(posted, &deaf, outputs);
            }
            Event::Changed { list, tip, change } if self.live.tells_changes() => {
                self.tell_change(*list, tip.id, change, outputs);
            }
            _ => {}
        }
    }

    fn tell_watchers(&self, posted: &Posted, deaf: &[AccountId], outputs: &mut Vec<Output>) {
        let Some(to) = posted.recipient else { return };
        let kind = box_kind(posted.conversation);
        self.live.watchers(to, |conn, watch: Watch| {
            if watch.is_of_messages() && !deaf.contains(&watch.account) {
                let told = Notification::Message(kind, posted.message.clone());
                outputs.push(Output::Notify(conn, watch.tag, told));
            }
        });
    }

    /// Tells a message to all whose conversation it is in, who wrote it too.
    fn tell_message(&mut self, posted: &Posted, deaf: &[AccountId], outputs: &mut Vec<Output>) {
        let Posted { conversation, sender, message, .. } = posted;
        let told = |state: &Self, account| {
            let reader = state.reader(account).filter(|_| !deaf.contains(&account))?;
            state.told_message(&reader, *conversation, Message::clone(message))
        };
        let tell = |account, outputs: &mut _| {
            self.tell_one(account, message.id, || told(self, account), outputs);
        };
        match *conversation {
            Conversation::Private(..) | Conversation::Peer(..) if !self.live.tells_changes() => {}
            Conversation::Private(one, other) => {
                tell(one, outputs);
                if one != other {
                    tell(other, outputs);
                }
            }
            Conversation::Peer(account, ..) => tell(account, outputs),
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                let message = match self.durable.group_elsewhere(group) {
                    Some(group) => {
                        let message = message.clone();
                        Notification::GroupElsewhere(Arc::new(GroupElsewhere { group, message }))
                    }
                    None => Notification::Message(box_kind(*conversation), message.clone()),
                };
                let id = posted.message.id;
                self.tell_all((group, deaf), id, (*sender, Some(message)), told, outputs);
            }
        }
    }

    fn tell_change(
        &mut self,
        list: ChangeList,
        id: u64,
        change: &Change,
        outputs: &mut Vec<Output>,
    ) {
        match list {
            ChangeList::Account(account) => {
                self.tell_one(account, id, || self.told(account, change.clone()), outputs);
            }
            ChangeList::Group(group) => {
                let told = |state: &Self, reader| state.told(reader, change.clone());
                // What a message is called is for its author only, and some do not hear that one.
                let about = match change {
                    Change::Rewritten(_, id, _) => {
                        let placed = self.rewrites.latest(*id);
                        placed.map(|placed| (placed.conversation, &placed.message))
                    }
                    Change::Pending(group, id) => {
                        let waiting = self.durable.copies.waiting(*group, *id);
                        waiting.map(|message| (Conversation::Group(*group), message))
                    }
                    _ => None,
                };
                let author = about.and_then(|(_, message)| self.durable.author(message));
                let deaf = about.map(|(of, message)| self.durable.blocks.hidden_from(of, message));
                let deaf = deaf.unwrap_or_default();
                self.tell_all((group, &deaf), id, (author, None), told, outputs);
            }
        }
    }

    /// Tells a change to the connections of one account that watch changes.
    fn tell_one(
        &self,
        account: AccountId,
        id: u64,
        told: impl FnOnce() -> Option<Told>,
        outputs: &mut Vec<Output>,
    ) {
        let mut in_step = Vec::new();
        self.live.watchers(account, |conn, watch| {
            in_step.extend(watch.is_in_step().then_some((conn, watch.tag)));
        });
        if let (false, Some(told)) = (in_step.is_empty(), told()) {
            let told = Arc::new(self.told_at(id, told));
            outputs.extend(in_step.into_iter().map(|(conn, tag)| change(conn, tag, &told)));
        }
    }

    /// Tells a group's members, but for some, a message where they watch messages, and a change where they watch
    /// changes. That is the same for all but its author.
    fn tell_all(
        &mut self,
        (group, deaf): (GroupId, &[AccountId]),
        id: u64,
        (author, message): (Option<AccountId>, Option<Notification>),
        told: impl Fn(&Self, AccountId) -> Option<Told>,
        outputs: &mut Vec<Output>,
    ) {
        let Self { live, durable, .. } = &mut *self;
        let Some(of) = durable.groups.get(&group) else { return };
        let to = live.audience(group, &of.members);
        let told = |account| {
            let told = told(self, account?)?;
            Some(Notification::Change(Arc::new(self.told_at(id, told))))
        };
        let message = message.filter(|_| of_messages(&to));
        let change = told(in_step(&to, deaf, |account| Some(account) != author));
        let author = in_step(&to, deaf, |account| Some(account) == author);
        let author = author.map(|author| (author, told(Some(author))));
        if message.is_some() || change.is_some() || author.is_some() {
            let deaf = deaf.into();
            outputs.push(Output::Spread(Box::new(Spread { to, deaf, message, change, author })));
        }
    }

    /// A change, as an account is told it; `None` where it is about what nobody can address.
    pub(crate) fn told(&self, reader: AccountId, change: Change) -> Option<Told> {
        let name = |of| Some(self.durable.conversation_name(reader, of)?.to_string().into());
        Some(match change {
            Change::Read(conversation, read) => {
                Told::Read { conversation: name(conversation)?, read }
            }
            Change::Delivered(conversation, id) => {
                Told::Delivered { conversation: name(conversation)?, id }
            }
            // One that has its place by now, or is refused, is told so next.
            Change::Pending(group, id) => {
                let message = self.durable.copies.waiting(group, id)?;
                let (reader, message) = (self.reader(reader)?, crate::history::pending(message));
                self.told_message(&reader, Conversation::Group(group), message)?
            }
            Change::Placed(group, was, id) => Told::Placed {
                conversation: name(Conversation::Group(group))?,
                was,
                id: Some(id).filter(|id| *id > 0),
            },
            Change::Member(change) => Told::Member(change),
            Change::Group(change) => Told::Group(change),
            Change::Muted(conversation, muted) => {
                Told::Muted { conversation: name(conversation)?, muted }
            }
            Change::Profile => Told::Profile(Box::new(self.shown_profile(reader)?)),
            Change::Blocked(conversation, blocked) => Told::Blocked { conversation, blocked },
            Change::Session(id, what) => Told::Session { id, what },
            Change::Rewritten(conversation, id, what) => {
                let reader = self.reader(reader)?;
                let message = Message::clone(&self.rewrites.latest(id)?.message);
                self.told_rewritten(&reader, what, conversation, message)?
            }
        })
    }

    /// An account that reads something.
    pub(crate) fn reader(&self, account: AccountId) -> Option<Reader> {
        let (realm, durable) = (self.durable.name.clone(), &self.durable);
        let Some(known) = durable.accounts.get(&account) else {
            let guest = durable.guests.get(account)?;
            let there = Some((durable.realm_of(guest)?.clone(), guest.account));
            return Some(Reader { account, name: guest.name.clone(), realm, blocks: None, there });
        };
        let (name, blocks) = (known.record.name.clone(), durable.blocks.of(account).cloned());
        Some(Reader { account, name, realm, blocks, there: None })
    }

    /// A message of a conversation, as its reader is told it; `None` where that one is not shown it.
    pub(crate) fn told_message(
        &self,
        reader: &Reader,
        conversation: Conversation,
        message: Message,
    ) -> Option<Told> {
        let (conversation, message) = self.shown(reader, conversation, message)?;
        Some(Told::Message { conversation, message })
    }

    /// A message that is another than it was, as an account is told it.
    pub(crate) fn told_rewritten(
        &self,
        reader: &Reader,
        what: Rewriting,
        conversation: Conversation,
        message: Message,
    ) -> Option<Told> {
        let (conversation, message) = self.shown(reader, conversation, message)?;
        Some(Told::Rewritten { what, conversation, message })
    }

    /// How an account addresses a conversation, and what it is shown of a message in it.
    fn shown(
        &self,
        reader: &Reader,
        conversation: Conversation,
        mut message: Message,
    ) -> Option<(Box<str>, Message)> {
        if reader.hides(conversation, &message) {
            return None;
        }
        reader.shows(&mut message, self.durable.delivered(conversation).as_ref());
        let conversation = self.durable.conversation_name(reader.account, conversation)?;
        Some((conversation.to_string().into(), message))
    }

    pub(crate) fn told_at(&self, id: u64, told: Told) -> ToldAt {
        ToldAt { told, cursor: SyncCursor { epoch: self.durable.sync_epoch, id } }
    }

    /// Ends every watch of changes, after a batch that may have been taken back or may be on disk all the same:
    /// who watched begins again where it knows that it is.
    pub(super) fn end_change_watches(&mut self, outputs: &mut Vec<Output>) {
        self.live.end_change_watches();
        self.tell_ended(Code::Unavailable, outputs);
    }

    /// Tells those whose watch of changes has ended.
    pub(crate) fn tell_ended(&mut self, code: Code, outputs: &mut Vec<Output>) {
        let ended = self.live.take_ended();
        outputs.extend(
            ended
                .into_iter()
                .map(|(conn, tag)| Output::Notify(conn, tag, Notification::WatchEnded(code))),
        );
    }
}

fn change(conn: ConnId, tag: Tag, told: &Arc<ToldAt>) -> Output {
    Output::Notify(conn, tag, Notification::Change(told.clone()))
}

/// Where those who watch messages find those of a conversation.
fn box_kind(conversation: Conversation) -> BoxKind {
    match conversation {
        Conversation::Private(..) => BoxKind::Private,
        Conversation::Group(_) => BoxKind::Group,
        Conversation::Peer(..) => BoxKind::Realm,
        Conversation::GroupPeer(..) => BoxKind::GroupRealm,
    }
}
