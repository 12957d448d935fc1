//! Lines to replies, to the letter.

mod accounts;
mod admin;
mod groups;
mod links;
mod messages;
mod realm;
mod realm_messages;
mod realms;
mod service;
mod watch;

use realm::Realm;
