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

/// A message that was put into its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Which conversation it is in.
    pub conversation: Conversation,
    /// Which message of the conversation it is.
    pub ordinal: u64,
    /// Whose SENT shows it, if anyone's.
    pub sender: Option<AccountId>,
    /// Whose INBOX or INBOXREALM shows it, if anyone's.
    pub recipient: Option<AccountId>,
    /// The number of the user of a plain peer for whom it waits here, if it does.
    pub waits: Option<u64>,
    /// The message.
    pub message: Arc<Message>,
}
