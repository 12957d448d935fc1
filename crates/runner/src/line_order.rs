//! The state and the requests that wait before it.

use crate::planted::{Bug, Planted};
use antar_domain::{ConnId, Effects, Event, Input, Output, Readings, Request, State};
use std::collections::{BTreeMap, VecDeque};

/// How much may have been decided and not come of yet before further requests wait.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Events in the batch that fills, with those that they bring.
    pub events: usize,
    /// What outputs weigh that are not released: [`Output::weight`].
    pub outputs: usize,
    /// What one connection's requests may lead to before it is another's turn.
    pub turn: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { events: 8_192, outputs: 131_072, turn: 8_192 }
    }
}

/// A [`State`] that takes each connection's lines in order: where one waits for something that is
/// done elsewhere, or for room, those after it wait too.
pub(crate) struct LineOrder {
    pub state: State,
    /// What came after a line that waits, or waits for room.
    held: BTreeMap<ConnId, VecDeque<Request>>,
    /// Whose requests wait for room, or for their turn; some may be gone.
    behind: VecDeque<ConnId>,
    pub room: Room,
    /// Events and outputs that were decided and are in no batch yet.
    pub decided: [usize; 2],
    /// Events in the batch that fills, and outputs that are not released, besides.
    pub kept: [usize; 2],
    /// Who asked last, and what that led to.
    turn: Option<(ConnId, usize)>,
    pub planted: Planted,
}

impl LineOrder {
    pub fn new(state: State) -> Self {
        let (held, behind, turn) = Default::default();
        let (decided, kept) = Default::default();
        let (room, planted) = Default::default();
        Self { state, held, behind, room, decided, kept, turn, planted }
    }

    /// Whether there is room for what a request leads to.
    pub fn has_room(&self) -> bool {
        let [events, outputs] = [0, 1].map(|n| self.decided[n] + self.kept[n]);
        let has_room = events < self.room.events && outputs < self.room.outputs;
        has_room || self.planted.is(Bug::IgnoresRoom)
    }

    /// Whether requests wait for room.
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Takes one input, and what waited for it, to their effects. `readings` is asked for the time and
    /// the chance of each step.
    pub fn step(
        &mut self,
        input: Input,
        readings: &mut impl FnMut() -> Readings,
        effects: &mut Effects,
    ) {
        match input {
            Input::Request(conn, request) => self.request(conn, request, readings, effects),
            Input::Resume { conn, .. } => {
                // Nobody waits any more where the connection is gone.
                if !self.held.contains_key(&conn) {
                    return;
                }
                self.decide(conn, input, readings, effects);
                if waits(effects, conn) {
                    return;
                }
                let mut held = self.held.remove(&conn).unwrap_or_default();
                if self.planted.is(Bug::HeldBackwards) {
                    held = held.into_iter().rev().collect();
                }
                self.go_on(conn, held, readings, effects);
            }
            input => {
                if let Input::Disconnected(conn) = input {
                    self.held.remove(&conn);
                    self.behind.retain(|behind| *behind != conn);
                }
                let before = lengths(effects);
                self.state.step(&readings(), input, effects);
                self.count(before, effects);
            }
        }
    }

    /// Has peers sent what they are owed: see [`State::flush`].
    pub fn flush(&mut self, effects: &mut Effects) {
        let before = lengths(effects);
        self.state.flush(effects);
        self.count(before, effects);
    }

    /// Takes the requests of one connection that waited for room; whether there was one.
    pub fn catch_up(
        &mut self,
        readings: &mut impl FnMut() -> Readings,
        effects: &mut Effects,
    ) -> bool {
        if !self.has_room() {
            return false;
        }
        let Some(conn) = self.behind.pop_front() else { return false };
        let held = self.held.remove(&conn).unwrap_or_default();
        self.turn = None;
        if !self.planted.is(Bug::ForgetsBehind) {
            self.go_on(conn, held, readings, effects);
        }
        true
    }

    /// Decides what a connection asked, one after the other.
    fn go_on(
        &mut self,
        conn: ConnId,
        mut held: VecDeque<Request>,
        readings: &mut impl FnMut() -> Readings,
        effects: &mut Effects,
    ) {
        while let Some(request) = held.pop_front() {
            self.request(conn, request, readings, effects);
            // The others wait for it, or for room.
            if let Some(after) = self.held.get_mut(&conn)
                && !self.planted.is(Bug::OvertakesWaiting)
            {
                after.append(&mut held);
            }
        }
    }

    /// Decides a request, or keeps it until the line before it has been answered and there is room.
    fn request(
        &mut self,
        conn: ConnId,
        request: Request,
        readings: &mut impl FnMut() -> Readings,
        effects: &mut Effects,
    ) {
        if let Some(held) = self.held.get_mut(&conn)
            && !self.planted.is(Bug::OvertakesWaiting)
        {
            return held.push_back(request);
        }
        let spent = self.turn.filter(|(whose, _)| *whose == conn).map_or(0, |(_, spent)| spent);
        if !self.has_room() || spent >= self.room.turn {
            self.held.entry(conn).or_default().push_back(request);
            return self.behind.push_back(conn);
        }
        self.decide(conn, Input::Request(conn, request), readings, effects);
        if waits(effects, conn) {
            self.held.entry(conn).or_default();
        }
    }

    /// Takes an input of a connection, and notes what it led to.
    fn decide(
        &mut self,
        conn: ConnId,
        input: Input,
        readings: &mut impl FnMut() -> Readings,
        effects: &mut Effects,
    ) {
        let before = lengths(effects);
        self.state.step(&readings(), input, effects);
        let led_to = self.count(before, effects);
        match &mut self.turn {
            Some((whose, spent)) if *whose == conn => *spent += led_to,
            turn => *turn = Some((conn, led_to)),
        }
    }

    /// Counts what is new; how much it is.
    fn count(&mut self, before: (usize, usize), effects: &Effects) -> usize {
        let events: usize = effects.events[before.0..].iter().map(Event::weight).sum();
        let outputs = weight(&effects.outputs[before.1..]);
        self.decided[0] += events;
        self.decided[1] += outputs;
        events + outputs
    }
}

fn lengths(effects: &Effects) -> (usize, usize) {
    (effects.events.len(), effects.outputs.len())
}

/// What outputs weigh together.
pub(crate) fn weight<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> usize {
    outputs.into_iter().map(Output::weight).sum()
}

/// Whether the line just run waits for something that is done elsewhere.
fn waits(effects: &Effects, of: ConnId) -> bool {
    match effects.outputs.last() {
        Some(Output::Job { conn, .. } | Output::Park(conn)) => *conn == of,
        _ => false,
    }
}
