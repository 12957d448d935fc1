//! What becomes of what a batch promised that is not on disk.

use crate::planted::{Bug, Planted};
use antar_domain::{JobResult, Output};
use antar_types::Code;

/// The outputs that are left of batches that are not on disk: nothing of them happened.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// To be released at once: refusals, and work that goes on.
    pub now: Vec<Output>,
    /// To be released once the state is back at what is on disk.
    pub later: Vec<Output>,
    pub planted: Planted,
}

impl Refusal {
    /// Adds the outputs of a batch.
    pub fn add(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Reply(conn, tag, _) | Output::Read(conn, tag, _) => {
                    self.now.push(Output::Reply(conn, tag, Code::Unavailable.into()));
                }
                // The request is decided again, against the state that is on disk.
                Output::Job { .. } | Output::NoReply(_) => self.now.push(output),
                Output::Resume { conn, request, .. } => {
                    // It finds that nothing can be kept.
                    let results = vec![JobResult::Busy];
                    self.later.push(Output::Resume { conn, request, results });
                }
                Output::Notify(..) if self.planted.is(Bug::LeaksNotifications) => {
                    self.now.push(output);
                }
                // All links end, and who waits for one is told so by the state.
                _ => {}
            }
        }
    }
}
