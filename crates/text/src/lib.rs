//! The door that speaks lines: bytes of a request to a [`Request`](antar_domain::Request), an
//! [`Outcome`](antar_domain::Outcome) to bytes, in the two dialects of the protocol.
//!
//! A verb has one [`Row`]: its spelling, parameters and help, how they become a
//! [`Command`](antar_domain::Command), and what its success says.

mod args;
mod count;
mod decoder;
mod delivery;
mod dialect;
mod door;
mod help;
mod invitation;
mod json;
mod line;
mod outcome;
mod peer_answer;
mod peer_request;
mod peers;
mod plain;
mod plain_answer;
mod reply;
mod row;
mod rows;

pub use args::Args;
pub use count::Requests;
pub use decoder::{Decoder, Frame};
pub use delivery::deliveries;
pub use dialect::Dialect;
pub use door::{Door, dialect, row_of};
pub use line::Line;
pub use outcome::{reply, write, write_notification};
pub use peer_request::peer_request;
pub use plain::{PIECE, is_whole, plain_request};
pub use plain_answer::plain_answer;
pub use reply::{Body, Listing, Phrase, Reply, encode_notification};
pub use row::{ALL, Param, Row, all, find};
use row::{HISTORY, ROW};
pub use serde_json::{Value, json};

#[cfg(test)]
mod tests;
