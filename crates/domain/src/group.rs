//! What a group is like, and what a user is in one.

use crate::{AccountId, PasswordHash, PeerId};
use antar_types::{GroupEntry, Name, Text, Time};
use std::fmt;
use std::sync::Arc;

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
    /// Users of which other realms may be in it.
    pub realms: RoomRealms,
    /// How many of the newest messages a realm is told whose first member comes: up to [`crate::PAST`].
    pub past: u16,
    /// Where it was made, where that is another realm: then this is a copy of it for the users here who are in it.
    pub home: Option<Home>,
}

/// Users of which other realms may be in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RoomRealms {
    /// Of none.
    #[default]
    None,
    /// Of all that are linked.
    Linked,
    /// Of these.
    Listed(Arc<[Name]>),
}

/// The most realms that a group lists.
pub const LISTED_REALMS: usize = 50;

impl RoomRealms {
    /// Whether users of a realm may be in it that has this name.
    pub fn admits(&self, realm: &Name) -> bool {
        match self {
            Self::None => false,
            Self::Linked => true,
            Self::Listed(all) => all.iter().any(|one| *one.folded() == *realm.folded()),
        }
    }

    /// Reads `none`, `linked`, or names with commas between them: [`LISTED_REALMS`] at most.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "linked" => Some(Self::Linked),
            names => {
                let names: Option<Arc<[Name]>> = names.split(',').map(Name::parse).collect();
                names.filter(|all| all.len() <= LISTED_REALMS).map(Self::Listed)
            }
        }
    }
}

impl fmt::Display for RoomRealms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Linked => f.write_str("linked"),
            Self::Listed(all) => {
                let names: Vec<&str> = all.iter().map(Name::as_str).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// Where a group was made of which there is a copy here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The realm: the group's host.
    pub peer: PeerId,
    /// The group, as the host numbers it.
    pub room: u64,
    /// The id from which on its members are those that the host has told of since the copy last began.
    pub began: u64,
    /// How many messages more the copy has had than the host, which was put back, and how many less, which were let go of
    /// there before they could come.
    pub ahead: u64,
    /// See `ahead`: one of them is 0.
    pub behind: u64,
    /// How many messages the copy had had when the host's log last took another course; 0 where it never did.
    pub parted: u64,
    /// The last of them, until the host has said how many it has; else 0.
    pub upto: u64,
    /// Messages that are lost and do not say so yet.
    pub lost: LostMessages,
    /// The same of a later time, for which those have to be found first.
    pub later: LostMessages,
}

/// Some of the messages of a copy, up to one of them, which its host does not have any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostMessages {
    /// They are not later than this one.
    pub upto: u64,
    /// How many they are.
    pub count: u64,
}

impl Home {
    /// Of a copy that begins.
    pub fn new(peer: PeerId, room: u64, began: u64) -> Self {
        let (lost, later) = Default::default();
        Self { peer, room, began, ahead: 0, behind: 0, parted: 0, upto: 0, lost, later }
    }
}

/// A user of another realm who is in a group here, or in one of which there is a copy here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The realm that has told of the user: the user's own, or the host of a group.
    pub peer: PeerId,
    /// The user's realm, where that is another one: as the host calls it.
    pub realm: Option<Name>,
    /// The number of the account there, which no other account ever has.
    pub account: u64,
    /// The user's name.
    pub name: Name,
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
        let entry = password.entry();
        let (owner, topic, listed, announce) = (Some(creator), None, true, false);
        let (retention, realms, past, home) = (None, RoomRealms::None, crate::PAST, None);
        Self {
            name,
            password,
            creator,
            owner,
            created,
            topic,
            entry,
            listed,
            announce,
            retention,
            realms,
            past,
            home,
        }
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
