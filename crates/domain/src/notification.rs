//! What a connection is told unasked.

use antar_types::{BoxKind, Message, Name};
use std::sync::Arc;

/// What a connection is told without a request of its own: its door makes an event of it.
#[derive(Clone, Debug)]
pub enum Notification {
    /// A message arrived in this box.
    Message(BoxKind, Arc<Message>),
    /// Somebody types.
    Typing(Arc<Typing>),
}

/// Somebody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// How whoever is told addresses the conversation.
    pub conversation: Box<str>,
    /// The user who types.
    pub user: Name,
}

impl Notification {
    /// Whether this is the same one, told to somebody else: what was made of it serves both.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(kind, message), Self::Message(other, same)) => {
                kind == other && Arc::ptr_eq(message, same)
            }
            (Self::Typing(typing), Self::Typing(same)) => Arc::ptr_eq(typing, same),
            _ => false,
        }
    }

    /// The message that it tells of, if it does.
    pub fn message(&self) -> Option<&Arc<Message>> {
        match self {
            Self::Message(_, message) => Some(message),
            Self::Typing(_) => None,
        }
    }

    /// About how many bytes of memory it takes, past its own size.
    pub fn memory(&self) -> usize {
        match self {
            Self::Message(_, message) => message.memory(),
            Self::Typing(typing) => size_of::<Typing>() + typing.conversation.len(),
        }
    }
}
