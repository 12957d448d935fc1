//! What a connection is told unasked.

use crate::{Told, ToldAt};
use antar_types::{BoxKind, Code, Message, Name, Text, Time};
use std::sync::Arc;

/// What a connection is told without a request of its own: its door makes an event of it.
#[derive(Clone, Debug)]
pub enum Notification {
    /// A message arrived in this box.
    Message(BoxKind, Arc<Message>),
    /// A message arrived in a group of another realm.
    GroupElsewhere(Arc<GroupElsewhere>),
    /// Somebody types.
    Typing(Arc<Typing>),
    /// Somebody came, went, or is away.
    Presence(Arc<Presence>),
    /// Something changed, for a connection that watches changes.
    Change(Arc<ToldAt>),
    /// A connection that watched changes does not any more, for this reason.
    WatchEnded(Code),
}

/// A message in a group of another realm, of which there is a copy here.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupElsewhere {
    /// How the group is addressed: `staff@beta`.
    pub group: Box<str>,
    /// The message.
    pub message: Arc<Message>,
}

/// Somebody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// How whoever is told addresses the conversation.
    pub conversation: Box<str>,
    /// The user who types.
    pub user: Name,
}

/// Whether somebody is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// Connected.
    Online,
    /// Connected, and away as the user says.
    Away,
    /// Not connected.
    #[default]
    Offline,
}

impl Availability {
    /// The word shown under `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::Offline => "offline",
        }
    }
}

/// Whether a user is here, as whoever asked is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The user.
    pub user: Box<str>,
    /// Whether that user is here.
    pub availability: Availability,
    /// Since when, where that is known.
    pub since: Option<Time>,
    /// What a user who is away says of it.
    pub text: Option<Text>,
}

impl Presence {
    /// What is told of who is no acquaintance of whoever asks.
    pub fn of_stranger(user: &str) -> Self {
        Self { user: user.into(), availability: Availability::Offline, since: None, text: None }
    }

    /// About how many bytes of memory it takes, with its own size.
    pub fn memory(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.as_str().len());
        size_of::<Self>() + self.user.len() + text
    }
}

impl Notification {
    /// Whether this is the same one, told to somebody else: what was made of it serves both.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(kind, message), Self::Message(other, same)) => {
                kind == other && Arc::ptr_eq(message, same)
            }
            (Self::GroupElsewhere(told), Self::GroupElsewhere(same)) => Arc::ptr_eq(told, same),
            (Self::Typing(typing), Self::Typing(same)) => Arc::ptr_eq(typing, same),
            (Self::Presence(presence), Self::Presence(same)) => Arc::ptr_eq(presence, same),
            (Self::Change(change), Self::Change(same)) => Arc::ptr_eq(change, same),
            _ => false,
        }
    }

    /// The message that it tells of, if it does.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(_, message) => Some(message),
            Self::GroupElsewhere(told) => Some(&told.message),
            Self::Change(at) => match &at.told {
                Told::Message { message, .. } => Some(message),
                _ => None,
            },
            Self::Typing(_) | Self::Presence(_) | Self::WatchEnded(_) => None,
        }
    }

    /// What it counts among those a connection may leave unread: one, and one more for each KiB of text.
    pub fn weight(&self) -> usize {
        1 + self.message().map_or(0, |message| message.text.as_str().len() / 1024)
    }

    /// About how many bytes of memory it takes, past its own size.
    pub fn memory(&self) -> usize {
        match self {
            Self::Message(_, message) => message.memory(),
            Self::GroupElsewhere(told) => told.group.len() + told.message.memory(),
            Self::Typing(typing) => size_of::<Typing>() + typing.conversation.len(),
            Self::Presence(presence) => presence.memory(),
            Self::Change(at) => size_of::<ToldAt>() + at.told.memory(),
            Self::WatchEnded(_) => 0,
        }
    }
}
