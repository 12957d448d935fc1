//! Which messages a request reads, and how far.

use crate::links::missing;
use crate::{AccountId, ForkId, GroupId, Messages, Outcome, PeerId};
use antar_types::Message;

/// The most messages one request returns, and how many it returns unasked.
pub const MAX_PAGE: usize = 1_000;

/// Bytes of messages past which a page goes no further: a history is built in memory, and who asked
/// for it may be slow to take it. It may be exceeded by what one batch added.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// A list of messages that grows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mailbox {
    /// What a user received from users of this realm.
    Private(AccountId),
    /// What was said in a group.
    Group(GroupId),
    /// What a user received from users of another realm.
    Realm(AccountId, PeerId),
    /// What a user sent to users of another realm.
    SentRealm(AccountId, PeerId),
    /// What was said in a group between this realm and another.
    GroupRealm(GroupId, PeerId),
    /// What waits here for a user of a realm on a plain link, who is known by a number.
    Plain(PeerId, u64),
}

/// Where a list of messages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A mailbox.
    Mailbox(Mailbox),
    /// The private messages a user sent.
    Sent(AccountId),
    /// What another realm is owed.
    Outbox(PeerId),
    /// The hashes of what another realm has sent.
    Hashes(ForkId),
}

/// A stretch of history (protocol section 4): `after` pages forward, anything else backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only messages later than this id.
    pub after: Option<u64>,
    /// Only messages earlier than this id.
    pub before: Option<u64>,
    /// How many at most, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, before: None, limit: MAX_PAGE }
    }
}

/// A read that the domain has authorised. The store serves it, off the domain's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What to read.
    pub source: Source,
    /// How much of it.
    pub page: Page,
    /// The realm it is about could not be asked whether there is more.
    pub stale: bool,
    /// Messages that a plain peer has listed just now: they come after those in the store.
    pub also: Vec<Message>,
    /// It has listed more than those, all of it older.
    pub cut: bool,
}

impl Read {
    /// A read of a mailbox of this realm.
    pub fn new(source: Source, page: Page) -> Self {
        Self { source, page, stale: false, also: Vec::new(), cut: false }
    }

    /// What comes of it, with what was found here and whether more is left.
    pub fn outcome(mut self, mut found: Vec<Message>, mut more: bool) -> Outcome {
        if let Source::Mailbox(Mailbox::GroupRealm(..)) = self.source {
            // Both sides have most of a group's conversation.
            found = missing(found, &self.also);
        }
        more |= self.cut;
        if !self.also.is_empty() {
            found.append(&mut self.also);
            let past = found.len().saturating_sub(self.page.limit);
            more |= past > 0;
            found.drain(..past);
        }
        Outcome::Messages(Messages { found, more, stale: self.stale })
    }
}
