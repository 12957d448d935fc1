//! The thread that keeps the log short.

use crate::StoreError;
use crate::applier::Progress;
use crate::event_log::EventLog;
use crate::log::{Log, SEGMENT};
use crate::tree::{Tree, seconds};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a text that was replaced may be left in files, in seconds: a day, less what removing it may take where
/// much is stored.
const REMOVED_AFTER: u64 = 20 * 3_600;

/// How often it is looked for.
const LOOKS: Duration = Duration::from_secs(900);

/// Lets the log go of what the tree has in its tables.
pub struct Checkpointer {
    pub tree: Arc<Tree>,
    pub log: Arc<Log>,
    pub progress: Arc<Progress>,
}

impl Checkpointer {
    /// Runs until there is no applier any more. `full` brings the last batch of each segment that is full, once
    /// it is in the tree's memory.
    pub fn run(self, full: Receiver<u64>) {
        // Nobody waits for what this thread does, so it stands back for those somebody waits for.
        let _ = rustix::process::setpriority_process(None, 10);
        loop {
            match full.recv_timeout(LOOKS) {
                Ok(last) => {
                    if let Err(error) = self.tidy(last) {
                        tracing::error!(%error, "the log cannot be shortened; refusing changes");
                        self.progress.fail(&error.to_string());
                    }
                }
                // Where messages are changed there may be more tables than the log tells.
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = self.tree.merge() {
                        tracing::warn!(%error, "tables cannot be merged; trying again");
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.is_removal_due()
                && let Err(error) = self.remove_replaced()
            {
                tracing::warn!(%error, "texts that were replaced are still on the disk; trying again");
            }
        }
        // A clean stop leaves nothing to replay. After a failure the log is all there is.
        if self.progress.check().is_ok()
            && let Err(error) = self.tree.applied().and_then(|last| self.checkpoint(last))
        {
            tracing::warn!(%error, "the next start will replay the log");
        }
    }

    /// Whether a text was replaced so long ago that it is to be removed; also where the clock was set back since.
    fn is_removal_due(&self) -> bool {
        let since = self.tree.replaced_since().ok().flatten();
        let now = seconds();
        self.progress.check().is_ok()
            && since.is_some_and(|since| since > now || now - since >= REMOVED_AFTER)
    }

    /// Removes every text that was replaced by now from tables and from the log. What is in the way of it is so
    /// for a while only: it is tried again.
    pub fn remove_replaced(&self) -> Result<(), StoreError> {
        self.tree.begin_removal()?;
        let last = self.log.begin_anew()?;
        self.progress.wait()?;
        self.tree.flush()?;
        self.log.discard(last)?;
        self.tree.merge_all()?;
        self.tree.end_removal()?;
        // The tables of before are kept until there is another version after the one without them.
        self.tree.flush()
    }

    fn tidy(&self, last: u64) -> Result<(), StoreError> {
        if self.log.full_bytes() >= SEGMENT {
            self.checkpoint(last)?;
            return self.tree.merge();
        }
        if let Err(error) = self.log.make_spare() {
            // Not needed, only faster; what room there is may be needed elsewhere.
            tracing::warn!(%error, "no room to make a segment in advance");
        }
        Ok(())
    }

    /// Has the tree write what it has in memory, all batches up to this one among it.
    fn checkpoint(&self, to: u64) -> Result<(), StoreError> {
        self.tree.flush()?;
        self.log.trim(to)
    }
}
