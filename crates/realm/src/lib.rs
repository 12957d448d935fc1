//! Antar's domain: one realm as a deterministic state machine.
//!
//! No sockets, files, clock or random source: time and chance come in as a [`Moment`]. A driver
//! hands [`State::step`] an [`Input`] and gets back [`Effects`]: the [`Event`]s to make durable and
//! the [`Output`]s to release once they are. Only [`State::apply`] changes what is durable, for what
//! a client asked and for what is loaded at a start alike.

mod args;
mod batches;
mod census;
mod cx;
mod event;
mod front;
mod history;
mod ids;
pub mod links;
mod planted;
mod request;
mod settings;
mod state;
pub mod verbs;
mod work;

pub use args::Args;
pub use batches::{Batches, Refusal};
pub use census::{Census, LinkCensus, Requests};
pub use cx::{Answer, Cx, Stop};
pub use event::{AccountRecord, Event, GroupRecord, SessionRecord};
pub use front::Front;
pub use history::{MAX_PAGE, MAX_PAGE_BYTES, Mailbox, Page, Read, Source};
pub use ids::{AccountId, AskId, ConnId, DialId, ForkId, GroupId, RealmId, SessionId};
pub use links::{may_dial, network};
pub use planted::Bug;
pub use settings::{Inbound, Limits, PlainPeers, Policy, is_loopback};
pub use state::{Effects, Input, Mode, Moment, Origin, Output, State};
pub use verbs::Verb;
pub use work::{BackedUp, PasswordHash, Proof, Work};
