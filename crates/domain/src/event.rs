//! What can happen to a realm's durable state.

use crate::links::{
    Address, Apart, ApartEntry, Epoch, Heir, Holder, InvitationRecord, Lost, PeerRecord, Position,
};
use crate::{
    AccountId, Block, Change, ChangeList, ChangesTip, Conversation, ConversationTip,
    CorrespondentId, FileHold, FileKey, ForkId, GroupId, GroupRecord, Guest, Marker, Member,
    NamedFile, PasswordHash, PeerId, PlacedMessage, Posted, Profile, SessionId, Silence, Skipped,
    Unshown,
};
use antar_types::{Capabilities, Chain, Entry, FileHash, Message, Name, Text, Time, TokenHash};
use std::net::IpAddr;
use std::sync::Arc;

/// A user's account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// As first written.
    pub name: Name,
    /// Of the password.
    pub password: PasswordHash,
    /// May administer the realm.
    pub admin: bool,
    /// When it was made.
    pub created: Time,
    /// Nobody logs in with it.
    pub locked: bool,
}

/// An invitation to make an account, as stored: whoever shows the secret may, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInvitation {
    /// The account's name.
    pub name: Name,
    /// Of the secret.
    pub hash: TokenHash,
    /// Until when.
    pub expires: Time,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Of the token that names it.
    pub hash: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// When it was last used, to within an hour.
    pub used: Time,
    /// When it was opened.
    pub since: Time,
    /// What its client is called.
    pub client: Option<Text>,
    /// From where it was last used; none for the realm's own socket.
    pub address: Option<IpAddr>,
}

/// A change of the durable state. The store keeps most of them under a key of what they are about, and
/// hands them back at the next start; a later one about the same thing replaces the earlier. How each is
/// written is the store's affair alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The realm has this name from now on.
    RealmNamed(Name),
    /// Every id up to this one may have been given out.
    IdReached(u64),
    /// The last message was taken then: what is told of it at a start.
    TimeReached(Time),
    /// An account was made or changed.
    AccountSet(AccountId, AccountRecord),
    /// An account is gone; its sessions and memberships went before.
    AccountRemoved(AccountId),
    /// What an account wrote that had this name and is gone, and what only it had, is being let go of.
    Erasing(AccountId, Name),
    /// All of that is gone.
    Erased(AccountId),
    /// An account that is about to go had this name: conversations with it stay.
    FormerSet(AccountId, Name),
    /// A session was opened or used.
    SessionSet(SessionId, SessionRecord),
    /// A session is over.
    SessionEnded(SessionId),
    /// A group was made or changed.
    GroupSet(GroupId, GroupRecord),
    /// A user is in a group, or has another role there.
    MemberSet(GroupId, AccountId, Member),
    /// A user is no longer in a group.
    MemberRemoved(GroupId, AccountId),
    /// A group is gone, with its members, bans, silences and changes. Nobody reads its messages any more, and so
    /// many more steps let go of them.
    GroupClosed(GroupId, u64),
    /// A step lets go of messages of a group that is gone: so many are left after it.
    GroupSwept(GroupId, u64),
    /// A user of another realm is in a group, or was and is remembered. Groups have them as they have accounts, by
    /// a number that no account has.
    GuestSet(AccountId, Guest),
    /// That user does not matter any more.
    GuestEnded(AccountId),
    /// A message to a group of another realm waits for its place there.
    PendingSet(GroupId, Arc<Message>),
    /// The message that waited under this number has its place, or is refused.
    PendingEnded(GroupId, u64),
    /// A user may not join a group.
    Banned(GroupId, AccountId),
    /// A user may join a group again.
    Unbanned(GroupId, AccountId),
    /// Whether a user may write into a group, as a member or once they are one.
    Silenced(GroupId, AccountId, Silence),
    /// A message was put into a conversation.
    Posted(Posted),
    /// A message is from here on as it says.
    Rewritten(PlacedMessage),
    /// Those messages of a conversation do not count as unread, since they were deleted: all of them that are
    /// noted.
    SkippedSet(Conversation, Vec<Skipped>),
    /// The stored form of the latest [`Event::Posted`] of a conversation, without the message.
    ConversationReached(Conversation, ConversationTip),
    /// The messages of a conversation up to this one are gone: they were older than is kept.
    LetGo(Conversation, ConversationTip),
    /// A user has read a conversation up to here; of what one writes oneself the message says it.
    MarkerSet {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
        /// How far.
        marker: Marker,
    },
    /// How far a user had read a conversation does not matter any more.
    MarkerEnded {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
    },
    /// A user tells this of herself.
    ProfileSet(AccountId, Profile),
    /// A user tells nothing of herself any more.
    ProfileEnded(AccountId),
    /// A user has muted a conversation.
    MuteSet {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
        /// Until when, if there is an end.
        until: Option<Time>,
    },
    /// A conversation is not muted any more.
    MuteEnded {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
    },
    /// A user blocks another, or did.
    BlockSet {
        /// The user.
        account: AccountId,
        /// Whom, and when.
        block: Block,
    },
    /// It does not matter any more.
    BlockEnded {
        /// The user.
        account: AccountId,
        /// Which: see [`Block::number`].
        number: u64,
    },
    /// What a user is not shown of a conversation of late; nothing where it does not matter any more.
    UnshownSet {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
        /// What.
        unshown: Unshown,
    },
    /// A user was mentioned in a group in these messages, and has not read them.
    MentionsSet {
        /// The user.
        account: AccountId,
        /// The conversation.
        conversation: Conversation,
        /// The ordinals of the messages, in order.
        ordinals: Vec<u64>,
    },
    /// Something beside messages changed for an account or for a group's members.
    Changed {
        /// Whose list has it.
        list: ChangeList,
        /// How far that list has come with it; the id there is the change's.
        tip: ChangesTip,
        /// The change.
        change: Change,
    },
    /// The stored form of the latest [`Event::Changed`] of a list, without the change.
    ChangesReached(ChangeList, ChangesTip),
    /// The changes of a list up to the floor are let go of.
    ChangesTrimmed(ChangeList, ChangesTip),
    /// A list of changes is gone, with whom it concerned.
    ChangesEnded(ChangeList),
    /// The bytes of a file are here.
    FileSet {
        /// Which it is.
        hash: FileHash,
        /// How many.
        size: u64,
    },
    /// A peer has given the bytes of a file, which its message names.
    FileGiven {
        /// Which it is.
        hash: FileHash,
        /// How many bytes it has.
        size: u64,
        /// The peer.
        peer: PeerId,
    },
    /// They are not needed any more.
    FileRemoved(FileHash),
    /// A user has uploaded a file.
    FileHeld {
        /// Which it is.
        hash: FileHash,
        /// The user.
        account: AccountId,
        /// What the user said of it, and when.
        hold: FileHold,
    },
    /// That a user has uploaded a file does not matter any more.
    FileLetGo {
        /// Which it is.
        hash: FileHash,
        /// The user.
        account: AccountId,
    },
    /// The stored form of an [`Event::Posted`] whose message names a file, without the message.
    FileNamed {
        /// The conversation.
        conversation: Conversation,
        /// The message's id.
        id: u64,
        /// The file, and whose message it is.
        named: NamedFile,
    },
    /// Links to files are signed with this from here on.
    FileKeySet(FileKey),
    /// From here on cursors of clients have another epoch: see [`antar_types::SyncCursor`].
    SyncEpochBegun(u64),
    /// Older data were brought up to date in this respect: see [`crate::State::upgrade`].
    UpgradeDone(u64),
    /// A user of a peer has this number from here on, as whom messages are from or to.
    CorrespondentSet {
        /// The peer.
        peer: PeerId,
        /// The number.
        id: CorrespondentId,
        /// What that user is called there, in lower case.
        name: Box<str>,
        /// The number of the account there, where the peer has told it.
        account: Option<u64>,
    },
    /// Another realm's record was made or changed.
    PeerSet(PeerId, PeerRecord),
    /// What that realm is owed has a new epoch from here on.
    EpochBegun(PeerId, Epoch),
    /// Something more is owed to a realm.
    Owed {
        /// The peer.
        peer: PeerId,
        /// Where its log stands with this entry.
        tip: Position,
        /// Bytes ever owed, with this entry.
        total: u64,
        /// When the oldest entry that is still owed was written.
        since: Time,
        /// The entry.
        entry: Arc<Entry>,
    },
    /// The stored form of the latest [`Event::Owed`], without the entry.
    OwedReached {
        /// The peer.
        peer: PeerId,
        /// Where its log stands.
        tip: Position,
        /// Bytes ever owed.
        total: u64,
        /// When the oldest entry that was still owed was written.
        since: Time,
    },
    /// A realm has told how much of what it was owed is durable there.
    Acked {
        /// The peer.
        peer: PeerId,
        /// How much.
        acked: Position,
        /// Bytes ever owed up to there.
        total: u64,
        /// The hour since 1970 in which it told.
        hour: u64,
        /// Who wrote them has been told so of entries up to this one.
        told: u64,
    },
    /// What a realm was owed up to here is let go of; so is the note of that hour.
    Trimmed {
        /// The peer.
        peer: PeerId,
        /// The last entry that is gone.
        floor: Position,
        /// The note that led to it.
        hour: Option<u64>,
    },
    /// From here on a realm's log is followed along another course of it.
    Followed {
        /// The peer.
        peer: PeerId,
        /// The number of that course here.
        fork: ForkId,
        /// Its epoch.
        epoch: Epoch,
        /// The last entry before.
        at: Position,
        /// The last entry of the course that was followed until now.
        left: u64,
    },
    /// A batch of a realm's log was taken: what it leads to and the cursor past it are one event, so
    /// that neither is ever there without the other.
    Received {
        /// The peer.
        peer: PeerId,
        /// The course of its log.
        fork: ForkId,
        /// The cursor after it.
        cursor: Position,
        /// The hash at each entry, the last that of the cursor.
        chains: Vec<Chain>,
        /// [`Event::Posted`] for what was delivered, what goes before it, [`Event::Owed`] for what is
        /// told back, and [`Event::SetApart`] for what is not known here; never one of these within the
        /// other.
        events: Vec<Event>,
    },
    /// The stored form of the latest [`Event::Received`], without what it brought.
    CursorReached {
        /// The peer.
        peer: PeerId,
        /// The cursor.
        cursor: Position,
    },
    /// A realm may be linked by whoever shows a secret.
    InvitationSet(u64, InvitationRecord),
    /// An invitation was used, or is too old.
    InvitationEnded(u64),
    /// A user may make an account by showing a secret.
    UserInvited(u64, UserInvitation),
    /// That invitation was used, replaced, or is too old.
    UserInvitationEnded(u64),
    /// A user of a realm on a plain link has this number.
    PlainMailboxSet(PeerId, u64, Name),
    /// There is no record of a realm any more: its name, and its place, are free. Its id is never
    /// given out again, so whatever was said with it is nobody else's to read.
    PeerForgotten {
        /// The peer.
        peer: PeerId,
        /// It has been more than a stranger that waited, so messages may be kept under its id.
        traces: bool,
    },
    /// A realm has told that it can be reached elsewhere than its record says; none where that no longer
    /// holds.
    AddressTold(PeerId, Option<Address>),
    /// An account is gone whose name nobody else has yet: others may still write to it.
    NameLeft(AccountId, Name),
    /// The name of that account is another's now.
    NameTaken(AccountId),
    /// A group was closed whose name no other has yet.
    GroupNameLeft(GroupId, Name),
    /// The name of that group is another's now.
    GroupNameTaken(GroupId),
    /// An account has a name that was another's before: what is on the way between that one and a realm
    /// is not for it.
    HeirSet(PeerId, Holder, Heir),
    /// That account is gone.
    HeirEnded(PeerId, Holder),
    /// Entries that a realm was owed have been let go of undelivered.
    Dropped {
        /// The peer.
        peer: PeerId,
        /// How many there were of them so far.
        dropped: u64,
        /// Which they are, by number.
        lost: Lost,
    },
    /// The former name by which a realm may still know this one; none once it knows the present one.
    KnownAs(PeerId, Option<Name>),
    /// A realm has sent an entry of a kind that this version does not know.
    SetApart {
        /// The peer.
        peer: PeerId,
        /// How much of what it has sent was set apart, with this entry.
        apart: Apart,
        /// The entry, where there is room for it.
        entry: Option<Arc<ApartEntry>>,
    },
    /// The stored form of the latest [`Event::SetApart`], without the entry.
    ApartReached(PeerId, Apart),
    /// What both understood as a peer began to follow what it is owed.
    CanSet(PeerId, Capabilities),
    /// An entry that a realm is owed does not say any more what it did.
    OwedReplaced {
        /// The peer.
        peer: PeerId,
        /// The number of the entry.
        seq: u64,
        /// What its message says from here on.
        text: Text,
        /// No entry past this one says anything else than when it was written.
        upto: u64,
    },
    /// The stored form of the latest [`Event::OwedReplaced`], without the text.
    ReplacedReached(PeerId, u64),
}

impl Event {
    /// How many events it is, with those that it brings.
    pub fn weight(&self) -> usize {
        match self {
            Self::Received { events, .. } => 1 + events.len(),
            _ => 1,
        }
    }
}
