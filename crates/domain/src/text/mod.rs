//! The door that speaks lines: bytes of a request to a [`Request`](crate::Request), an
//! [`Outcome`](crate::Outcome) to bytes, in the two dialects of the protocol.
//!
//! A verb has one [`Row`]: its spelling, parameters and help, how they become a
//! [`Command`](crate::Command), and what its success says.

mod args;
mod count;
mod delivery;
mod door;
mod help;
mod invitation;
mod line;
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
pub use delivery::deliveries;
pub use door::{Door, dialect, row_of};
pub use line::Line;
pub use peer_request::peer_request;
pub use plain::{PIECE, is_whole, plain_request};
pub use plain_answer::plain_answer;
pub use reply::{reply, write, write_notification};
pub use row::{ALL, Param, Row, all, find};
use row::{HISTORY, ROW};

#[cfg(test)]
mod tests;
