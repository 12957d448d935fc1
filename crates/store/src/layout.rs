//! Which record is kept under which key: format 2.
//!
//! | key | value |
//! |---|---|
//! | `b` | the latest batch, and the highest id by then ([`Tip`]) |
//! | `f` | the version of this format |
//! | `g` | how far a migration from an older format has come |
//! | `A` peer, id | a run of what a peer sent that is not known here, the first with this id ([`ApartEntry`]) |
//! | `C` `a` account, id | a run of what changed for an account beside messages, the first with this id ([`ChangeEntry`]) |
//! | `C` `g` group, id | the same of a group |
//! | `F` week, account, reference | a message that the account has called so in that week ([`crate::references`]) |
//! | `H` fork, number | a run of hashes of what a peer sent, the first at this entry ([`Position`]) |
//! | `M` `p` account, account, id | a run of messages of a private conversation, the first with this id ([`Message`]) |
//! | `M` `g` group, id | the same of a group |
//! | `M` `r` account, peer, correspondent, id | the same of an account and a user of a peer |
//! | `M` `t` group, peer, id | the same of a group together with a peer's |
//! | `O` peer, number | a run of what a peer is owed, the first this entry ([`Outgoing`]) |
//! | `R` `a` account | [`records::AccountSet`] |
//! | `R` `b` group | [`records::GroupClosed`]: messages of a group that is gone are left |
//! | `R` `b` group, account | [`records::Banned`] |
//! | `R` `c` conversation | [`records::ConversationReached`]: the conversation as under `M`, without an id |
//! | `R` `d` conversation | [`records::SkippedSet`]: the conversation as under `M`, without an id |
//! | `R` `e` | [`records::SyncEpochBegun`] |
//! | `R` `f` account | [`records::NameLeft`] |
//! | `R` `f` `g` group | [`records::GroupNameLeft`] |
//! | `R` `g` group | [`records::GroupSet`] |
//! | `R` `h` conversation | [`records::LetGo`]: the conversation as under `M`, without an id |
//! | `R` `i` invitation | [`records::InvitationSet`] |
//! | `R` `j` invitation | [`records::UserInvited`] |
//! | `R` `l` peer, part | what there is of a peer: [`PeerPart`] |
//! | `R` `k` conversation, account | [`records::MarkerSet`]: the conversation as under `M`, without an id |
//! | `R` `m` group, account | [`records::MemberSet`] |
//! | `R` `n` | [`records::RealmNamed`] |
//! | `R` `o` account | [`records::FormerSet`] |
//! | `R` `p` account | [`records::ProfileSet`] |
//! | `R` `q` `b` account, number | [`records::BlockSet`] |
//! | `R` `q` `u` conversation, account | [`records::UnshownSet`]: the conversation as under `M`, without an id |
//! | `R` `s` session | [`records::SessionSet`] |
//! | `R` `t` group, account | [`records::Silenced`] |
//! | `R` `w` `f` hash | [`records::FileSet`] |
//! | `R` `w` `g` hash | [`records::FileGiven`] |
//! | `R` `w` `h` account, hash | [`records::FileHeld`] |
//! | `R` `w` `k` | [`records::FileKeySet`] |
//! | `R` `w` `n` conversation, id | [`records::FileNamed`]: the conversation as under `M`, without an id |
//! | `R` `x` list | [`records::ChangesReached`]: the list as under `C`, without an id |
//! | `R` `u` step | [`records::UpgradeDone`] |
//! | `R` `v` conversation, account | [`records::MentionsSet`]: the conversation as under `M`, without an id |
//! | `R` `y` account | [`records::Erasing`]: the account is gone, and what it wrote goes |
//! | `R` `z` conversation, account | [`records::MuteSet`]: the conversation as under `M`, without an id |
//! | `T` `i` account, peer, id | a run of pointers to what an account received, the first with this id ([`Pointer`]); peer 0 is this realm |
//! | `T` `o` account, peer, id | the same of what it sent |
//! | `T` `w` peer, number, id | the same of what waits for a user of a plain peer |
//!
//! A message is kept once, in its conversation. The two timelines of an account say where it is: INBOX,
//! INBOXREALM and SENT are stretches of them. A group has no timelines: who is in it reads its conversation.
//!
//! The last number of a list's key takes eight bytes. Every other number is led by its length, which makes
//! most keys short; all are big-endian, so that keys sort as the numbers do. Records (`R`) are loaded at a
//! start in this order, each after those it refers to but for bans (`b`). A *run* is what one or more batches add to one list,
//! up to [`RUN`] entries: the tree's cost is by the pair, not by the byte, and where much is sent at once
//! much of it goes to the same places. A run of messages or of pointers may have lost its first entries, which were let
//! go of: its key is what it was. Format 1 had small letters ([`crate::v1`]).

use crate::engine::Key;
use crate::records::alike::Alike;
#[cfg(doc)]
use crate::records::{self, ApartEntry, ChangeEntry, Message, Outgoing, Pointer, Position};
use crate::records::{ChangeList, Conversation};
use antar_domain::{AccountId, CorrespondentId, ForkId, GroupId, Mailbox, PeerId, Source};
use antar_types::FileHash;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The version of this layout.
pub const FORMAT: u32 = 2;

/// The most entries of a run: bounds what reading one of them costs.
pub const RUN: usize = 64;

/// Bytes past which a run takes no more entries: whoever wants one of them reads all.
pub const RUN_BYTES: usize = 32 << 10;

pub const FORMAT_KEY: &[u8] = b"f";
pub const TIP_KEY: &[u8] = b"b";
pub const MIGRATION_KEY: &[u8] = b"g";
pub const RECORDS: u8 = b'R';

/// Every kind of list and the records: what a migration writes beside what was there.
pub const KINDS: [u8; 8] = [b'A', b'C', b'F', b'H', b'M', b'O', b'R', b'T'];

/// How far the data go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    pub batch: u64,
    pub last_id: u64,
}

/// What an account received or sent, or what waits here, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeline {
    Incoming(AccountId, PeerId),
    Outgoing(AccountId, PeerId),
    Waiting(PeerId, u64),
}

/// Stands for this realm where a timeline is with a peer.
pub const HERE: PeerId = PeerId(0);

/// A list, kept in runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    Messages(antar_domain::Conversation),
    Timeline(Timeline),
    Changes(antar_domain::ChangeList),
    Outbox(PeerId),
    Hashes(ForkId),
    Apart(PeerId),
}

impl List {
    /// The list that a source is, or that it is a view of.
    pub fn of(source: Source) -> Self {
        use antar_domain::Conversation;
        Self::Timeline(match source {
            Source::Mailbox(Mailbox::Group(group)) => {
                return Self::Messages(Conversation::Group(group));
            }
            Source::Mailbox(Mailbox::GroupRealm(group, peer)) => {
                return Self::Messages(Conversation::GroupPeer(group, peer));
            }
            Source::Conversation(conversation) => return Self::Messages(conversation),
            Source::Changes(list) => return Self::Changes(list),
            Source::Outbox(peer) => return Self::Outbox(peer),
            Source::Hashes(fork) => return Self::Hashes(fork),
            Source::Mailbox(Mailbox::Private(account)) => Timeline::Incoming(account, HERE),
            Source::Sent(account) => Timeline::Outgoing(account, HERE),
            Source::Mailbox(Mailbox::Realm(account, peer)) => Timeline::Incoming(account, peer),
            Source::Mailbox(Mailbox::SentRealm(account, peer)) => Timeline::Outgoing(account, peer),
            Source::Mailbox(Mailbox::Plain(peer, number)) => Timeline::Waiting(peer, number),
        })
    }

    /// The key of the run that begins with an id.
    pub fn key(self, id: u64) -> Key {
        let mut key = Vec::with_capacity(20);
        match self {
            Self::Messages(conversation) => {
                key.push(b'M');
                put_conversation(&mut key, conversation);
            }
            Self::Timeline(Timeline::Incoming(account, peer)) => {
                put(&mut key, b"Ti", &[account.0, peer.0]);
            }
            Self::Timeline(Timeline::Outgoing(account, peer)) => {
                put(&mut key, b"To", &[account.0, peer.0]);
            }
            Self::Timeline(Timeline::Waiting(peer, number)) => {
                put(&mut key, b"Tw", &[peer.0, number]);
            }
            Self::Changes(list) => {
                key.push(b'C');
                put_list(&mut key, list);
            }
            Self::Outbox(peer) => put(&mut key, b"O", &[peer.0]),
            Self::Hashes(fork) => put(&mut key, b"H", &[fork.0]),
            Self::Apart(peer) => put(&mut key, b"A", &[peer.0]),
        }
        key.extend_from_slice(&id.to_be_bytes());
        key
    }

    /// The keys of its runs that begin before an id, from one on.
    pub fn keys(self, from: u64, before: u64) -> Range<Key> {
        self.key(from)..self.key(before)
    }

    /// The list that a key belongs to, and the id in the key.
    pub fn read(key: &[u8]) -> Option<(Self, u64)> {
        let (rest, id) = key.split_last_chunk::<8>()?;
        let (kind, numbers) = match rest {
            [kind @ (b'A' | b'O' | b'H'), rest @ ..] => ([*kind, 0], numbers(rest)?),
            [kind, further, rest @ ..] => ([*kind, *further], numbers(rest)?),
            _ => return None,
        };
        let list = match (&kind, &numbers[..]) {
            (b"O\0", [peer]) => Self::Outbox(PeerId(*peer)),
            (b"H\0", [fork]) => Self::Hashes(ForkId(*fork)),
            (b"A\0", [peer]) => Self::Apart(PeerId(*peer)),
            (b"Ca", [account]) => {
                Self::Changes(antar_domain::ChangeList::Account(AccountId(*account)))
            }
            (b"Cg", [group]) => Self::Changes(antar_domain::ChangeList::Group(GroupId(*group))),
            (b"Ti", [account, peer]) => {
                Self::Timeline(Timeline::Incoming(AccountId(*account), PeerId(*peer)))
            }
            (b"To", [account, peer]) => {
                Self::Timeline(Timeline::Outgoing(AccountId(*account), PeerId(*peer)))
            }
            (b"Tw", [peer, number]) => Self::Timeline(Timeline::Waiting(PeerId(*peer), *number)),
            ([b'M', kind], numbers) => Self::Messages(conversation(*kind, numbers)?),
            _ => return None,
        };
        let id = u64::from_be_bytes(*id);
        (list.key(id) == key).then_some((list, id))
    }
}

/// Appends a kind and numbers, each led by its length.
pub fn put(key: &mut Key, kind: &[u8], numbers: &[u64]) {
    key.extend_from_slice(kind);
    for number in numbers {
        let bytes = number.to_be_bytes();
        let significant = &bytes[(number.leading_zeros() / 8) as usize..];
        key.push(significant.len() as u8);
        key.extend_from_slice(significant);
    }
}

/// Reads what [`put`] appends.
fn numbers(mut rest: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    while let [length, after @ ..] = rest {
        let significant = after.get(..usize::from(*length)).filter(|bytes| bytes.len() <= 8)?;
        numbers.push(significant.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        rest = &after[significant.len()..];
    }
    Some(numbers)
}

fn put_list(key: &mut Key, list: antar_domain::ChangeList) {
    use antar_domain::ChangeList;
    match list {
        ChangeList::Account(account) => put(key, b"a", &[account.0]),
        ChangeList::Group(group) => put(key, b"g", &[group.0]),
    }
}

fn put_conversation(key: &mut Key, conversation: antar_domain::Conversation) {
    use antar_domain::Conversation;
    match conversation {
        Conversation::Private(one, other) => put(key, b"p", &[one.0, other.0]),
        Conversation::Group(group) => put(key, b"g", &[group.0]),
        Conversation::Peer(account, peer, user) => put(key, b"r", &[account.0, peer.0, user.0]),
        Conversation::GroupPeer(group, peer) => put(key, b"t", &[group.0, peer.0]),
    }
}

fn conversation(kind: u8, numbers: &[u64]) -> Option<antar_domain::Conversation> {
    use antar_domain::Conversation;
    Some(match (kind, numbers) {
        (b'p', [one, other]) => Conversation::Private(AccountId(*one), AccountId(*other)),
        (b'g', [group]) => Conversation::Group(GroupId(*group)),
        (b'r', [account, peer, user]) => {
            Conversation::Peer(AccountId(*account), PeerId(*peer), CorrespondentId(*user))
        }
        (b't', [group, peer]) => Conversation::GroupPeer(GroupId(*group), PeerId(*peer)),
        _ => return None,
    })
}

/// The key of a record of a kind.
pub fn key(kind: &[u8], numbers: &[u64]) -> Key {
    let mut key = vec![RECORDS];
    put(&mut key, kind, numbers);
    key
}

/// The key of how far a conversation has come.
pub fn conversation_key(conversation: Conversation) -> Key {
    let mut key = vec![RECORDS, b'c'];
    put_conversation(&mut key, conversation.alike());
    key
}

/// The key of up to where the messages of a conversation are gone.
pub fn floor_key(conversation: Conversation) -> Key {
    let mut key = vec![RECORDS, b'h'];
    put_conversation(&mut key, conversation.alike());
    key
}

/// The key of what does not count as unread in a conversation.
pub fn skipped_key(conversation: Conversation) -> Key {
    let mut key = vec![RECORDS, b'd'];
    put_conversation(&mut key, conversation.alike());
    key
}

/// A part of what is kept of a peer: which record, and of which of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerPart {
    /// [`records::PeerSet`].
    Peer,
    /// [`records::EpochBegun`].
    Epoch,
    /// [`records::OwedReached`].
    Owed,
    /// The latest [`records::Trimmed`].
    Trimmed,
    /// [`records::Acked`], in some hour.
    Acked(u64),
    /// [`records::Followed`].
    Followed(ForkId),
    /// [`records::CursorReached`].
    Cursor,
    /// [`records::PlainMailboxSet`], for one number.
    PlainMailbox(u64),
    /// [`records::PeerForgotten`], where the peer left traces; there is no other part then.
    Forgotten,
    /// [`records::AddressTold`], where it tells one.
    Address,
    /// [`records::HeirSet`].
    Heir(AccountId),
    /// [`records::Dropped`].
    Dropped,
    /// [`records::KnownAs`], where it tells one.
    KnownAs,
    /// [`records::CorrespondentSet`].
    Correspondent(CorrespondentId),
    /// [`records::ApartReached`].
    Apart,
    /// [`records::CanSet`].
    Can,
    /// [`records::ReplacedReached`].
    Replaced,
}

impl PeerPart {
    /// Those that every peer may have once; not the note that it was forgotten.
    pub const SINGLE: [Self; 11] = [
        Self::Peer,
        Self::Epoch,
        Self::Owed,
        Self::Trimmed,
        Self::Cursor,
        Self::Address,
        Self::Dropped,
        Self::KnownAs,
        Self::Apart,
        Self::Can,
        Self::Replaced,
    ];

    /// Its number in the key, and what tells it from others of its kind.
    fn numbers(self) -> (u64, Option<u64>) {
        match self {
            Self::Peer => (0, None),
            Self::Epoch => (1, None),
            Self::Owed => (2, None),
            Self::Trimmed => (3, None),
            Self::Acked(hour) => (4, Some(hour)),
            Self::Followed(fork) => (5, Some(fork.0)),
            Self::Cursor => (6, None),
            Self::PlainMailbox(number) => (7, Some(number)),
            Self::Forgotten => (8, None),
            Self::Address => (9, None),
            Self::Heir(account) => (10, Some(account.0)),
            Self::Dropped => (11, None),
            Self::KnownAs => (12, None),
            Self::Correspondent(user) => (13, Some(user.0)),
            Self::Apart => (14, None),
            Self::Can => (15, None),
            Self::Replaced => (16, None),
        }
    }

    /// The key of the record.
    pub fn of(self, peer: PeerId) -> Key {
        let (part, which) = self.numbers();
        let numbers = [peer.0, part, which.unwrap_or(0)];
        key(b"l", &numbers[..if which.is_some() { 3 } else { 2 }])
    }
}

/// The keys of what is kept of a peer, but for the note that it was forgotten.
pub fn records_of(peer: PeerId) -> [Range<Key>; 2] {
    let at = |part| key(b"l", &[peer.0, part]);
    let (forgotten, _) = PeerPart::Forgotten.numbers();
    [at(0)..at(forgotten), at(forgotten + 1)..at(u64::MAX)]
}

/// The keys of the numbers of users of a plain peer.
pub fn plain_mailboxes_of(peer: PeerId) -> Range<Key> {
    let (part, _) = PeerPart::PlainMailbox(0).numbers();
    key(b"l", &[peer.0, part])..key(b"l", &[peer.0, part + 1])
}

/// The keys of all records about a group, but for the group's own and for the note that it is gone.
pub fn records_about(group: GroupId) -> Vec<Range<Key>> {
    let about = |kind: &[u8]| {
        let start = key(kind, &[group.0]);
        // The longest number takes eight bytes, which its length says.
        let end = [&start[..], &[9]].concat();
        [&start[..], &[0]].concat()..end
    };
    let kinds = [&b"b"[..], b"ct", b"dt", b"gp", b"ht", b"kg", b"kt", b"m", b"t", b"wng", b"wnt"];
    let mut all: Vec<_> = kinds.map(about).into();
    // Conversations and lists with nobody else have no further number.
    for own in [&b"cg"[..], b"dg", b"hg", b"xg"] {
        let start = key(own, &[group.0]);
        let end = [&start[..], &[0]].concat();
        all.push(start..end);
    }
    all
}

/// The keys of all messages of a group, with or without a peer.
pub fn messages_of(group: GroupId) -> [Range<Key>; 2] {
    let own = List::Messages(antar_domain::Conversation::Group(group)).keys(0, u64::MAX);
    let mut pairs = vec![b'M'];
    put(&mut pairs, b"t", &[group.0]);
    let end = [&pairs[..], &[9]].concat();
    [own, pairs..end]
}

/// The key of how far a list of changes has come.
pub fn changes_key(list: ChangeList) -> Key {
    let mut key = vec![RECORDS, b'x'];
    put_list(&mut key, list.alike());
    key
}

/// The key of how far a user has read a conversation.
pub fn marker_key(conversation: Conversation, account: AccountId) -> Key {
    let mut key = vec![RECORDS, b'k'];
    put_conversation(&mut key, conversation.alike());
    put(&mut key, b"", &[account.0]);
    key
}

/// The key of until when a user has muted a conversation.
pub fn mute_key(conversation: Conversation, account: AccountId) -> Key {
    let mut key = vec![RECORDS, b'z'];
    put_conversation(&mut key, conversation.alike());
    put(&mut key, b"", &[account.0]);
    key
}

/// The key of what a user is not shown of a conversation of late.
pub fn unshown_key(conversation: Conversation, account: AccountId) -> Key {
    let mut key = vec![RECORDS, b'q', b'u'];
    put_conversation(&mut key, conversation.alike());
    put(&mut key, b"", &[account.0]);
    key
}

/// The key of where a user was mentioned.
pub fn mentions_key(conversation: Conversation, account: AccountId) -> Key {
    let mut key = vec![RECORDS, b'v'];
    put_conversation(&mut key, conversation.alike());
    put(&mut key, b"", &[account.0]);
    key
}

/// What the keys of files begin with.
pub const FILES_KEY: &[u8] = &[RECORDS, b'w', b'f'];

/// The key of what there is of a file.
pub fn file_key(hash: &FileHash) -> Key {
    [FILES_KEY, hash.as_bytes()].concat()
}

/// The key of that a peer has given the bytes of a file.
pub fn given_key(hash: &FileHash) -> Key {
    [&[RECORDS, b'w', b'g'][..], hash.as_bytes()].concat()
}

/// The key of that an account has uploaded a file.
pub fn hold_key(hash: &FileHash, account: AccountId) -> Key {
    let mut key = key(b"wh", &[account.0]);
    key.extend_from_slice(hash.as_bytes());
    key
}

/// The key of that a message names a file.
pub fn named_key(conversation: Conversation, id: u64) -> Key {
    let mut key = vec![RECORDS, b'w', b'n'];
    put_conversation(&mut key, conversation.alike());
    put(&mut key, b"", &[id]);
    key
}

/// A key as people are shown it.
pub fn hex(key: &[u8]) -> String {
    key.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Record;

    /// A peer that leaves nothing behind is forgotten by this list.
    #[test]
    fn every_record_that_a_peer_has_once_is_listed() {
        for tag in Record::TAGS {
            let record = Record::sample(*tag, &mut || 7).unwrap();
            let Some(key) = record.key() else { continue };
            let [RECORDS, b'l', rest @ ..] = &key[..] else { continue };
            let [peer, _] = numbers(rest).unwrap()[..] else { continue };
            let listed = PeerPart::SINGLE.iter().any(|part| part.of(PeerId(peer)) == key);
            assert_eq!(listed, !matches!(record, Record::PeerForgotten(_)), "{record:?}");
        }
    }
}
