//! Every verb's row, by what it is about.

pub mod accounts;
pub mod admin;
pub mod conversations;
pub mod groups;
pub mod messages;
pub mod peers;
pub mod realms;
pub mod service;
pub mod watch;

use super::help::Help;
use super::row::Read;
use super::{HISTORY, Param, ROW, Row};
use crate::{Dialect, Listing, Phrase};
use antar_domain::commands;
use antar_types::Secret;
