//! The thread that keeps the log short.

use crate::StoreError;
use crate::applier::Progress;
use crate::log::{self, SEGMENT, Segment};
use crate::tree::Tree;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Lets the log go of what the tree has in its tables.
pub struct Checkpointer {
    pub tree: Arc<Tree>,
    pub directory: PathBuf,
    pub progress: Arc<Progress>,
    /// Segments whose batches are in the tree.
    pub kept: Vec<Segment>,
}

impl Checkpointer {
    /// Returns whether the tree has everything in its tables at the end.
    pub fn run(mut self, segments: Receiver<Segment>) -> bool {
        // Nobody waits for what this thread does, so it stands back for those somebody waits for.
        let _ = rustix::process::setpriority_process(None, 10);
        for segment in segments {
            self.kept.push(segment);
            if let Err(error) = self.tidy() {
                tracing::error!(%error, "the log cannot be shortened; refusing changes");
                self.progress.fail(&error.to_string());
            }
        }
        // A clean stop leaves nothing to replay. After a failure the log is all there is.
        self.progress.check().is_ok() && self.checkpoint().is_ok()
    }

    fn tidy(&mut self) -> Result<(), StoreError> {
        if self.kept.iter().map(|s| s.size).sum::<u64>() >= SEGMENT {
            self.checkpoint()?;
            return self.tree.merge();
        }
        if let Err(error) = log::keep_spare(&self.directory, None) {
            // Not needed, only faster; what room there is may be needed elsewhere.
            tracing::warn!(%error, "no room to make a segment in advance");
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.tree.flush()?;
        let mut written = self.kept.drain(..);
        Ok(written.try_for_each(|s| log::keep_spare(&self.directory, Some(s)))?)
    }
}
