//! Lines to replies, to the letter.

mod accounts;
mod admin;
mod groups;
mod messages;
mod realm_messages;
mod realms;
mod service;
mod watch;

use crate::commands::testing::Realm;
