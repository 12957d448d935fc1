//! Bugs put in on purpose, to show that the simulator finds them.

/// A bug that a test can plant in a [`Runner`](crate::Runner). Only the feature `planted` makes that possible;
/// without it none of this is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// What a batch promises is released before it is written.
    SpeaksBeforeSync,
    /// A line that waits does not hold up those after it.
    OvertakesWaiting,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::SpeaksBeforeSync, Self::OvertakesWaiting];
}

/// The bug that is planted, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted(pub Option<Bug>);

impl Planted {
    pub fn is(self, bug: Bug) -> bool {
        cfg!(feature = "planted") && self.0 == Some(bug)
    }
}
