//! The state and the requests that wait before it.

use crate::planted::{Bug, Planted};
use antar_domain::{ConnId, Effects, Input, Output, Readings, Request, State};
use std::collections::{BTreeMap, VecDeque};

/// A [`State`] that takes each connection's lines in order: where one waits for something that is
/// done elsewhere, those after it wait too.
pub(crate) struct LineOrder {
    pub state: State,
    /// What came after a line that waits.
    held: BTreeMap<ConnId, VecDeque<Request>>,
    pub planted: Planted,
}

impl LineOrder {
    pub fn new(state: State) -> Self {
        Self { state, held: BTreeMap::new(), planted: Planted::default() }
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
                self.state.step(&readings(), input, effects);
                if waits(effects, conn) {
                    return;
                }
                let mut held = self.held.remove(&conn).unwrap_or_default();
                if self.planted.is(Bug::HeldBackwards) {
                    held = held.into_iter().rev().collect();
                }
                held.into_iter().for_each(|request| self.request(conn, request, readings, effects));
            }
            Input::Disconnected(conn) => {
                self.held.remove(&conn);
                self.state.step(&readings(), input, effects);
            }
            input => self.state.step(&readings(), input, effects),
        }
    }

    /// Decides a request, or keeps it until the line before it has been answered.
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
        self.state.step(&readings(), Input::Request(conn, request), effects);
        if waits(effects, conn) {
            self.held.insert(conn, VecDeque::new());
        }
    }
}

/// Whether the line just run waits for something that is done elsewhere.
fn waits(effects: &Effects, of: ConnId) -> bool {
    match effects.outputs.last() {
        Some(Output::Job { conn, .. } | Output::Park(conn)) => *conn == of,
        _ => false,
    }
}
