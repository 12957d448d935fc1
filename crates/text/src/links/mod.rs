//! What realms say to each other, and what is said to servers that know only the two documents.

mod answer;
mod delivery;
mod entries;
mod plain_answer;
mod plain_request;
mod request;

pub(crate) use answer::read as read_answer;
pub use delivery::deliveries;
pub use entries::{read_entries, write_entries};
pub use plain_answer::plain_answer;
pub use plain_request::{PIECE, is_whole, plain_request};
pub(crate) use request::CAN;
pub use request::peer_request;
