//! Bounds: what an operator can set, the defaults, and what follows for the realm at hand.

use super::Config;
use antar_domain::Limits;
use governor::Quota;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// Bounds on what clients can take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The longest line, in bytes before CR and LF.
    pub line_bytes: usize,
    /// The longest message text, in bytes.
    pub message_bytes: usize,
    /// The longest password, in bytes.
    pub password_bytes: usize,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address; in local mode as many as in all.
    pub connections_per_address: Option<usize>,
    /// New connections from one address in a minute, at once or spread, and 0 for any number, as in
    /// local mode; past it they are refused.
    pub connects_per_minute: Option<u32>,
    /// TLS handshakes of one address at once; more wait. In local mode as many as in all.
    pub handshakes_per_address: Option<usize>,
    /// Seconds a TLS handshake may take.
    pub handshake_seconds: u64,
    /// Calls from one address by realms that are not linked, in a minute; 0 for any number, as in local
    /// mode.
    pub strangers_per_minute: Option<u32>,
    /// Accounts registered from one address in an hour, at once or spread; 0 for any number, as in
    /// local mode.
    pub registrations_per_hour: Option<u32>,
    /// Requests of one address a second, and ten times as many at once; 0 for any number, as in local
    /// mode. A request counts one more for every KiB of it, and for every 16 KiB of replies before it; a blank
    /// line counts as one. Past it the address is read more slowly.
    pub requests_per_second: Option<u32>,
    /// The same of one account, wherever its requests come from.
    pub requests_per_account: Option<u32>,
    /// Requests of one connection that are not answered yet; past it the connection is not read.
    pub pending_requests: usize,
    /// Events a watching connection may leave unread, of which each counts one more for every KiB of
    /// it; past it the connection is closed, if it takes nothing for a second.
    pub unread_events: usize,
    /// Bytes that all clients together may leave unread, or send while what they sent before waits; past
    /// it those are closed that kept the most for the longest.
    pub unread_bytes: usize,
    /// Groups a user may be in, and groups a user may make.
    pub groups_per_user: usize,
    /// Members of a group.
    pub members_per_group: usize,
    /// Sessions of a user.
    pub sessions_per_user: usize,
    /// Days a token lives unused.
    pub token_idle_days: u64,
    /// Conversations of two users here.
    pub conversations: usize,
    /// Realms linked.
    pub links: usize,
    /// Messages owed to one realm before further ones are refused.
    pub link_messages: u64,
    /// Bytes of them.
    pub link_bytes: u64,
    /// Days that messages are kept after the other realm has them, in case it is put back from a backup.
    pub link_grace_days: u64,
    /// Seconds a connection may take to log in; 0 for ever.
    pub login_seconds: u64,
    /// Seconds a connection may ask nothing; 0 for ever, since existing clients never ping.
    pub idle_seconds: u64,
    /// Seconds a connection may leave what it was sent unread; 0 for ever.
    pub stall_seconds: u64,
    /// Failed logins of one account from one address before further ones are refused; from all
    /// addresses ten times as many.
    pub login_failures_per_account: u32,
    /// Failed logins from one address, for accounts that have not lately logged in there, before further
    /// ones are refused.
    pub login_failures_per_address: u32,
    /// Seconds after which one failed login is forgotten.
    pub login_failure_seconds: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let domain = Limits::default();
        Self {
            line_bytes: 64 << 10,
            message_bytes: domain.message_bytes,
            password_bytes: domain.password_bytes,
            connections: 16_000,
            connections_per_address: None,
            connects_per_minute: None,
            handshakes_per_address: None,
            handshake_seconds: 5,
            strangers_per_minute: None,
            registrations_per_hour: None,
            requests_per_second: None,
            requests_per_account: None,
            pending_requests: 64,
            unread_events: 10_000,
            unread_bytes: 256 << 20,
            groups_per_user: domain.groups_per_user,
            members_per_group: domain.members_per_group,
            sessions_per_user: domain.sessions_per_user,
            token_idle_days: 30,
            conversations: domain.conversations,
            links: domain.links,
            link_messages: domain.link_messages,
            link_bytes: domain.link_bytes,
            link_grace_days: 7,
            login_seconds: 60,
            idle_seconds: 0,
            stall_seconds: 300,
            login_failures_per_account: 10,
            login_failures_per_address: 100,
            login_failure_seconds: 10,
        }
    }
}

/// What one address may take of a realm that others can reach; docs/limits.md says why so much.
const PER_ADDRESS: usize = 256;
const CONNECTS: u32 = 600;
const HANDSHAKES: usize = 16;
const STRANGERS: u32 = 30;
const REGISTRATIONS: u32 = 100;
const REQUESTS: u32 = 2_000;
const ACCOUNT_REQUESTS: u32 = 500;

impl Config {
    /// The domain's limits.
    pub fn domain_limits(&self) -> Limits {
        Limits {
            message_bytes: self.limits.message_bytes,
            groups_per_user: self.limits.groups_per_user,
            members_per_group: self.limits.members_per_group,
            sessions_per_user: self.limits.sessions_per_user,
            token_idle: Duration::from_secs(self.limits.token_idle_days.saturating_mul(86_400)),
            password_bytes: self.limits.password_bytes,
            conversations: self.limits.conversations,
            links: self.limits.links,
            link_messages: self.limits.link_messages,
            link_bytes: self.limits.link_bytes,
            link_grace: Duration::from_secs(self.limits.link_grace_days.saturating_mul(86_400)),
            retention: Duration::from_secs(u64::from(self.retention.days).saturating_mul(86_400)),
            files: self.files.limits(),
        }
    }

    /// Connections allowed from one address.
    pub fn connections_per_address(&self) -> usize {
        let default = if self.is_local() { self.limits.connections } else { PER_ADDRESS };
        self.limits.connections_per_address.unwrap_or(default)
    }

    /// TLS handshakes of one address at once.
    pub(crate) fn handshakes_per_address(&self) -> usize {
        let default = if self.is_local() { usize::MAX } else { HANDSHAKES };
        self.limits.handshakes_per_address.unwrap_or(default).max(1)
    }

    /// New connections of one address.
    pub(crate) fn connects(&self) -> Option<Quota> {
        self.rate(self.limits.connects_per_minute, CONNECTS).map(Quota::per_minute)
    }

    /// Calls of one address by realms that are not linked.
    pub(crate) fn strangers(&self) -> Option<Quota> {
        self.rate(self.limits.strangers_per_minute, STRANGERS).map(Quota::per_minute)
    }

    /// Accounts registered from one address.
    pub(crate) fn registrations(&self) -> Option<Quota> {
        self.rate(self.limits.registrations_per_hour, REGISTRATIONS).map(Quota::per_hour)
    }

    /// Requests of one address.
    pub(crate) fn requests(&self) -> Option<Quota> {
        self.rate(self.limits.requests_per_second, REQUESTS).map(with_bursts)
    }

    /// Requests of one account.
    pub(crate) fn account_requests(&self) -> Option<Quota> {
        self.rate(self.limits.requests_per_account, ACCOUNT_REQUESTS).map(with_bursts)
    }

    /// A rate that is set, else the default; none in local mode, where all share one address.
    fn rate(&self, set: Option<u32>, default: u32) -> Option<NonZeroU32> {
        let default = if self.is_local() { 0 } else { default };
        NonZeroU32::new(set.unwrap_or(default))
    }
}

/// So many a second, and ten times as many at once.
fn with_bursts(rate: NonZeroU32) -> Quota {
    Quota::per_second(rate).allow_burst(rate.saturating_mul(TEN))
}

const TEN: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
