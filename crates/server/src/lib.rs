//! Antar's server: the only crate that does I/O for a realm.
//!
//! `compose` puts a realm together. `doors` accept connections, each runs as one session task, all of them
//! talk to the one `hub` that owns the domain's state, and a `committer` thread makes batches durable. A
//! reply leaves only when the batch that holds what it promises is synced.

mod admission;
mod backup;
mod bare;
mod check;
mod committer;
mod compose;
mod config;
mod descriptors;
mod doors;
mod files;
mod hub;
mod identity;
mod ledger;
mod log;
mod metrics;
mod offline;
mod panics;
mod passwords;
mod peers;
mod reads;
mod relay;
mod reload;
mod restore;
mod send_queue;
mod server;
mod tls;

/// What reads bytes from disk, for those who test it with hostile ones.
#[doc(hidden)]
pub mod bytes {
    /// A configuration; otherwise the line and what is wrong with it.
    pub fn config(text: &str) -> Result<crate::Config, (usize, String)> {
        crate::Config::parse(text)
    }

    /// A realm's key and certificate; otherwise what is wrong with them.
    pub fn identity(text: &[u8]) -> Result<crate::Identity, String> {
        crate::Identity::parse(text)
    }
}

pub use antar_domain::is_loopback;
pub use antar_domain::{LISTED_REALMS, RETENTION_DAYS, RoomRealms};
pub use antar_store::user_name;
pub use antar_store::{Checked, Damage, FORMAT};
pub use backup::{BackupError, Contents};
pub use bare::BareLoop;
pub use check::{check, check_backup, expect_realm, is_backup};
pub use config::{
    Config, ConfigError, FilesConfig, InboundLinks, LimitsConfig, PasswordsConfig, SOCKET,
    TlsConfig, WebConfig,
};
pub use doors::connect_operator;
pub use files::archive::copy as copy_file;
pub use identity::{Identity, IdentityError};
pub use log::LogWriter;
pub use offline::{Offline, OfflineError};
pub use panics::end_process_on_panic;
pub use relay::Relay;
pub use restore::{Backup, restore};
pub use server::{Bound, Server, StartError};
pub use tls::{CertificateError, ConnectError, Tls, client_config};
