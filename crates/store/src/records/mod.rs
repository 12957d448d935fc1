//! What is stored, in types of the store's own: apart from the domain's, so that those can change
//! without a change on disk.
//!
//! Everything durable is declared once, in the list below: its tag and version, its fields, and where it is
//! kept. How it is written, read, made for tests and checked follows from that. In the log it is an event;
//! what has a key is kept in the tree as well, the latest under each.
//!
//! **To change a record**, give it a new version and say in [`Record::take`] how the one before is read;
//! what was stored is never written anew for it. A variant of a part, or an optional field that no release
//! has written yet, may simply be added at the end.

pub mod alike;
pub mod codec;
mod convert;
mod extras;
mod index;
mod parts;
mod raw;
mod sample;
#[cfg(test)]
mod tests;

pub use convert::{encode_events, events, records};
pub use extras::{Extras, File, NO_EXTRAS};
pub use index::Index;
pub use parts::{
    Address, Apart, Away, BlockSpan, Blocked, Capabilities, Change, ChangeList, ChangesTip,
    Conversation, EntryKind, GroupEntry, Home, LinkKind, LinkStatus, Notice, Position, RoomRealms,
    Silence, Skipped,
};
pub use raw::{Glance, Raw, RawPosted, glance, pass_message, read_message};
pub use sample::{Draw, Sample};

use crate::StoreError;
use crate::engine::Key;
use crate::layout::{
    PeerPart, changes_key, conversation_key, file_key, floor_key, given_key, hold_key, key,
    marker_key, mentions_key, mute_key, named_key, skipped_key, unshown_key,
};
use alike::Alike;
use antar_domain::{
    AccountId, CorrespondentId, FileKey, ForkId, GroupId, PasswordHash, PeerId, SessionId,
};
use antar_types::{Chain, FileHash, Name, Text, Time, TokenHash};
use codec::{encode, take};
use sample::sampled;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

macro_rules! records {
    ($(
        $(#[$doc:meta])*
        $tag:literal v $version:literal $name:ident { $($field:ident: $kind:ty),+ $(,)? }
        $(at $key:expr)?;
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $(pub $field: $kind),+ }

            sampled! { struct $name { $($field),+ } }

            impl $name {
                /// Tells it from others.
                pub const TAG: u8 = $tag;
                /// Of how it is written now.
                pub const VERSION: u8 = $version;
            }

            impl From<$name> for Record {
                fn from(record: $name) -> Self {
                    Self::$name(record)
                }
            }
        )+

        /// An event, as it is stored.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Record { $($(#[$doc])* $name($name)),+ }

        impl Record {
            /// Every tag.
            pub const TAGS: &'static [u8] = &[$($tag),+];

            /// Appends it: the tag, the version and the fields.
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), StoreError> {
                match self {
                    $(Self::$name(record) => {
                        out.extend_from_slice(&[$tag, $version]);
                        encode(record, out)
                    })+
                }
            }

            /// Reads the first of some bytes, and returns what follows it.
            pub fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let [tag, version, rest @ ..] = bytes else { return None };
                match (*tag, *version) {
                    (Posted::TAG, 1) => take_old_posted(rest),
                    (AccountSet::TAG, 1) => take_old_account(rest),
                    (SessionSet::TAG, 1) => take_old_session(rest),
                    (GroupSet::TAG, old @ 1..=4) => take_old_group(old, rest),
                    (CanSet::TAG, 1) => take_old_can(rest),
                    (MemberSet::TAG, 1) => take_old_member(rest),
                    (Acked::TAG, 1) => take_old_acked(rest),
                    (HeirSet::TAG, 1) => take_old_heir(rest),
                    (Dropped::TAG, 1) => take_old_dropped(rest),
                    $(($tag, $version) => {
                        take::<$name>(rest).map(|(record, rest)| (Self::$name(record), rest))
                    })+
                    _ => None,
                }
            }

            /// Where the latest of them is kept; not at all where it is an event only.
            pub fn key(&self) -> Option<Key> {
                match self {
                    $(Self::$name(_record) => records!(@key _record, $name $(, $key)?),)+
                }
            }

            /// One of a kind, made of numbers.
            pub fn sample(tag: u8, draw: &mut Draw<'_>) -> Option<Self> {
                match tag {
                    $($tag => Some(Self::$name($name::sample(draw))),)+
                    _ => None,
                }
            }
        }
    };
    (@key $record:ident, $name:ident) => { None };
    (@key $record:ident, $name:ident, $key:expr) => {{
        let at: fn(&$name) -> Key = $key;
        Some(at($record))
    }};
}

records! {
    /// The realm has a name.
    1 v 1 RealmNamed { name: Name } at |_| key(b"n", &[]);
    /// Every id up to this one may have been given out.
    2 v 1 IdReached { id: u64 };
    /// An account was made or changed.
    3 v 2 AccountSet {
        account: AccountId, name: Name, password: PasswordHash, admin: bool, created: Time, locked: bool,
    } at |r| key(b"a", &[r.account.0]);
    /// An account is gone.
    4 v 1 AccountRemoved { account: AccountId };
    /// A session was opened or used.
    5 v 2 SessionSet {
        session: SessionId, hash: TokenHash, account: AccountId, used: Time, since: Time,
        client: Option<Text>, address: Option<IpAddr>,
    }
        at |r| key(b"s", &[r.session.0]);
    /// A session is over.
    6 v 1 SessionEnded { session: SessionId };
    /// A group was made or changed.
    7 v 5 GroupSet {
        group: GroupId, name: Name, password: PasswordHash, creator: AccountId,
        owner: Option<AccountId>, created: Time, topic: Option<Text>, entry: GroupEntry, listed: bool,
        announce: bool, retention: Option<u16>, realms: RoomRealms, past: u16, home: Option<Home>,
    } at |r| key(b"g", &[r.group.0]);
    /// A user is in a group, or has another role there.
    8 v 2 MemberSet { group: GroupId, account: AccountId, since: u64, moderator: bool }
        at |r| key(b"m", &[r.group.0, r.account.0]);
    /// A user is no longer in a group.
    9 v 1 MemberRemoved { group: GroupId, account: AccountId };
    /// An invitation to link was made.
    10 v 1 InvitationSet { invitation: u64, hash: TokenHash, expires: Time }
        at |r| key(b"i", &[r.invitation]);
    /// An invitation was used, or is too old.
    11 v 1 InvitationEnded { invitation: u64 };
    /// An account is gone whose name nobody else has yet.
    12 v 1 NameLeft { account: AccountId, name: Name } at |r| key(b"f", &[r.account.0]);
    /// The name of that account is another's now.
    13 v 1 NameTaken { account: AccountId };
    /// A message was put into a conversation.
    14 v 2 Posted {
        conversation: Conversation, sender: Option<AccountId>, recipient: Option<AccountId>,
        waits: Option<u64>, message: Message,
    };
    /// How far a conversation has come.
    15 v 1 ConversationReached { conversation: Conversation, ordinal: u64, id: u64 }
        at |r| conversation_key(r.conversation);
    /// A user of a peer has a number.
    16 v 1 CorrespondentSet {
        peer: PeerId, id: CorrespondentId, name: Box<str>, account: Option<u64>,
    } at |r| PeerPart::Correspondent(r.id).of(r.peer);
    /// A peer's record was made or changed.
    17 v 1 PeerSet {
        peer: PeerId, name: Name, kind: LinkKind, address: Option<Address>, status: LinkStatus,
        since: Time,
    } at |r| PeerPart::Peer.of(r.peer);
    /// An outbox has a new epoch.
    18 v 1 EpochBegun { peer: PeerId, epoch: u64 } at |r| PeerPart::Epoch.of(r.peer);
    /// Something more is owed to a peer.
    19 v 1 Owed { peer: PeerId, tip: Position, total: u64, since: Time, entry: Entry };
    /// How far an outbox has come.
    20 v 1 OwedReached { peer: PeerId, tip: Position, total: u64, since: Time }
        at |r| PeerPart::Owed.of(r.peer);
    /// Up to where an outbox is let go of.
    21 v 1 Trimmed { peer: PeerId, floor: Position, hour: Option<u64> }
        at |r| PeerPart::Trimmed.of(r.peer);
    /// How much of its outbox a peer has, as it told in some hour.
    22 v 2 Acked { peer: PeerId, acked: Position, total: u64, hour: u64, told: u64 }
        at |r| PeerPart::Acked(r.hour).of(r.peer);
    /// A peer's log is followed in another life.
    23 v 1 Followed { peer: PeerId, fork: ForkId, epoch: u64, at: Position, left: u64 }
        at |r| PeerPart::Followed(r.fork).of(r.peer);
    /// A batch of a peer's log was taken: so many of the records that follow are what it brought.
    24 v 1 Received {
        peer: PeerId, fork: ForkId, cursor: Position, chains: Vec<Chain>, brought: u32,
    };
    /// The cursor in a peer's log.
    25 v 1 CursorReached { peer: PeerId, cursor: Position } at |r| PeerPart::Cursor.of(r.peer);
    /// A user of a peer on a plain link has a number, under which messages wait.
    26 v 1 PlainMailboxSet { peer: PeerId, number: u64, name: Name }
        at |r| PeerPart::PlainMailbox(r.number).of(r.peer);
    /// There is no record of a peer any more.
    27 v 1 PeerForgotten { peer: PeerId, traces: bool } at |r| PeerPart::Forgotten.of(r.peer);
    /// A peer has told where it can be reached.
    28 v 1 AddressTold { peer: PeerId, address: Option<Address> }
        at |r| PeerPart::Address.of(r.peer);
    /// An account or a group, whose number it is, has a name that was another's before.
    29 v 2 HeirSet {
        peer: PeerId, account: AccountId, owed: u64, upto: Option<u64>, said: Option<Chain>,
    }
        at |r| PeerPart::Heir(r.account).of(r.peer);
    /// That account or group is gone.
    30 v 1 HeirEnded { peer: PeerId, account: AccountId };
    /// How many of the messages that a peer was owed have been let go of undelivered so far, and which those are.
    31 v 2 Dropped { peer: PeerId, dropped: u64, lost: Vec<(u64, u64)> } at |r| PeerPart::Dropped.of(r.peer);
    /// A name that this realm had before, by which a peer may know it.
    32 v 1 KnownAs { peer: PeerId, name: Option<Name> } at |r| PeerPart::KnownAs.of(r.peer);
    /// A peer has sent an entry that is not known here.
    33 v 1 SetApart { peer: PeerId, apart: Apart, entry: Option<ApartEntry> };
    /// How much of what a peer has sent was set apart.
    34 v 1 ApartReached { peer: PeerId, apart: Apart } at |r| PeerPart::Apart.of(r.peer);
    /// An account that was removed had a name.
    35 v 1 FormerSet { account: AccountId, name: Name } at |r| key(b"o", &[r.account.0]);
    /// A user has read a conversation up to here.
    36 v 1 MarkerSet {
        conversation: Conversation, account: AccountId, id: u64, ordinal: u64, own_after: u64,
    } at |r| marker_key(r.conversation, r.account);
    /// How far a user had read a conversation does not matter any more.
    37 v 1 MarkerEnded { conversation: Conversation, account: AccountId };
    /// Older data were brought up to date in this respect.
    38 v 1 UpgradeDone { step: u64 } at |r| key(b"u", &[r.step]);
    /// Something beside messages changed.
    40 v 1 Changed { list: ChangeList, tip: ChangesTip, change: Change };
    /// How far a list of changes has come.
    41 v 1 ChangesReached { list: ChangeList, tip: ChangesTip } at |r| changes_key(r.list);
    /// Up to where a list of changes is let go of.
    42 v 1 ChangesTrimmed { list: ChangeList, tip: ChangesTip };
    /// A list of changes is gone.
    43 v 1 ChangesEnded { list: ChangeList };
    /// Cursors of clients have an epoch.
    44 v 1 SyncEpochBegun { epoch: u64 } at |_| key(b"e", &[]);
    /// The last message was taken then.
    45 v 1 TimeReached { time: Time };
    /// A message is from here on as it says. A new version of `Message` is one of it, too.
    46 v 1 Rewritten { conversation: Conversation, message: Message };
    /// Those messages of a conversation do not count as unread.
    47 v 1 SkippedSet { conversation: Conversation, all: Vec<Skipped> }
        at |r| skipped_key(r.conversation);
    /// A group is gone, and messages of it are left.
    50 v 1 GroupClosed { group: GroupId, left: u64 } at |r| key(b"b", &[r.group.0]);
    /// Messages of a group that is gone were let go of.
    51 v 1 GroupSwept { group: GroupId, left: u64 };
    /// A user may not join a group.
    52 v 1 Banned { group: GroupId, account: AccountId }
        at |r| key(b"b", &[r.group.0, r.account.0]);
    /// A user may join a group again.
    53 v 1 Unbanned { group: GroupId, account: AccountId };
    /// Whether a user may write into a group.
    54 v 1 Silenced { group: GroupId, account: AccountId, silence: Silence }
        at |r| key(b"t", &[r.group.0, r.account.0]);
    /// A user has muted a conversation.
    55 v 1 MuteSet { conversation: Conversation, account: AccountId, until: Option<Time> }
        at |r| mute_key(r.conversation, r.account);
    /// A conversation is not muted any more.
    56 v 1 MuteEnded { conversation: Conversation, account: AccountId };
    /// A user tells this of herself.
    57 v 1 ProfileSet { account: AccountId, name: Option<Text>, about: Text }
        at |r| key(b"p", &[r.account.0]);
    /// A user tells nothing of herself any more.
    58 v 1 ProfileEnded { account: AccountId };
    /// A user blocks another, or did.
    59 v 1 BlockSet { account: AccountId, number: u64, whom: Blocked, spans: Vec<BlockSpan> }
        at |r| key(b"qb", &[r.account.0, r.number]);
    /// It does not matter any more.
    60 v 1 BlockEnded { account: AccountId, number: u64 };
    /// What a user is not shown of a conversation of late.
    61 v 1 UnshownSet { conversation: Conversation, account: AccountId, hidden: u64, shown: u64 }
        at |r| unshown_key(r.conversation, r.account);
    /// In which messages a user was mentioned, by ordinal, that the user has not read.
    62 v 1 MentionsSet { conversation: Conversation, account: AccountId, ordinals: Vec<u64> }
        at |r| mentions_key(r.conversation, r.account);
    /// What both understood as a peer began to follow its outbox.
    63 v 2 CanSet { peer: PeerId, can: Capabilities } at |r| PeerPart::Can.of(r.peer);
    /// An entry of an outbox does not say any more what it did.
    64 v 1 OwedReplaced { peer: PeerId, seq: u64, text: Text, upto: u64 };
    /// Past it all entries of an outbox say what they did when they were written.
    65 v 1 ReplacedReached { peer: PeerId, upto: u64 } at |r| PeerPart::Replaced.of(r.peer);
    /// The messages of a conversation up to this one are gone.
    66 v 1 LetGo { conversation: Conversation, ordinal: u64, id: u64 }
        at |r| floor_key(r.conversation);
    /// What an account wrote is being let go of.
    67 v 1 Erasing { account: AccountId, name: Name } at |r| key(b"y", &[r.account.0]);
    /// All of that is gone.
    68 v 1 Erased { account: AccountId };
    /// The bytes of a file are here.
    70 v 1 FileSet { hash: FileHash, size: u64 } at |r| file_key(&r.hash);
    /// They are not needed any more.
    71 v 1 FileRemoved { hash: FileHash };
    /// A user has uploaded a file.
    72 v 1 FileHeld { account: AccountId, since: Time, file: File }
        at |r| hold_key(&r.file.hash, r.account);
    /// That a user has uploaded a file does not matter any more.
    73 v 1 FileLetGo { account: AccountId, hash: FileHash };
    /// A message names a file.
    74 v 1 FileNamed { conversation: Conversation, id: u64, account: Option<AccountId>, file: File }
        at |r| named_key(r.conversation, r.id);
    /// Links to files are signed with this.
    75 v 1 FileKeySet { key: FileKey } at |_| key(b"wk", &[]);
    /// A peer has given the bytes of a file.
    76 v 1 FileGiven { hash: FileHash, size: u64, peer: PeerId } at |r| given_key(&r.hash);
    /// A user of another realm is in a group.
    77 v 1 GuestSet {
        guest: AccountId, peer: PeerId, realm: Option<Name>, account: u64, name: Name,
    } at |r| key(b"ag", &[r.guest.0]);
    /// That user does not matter any more.
    78 v 1 GuestEnded { guest: AccountId };
    /// A message waits for its place in a group of another realm.
    79 v 1 PendingSet {
        group: GroupId, id: u64, time: Time, from: Name, to: Name, text: Text, extras: Extras,
    } at |r| key(b"gp", &[r.group.0, r.id]);
    /// It has its place, or is refused.
    82 v 1 PendingEnded { group: GroupId, id: u64 };
    /// A user was invited.
    80 v 1 UserInvited { invitation: u64, name: Name, hash: TokenHash, expires: Time }
        at |r| key(b"j", &[r.invitation]);
    /// That invitation was used, replaced, or is too old.
    81 v 1 UserInvitationEnded { invitation: u64 };
    /// A group was closed whose name no other has yet.
    83 v 1 GroupNameLeft { group: GroupId, name: Name } at |r| key(b"fg", &[r.group.0]);
    /// The name of that group is another's now.
    84 v 1 GroupNameTaken { group: GroupId };
}

/// A message, in its conversation and in the log: byte for byte the same in both ([`Raw`]), so a new version of it
/// is one of [`Posted`] too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub ordinal: u64,
    pub id: u64,
    pub time: Time,
    pub from: Name,
    pub to: Name,
    pub text: Text,
    pub away: Option<Away>,
    pub notice: Option<Notice>,
    /// What only some messages have; version 1 ends before it.
    pub extras: Extras,
}

/// Reads the fields of a [`Posted`] of version 1.
fn take_old_posted(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((conversation, sender, recipient, waits), rest) = take(bytes)?;
    let (message, rest) = Message::take_old(rest)?;
    Some((Posted { conversation, sender, recipient, waits, message }.into(), rest))
}

/// Reads the fields of an [`AccountSet`] of version 1: none was locked.
fn take_old_account(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((account, name, password, admin, created), rest) = take(bytes)?;
    let locked = false;
    Some((AccountSet { account, name, password, admin, created, locked }.into(), rest))
}

/// Reads the fields of a [`SessionSet`] of version 1: it was opened when it was last used, at the latest.
fn take_old_session(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((session, hash, account, used), rest) = take(bytes)?;
    let (since, client, address) = (used, None, None);
    Some((SessionSet { session, hash, account, used, since, client, address }.into(), rest))
}

/// Reads the fields of a [`GroupSet`] before version 5: realms are told as much of it as they are unless somebody says
/// otherwise. Before version 4 nobody of another realm is in it. Before version 3 its messages are
/// kept as the realm says. With version 1 it has a password or is open, and everybody knows it.
fn take_old_group(version: u8, bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((group, name, password, creator, owner, created), rest) = take(bytes)?;
    let ((topic, entry, listed, announce), rest) = match version {
        1 => ((None, PasswordHash::entry(&password).alike(), true, false), rest),
        _ => take(rest)?,
    };
    let (retention, rest) = if version < 3 { (None, rest) } else { take(rest)? };
    let ((realms, home), rest) = match version {
        4 => take::<(RoomRealms, Option<(PeerId, u64, u64)>)>(rest)?,
        _ => ((RoomRealms::None, None), rest),
    };
    let home = home.map(|(peer, room, began)| antar_domain::Home::new(peer, room, began).alike());
    // Whoever let other realms in then did so knowing that they are told nothing of the past.
    let past = if realms == RoomRealms::None { antar_domain::PAST } else { 0 };
    let record = GroupSet {
        group,
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
    };
    Some((record.into(), rest))
}

/// Reads the fields of a [`MemberSet`] of version 1: there were no moderators.
fn take_old_member(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((group, account, since), rest) = take(bytes)?;
    Some((MemberSet { group, account, since, moderator: false }.into(), rest))
}

fn take_old_acked(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((peer, acked, total, hour), rest): ((_, Position, _, _), _) = take(bytes)?;
    // Nobody was told then.
    let told = acked.seq;
    Some((Acked { peer, acked, total, hour, told }.into(), rest))
}

/// Reads the fields of a [`HeirSet`] of version 1: what a plain peer lists next is taken for what it listed then.
fn take_old_heir(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((peer, account, owed, upto), rest) = take(bytes)?;
    Some((HeirSet { peer, account, owed, upto, said: None }.into(), rest))
}

/// Reads the fields of a [`CanSet`] of version 1: no realm knew of rooms.
fn take_old_can(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((peer, kinds, origins, replies, changes), rest) = take(bytes)?;
    let can = Capabilities { kinds, origins, replies, changes, rooms: false };
    Some((CanSet { peer, can }.into(), rest))
}

fn take_old_dropped(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let ((peer, dropped), rest) = take(bytes)?;
    Some((Dropped { peer, dropped, lost: Vec::new() }.into(), rest))
}

impl Message {
    /// Reads one of version 1.
    fn take_old(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ((ordinal, id, time, from, to, text, away, notice), rest) = take(bytes)?;
        let extras = Extras::default();
        Some((Self { ordinal, id, time, from, to, text, away, notice, extras }, rest))
    }
}

/// An entry of an outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub kind: EntryKind,
    pub time: Time,
    pub from: Name,
    pub to: Name,
    pub text: Text,
    pub origin: Option<Origin>,
}

/// The message that an entry is about, as the realm numbers it where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub id: u64,
    pub account: u64,
}

/// An entry of a timeline: where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub id: u64,
    pub conversation: Conversation,
    /// The id of the first message in its run.
    pub run: u64,
}

/// An entry of an outbox, and where the outbox stands with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    pub at: Position,
    pub entry: Entry,
}

/// An entry of a list of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEntry {
    pub id: u64,
    pub change: Change,
}

sampled! {
    struct ChangeEntry { id, change }
    struct Message { ordinal, id, time, from, to, text, away, notice, extras }
    struct Entry { kind, time, from, to, text, origin }
    struct Origin { id, account }
    struct Pointer { id, conversation, run }
    struct Outgoing { at, entry }
    struct ApartEntry { id, epoch, seq, fields }
}

/// An entry of a peer's log that is not known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApartEntry {
    pub id: u64,
    pub epoch: u64,
    pub seq: u64,
    pub fields: Box<str>,
}

/// What runs are made of.
pub trait Listed: Serialize + for<'a> Deserialize<'a> {
    /// Stands at the beginning of each run that is written now.
    const VERSION: u8 = 1;

    /// Grows within a list.
    fn id(&self) -> u64;

    /// Reads the first entry of some bytes of a run of some version, and returns what follows it.
    fn take(version: u8, bytes: &[u8]) -> Option<(Self, &[u8])> {
        if version == Self::VERSION { take(bytes) } else { None }
    }
}

impl Listed for Message {
    const VERSION: u8 = Posted::VERSION;

    fn id(&self) -> u64 {
        self.id
    }

    fn take(version: u8, bytes: &[u8]) -> Option<(Self, &[u8])> {
        match version {
            1 => Self::take_old(bytes),
            Self::VERSION => take(bytes),
            _ => None,
        }
    }
}

impl Listed for Pointer {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Pointer {
    /// Appends what follows the id: it is the same for all messages of a run.
    pub fn encode_place(
        conversation: Conversation,
        run: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        encode(&(conversation, run), out)
    }
}

impl Listed for Outgoing {
    fn id(&self) -> u64 {
        self.at.seq
    }
}

impl Listed for ApartEntry {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Listed for ChangeEntry {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Listed for Position {
    fn id(&self) -> u64 {
        self.seq
    }
}
