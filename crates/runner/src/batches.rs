//! The batch that fills, the one that is being written, and those that are done.

use crate::Written;
use crate::planted::{Bug, Planted};
use antar_domain::{Effects, Event, Output};
use std::collections::VecDeque;
use std::time::Duration;

/// A disk whose last batch took longer is not waited for by the thread that runs the domain.
const FAST: Duration = Duration::from_millis(1);

/// Events that the next batch has memory for at first, at most.
const LIKELY: usize = 1_024;

/// Events that one batch makes durable, with what may be released once they are.
#[derive(Debug)]
#[must_use = "what came of a batch is to be told to `Writer::wrote`"]
pub struct Batch(Effects);

impl Batch {
    /// The events, of which there is at least one.
    pub fn events(&self) -> &[Event] {
        &self.0.events
    }
}

/// How much is on its way to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Events in the batch that fills, with those that they bring.
    pub events: usize,
    /// Outputs that wait in the batch that fills.
    pub outputs: usize,
    /// Batches that are being written, or are done and not settled.
    pub under_way: usize,
}

/// What became of a batch or of the disk; settled by the runner in this order.
#[derive(Debug)]
pub(crate) enum Done {
    /// The batch is on disk, so its outputs may be released.
    Committed(Vec<Output>),
    /// The batch is not on disk: its outputs are refused, and so is all that was decided since. What is on
    /// disk, where that is known.
    Refused(Vec<Output>, Option<Vec<Event>>),
    /// Nobody knows whether the batch is on disk, so its outputs say so; all that was decided since is
    /// refused. What certainly is on disk, where that is known.
    Unknown(Vec<Output>, Option<Vec<Event>>),
    /// The disk takes batches again, and holds this.
    Reopened(Vec<Event>),
}

/// What the disk is known to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Disk {
    #[default]
    Works,
    /// It has failed, and the state has not gone back to what is on it yet.
    Failed,
    /// It has failed, and the state is back.
    Reopens,
}

/// What the runner and its writers share.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// What was decided and is in no batch yet.
    open: Effects,
    /// How many events these are, with those that they bring.
    open_events: usize,
    /// Batches that were taken and are not settled.
    under_way: usize,
    /// One of them is being written. No two ever are at once.
    writing: bool,
    done: Vec<Done>,
    disk: Disk,
    /// The last batch took no longer than [`FAST`].
    fast: bool,
    pub planted: Planted,
}

impl Batches {
    /// Adds effects to the batch that fills and leaves them empty; they have so many events, with those that these
    /// bring. Where there is nothing to wait for
    /// the outputs are ready. What follows from something that is not durable yet waits for it, even
    /// where it promises nothing: nobody ever sees a state that is not on disk.
    pub fn submit(&mut self, effects: &mut Effects, events: usize, ready: &mut VecDeque<Output>) {
        let nothing_open = self.open.events.is_empty() && self.open.outputs.is_empty();
        if nothing_open && self.under_way == 0 && effects.events.is_empty() {
            return make_ready(ready, std::mem::take(&mut effects.outputs));
        }
        self.open_events += events;
        append(&mut self.open.events, &mut effects.events);
        append(&mut self.open.outputs, &mut effects.outputs);
        // They had waited for a batch that is settled now.
        if self.under_way == 0 && self.open.events.is_empty() {
            make_ready(ready, std::mem::take(&mut self.open.outputs));
        }
    }

    /// Takes the batch that filled, to be written now.
    pub fn take(&mut self) -> Option<Batch> {
        let writing = self.writing && !self.planted.is(Bug::WritesTwoAtOnce);
        if writing || self.disk != Disk::Works || self.open.events.is_empty() {
            return None;
        }
        self.under_way += 1;
        self.writing = true;
        self.open_events = 0;
        // What is decided next is most often about as much, and need not be moved while it grows.
        let likely = self.open.events.len().min(LIKELY);
        let next = Effects { events: Vec::with_capacity(likely), outputs: Vec::new() };
        Some(Batch(std::mem::replace(&mut self.open, next)))
    }

    /// Notes what came of the batch that was taken last.
    pub fn wrote(&mut self, batch: Batch, written: Written, took: Duration) {
        self.writing = false;
        let outputs = batch.0.outputs;
        self.done.push(match written {
            Written::Committed => {
                self.fast = took < FAST;
                Done::Committed(outputs)
            }
            Written::Unknown(_) if self.planted.is(Bug::TakesUnknownForCommitted) => {
                Done::Committed(outputs)
            }
            Written::Unknown(on_disk) if !self.planted.is(Bug::TakesUnknownForRefused) => {
                self.disk = Disk::Failed;
                Done::Unknown(outputs, on_disk)
            }
            Written::Refused(on_disk) | Written::Unknown(on_disk) => {
                self.disk = Disk::Failed;
                Done::Refused(outputs, on_disk)
            }
        });
    }

    /// The disk takes batches again.
    pub fn reopened(&mut self, events: Vec<Event>) {
        self.disk = Disk::Works;
        self.done.push(Done::Reopened(events));
    }

    /// Takes what is done, to be settled.
    pub fn take_done(&mut self) -> Vec<Done> {
        let done = std::mem::take(&mut self.done);
        let batches = done.iter().filter(|d| !matches!(d, Done::Reopened(_))).count();
        match self.planted.is(Bug::SettlesTwice) {
            true => self.under_way = self.under_way.saturating_sub(2 * batches),
            false => self.under_way -= batches,
        }
        done
    }

    /// Takes the outputs of what was decided since a batch failed, to be refused too.
    pub fn give_up(&mut self) -> Vec<Output> {
        self.disk = Disk::Reopens;
        if self.planted.is(Bug::KeepsOpenBatch) {
            return Vec::new();
        }
        self.open_events = 0;
        std::mem::take(&mut self.open).outputs
    }

    /// Whether a batch waits for a writer.
    pub fn waits(&self) -> bool {
        !self.open.events.is_empty()
    }

    /// Whether the batch that waits is written soonest by the thread that runs the domain: the disk is
    /// fast, and nothing is before it.
    pub fn is_for_here(&self) -> bool {
        let is_next = self.under_way == 0 || self.planted.is(Bug::WritesTwoAtOnce);
        self.fast && is_next && self.disk == Disk::Works && self.waits()
    }

    /// Whether the disk failed and is to be opened again.
    pub fn reopens(&self) -> bool {
        self.disk == Disk::Reopens
    }

    /// Whether nothing is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        self.load() == Load::default()
    }

    pub fn load(&self) -> Load {
        let (events, outputs) = (self.open_events, self.open.outputs.len());
        Load { events, outputs, under_way: self.under_way }
    }
}

/// Adds what is new to what there was, which most often is nothing. Memory that has nothing in it stays where it is
/// filled.
fn append<T>(all: &mut Vec<T>, new: &mut Vec<T>) {
    match all.is_empty() && !new.is_empty() {
        true => std::mem::swap(all, new),
        false => all.append(new),
    }
}

/// Adds outputs to those that may be released.
pub(crate) fn make_ready(ready: &mut VecDeque<Output>, outputs: Vec<Output>) {
    match ready.is_empty() {
        true => *ready = outputs.into(),
        false => ready.extend(outputs),
    }
}
