//! The one task that owns the domain's state.
//!
//! What enters is a plain value ([`ToHub`]); the hub stamps it with time and chance and hands it to
//! the [`Runner`]. It carries out what the runner releases, and has batches written where the runner
//! says.

mod release;

use crate::admission::{Guard, network, whom};
use crate::backup::Backups;
use crate::committer::Committer;
use crate::doors::Calls;
use crate::files::FileStore;
use crate::metrics::Report;
use crate::passwords::Passwords;
use crate::peers::Peers;
use crate::reads::Reads;
use crate::send_queue::{self, SendQueue};
use antar_domain::links::{NotAsked, NotDialled, Position, Told, Unreadable};
use antar_domain::{
    AccountId, AskId, ConnId, DialId, FoundOld, FoundOwn, Input, JobResult, Limits, OldQuery,
    Origin, Output, OwnQuery, Policy, Readings, Request, Spread,
};
use antar_runner::{Place, Runner};
use antar_text as text;
use antar_types::{Code, Entry, Message, Name, Time};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Messages to the hub waiting at most; a session past it waits.
pub const QUEUE: usize = 4_096;

/// Messages the hub takes at once.
const TURN: usize = 512;

/// How much one group is told at once.
const RUN: usize = 128;

/// What is put into queues before the sessions get to write it.
const ROUND: usize = 8_192;

/// How often the domain hears of time: when something is linked, and otherwise.
const TICK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3600));

/// What the hub is told.
pub enum ToHub {
    /// A connection was accepted.
    Connected(ConnId, Origin, Arc<SendQueue>),
    /// A connection asks for these.
    Requests(ConnId, Vec<Request>),
    /// A connection is gone.
    Disconnected(ConnId),
    /// What took long about a request has been done.
    Done { conn: ConnId, request: Box<Request>, results: Vec<JobResult> },
    /// A call to another realm came to nothing.
    NotDialled(DialId, NotDialled),
    /// Some of what a realm is owed was looked up.
    Fetched(AskId, Result<Vec<(Position, Arc<Entry>)>, Unreadable>),
    /// The newest messages of a mailbox were looked up.
    Tailed(AskId, Result<Vec<Message>, Unreadable>),
    /// Messages of a user who is gone were looked up.
    FoundOwn(Box<OwnQuery>, Result<FoundOwn, Unreadable>),
    /// Messages that are older than is kept were looked up.
    FoundOld(Box<OldQuery>, Result<Vec<Option<FoundOld>>, Unreadable>),
    /// A plain peer answered, or did not.
    Asked(AskId, Result<Told, NotAsked>),
    /// The operator has set other limits.
    Settings(Box<(Limits, Policy)>),
    /// The server shuts down: answer once nothing is connected and all is on disk.
    Drain(oneshot::Sender<()>),
    /// Tell how the realm stands, for metrics and health.
    Report(oneshot::Sender<Report>),
}

struct Conn {
    origin: Origin,
    queue: Arc<SendQueue>,
    logged_in: bool,
    linked: bool,
    account: Option<AccountId>,
}

impl Conn {
    /// Whether it has shown a key, and another realm may come of it.
    fn may_link(&self) -> bool {
        matches!(self.origin, Origin::Certified(..) | Origin::Dialled { .. })
    }
}

/// The hub.
pub struct Hub {
    pub runner: Runner,
    pub committer: Committer,
    pub passwords: Passwords,
    pub backups: Backups,
    pub files: Arc<FileStore>,
    pub reads: Reads,
    pub peers: Peers,
    pub calls: Calls,
    pub guard: Guard,
    pub inbox: mpsc::Receiver<ToHub>,
    /// For work to come back by; does not keep the hub alive.
    pub back: mpsc::WeakSender<ToHub>,
    /// What the realm is called.
    pub renamed: watch::Sender<Name>,
}

impl Hub {
    /// Runs until every sender to it is gone and everything is on disk.
    pub async fn run(self) {
        let mut running = Running {
            hub: self,
            conns: FxHashMap::default(),
            clock: Clock::new(),
            busy: false,
            last_notification: None,
            drained: None,
            requests: text::Requests::default(),
            refusals: vec![0; Code::ALL.len()],
        };
        running.run().await;
    }
}

struct Running {
    hub: Hub,
    conns: FxHashMap<ConnId, Conn>,
    clock: Clock,
    /// Something is linked, so that time matters.
    busy: bool,
    /// The notification released last: its next receiver shares its encoding.
    last_notification: Option<Arc<send_queue::Encoded>>,
    drained: Option<oneshot::Sender<()>>,
    /// Requests, by verb.
    requests: text::Requests,
    /// Requests refused, by code.
    refusals: Vec<u64>,
}

impl Running {
    async fn run(&mut self) {
        let mut turn = Vec::with_capacity(TURN);
        let mut tick = tokio::time::interval(TICK.0);
        let mut open = true;
        while open || !self.hub.runner.is_idle() {
            tokio::select! {
                () = self.hub.committer.done() => self.settle().await,
                received = self.hub.inbox.recv_many(&mut turn, TURN), if open => {
                    open = received > 0;
                    self.decide(&mut turn).await;
                }
                _ = tick.tick() => {
                    self.step(self.clock.now(), Input::Tick);
                    self.release().await;
                    tick.reset_after(if self.busy { TICK.0 } else { TICK.1 });
                }
            }
            let busy = self.hub.runner.state().is_busy();
            if busy && !std::mem::replace(&mut self.busy, busy) {
                tick.reset_after(TICK.0);
            }
            self.busy = busy;
            self.commit(&mut turn).await;
            self.answer_drain();
        }
    }

    async fn decide(&mut self, turn: &mut Vec<ToHub>) {
        let now = self.clock.now();
        turn.drain(..).for_each(|message| self.take(now, message));
        self.release().await;
    }

    /// Has what was decided written, where the runner says.
    async fn commit(&mut self, turn: &mut Vec<ToHub>) {
        let mut quiet = false;
        loop {
            match self.hub.runner.place(quiet) {
                Place::Nowhere => return,
                Place::ByWriter => return self.hub.committer.wake(),
                Place::Here(batch) => {
                    self.hub.committer.write(batch);
                    self.settle().await;
                    quiet = false;
                }
                Place::Gather => {
                    tokio::task::yield_now().await;
                    quiet = self.hub.inbox.is_empty();
                    if !quiet {
                        while turn.len() < TURN
                            && let Ok(message) = self.hub.inbox.try_recv()
                        {
                            turn.push(message);
                        }
                        self.decide(turn).await;
                    }
                }
            }
        }
    }

    /// Tells whoever shuts the server down once nothing is left to do.
    fn answer_drain(&mut self) {
        if self.drained.is_some() && self.conns.is_empty() && self.hub.runner.is_idle() {
            self.drained.take().map(|drained| drained.send(()));
        }
    }

    fn take(&mut self, now: Now, message: ToHub) {
        match message {
            ToHub::Connected(_, origin, queue) if self.is_unwelcome(origin) => {
                queue.set(|state| state.unwelcome = true);
            }
            ToHub::Connected(conn, origin, queue) => {
                if self.drained.is_some() {
                    queue.set(|state| state.draining = true);
                }
                let (logged_in, linked, account) = (false, false, None);
                self.conns.insert(conn, Conn { origin, queue, logged_in, linked, account });
                self.step(now, Input::Connected(conn, origin));
            }
            ToHub::Requests(conn, requests) => {
                for request in requests {
                    self.requests.count(&request);
                    self.step(now, Input::Request(conn, request));
                }
                self.note_login(conn);
            }
            ToHub::Disconnected(conn) => {
                self.conns.remove(&conn);
                self.step(now, Input::Disconnected(conn));
            }
            ToHub::Done { conn, request, results } => {
                self.step(now, Input::Resume { conn, request, results });
                self.note_login(conn);
            }
            ToHub::NotDialled(dial, why) => self.step(now, Input::NotDialled(dial, why)),
            ToHub::Fetched(ask, found) => self.step(now, Input::Fetched(ask, found)),
            ToHub::Tailed(ask, newest) => self.step(now, Input::Tailed(ask, newest)),
            ToHub::FoundOwn(asked, found) => self.step(now, Input::FoundOwn(asked, found)),
            ToHub::FoundOld(asked, found) => self.step(now, Input::FoundOld(asked, found)),
            ToHub::Asked(ask, answer) => self.step(now, Input::Asked(ask, answer)),
            ToHub::Settings(settings) => self.step(now, Input::Settings(settings)),
            ToHub::Drain(drained) => {
                self.conns.values().for_each(|c| c.queue.set(|state| state.draining = true));
                self.hub.backups.stop();
                self.drained = Some(drained);
            }
            ToHub::Report(tell) => drop(tell.send(self.report(now.time))),
        }
    }

    fn report(&self, now: Time) -> Report {
        let state = self.hub.runner.state();
        Report {
            requests: self.requests.clone(),
            refusals: self.refusals.clone(),
            mode: state.mode(),
            draining: self.drained.is_some(),
            stats: state.stats(now),
        }
    }

    fn step(&mut self, now: Now, input: Input) {
        let Self { hub, clock, .. } = self;
        hub.runner.input(input, &mut || clock.readings(now));
    }

    /// Whether somebody calls with a key that no linked realm has, as that address has done too often.
    fn is_unwelcome(&self, origin: Origin) -> bool {
        let Origin::Certified(peer, key) = origin else { return false };
        !self.hub.runner.state().knows_key(&key)
            && !self.hub.guard.rules().strangers.take(network(peer))
    }

    /// Lets a session know that it need not be logged in any more, or is a link, and for whom it asks.
    fn note_login(&mut self, conn: ConnId) {
        let state = self.hub.runner.state();
        let Some(c) = self.conns.get_mut(&conn) else { return };
        let account = state.account(conn);
        if c.account != account {
            c.account = account;
            c.queue.set(|state| state.account = account);
            // Whoever shows a session, be it a new one, is no stranger at that address.
            let subject = account.and_then(|account| state.guessed_at(account));
            if let (Some(address), Some(subject)) = (whom(c.origin), subject) {
                self.hub.guard.rules().guesses.proved(address, &subject);
            }
        }
        // A realm that waits for approval is known, and not a link yet.
        let linked = c.may_link() && state.is_linked(conn);
        let logged_in = c.logged_in || state.is_known(conn);
        if (c.logged_in, c.linked) != (logged_in, linked) {
            (c.logged_in, c.linked) = (logged_in, linked);
            c.queue.set(|state| (state.logged_in, state.linked) = (logged_in, linked));
        }
    }

    /// Carries out whatever may be known now, round by round.
    async fn release(&mut self) {
        let (mut round, mut run) = (0, Vec::<Box<Spread>>::new());
        while let Some(output) = self.released() {
            round += 1;
            match output {
                Output::Spread(spread) => {
                    let goes_on = run.last().is_some_and(|last| spread.is_to_those_of(last));
                    if !goes_on || run.len() >= RUN {
                        round += spread.listeners().len();
                        self.spread(&std::mem::take(&mut run));
                    }
                    run.push(spread);
                }
                output => {
                    self.spread(&std::mem::take(&mut run));
                    self.perform(output);
                }
            }
            if round >= ROUND {
                round = 0;
                self.spread(&std::mem::take(&mut run));
                tokio::task::yield_now().await;
            }
        }
        self.spread(&run);
        self.last_notification = None;
    }

    fn released(&mut self) -> Option<Output> {
        let Self { hub, clock, .. } = self;
        hub.runner.release(&mut || clock.readings(clock.now()))
    }

    /// Takes note of what was written.
    async fn settle(&mut self) {
        self.hub.runner.settle();
        self.release().await;
    }
}

/// What the clocks say. One reading serves a whole turn.
#[derive(Clone, Copy)]
struct Now {
    time: Time,
    /// In milliseconds.
    uptime: u64,
}

/// Time and chance, for the domain.
struct Clock {
    started: Instant,
    chance: StdRng,
}

impl Clock {
    fn new() -> Self {
        Self { started: Instant::now(), chance: StdRng::from_rng(&mut rand::rng()) }
    }

    fn now(&self) -> Now {
        let uptime = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { time: Time::now(), uptime }
    }

    fn readings(&mut self, Now { time, uptime }: Now) -> Readings {
        let mut entropy = [0; 32];
        self.chance.fill_bytes(&mut entropy);
        Readings { now: time, uptime, entropy }
    }
}
