//! Messages that have certain words in them, in all that somebody may read.
//!
//! There is no index: what is deleted is gone, and a message costs no more to keep than it did. The store looks
//! through conversations from the newest message back, as far as one request may go.

mod words;

pub use words::{Matcher, SearchWords};

use crate::named_conversation::spelled;
use crate::{Conversation, CorrespondentId, PeerId, Source};
use antar_types::{Away, Message};

/// How much one request looks at, in bytes. What has to be found first counts as well: the beginning of a list
/// and a message that is pointed to as so many bytes each ([`SEEK`]).
pub const SEARCHED: usize = 32 << 20;

/// What finding a place on the disk counts as, in bytes: it takes about as long as looking through these.
pub const SEEK: usize = 16 << 10;

/// Conversations of a user with single others that are looked through one by one. Of more than that the lists
/// of what the user wrote and received are followed: those are few, however many conversations there are.
pub const MOST_APART: usize = 1_000;

/// Asks for the messages that have certain words in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Where they may be.
    pub lists: Vec<SearchedList>,
    /// The words.
    pub words: SearchWords,
    /// Who wrote them, where that is asked for.
    pub author: Option<Author>,
    /// How many at most, 1 to [`crate::MAX_PAGE`].
    pub limit: usize,
    /// How much is looked at, as [`SEARCHED`] is counted.
    pub most: usize,
}

/// A list that is looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchedList {
    /// The list: a conversation, or what somebody wrote or received.
    pub source: Source,
    /// Only what has a smaller id.
    pub before: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundMessages {
    /// The messages, newest first, each with its conversation.
    pub found: Vec<(Conversation, Message)>,
    /// There may be more, and all of them have a smaller id than this.
    pub before: Option<u64>,
    /// How much was looked at, as [`SEARCHED`] is counted.
    pub looked_at: usize,
}

/// Who wrote a message, by what messages tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// An account here.
    Here {
        /// Its name, in lower case.
        name: Box<str>,
        /// The account's number: what is older is by somebody who had the name before.
        account: u64,
        /// The number of the account that had the name next, if one did.
        heir: Option<u64>,
    },
    /// A user of a peer.
    There {
        /// The peer.
        peer: PeerId,
        /// The name, in lower case and as it can be asked for.
        name: Box<str>,
        /// Which user of that name, where that is told.
        id: Option<CorrespondentId>,
    },
}

impl Author {
    /// Whether it may have written a message of a conversation whose sender has this name. Most messages need
    /// not be read any further.
    pub fn may_be(&self, from: &str) -> bool {
        match self {
            Self::Here { name, .. } => from.eq_ignore_ascii_case(name),
            // The sender may go by what is no name.
            Self::There { .. } => true,
        }
    }

    /// Whether it wrote a message of a conversation.
    pub fn wrote(&self, conversation: Conversation, message: &Message) -> bool {
        let from_there = !matches!(message.realm, None | Some(Away::To(_)));
        match self {
            _ if message.notice.is_some() => false,
            Self::Here { name, account, heir } => {
                let lasted = message.id > *account && heir.is_none_or(|heir| message.id < heir);
                !from_there && lasted && *message.from.folded() == **name
            }
            Self::There { peer, name, id } => {
                let is_it = id.is_none_or(|id| match conversation {
                    Conversation::Peer(_, _, other) => other == id,
                    // Of a group's messages nobody knows which of several of one name wrote them.
                    _ => false,
                });
                let sender = || spelled(&message.sender().to_ascii_lowercase());
                from_there && is_it && conversation.peer() == Some(*peer) && sender() == **name
            }
        }
    }
}
