//! What takes too long for the domain's one thread: passwords, the disk, other realms.
//!
//! A command that needs such a thing stops with a [`Job`]; the driver does it elsewhere and has the same
//! request decided again with the [`JobResult`].

use crate::links::{Ask, Failure, LinkStatus, Listing, NamesLookup, NotAsked, Quote, Told};
use crate::{
    AccountId, Change, Conversation, ConversationTip, FoundMessages, Marker, MessageLookup,
    NewestQuery, PlacedMessage, Reader, ReferenceLookup, Referred, Rewriting, SearchQuery, Source,
    Unshown,
};
use antar_types::{Chain, Code, GroupEntry, Message, Secret};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A password's hash (argon2id, in the PHC string format). `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Stands for no password, with a group that is open. It is kept in the same form as any other, and a program
    /// that does not know it finds no password that it fits.
    pub const NONE: Self = Self(String::new());

    /// Whether no password is asked for.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Who may join a group that has such a password and says nothing else.
    pub fn entry(&self) -> GroupEntry {
        if self.is_none() { GroupEntry::Open } else { GroupEntry::Password }
    }

    /// Wraps a PHC string.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What the driver is asked to do off the domain's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Hash a new password with this salt.
    Hash {
        /// The password.
        password: Secret<String>,
        /// 16 random bytes.
        salt: [u8; 16],
        /// Whether it is for an account that anyone makes.
        registers: bool,
    },
    /// Tell whether a password has this hash.
    Verify {
        /// The password.
        password: Secret<String>,
        /// The hash; `None` to take as long and say no (there is no such user, and that is hidden).
        hash: Option<PasswordHash>,
        /// What is being guessed at (`user bob`, `group staff`): failures are counted against it.
        subject: String,
        /// Who guesses, where a session proves it and it is not somebody else's account that is guessed at:
        /// then failures of others, from the same address or not, are not in the way.
        by: Option<AccountId>,
    },
    /// Look up the hashes of logs at an entry.
    Chains {
        /// The logs: [`Source::Outbox`] or [`Source::Hashes`].
        sources: Vec<Source>,
        /// The entry's number.
        seq: u64,
    },
    /// Tell which of these notices are about a message that their account wrote.
    Quoted(Vec<Quote>),
    /// Tell which message of a conversation is the last up to an id.
    Locate(Box<Place>),
    /// Tell what an account has called so.
    Refer(ReferenceLookup),
    /// Look up a message.
    Message(MessageLookup),
    /// Look up the newest messages of a conversation.
    Newest(NewestQuery),
    /// Look up messages that a peer names.
    Named(NamesLookup),
    /// Look up what is new.
    Changes(ChangesQuery),
    /// Look for words in messages.
    Search(SearchQuery),
    /// Ask a plain peer; for a list with what is known of it.
    Ask(Ask, Option<Box<Listing>>),
    /// Write everything that is durable by now into a directory; operators only.
    Backup {
        /// The directory.
        path: String,
    },
}

/// A place in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The conversation.
    pub conversation: Conversation,
    /// The id of a message.
    pub id: u64,
    /// For whom messages after it are counted that do not count as unread, of up to [`crate::MOST_UNREAD`].
    pub reader: Option<Reader>,
    /// An id of when its reader came into the group, 0 where it is none's: nothing before it mentions its reader.
    pub joined: u64,
    /// How far its reader had read when it was asked for: where that has changed since, it is asked for again.
    pub marker: Marker,
    /// Which of its messages were gone then: the same holds for that.
    pub floor: ConversationTip,
}

/// What was found of a [`Place`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The last message up to there, and how many after it do not count as unread.
    pub marker: Marker,
    /// Which after it mention their reader, by ordinal.
    pub mentions: Vec<u64>,
    /// What its reader is not shown of the latest, as far as it was looked at.
    pub unshown: Unshown,
}

impl From<Marker> for Located {
    fn from(marker: Marker) -> Self {
        Self { marker, ..Self::default() }
    }
}

impl Located {
    /// Notes a message that comes after the place, as its reader sees it; the newest is noted first.
    pub fn pass(&mut self, place: &Place, ordinal: u64, message: &Message) {
        let Some(reader) = &place.reader else { return };
        let Unshown { hidden, shown } = &mut self.unshown;
        if *shown == 0 {
            let latest = if reader.hides(place.conversation, message) { hidden } else { shown };
            *latest = message.id.max(*latest);
        }
        if !reader.counts(place.conversation, message) {
            self.marker.own_after += u64::from(message.notice.is_none());
        } else if message.id > place.joined
            && reader.is_mentioned(place.conversation, message)
            && self.mentions.len() < crate::MENTIONS
        {
            self.mentions.push(ordinal);
        }
    }

    /// The same at this message, which is the last up to the place; at none where there is none.
    #[must_use]
    pub fn at(mut self, id: u64, ordinal: u64) -> Self {
        (self.marker.id, self.marker.ordinal) = (id, ordinal);
        self.mentions.reverse();
        if self.unshown.shown == 0 {
            self.unshown.shown = id;
        }
        self
    }
}

/// What is new in several lists, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesQuery {
    /// The lists.
    pub feeds: Vec<Feed>,
    /// Nothing later than this id.
    pub upto: u64,
    /// How many messages and changes at most, 1 to [`crate::MAX_PAGE`].
    pub limit: usize,
}

/// A list in which something is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The list: of messages, or of changes.
    pub source: Source,
    /// Only what is later than this id.
    pub after: u64,
}

/// What is new in several lists, by id. What is in more than one of them is there once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundChanges {
    /// Each with its id.
    pub found: Vec<(u64, FoundChange)>,
    /// There is more.
    pub more: bool,
}

/// A message or a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundChange {
    /// A message of a conversation.
    Message(Conversation, Box<Message>),
    /// A message that is another than it was, and as it is now.
    Rewritten(Rewriting, Conversation, Box<Message>),
    /// Another change.
    Change(Box<Change>),
}

/// How much a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Messages.
    pub messages: u64,
    /// Everything else: accounts, groups, memberships, sessions.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// How many files it lacks that the data name.
    pub lacking: u64,
    /// Which those are and why, the first of them.
    pub lacks: Box<[Box<str>]>,
}

/// What came of a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The hash asked for.
    Hashed(PasswordHash),
    /// Whether the password has this hash.
    Verified {
        /// The hash compared with.
        hash: Option<PasswordHash>,
        /// The verdict.
        matches: bool,
    },
    /// What was backed up, or why nothing was and what to do about it.
    BackedUp(Result<BackedUp, String>),
    /// Not tried: too many failures lately.
    Throttled,
    /// Not tried: the pool that hashes is full.
    Busy,
    /// The disk failed when what the request waited for was to be kept, so nobody knows whether it was.
    Unknown,
    /// The hashes asked for, of those logs that have the entry.
    Chains(Vec<Chain>),
    /// Of each asked about, whether it is.
    Quoted(Vec<(Quote, bool)>),
    /// The last message of that conversation up to that id, of those that were looked through.
    Located(Box<Place>, Located),
    /// What that account has called so, if anything.
    Referred(ReferenceLookup, Option<Referred>),
    /// That message, if there is one.
    Message(MessageLookup, Option<PlacedMessage>),
    /// The newest messages, oldest first.
    Newest(NewestQuery, Vec<Message>),
    /// Those messages, in the order in which they were asked for, as far as they are there.
    Named(NamesLookup, Vec<Option<PlacedMessage>>),
    /// What is new up to an id.
    Changes(u64, FoundChanges),
    /// The messages that were found.
    Searched(FoundMessages),
    /// What was asked for cannot be read. That does not mean that it is not there.
    Unreadable,
    /// What a plain peer answered, and the address it has; with what was known of the list that it was
    /// asked for.
    Asked(Option<Box<Listing>>, Result<(Told, IpAddr), NotAsked>),
    /// What came of a call to another realm.
    Linked(Result<LinkStatus, Failure>),
    /// This realm's own call, which crossed the one of the realm that waits, has been answered or has failed.
    Crossed,
    /// Everything a realm had for this one is here, or (`stale`) it could not be asked.
    CaughtUp {
        /// It could not be asked.
        stale: bool,
    },
    /// The realm of a group has done what it was asked for, or has refused it.
    RoomAnswered(Option<Code>),
    /// It has not answered yet, and will do it once it can.
    RoomLater,
}

/// For drivers whose users are made up: the password itself stands for its hash, which takes no time.
impl JobResult {
    /// The "hash" of a password.
    pub fn hashed_as_is(password: &Secret<String>) -> Self {
        Self::Hashed(PasswordHash::new(password.expose().clone()))
    }

    /// Whether a password is the one that stands there.
    pub fn verified_as_is(password: &Secret<String>, hash: Option<PasswordHash>) -> Self {
        let matches = hash.as_ref().is_some_and(|hash| hash.as_phc() == password.expose());
        Self::Verified { hash, matches }
    }
}
