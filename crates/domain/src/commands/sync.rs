//! What is new for a user, in all conversations.

use crate::{
    AccountId, Answer, Bug, ChangeList, ChangesQuery, Conversation, Feed, FoundChange,
    FoundChanges, Interrupt, Job, JobResult, MAX_PAGE, Mailbox, Outcome, PeerId, Reader,
    RequestContext, Source, Told,
};
use antar_types::{Code, Message, SyncCursor};

/// Asks for what is new since the caller was told everything, or for where now is.
#[derive(Clone, Copy, Debug)]
pub struct Sync {
    /// Since when; none asks for where now is. None within where it is no cursor.
    pub after: Option<Option<SyncCursor>>,
    /// How many changes at most, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for Sync {
    fn default() -> Self {
        Self { after: None, limit: MAX_PAGE }
    }
}

impl Sync {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let Some(after) = self.after else {
            return Ok(Outcome::InStep(cx.now_in_step()).into());
        };
        let after = cx.cursor_of(me, after)?;
        let (found, cursor) = cx.look_up_news(me, after, self.limit)?;
        let all = found.into_iter().map(|(_, told)| told).collect();
        // Past now there is nothing.
        let more = cursor != cx.now_in_step() && !cx.news(me, cursor.id).is_empty();
        Ok(Outcome::Changes { all, cursor, more }.into())
    }
}

impl RequestContext<'_> {
    /// The cursor of whoever knows everything that there is.
    pub(crate) fn now_in_step(&self) -> SyncCursor {
        let durable = &self.state.durable;
        SyncCursor { epoch: durable.sync_epoch, id: durable.last_id() }
    }

    /// A cursor that an account may go on from.
    ///
    /// # Errors
    /// [`Code::Resync`] where it is of another realm or of another past, or changes since are gone.
    pub(crate) fn cursor_of(
        &self,
        account: AccountId,
        cursor: Option<SyncCursor>,
    ) -> Result<SyncCursor, Code> {
        let (now, durable) = (self.now_in_step(), &self.state.durable);
        let cursor = cursor.filter(|cursor| cursor.epoch == now.epoch && cursor.id <= now.id);
        let cursor = cursor.ok_or(Code::Resync)?;
        // Nothing at all has happened since.
        if cursor.id == now.id {
            return Ok(cursor);
        }
        let trimmed = |list, after: u64| durable.changes.of(list).floor > after;
        let mut groups = self.groups_since(account);
        let is_trimmed = trimmed(ChangeList::Account(account), cursor.id)
            || groups.any(|(group, since)| trimmed(ChangeList::Group(group), cursor.id.max(since)));
        if is_trimmed { Err(Code::Resync) } else { Ok(cursor) }
    }

    /// The lists in which something is new for an account after an id: what is looked at here is in memory.
    pub(crate) fn news(&self, account: AccountId, after: u64) -> Vec<Feed> {
        let durable = &self.state.durable;
        let mut feeds = Vec::new();
        if after >= durable.last_id() {
            return feeds;
        }
        let mut add = |source, tip: u64, after: u64| {
            feeds.extend((tip > after).then_some(Feed { source, after }));
        };
        for (peer, latest) in durable.conversations.latest(account) {
            let all = if self.state.is_planted(Bug::OmitsOwn) { 1 } else { 2 };
            for source in private(account, peer).into_iter().take(all) {
                add(source, latest, after);
            }
        }
        let own = ChangeList::Account(account);
        add(Source::Changes(own), durable.changes.of(own).id, after);
        for (group, since) in self.groups_since(account) {
            // Who joins is not told what was before.
            let after = after.max(since);
            for conversation in durable.conversations.of_group(group) {
                let tip = durable.conversations.tip(conversation);
                add(Source::Conversation(conversation), tip.id, after);
            }
            let list = ChangeList::Group(group);
            add(Source::Changes(list), durable.changes.of(list).id, after);
        }
        feeds
    }

    /// The groups that an account is in, each with the id at which it joined.
    fn groups_since(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (crate::GroupId, u64)> + use<'_> {
        let durable = &self.state.durable;
        let groups = durable.accounts.get(&account).into_iter().flat_map(|known| &known.groups);
        groups
            .filter_map(move |id| Some((*id, durable.groups.get(id)?.members.get(&account)?.since)))
    }

    /// Has what is new for an account looked up, and returns it with how far that goes.
    pub(crate) fn look_up_news(
        &self,
        account: AccountId,
        after: SyncCursor,
        limit: usize,
    ) -> Result<(Vec<(u64, Told)>, SyncCursor), Interrupt> {
        let now = self.now_in_step();
        let found = self.results.iter().rev().find_map(|result| match result {
            JobResult::Changes(upto, found) => Some(Ok((*upto, found))),
            JobResult::Unreadable => Some(Err(Code::Unavailable)),
            _ => None,
        });
        let Some(found) = found else {
            let feeds = self.news(account, after.id);
            if feeds.is_empty() {
                return Ok((Vec::new(), now));
            }
            let query = ChangesQuery { feeds, upto: now.id, limit };
            return Err(Interrupt::Job(Job::Changes(query)));
        };
        let (upto, FoundChanges { found, more }) = found?;
        let last = found.last().filter(|_| *more).map_or(upto, |(id, _)| *id);
        let reader = self.state.reader(account).ok_or(Code::NoSession)?;
        let told = |(id, found): &(u64, FoundChange)| Some((*id, self.told_found(&reader, found)?));
        let told = found.iter().filter_map(told).collect();
        Ok((told, SyncCursor { id: last, ..now }))
    }

    /// What was found, as an account is told it; none of what it may not see any more.
    fn told_found(&self, reader: &Reader, found: &FoundChange) -> Option<Told> {
        match found {
            FoundChange::Message(conversation, message) => {
                self.may_read(reader.account, *conversation).then_some(())?;
                let message = Message::clone(message);
                self.state.told_message(reader, *conversation, message)
            }
            FoundChange::Rewritten(what, conversation, message) => {
                self.may_read(reader.account, *conversation).then_some(())?;
                let message = Message::clone(message);
                self.state.told_rewritten(reader, *what, *conversation, message)
            }
            FoundChange::Change(change) => self.state.told(reader.account, (**change).clone()),
        }
    }

    pub(crate) fn may_read(&self, account: AccountId, conversation: Conversation) -> bool {
        match conversation {
            Conversation::Private(..) | Conversation::Peer(..) => {
                conversation.side(account).is_some()
            }
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                let group = self.state.durable.groups.get(&group);
                group.is_some_and(|group| group.members.contains_key(&account))
            }
        }
    }
}

/// The lists of an account's private messages: with others here, or with users of a peer.
pub(crate) fn private(account: AccountId, peer: Option<PeerId>) -> [Source; 2] {
    match peer {
        None => [Source::Mailbox(Mailbox::Private(account)), Source::Sent(account)],
        Some(peer) => {
            [Mailbox::Realm(account, peer), Mailbox::SentRealm(account, peer)].map(Source::Mailbox)
        }
    }
}

#[cfg(test)]
mod tests;
