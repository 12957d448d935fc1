//! Guesses at passwords that failed.

use super::rates::{Rates, Uptime};
use crate::LimitsConfig;
use governor::Quota;
use governor::clock::Clock;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Refuses guesses where too many failed lately: for a subject from an address, for the subject from
/// anywhere, and for the address whatever the subject. Only failures count, so that a class which
/// logs in from one address at once is not in the way of itself.
#[derive(Clone, Debug)]
pub struct Guesses<C: Clock = Uptime> {
    both: Rates<(IpAddr, u64), C>,
    subject: Rates<u64, C>,
    address: Rates<IpAddr, C>,
    /// A subject may be as long as a line; what is kept of it is not.
    hash: RandomState,
}

impl<C: Clock + Clone> Guesses<C> {
    /// Of this configuration.
    pub fn new(limits: &LimitsConfig, clock: &C) -> Self {
        let none = Self {
            both: Rates::new(None, clock.clone()),
            subject: Rates::new(None, clock.clone()),
            address: Rates::new(None, clock.clone()),
            hash: RandomState::new(),
        };
        none.renewed(limits, clock)
    }

    /// The same under another configuration; what is limited as before is remembered.
    pub fn renewed(&self, limits: &LimitsConfig, clock: &C) -> Self {
        let forget = Duration::from_secs(limits.login_failure_seconds);
        let quota = |failures: u32| {
            let failures = NonZeroU32::new(failures.max(1))?;
            Some(Quota::with_period(forget)?.allow_burst(failures))
        };
        let (account, address) =
            (limits.login_failures_per_account, limits.login_failures_per_address);
        Self {
            both: self.both.renewed(quota(account), clock.clone()),
            subject: self.subject.renewed(quota(account.saturating_mul(10)), clock.clone()),
            address: self.address.renewed(quota(address), clock.clone()),
            hash: self.hash.clone(),
        }
    }

    /// Whether one more guess may be made. `address` is a network's, see [`super::network`].
    pub fn allow(&self, address: IpAddr, subject: &str) -> bool {
        let subject = self.hash.hash_one(subject);
        self.both.has((address, subject)) && self.subject.has(subject) && self.address.has(address)
    }

    /// Notes a guess that failed.
    pub fn failed(&self, address: IpAddr, subject: &str) {
        let subject = self.hash.hash_one(subject);
        self.both.take((address, subject));
        self.subject.take(subject);
        self.address.take(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    #[test]
    fn counts_failures_and_forgets_them() {
        let limits = LimitsConfig {
            login_failures_per_account: 2,
            login_failures_per_address: 3,
            login_failure_seconds: 10,
            ..LimitsConfig::default()
        };
        let clock = FakeRelativeClock::default();
        let guesses = Guesses::new(&limits, &clock);
        let [here, there] = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        for _ in 0..2 {
            assert!(guesses.allow(here, "bob"));
            guesses.failed(here, "bob");
        }
        assert!(!guesses.allow(here, "bob"));
        assert!(guesses.allow(there, "bob"));
        assert!(guesses.allow(here, "amy"));
        guesses.failed(here, "amy");
        assert!(!guesses.allow(here, "cat"));
        clock.advance(Duration::from_millis(9_999));
        assert!(!guesses.allow(here, "bob"));
        clock.advance(Duration::from_millis(1));
        assert!(guesses.allow(here, "bob"));
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses_together() {
        let limits = LimitsConfig { login_failures_per_account: 2, ..LimitsConfig::default() };
        let guesses = Guesses::new(&limits, &FakeRelativeClock::default());
        for n in 0..20 {
            let address = IpAddr::from([10, 0, 0, n]);
            assert!(guesses.allow(address, "bob"));
            guesses.failed(address, "bob");
        }
        let another = IpAddr::from([10, 0, 1, 0]);
        assert!(!guesses.allow(another, "bob") && guesses.allow(another, "amy"));
    }
}
