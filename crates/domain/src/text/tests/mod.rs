//! Lines to replies, to the letter.

mod accounts;
mod messages;
mod watch;

use crate::commands::testing::Realm;
