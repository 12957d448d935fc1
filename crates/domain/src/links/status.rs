//! What is told of links to whoever asks.

use super::{Address, Apart, Epoch, LinkKind, Position};
use antar_types::{Capabilities, Fingerprint, Name, Time, Token};

/// How it stands with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Messages can pass.
    Up,
    /// It is tried again.
    Down,
    /// For an administrator's approval, here or there.
    Waiting,
    /// The other side said no.
    Refused,
    /// One side has ended it.
    Removed,
}

/// Another realm, and how it stands with the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The other realm.
    pub name: Name,
    /// Where it can be reached, if that is known.
    pub address: Option<Address>,
    /// How it stands.
    pub state: LinkState,
    /// Since when.
    pub since: Time,
    /// Messages owed to it.
    pub owed: u64,
    /// The life of its log that is followed; zero before the first.
    pub epoch: Epoch,
    /// How far its log was followed.
    pub cursor: Position,
    /// Messages that ever became durable there.
    pub sent: u64,
    /// What it has sent that is not known here.
    pub apart: Apart,
    /// What it understands, where it is connected.
    pub can: Capabilities,
    /// It waits for approval here; otherwise one that waits does so there.
    pub asks: bool,
    /// It calls itself this, and another realm has that name here.
    pub calls_itself: Option<Name>,
    /// Where it says it is itself, where that is elsewhere.
    pub told: Option<Address>,
    /// Why it is not up, or what was last found wrong with it.
    pub error: Option<Box<str>>,
    /// The names of other realms that had its name before.
    pub former: Vec<Name>,
    /// For how many seconds the oldest of the messages has been owed.
    pub oldest: Option<u64>,
    /// How far its clock is ahead of ours, in milliseconds.
    pub clock: Option<i64>,
    /// How the link is spoken.
    pub kind: LinkKind,
    /// Groups that have members of both realms, for who administers this one: the first [`ROOMS_TOLD`] of them.
    pub rooms: Vec<PeerRoom>,
    /// How many more there are.
    pub more_rooms: usize,
}

/// The most rooms that are told of one link.
pub const ROOMS_TOLD: usize = 1_000;

/// A group that has members of this realm and of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRoom {
    /// `staff`, or `staff@beta` where it is a group of that realm.
    pub name: Box<str>,
    /// How many of its members are of the realm that is a guest in it.
    pub members: usize,
}

impl PeerStatus {
    /// About how many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        let address = |a: &Option<Address>| a.as_ref().map_or(0, |a| a.host.len());
        let error = self.error.as_deref().map_or(0, str::len);
        let former = self.former.len() * size_of::<Name>();
        let room = |room: &PeerRoom| size_of::<PeerRoom>() + room.name.len();
        let rooms: usize = self.rooms.iter().map(room).sum();
        size_of::<Self>() + address(&self.address) + address(&self.told) + error + former + rooms
    }
}

/// An invitation to link, as its maker hands it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who made it.
    pub name: Name,
    /// Where it is called.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// Of its certificate.
    pub key: Fingerprint,
    /// Whoever shows this may link, once.
    pub secret: Token,
}
