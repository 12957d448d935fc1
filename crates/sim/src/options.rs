//! What a run is like.

use antar_domain::Bug;

/// What a run is like, beside its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Realms; by the seed two to four where it is none.
    pub realms: Option<usize>,
    /// How long people write and things break, in seconds of the virtual clock.
    pub seconds: u64,
    /// Keep what happens, to be read.
    pub trace: bool,
    /// A bug put in on purpose.
    pub planted: Option<Planted>,
}

impl Default for Options {
    fn default() -> Self {
        Self { realms: None, seconds: 30, trace: false, planted: None }
    }
}

/// A bug put in on purpose: one of the domain's, or one of its driver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// In the domain, where the feature `planted` lets it be.
    Domain(Bug),
    /// What a batch promises is said before it is synced.
    SpeaksBeforeSync,
    /// A line that waits does not hold up those after it.
    OvertakesWaiting,
    /// What the disk could not sync and the system has in memory is taken for synced.
    TrustsMemory,
}

impl Planted {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let driver = [Self::SpeaksBeforeSync, Self::OvertakesWaiting, Self::TrustsMemory];
        Bug::ALL.into_iter().map(Self::Domain).chain(driver)
    }
}
