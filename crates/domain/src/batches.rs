//! Batches on their way to the disk: what every driver needs, live or simulated.

use crate::{Effects, JobResult, Output};
use antar_types::Code;

/// The batch that fills, and how many are under way. Whoever drives a state submits what each turn
/// led to, takes the next batch when the disk is free, and releases a batch's outputs once it and all
/// before it are synced.
#[derive(Debug, Default)]
pub struct Batches {
    open: Effects,
    under_way: usize,
}

impl Batches {
    /// Adds effects to the filling batch and leaves them empty; hands the outputs back where there
    /// is nothing to wait for. What follows from something that is not durable yet waits for it, even
    /// where it promises nothing: nobody ever sees a state that is not on disk.
    pub fn submit(&mut self, effects: &mut Effects) -> Vec<Output> {
        if effects.events.is_empty() && self.is_idle() {
            return std::mem::take(&mut effects.outputs);
        }
        self.open.events.append(&mut effects.events);
        self.open.outputs.append(&mut effects.outputs);
        Vec::new()
    }

    /// Takes the batch that filled, if there is one; it is under way from now on.
    pub fn take(&mut self) -> Option<Effects> {
        if self.open.events.is_empty() && self.open.outputs.is_empty() {
            return None;
        }
        self.under_way += 1;
        Some(std::mem::take(&mut self.open))
    }

    /// So many batches have been released or refused.
    pub fn settled(&mut self, batches: usize) {
        self.under_way -= batches;
    }

    /// After a batch was refused: takes what was decided since, to be refused too.
    pub fn give_up(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.open).outputs
    }

    /// Events and outputs in the batch that fills.
    pub fn filling(&self) -> (usize, usize) {
        (self.open.events.len(), self.open.outputs.len())
    }

    /// Whether there is a batch, and nothing before it is under way.
    pub fn is_next(&self) -> bool {
        self.under_way == 0 && self.filling() != (0, 0)
    }

    /// Batches taken and not settled.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether nothing is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        self.under_way == 0 && self.filling() == (0, 0)
    }
}

/// What becomes of the outputs of a batch that is not on disk: nothing of it happened.
#[derive(Debug, Default)]
pub struct Refusal {
    /// To be released at once: refusals, and work that goes on.
    pub now: Vec<Output>,
    /// To be released once the state is back at what is on disk.
    pub later: Vec<Output>,
}

impl Refusal {
    /// Adds the outputs of a batch.
    pub fn add(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Reply(conn, tag, _) | Output::Read(conn, tag, _) => {
                    self.now.push(Output::Reply(conn, tag, Code::Unavailable.into()));
                }
                // The line runs again, against the state that is on disk.
                Output::Job { .. } | Output::NoReply(_) => self.now.push(output),
                Output::Resume { conn, request, .. } => {
                    // It finds that nothing can be kept.
                    self.later.push(Output::Resume {
                        conn,
                        request,
                        results: vec![JobResult::Busy],
                    });
                }
                // All links end, and who waits for one is told so by the state.
                _ => {}
            }
        }
    }
}
