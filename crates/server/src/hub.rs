//! The one task that owns the domain's state.
//!
//! What enters is a plain value ([`ToHub`]); the hub stamps it with time and chance, steps the
//! domain, hands the effects to the committer and releases them once they are durable.

use crate::backup::Backups;
use crate::committer::{Committer, Done};
use crate::outbox::{self, Item, Outbox};
use crate::passwords::Passwords;
use antar_realm::{ConnId, Effects, Input, Mode, Moment, Origin, Output, Proof, State, Work};
use antar_wire::{Code, Dialect, Frame, Time};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Messages to the hub waiting at most; a session past it waits.
pub const QUEUE: usize = 4_096;

/// Messages the hub takes at once.
const TURN: usize = 512;

const TICK: Duration = Duration::from_secs(3600);

/// What the hub is told.
pub enum ToHub {
    /// A connection was accepted.
    Connected(ConnId, Origin, Arc<Outbox>),
    /// A connection sent these.
    Frames(ConnId, Vec<Frame>),
    /// A connection is gone.
    Disconnected(ConnId),
    /// What took long about a line has been done.
    Proved { conn: ConnId, line: String, proofs: Vec<Proof> },
    /// The server shuts down: answer once nothing is connected and all is on disk.
    Drain(oneshot::Sender<()>),
}

struct Conn {
    origin: Origin,
    outbox: Arc<Outbox>,
    logged_in: bool,
    /// What came after a line that is being worked on elsewhere.
    held: Option<VecDeque<Frame>>,
}

/// The hub.
pub struct Hub {
    pub state: State,
    pub committer: Committer,
    pub passwords: Passwords,
    pub backups: Backups,
    /// See [`crate::LimitsConfig::unread_events`].
    pub unread_events: usize,
    pub inbox: mpsc::Receiver<ToHub>,
    /// For work to come back by; does not keep the hub alive.
    pub back: mpsc::WeakSender<ToHub>,
}

impl Hub {
    /// Runs until every sender to it is gone and everything is on disk.
    pub async fn run(self) {
        let mut running = Running {
            hub: self,
            conns: HashMap::new(),
            chance: StdRng::from_rng(&mut rand::rng()),
            effects: Effects::default(),
            last_event: None,
            drained: None,
        };
        running.run().await;
    }
}

struct Running {
    hub: Hub,
    conns: HashMap<ConnId, Conn>,
    chance: StdRng,
    effects: Effects,
    /// The event released last: its next receiver shares its encoding.
    last_event: Option<Arc<outbox::Event>>,
    drained: Option<oneshot::Sender<()>>,
}

impl Running {
    async fn run(&mut self) {
        let mut turn = Vec::with_capacity(TURN);
        let mut tick = tokio::time::interval(TICK);
        let mut open = true;
        while open || !self.hub.committer.is_idle() {
            tokio::select! {
                () = self.hub.committer.done() => self.settle(),
                received = self.hub.inbox.recv_many(&mut turn, TURN),
                    if open && self.hub.committer.has_room() =>
                {
                    open = received > 0;
                    let now = Time::now();
                    turn.drain(..).for_each(|message| self.take(now, message));
                    self.submit();
                }
                _ = tick.tick() => {
                    self.step(Time::now(), Input::Tick);
                    self.submit();
                }
            }
            self.answer_drain();
        }
    }

    /// Tells whoever shuts the server down once nothing is left to do.
    fn answer_drain(&mut self) {
        if self.drained.is_some() && self.conns.is_empty() && self.hub.committer.is_idle() {
            self.drained.take().map(|drained| drained.send(()));
        }
    }

    fn take(&mut self, now: Time, message: ToHub) {
        match message {
            ToHub::Connected(conn, origin, outbox) => {
                if self.drained.is_some() {
                    outbox.set(|state| state.draining = true);
                }
                self.step(now, Input::Connected(conn, origin));
                self.conns.insert(conn, Conn { origin, outbox, logged_in: false, held: None });
            }
            ToHub::Frames(conn, frames) => {
                frames.into_iter().for_each(|frame| self.frame(now, conn, frame));
                self.note_login(conn);
            }
            ToHub::Disconnected(conn) => {
                self.conns.remove(&conn);
                self.step(now, Input::Disconnected(conn));
            }
            ToHub::Proved { conn, line, proofs } => {
                self.resume(now, conn, line, proofs);
                self.note_login(conn);
            }
            ToHub::Drain(drained) => {
                self.conns.values().for_each(|c| c.outbox.set(|state| state.draining = true));
                self.hub.backups.stop();
                self.drained = Some(drained);
            }
        }
    }

    fn step(&mut self, now: Time, input: Input) {
        let mut entropy = [0; 32];
        self.chance.fill_bytes(&mut entropy);
        self.hub.state.step(&Moment { now, entropy }, input, &mut self.effects);
    }

    /// Runs a frame, or keeps it until the line before it has been answered.
    fn frame(&mut self, now: Time, conn: ConnId, frame: Frame) {
        match self.conns.get_mut(&conn).map(|c| &mut c.held) {
            None => {}
            Some(Some(held)) => held.push_back(frame),
            Some(None) => {
                self.step(now, Input::Frame(conn, frame));
                self.hold_if_waiting(conn);
            }
        }
    }

    /// After a step: where it needs work elsewhere, what follows on that connection waits.
    fn hold_if_waiting(&mut self, conn: ConnId) -> bool {
        let waits = matches!(self.effects.outputs.last(), Some(Output::Work { .. }));
        if waits && let Some(c) = self.conns.get_mut(&conn) {
            c.held.get_or_insert_default();
        }
        waits
    }

    /// Goes on with a line that has been worked on, then with what came after it.
    fn resume(&mut self, now: Time, conn: ConnId, line: String, proofs: Vec<Proof>) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        self.step(now, Input::Resume { conn, line, proofs });
        if self.hold_if_waiting(conn) {
            return;
        }
        let held = self.conns.get_mut(&conn).and_then(|c| c.held.take()).unwrap_or_default();
        held.into_iter().for_each(|frame| self.frame(now, conn, frame));
    }

    /// Lets a session know that it need not be logged in any more.
    fn note_login(&mut self, conn: ConnId) {
        if let Some(c) = self.conns.get_mut(&conn)
            && !c.logged_in
            && self.hub.state.is_bound(conn)
        {
            c.logged_in = true;
            c.outbox.set(|state| state.logged_in = true);
        }
    }

    fn submit(&mut self) {
        let ready = self.hub.committer.submit(&mut self.effects);
        self.release(ready);
    }

    /// Takes note of what the committer has done.
    fn settle(&mut self) {
        for done in self.hub.committer.take_done() {
            match done {
                Done::Committed(outputs) => self.release(outputs),
                Done::Failed { outputs, on_disk } => {
                    self.refuse(outputs);
                    let since = self.hub.committer.give_up_open();
                    self.refuse(since);
                    match on_disk {
                        Ok(events) => self.hub.state.reload(events, Mode::ReadOnly),
                        Err(_) => self.hub.state.suspend(),
                    }
                }
                Done::Recovered(events) => self.hub.state.reload(events, Mode::Open),
            }
        }
    }

    fn release(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Reply(conn, dialect, reply) => self.push(conn, Item::Reply(dialect, reply)),
                Output::Read(conn, dialect, read) => self.push(conn, Item::Read(dialect, read)),
                Output::Event(conn, dialect, kind, message) => {
                    let event = match self.last_event.take() {
                        Some(event) if event.is(kind, &message) => event,
                        _ => Arc::new(outbox::Event::new(kind, message)),
                    };
                    self.last_event = Some(event.clone());
                    self.push_event(conn, dialect, event);
                }
                Output::Work { conn, line, proofs, work } => self.work(conn, line, proofs, work),
            }
        }
        self.last_event = None;
    }

    fn push(&self, conn: ConnId, item: Item) {
        if let Some(c) = self.conns.get(&conn) {
            c.outbox.push(item);
        }
    }

    fn push_event(&self, conn: ConnId, dialect: Dialect, event: Arc<outbox::Event>) {
        let limit = self.hub.unread_events;
        if let Some(c) = self.conns.get(&conn)
            && c.outbox.push_event(dialect, event, limit)
        {
            tracing::warn!(conn = conn.0, limit, "does not read its events; closing it");
        }
    }

    /// Answers what a batch that is not on disk would have: nothing of it happened.
    fn refuse(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            let (conn, dialect) = match output {
                Output::Reply(conn, dialect, _) | Output::Read(conn, dialect, _) => (conn, dialect),
                // The line runs again, against the state that is on disk.
                Output::Work { conn, line, proofs, work } => {
                    self.work(conn, line, proofs, work);
                    continue;
                }
                Output::Event(..) => continue,
            };
            self.push(conn, Item::Reply(dialect, Code::Unavailable.into()));
        }
    }

    /// Has what takes long done off this task.
    fn work(&mut self, conn: ConnId, line: String, mut proofs: Vec<Proof>, work: Work) {
        let Some(origin) = self.conns.get(&conn).map(|c| c.origin) else { return };
        let Some(back) = self.hub.back.upgrade() else { return };
        let (passwords, backups) = (self.hub.passwords.clone(), self.hub.backups.clone());
        tokio::spawn(async move {
            proofs.push(match work {
                Work::Backup { path } => backups.write(path).await,
                work => passwords.prove(origin, work).await,
            });
            let _ = back.send(ToHub::Proved { conn, line, proofs }).await;
        });
    }
}
