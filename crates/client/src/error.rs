//! What can go wrong between a client and a realm.

use crate::{Fingerprint, Reply, ReplyError, RequestError};
use std::io;

/// Why a call of [`Client`](crate::Client) failed. After [`Error::Refused`], [`Error::Request`] and
/// [`Error::Unanswerable`] the connection is as good as before; after any other it is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Connecting, reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server closed the connection. A request without a reply may or may not have been
    /// carried out.
    #[error("the server closed the connection")]
    Closed,
    /// What the server sent is not a reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// The request cannot be written as a line; nothing was sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server answered ERROR.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server spoke without being asked, which it does before it closes a connection (too
    /// many of them, too slow a reader); the reply says why.
    #[error("the server ended the connection: {}", .0.text().unwrap_or("no reason given"))]
    Unasked(Box<Reply>),
    /// There is nobody to answer: the event is no message, or of a kind that this version does not
    /// know. Nothing was sent.
    #[error("this event cannot be answered")]
    Unanswerable,
    /// Whoever answers has another key than it must have: it is another realm, or somebody in between.
    /// Nothing was sent.
    #[error("whoever answers there has another key: {found}, not {expected}")]
    Key {
        /// Whose key it must be.
        expected: Fingerprint,
        /// Whose it is.
        found: Fingerprint,
    },
    /// The answer is OK but lacks what it has to hold, so this is another kind of server.
    #[error("the reply to {request} has no {missing}")]
    Incomplete {
        /// The verb.
        request: &'static str,
        /// What was expected.
        missing: &'static str,
    },
}

impl Error {
    /// The code of a refusal: `Some("user_not_found")`; `None` for every other error.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// Whether what was asked for may have been done all the same: the server does not know (the code
    /// `unknown`), or its answer was lost. Look before you ask again.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code == "unknown",
            Self::Request(_) | Self::Unanswerable | Self::Key { .. } => false,
            Self::Io(_)
            | Self::Closed
            | Self::Reply(_)
            | Self::Unasked(_)
            | Self::Incomplete { .. } => true,
        }
    }

    /// Whether the connection can still be used.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Request(_) | Self::Unanswerable)
    }
}

/// An ERROR reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} ({code})")]
pub struct Refusal {
    /// For programs: `no_session`, `group_not_found`, …; empty where the server sends none.
    pub code: String,
    /// For people, in Indonesian.
    pub text: String,
    /// How the request should have looked, where that was what was wrong.
    pub usage: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_done_is_told_from_what_is_not() {
        let refused = |code: &str| {
            let (code, text) = (code.to_owned(), String::new());
            Error::Refused(Refusal { code, text, usage: None })
        };
        assert!(refused("unknown").may_be_done() && Error::Closed.may_be_done());
        assert!(!refused("unavailable").may_be_done() && !Error::Unanswerable.may_be_done());
        // The server answers on: it is the answer that says so, not the connection.
        assert!(refused("unknown").is_recoverable());
    }
}
