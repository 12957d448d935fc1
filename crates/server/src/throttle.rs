//! Counts failed guesses at passwords.

use crate::LimitsConfig;
use antar_wire::Time;
use std::collections::HashMap;
use std::net::IpAddr;

/// How many keys are kept before those that have recovered are dropped.
const MANY: usize = 10_000;

/// Refuses guesses where too many failed lately: for a subject from an address, for the subject from
/// anywhere, and for the address whatever the subject. Only failures count, so that a class which
/// logs in from one address at once is not in the way of itself.
#[derive(Debug)]
pub struct Throttle {
    per_subject: u64,
    per_address: u64,
    /// Milliseconds in which one failure is forgotten.
    forget: u64,
    /// For each key, when its last failure will be forgotten.
    clear_at: HashMap<Key, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Both(IpAddr, String),
    Subject(String),
    Address(IpAddr),
}

impl Throttle {
    pub fn new(limits: &LimitsConfig) -> Self {
        Self {
            per_subject: u64::from(limits.login_failures_per_account),
            per_address: u64::from(limits.login_failures_per_address),
            forget: limits.login_failure_seconds.saturating_mul(1000),
            clear_at: HashMap::new(),
        }
    }

    /// Whether one more guess may be made.
    pub fn allows(&self, now: Time, address: IpAddr, subject: &str) -> bool {
        self.keys(address, subject).iter().all(|(key, burst)| {
            let clear_at = self.clear_at.get(key).copied().unwrap_or(0);
            clear_at.saturating_sub(now.0) + self.forget <= burst.saturating_mul(self.forget)
        })
    }

    /// Notes a guess that failed.
    pub fn failed(&mut self, now: Time, address: IpAddr, subject: &str) {
        if self.clear_at.len() >= MANY {
            self.clear_at.retain(|_, clear_at| *clear_at > now.0);
        }
        for (key, burst) in self.keys(address, subject) {
            // A clock that went back must not lock anyone out for longer than the burst is worth.
            let latest = now.0.saturating_add(burst.saturating_mul(self.forget));
            let clear_at = self.clear_at.entry(key).or_default();
            *clear_at = (*clear_at).max(now.0).saturating_add(self.forget).min(latest);
        }
    }

    fn keys(&self, address: IpAddr, subject: &str) -> [(Key, u64); 3] {
        [
            (Key::Both(address, subject.into()), self.per_subject),
            (Key::Subject(subject.into()), self.per_subject.saturating_mul(10)),
            (Key::Address(address), self.per_address),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn counts_failures_and_forgets_them() {
        let limits = LimitsConfig {
            login_failures_per_account: 2,
            login_failures_per_address: 3,
            login_failure_seconds: 10,
            ..LimitsConfig::default()
        };
        let mut throttle = Throttle::new(&limits);
        let [here, there] = [1, 2].map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)));
        for _ in 0..2 {
            assert!(throttle.allows(Time(0), here, "bob"));
            throttle.failed(Time(0), here, "bob");
        }
        assert!(!throttle.allows(Time(0), here, "bob"));
        assert!(throttle.allows(Time(0), there, "bob"));
        assert!(throttle.allows(Time(0), here, "amy"));
        throttle.failed(Time(0), here, "amy");
        assert!(!throttle.allows(Time(0), here, "cat"));
        assert!(!throttle.allows(Time(9_999), here, "bob"));
        assert!(throttle.allows(Time(10_000), here, "bob"));
    }
}
