//! Lines in the log that a flood would otherwise fill it with.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often something is logged at most.
const EVERY: Duration = Duration::from_secs(10);

/// Something that is logged once in a while, however often it happens.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    said: Option<Instant>,
    unsaid: u64,
}

impl LogThrottle {
    /// It happened again. How often it has happened since it was last logged, this time included, if
    /// it is to be logged now.
    pub fn happened(&self) -> Option<u64> {
        self.happened_at(Instant::now())
    }

    fn happened_at(&self, now: Instant) -> Option<u64> {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.unsaid += 1;
        if since.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            return None;
        }
        since.said = Some(now);
        Some(std::mem::take(&mut since.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_first_and_then_how_many() {
        let (seldom, now) = (LogThrottle::default(), Instant::now());
        assert_eq!(seldom.happened_at(now), Some(1));
        for _ in 0..5 {
            assert_eq!(seldom.happened_at(now + EVERY / 2), None);
        }
        assert_eq!(seldom.happened_at(now + EVERY), Some(6));
        assert_eq!(seldom.happened_at(now + EVERY), None);
    }
}
