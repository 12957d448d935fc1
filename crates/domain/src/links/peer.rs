//! What is durable about another realm.

use super::{Address, Apart, Followed, Outbox};
use crate::{AccountId, GroupId};
use antar_types::{Capabilities, Chain, Fingerprint, Name, Time, TokenHash};
use std::collections::BTreeMap;
use std::fmt;

/// Names one life of a log: random, and new whenever the log may have lost its end (it was put back
/// from a backup). Two logs of one epoch have the same past.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// An epoch out of chance; never zero, which stands for none.
    pub fn new(entropy: &[u8; 32]) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&entropy[24..]);
        Self(u64::from_be_bytes(bytes) | 1)
    }

    /// Reads 16 hexadecimal digits.
    pub fn parse(word: &str) -> Option<Self> {
        let valid = word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| u64::from_str_radix(word, 16).ok())?.map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a link is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Over TLS, with the peer's key pinned.
    Native(Fingerprint),
    /// As the two documents have it: no proof of who calls but the address.
    Plain,
}

/// How it stands with a link, as far as it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// Linked.
    Linked,
    /// They asked; an administrator here has not approved it yet.
    Asking,
    /// An administrator there has not approved it yet.
    Asked,
    /// They ended it.
    RemovedThere,
    /// We ended it. Kept, so that a later link finds its history and repeats nothing.
    Removed,
    /// Another realm has its name now, so it was given one of its own: under that its history is read.
    Former,
}

/// Another realm as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// Its own name; on a plain link the name both sides use for it.
    pub name: Name,
    /// How it is spoken to.
    pub kind: LinkKind,
    /// Where it can be reached, if that is known.
    pub address: Option<Address>,
    /// Whether it is linked.
    pub status: LinkStatus,
    /// When the status last changed, or on a plain link when the other side was last told of us: what it
    /// remembers begins there.
    pub since: Time,
}

/// An invitation to link, as stored: whoever shows the secret may, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRecord {
    /// Of the secret.
    pub hash: TokenHash,
    /// Until when.
    pub expires: Time,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Entries so far; the first is 1.
    pub seq: u64,
    /// The hash up to there.
    pub chain: Chain,
}

/// Another realm: its record, what it is owed and what it has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub record: PeerRecord,
    /// Where it says it is, where somebody here has said otherwise.
    pub told: Option<Address>,
    /// A name that this realm had before, by which it may still be known there.
    pub known_as: Option<Name>,
    pub out: Outbox,
    pub followed: Followed,
    /// What both understood when it last followed what it is owed; none before that.
    pub can: Option<Capabilities>,
    /// What it has sent that this version does not know.
    pub apart: Apart,
    /// Users there that somebody here has written to, over a plain link: their messages wait here.
    pub plain_mailboxes: BTreeMap<Box<str>, u64>,
    /// Accounts and groups here whose names were those of others while this realm was known.
    pub heirs: BTreeMap<Holder, Heir>,
}

/// The number of an account or of a group: what has a name that was another's before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder(pub u64);

impl From<AccountId> for Holder {
    fn from(account: AccountId) -> Self {
        Self(account.0)
    }
}

impl From<GroupId> for Holder {
    fn from(group: GroupId) -> Self {
        Self(group.0)
    }
}

/// What a holder may not have of what is on the way between a realm and whoever had its name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heir {
    /// Up to this entry of what the realm is owed the name was the other's.
    pub owed: u64,
    /// No entry of the realm's log past this one was written before the holder was made; none while
    /// the realm has not told since how far its log goes. Of a plain peer, which has none: so many of
    /// the messages that it lists are the other's.
    pub upto: Option<u64>,
    /// The hash of what those say. A plain peer that lists others has forgotten them.
    pub said: Option<Chain>,
}

impl Peer {
    pub fn new(record: PeerRecord) -> Self {
        let (told, known_as, out, followed, can, apart) = Default::default();
        let (plain_mailboxes, heirs) = Default::default();
        Self { record, told, known_as, out, followed, can, apart, plain_mailboxes, heirs }
    }

    /// The pinned key of a native link.
    pub fn key(&self) -> Option<Fingerprint> {
        match self.record.kind {
            LinkKind::Native(key) => Some(key),
            LinkKind::Plain => None,
        }
    }

    /// Whether the address that it told is the one in its record.
    pub fn is_told_twice(&self) -> bool {
        self.told.as_ref().zip(self.record.address.as_ref()).is_some_and(|(a, b)| a.is_at(b))
    }

    /// Whether users here may write to it.
    pub fn is_open(&self) -> bool {
        matches!(self.record.status, LinkStatus::Linked | LinkStatus::Asked)
    }

    /// Whether the name is free for another link.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.record.status,
            LinkStatus::Removed | LinkStatus::RemovedThere | LinkStatus::Former
        )
    }

    /// Whether the link was ended here, and who wrote what was still owed on it is being told.
    pub fn gives_back(&self) -> bool {
        matches!(self.record.status, LinkStatus::Removed | LinkStatus::Former)
            && self.out.owed() > 0
    }

    /// Whether it is who is spoken to like this, and on a plain link there: a native realm is its
    /// key, a plain one the address that it calls from and is called at.
    pub fn is(&self, kind: &LinkKind, address: Option<&Address>) -> bool {
        let place = |address: Option<&Address>| address.map(|a| (a.host.clone(), a.port));
        self.record.kind == *kind
            && (*kind != LinkKind::Plain || place(address) == place(self.record.address.as_ref()))
    }

    /// Whether it only waits for approval here: nothing is known of it but what it says of itself.
    pub fn is_asking(&self) -> bool {
        self.record.status == LinkStatus::Asking
    }

    /// Whether anything was, or may have been, said with it.
    pub fn has_history(&self) -> bool {
        // What a plain peer has said leaves nothing in the record.
        let plain = self.record.kind == LinkKind::Plain;
        plain || self.out.tip.seq > 0 || self.followed.top() > 0 || !self.plain_mailboxes.is_empty()
    }

    /// Whether its log was ever followed.
    pub fn was_followed(&self) -> bool {
        self.followed.fork().is_some()
    }
}
