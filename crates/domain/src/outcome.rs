//! What came of a request, in types. A door gives it the shape that its clients read.

mod memory;

use crate::links::{Epoch, Invitation, LinkState, PeerStatus, Position};
use crate::{
    BackedUp, Command, FileAt, FileRoom, GroupEntry, GroupRecord, GroupRole, OpenSession, Presence,
    Read, RoomRealms, Told, ToldAt, commands,
};
use antar_types::{
    Capabilities, Chain, Code, FileAbout, Fingerprint, List, Message, Name, SyncCursor, Text, Time,
    Token,
};
use std::sync::Arc;

/// What may be set of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Who may join it.
    pub entry: GroupEntry,
    /// Whether it is listed.
    pub listed: bool,
    /// Whether only its owner and moderators write.
    pub announce: bool,
    /// For how many days its messages are kept, 0 for ever; none where the realm says that.
    pub retention: Option<u16>,
    /// Users of which other realms may be in it.
    pub realms: RoomRealms,
    /// How many of the newest messages a realm is told whose first member comes.
    pub past: u16,
}

impl GroupRecord {
    /// What is set of it.
    pub fn settings(&self) -> GroupSettings {
        let Self { entry, listed, announce, retention, realms, past, .. } = self;
        let (entry, listed, announce) = (*entry, *listed, *announce);
        let (retention, realms, past) = (*retention, realms.clone(), *past);
        GroupSettings { entry, listed, announce, retention, realms, past }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done, and there is nothing more to say.
    Done,
    /// It is refused, and nothing was changed.
    Refused(Refused),
    /// A message was taken.
    Sent {
        /// Its id.
        id: u64,
        /// The group it went to: `staff`, or `staff@beta`.
        group: Option<Arc<str>>,
    },
    /// A session was opened; this is its token.
    Session(Token),
    /// Who asks.
    Caller {
        /// The user.
        user: Name,
        /// This realm, once it has a name.
        realm: Option<Name>,
        /// Whether the user administers it.
        admin: bool,
    },
    /// Names of users, groups or realms.
    Names(List),
    /// Groups, some with their members.
    Groups {
        /// The groups' names.
        names: List,
        /// The members of those groups whose members may be seen, each with the place of the group among
        /// the names, in order.
        members: Vec<(usize, List)>,
    },
    /// A group's members.
    Members {
        /// Their names, in the order in which they joined.
        names: List,
        /// The group's owner.
        owner: Option<Box<str>>,
        /// Its moderators, in the order in which they joined.
        moderators: List,
    },
    /// What a group is about, where somebody has said so.
    Topic(Option<Text>),
    /// A group's settings, as they are now.
    GroupSettings(GroupSettings),
    /// The realm of a group will do it once it can be reached.
    Later,
    /// Accounts.
    Users(Vec<User>),
    /// Groups, with all that their owners may set.
    ShownGroups(Vec<ShownGroup>),
    /// A message was put into a conversation.
    Posted {
        /// Its id.
        id: u64,
        /// The conversation, as its sender addresses it.
        conversation: Box<str>,
        /// That was done before: nothing was posted now.
        again: bool,
        /// It waits for its place in a group of another realm: this is the number under which it does.
        pending: bool,
    },
    /// A file may be uploaded.
    FileWanted {
        /// Whether its bytes are here. Whoever does not bring them has not uploaded it.
        here: bool,
        /// How many bytes the caller may bring.
        room: FileRoom,
        /// What the caller has said of it, where it is here and the caller has uploaded it.
        held: Option<Box<FileAbout>>,
    },
    /// It is noted that the caller has uploaded a file.
    FileStored,
    /// A file that the caller may read.
    FileFound {
        /// What is said of it.
        about: Box<FileAbout>,
        /// Where its bytes are.
        at: FileAt,
    },
    /// A link to a file.
    FileLinked {
        /// Where the file is read, at this realm.
        path: Box<str>,
        /// Until when.
        until: Time,
    },
    /// A page of history.
    Messages(Messages),
    /// A stretch of a conversation.
    History(History),
    /// Messages that have certain words in them.
    Found {
        /// The messages, newest first, each with how its reader addresses its conversation.
        all: Vec<(Box<str>, Message)>,
        /// There may be more, and all of them have a smaller id than this.
        before: Option<u64>,
        /// How much was looked at, as [`SEARCHED`](crate::SEARCHED) is counted.
        looked_at: usize,
    },
    /// Conversations, those with the latest message first.
    Conversations {
        /// The conversations.
        all: Vec<Overview>,
        /// There are more.
        more: bool,
    },
    /// Conversations that their reader has muted, as each is addressed, and until when, if there is an end.
    Muted(Vec<(Box<str>, Option<Time>)>),
    /// Whether users are here, in the order in which they were asked for.
    Presences(Vec<Presence>),
    /// What a user tells of herself.
    Profile(Box<ShownProfile>),
    /// Sessions, the oldest first.
    Sessions(Vec<OpenSession>),
    /// A conversation was read up to the message of this id.
    Marked(u64),
    /// How far whoever knows everything that there is has come.
    InStep(SyncCursor),
    /// What is new, in order.
    Changes {
        /// The changes.
        all: Vec<Told>,
        /// How far whoever was told them has come.
        cursor: SyncCursor,
        /// There are more.
        more: bool,
    },
    /// Changes are watched from this cursor on.
    Watching {
        /// Where the watch begins.
        cursor: SyncCursor,
        /// The number of the watch.
        watch: u64,
        /// What has happened since is still to be told: the door asks for it with [`Outcome::goes_on`].
        behind: bool,
    },
    /// What a watch is told of what has happened before it was in step, in order.
    CaughtUp {
        /// The changes.
        all: Vec<ToldAt>,
        /// The number of the watch.
        watch: u64,
        /// As far as it is not in step yet: the door asks for more after this, with [`Outcome::goes_on`].
        behind: Option<SyncCursor>,
    },
    /// A backup was written.
    BackedUp(BackedUp),
    /// Somebody is there.
    Pong {
        /// The time here, which other realms are told.
        clock: Option<Time>,
    },
    /// This realm's name, once it has one.
    RealmName(Option<Name>),
    /// Nothing: the door has the answer.
    Noop,
    /// How it stands with each link. Many who ask may have the same.
    Peers(Arc<[PeerStatus]>),
    /// What others need to know of this realm.
    ThisRealm {
        /// Its name.
        name: Name,
        /// Where it can be reached, as far as it knows.
        host: Option<String>,
        /// The port it listens on.
        port: u16,
        /// Of its certificate.
        key: Option<Fingerprint>,
    },
    /// A link is kept from now on; its state says whether it is up.
    Linked {
        /// The other realm.
        realm: Name,
        /// How it stands.
        state: LinkState,
        /// Why it is not up.
        error: Option<String>,
    },
    /// A realm may link; this is its key.
    Approved(Fingerprint),
    /// A code with which another realm links.
    Invitation(Box<Invitation>),
    /// A code with which the user of this name makes an account.
    UserInvited(Box<(Name, Token)>),
    /// This realm has another name.
    Renamed(Name),
    /// Another realm that has called was heard.
    Greeted {
        /// The name by which it called this realm.
        realm: Name,
        /// The two are linked; otherwise the link waits for approval here.
        linked: bool,
        /// What this realm understands on a link.
        can: Capabilities,
        /// This realm's name, where it is another by now.
        now: Option<Name>,
    },
    /// How far a peer's log, which is followed, goes.
    Tip(u64),
    /// A peer is sent what it is owed.
    Following {
        /// The last entry before those that are sent.
        from: Position,
        /// Its log here.
        log: LogEnds,
    },
    /// A peer follows a log with another past than the one here.
    Diverged(LogEnds),
    /// The hash of a log at an entry, where it is known.
    Chain(Option<Chain>),
}

/// Outcomes are moved about often, so one stays small.
const _: () = assert!(size_of::<Outcome>() <= 88);

/// What a user tells of herself, as others are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownProfile {
    /// The user.
    pub user: Name,
    /// A name to show beside it.
    pub name: Option<Text>,
    /// A text.
    pub about: Text,
}

impl ShownProfile {
    /// About how many bytes of memory it takes, with its own size.
    pub fn memory(&self) -> usize {
        let name = self.name.as_ref().map_or(0, |name| name.as_str().len());
        size_of::<Self>() + name + self.about.as_str().len()
    }
}

/// An account, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub name: Name,
    /// Whether the user administers the realm.
    pub admin: bool,
    /// When the account was made.
    pub created: Time,
    /// Whether nobody can log in with it.
    pub locked: bool,
}

/// A group, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownGroup {
    /// `staff`, or `staff@beta` where it is a copy of a group of that realm.
    pub name: Box<str>,
    /// What is stored of it.
    pub record: GroupRecord,
    /// Its owner's name; none where it has no members.
    pub owner: Option<Box<str>>,
    /// How many are in it.
    pub members: usize,
    /// How many of them are of other realms.
    pub elsewhere: usize,
    /// How many may not join it.
    pub bans: usize,
    /// How many messages were written there, with or without a peer.
    pub messages: u64,
    /// The peers with which it has a conversation.
    pub pairs: Vec<Name>,
}

impl ShownGroup {
    /// About how many bytes of memory it takes, with its own size.
    pub fn memory(&self) -> usize {
        let topic = self.record.topic.as_ref().map_or(0, |topic| topic.as_str().len());
        size_of::<Self>() + topic + self.pairs.len() * size_of::<Name>()
    }
}

/// The ends of a log that another realm follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnds {
    /// The log's epoch.
    pub epoch: Epoch,
    /// The number of the last entry.
    pub tip: u64,
    /// Entries up to here are gone.
    pub floor: Position,
}

/// A page of history, oldest message first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    /// The messages.
    pub found: Vec<Message>,
    /// More are left in the direction asked for.
    pub more: bool,
    /// The realm it is about could not be asked whether there is more.
    pub stale: bool,
    /// Nothing of what was looked at is shown, and there is more: where to go on.
    pub past: Option<Past>,
    /// How the group is addressed that they were said in, where it is one of another realm: `staff@beta`.
    pub group: Option<Box<str>>,
}

/// Where a page is to be gone on from on which nothing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// All that is left has a smaller id.
    Before(u64),
    /// All that is left has a greater one.
    After(u64),
}

/// A stretch of a conversation, oldest message first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// How its reader addresses the conversation.
    pub name: Box<str>,
    /// The messages.
    pub found: Vec<Message>,
    /// More are left in the direction of paging; where the stretch is around a message, before it.
    pub more: bool,
    /// Where the stretch is around a message, more are left after it.
    pub newer: bool,
    /// Nothing of what was looked at is shown, and there is more in the direction of paging: where to go on.
    pub past: Option<Past>,
}

/// What is told of a conversation in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How its reader addresses it.
    pub name: Box<str>,
    /// Its last message.
    pub last: Option<Message>,
    /// The id of the last message that was read, 0 where none was.
    pub read: u64,
    /// How many messages after it others wrote.
    pub unread: u64,
    /// What the group is about, where it is one's and somebody has said so.
    pub topic: Option<Text>,
    /// How many are in the group, where it is one's.
    pub members: Option<usize>,
    /// What its reader is in that group.
    pub role: Option<GroupRole>,
    /// Until when its reader has muted it, if there is an end; none where it is not muted.
    pub muted: Option<Option<Time>>,
    /// Whether its reader has blocked whoever it is with.
    pub blocked: bool,
    /// How many of the unread messages mention its reader.
    pub mentions: u64,
}

impl Overview {
    /// About how many bytes of memory it takes, past its own size.
    pub fn memory(&self) -> usize {
        let topic = self.topic.as_ref().map_or(0, |topic| topic.as_str().len());
        self.name.len() + topic + self.last.as_ref().map_or(0, Message::memory)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// For machines.
    pub code: Code,
    /// What happened, for people, where the code does not say it all.
    pub error: Option<String>,
    /// The realm that is really there, where it has another name.
    pub realm: Option<Name>,
    /// How many messages are still owed.
    pub owed: Option<u64>,
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self { code, error: None, realm: None, owed: None }
    }
}

impl Refused {
    /// Adds what happened, for people.
    #[must_use]
    pub fn because(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }
}

impl From<Code> for Outcome {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<Refused> for Outcome {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Outcome {
    /// The code, where the request is refused.
    pub fn refusal(&self) -> Option<Code> {
        match self {
            Self::Refused(refused) => Some(refused.code),
            Self::Diverged(_) => Some(Code::Diverged),
            _ => None,
        }
    }

    /// What a door asks for next, in the place of whoever asked for this, once this is written: a watch that is
    /// behind is told one page after another, as fast as it reads.
    pub fn goes_on(&self) -> Option<Command> {
        let (watch, after) = match self {
            Self::Watching { cursor, watch, behind: true } => (*watch, *cursor),
            Self::CaughtUp { watch, behind, .. } => (*watch, (*behind)?),
            _ => return None,
        };
        Some(commands::CatchUp { watch, after }.into())
    }

    /// Whether a request with this outcome has changed nothing, so that it is certain what became of it
    /// where nobody knows whether changes were kept.
    pub fn changes_nothing(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Caller { .. }
                | Self::Names(_)
                | Self::Groups { .. }
                | Self::Members { .. }
                | Self::Users(_)
                | Self::ShownGroups(_)
                | Self::Sessions(_)
                | Self::Profile(_)
                | Self::Presences(_)
                | Self::Muted(_)
                | Self::FileWanted { .. }
                | Self::FileFound { .. }
                | Self::Messages(_)
                | Self::History(_)
                | Self::Found { .. }
                | Self::InStep(_)
                | Self::Changes { .. }
                | Self::CaughtUp { .. }
                | Self::Pong { .. }
                | Self::RealmName(_)
                | Self::Noop
                | Self::Peers(_)
                | Self::ThisRealm { .. }
                | Self::Tip(_)
                | Self::Diverged(_)
                | Self::Chain(_)
        )
    }

    /// How much was looked at for it, past what it says, as [`SEARCHED`](crate::SEARCHED) is counted.
    pub fn looked_at(&self) -> usize {
        match self {
            Self::Found { looked_at, .. } => *looked_at,
            _ => 0,
        }
    }
}

/// What a command is answered with.
pub enum Answer {
    /// An outcome that is complete.
    Outcome(Outcome),
    /// History, which the store serves.
    Read(Read),
    /// Nothing: what another realm tells needs no answer.
    NoReply,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self::Outcome(refused.into())
    }
}
