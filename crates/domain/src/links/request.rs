//! What this realm asks of others.

use super::{Address, Epoch, Position};
use antar_types::{Capabilities, Entry, Name, Secret, Token};
use std::net::IpAddr;
use std::sync::Arc;

/// A request to the realm at the other end of a native link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerRequest {
    /// Who calls: the first of all.
    Greet(Box<Introduction>),
    /// Everything that is owed past what is here.
    Follow(Epoch, Position),
    /// The hash of its log at an entry.
    Chain(u64),
    /// Everything past the last entry that both have; its log was followed in this epoch until now.
    Rejoin(Epoch, Position),
    /// How far everything is on disk here. It needs no answer.
    Cursor(Epoch, Position),
    /// A sign of life.
    Ping,
    /// How far its log goes, for whoever waits for messages from there.
    CatchUp(CatchUp),
    /// That a user of this realm may be in a group there.
    JoinRoom(Box<RoomJoin>),
    /// The link was ended. It needs no answer.
    Removed,
}

/// Who wants to be in a group of another realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomJoin {
    /// The group.
    pub group: Name,
    /// The user.
    pub user: Name,
    /// The number of the user's account, which no other account ever has.
    pub account: u64,
    /// Everything up to this entry of the asking realm's log comes before.
    pub after: u64,
    /// The group's password, where the user has given one.
    pub password: Option<Secret<String>>,
}

impl PeerRequest {
    /// About how many bytes of memory it takes past its own size.
    pub fn memory(&self) -> usize {
        match self {
            Self::JoinRoom(join) => {
                let password = join.password.as_ref().map_or(0, |password| password.expose().len());
                size_of::<RoomJoin>() + password
            }
            Self::Greet(greeting) => size_of::<Introduction>() + greeting.source.0.len(),
            _ => 0,
        }
    }
}

/// What a realm says of itself when it calls another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The name of the realm that is called.
    pub to: Name,
    /// Where it was reached.
    pub at: (IpAddr, u16),
    /// Where the one that calls can be reached itself.
    pub source: (String, u16),
    /// The name of the one that calls.
    pub from: Name,
    /// The two have been linked before.
    pub again: bool,
    /// The secret of an invitation.
    pub invitation: Option<Token>,
    /// What the one that calls understands on a link.
    pub can: Capabilities,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// For whom.
    pub of: Of,
    /// This realm.
    pub realm: Option<Name>,
    /// How far the log there has been followed, where that is told.
    pub cursor: Option<(Epoch, Position)>,
}

/// Whose messages are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A user of this realm.
    User(Name),
    /// The group of this name on both sides.
    Group(Name),
}

/// A request to a realm on a plain link, over a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Where it is.
    pub address: Address,
    /// The name that both sides use for the link.
    pub realm: Name,
    /// What is asked.
    pub request: PlainRequest,
}

/// What a plain peer can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainRequest {
    /// To take a link with this realm, which can be reached there; where no host is given, at the address
    /// that the connection comes from.
    Introduce {
        /// Where.
        host: Option<String>,
        /// The port there.
        port: u16,
    },
    /// To take what somebody here has said in a group.
    Carry(Arc<Entry>),
    /// What waits there, or was said.
    List(Of),
}
