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
mod parts;
mod raw;
mod sample;

pub use convert::{encode_events, events, records};
pub use parts::{
    Address, Apart, Away, Conversation, EntryKind, LinkKind, LinkStatus, Notice, Position,
};
pub use raw::{MessageRef, Passed, Raw, RawPosted};
pub use sample::{Draw, Sample};

use crate::StoreError;
use crate::engine::Key;
use crate::layout::{PeerPart, conversation_key, key};
use antar_domain::{AccountId, CorrespondentId, ForkId, GroupId, PasswordHash, PeerId, SessionId};
use antar_types::{Chain, Name, Text, Time, TokenHash};
use codec::{encode, take};
use sample::sampled;
use serde::{Deserialize, Serialize};

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

            /// Reads the first of some bytes, and returns what follows it. This is where a version that is
            /// not written any more would be read.
            pub fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let [tag, version, rest @ ..] = bytes else { return None };
                match (*tag, *version) {
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
    3 v 1 AccountSet {
        account: AccountId, name: Name, password: PasswordHash, admin: bool, created: Time,
    } at |r| key(b"a", &[r.account.0]);
    /// An account is gone.
    4 v 1 AccountRemoved { account: AccountId };
    /// A session was opened or used.
    5 v 1 SessionSet { session: SessionId, hash: TokenHash, account: AccountId, used: Time }
        at |r| key(b"s", &[r.session.0]);
    /// A session is over.
    6 v 1 SessionEnded { session: SessionId };
    /// A group was made or changed.
    7 v 1 GroupSet {
        group: GroupId, name: Name, password: PasswordHash, creator: AccountId,
        owner: Option<AccountId>, created: Time,
    } at |r| key(b"g", &[r.group.0]);
    /// A user is in a group.
    8 v 1 MemberAdded { group: GroupId, account: AccountId, since: u64 }
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
    14 v 1 Posted {
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
    22 v 1 Acked { peer: PeerId, acked: Position, total: u64, hour: u64 }
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
    /// An account has a name that was another's before.
    29 v 1 HeirSet { peer: PeerId, account: AccountId, owed: u64, upto: Option<u64> }
        at |r| PeerPart::Heir(r.account).of(r.peer);
    /// That account is gone.
    30 v 1 HeirEnded { peer: PeerId, account: AccountId };
    /// How many of the messages that a peer was owed have been let go of undelivered so far.
    31 v 1 Dropped { peer: PeerId, dropped: u64 } at |r| PeerPart::Dropped.of(r.peer);
    /// A name that this realm had before, by which a peer may know it.
    32 v 1 KnownAs { peer: PeerId, name: Option<Name> } at |r| PeerPart::KnownAs.of(r.peer);
    /// A peer has sent an entry that is not known here.
    33 v 1 SetApart { peer: PeerId, apart: Apart, entry: Option<ApartEntry> };
    /// How much of what a peer has sent was set apart.
    34 v 1 ApartReached { peer: PeerId, apart: Apart } at |r| PeerPart::Apart.of(r.peer);
    /// An account that was removed had a name.
    35 v 1 FormerSet { account: AccountId, name: Name } at |r| key(b"o", &[r.account.0]);
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

sampled! {
    struct Message { ordinal, id, time, from, to, text, away, notice }
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
    /// Stands at the beginning of each run.
    const VERSION: u8 = 1;

    /// Grows within a list.
    fn id(&self) -> u64;
}

impl Listed for Message {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Listed for Pointer {
    fn id(&self) -> u64 {
        self.id
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

impl Listed for Position {
    fn id(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{KINDS, List};
    use crate::pair::{Pair, read};
    use crate::projection::project;
    use crate::{Batch, MemoryEngine};
    use codec::{decode_run, encode_run};
    use proptest::prelude::*;

    /// Numbers out of one, the same each time.
    fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 13
        }
    }

    fn run<T: Listed + Sample + PartialEq + std::fmt::Debug>(seed: u64) {
        let mut draw = numbers(seed);
        let run: Vec<T> = (0..draw() % 5).map(|_| T::sample(&mut draw)).collect();
        let mut bytes = Vec::new();
        encode_run(&run, &mut bytes).unwrap();
        assert_eq!(decode_run::<T>(b"", &bytes).unwrap(), run);
        // One of another version is not misread.
        bytes[0] += 1;
        assert!(decode_run::<T>(b"", &bytes).is_err());
    }

    proptest! {
        #[test]
        fn every_record_reads_as_it_was_written(seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
            let mut draw = numbers(seed);
            for tag in Record::TAGS {
                let record = Record::sample(*tag, &mut draw).unwrap();
                let mut bytes = Vec::new();
                record.encode(&mut bytes).unwrap();
                prop_assert_eq!(Record::take(&bytes), Some((record.clone(), &[][..])));
                prop_assert!(Record::take(&bytes[..cut.index(bytes.len())]).is_none());
                // As an event, and back.
                if let Some(event) = record.clone().event() {
                    prop_assert_eq!(records(&[event]), vec![record.clone()]);
                }
                // Under its own key, and under no other.
                let Some(key) = record.key() else { continue };
                prop_assert_eq!(read(&key, &bytes).unwrap(), Pair::Record(record));
                for at in 0..key.len() {
                    let mut other = key.clone();
                    other[at] ^= 1;
                    prop_assert!(read(&other, &bytes).is_err());
                }
            }
        }

        #[test]
        fn every_run_reads_as_it_was_written(seed in any::<u64>()) {
            run::<Message>(seed);
            run::<Pointer>(seed);
            run::<Outgoing>(seed);
            run::<Position>(seed);
            run::<ApartEntry>(seed);
        }

        #[test]
        fn a_batch_reads_as_it_was_written_and_whatever_it_comes_to_can_be_read(seed in any::<u64>()) {
            let mut draw = numbers(seed);
            let kinds = Record::TAGS.len() as u64;
            let count = 1 + draw() % 9;
            let all = (0..count).filter_map(|_| {
                Record::sample(Record::TAGS[(draw() % kinds) as usize], &mut draw)
            });
            let all: Vec<Record> = all.collect();
            let batch = Batch::of_records(&all).unwrap();
            prop_assert_eq!(&Batch::read(batch.as_bytes()).records(1).unwrap(), &all);
            let ops = project(&MemoryEngine::default(), 1, &batch).unwrap();
            for (key, value) in ops.iter().filter_map(|(key, value)| Some((key, value?))) {
                // Ids that are drawn do not grow, as those of a realm do.
                let orderly = all.len() == 1 || !KINDS.contains(&key[0]) || key[0] == b'R';
                prop_assert!(read(key, value).is_ok() || !orderly, "{:x?} of {:?}", key, all);
            }
        }

        #[test]
        fn keys_of_lists_read_as_they_were_written_and_sort_as_their_numbers(
            a in any::<(u64, u64, u64, u64)>(), shift in 0u32..64,
        ) {
            let conversation = |(a, b, c, _)| {
                antar_domain::Conversation::Peer(AccountId(a), PeerId(b), CorrespondentId(c))
            };
            let small = (a.0 >> shift, a.1 >> shift, a.2 >> shift, a.3);
            let lists = [a, small].map(|n| (List::Messages(conversation(n)), n));
            for (list, n) in lists {
                prop_assert_eq!(List::read(&list.key(n.3)), Some((list, n.3)));
            }
            let [one, other] = lists.map(|(list, n)| ((n.0, n.1, n.2, n.3), list.key(n.3)));
            prop_assert_eq!(one.0.cmp(&other.0), one.1.cmp(&other.1));
        }
    }

    /// Records as the first version of format 2 wrote them, each with what it meant.
    #[test]
    fn what_an_earlier_version_wrote_means_what_it_did() {
        for line in include_str!("earlier.txt").lines() {
            let (hex, meant) = line.split_once(' ').unwrap();
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            let (record, rest) = Record::take(&bytes).unwrap();
            assert_eq!((&*format!("{record:?}"), rest), (meant, &[][..]));
        }
    }

    /// What is written stays readable: these bytes may be in somebody's data.
    #[test]
    fn what_is_stored_stays_as_it_is() {
        // The hash of all up to a record: whoever adds one adds a line.
        let known = [(34, 12_681_445_252_115_147_835), (35, 8_624_230_644_606_812_487)];
        let mut all = Vec::new();
        let mut draw = numbers(7);
        let mut hashes = Vec::new();
        for tag in Record::TAGS {
            Record::sample(*tag, &mut draw).unwrap().encode(&mut all).unwrap();
            hashes.push((*tag, xxhash_rust::xxh3::xxh3_64(&all)));
        }
        hashes.retain(|(tag, _)| known.iter().any(|(known, _)| known == tag));
        assert_eq!(hashes, known, "the form of a record has changed: give it a new version");
        assert_eq!(known.last().map(|(tag, _)| tag), Record::TAGS.last());
    }
}
