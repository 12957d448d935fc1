//! LoginThrottle at passwords that failed.

use super::rates::{Rates, Uptime};
use crate::LimitsConfig;
use antar_domain::AccountId;
use governor::Quota;
use governor::clock::Clock;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// From whom guesses come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guesser {
    /// From an address; a network's, see [`super::network`].
    Address(IpAddr),
    /// From somebody who has shown a session of this account.
    Account(AccountId),
}

/// Refuses guesses where too many failed lately: for a subject from an address, for the subject from
/// anywhere, and for the address whatever the subject. Only failures count, so that a class which
/// logs in from one address at once is not in the way of itself.
///
/// A stranger's failures do not decide over who is known: a user whose session was lately shown at an address
/// is counted for that address alone, where only guesses at this very user are in the way, and who
/// shows a session is counted for its account.
#[derive(Clone, Debug)]
pub struct LoginThrottle<C: Clock = Uptime> {
    both: Rates<(Guesser, u64), C>,
    subject: Rates<u64, C>,
    from: Rates<Guesser, C>,
    /// Users and where they have shown a session.
    known: Arc<Mutex<Known>>,
    /// A subject may be as long as a line; what is kept of it is not.
    hash: RandomState,
}

/// How many are known at least; at most twice as many.
const KNOWN: usize = 1 << 14;

/// Those known lately, and those known before: when there are too many, the latter are forgotten.
#[derive(Debug, Default)]
struct Known {
    lately: HashSet<(IpAddr, u64)>,
    before: HashSet<(IpAddr, u64)>,
}

impl Known {
    fn add(&mut self, one: (IpAddr, u64)) {
        if self.lately.len() >= KNOWN && !self.lately.contains(&one) {
            self.before = std::mem::take(&mut self.lately);
        }
        self.lately.insert(one);
    }

    fn has(&self, one: (IpAddr, u64)) -> bool {
        self.lately.contains(&one) || self.before.contains(&one)
    }
}

impl<C: Clock + Clone> LoginThrottle<C> {
    /// Of this configuration.
    pub fn new(limits: &LimitsConfig, clock: &C) -> Self {
        let none = Self {
            both: Rates::new(None, clock.clone()),
            subject: Rates::new(None, clock.clone()),
            from: Rates::new(None, clock.clone()),
            known: Arc::default(),
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
            from: self.from.renewed(quota(address), clock.clone()),
            known: self.known.clone(),
            hash: self.hash.clone(),
        }
    }

    /// Whether one more guess may be made.
    pub fn allow(&self, from: Guesser, subject: &str) -> bool {
        let subject = self.hash.hash_one(subject);
        let mine = self.both.has((from, subject));
        mine && (self.is_known(from, subject) || self.subject.has(subject) && self.from.has(from))
    }

    /// Notes a guess that failed.
    pub fn failed(&self, from: Guesser, subject: &str) {
        let subject = self.hash.hash_one(subject);
        self.both.take((from, subject));
        if !self.is_known(from, subject) {
            self.subject.take(subject);
            self.from.take(from);
        }
    }

    /// Notes that somebody at this address has shown a session of this user.
    pub fn proved(&self, address: IpAddr, subject: &str) {
        self.known().add((address, self.hash.hash_one(subject)));
    }

    fn is_known(&self, from: Guesser, subject: u64) -> bool {
        match from {
            Guesser::Address(address) => self.known().has((address, subject)),
            Guesser::Account(_) => false,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn address(n: u8) -> Guesser {
        Guesser::Address(IpAddr::from([10, 0, 0, n]))
    }

    #[test]
    fn a_strangers_failures_do_not_decide_over_who_is_known() {
        let limits = LimitsConfig {
            login_failures_per_account: 2,
            login_failures_per_address: 3,
            ..LimitsConfig::default()
        };
        let clock = FakeRelativeClock::default();
        let guesses = LoginThrottle::new(&limits, &clock);
        let (here, there) = (address(1), address(2));
        guesses.proved(IpAddr::from([10, 0, 0, 1]), "amy");
        // At other names from there, and at this one from elsewhere.
        ["a", "b", "c"].into_iter().for_each(|name| guesses.failed(here, name));
        (3..40).for_each(|n| guesses.failed(address(n), "amy"));
        assert!(!guesses.allow(here, "bob") && !guesses.allow(there, "amy"));
        assert!(guesses.allow(here, "amy"));
        // A reload forgets nobody.
        let guesses = guesses.renewed(&limits, &clock);
        assert!(guesses.allow(here, "amy") && !guesses.allow(here, "bob"));
        // At this very one from there: as few as ever, but for who shows a session.
        (0..2).for_each(|_| guesses.failed(here, "amy"));
        assert!(!guesses.allow(here, "amy"));
        let amy = Guesser::Account(AccountId(1));
        assert!(guesses.allow(amy, "amy again"));
        (0..2).for_each(|_| guesses.failed(amy, "amy again"));
        assert!(!guesses.allow(amy, "amy again"));
    }

    #[test]
    fn so_many_are_known_and_those_seen_lately_stay() {
        let mut known = Known::default();
        let one = |n: usize| (IpAddr::from([10, 0, 0, 1]), n as u64);
        for n in 0..5 * KNOWN {
            known.add(one(n));
            known.add(one(0));
            assert!(known.has(one(n)) && known.lately.len() + known.before.len() <= 2 * KNOWN);
        }
        assert!(known.has(one(0)) && !known.has(one(1)));
    }

    #[test]
    fn counts_failures_and_forgets_them() {
        let limits = LimitsConfig {
            login_failures_per_account: 2,
            login_failures_per_address: 3,
            login_failure_seconds: 10,
            ..LimitsConfig::default()
        };
        let clock = FakeRelativeClock::default();
        let guesses = LoginThrottle::new(&limits, &clock);
        let [here, there] = [1, 2].map(address);
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
        let guesses = LoginThrottle::new(&limits, &FakeRelativeClock::default());
        for n in 0..20 {
            let address = address(n);
            assert!(guesses.allow(address, "bob"));
            guesses.failed(address, "bob");
        }
        let another = address(200);
        assert!(!guesses.allow(another, "bob") && guesses.allow(another, "amy"));
    }
}
