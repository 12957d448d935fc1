//! What changes for users beside messages, in the order in which it happened.
//!
//! Each account and each group has a list of changes. A client that asks what is new is told those of its
//! user's lists together with the messages of that user's conversations, by id: see
//! [`crate::commands::Sync`].

use crate::{
    AccountId, Conversation, GroupEntry, GroupId, GroupRole, Membership, Rewriting, SessionId,
    ShownProfile, Silence,
};
use antar_types::{Message, SyncCursor, Text, Time};
use std::collections::BTreeMap;

/// Whose changes a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeList {
    /// What concerns one account only.
    Account(AccountId),
    /// What concerns all members of a group.
    Group(GroupId),
}

/// A change, as it is kept. Messages are none: they are in their conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The account has read a conversation up to the message of this id.
    Read(Conversation, u64),
    /// Something happened to a member of a group, or to one who was.
    Member(MemberChange),
    /// A group is another in some respect.
    Group(GroupChange),
    /// The account has muted a conversation, until some time or without an end; none where it is not muted any
    /// more.
    Muted(Conversation, Option<Option<Time>>),
    /// The account tells something else of herself.
    Profile,
    /// One of the account's sessions was opened, is called something else, or has ended.
    Session(SessionId, SessionChange),
    /// The account has blocked a user, who is addressed so, or has not any more.
    Blocked(Box<str>, bool),
    /// The message of this id in a conversation is another than it was: it is shown as it is now.
    Rewritten(Conversation, u64, Rewriting),
    /// What the account has written in a conversation with a peer, up to the message of this id, is on disk there.
    Delivered(Conversation, u64),
    /// A message waits under this number for its place in a group of another realm.
    Pending(GroupId, u64),
    /// The message that waited there under the first number has its place as the message of the second id; 0 where it is
    /// refused.
    Placed(GroupId, u64, u64),
}

/// What can happen to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// It was opened.
    Opened,
    /// Its client is called something else.
    Named,
    /// It is over.
    Ended,
}

impl SessionChange {
    /// The word shown under `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Named => "named",
            Self::Ended => "ended",
        }
    }
}

/// What happened to a member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// The group, `staff` or `staff@beta`: who is not in it any more is told, too.
    pub group: Box<str>,
    /// What happened.
    pub what: Membership,
    /// The member.
    pub user: Box<str>,
    /// Who did it.
    pub by: Box<str>,
}

/// In what respect a group is another, or what a user may do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group, `staff` or `staff@beta`: it may be gone.
    pub group: Box<str>,
    /// Who did it.
    pub by: Box<str>,
    /// What is different.
    pub what: GroupNews,
}

/// What can change of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupNews {
    /// A member has this role from now on.
    Role(Box<str>, GroupRole),
    /// A user may not write there, or may again.
    Silenced(Box<str>, Silence),
    /// What it is about; nothing where that is not said any more.
    Topic(Text),
    /// Who may join it, whether it is listed, and whether only its owner and moderators write.
    Settings(GroupEntry, bool, bool),
    /// It is gone.
    Closed,
    /// For how many days its messages are kept, 0 for ever; none where the realm says that.
    Retention(Option<u16>),
}

impl GroupNews {
    /// The word shown under `change`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Role(..) => "role",
            Self::Silenced(..) => "silenced",
            Self::Topic(_) => "topic",
            Self::Settings(..) | Self::Retention(_) => "group",
            Self::Closed => "closed",
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Role(user, _) | Self::Silenced(user, _) => user.len(),
            Self::Topic(topic) => topic.as_str().len(),
            Self::Settings(..) | Self::Closed | Self::Retention(_) => 0,
        }
    }
}

/// How many changes of a list are kept at least. There are never twice as many.
pub const CHANGES_KEPT: u64 = 10_000;

/// How far a list of changes has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangesTip {
    /// The id of the last change.
    pub id: u64,
    /// Those up to this id are gone.
    pub floor: u64,
    /// The next floor.
    pub half: u64,
    /// How many there are after it.
    pub count: u64,
}

impl ChangesTip {
    /// The tip after one more change. Once there are [`CHANGES_KEPT`] after [`ChangesTip::half`], those before it are let
    /// go of.
    #[must_use]
    pub fn after(self, id: u64) -> Self {
        match self.count + 1 {
            CHANGES_KEPT => Self { id, floor: self.half, half: id, count: 0 },
            count => Self { id, count, ..self },
        }
    }
}

/// How far each list of changes has come, in memory. The changes are in the store only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeTips(BTreeMap<ChangeList, ChangesTip>);

impl ChangeTips {
    pub fn of(&self, list: ChangeList) -> ChangesTip {
        self.0.get(&list).copied().unwrap_or_default()
    }

    pub fn set(&mut self, list: ChangeList, tip: ChangesTip) {
        self.0.insert(list, tip);
    }

    pub fn end(&mut self, list: ChangeList) {
        self.0.remove(&list);
    }
}

/// A change as a client is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message was put into a conversation.
    Message {
        /// How its reader addresses the conversation.
        conversation: Box<str>,
        /// The message, as its reader is shown it.
        message: Message,
    },
    /// A message is another than it was.
    Rewritten {
        /// What was done to it.
        what: Rewriting,
        /// How its reader addresses the conversation.
        conversation: Box<str>,
        /// The message as it is now, as its reader is shown it.
        message: Message,
    },
    /// The user has read a conversation.
    Read {
        /// How the user addresses it.
        conversation: Box<str>,
        /// The id of the last message that was read.
        read: u64,
    },
    /// What the user has written in a conversation is on disk at the peer.
    Delivered {
        /// How the user addresses it.
        conversation: Box<str>,
        /// The id of the last message of the user's that is.
        id: u64,
    },
    /// A message that waited for its place in a group of another realm has it, or is refused.
    Placed {
        /// How the user addresses the group.
        conversation: Box<str>,
        /// Under which number it waited.
        was: u64,
        /// The message's id now; none where it is refused.
        id: Option<u64>,
    },
    /// Something happened to a member of a group.
    Member(MemberChange),
    /// A group is another in some respect.
    Group(GroupChange),
    /// The user has muted a conversation, or has not any more.
    Muted {
        /// How the user addresses it.
        conversation: Box<str>,
        /// Until when, if there is an end; none where it is not muted any more.
        muted: Option<Option<Time>>,
    },
    /// What the user tells, as it is now.
    Profile(Box<ShownProfile>),
    /// Something happened to one of the user's sessions.
    Session {
        /// The session.
        id: SessionId,
        /// What happened.
        what: SessionChange,
    },
    /// The user has blocked another, or has not any more.
    Blocked {
        /// How that one is addressed.
        conversation: Box<str>,
        /// Whether that one is blocked now.
        blocked: bool,
    },
}

impl Told {
    /// About how many bytes of memory it takes, past its own size.
    pub fn memory(&self) -> usize {
        match self {
            Self::Message { conversation, message }
            | Self::Rewritten { conversation, message, .. } => {
                conversation.len() + message.memory() - size_of::<Message>()
            }
            Self::Read { conversation, .. }
            | Self::Delivered { conversation, .. }
            | Self::Placed { conversation, .. }
            | Self::Muted { conversation, .. }
            | Self::Blocked { conversation, .. } => conversation.len(),
            Self::Profile(shown) => shown.memory(),
            Self::Session { .. } => 0,
            Self::Member(change) => change.group.len() + change.user.len() + change.by.len(),
            Self::Group(change) => change.group.len() + change.by.len() + change.what.memory(),
        }
    }
}

/// A change, and how far whoever is told it has come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldAt {
    /// The change.
    pub told: Told,
    /// Up to and with it.
    pub cursor: SyncCursor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_latest_changes_and_never_twice_as_many() {
        let mut tip = ChangesTip::default();
        for id in 1..=5 * CHANGES_KEPT {
            tip = tip.after(id);
            let kept = tip.id - tip.floor;
            assert!(kept < 2 * CHANGES_KEPT && (kept >= CHANGES_KEPT || tip.floor == 0), "{tip:?}");
        }
        assert_eq!(tip.floor, 4 * CHANGES_KEPT);
    }
}
