//! Antar's domain: one realm as a deterministic state machine.
//!
//! No sockets, files, clock or random source: time and chance come in as a [`Readings`]. A driver
//! hands [`State::step`] an [`Input`] and gets back [`Effects`]: the [`Event`]s to make durable and
//! the [`Output`]s to release once they are. Only [`State::apply`] changes what is durable, for what
//! a client asked and for what is loaded at a start alike.

mod audit;
mod blocks;
mod change;
mod command;
pub mod commands;
mod context;
mod conversation;
mod conversations;
mod erasure;
mod event;
mod files;
mod group;
mod groups;
mod history;
mod ids;
mod job;
pub mod links;
mod named_conversation;
mod notification;
mod open_session;
mod outcome;
mod personal;
mod planted;
mod references;
mod request_context;
mod retention;
mod rewrites;
mod rooms;
mod search;
mod settings;
mod state;
mod stats;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "what goes wrong there fails a test")]
pub mod testing;

pub use antar_types::{GroupEntry, GroupRole, Membership, Rewriting, Silence};
pub(crate) use blocks::Blocks;
pub use blocks::{Block, BlockList, BlockSpan, Blocked};
pub(crate) use change::ChangeTips;
pub use change::{
    CHANGES_KEPT, Change, ChangeList, ChangesTip, GroupChange, GroupNews, MemberChange,
    SessionChange, Told, ToldAt,
};
pub use command::{Access, Ask, Command, Draft, Request, Tag, Unread, Word};
pub(crate) use context::Context;
pub use conversation::{Conversation, ConversationTip, Marker, Posted};
pub use conversations::{Conversations, Skipped};
pub use erasure::{ERASED, FoundOwn, LOOKED_AT, OwnQuery};
pub use event::{AccountRecord, Event, SessionRecord, UserInvitation};
pub(crate) use files::Files;
pub use files::{FileAt, FileHold, FileKey, FileRoom, FileSource, NamedFile};
pub use group::{
    GroupRecord, Guest, Home, LISTED_REALMS, LostMessages, Member, RETENTION_DAYS, RoomRealms,
    SWEPT, TOPIC_BYTES,
};
pub use history::{
    ConversationsRead, HistoryRead, Listed, MAX_PAGE, MAX_PAGE_BYTES, MOST_UNREAD, Mailbox,
    MailboxRead, Page, Read, Reader, Source, Stretch,
};
pub use ids::{
    AccountId, AskId, ConnId, CorrespondentId, DialId, ForkId, GroupId, PeerId, SessionId,
};
pub use job::{
    BackedUp, ChangesQuery, Feed, FoundChange, FoundChanges, Job, JobResult, Located, PasswordHash,
    Place,
};
pub use links::{may_dial, network};
pub use notification::{Availability, GroupElsewhere, Notification, Presence, Typing};
pub use open_session::OpenSession;
pub use outcome::{
    Answer, GroupSettings, History, LogEnds, Messages, Outcome, Overview, Past, Refused,
    ShownGroup, ShownProfile, User,
};
pub(crate) use personal::Personal;
pub use personal::{Profile, Unshown};
pub use planted::Bug;
pub use references::{REFERRED_FOR, ReferenceLookup, Referred};
pub(crate) use request_context::{Interrupt, RequestContext};
pub use retention::{FoundOld, LET_GO, OldIn, OldQuery};
pub use rewrites::{MessageLookup, PlacedMessage};
pub use rooms::{NewestQuery, PAST};
pub use search::{
    Author, FoundMessages, MOST_APART, Matcher, SEARCHED, SEEK, SearchQuery, SearchWords,
    SearchedList,
};
pub use settings::{FileLimits, Inbound, Limits, PlainPeers, Policy, is_loopback};
pub(crate) use state::MENTIONS;
pub use state::{Effects, Input, Listener, Mode, Origin, Output, Readings, Spread, State};
pub use stats::{LinkStats, Stats};
