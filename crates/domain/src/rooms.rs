//! Rooms: groups that have members in other realms.
//!
//! | file | what it is about |
//! |---|---|
//! | `guests.rs` | users of other realms, as groups have them |
//! | `copies.rs` | groups of other realms of which there is a copy here, and what waits for its place there |
//! | `host.rs` | telling the realms of a group's members what happens in it |
//! | `join.rs` | users of other realms who come into a group here, and users here who come into one elsewhere |
//! | `past.rs` | what was said in a group before a realm has members in it |
//! | `lost.rs` | what the realm of a group does not have any more since it was put back |
//! | `refused.rs` | realms with which there are none |
//! | `ask.rs` | what users here want done in a group of another realm |
//! | `decide.rs` | what users of other realms want done in a group here |
//! | `follow.rs` | what the realm of a group tells of it |
//!
//! A group is decided on in the realm where it was made. That realm tells what happens, in its order, as entries of
//! the links' logs, so a copy is as exact as a link. The group's members are accounts here and *guests*, who have
//! numbers of the same counter: all that is known of members by number is the same for both.

mod ask;
mod copies;
mod decide;
mod follow;
mod guests;
mod host;
mod join;
mod lost;
mod past;
mod refused;
#[cfg(test)]
mod tests;

pub(crate) use copies::Copies;
pub(crate) use guests::Guests;
pub(crate) use lost::Losses;
pub(crate) use past::Pasts;
pub use past::{NewestQuery, PAST};
