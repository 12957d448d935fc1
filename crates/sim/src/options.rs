//! What a run is like.

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
    /// The last realm lies about groups and for users of others. With the feature `planted` only.
    pub lies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { realms: None, seconds: 30, trace: false, planted: None, lies: false }
    }
}

/// A bug put in on purpose. Those of the domain and of the runner are there only with the feature
/// `planted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// In the domain.
    Domain(antar_domain::Bug),
    /// In the runner.
    Runner(antar_runner::Bug),
    /// What the disk could not sync and the system has in memory is taken for synced.
    TrustsMemory,
}

impl Planted {
    /// Whether only a realm that lies shows it.
    pub fn needs_lies(self) -> bool {
        use antar_domain::Bug::{BelievesAnyHost, BelievesAnyone};
        matches!(self, Self::Domain(BelievesAnyHost | BelievesAnyone))
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let domain = antar_domain::Bug::ALL.into_iter().map(Self::Domain);
        let runner = antar_runner::Bug::ALL.into_iter().map(Self::Runner);
        domain.chain(runner).chain([Self::TrustsMemory])
    }
}
