//! Antar's server: the only crate that does I/O for a realm.
//!
//! `listen` accepts connections, each runs as one [`session`](self) task, all of them talk to the
//! one `hub` that owns the domain's state, and a `committer` thread makes batches durable. A reply
//! leaves only when the batch that holds what it promises is synced.

mod backup;
mod bare;
mod committer;
mod config;
mod hub;
mod identity;
mod listen;
mod offline;
mod outbox;
mod passwords;
mod peers;
mod reads;
mod server;
mod session;
mod throttle;
mod tls;

pub use backup::{BackupError, restore};
pub use bare::BareLoop;
pub use config::{Config, ConfigError, InboundLinks, LimitsConfig, PasswordsConfig, SOCKET};
pub use identity::{Identity, IdentityError};
pub use offline::{Offline, OfflineError};
pub use server::{Server, StartError};
pub use tls::{ConnectError, Tls, client_config};
