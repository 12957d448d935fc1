//! What an operator may set about the domain.

use crate::RoomRealms;
use antar_types::Fingerprint;
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
    /// Conversations of two users here: how far each has come and was read is in memory.
    pub conversations: usize,
    /// Realms linked.
    pub links: usize,
    /// Messages owed to one realm; past it SENDREALM is refused.
    pub link_messages: u64,
    /// Bytes of them.
    pub link_bytes: u64,
    /// How long what a realm has is kept for it all the same, in case it is put back from a backup.
    pub link_grace: Duration,
    /// How long messages are kept where a group does not say otherwise; zero for ever.
    pub retention: Duration,
    /// What files may take.
    pub files: FileLimits,
}

/// Bounds on files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// The largest, in bytes.
    pub file_bytes: u64,
    /// Bytes of all that one account has uploaded and that are kept.
    pub account_bytes: u64,
    /// Bytes of all that are here.
    pub realm_bytes: u64,
    /// How long what was uploaded is kept that no message names.
    pub unreferenced: Duration,
    /// How long a link to a file is valid.
    pub link: Duration,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file_bytes: 50 << 20,
            account_bytes: 1 << 30,
            realm_bytes: 10 << 30,
            unreferenced: Duration::from_secs(24 * 3600),
            link: Duration::from_secs(7 * 24 * 3600),
        }
    }
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
            conversations: 1_000_000,
            links: 256,
            link_messages: 1_000_000,
            link_bytes: 256 << 20,
            link_grace: Duration::from_secs(7 * 24 * 3600),
            retention: Duration::ZERO,
            files: FileLimits::default(),
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
    /// With which realms there are no rooms: none of their users is in groups here, and nobody here in groups there.
    pub refused_rooms: RoomRealms,
}

impl Policy {
    /// The policy of local mode: only this machine's own programs can connect.
    pub fn local() -> Self {
        Self {
            open_registration: true,
            open_linking: true,
            hide_unknown_users: false,
            inbound: Inbound::Open,
            listed_keys: Vec::new(),
            plain_peers: PlainPeers::default(),
            refused_rooms: RoomRealms::None,
        }
    }

    /// The policy of a realm that others can reach.
    pub fn public() -> Self {
        Self {
            open_registration: false,
            open_linking: false,
            inbound: Inbound::Approve,
            ..Self::local()
        }
    }
}

/// The addresses that servers which know no TLS may call from. Such a server never logs in and keeps
/// a processor busy for ever when its connection is closed, so it is not told to go. There are none
/// unless the operator lists them: such a server proves nothing, so any program at its address may
/// speak for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainPeers(Vec<IpAddr>);

impl FromIterator<IpAddr> for PlainPeers {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        Self(addresses.into_iter().map(|address| address.to_canonical()).collect())
    }
}

impl PlainPeers {
    /// Whether whoever calls from there may be one.
    pub fn include(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Why who is there may not be one, and what to do about it.
    pub fn refusal(&self, address: IpAddr) -> Option<String> {
        let address = address.to_canonical();
        (!self.include(address)).then(|| {
            format!(
                "{address} may not be a plain peer: the operator of this realm has to list it under \
                 plain_peers in the configuration, which a start or SIGHUP reads"
            )
        })
    }
}

/// Whether an address is one at which only this machine's own programs are: 127.0.0.0/8 and `::1`, and
/// the former written as an IPv6 address (`::ffff:127.0.0.1`). The one place that says so.
pub fn is_loopback(address: IpAddr) -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is where it is said")]
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_in_either_way_of_writing_it() {
        let ip = |word: &str| word.parse::<IpAddr>().unwrap();
        for (word, loopback) in [
            ("127.0.0.1", true),
            ("127.255.0.3", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:7f01:203", true),
            ("::ffff:128.0.0.1", false),
            ("::", false),
            ("0.0.0.0", false),
            ("::127.0.0.1", false),
            ("192.0.2.1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_loopback(ip(word)), loopback, "{word}");
        }
        let listed: PlainPeers = ["::ffff:192.0.2.1", "127.0.0.1"].map(ip).into_iter().collect();
        assert!(listed.include(ip("192.0.2.1")) && listed.include(ip("::ffff:127.0.0.1")));
        assert!(!listed.include(ip("127.0.0.2")) && !listed.include(ip("::1")));
        let refusal = listed.refusal(ip("::ffff:192.0.2.2")).unwrap();
        assert!(refusal.starts_with("192.0.2.2 ") && refusal.contains("plain_peers"), "{refusal}");
        assert!(!PlainPeers::default().include(ip("127.0.0.1")));
    }
}
