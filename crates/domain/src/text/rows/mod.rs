//! Every verb's row, by what it is about.

pub mod accounts;
pub mod messages;
pub mod watch;

use super::row::Read;
use super::{HISTORY, Param, ROW, Row};
use crate::commands;
use antar_types::{Listing, Phrase};
