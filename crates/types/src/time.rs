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
        // There are four digits for the year; a clock that wrong still gets an answer.
        const YEAR_9999: u64 = 253_402_300_799_999;
        let millis = self.0.min(YEAR_9999);
        let (year, month, day) = date(millis / 86_400_000);
        let seconds = millis / 1_000;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let fields = [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, seconds / 3_600 % 24),
            (14..16, seconds / 60 % 60),
            (17..19, seconds % 60),
            (20..23, millis % 1_000),
        ];
        for (digits, mut number) in fields {
            for digit in text[digits].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The year, month and day that is so many days after 1970-01-01, by the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from the first of March of the year 0, a leap day is the last of its year, and years repeat
    // after 400 of them.
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, and so have the next five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + next, month, day)
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

    #[test]
    fn every_day_is_the_one_of_a_calendar() {
        // Past every leap day there is: over 2000, over 2100, and to the end.
        for day in (0..2_932_897).step_by(13).chain(10_950..11_100).chain(47_480..47_560) {
            let time = Time(day * 86_400_000 + day * 37 % 86_400_000);
            let at = UNIX_EPOCH + Duration::from_millis(time.0);
            assert_eq!(time.rfc3339(), humantime::format_rfc3339_millis(at).to_string());
        }
    }
}
