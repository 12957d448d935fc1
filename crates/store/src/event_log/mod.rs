//! The log of what has happened, which everything else can be made from.

mod batch;

pub use batch::{Batch, Content};

use crate::StoreError;

/// What [`EventLog::follow`] calls for each batch, with its number.
pub type Take<'a> = dyn FnMut(u64, Batch) -> Result<(), StoreError> + 'a;

/// Batches of events in the order of their numbers, each durable before the next is begun.
///
/// This is where the events of a realm become durable; what is read is made from it. A realm of one machine
/// has a log of files. Another log may put the same batches elsewhere, by a write that is carried out only
/// where the batch before is there: whoever calls gets to know no more of it than this.
pub trait EventLog: Send + Sync {
    /// Makes a batch durable, whose number is one more than that of the last one. Once this returns `Ok` it
    /// survives a power cut, whole.
    ///
    /// # Errors
    /// [`NotCommitted`] says whether the batch may be in the log. Nothing more is appended then until the log
    /// was opened again.
    fn append(&self, number: u64, batch: &Batch) -> Result<(), NotCommitted>;

    /// Calls `take` for each batch from this number on that is still kept, in order.
    ///
    /// # Errors
    /// Where the log cannot be read or is damaged, and what `take` returns.
    fn follow(&self, from: u64, take: &mut Take<'_>) -> Result<(), StoreError>;

    /// Lets go of batches up to this number, which are needed no more: all of them, or so many of the first as
    /// can be let go of together.
    ///
    /// # Errors
    /// What the disk says.
    fn trim(&self, to: u64) -> Result<(), StoreError>;
}

/// Why a batch was not committed, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum NotCommitted {
    /// The batch is not in the log, and never will be.
    #[error(transparent)]
    Refused(StoreError),
    /// Nobody knows whether the batch is in the log, until the log was opened again. A sync that failed is
    /// of this kind: what was written may be on the disk, or may have gone from the system's memory.
    #[error("nobody knows yet whether the batch is on disk: {0}")]
    Unknown(StoreError),
}

impl From<StoreError> for NotCommitted {
    /// For what fails before anything is written.
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<NotCommitted> for StoreError {
    fn from(error: NotCommitted) -> Self {
        match error {
            NotCommitted::Refused(error) => error,
            NotCommitted::Unknown(error) => Self::Unknown(error.to_string()),
        }
    }
}
