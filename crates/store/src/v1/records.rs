//! The records of format 1, frozen.
//!
//! A record was the position of its kind in a list of all kinds of events, and its fields, as postcard
//! writes them. Values that have one form only (a name, a text, a time, a number, a hash) are the same
//! types as elsewhere; what is made of several of them is spelt out here.

use crate::records::alike::{Alike, alike};
use antar_domain::links;
use antar_domain::{
    AccountId, AccountRecord, Event, ForkId, GroupId, GroupRecord, Member, PasswordHash, PeerId,
    SessionId, SessionRecord,
};
use antar_types::{Chain, DisplayName, Fingerprint, Name, Text, Time, TokenHash};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What was never stored by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Never {}

/// A record. The order of the variants is their stored form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    RealmNamed(Name),
    IdReached(u64),
    AccountSet(AccountId, Account),
    AccountRemoved(AccountId),
    SessionSet(SessionId, Session),
    SessionEnded(SessionId),
    GroupSet(GroupId, Group),
    MemberAdded(GroupId, AccountId, u64),
    MemberRemoved(GroupId, AccountId),
    Posted(Never),
    PeerSet(PeerId, Peer),
    EpochBegun(PeerId, u64),
    Owed(Never),
    OwedReached { realm: PeerId, tip: Position, total: u64, since: Time },
    Acked { realm: PeerId, acked: Position, total: u64, hour: u64 },
    Trimmed { realm: PeerId, floor: Position, hour: Option<u64> },
    Followed { realm: PeerId, fork: ForkId, epoch: u64, at: Position, left: u64 },
    Received(Never),
    CursorReached { realm: PeerId, cursor: Position },
    InvitationSet(u64, Invitation),
    InvitationEnded(u64),
    PlainMailboxSet(PeerId, u64, Name),
    PeerForgotten { realm: PeerId, traces: bool },
    AddressTold(PeerId, Option<Address>),
    NameLeft(AccountId, Name),
    NameTaken(AccountId),
    HeirSet(PeerId, AccountId, Heir),
    HeirEnded(PeerId, AccountId),
    Dropped(PeerId, u64),
    KnownAs(PeerId, Option<Name>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    name: Name,
    password: PasswordHash,
    admin: bool,
    created: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    hash: TokenHash,
    account: AccountId,
    used: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    name: Name,
    password: PasswordHash,
    creator: AccountId,
    owner: Option<AccountId>,
    created: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    name: Name,
    kind: Kind,
    address: Option<Address>,
    status: Status,
    since: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Native(Fingerprint),
    Plain,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Linked,
    Asking,
    Asked,
    RemovedThere,
    Removed,
    Former,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    host: Box<str>,
    port: u16,
    told_by: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    hash: TokenHash,
    expires: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    owed: u64,
    upto: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub seq: u64,
    chain: Chain,
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: u64,
    time: Time,
    from: Name,
    to: Name,
    text: Text,
    realm: Option<Away>,
    notice: Option<Notice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Away {
    From(Name),
    To(Name),
    FromShown(Name, DisplayName),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    UserNotFound,
    GroupNotFound,
    Refused,
    RealmRemoved,
}

/// A mailbox, as an entry of a SENT list named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mailbox {
    Private(AccountId),
    Group(GroupId),
    Realm(AccountId, PeerId),
    SentRealm(AccountId, PeerId),
    GroupRealm(GroupId, PeerId),
    Plain(PeerId, u64),
}

/// An entry of a SENT list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub id: u64,
    pub mailbox: Mailbox,
}

/// An entry of what a peer is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    pub at: Position,
    entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    kind: EntryKind,
    time: Time,
    from: Name,
    to: Name,
    text: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    Private,
    Group,
    Notice(Notice),
}

alike! {
    struct Account = AccountRecord { name, password, admin, created + locked = false }
    struct Peer = links::PeerRecord { name, kind, address, status, since }
    enum Kind = links::LinkKind { Native(key), Plain }
    enum Status = links::LinkStatus { Linked, Asking, Asked, RemovedThere, Removed, Former }
    struct Address = links::Address { host, port, told_by }
    struct Invitation = links::InvitationRecord { hash, expires }
    struct Heir = links::Heir { owed, upto + said = None }
    struct Position = links::Position { seq, chain }
    struct Message = antar_types::Message { id, time, from, to, text, realm, notice + extras = None }
    enum Away = antar_types::Away {
        From(name), To(name), FromShown(name, shown) + FromAccount(name, _) = From
    }
    enum Notice = antar_types::Notice { UserNotFound, GroupNotFound, Refused, RealmRemoved }
    struct Entry = antar_types::Entry { kind, time, from, to, text + origin = None + more = None }
    enum Mailbox = antar_domain::Mailbox {
        Private(account), Group(group), Realm(account, peer), SentRealm(account, peer),
        GroupRealm(group, peer), Plain(peer, user)
    }
}

impl Alike<antar_types::EntryKind> for EntryKind {
    fn alike(self) -> antar_types::EntryKind {
        match self {
            Self::Private => antar_types::EntryKind::Private,
            Self::Group => antar_types::EntryKind::Group,
            Self::Notice(notice) => antar_types::EntryKind::Notice(notice.alike()),
        }
    }
}

/// Data of that version are written by tests only, and rooms came later.
impl Alike<EntryKind> for antar_types::EntryKind {
    fn alike(self) -> EntryKind {
        match self {
            Self::Private => EntryKind::Private,
            Self::Group | Self::Room => EntryKind::Group,
            Self::Notice(notice) => EntryKind::Notice(notice.alike()),
        }
    }
}

impl Group {
    fn read(self) -> GroupRecord {
        let Self { name, password, creator, owner, created } = self;
        GroupRecord { owner, ..GroupRecord::new(name, password, creator, created) }
    }
}

impl Message {
    pub fn read(self) -> antar_types::Message {
        self.alike()
    }
}

impl Owed {
    pub fn read(self) -> (links::Position, antar_types::Entry) {
        (self.at.alike(), self.entry.alike())
    }
}

impl Pointer {
    pub fn mailbox(&self) -> antar_domain::Mailbox {
        self.mailbox.alike()
    }
}

impl Position {
    pub fn read(self) -> links::Position {
        self.alike()
    }
}

impl Session {
    fn read(self) -> SessionRecord {
        let Self { hash, account, used } = self;
        // It was opened then at the latest.
        let (since, client, address) = (used, None, None);
        SessionRecord { hash, account, used, since, client, address }
    }
}

impl Record {
    /// The event that it is the record of.
    pub fn read(self) -> Event {
        match self {
            Self::Posted(never) | Self::Owed(never) | Self::Received(never) => match never {},
            Self::RealmNamed(name) => Event::RealmNamed(name),
            Self::IdReached(id) => Event::IdReached(id),
            Self::AccountSet(id, record) => Event::AccountSet(id, record.alike()),
            Self::AccountRemoved(id) => Event::AccountRemoved(id),
            Self::SessionSet(id, record) => Event::SessionSet(id, record.read()),
            Self::SessionEnded(id) => Event::SessionEnded(id),
            Self::GroupSet(id, record) => Event::GroupSet(id, record.read()),
            Self::MemberAdded(group, account, since) => {
                Event::MemberSet(group, account, Member { since, moderator: false })
            }
            Self::MemberRemoved(group, account) => Event::MemberRemoved(group, account),
            Self::InvitationSet(id, record) => Event::InvitationSet(id, record.alike()),
            Self::InvitationEnded(id) => Event::InvitationEnded(id),
            Self::NameLeft(id, name) => Event::NameLeft(id, name),
            Self::NameTaken(id) => Event::NameTaken(id),
            Self::PeerSet(peer, record) => Event::PeerSet(peer, record.alike()),
            Self::EpochBegun(peer, epoch) => Event::EpochBegun(peer, links::Epoch(epoch)),
            Self::OwedReached { realm: peer, tip, total, since } => {
                Event::OwedReached { peer, tip: tip.alike(), total, since }
            }
            Self::Acked { realm: peer, acked, total, hour } => {
                let told = acked.seq;
                Event::Acked { peer, acked: acked.alike(), total, hour, told }
            }
            Self::Trimmed { realm: peer, floor, hour } => {
                Event::Trimmed { peer, floor: floor.alike(), hour }
            }
            Self::Followed { realm: peer, fork, epoch, at, left } => {
                let (epoch, at) = (links::Epoch(epoch), at.alike());
                Event::Followed { peer, fork, epoch, at, left }
            }
            Self::CursorReached { realm: peer, cursor } => {
                Event::CursorReached { peer, cursor: cursor.alike() }
            }
            Self::PlainMailboxSet(peer, id, name) => Event::PlainMailboxSet(peer, id, name),
            Self::PeerForgotten { realm: peer, traces } => Event::PeerForgotten { peer, traces },
            Self::AddressTold(peer, address) => Event::AddressTold(peer, address.alike()),
            Self::HeirSet(peer, account, heir) => {
                Event::HeirSet(peer, account.into(), heir.alike())
            }
            Self::HeirEnded(peer, account) => Event::HeirEnded(peer, account.into()),
            Self::Dropped(peer, dropped) => {
                Event::Dropped { peer, dropped, lost: links::Lost::default() }
            }
            Self::KnownAs(peer, name) => Event::KnownAs(peer, name),
        }
    }
}
