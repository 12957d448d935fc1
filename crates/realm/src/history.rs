//! Which messages a request reads, and how far.

use crate::{AccountId, GroupId};
use antar_wire::Listing;

/// The most messages one request returns, and how many it returns unasked.
pub const MAX_PAGE: usize = 1_000;

/// A list of messages that grows at its end.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Mailbox {
    /// What a user received from users of this realm.
    Private(AccountId),
    /// What was said in a group.
    Group(GroupId),
}

/// Where a list of messages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A mailbox.
    Mailbox(Mailbox),
    /// The private messages a user sent.
    Sent(AccountId),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// What to read.
    pub source: Source,
    /// How much of it.
    pub page: Page,
    /// How a lower reply lists it.
    pub listing: Listing,
}
