//! What everything in Antar is made of: validated names, texts, times, tokens and messages.
//!
//! A value of one of these types keeps its rules ([`Name`], [`Text`], [`Token`]), wherever it came from.
//! Nothing here decides anything, or knows how a door writes it.

mod capabilities;
mod code;
mod conversation_name;
mod entry;
mod extras;
mod file;
mod fingerprint;
mod group;
mod incoming;
mod list;
pub mod mentions;
mod message;
mod name;
mod reactions;
mod room;
mod secret;
mod sync_cursor;
mod text;
mod time;
mod token;
pub mod words;

pub use capabilities::Capabilities;
pub use code::Code;
pub use conversation_name::ConversationName;
pub use entry::{
    Chain, Entry, EntryChange, EntryKind, EntryMore, EntryOrigin, MessageRef, carried,
};
pub use extras::{Carried, Extras, MessageKind, Reference};
pub use file::{File, FileAbout, FileHash, FileLink, FileName, FileType};
pub use fingerprint::Fingerprint;
pub use group::{GroupEntry, GroupRole, Membership, Rewriting, Silence};
pub use incoming::{IncomingEntry, UnknownEntry};
pub use list::{List, share};
pub use message::{Away, BoxKind, DisplayName, Message, Notice, RemoteIdentity};
pub use name::{Folded, MAX_NAME, Name, NameKey};
pub use reactions::{Emoji, Reaction, Reactions, Reactor};
pub use room::{
    RoomAsk, RoomDoer, RoomEntry, RoomReaction, RoomRealm, RoomSaid, RoomSays, RoomSettings,
    RoomUser, RoomWord,
};
pub use secret::Secret;
pub use sync_cursor::SyncCursor;
pub use text::{Text, TextDigest, TextError};
pub use time::Time;
pub use token::{Token, TokenHash};

/// Ends every reply and every event: CR LF CR LF.
pub const END: &[u8] = b"\r\n\r\n";

/// Stands for a line feed inside a line, where lines come as frames of their own. It is in no UTF-8.
pub const LINE_FEED: u8 = 0xfe;

/// The port a realm listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8889;
