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

/// A kind of command, and who may ask for it.
pub trait Ask: Into<Command> {
    /// Who may ask for it.
    const ACCESS: Access;
}

macro_rules! commands {
    ($($(#[$doc:meta])+ $name:ident: $access:ident,)+) => {
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
    Login: Anyone,
    /// An account of one's own.
    Register: Anyone,
    /// The end of the session.
    Logout: Session,
    /// Where the caller is logged in.
    ListSessions: Session,
    /// The end of one of the caller's sessions.
    RevokeSession: Session,
    /// What the caller's client is called.
    NameClient: Session,
    /// A new password of one's own.
    ChangePassword: Session,
    /// The calling user.
    WhoAmI: Session,
    /// A private message to a user of this realm.
    Send: Session,
    /// Private messages received from users of this realm.
    Inbox: Session,
    /// Private messages that the caller sent.
    Sent: Session,
    /// The groups that there are.
    ListGroups: Session,
    /// A new group.
    CreateGroup: Session,
    /// Membership of a group.
    JoinGroup: Session,
    /// The end of a membership.
    LeaveGroup: Session,
    /// Membership of a group for somebody else.
    Invite: SessionOrOperator,
    /// The end of somebody else's membership.
    Kick: SessionOrOperator,
    /// What somebody is in a group.
    SetRole: SessionOrOperator,
    /// What a group is about.
    Topic: SessionOrOperator,
    /// Who may not join a group.
    Ban: SessionOrOperator,
    /// Who may join a group again.
    Unban: SessionOrOperator,
    /// Who may not join a group, all of them.
    ListBans: SessionOrOperator,
    /// Who may not write into a group for a while.
    SilenceMember: SessionOrOperator,
    /// Who may join a group, know of it and write there.
    SetGroup: SessionOrOperator,
    /// The end of a group.
    CloseGroup: SessionOrOperator,
    /// The members of a group.
    ListMembers: SessionOrOperator,
    /// A message to a group.
    SendToGroup: Session,
    /// The messages of a group.
    GroupInbox: Session,
    /// A message to a conversation, whichever it is.
    Post: Session,
    /// Another text for a message.
    EditMessage: Session,
    /// The end of a message's text.
    DeleteMessage: Session,
    /// A reaction to a message.
    React: Session,
    /// The end of a reaction.
    Unreact: Session,
    /// A stretch of a conversation.
    ReadHistory: Session,
    /// The caller's conversations.
    ListConversations: Session,
    /// Messages with certain words in them.
    Search: Session,
    /// A conversation was read up to here.
    MarkRead: Session,
    /// A message and what follows it are to count as unread.
    MarkUnread: Session,
    /// A conversation does not call any more.
    Mute: Session,
    /// It calls again.
    Unmute: Session,
    /// A user is not heard by the caller any more.
    BlockUser: Session,
    /// A user is heard again.
    UnblockUser: Session,
    /// What a user tells of herself.
    ShowProfile: Session,
    /// What the caller tells.
    SetProfile: Session,
    /// The caller types.
    ShowTyping: Session,
    /// Whether users are here, now and from now on.
    FollowPresence: Session,
    /// The caller is away.
    BeAway: Session,
    /// The caller is not away any more.
    ComeBack: Session,
    /// What is new in all of the caller's conversations.
    Sync: Session,
    /// Messages, or all changes, as they happen.
    Watch: Session,
    /// What a watch is still to be told before it is in step: a door asks for it.
    CatchUp: Anyone,
    /// No more messages as they arrive.
    Unwatch: Session,
    /// A private message to a user of another realm.
    SendRealm: Session,
    /// Private messages received from users of another realm.
    InboxRealm: Session,
    /// The conversation of a group between this realm and another.
    InboxGroupRealm: Session,
    /// A message to the group of the same name in another realm.
    SendGroupRealm: Session,
    /// How it stands with links.
    ListPeers: SessionOrOperator,
    /// What others need to know of this realm.
    ShowRealm: SessionOrOperator,
    /// A link with another realm.
    LinkRealm: SessionOrOperator,
    /// A link with the realm that made an invitation.
    JoinRealm: SessionOrOperator,
    /// The end of a link.
    UnlinkRealm: SessionOrOperator,
    /// Approval of a link that another realm asked for.
    ApproveRealm: Admin,
    /// A code with which another realm links.
    InviteRealm: Admin,
    /// Another name for this realm.
    RenameRealm: Admin,
    /// Another realm says who it is.
    Greet: Peer,
    /// A peer asks for what it has not got.
    RemoteInbox: Peer,
    /// A plain peer brings a group message.
    ReceiveGroup: Peer,
    /// A peer asks for what it is owed.
    Follow: Peer,
    /// A peer compares its past of a log with the one here.
    AskChain: Peer,
    /// A peer has found the last entry that both have.
    Rejoin: Peer,
    /// A peer tells how far it has come.
    Acknowledge: Peer,
    /// A peer brings what it owes.
    Deliver: Peer,
    /// A peer has ended the link.
    LinkEnded: Peer,
    /// A peer answers what it was asked.
    PeerAnswers: Peer,
    /// An account for somebody else.
    AddUser: Admin,
    /// The accounts that there are.
    ListUsers: Admin,
    /// A new password for somebody else.
    SetPassword: Admin,
    /// The end of an account.
    RemoveUser: Admin,
    /// An account with which nobody logs in.
    LockUser: Admin,
    /// An account with which its user logs in again.
    UnlockUser: Admin,
    /// What somebody else may do in the realm.
    SetUserRole: Admin,
    /// Where somebody else is logged in.
    ListUserSessions: Admin,
    /// The end of one of somebody else's sessions.
    RevokeUserSession: Admin,
    /// The end of somebody else's connections and sessions.
    Disconnect: Admin,
    /// All groups, with their settings.
    ShowGroups: Admin,
    /// A copy of everything on disk.
    Backup: Admin,
    /// A sign of life.
    Ping: AnyoneOrPeer,
    /// Help: the door has the answer, and this keeps its place among the others.
    Noop: Anyone,
    /// The name of this realm.
    WhichRealm: Anyone,
}
