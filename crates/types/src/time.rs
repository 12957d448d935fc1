//! Instants as the protocol shows them.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// The wall clock's time. Only drivers call this; the domain gets time as an argument.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// How long after `earlier` this is; zero if the clock went back in between.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339, UTC, with milliseconds: `2026-01-31T12:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        // The formatter panics past the year 9999; a clock that wrong still gets an answer.
        const YEAR_9999: u64 = 253_402_300_799_999;
        let at = UNIX_EPOCH + Duration::from_millis(self.0.min(YEAR_9999));
        humantime::format_rfc3339_millis(at).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc3339_with_milliseconds_whatever_the_clock_says() {
        assert_eq!(Time(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time(1_769_860_800_123).rfc3339(), "2026-01-31T12:00:00.123Z");
        assert_eq!(Time(u64::MAX).rfc3339(), "9999-12-31T23:59:59.999Z");
    }
}
