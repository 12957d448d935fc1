//! What records are made of, where it is more than one value. A variant may be added at the end only:
//! its place is its stored form.

use super::alike::{Alike, alike};
use super::extras::{File, MessageKind};
use super::sample::{Sample, sampled};
use antar_domain::links;
use antar_domain::{AccountId, CorrespondentId, GroupId, PeerId, SessionId};
use antar_types::{Chain, DisplayName, Emoji, Fingerprint, Name, RoomEntry, Text, Time};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How a link is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    Native(Fingerprint),
    Plain,
}

/// How it stands with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkStatus {
    Linked,
    Asking,
    Asked,
    RemovedThere,
    Removed,
    Former,
}

/// Where a peer can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub host: Box<str>,
    pub port: u16,
    pub told_by: Option<IpAddr>,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub seq: u64,
    pub chain: Chain,
}

/// Which way a message crosses between this realm and a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Away {
    From(Name),
    To(Name),
    FromShown(Name, DisplayName),
    FromAccount(Name, Identity),
}

/// A message and its sender, as the peer numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub epoch: u64,
    pub id: u64,
    pub account: u64,
}

/// How much of what a peer has sent was set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    pub kept: u64,
    pub bytes: u64,
    pub dropped: u64,
}

/// Why a message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    UserNotFound,
    GroupNotFound,
    Refused,
    RealmRemoved,
}

/// What an entry of an outbox is, and what only some have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    Private,
    Group,
    Notice(Notice),
    PrivateWith(EntryMore),
    GroupWith(EntryMore),
    PrivateFile(EntryMore, Box<File>),
    GroupFile(EntryMore, Box<File>),
    Room(Box<RoomEntry>, Option<EntryMore>, Option<Box<File>>),
}

/// What only some entries of an outbox have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryMore {
    pub kind: Option<MessageKind>,
    pub reply: Option<MessageRef>,
    pub change: Option<EntryChange>,
    pub hash: Option<Chain>,
}

/// A message, as the realm numbers it where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    pub theirs: bool,
    pub id: u64,
    pub time: Time,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryChange {
    Edit(MessageRef),
    Delete(MessageRef),
    React(MessageRef, Emoji),
    Unreact(MessageRef, Emoji),
    Gone,
}

/// What two realms understand on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    pub kinds: bool,
    pub origins: bool,
    pub replies: bool,
    pub changes: bool,
    pub rooms: bool,
}

/// Users of which other realms may be in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomRealms {
    None,
    Linked,
    Listed(Vec<Name>),
}

/// Where a group was made of which there is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    pub peer: PeerId,
    pub room: u64,
    pub began: u64,
    pub ahead: u64,
    pub behind: u64,
    pub parted: u64,
    pub upto: u64,
    pub lost: LostMessages,
    pub later: LostMessages,
}

/// Messages of a copy that its host does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostMessages {
    pub upto: u64,
    pub count: u64,
}

impl RoomRealms {
    pub fn of(realms: &antar_domain::RoomRealms) -> Self {
        match realms {
            antar_domain::RoomRealms::None => Self::None,
            antar_domain::RoomRealms::Linked => Self::Linked,
            antar_domain::RoomRealms::Listed(all) => Self::Listed(all.to_vec()),
        }
    }

    pub fn read(self) -> antar_domain::RoomRealms {
        match self {
            Self::None => antar_domain::RoomRealms::None,
            Self::Linked => antar_domain::RoomRealms::Linked,
            Self::Listed(all) => antar_domain::RoomRealms::Listed(all.into()),
        }
    }
}

/// One that is short: most of what is said of rooms is made of names and numbers.
impl Sample for RoomEntry {
    fn sample(draw: &mut super::sample::Draw<'_>) -> Self {
        use antar_types::RoomSays::{Answer, Ask, Begun, Ended, Post};
        let says = match u64::sample(draw) % 5 {
            0 => Begun,
            1 => Ended,
            2 => Post,
            3 => Answer(u64::sample(draw), None),
            _ => Ask(antar_types::RoomAsk::Delete(u64::sample(draw))),
        };
        Self { room: u64::sample(draw), says }
    }
}

impl EntryKind {
    pub fn of(kind: antar_types::EntryKind, more: Option<antar_types::EntryMore>) -> Self {
        use antar_types::EntryKind::{Group, Notice, Private, Room};
        let nothing = || Box::new(RoomEntry { room: 0, says: antar_types::RoomSays::Ended });
        let file = more
            .as_ref()
            .and_then(|more| more.file.as_deref())
            .map(|file| Box::new(File::of(file)));
        match (kind, more, file) {
            (Private, None, _) => Self::Private,
            (Group, None, _) => Self::Group,
            (Private, Some(more), None) => Self::PrivateWith(more.alike()),
            (Group, Some(more), None) => Self::GroupWith(more.alike()),
            (Private, Some(more), Some(file)) => Self::PrivateFile(more.alike(), file),
            (Group, Some(more), Some(file)) => Self::GroupFile(more.alike(), file),
            (Room, Some(antar_types::EntryMore { room: Some(room), .. }), _)
                if room.message().is_some() =>
            {
                Self::Room(room, None, None)
            }
            (Room, Some(mut more), file) => {
                let room = more.room.take().unwrap_or_else(nothing);
                let is_bare =
                    antar_types::EntryMore { file: None, ..more.clone() }.boxed().is_none();
                Self::Room(room, (!is_bare).then(|| more.alike()), file)
            }
            (Room, None, _) => Self::Room(nothing(), None, None),
            // A notice is what it is.
            (Notice(notice), ..) => Self::Notice(notice.alike()),
        }
    }

    pub fn read(self) -> (antar_types::EntryKind, Option<Box<antar_types::EntryMore>>) {
        let (kind, more): (_, Option<antar_types::EntryMore>) = match self {
            Self::Private => (antar_types::EntryKind::Private, None),
            Self::Group => (antar_types::EntryKind::Group, None),
            Self::Notice(notice) => (antar_types::EntryKind::Notice(notice.alike()), None),
            Self::PrivateWith(more) => (antar_types::EntryKind::Private, Some(more.alike())),
            Self::GroupWith(more) => (antar_types::EntryKind::Group, Some(more.alike())),
            Self::PrivateFile(more, file) => {
                (antar_types::EntryKind::Private, Some(more.with(*file)))
            }
            Self::GroupFile(more, file) => (antar_types::EntryKind::Group, Some(more.with(*file))),
            Self::Room(room, more, file) => {
                let more: Option<antar_types::EntryMore> = more.alike();
                let file = file.map(|file| Box::new(file.read()));
                let more = more.unwrap_or_default();
                let more = antar_types::EntryMore { room: Some(room), file, ..more };
                (antar_types::EntryKind::Room, Some(more))
            }
        };
        (kind, more.and_then(antar_types::EntryMore::boxed))
    }
}

impl EntryMore {
    fn with(self, file: File) -> antar_types::EntryMore {
        antar_types::EntryMore { file: Some(Box::new(file.read())), ..self.alike() }
    }
}

/// One that is worth being kept: there is something in it.
impl Sample for EntryMore {
    fn sample(draw: &mut super::sample::Draw<'_>) -> Self {
        let (kind, reply, change) =
            (Sample::sample(draw), Sample::sample(draw), Sample::sample(draw));
        Self { kind, reply, change, hash: Some(Sample::sample(draw)) }
    }
}

/// A conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conversation {
    Private(AccountId, AccountId),
    Group(GroupId),
    Peer(AccountId, PeerId, CorrespondentId),
    GroupPeer(GroupId, PeerId),
}

/// Whose changes a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeList {
    Account(AccountId),
    Group(GroupId),
}

/// How far a list of changes has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesTip {
    pub id: u64,
    pub floor: u64,
    pub half: u64,
    pub count: u64,
}

/// What changed beside messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Read(Conversation, u64),
    Member(MemberChange),
    Group(GroupChange),
    Muted(Conversation, Option<Option<Time>>),
    Profile,
    Session(SessionId, SessionChange),
    Blocked(Box<str>, bool),
    Rewritten(Conversation, u64, Rewriting),
    Delivered(Conversation, u64),
    Pending(GroupId, u64),
    Placed(GroupId, u64, u64),
}

/// In what respect a group is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChange {
    pub group: Box<str>,
    pub by: Box<str>,
    pub what: GroupNews,
}

/// What can change of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupNews {
    Role(Box<str>, GroupRole),
    Silenced(Box<str>, Silence),
    Topic(Text),
    Settings(GroupEntry, bool, bool),
    Closed,
    Retention(Option<u16>),
}

/// What a member may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupRole {
    Owner,
    Moderator,
    Member,
}

/// Whether a user may write into a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silence {
    Ended,
    Until(Time),
    Lasting,
}

/// Who may join a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupEntry {
    Open,
    Password,
    Invite,
}

/// Somebody whom a user has blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blocked {
    Here(AccountId, Name),
    There(PeerId, Box<str>, Option<u64>),
}

/// A time during which somebody was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSpan {
    pub after: u64,
    pub upto: Option<u64>,
}

/// What can happen to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionChange {
    Opened,
    Named,
    Ended,
}

/// What can be done to a message after it was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rewriting {
    Edited,
    Deleted,
    Reactions,
    Lost,
}

/// A message that does not count as unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub ordinal: u64,
    pub author: Option<AccountId>,
}

/// What happened to a member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    pub group: Box<str>,
    pub what: Membership,
    pub user: Box<str>,
    pub by: Box<str>,
}

/// What can happen to a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    Joined,
    Left,
    Kicked,
    Banned,
}

alike! {
    enum ChangeList = antar_domain::ChangeList { Account(account), Group(group) }
    struct ChangesTip = antar_domain::ChangesTip { id, floor, half, count }
    enum Change = antar_domain::Change {
        Read(conversation, id), Member(change), Group(change), Muted(conversation, until), Profile,
        Session(id, what), Blocked(conversation, blocked),
        Rewritten(conversation, id, what), Delivered(conversation, id), Pending(group, id), Placed(group, was, id)
    }
    enum Rewriting = antar_domain::Rewriting { Edited, Deleted, Reactions, Lost }
    struct Skipped = antar_domain::Skipped { ordinal, author }
    struct GroupChange = antar_domain::GroupChange { group, by, what }
    enum GroupNews = antar_domain::GroupNews {
        Role(user, role), Silenced(user, silence), Topic(topic), Settings(entry, listed, announce), Closed,
        Retention(days)
    }
    enum GroupRole = antar_domain::GroupRole { Owner, Moderator, Member }
    enum GroupEntry = antar_domain::GroupEntry { Open, Password, Invite }
    enum Silence = antar_domain::Silence { Ended, Until(time), Lasting }
    struct BlockSpan = antar_domain::BlockSpan { after, upto }
    enum SessionChange = antar_domain::SessionChange { Opened, Named, Ended }
    struct MemberChange = antar_domain::MemberChange { group, what, user, by }
    enum Membership = antar_domain::Membership { Joined, Left, Kicked, Banned }
    enum LinkKind = links::LinkKind { Native(key), Plain }
    enum LinkStatus = links::LinkStatus { Linked, Asking, Asked, RemovedThere, Removed, Former }
    struct Address = links::Address { host, port, told_by }
    struct Position = links::Position { seq, chain }
    enum Away = antar_types::Away {
        From(name), To(name), FromShown(name, shown), FromAccount(name, identity)
    }
    struct Identity = antar_types::RemoteIdentity { epoch, id, account }
    struct Apart = links::Apart { kept, bytes, dropped }
    enum Notice = antar_types::Notice { UserNotFound, GroupNotFound, Refused, RealmRemoved }
    struct EntryMore = antar_types::EntryMore { kind, reply, change, hash + file = None + room = None + said = None }
    struct MessageRef = antar_types::MessageRef { theirs, id, time }
    enum EntryChange = antar_types::EntryChange {
        Edit(of), Delete(of), React(of, emoji), Unreact(of, emoji), Gone
    }
    struct Capabilities = antar_types::Capabilities { kinds, origins, replies, changes, rooms }
    struct Home = antar_domain::Home { peer, room, began, ahead, behind, parted, upto, lost, later }
    struct LostMessages = antar_domain::LostMessages { upto, count }
    enum Conversation = antar_domain::Conversation {
        Private(one, other), Group(group), Peer(account, peer, user), GroupPeer(group, peer)
    }
}

sampled! {
    enum ChangeList { Account(account), Group(group) }
    struct ChangesTip { id, floor, half, count }
    enum Change {
        Read(conversation, id), Member(change), Group(change), Muted(conversation, until), Profile,
        Session(id, what), Blocked(conversation, blocked),
        Rewritten(conversation, id, what), Delivered(conversation, id), Pending(group, id), Placed(group, was, id)
    }
    enum Rewriting { Edited, Deleted, Reactions, Lost }
    struct Skipped { ordinal, author }
    struct GroupChange { group, by, what }
    enum GroupNews {
        Role(user, role), Silenced(user, silence), Topic(topic), Settings(entry, listed, announce), Closed,
        Retention(days)
    }
    enum GroupRole { Owner, Moderator, Member }
    enum GroupEntry { Open, Password, Invite }
    enum Silence { Ended, Until(time), Lasting }
    enum Blocked { Here(account, name), There(peer, name, account) }
    struct BlockSpan { after, upto }
    enum SessionChange { Opened, Named, Ended }
    struct MemberChange { group, what, user, by }
    enum Membership { Joined, Left, Kicked, Banned }
    enum LinkKind { Native(key), Plain }
    enum LinkStatus { Linked, Asking, Asked, RemovedThere, Removed, Former }
    struct Address { host, port, told_by }
    struct Position { seq, chain }
    enum Away { From(name), To(name), FromShown(name, shown), FromAccount(name, identity) }
    struct Identity { epoch, id, account }
    struct Apart { kept, bytes, dropped }
    enum Notice { UserNotFound, GroupNotFound, Refused, RealmRemoved }
    enum EntryKind {
        Private, Group, Notice(notice), PrivateWith(more), GroupWith(more), PrivateFile(more, file),
        GroupFile(more, file), Room(room, more, file)
    }
    enum RoomRealms { None, Linked, Listed(names) }
    struct Home { peer, room, began, ahead, behind, parted, upto, lost, later }
    struct LostMessages { upto, count }
    struct MessageRef { theirs, id, time }
    enum EntryChange { Edit(of), Delete(of), React(of, emoji), Unreact(of, emoji), Gone }
    struct Capabilities { kinds, origins, replies, changes, rooms }
    enum Conversation { Private(one, other), Group(group), Peer(account, peer, user), GroupPeer(group, peer) }
}
