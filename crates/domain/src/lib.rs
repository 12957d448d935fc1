//! Antar's domain: one realm as a deterministic state machine.
//!
//! No sockets, files, clock or random source: time and chance come in as a [`Readings`]. A driver
//! hands [`State::step`] an [`Input`] and gets back [`Effects`]: the [`Event`]s to make durable and
//! the [`Output`]s to release once they are. Only [`State::apply`] changes what is durable, for what
//! a client asked and for what is loaded at a start alike.

mod args;
mod batches;
pub mod commands;
mod context;
mod event;
mod history;
mod ids;
mod job;
mod line_order;
pub mod links;
mod planted;
mod request;
mod settings;
mod state;
mod stats;

pub use args::Args;
pub use batches::{Batches, Refusal};
pub use commands::Verb;
pub use context::{Answer, Context, Interrupt};
pub use event::{AccountRecord, Event, GroupRecord, SessionRecord};
pub use history::{MAX_PAGE, MAX_PAGE_BYTES, Mailbox, Page, Read, Source};
pub use ids::{AccountId, AskId, ConnId, DialId, ForkId, GroupId, PeerId, SessionId};
pub use job::{BackedUp, Job, JobResult, PasswordHash};
pub use line_order::LineOrder;
pub use links::{may_dial, network};
pub use planted::Bug;
pub use settings::{Inbound, Limits, PlainPeers, Policy, is_loopback};
pub use state::{Effects, Input, Mode, Origin, Output, Readings, State};
pub use stats::{LinkStats, Requests, Stats};
