//! A client for Antar's chat protocol.
//!
//! Two layers. [`Replies`] and the functions of [`request`] do no I/O: bytes in, replies and
//! events out; words in, request lines out. [`Client`] drives them over TCP or a Unix socket with
//! tokio, and with the feature `tls` over TLS. Bots use the second; a load generator or another
//! runtime uses the first.
//!
//! ```no_run
#![doc = include_str!("../examples/echo.rs")]
//! ```

mod client;
mod error;
mod helpers;
mod replies;
mod reply;
pub mod request;
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
