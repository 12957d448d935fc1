//! Durable mailboxes and records: batches of events in, history out.
//!
//! [`Store`] knows what a realm keeps and under which keys; an [`Engine`] knows only keys and
//! values. What it holds can be exported as a stream and imported elsewhere. [`Disk`] is the engine of a running realm, [`Twin`] the one of tests and simulations,
//! which can crash.

mod applier;
mod disk;
mod engine;
mod error;
mod export;
mod janitor;
mod layout;
mod log;
mod mark;
mod store;
mod tree;
mod twin;
mod unfinished;

pub use disk::Disk;
pub use engine::{Direction, Engine, Key, Ops, Visit};
pub use error::StoreError;
pub use export::Exported;
pub use store::Store;
pub use twin::{Image, Twin};
