//! Words about groups and what is said in them, which realms and clients share.

use crate::Time;

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

/// What can happen to a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Is in it from now on.
    Joined,
    /// Is not in it any more.
    Left,
    /// Was taken out of it.
    Kicked,
    /// May not join it any more; one who was in it was taken out.
    Banned,
}

impl Membership {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Joined, Self::Left, Self::Kicked, Self::Banned];

    /// The word shown under `change`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Kicked => "kicked",
            Self::Banned => "banned",
        }
    }

    /// The one that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// What can be done to a message after it was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewriting {
    /// It has another text.
    Edited,
    /// It has no text any more.
    Deleted,
    /// Somebody has reacted to it, or has taken that back.
    Reactions,
    /// The realm of its group, which was put back, does not have it any more.
    Lost,
}

impl Rewriting {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Edited, Self::Deleted, Self::Reactions, Self::Lost];

    /// The word shown under `change`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Reactions => "reactions",
            Self::Lost => "lost",
        }
    }

    /// The one that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}
