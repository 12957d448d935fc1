//! Who talks with whom, and what is said.
//!
//! Each message is in one conversation, where it has an ordinal: 1, 2, 3 and so on, without a gap. The
//! mailboxes that requests read ([`crate::Mailbox`]) are views of it.

use crate::{AccountId, CorrespondentId, GroupId, PeerId};
use antar_types::Message;
use std::sync::Arc;

/// A conversation, by what never changes about it. Names pass on to others; these numbers do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// Two accounts here, the lower number first; twice the same where somebody writes to himself.
    Private(AccountId, AccountId),
    /// A group here.
    Group(GroupId),
    /// An account here and a user of a peer.
    Peer(AccountId, PeerId, CorrespondentId),
    /// A group here together with the group of that name at a peer.
    GroupPeer(GroupId, PeerId),
}

impl Conversation {
    /// The conversation of two accounts, in either order.
    pub fn private(one: AccountId, other: AccountId) -> Self {
        Self::Private(one.min(other), one.max(other))
    }

    /// Which of the two sides of a conversation an account is on; none of a group's.
    pub(crate) fn side(self, account: AccountId) -> Option<usize> {
        match self {
            Self::Private(one, _) | Self::Peer(one, ..) if one == account => Some(0),
            Self::Private(_, other) if other == account => Some(1),
            _ => None,
        }
    }

    /// The peer that takes part, if one does.
    pub fn peer(self) -> Option<PeerId> {
        match self {
            Self::Peer(_, peer, _) | Self::GroupPeer(_, peer) => Some(peer),
            Self::Private(..) | Self::Group(_) => None,
        }
    }
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationTip {
    /// The ordinal of the last message.
    pub ordinal: u64,
    /// Its id.
    pub id: u64,
}

/// Up to where a user has read a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marker {
    /// The id of the last message that was read, 0 where none was.
    pub id: u64,
    /// Its ordinal.
    pub ordinal: u64,
    /// How many of the messages after it do not count as unread: the user's own, and those of whom the user had
    /// blocked.
    pub own_after: u64,
}

impl Marker {
    /// The marker of a user who has read all of a conversation.
    pub fn at(tip: ConversationTip) -> Self {
        Self { id: tip.id, ordinal: tip.ordinal, own_after: 0 }
    }

    /// How many messages after it others wrote, of a conversation that has come so far.
    pub fn unread(self, tip: ConversationTip) -> u64 {
        tip.ordinal.saturating_sub(self.ordinal).saturating_sub(self.own_after)
    }
}

/// A message that was put into its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Which conversation it is in.
    pub conversation: Conversation,
    /// Which message of the conversation it is.
    pub ordinal: u64,
    /// The account here that wrote it, if one did: SENT shows it of all but groups.
    pub sender: Option<AccountId>,
    /// Whose INBOX or INBOXREALM shows it, if anyone's.
    pub recipient: Option<AccountId>,
    /// The number of the user of a plain peer for whom it waits here, if it does.
    pub waits: Option<u64>,
    /// The message.
    pub message: Arc<Message>,
}
