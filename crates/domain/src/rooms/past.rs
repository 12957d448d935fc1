//! What was said in a group before a realm has members in it: the realm is told the newest of it.

use super::host::{RoomTold, with_message};
use crate::links::LONGEST_TEXT;
use crate::{Conversation, GroupId, Interrupt, Job, JobResult, Page, PeerId, RequestContext};
use antar_types::{Code, Message, RoomSays};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many messages a realm is told at most of what was said before its first member came, and is told where a group
/// says nothing else.
pub const PAST: u16 = 1_000;

/// How often the newest messages are asked for while others come in the meantime. Then none are told.
const TRIES: usize = 8;

/// How often a day a realm is told the past of one group: each is entries that are kept for as long as the log is.
const A_DAY: u8 = 5;

const DAY: u64 = 86_400_000;

/// How often realms were told the past of groups, today.
#[derive(Debug, Default)]
pub(crate) struct Pasts {
    day: u64,
    told: BTreeMap<(GroupId, PeerId), u8>,
}

impl Pasts {
    fn told(&self, uptime: u64, of: (GroupId, PeerId)) -> u8 {
        if self.day == uptime / DAY { self.told.get(&of).copied().unwrap_or(0) } else { 0 }
    }

    /// A realm is told the past of a group.
    pub fn tell(&mut self, uptime: u64, of: (GroupId, PeerId)) {
        if self.day != uptime / DAY {
            *self = Self { day: uptime / DAY, told: BTreeMap::new() };
        }
        let times = self.told.entry(of).or_default();
        *times = times.saturating_add(1);
    }
}

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
    /// What a realm is told that was said in a group before; nothing where it was told often lately.
    pub(super) fn past(
        &self,
        group: GroupId,
        peer: PeerId,
    ) -> Result<Vec<Arc<Message>>, Interrupt> {
        match self.state.pasts.told(self.readings.uptime, (group, peer)) >= A_DAY {
            true => Ok(Vec::new()),
            false => self.newest(group),
        }
    }

    /// The newest messages of a group as they are now, oldest first: none left out between them.
    fn newest(&self, group: GroupId) -> Result<Vec<Arc<Message>>, Interrupt> {
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
                let mut all: Vec<Arc<Message>> = kept.map(now).collect();
                // No link carries a longer text, and none is left out between others.
                let is_long = |message: &Arc<Message>| message.text.as_str().len() > LONGEST_TEXT;
                let longest = all.iter().rposition(is_long).map_or(0, |at| at + 1);
                Ok(all.split_off(longest))
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
