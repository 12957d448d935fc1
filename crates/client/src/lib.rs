//! A client for Antar's chat protocol.
//!
//! Two layers without I/O: [`Replies`] and the functions of [`request`] turn bytes into replies and events, and
//! words into request lines; [`sync::Model`] is what a user sees, kept in step with a realm. And two for tokio:
//! [`Client`] is a connection over TCP, a Unix socket or, with the feature `tls`, TLS; [`live::Live`] keeps a model in
//! step over such connections, and connects again where one is lost. [`files`] uploads and fetches files. Bots and programs for people use the last; a
//! load generator the third; another runtime the first two.
//!
//! ```no_run
#![doc = include_str!("../examples/echo.rs")]
//! ```

mod client;
mod error;
pub mod files;
mod helpers;
pub mod live;
mod replies;
mod reply;
pub mod request;
pub mod sync;
#[cfg(feature = "tls")]
mod tls;

pub use antar_types::{DEFAULT_PORT, Fingerprint, Token};
pub use client::{Client, EVENT_LIMIT};
pub use error::{Error, Refusal};
pub use replies::{RawReply, Replies, ReplyError};
pub use reply::{Event, Incoming, Message, Page, Reply};
pub use request::{History, RequestError};
pub use serde_json::Value;

/// Adds the port a realm listens on by default where an address has none: `example.org`, `::1`
/// and `[::1]` get it, `example.org:9000` and `[::1]:9000` stay.
///
/// ```
/// assert_eq!(antar_client::with_default_port("::1"), "[::1]:8889");
/// ```
pub fn with_default_port(address: &str) -> String {
    if address.parse::<std::net::Ipv6Addr>().is_ok() {
        return format!("[{address}]:{DEFAULT_PORT}");
    }
    match address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
        _ => format!("{address}:{DEFAULT_PORT}"),
    }
}

/// The longest reply a [`Client`] takes, in bytes: enough for 1,000 messages of 16 KiB even where
/// most characters are escaped.
pub const REPLY_LIMIT: usize = 64 * 1024 * 1024;
