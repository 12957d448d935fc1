//! Durable mailboxes and records: batches of events in, history out.
//!
//! [`Store`] knows what a realm keeps and under which keys; an [`Engine`] knows only keys and
//! values. What it holds can be exported as a stream and imported elsewhere. [`Disk`] is the engine of a
//! running realm, [`MemoryEngine`] that of tests and simulations, which can crash.

mod applier;
mod changes;
mod check;
mod checkpointer;
mod disk;
mod engine;
mod error;
mod event_log;
mod export;
mod history;
mod layout;
mod log;
mod memory_engine;
mod migration;
mod named;
mod old;
mod own;
mod pair;
mod private;
mod projection;
mod records;
mod references;
mod remote;
mod search;
mod store;
mod tree;
mod unfinished;
mod usage;
mod v1;
mod watermark;

/// What reads bytes from disk, for those who test it with hostile ones.
#[doc(hidden)]
pub mod bytes {
    pub use crate::export::frames;
    pub use crate::log::{PAGE, Record as LogRecord, read_segment};
    pub use crate::pair::{Pair, read as read_pair};
    pub use crate::projection::project;
    pub use crate::records::codec::encode;
    pub use crate::records::{Record, events, records};
    pub use crate::v1::read as read_old_pair;
    pub use crate::watermark::{read as read_mark, written as written_mark};
}

pub use check::{Checked, Damage, KnownFiles, Tell, check, check_export, check_pairs};
pub use disk::Disk;
pub use engine::{Direction, Engine, Key, Ops, Pairs, Value, Visit};
pub use error::StoreError;
pub use event_log::{Batch, EventLog, NotCommitted, Take};
pub use export::Exported;
pub use layout::FORMAT;
pub use memory_engine::{Image, MemoryEngine};
pub use named::{At, user as user_name, why as why_refused};
pub use private::{directory as private_directory, new_file as private_file};
pub use store::{Store, Unsettled};
pub use usage::Usage;
