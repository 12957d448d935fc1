//! What was counted.

use antar_client::{Incoming, RawReply};
use anyhow::Result;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Refusals that say that the load is more than the realm is configured to take.
const LIMITS: [&str; 5] =
    ["rate_limited", "limit_reached", "too_many_connections", "too_slow", "link_full"];

/// How long things took, in microseconds.
pub struct Latency(Histogram<u64>);

impl Latency {
    pub fn new() -> Result<Self> {
        // A microsecond to ten minutes, to three digits.
        Ok(Self(Histogram::new_with_bounds(1, 600_000_000, 3)?))
    }

    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long it took at most in so many of a hundred cases.
    pub fn percentile(&self, percentile: f64) -> u64 {
        self.0.value_at_percentile(percentile)
    }

    pub fn max(&self) -> u64 {
        self.0.max()
    }
}

/// What one side answered in the measured time.
pub struct Tally {
    /// Requests answered OK.
    pub ok: u64,
    /// The same with those of the warm-up and those answered after the end.
    pub accepted: u64,
    /// All others by their code, the warm-up's too; `unanswered`, `connection_lost` and
    /// `bad_reply` are ours.
    pub errors: BTreeMap<String, u64>,
    /// Bytes written and read.
    pub sent: u64,
    pub received: u64,
    /// From handing a request to the system, or from when it was due, to reading its reply; of what
    /// is delivered live, to the last event.
    pub latency: Latency,
    /// Of what is delivered live: the events, and how long the OK took.
    pub delivered: u64,
    pub acknowledged: Latency,
    /// How long was measured, over all rounds, and how many were answered OK a second in each.
    pub seconds: f64,
    pub rounds: Vec<f64>,
}

impl Tally {
    pub fn new() -> Result<Self> {
        Ok(Self {
            ok: 0,
            accepted: 0,
            errors: BTreeMap::new(),
            sent: 0,
            received: 0,
            latency: Latency::new()?,
            delivered: 0,
            acknowledged: Latency::new()?,
            seconds: 0.0,
            rounds: Vec::new(),
        })
    }

    /// Counts whatever is not OK. Off the hot path, so it may parse.
    pub fn refused(&mut self, raw: RawReply<'_>) {
        match raw.parse() {
            Ok(Incoming::Reply(reply)) => self.fail(reply.code().unwrap_or("no_code"), 1),
            _ => self.fail("bad_reply", 1),
        }
    }

    pub fn fail(&mut self, code: &str, count: u64) {
        if count > 0 {
            *self.errors.entry(code.to_owned()).or_default() += count;
        }
    }

    /// Ends a round that took so long.
    pub fn finish(&mut self, took: Duration) {
        self.seconds = took.as_secs_f64().max(1e-6);
        self.rounds = vec![self.ok as f64 / self.seconds];
    }

    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.ok += other.ok;
        self.accepted += other.accepted;
        self.sent += other.sent;
        self.received += other.received;
        self.seconds += other.seconds;
        self.rounds.extend(other.rounds);
        self.latency.add(&other.latency)?;
        self.delivered += other.delivered;
        self.acknowledged.add(&other.acknowledged)?;
        for (code, count) in other.errors {
            self.fail(&code, count);
        }
        Ok(())
    }

    /// Requests a second that were answered OK.
    pub fn rate(&self) -> f64 {
        self.ok as f64 / self.seconds
    }

    /// How many requests failed for another reason than a limit.
    pub fn failures(&self) -> u64 {
        let failed = self.errors.iter().filter(|(code, _)| !LIMITS.contains(&code.as_str()));
        failed.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_no_failures() {
        let mut tally = Tally::new().unwrap();
        tally.refused(RawReply(br#"{"status":"ERROR","data":"x","code":"rate_limited"}"#));
        assert_eq!(tally.failures(), 0);
        tally.refused(RawReply(br#"{"status":"ERROR","data":"x","code":"no_session"}"#));
        tally.refused(RawReply(b"nonsense"));
        assert_eq!(tally.failures(), 2);
        assert_eq!(tally.errors["bad_reply"], 1);
    }

    #[test]
    fn rounds_add_up() {
        let mut all = Tally::new().unwrap();
        for (count, seconds) in [(10, 1), (30, 1)] {
            let mut round = Tally::new().unwrap();
            (0..count).for_each(|_| round.latency.record(Duration::from_millis(2)));
            round.ok = count;
            round.finish(Duration::from_secs(seconds));
            all.merge(round).unwrap();
        }
        assert_eq!((all.rate(), all.rounds.as_slice()), (20.0, [10.0, 30.0].as_slice()));
        assert_eq!((all.latency.0.len(), all.latency.max() / 100), (40, 20));
    }
}
