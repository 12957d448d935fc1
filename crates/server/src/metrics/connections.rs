//! What became of connections. Written once or twice in a connection's life, by whichever thread
//! serves it.

use crate::doors::session::End;
use antar_domain::Origin;
use antar_types::Code;
use antar_web::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Whose a connection is and how it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A client's, in plain text: a plain peer's too.
    Plain,
    /// A client's, over TLS.
    Tls,
    /// A browser's or a program's that asks for pages.
    Http,
    /// A client's, in frames.
    WebSocket,
    /// Another realm's, or of whoever else has a certificate.
    Realm,
    /// The operator's, over the Unix socket.
    Operator,
}

impl Transport {
    /// Each, its kind and its transport.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Plain, "client", "plain"),
        (Self::Tls, "client", "tls"),
        (Self::Http, "client", "http"),
        (Self::WebSocket, "client", "websocket"),
        (Self::Realm, "realm", "tls"),
        (Self::Operator, "operator", "unix"),
    ];

    /// That of a connection over TLS.
    pub fn over_tls(origin: Origin) -> Self {
        match origin {
            Origin::Certified(..) | Origin::Dialled { .. } => Self::Realm,
            Origin::Client(_) | Origin::Operator => Self::Tls,
        }
    }
}

impl End {
    /// Each, in a word. As many as there are: a new one goes before the last.
    pub const ALL: [(Self, &'static str); Self::Shutdown as usize + 1] = [
        (Self::Closed, "closed"),
        (Self::Broken, "broken"),
        (Self::Http, "http"),
        (Self::TimedOut, "timed_out"),
        (Self::TooSlow, "too_slow"),
        (Self::Unwelcome, "unwelcome"),
        (Self::HungUp, "hung_up"),
        (Self::Failed, "failed"),
        (Self::Shutdown, "shutdown"),
    ];
}

/// Counts of connections.
#[derive(Debug)]
pub struct Connections {
    opened: [AtomicU64; Transport::ALL.len()],
    gone: [AtomicU64; Transport::ALL.len()],
    ends: [AtomicU64; End::ALL.len()],
    refusals: [AtomicU64; Code::ALL.len()],
    handshakes_failed: AtomicU64,
    answers: [AtomicU64; STATUSES.len()],
}

/// The statuses of answers to HTTP requests.
pub const STATUSES: [StatusCode; 23] = [
    StatusCode::OK,
    StatusCode::CREATED,
    StatusCode::NO_CONTENT,
    StatusCode::PARTIAL_CONTENT,
    StatusCode::SWITCHING_PROTOCOLS,
    StatusCode::NOT_MODIFIED,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::CONFLICT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::RANGE_NOT_SATISFIABLE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::MISDIRECTED_REQUEST,
    StatusCode::UPGRADE_REQUIRED,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::INSUFFICIENT_STORAGE,
];

impl Default for Connections {
    fn default() -> Self {
        Self {
            opened: [const { AtomicU64::new(0) }; _],
            gone: [const { AtomicU64::new(0) }; _],
            ends: [const { AtomicU64::new(0) }; _],
            refusals: [const { AtomicU64::new(0) }; _],
            handshakes_failed: AtomicU64::new(0),
            answers: [const { AtomicU64::new(0) }; _],
        }
    }
}

/// A connection that is open, until this is dropped.
pub struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Connections {
    /// Counts a connection as open until what this returns is dropped.
    #[must_use]
    pub fn open(&self, way: Transport) -> Open<'_> {
        self.opened[way as usize].fetch_add(1, Relaxed);
        Open(&self.gone[way as usize])
    }

    pub fn ended(&self, end: End) {
        self.ends[end as usize].fetch_add(1, Relaxed);
    }

    /// A connection was told this without the hub.
    pub fn refused(&self, code: Code) {
        self.refusals[code as usize].fetch_add(1, Relaxed);
    }

    pub fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    /// An HTTP request was answered.
    pub fn answered(&self, status: StatusCode) {
        if let Some(at) = STATUSES.iter().position(|one| *one == status) {
            self.answers[at].fetch_add(1, Relaxed);
        }
    }

    /// Each status of answers to HTTP requests, and how many there were.
    pub fn answers(&self) -> impl Iterator<Item = (StatusCode, u64)> {
        STATUSES.into_iter().zip(&self.answers).map(|(status, many)| (status, many.load(Relaxed)))
    }

    /// How many were ever opened, and how many of them are open.
    pub fn of(&self, way: Transport) -> (u64, u64) {
        // In this order, so that it is never less than nothing.
        let gone = self.gone[way as usize].load(Relaxed);
        let opened = self.opened[way as usize].load(Relaxed);
        (opened, opened.saturating_sub(gone))
    }

    pub fn ends(&self, end: End) -> u64 {
        self.ends[end as usize].load(Relaxed)
    }

    pub fn refusals(&self, code: Code) -> u64 {
        self.refusals[code as usize].load(Relaxed)
    }

    pub fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let connections = Connections::default();
        let (first, second) = (connections.open(Transport::Tls), connections.open(Transport::Tls));
        assert_eq!(connections.of(Transport::Tls), (2, 2));
        drop(first);
        assert_eq!(
            (connections.of(Transport::Tls), connections.of(Transport::Plain)),
            ((2, 1), (0, 0))
        );
        drop(second);
        assert_eq!(connections.of(Transport::Tls), (2, 0));
    }

    #[test]
    fn each_has_its_own_place() {
        assert!(Transport::ALL.iter().enumerate().all(|(at, (way, ..))| *way as usize == at));
        assert!(End::ALL.iter().enumerate().all(|(at, (end, _))| *end as usize == at));
        assert!(Code::ALL.iter().enumerate().all(|(at, code)| *code as usize == at));
    }
}
