//! A peer's answer to what this realm has asked it.

use crate::links::{self, PeerAnswer};
use crate::{Answer, Interrupt, RequestContext};

/// Answers the oldest request of this realm that is not answered yet.
#[derive(Clone, Debug)]
pub struct PeerAnswers {
    /// The answer.
    pub answer: Result<Box<PeerAnswer>, UnreadAnswer>,
}

/// Why an answer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadAnswer {
    /// It is longer than any answer to what this realm asks.
    TooLong,
    /// It makes no sense.
    Nonsense,
}

impl PeerAnswers {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        links::answered(cx, self.answer.as_deref().map_err(|why| *why))?;
        Ok(Answer::NoReply)
    }
}
