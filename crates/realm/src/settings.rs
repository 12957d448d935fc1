//! What an operator may set about the domain.

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
        }
    }
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
}

impl Policy {
    /// The policy of local mode: bound to loopback only.
    pub fn local() -> Self {
        Self { open_registration: true, open_linking: true, hide_unknown_users: false }
    }

    /// The policy of a realm that others can reach.
    pub fn public() -> Self {
        Self { open_registration: false, open_linking: false, hide_unknown_users: false }
    }
}
