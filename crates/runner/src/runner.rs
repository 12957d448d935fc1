//! The runner's side that owns the state.

use crate::batches::{Batch, Done, make_ready};
use crate::line_order::{LineOrder, Room, weight};
use crate::planted::Bug;
use crate::refusal::Refusal;
use crate::writer::Writer;
use antar_domain::{Effects, Event, Input, Mode, Output, Readings, State};
use std::collections::VecDeque;

/// Outputs that memory is kept for while there are none: a turn leads to hardly more.
const KEPT: usize = 1_024;

/// How often others are let go on before a batch is written.
const ROUNDS: usize = 4;

/// Where the batch that filled is to be written.
#[derive(Debug)]
pub enum Place {
    /// There is nothing to write, and nothing to do for a writer.
    Nowhere,
    /// Not yet: first let those who share the runner's thread go on, and hand in what comes of it. It
    /// shares the sync. Then ask again.
    Gather,
    /// Here, on the runner's thread: everybody waits for it anyway, and two changes of threads are
    /// saved. Then settle it, release what that allows, and ask again.
    Here(Batch),
    /// By whoever holds a [`Writer`]: wake it.
    ByWriter,
}

/// A [`State`] with everything that decides in which order its inputs run and when its outputs may be
/// known.
pub struct Runner {
    order: LineOrder,
    /// What was decided since the last [`Runner::release`].
    effects: Effects,
    /// What may be released, in order.
    ready: VecDeque<Output>,
    writer: Writer,
    /// Whoever asks shares the runner's thread, so that a batch may be written on it.
    one_thread: bool,
    /// How often they may still be let go on before a batch is written.
    rounds: usize,
}

impl Runner {
    /// Runs this state. `one_thread` says whether those who ask share the thread that calls the
    /// runner; only then [`Runner::place`] ever has a batch written on it.
    pub fn new(state: State, one_thread: bool) -> Self {
        Self {
            order: LineOrder::new(state),
            effects: Effects::default(),
            ready: VecDeque::new(),
            writer: Writer::default(),
            one_thread,
            rounds: ROUNDS,
        }
    }

    /// The same with other bounds on what may have been decided.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.order.room = room;
        self
    }

    /// A handle for whoever writes the batches.
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// The state, which only inputs change.
    pub fn state(&self) -> &State {
        &self.order.state
    }

    /// Takes one input, and the lines that waited for it. `readings` is asked for the time and the
    /// chance of each step. What comes of it is released by [`Runner::release`]. A request for whose effects
    /// there is no room, or whose connection has had its turn, waits until a later call of that.
    pub fn input(&mut self, input: Input, readings: &mut impl FnMut() -> Readings) {
        self.order.step(input, readings, &mut self.effects);
    }

    /// The next output that may be known, to be carried out at once: a driver calls this after its
    /// inputs and after [`Runner::settle`] until there is none. [`Output::Park`] and
    /// [`Output::Resume`] are seen to here and never returned.
    pub fn release(&mut self, readings: &mut impl FnMut() -> Readings) -> Option<Output> {
        loop {
            while let Some(output) = self.ready.pop_front() {
                self.order.kept[1] = self.order.kept[1].saturating_sub(output.weight());
                match output {
                    Output::Park(_) => {}
                    Output::Resume { .. } if self.is_planted(Bug::LosesResume) => {}
                    Output::Resume { conn, request, results } => {
                        self.input(Input::Resume { conn, request, results }, readings);
                    }
                    output => return Some(output),
                }
            }
            if !self.is_planted(Bug::NeverFlushes) {
                self.order.flush(&mut self.effects);
            }
            let [events, outputs] = std::mem::take(&mut self.order.decided);
            self.order.kept[1] += outputs;
            if self.is_planted(Bug::SpeaksBeforeSync) {
                make_ready(&mut self.ready, std::mem::take(&mut self.effects.outputs));
            }
            let mut batches = self.writer.batches();
            batches.submit(&mut self.effects, events, &mut self.ready);
            self.order.kept[0] = batches.load().events;
            drop(batches);
            if self.ready.is_empty() && !self.order.catch_up(readings, &mut self.effects) {
                return None;
            }
        }
    }

    /// Takes note of what was written since the last call; what that allows is released by
    /// [`Runner::release`].
    pub fn settle(&mut self) {
        self.reuse();
        let done = self.writer.batches().take_done();
        let is_well = done.iter().all(|done| matches!(done, Done::Committed(_)));
        for done in done {
            match done {
                Done::Committed(outputs) => make_ready(&mut self.ready, outputs),
                Done::Refused(outputs, on_disk) => self.go_back(on_disk, |r| r.add(outputs)),
                Done::Unknown(outputs, on_disk) => {
                    self.go_back(on_disk, |r| r.add_unknown(outputs))
                }
                Done::Reopened(events) => {
                    let mut ended = Vec::new();
                    self.order.state.reload(events, Mode::Open, &mut ended);
                    make_ready(&mut self.ready, ended);
                }
            }
        }
        if !is_well {
            // Nothing else is left of what was decided.
            self.order.decided = [0; 2];
            self.order.kept[1] = weight(&self.ready);
        }
    }

    /// Has what is decided next take the memory of what was released.
    fn reuse(&mut self) {
        let outputs = &mut self.effects.outputs;
        if self.ready.is_empty() && self.ready.capacity() <= KEPT && outputs.capacity() == 0 {
            *outputs = std::mem::take(&mut self.ready).into();
        }
    }

    /// A batch is not on disk, or nobody knows: `add` does what is to be done with what it promised. Refuses
    /// all that was decided since, and takes the state back to what is on disk, as far as that is known.
    fn go_back(&mut self, on_disk: Option<Vec<Event>>, add: impl FnOnce(&mut Refusal)) {
        let mut refusal = Refusal { planted: self.order.planted, ..Refusal::default() };
        add(&mut refusal);
        refusal.add(self.writer.batches().give_up());
        refusal.add(std::mem::take(&mut self.effects).outputs);
        make_ready(&mut self.ready, refusal.now);
        let mut ended = refusal.later;
        match on_disk {
            _ if self.is_planted(Bug::KeepsState) => {}
            Some(events) => self.order.state.reload(events, Mode::ReadOnly, &mut ended),
            None => self.order.state.suspend(&mut ended),
        }
        make_ready(&mut self.ready, ended);
    }

    /// Where the batch that filled is to be written. A driver asks once everything was released, and
    /// goes on asking until the answer is [`Place::Nowhere`] or [`Place::ByWriter`]. `quiet` says
    /// that it was just asked to gather, and that nothing came of it.
    pub fn place(&mut self, quiet: bool) -> Place {
        let mut batches = self.writer.batches();
        if self.one_thread && batches.is_for_here() {
            if quiet && let Some(batch) = batches.take() {
                return Place::Here(batch);
            }
            // If more and more comes there is enough to do during a sync.
            if self.rounds > 0 {
                self.rounds -= 1;
                return Place::Gather;
            }
        }
        self.rounds = ROUNDS;
        match batches.waits() || batches.reopens() {
            true => Place::ByWriter,
            false => Place::Nowhere,
        }
    }

    /// What outputs weigh that were decided and are not released: [`Output::weight`].
    pub fn unreleased(&self) -> usize {
        self.order.decided[1] + self.order.kept[1]
    }

    /// Whether nothing waits, or is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        !self.order.is_behind() && self.writer.batches().is_idle()
    }

    fn is_planted(&self, bug: Bug) -> bool {
        self.order.planted.is(bug)
    }

    /// Has a peer told what is not so.
    #[cfg(feature = "planted")]
    pub fn lie(&mut self, peer: antar_types::Name, entry: antar_types::Entry) {
        self.order.state.lie(peer, entry);
    }

    /// Plants a bug.
    #[cfg(feature = "planted")]
    pub fn plant(&mut self, bug: Bug) {
        let planted = crate::planted::Planted(Some(bug));
        self.order.planted = planted;
        self.writer.batches().planted = planted;
    }
}
