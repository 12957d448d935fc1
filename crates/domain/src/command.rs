//! What somebody asks a realm for, in types.
//!
//! A door (see the crate `text` for the one that speaks lines) reads a [`Request`] from its bytes; the
//! domain decides and answers with an [`Outcome`](crate::Outcome). Nothing here knows how a request was
//! spelled. A new command is one file in `commands/` and one line in the list below; the compiler finds
//! what else is missing.

use crate::commands;
use antar_types::{Code, Token};
use std::fmt;
use std::sync::Arc;

/// One request of a connection, as a door has read it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What the door gets back with the outcome.
    pub tag: Tag,
    /// The token that came with it. Without one the connection's session is meant.
    pub token: Option<Token>,
    /// What is asked for.
    pub command: Command,
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { tag: Tag::default(), token: None, command }
    }
}

/// What a door wants to have back with an outcome: the domain looks at nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub u32);

/// Who may ask for something (protocol sections 3 and 7): the one rule of access for all doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone connected.
    Anyone,
    /// A user with a session.
    Session,
    /// A user with a session, or the operator.
    SessionOrOperator,
    /// The operator, or a user who is an administrator.
    Admin,
    /// Another realm, over a link.
    Peer,
    /// Anyone connected, other realms too.
    AnyoneOrPeer,
}

/// A word where a name is expected, as it was written. Whether it is a name is seen when it is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Box<str>);

impl From<&str> for Word {
    fn from(word: &str) -> Self {
        Self(word.into())
    }
}

impl std::ops::Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A text as it was written. Its limits are the realm's, which a door does not know.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Draft(pub Arc<str>);

impl From<&str> for Draft {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} bytes)", self.0.len())
    }
}

/// A request that a door could not read. It is refused in its turn, and after the rule of access, which
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Who may ask for what it would have been.
    pub access: Access,
    /// What was wrong with it.
    pub code: Code,
}

/// Whether a kind of command may change what is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It asks for what there is, or changes what is only in memory.
    Asks,
    /// It changes what is durable, unless it is so already: that is not certain while nothing can be written.
    Changes,
}

/// A kind of command.
pub trait Ask: Into<Command> {
    /// Who may ask for it.
    const ACCESS: Access;
    /// Whether it may change what is durable.
    const EFFECT: Effect;
}

macro_rules! effect {
    (asks) => {
        Effect::Asks
    };
    (changes) => {
        Effect::Changes
    };
}

macro_rules! commands {
    ($($(#[$doc:meta])+ $name:ident: $access:ident, $effect:ident,)+) => {
        /// What can be asked for.
        #[derive(Clone, Debug)]
        pub enum Command {
            $($(#[$doc])+ $name(commands::$name),)+
            /// It could not be read.
            Unread(Unread),
        }

        impl Command {
            /// Who may ask for it.
            pub fn access(&self) -> Access {
                match self {
                    $(Self::$name(_) => commands::$name::ACCESS,)+
                    Self::Unread(unread) => unread.access,
                }
            }

            /// Whether it may change what is durable.
            pub fn may_change(&self) -> bool {
                match self {
                    // It asks where it says nothing.
                    Self::Topic(topic) if topic.topic.is_none() => false,
                    $(Self::$name(_) => commands::$name::EFFECT == Effect::Changes,)+
                    Self::Unread(_) => false,
                }
            }

            /// Decides, changes and answers.
            pub(crate) fn decide(
                &self,
                cx: &mut crate::RequestContext<'_>,
            ) -> Result<crate::Answer, crate::Interrupt> {
                match self {
                    $(Self::$name(command) => command.decide(cx),)+
                    Self::Unread(unread) => Err(unread.code.into()),
                }
            }
        }

        $(impl Ask for commands::$name {
            const ACCESS: Access = Access::$access;
            const EFFECT: Effect = effect!($effect);
        }

        impl From<commands::$name> for Command {
            fn from(command: commands::$name) -> Self {
                Self::$name(command)
            }
        })+
    };
}

/// Requests are moved about often, so what one holds stays small.
const _: () = assert!(size_of::<Command>() <= 80 && size_of::<Request>() <= 128);

commands! {
    /// A password for a token.
    Login: Anyone, changes,
    /// An account of one's own.
    Register: Anyone, changes,
    /// The same by invitation.
    Redeem: Anyone, changes,
    /// The end of the session.
    Logout: Session, changes,
    /// Where the caller is logged in.
    ListSessions: Session, asks,
    /// The end of one of the caller's sessions.
    RevokeSession: Session, changes,
    /// What the caller's client is called.
    NameClient: Session, changes,
    /// A new password of one's own.
    ChangePassword: Session, changes,
    /// The calling user.
    WhoAmI: Session, asks,
    /// A private message to a user of this realm.
    Send: Session, changes,
    /// Private messages received from users of this realm.
    Inbox: Session, asks,
    /// Private messages that the caller sent.
    Sent: Session, asks,
    /// The groups that there are.
    ListGroups: Session, asks,
    /// A new group.
    CreateGroup: Session, changes,
    /// Membership of a group.
    JoinGroup: Session, changes,
    /// The end of a membership.
    LeaveGroup: Session, changes,
    /// Membership of a group for somebody else.
    Invite: SessionOrOperator, changes,
    /// The end of somebody else's membership.
    Kick: SessionOrOperator, changes,
    /// What somebody is in a group.
    SetRole: SessionOrOperator, changes,
    /// What a group is about.
    Topic: SessionOrOperator, changes,
    /// Who may not join a group.
    Ban: SessionOrOperator, changes,
    /// Who may join a group again.
    Unban: SessionOrOperator, changes,
    /// Who may not join a group, all of them.
    ListBans: SessionOrOperator, asks,
    /// Who may not write into a group for a while.
    SilenceMember: SessionOrOperator, changes,
    /// Who may join a group, know of it and write there.
    SetGroup: SessionOrOperator, changes,
    /// The end of a group.
    CloseGroup: SessionOrOperator, changes,
    /// The members of a group.
    ListMembers: SessionOrOperator, asks,
    /// A message to a group.
    SendToGroup: Session, changes,
    /// The messages of a group.
    GroupInbox: Session, asks,
    /// A message to a conversation, whichever it is.
    Post: Session, changes,
    /// Another text for a message.
    EditMessage: Session, changes,
    /// The end of a message's text.
    DeleteMessage: Session, changes,
    /// A reaction to a message.
    React: Session, changes,
    /// The end of a reaction.
    Unreact: Session, changes,
    /// Whether a file may be uploaded.
    OfferFile: Session, asks,
    /// A file was uploaded.
    StoreFile: Session, changes,
    /// What is known of a file that the caller may read.
    OpenFile: Anyone, asks,
    /// See [`commands::KeepFile`].
    KeepFile: Anyone, changes,
    /// A link to a message's file.
    LinkFile: Session, changes,
    /// A stretch of a conversation.
    ReadHistory: Session, asks,
    /// The caller's conversations.
    ListConversations: Session, asks,
    /// Messages with certain words in them.
    Search: Session, asks,
    /// A conversation was read up to here.
    MarkRead: Session, changes,
    /// A message and what follows it are to count as unread.
    MarkUnread: Session, changes,
    /// A conversation does not call any more.
    Mute: Session, changes,
    /// It calls again.
    Unmute: Session, changes,
    /// A user is not heard by the caller any more.
    BlockUser: Session, changes,
    /// A user is heard again.
    UnblockUser: Session, changes,
    /// Whom the caller has blocked.
    ListBlocked: Session, asks,
    /// What the caller has muted.
    ListMuted: Session, asks,
    /// What a user tells of herself.
    ShowProfile: Session, asks,
    /// What the caller tells.
    SetProfile: Session, changes,
    /// The caller types.
    ShowTyping: Session, asks,
    /// Whether users are here, now and from now on.
    FollowPresence: Session, asks,
    /// The caller is away.
    BeAway: Session, asks,
    /// The caller is not away any more.
    ComeBack: Session, asks,
    /// What is new in all of the caller's conversations.
    Sync: Session, asks,
    /// Messages, or all changes, as they happen.
    Watch: Session, asks,
    /// What a watch is still to be told before it is in step: a door asks for it.
    CatchUp: Anyone, asks,
    /// No more messages as they arrive.
    Unwatch: Session, asks,
    /// A private message to a user of another realm.
    SendRealm: Session, changes,
    /// Private messages received from users of another realm.
    InboxRealm: Session, asks,
    /// The conversation of a group between this realm and another.
    InboxGroupRealm: Session, asks,
    /// A message to the group of the same name in another realm.
    SendGroupRealm: Session, changes,
    /// How it stands with links.
    ListPeers: SessionOrOperator, asks,
    /// What others need to know of this realm.
    ShowRealm: SessionOrOperator, asks,
    /// A link with another realm.
    LinkRealm: SessionOrOperator, changes,
    /// A link with the realm that made an invitation.
    JoinRealm: SessionOrOperator, changes,
    /// The end of a link.
    UnlinkRealm: SessionOrOperator, changes,
    /// Approval of a link that another realm asked for.
    ApproveRealm: Admin, changes,
    /// A code with which another realm links.
    InviteRealm: Admin, changes,
    /// Another name for this realm.
    RenameRealm: Admin, changes,
    /// Another realm says who it is.
    Greet: Peer, changes,
    /// A peer asks for what it has not got.
    RemoteInbox: Peer, asks,
    /// A plain peer brings a group message.
    ReceiveGroup: Peer, changes,
    /// A peer asks for what it is owed.
    Follow: Peer, changes,
    /// A peer compares its past of a log with the one here.
    AskChain: Peer, asks,
    /// A peer has found the last entry that both have.
    Rejoin: Peer, changes,
    /// A peer tells how far it has come.
    Acknowledge: Peer, changes,
    /// A peer brings what it owes.
    Deliver: Peer, changes,
    /// A peer asks that one of its users may be in a group.
    JoinRoom: Peer, changes,
    /// A peer has ended the link.
    LinkEnded: Peer, changes,
    /// A peer answers what it was asked.
    PeerAnswers: Peer, changes,
    /// An account for somebody else.
    AddUser: Admin, changes,
    /// A code with which somebody makes an account.
    InviteUser: Admin, changes,
    /// The accounts that there are.
    ListUsers: Admin, asks,
    /// A new password for somebody else.
    SetPassword: Admin, changes,
    /// The end of an account.
    RemoveUser: Admin, changes,
    /// The end of an account, and of all that its user wrote.
    EraseUser: Admin, changes,
    /// An account with which nobody logs in.
    LockUser: Admin, changes,
    /// An account with which its user logs in again.
    UnlockUser: Admin, changes,
    /// What somebody else may do in the realm.
    SetUserRole: Admin, changes,
    /// Where somebody else is logged in.
    ListUserSessions: Admin, asks,
    /// The end of one of somebody else's sessions.
    RevokeUserSession: Admin, changes,
    /// The end of somebody else's connections and sessions.
    Disconnect: Admin, changes,
    /// What a user may read, read by the operator.
    ReadAs: Admin, asks,
    /// All groups, with their settings.
    ShowGroups: Admin, asks,
    /// A copy of everything on disk.
    Backup: Admin, asks,
    /// A sign of life.
    Ping: AnyoneOrPeer, asks,
    /// Help: the door has the answer, and this keeps its place among the others.
    Noop: Anyone, asks,
    /// The name of this realm.
    WhichRealm: Anyone, asks,
}
