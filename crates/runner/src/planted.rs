//! Bugs put in on purpose, to show that the simulator finds them.

/// A bug that a test can plant in a [`Runner`](crate::Runner). Only the feature `planted` makes that possible;
/// without it none of this is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// What a batch promises is released before it is written.
    SpeaksBeforeSync,
    /// A request that waits does not hold up those after it.
    OvertakesWaiting,
    /// Requests that waited for another run latest first.
    HeldBackwards,
    /// A request that waited for another realm never goes on.
    LosesResume,
    /// What peers are owed is not sent.
    NeverFlushes,
    /// Who watches is told of what was refused.
    LeaksNotifications,
    /// What was decided after a batch that was refused is not refused.
    KeepsOpenBatch,
    /// After a batch was refused the state stays as if it had not been.
    KeepsState,
    /// A batch counts as two where it is settled, so that what is still under way is forgotten.
    SettlesTwice,
    /// A batch is written while another is.
    WritesTwoAtOnce,
    /// A batch of which nobody knows whether it is on disk is taken for one that is not.
    TakesUnknownForRefused,
    /// A batch of which nobody knows whether it is on disk is taken for one that is.
    TakesUnknownForCommitted,
    /// Requests are decided whether there is room for what they lead to or not.
    IgnoresRoom,
    /// Requests that waited for room are never decided.
    ForgetsBehind,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::SpeaksBeforeSync,
        Self::OvertakesWaiting,
        Self::HeldBackwards,
        Self::LosesResume,
        Self::NeverFlushes,
        Self::LeaksNotifications,
        Self::KeepsOpenBatch,
        Self::KeepsState,
        Self::SettlesTwice,
        Self::WritesTwoAtOnce,
        Self::TakesUnknownForRefused,
        Self::TakesUnknownForCommitted,
        Self::IgnoresRoom,
        Self::ForgetsBehind,
    ];
}

/// The bug that is planted, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted(pub Option<Bug>);

impl Planted {
    pub fn is(self, bug: Bug) -> bool {
        cfg!(feature = "planted") && self.0 == Some(bug)
    }
}
