//! Conversations have no gap and end where they should, and what leads to them leads to a message.

use super::Found;
use super::pairs::Check;
use crate::history;
use crate::layout::{List, Timeline};
use crate::records::alike::Alike;
use crate::records::codec::decode_run;
use crate::records::{Message, Pointer};
use crate::references::{self, Stored};
use antar_domain::{Conversation, ConversationTip, GroupId, Page, PeerId, Source};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Check<'_> {
    /// The ordinals of a conversation have no gap.
    pub(super) fn counts(
        &mut self,
        conversation: Conversation,
        run: &[Message],
        first: bool,
        found: &mut Found<'_>,
    ) {
        let mut tip = match self.come_to.take() {
            Some((of, tip)) if of == conversation && !first => tip,
            before => {
                self.ends(before, found);
                self.known.floors.get(&conversation).copied().unwrap_or_default()
            }
        };
        if self.is_closed(conversation) {
            // Some of its messages are gone, and nobody reads the others.
            return;
        }
        for message in run {
            // A notice has the ordinal of the message before it; an older version gave each its own.
            let shares = message.notice.is_some() && message.ordinal == tip.ordinal;
            let is_gone = message.id <= tip.id;
            if is_gone || message.ordinal != tip.ordinal + 1 && !shares {
                let what = format!(
                    "message {} is number {}, after number {}",
                    message.id, message.ordinal, tip.ordinal
                );
                found.damage(format!("conversation {conversation:?}"), what);
            }
            tip = ConversationTip { ordinal: message.ordinal, id: message.id };
        }
        self.come_to = Some((conversation, tip));
    }

    /// A conversation that was read ends where it should.
    pub(super) fn ends(
        &mut self,
        read: Option<(Conversation, ConversationTip)>,
        found: &mut Found<'_>,
    ) {
        let Some((conversation, tip)) = read else { return };
        let noted = self.known.conversations.remove(&conversation);
        if self.records_whole && noted != Some(tip) {
            let noted = noted.unwrap_or_default();
            let what = format!(
                "the last message is number {} with id {}, and should be number {} with id {}",
                tip.ordinal, tip.id, noted.ordinal, noted.id
            );
            found.damage(format!("conversation {conversation:?}"), what);
        }
    }

    /// Conversations of which nothing was found.
    pub(super) fn finish_conversations(&mut self, found: &mut Found<'_>) {
        for (conversation, tip) in &self.known.conversations {
            // All of them may have been let go of.
            if self.known.floors.get(conversation) == Some(tip) {
                continue;
            }
            found.damage(format!("conversation {conversation:?}"), "all messages are missing");
        }
    }

    /// Whether it is of a group that is gone.
    fn is_closed(&self, conversation: Conversation) -> bool {
        group_of(conversation).is_some_and(|group| self.known.closed.contains(&group.0))
    }

    /// The messages of a group go a while after it; users may be removed, and realms may be forgotten, and their
    /// messages stay.
    pub(super) fn conversation(&self, conversation: Conversation, found: &mut Found<'_>) {
        let (group, realm) = (group_of(conversation), conversation.peer());
        let known = &self.known;
        if self.is_closed(conversation) {
            return;
        }
        if realm.is_some_and(|realm| known.forgotten.contains(&realm.0)) {
            return;
        }
        let is_named = |realm: PeerId| known.realms.get(&realm.0).is_some_and(|realm| realm.named);
        let what = if group.is_some_and(|group| !known.groups.contains_key(&group.0)) {
            "there is no such group"
        } else if realm.is_some_and(|realm| !is_named(realm)) {
            "there is no such realm"
        } else {
            return;
        };
        found.damage(format!("conversation {conversation:?}"), what);
    }

    /// What a message is called leads to it, and it is called so.
    pub(super) fn refers(
        &mut self,
        named: &references::Place,
        stored: &Stored,
        place: impl Fn() -> String,
        found: &mut Found<'_>,
    ) {
        let page =
            Page { after: stored.id.checked_sub(1), before: stored.id.checked_add(1), limit: 1 };
        let conversation: Conversation = stored.conversation.alike();
        if self.records_whole
            && group_of(conversation).is_some_and(|id| !self.known.groups.contains_key(&id.0))
        {
            // The group is gone, and its messages are or will be.
            return;
        }
        if self.known.floors.get(&conversation).is_some_and(|floor| stored.id <= floor.id) {
            return;
        }
        let source = Source::Conversation(conversation);
        let Ok((messages, _)) = history::read(self.engine, source, page) else {
            self.not_followed += 1;
            return;
        };
        let is_called = |message: &antar_types::Message| {
            // One that was erased says nothing any more.
            let is_called = message.reference() == Some(&named.reference);
            message.id == stored.id && (is_called || message.is_deleted())
        };
        if !messages.iter().any(is_called) {
            let what = format!("no message {} is called {}", stored.id, named.reference.as_str());
            found.damage(place(), what);
        }
    }

    /// Every entry of a timeline leads to a message.
    pub(super) fn lead(&mut self, timeline: Timeline, run: &[Pointer], found: &mut Found<'_>) {
        if let Timeline::Waiting(peer, number) = timeline
            && self.records_whole
            && !self.known.forgotten.contains(&peer.0)
            && self.known.realms.get(&peer.0).is_none_or(|r| !r.plain_mailboxes.contains(&number))
        {
            found.damage(format!("{timeline:?}"), "there is no such user of that realm");
        }
        let mut runs: BTreeMap<(Conversation, u64), Vec<u64>> = BTreeMap::new();
        for Pointer { id, conversation, run } in run {
            let conversation: Conversation = conversation.alike();
            let ids = match runs.entry((conversation, *run)) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(vacant) => {
                    let key = List::Messages(conversation).key(*run);
                    let Ok(value) = self.engine.read(&key) else {
                        self.not_followed += 1;
                        continue;
                    };
                    // One that is unreadable has been told of where it is.
                    let run = value.and_then(|value| decode_run::<Message>(&key, &value).ok());
                    vacant.insert(run.iter().flatten().map(|message| message.id).collect())
                }
            };
            if ids.binary_search(id).is_err() {
                let what = format!("message {id} is gone from conversation {conversation:?}");
                found.damage(format!("{timeline:?}"), what);
            }
        }
    }
}

/// The group of this realm that it is of.
fn group_of(conversation: Conversation) -> Option<GroupId> {
    match conversation {
        Conversation::Group(group) | Conversation::GroupPeer(group, _) => Some(group),
        Conversation::Private(..) | Conversation::Peer(..) => None,
    }
}
