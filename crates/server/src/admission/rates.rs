//! Rates by key, after the generic cell rate algorithm, in bounded memory.

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys that are remembered at most. Past it the half that recovers first is forgotten, which begins
/// with those that have recovered already: whoever calls from very many networks gains a little, and
/// takes no more memory.
const KEYS: usize = 1 << 15;

/// How much of something each key may have, in a rate and a burst. Clones are the same one.
#[derive(Debug)]
pub struct Rates<K: Key, C: Clock = Uptime>(Option<Arc<Limiter<K, C>>>);

#[derive(Debug)]
struct Limiter<K: Key, C: Clock> {
    quota: Quota,
    cells: RateLimiter<Ask<K>, Kept<K>, C, NoOpMiddleware<C::Instant>>,
    #[cfg(test)]
    kept: Kept<K>,
}

impl<K: Key, C: Clock> Clone for Rates<K, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key, C: Clock> Rates<K, C> {
    /// With this quota for each key; without one everything is allowed.
    pub fn new(quota: Option<Quota>, clock: C) -> Self {
        let limiter = |quota| {
            let kept = Kept(Arc::default());
            Arc::new(Limiter {
                quota,
                cells: RateLimiter::new(quota, kept.clone(), clock),
                #[cfg(test)]
                kept,
            })
        };
        Self(quota.map(limiter))
    }

    /// These where the quota is still the same, else new ones that remember nothing.
    pub fn renewed(&self, quota: Option<Quota>, clock: C) -> Self {
        match self.quota() == quota {
            true => self.clone(),
            false => Self::new(quota, clock),
        }
    }

    fn quota(&self) -> Option<Quota> {
        self.0.as_ref().map(|limiter| limiter.quota)
    }

    /// Takes one; whether there was one.
    pub fn take(&self, key: K) -> bool {
        let ask = Ask { key, takes: true };
        self.0.as_ref().is_none_or(|limiter| limiter.cells.check_key(&ask).is_ok())
    }

    /// Whether there is one to take.
    pub fn has(&self, key: K) -> bool {
        let ask = Ask { key, takes: false };
        self.0.as_ref().is_none_or(|limiter| limiter.cells.check_key(&ask).is_ok())
    }

    /// Takes so many at once, as far as a burst allows so many at all.
    ///
    /// # Errors
    /// How long it takes until there are so many; none are taken.
    pub fn take_many(&self, key: K, many: u32) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        let Some(many) = NonZeroU32::new(many) else { return Ok(()) };
        let many = many.min(limiter.quota.burst_size());
        match limiter.cells.check_key_n(&Ask { key, takes: true }, many) {
            Ok(Err(not_until)) => Err(not_until.wait_time_from(limiter.cells.clock().now())),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// What rates are kept by; small, since many are kept.
pub trait Key: Copy + Eq + Hash {}
impl<K: Copy + Eq + Hash> Key for K {}

/// A key, and whether a cell is taken or only asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ask<K> {
    key: K,
    takes: bool,
}

/// For each key when it will have recovered.
#[derive(Clone, Debug)]
struct Kept<K>(Arc<Mutex<HashMap<K, Nanos>>>);

impl<K: Key> StateStore for Kept<K> {
    type Key = Ask<K>;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask<K>, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recovers = kept.get(&ask.key).copied();
        let (outcome, new) = f(recovers)?;
        if ask.takes {
            if recovers.is_none() && kept.len() >= KEYS {
                forget_half(&mut kept);
            }
            kept.insert(ask.key, new);
        }
        Ok(outcome)
    }
}

fn forget_half<K: Key>(kept: &mut HashMap<K, Nanos>) {
    let mut all: Vec<Nanos> = kept.values().copied().collect();
    let middle = all.len() / 2;
    let middle = *all.select_nth_unstable(middle).1;
    // Where many recover at the same moment some of them go too.
    let mut surplus = kept.values().filter(|at| **at >= middle).count() - kept.len() / 2;
    kept.retain(|_, at| {
        let goes = *at < middle || (*at == middle && surplus > 0);
        surplus -= usize::from(goes && *at == middle);
        !goes
    });
}

/// Time since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Uptime(Instant);

impl Default for Uptime {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn per_second(n: u32) -> Option<Quota> {
        NonZeroU32::new(n).map(Quota::per_second)
    }

    #[test]
    fn each_key_has_its_own() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(per_second(2), clock.clone());
        assert!(rates.take(1) && rates.has(1) && rates.has(1) && rates.take(1));
        assert!(!rates.has(1) && !rates.take(1));
        assert!(rates.take(2));
        clock.advance(Duration::from_millis(499));
        assert!(!rates.has(1));
        clock.advance(Duration::from_millis(1));
        assert!(rates.take(1) && !rates.take(1));
    }

    #[test]
    fn many_at_once_wait_until_there_are_so_many() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(per_second(10), clock.clone());
        assert_eq!(rates.take_many(1, 8), Ok(()));
        assert_eq!(rates.take_many(1, 4), Err(Duration::from_millis(200)));
        clock.advance(Duration::from_millis(200));
        assert_eq!(rates.take_many(1, 4), Ok(()));
        // More than a burst costs as much as one.
        clock.advance(Duration::from_secs(1));
        assert_eq!(rates.take_many(1, 1_000), Ok(()));
        assert_eq!(rates.take_many(1, 1_000), Err(Duration::from_secs(1)));
    }

    #[test]
    fn without_a_quota_all_is_allowed() {
        let rates = Rates::new(None, Uptime::default());
        assert!((0..1_000).all(|_| rates.take(1) && rates.take_many(1, u32::MAX).is_ok()));
    }

    #[test]
    fn another_quota_begins_anew_and_the_same_does_not() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(per_second(1), clock.clone());
        assert!(rates.take(1));
        assert!(!rates.renewed(per_second(1), clock.clone()).has(1));
        assert!(rates.renewed(per_second(2), clock).has(1));
    }

    #[test]
    fn memory_is_bounded_and_those_furthest_from_recovering_are_kept() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(per_second(2), clock.clone());
        let keys = |rates: &Rates<usize, FakeRelativeClock>| {
            rates.0.as_ref().unwrap().kept.0.lock().unwrap().len()
        };
        assert!(rates.take(usize::MAX) && rates.take(usize::MAX));
        for key in 0..3 * KEYS {
            assert!(rates.take(key));
            assert!(keys(&rates) <= KEYS);
        }
        assert!(!rates.has(usize::MAX));
        // What is only asked about is not kept at all.
        let before = keys(&rates);
        assert!((4 * KEYS..5 * KEYS).all(|key| rates.has(key)));
        assert_eq!(keys(&rates), before);
    }
}
