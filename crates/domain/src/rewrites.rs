//! Messages that are changed after they were posted: edited, deleted, reacted to.
//!
//! The store has every message as it is now. A request that changes one has it looked up, and is decided with
//! what was found. The latest that were changed are in memory as well: what was changed since the store was
//! asked is found there, so of many who change the same message at once none undoes what another did.

use crate::state::{DEAF, MENTIONS};
use crate::{
    AccountId, Bug, Change, ChangeList, Conversation, Event, Interrupt, Job, JobResult, Marker,
    RequestContext, Rewriting, Skipped,
};
use antar_types::{Code, Message};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Changes in memory, of all messages together, and about how many bytes of messages.
const MOST: (usize, usize) = (4_096, 8 << 20);

/// A message, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedMessage {
    /// The conversation.
    pub conversation: Conversation,
    /// Which message of the conversation it is.
    pub ordinal: u64,
    /// The message as it is now.
    pub message: Arc<Message>,
}

/// Asks for a message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageLookup {
    /// The conversation.
    pub conversation: Conversation,
    /// The message's id.
    pub id: u64,
    /// How many changes there had been when it was asked for.
    pub(crate) seen: u64,
}

/// The latest messages that were changed.
#[derive(Debug, Default)]
pub(crate) struct Rewrites {
    /// By id, as each is now, and how many changes there had been by then.
    latest: BTreeMap<u64, (u64, PlacedMessage)>,
    order: VecDeque<u64>,
    /// About how many bytes they take.
    bytes: usize,
    /// How many changes are not in memory any more.
    let_go: u64,
}

impl Rewrites {
    /// Notes a message that was changed.
    pub fn note(&mut self, placed: &PlacedMessage) {
        let id = placed.message.id;
        self.order.push_back(id);
        self.bytes += placed.message.memory();
        let before = self.latest.insert(id, (self.seen(), placed.clone()));
        self.bytes -= before.map_or(0, |(_, before)| before.message.memory());
        while self.order.len() > MOST.0 || (self.bytes > MOST.1 && self.order.len() > 1) {
            let Some(oldest) = self.order.pop_front() else { return };
            self.let_go += 1;
            // Where it was changed again, that is kept.
            if let Some((at, oldest_message)) = self.latest.get(&oldest)
                && *at == self.let_go
            {
                self.bytes -= oldest_message.message.memory();
                self.latest.remove(&oldest);
            }
        }
    }

    /// A message as it is now, if it is among those that were changed lately.
    pub fn latest(&self, id: u64) -> Option<&PlacedMessage> {
        self.latest.get(&id).map(|(_, placed)| placed)
    }

    /// Forgets all of them, since some may not be on disk.
    pub fn forget(&mut self) {
        self.let_go = self.seen();
        (self.latest, self.order, self.bytes) = Default::default();
    }

    /// Whether all that were changed since there had been so many changes are in memory.
    pub fn has_all_since(&self, seen: u64) -> bool {
        self.let_go <= seen
    }

    /// How many changes there have been.
    pub fn seen(&self) -> u64 {
        self.let_go + self.order.len() as u64
    }
}

impl RequestContext<'_> {
    /// A message of a conversation as it is now.
    pub(crate) fn message_of(
        &self,
        conversation: Conversation,
        id: u64,
    ) -> Result<PlacedMessage, Interrupt> {
        let (rewrites, conversations) = (&self.state.rewrites, &self.state.durable.conversations);
        if id > conversations.tip(conversation).id || id <= conversations.floor(conversation).id {
            return Err(Code::MessageNotFound.into());
        }
        let is_there = |placed: &PlacedMessage| placed.conversation == conversation;
        let loses = self.state.is_planted(Bug::LosesRewriting);
        if let Some(placed) = rewrites.latest(id).filter(|_| !loses) {
            let placed = Some(placed).filter(|placed| is_there(placed));
            return Ok(placed.ok_or(Code::MessageNotFound)?.clone());
        }
        // What was changed since the store was asked must still be in memory.
        let let_go = if loses { 0 } else { rewrites.let_go };
        let answers = |asked: &MessageLookup| {
            (asked.conversation, asked.id) == (conversation, id) && let_go <= asked.seen
        };
        let found = self.results.iter().rev().find_map(|result| match result {
            JobResult::Message(asked, found) if answers(asked) => Some(Ok(found.clone())),
            JobResult::Unreadable => Some(Err(Code::Unavailable)),
            _ => None,
        });
        match found {
            Some(found) => Ok(found?.ok_or(Code::MessageNotFound)?),
            None => {
                let seen = rewrites.seen();
                Err(Interrupt::Job(Job::Message(MessageLookup { conversation, id, seen })))
            }
        }
    }

    /// A message of somebody whom the caller had blocked then is not there, as far as the caller knows.
    pub(crate) fn expect_shown(&self, placed: &PlacedMessage) -> Result<(), Code> {
        match self.reader()?.hides(placed.conversation, &placed.message) {
            true => Err(Code::MessageNotFound),
            false => Ok(()),
        }
    }

    /// Puts a message in the place of what it was, and tells those whose conversation it is in.
    pub(crate) fn rewrite(
        &mut self,
        what: Rewriting,
        placed: &PlacedMessage,
        message: Message,
    ) -> Result<(), Code> {
        let PlacedMessage { conversation, ordinal, .. } = *placed;
        let id = message.id;
        let message = Arc::new(message);
        let is_text = matches!(what, Rewriting::Edited | Rewriting::Deleted);
        let after = is_text.then(|| message.clone());
        let rewritten = PlacedMessage { conversation, ordinal, message };
        match self.state.is_planted(Bug::KeepsOldText) {
            true => self.state.rewrites.note(&rewritten),
            false => self.emit(Event::Rewritten(rewritten))?,
        }
        if what == Rewriting::Deleted {
            self.leave_out_deleted(placed)?;
        }
        if let Some(after) = after {
            self.change_mentions(placed, &after)?;
        }
        let lists = match conversation {
            Conversation::Private(one, other) if one == other => [Some(one), None],
            Conversation::Private(one, other) => [Some(one), Some(other)],
            Conversation::Peer(account, ..) => [Some(account), None],
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                if let (Conversation::Group(_), Some(now)) =
                    (conversation, self.state.rewrites.latest(id).cloned())
                {
                    self.tell_rewritten(group, what, &now.message)?;
                }
                let change = Change::Rewritten(conversation, id, what);
                return self.change(ChangeList::Group(group), change);
            }
        };
        for account in lists.into_iter().flatten() {
            // One who was removed is told nothing.
            if self.account(account).is_some() {
                let change = Change::Rewritten(conversation, id, what);
                self.change(ChangeList::Account(account), change)?;
            }
        }
        Ok(())
    }

    /// A message that was deleted does not count as unread.
    pub(crate) fn leave_out_deleted(&mut self, placed: &PlacedMessage) -> Result<(), Code> {
        if self.state.is_planted(Bug::CountsDeleted) {
            return Ok(());
        }
        let PlacedMessage { conversation, ordinal, message } = placed;
        let skipped = Skipped { ordinal: *ordinal, author: self.state.durable.author(message) };
        let all = self.state.durable.conversations.skipping(*conversation, skipped);
        self.emit(Event::SkippedSet(*conversation, all))?;
        self.count_for_the_deaf(placed)
    }

    /// For those who did not hear its author a message was left out of what is unread: once it is deleted, that is done
    /// for all.
    fn count_for_the_deaf(&mut self, placed: &PlacedMessage) -> Result<(), Code> {
        let PlacedMessage { conversation, ordinal, message } = placed;
        let deaf = self.state.durable.blocks.hidden_from(*conversation, message);
        for account in deaf.into_iter().take(DEAF) {
            let known = self.state.durable.conversations.known_marker(account, *conversation);
            let known = known.filter(|marker| marker.ordinal < *ordinal && marker.own_after > 0);
            if let Some(marker) = known {
                let marker = Marker { own_after: marker.own_after - 1, ..marker };
                self.emit(Event::MarkerSet { account, conversation: *conversation, marker })?;
            }
        }
        Ok(())
    }

    /// Whom a message mentioned and does not mention any more has nothing of it left to read; whom it mentions now has,
    /// as if it had been posted so.
    fn change_mentions(&mut self, before: &PlacedMessage, after: &Message) -> Result<(), Code> {
        let PlacedMessage { conversation, ordinal, .. } = *before;
        let (Conversation::Group(group) | Conversation::GroupPeer(group, _)) = conversation else {
            return Ok(());
        };
        let durable = &self.state.durable;
        let [past, mut named] =
            [&before.message.text, &after.text].map(|text| durable.mentioned(group, text.as_str()));
        let gone: Vec<AccountId> = past.difference(&named).copied().collect();
        durable.author(after).map(|author| named.remove(&author));
        let hidden = durable.blocks.hidden_from(conversation, after);
        let is_unread = |named: &AccountId| {
            durable.conversations.marker(*named, conversation).ordinal < ordinal
        };
        named.retain(|named| is_unread(named) && hidden.binary_search(named).is_err());
        if self.state.is_planted(Bug::MissesLateMentions) {
            named.clear();
        }
        for account in gone.into_iter().chain(named.iter().copied()) {
            let mut noted = self.state.durable.personal.mentions(account, conversation).to_vec();
            match (named.contains(&account), noted.binary_search(&ordinal)) {
                (true, Err(at)) => noted.insert(at, ordinal),
                (false, Ok(at)) => drop(noted.remove(at)),
                _ => continue,
            }
            let past = noted.len().saturating_sub(MENTIONS);
            noted.drain(..past);
            self.set_mentions(account, conversation, noted)?;
        }
        Ok(())
    }

    /// Whether the caller may delete what somebody else has written in a conversation.
    pub(crate) fn may_delete_of_others(&self, placed: &PlacedMessage) -> Result<bool, Code> {
        let (me, state) = (self.me()?, &self.state);
        let group = match placed.conversation {
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => group,
            Conversation::Private(..) | Conversation::Peer(..) => return Ok(self.is_admin()),
        };
        let author = state.durable.author(&placed.message);
        Ok(match author.or_else(|| state.durable.guest_author(&placed.message)) {
            Some(author) => state.may_moderate_user(group, me, author),
            None => state.may_moderate(group, me),
        })
    }
}

#[cfg(test)]
mod tests;
