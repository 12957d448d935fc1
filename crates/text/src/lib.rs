//! The door that speaks lines: bytes of a request to a [`Request`](antar_domain::Request), an
//! [`Outcome`](antar_domain::Outcome) to bytes, in the two dialects of the protocol.
//!
//! A verb has one [`Row`]: its spelling, parameters and help, how they become a
//! [`Command`](antar_domain::Command), and what its success says.

mod args;
mod count;
mod decoder;
mod dialect;
mod door;
mod help;
mod invitation;
mod json;
mod line;
mod link_list;
mod links;
mod message;
mod outcome;
mod reply;
mod row;
mod rows;

pub use args::Args;
pub use count::Requests;
pub use decoder::{Decoder, Frame};
pub use dialect::Dialect;
pub use door::{Door, dialect, is_unwatch, row_of};
pub use line::Line;
pub use links::{
    PIECE, deliveries, is_whole, peer_request, plain_answer, plain_request, read_entries,
    write_entries,
};
pub use outcome::{goes_on, reply, write, write_notification};
pub use reply::{Body, Listing, Phrase, Reply, encode_notification};
pub use row::{ALL, Param, Row, all, find};
use row::{HISTORY, ROW};
pub use serde_json::{Value, json};

#[cfg(test)]
mod tests;
