//! What a group is like, and what a user is in one.

use crate::{AccountId, PasswordHash};
use antar_types::{Name, Text, Time};

/// A group as stored; its members are stored one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// As first written.
    pub name: Name,
    /// Of the password that lets one join; [`PasswordHash::NONE`] where there never was one.
    pub password: PasswordHash,
    /// Who made it; counts against that user's limit.
    pub creator: AccountId,
    /// Who owns it; nobody once the last member has left, until somebody joins.
    pub owner: Option<AccountId>,
    /// When it was made.
    pub created: Time,
    /// What it is about, where somebody has said so: at most [`TOPIC_BYTES`].
    pub topic: Option<Text>,
    /// Who may join.
    pub entry: GroupEntry,
    /// It is in the list of groups, and known to those outside.
    pub listed: bool,
    /// Only its owner and moderators write.
    pub announce: bool,
    /// For how many days its messages are kept, 0 for ever; none where the realm says that.
    pub retention: Option<u16>,
}

/// The most days for which messages may be kept that are not kept for ever: a hundred years.
pub const RETENTION_DAYS: u16 = 36_500;

/// The most bytes of a topic.
pub const TOPIC_BYTES: usize = 1_000;

/// How many runs of messages of a group that is gone are let go of in one step; a run has 1 to 64 of them.
pub const SWEPT: usize = 1_000;

impl GroupRecord {
    /// A new group, which its creator owns: open where there is no password.
    pub fn new(name: Name, password: PasswordHash, creator: AccountId, created: Time) -> Self {
        let entry = GroupEntry::with(&password);
        let (owner, topic, listed, announce) = (Some(creator), None, true, false);
        let retention = None;
        Self { name, password, creator, owner, created, topic, entry, listed, announce, retention }
    }
}

/// Who may join a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupEntry {
    /// Anybody.
    Open,
    /// Who knows the password.
    Password,
    /// Who is put into it by the owner or a moderator.
    Invite,
}

impl GroupEntry {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Password, Self::Invite];

    /// What it was before it could be chosen: open where there is no password.
    pub fn with(password: &PasswordHash) -> Self {
        if password.is_none() { Self::Open } else { Self::Password }
    }

    /// The word shown under `entry`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Password => "password",
            Self::Invite => "invite",
        }
    }

    /// The one that a word names, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entry| word.eq_ignore_ascii_case(entry.as_str()))
    }
}

/// A user's membership of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Tells how long it has lasted: the smaller, the longer.
    pub since: u64,
    /// May do what moderators may.
    pub moderator: bool,
}

/// What a member may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupRole {
    /// Everything.
    Owner,
    /// Keeps order among members.
    Moderator,
    /// Reads and writes.
    Member,
}

impl GroupRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Moderator, Self::Member];

    /// The word shown under `role`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Moderator => "moderator",
            Self::Member => "member",
        }
    }

    /// The one that a word names, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| word.eq_ignore_ascii_case(role.as_str()))
    }
}

/// Whether a user may write into a group, where somebody has decided on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The user may write again.
    Ended,
    /// Not before then.
    Until(Time),
    /// Not until somebody ends it.
    Lasting,
}

impl Silence {
    /// Whether it holds at a time.
    pub fn holds(self, now: Time) -> bool {
        match self {
            Self::Ended => false,
            Self::Until(end) => now < end,
            Self::Lasting => true,
        }
    }
}
