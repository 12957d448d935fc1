//! What an operator may set about the domain.

use antar_wire::Fingerprint;
use std::net::IpAddr;
use std::time::Duration;

/// Bounds on what one user can take of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message text, in bytes.
    pub message_bytes: usize,
    /// Groups a user may be in, and groups a user may create.
    pub groups_per_user: usize,
    /// Members of a group.
    pub members_per_group: usize,
    /// Sessions of a user; past it the one idle longest and not connected ends.
    pub sessions_per_user: usize,
    /// How long a token lives unused.
    pub token_idle: Duration,
    /// The longest password, in bytes.
    pub password_bytes: usize,
    /// Realms linked.
    pub links: usize,
    /// Messages owed to one realm; past it SENDREALM is refused.
    pub link_messages: u64,
    /// Bytes of them.
    pub link_bytes: u64,
    /// How long what a realm has is kept for it all the same, in case it is put back from a backup.
    pub link_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 10,
            groups_per_user: 100,
            members_per_group: 10_000,
            sessions_per_user: 1_000,
            token_idle: Duration::from_secs(30 * 24 * 3600),
            password_bytes: 256,
            links: 256,
            link_messages: 1_000_000,
            link_bytes: 256 << 20,
            link_grace: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Limits {
    /// How often it is noted how far a realm is, and for how long such a note is kept, both in
    /// milliseconds. The notes let go of what is older than the grace, without a look at the entries.
    pub(crate) fn ack_hours(&self) -> (u64, u64) {
        let grace = u64::try_from(self.link_grace.as_millis()).unwrap_or(u64::MAX);
        ((grace / 168).max(1_000), grace)
    }
}

/// From whom native links are accepted (protocol section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// From anyone.
    Open,
    /// From anyone, once an administrator approves.
    Approve,
    /// From whoever has one of the listed keys.
    Listed,
}

/// Who may do what (protocol section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Anyone may REGISTER.
    pub open_registration: bool,
    /// Any user may link realms; else administrators only.
    pub open_linking: bool,
    /// AUTH does not tell an unknown user from a wrong password.
    pub hide_unknown_users: bool,
    /// From whom native links are accepted.
    pub inbound: Inbound,
    /// Keys from which they are accepted whatever `inbound` says.
    pub listed_keys: Vec<Fingerprint>,
    /// Who may be a plain peer.
    pub plain_peers: PlainPeers,
}

impl Policy {
    /// The policy of local mode: bound to loopback only.
    pub fn local() -> Self {
        Self {
            open_registration: true,
            open_linking: true,
            hide_unknown_users: false,
            inbound: Inbound::Open,
            listed_keys: Vec::new(),
            plain_peers: PlainPeers { loopback: true, listed: Vec::new() },
        }
    }

    /// The policy of a realm that others can reach.
    pub fn public() -> Self {
        Self {
            open_registration: false,
            open_linking: false,
            inbound: Inbound::Approve,
            plain_peers: PlainPeers::default(),
            ..Self::local()
        }
    }
}

/// The addresses that servers which know no TLS may call from. Such a server never logs in and keeps
/// a processor busy for ever when its connection is closed, so it is not told to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainPeers {
    /// This machine's own.
    pub loopback: bool,
    /// Others.
    pub listed: Vec<IpAddr>,
}

impl PlainPeers {
    /// Whether whoever calls from there may be one.
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        (self.loopback && address.is_loopback()) || self.listed.contains(&address)
    }
}
