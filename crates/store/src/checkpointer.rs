//! The thread that keeps the log short.

use crate::StoreError;
use crate::applier::Progress;
use crate::event_log::EventLog;
use crate::log::{Log, SEGMENT};
use crate::tree::Tree;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

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
        for last in full {
            if let Err(error) = self.tidy(last) {
                tracing::error!(%error, "the log cannot be shortened; refusing changes");
                self.progress.fail(&error.to_string());
            }
        }
        // A clean stop leaves nothing to replay. After a failure the log is all there is.
        if self.progress.check().is_ok()
            && let Err(error) = self.tree.applied().and_then(|last| self.checkpoint(last))
        {
            tracing::warn!(%error, "the next start will replay the log");
        }
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
