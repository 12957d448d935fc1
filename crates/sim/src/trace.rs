//! What a run leaves to be read.

use std::collections::BTreeMap;
use std::fmt;

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.add(what, *times));
    }
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The first thing that was wrong, if anything was.
    pub violation: Option<Violation>,
    /// What was done to the realms.
    pub injected: Tally,
    /// What was looked at.
    pub checked: Tally,
    /// What happened, latest last, where [`crate::Options::trace`] asked for it.
    pub trace: Vec<String>,
}

/// Keeps what happens.
#[derive(Debug, Default)]
pub struct Trace {
    on: bool,
    lines: Vec<String>,
}

/// The longest line kept, in characters.
const LONGEST: usize = 300;

/// Lines kept; the earliest are dropped.
const KEPT: usize = 20_000;

impl Trace {
    pub fn new(on: bool) -> Self {
        Self { on, lines: Vec::new() }
    }

    pub fn note(&mut self, now: u64, who: &str, what: impl FnOnce() -> String) {
        if !self.on {
            return;
        }
        if self.lines.len() >= 2 * KEPT {
            self.lines.drain(..KEPT);
        }
        let (seconds, millis) = (now / 1_000, now % 1_000);
        let what: String = what().chars().take(LONGEST).collect();
        self.lines.push(format!("{seconds:>5}.{millis:03} {who:<8} {what}"));
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
