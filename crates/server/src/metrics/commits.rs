//! What the committer did.

use super::histogram::Histogram;
use antar_runner::Load;
use std::time::{Duration, Instant};

/// Events of a batch.
const EVENTS: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];

/// Seconds that a batch takes: normally some tenths of a millisecond to ten.
const SECONDS: &[f64] =
    &[0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Kept by the committer.
#[derive(Clone, Debug)]
pub struct Meter {
    pub events: Histogram,
    pub seconds: Histogram,
    pub failed: u64,
    /// The batch that is being written: since when, and its events.
    pub(super) writing: Option<(Instant, usize)>,
}

impl Default for Meter {
    fn default() -> Self {
        let (events, seconds) = (Histogram::new(EVENTS), Histogram::new(SECONDS));
        Self { events, seconds, failed: 0, writing: None }
    }
}

impl Meter {
    /// A batch is written from now on, unless there is nothing in it to write.
    pub fn begin(&mut self, events: usize) {
        self.writing = (events > 0).then(|| (Instant::now(), events));
    }

    /// It was synced.
    pub fn synced(&mut self) {
        if let Some((since, events)) = self.writing.take() {
            self.events.observe(events as f64);
            self.seconds.observe(since.elapsed().as_secs_f64());
        }
    }

    /// It was refused.
    pub fn failed(&mut self) {
        self.writing = None;
        self.failed += 1;
    }

    /// For how long the batch that is being written has been.
    pub fn writing_for(&self) -> Duration {
        self.writing.map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }
}

/// How it stands with batches.
#[derive(Clone, Debug)]
pub struct Commits {
    pub meter: Meter,
    pub load: Load,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_synced_is_measured_and_what_fails_is_counted() {
        let mut meter = Meter::default();
        for events in [3, 0, 5] {
            meter.begin(events);
            meter.synced();
        }
        assert_eq!((meter.events.count(), meter.events.sum()), (2, 8.0));
        assert_eq!(meter.seconds.count(), 2);
        meter.begin(7);
        assert!(meter.writing_for() > Duration::ZERO);
        meter.failed();
        assert_eq!((meter.events.count(), meter.failed), (2, 1));
        assert_eq!(meter.writing_for(), Duration::ZERO);
    }
}
