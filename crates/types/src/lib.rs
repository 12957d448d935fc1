//! Antar's text protocol, without I/O.
//!
//! Bytes become lines ([`Decoder`]), lines become words ([`words`]), words become validated
//! types ([`Name`], [`Token`], [`Text`]); a [`Reply`] becomes bytes in one of two shapes
//! ([`Dialect`]). The server, the client and the fuzzers all use this crate and nothing here
//! knows about any of them.

mod capabilities;
mod code;
mod decoder;
mod dialect;
mod entry;
mod fingerprint;
mod json;
mod message;
mod name;
mod reply;
mod secret;
mod text;
mod time;
mod token;
pub mod words;

pub use capabilities::Capabilities;
pub use code::Code;
pub use decoder::{Decoder, Frame};
pub use dialect::Dialect;
pub use entry::{Chain, Entry, EntryKind};
pub use fingerprint::Fingerprint;
pub use message::{Away, BoxKind, DisplayName, Message, Notice};
pub use name::{Folded, MAX_NAME, Name};
pub use reply::{Body, List, Listing, Phrase, Reply, encode_notification, share};
pub use secret::Secret;
pub use serde_json::{Value, json};
pub use text::{Text, TextError};
pub use time::Time;
pub use token::{Token, TokenHash};

/// Ends every reply and every event: CR LF CR LF.
pub const END: &[u8] = b"\r\n\r\n";

/// The port a realm listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8889;
