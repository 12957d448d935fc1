//! What was said in a group before a realm has members in it: the realm is told the newest of it.

use super::host::{RoomTold, with_message};
use crate::{Conversation, GroupId, Interrupt, Job, JobResult, Page, PeerId, RequestContext};
use antar_types::{Code, Message, RoomSays};
use std::sync::Arc;

/// How many messages a realm is told at most of what was said before its first member came, and is told where a group
/// says nothing else.
pub const PAST: u16 = 1_000;

/// How often the newest messages are asked for while others come in the meantime. Then none are told.
const TRIES: usize = 8;

/// Asks for the newest messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestQuery {
    /// The conversation.
    pub conversation: Conversation,
    /// Which was its last message then.
    pub(crate) tip: u64,
    /// How many at most.
    pub(crate) limit: usize,
    /// How many changes of messages there had been.
    pub(crate) seen: u64,
}

impl NewestQuery {
    /// Which of the conversation's messages that is.
    pub fn page(&self) -> Page {
        Page { after: None, before: None, limit: self.limit }
    }
}

impl RequestContext<'_> {
    /// The newest messages of a group as they are now, oldest first: none left out between them.
    pub(super) fn newest(&self, group: GroupId) -> Result<Vec<Arc<Message>>, Interrupt> {
        let conversation = Conversation::Group(group);
        let (conversations, rewrites) = (&self.state.durable.conversations, &self.state.rewrites);
        let (tip, floor) =
            (conversations.tip(conversation).id, conversations.floor(conversation).id);
        let past = self.state.durable.groups.get(&group).map_or(0, |known| known.record.past);
        let limit = usize::from(past);
        if tip <= floor || limit == 0 {
            return Ok(Vec::new());
        }
        let all = || {
            self.results.iter().filter_map(|result| match result {
                JobResult::Newest(asked, found) if asked.conversation == conversation => {
                    Some((asked, found))
                }
                _ => None,
            })
        };
        if self.results.contains(&JobResult::Unreadable) {
            return Err(Code::Unavailable.into());
        }
        // What has come or was changed since the store was asked must be known.
        let holds = |asked: &NewestQuery| {
            (asked.tip, asked.limit) == (tip, limit) && rewrites.has_all_since(asked.seen)
        };
        match all().find(|(asked, _)| holds(asked)) {
            Some((_, found)) => {
                let kept = found.iter().filter(|message| message.id > floor);
                let now = |message: &Message| match rewrites.latest(message.id) {
                    Some(placed) => placed.message.clone(),
                    None => Arc::new(message.clone()),
                };
                Ok(kept.map(now).collect())
            }
            None if all().count() >= TRIES => Ok(Vec::new()),
            None => {
                let seen = rewrites.seen();
                let query = NewestQuery { conversation, tip, limit, seen };
                Err(Interrupt::Job(Job::Newest(query)))
            }
        }
    }

    /// What a realm is told of a message that was there before.
    pub(super) fn told_of_past(&self, peer: PeerId, message: &Message) -> RoomTold {
        let author = self.state.durable.author(message);
        let (author, origin) = self.author_for(peer, author, message);
        let says = RoomSays::Message { id: message.id, author, origin };
        with_message(says, message, (peer, Some(self.message_time())))
    }
}
