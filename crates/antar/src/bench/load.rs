//! Requests and their replies: the connections and their hot loop.

use super::conn::{Conn, SCRATCH};
use super::mark::{Mark, micros};
use super::options::Options;
use super::pace::Pace;
use super::setup::Person;
use super::tally::Tally;
use super::traffic::Traffic;
use antar_client::{ReplyError, request};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context as Cx, Poll};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long to wait for the last replies.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(200);
/// Requests in flight on a connection of an open loop at most; those past it are late, and count as
/// such. A realm reads no more than 1,024 before it answers.
const OPEN_DEPTH: usize = 1000;

/// How long and how hard to load.
#[derive(Clone, Copy)]
pub struct Window {
    pub warmup: Duration,
    pub measured: Duration,
    /// Requests in flight on each connection.
    pub depth: usize,
    /// Requests of each connection at most.
    pub budget: u64,
    /// Requests a second of all connections, due whatever has been answered.
    pub rate: Option<f64>,
}

impl Window {
    /// The same as an open loop.
    pub fn at_rate(self, rate: f64) -> Self {
        Self { depth: OPEN_DEPTH, rate: Some(rate), ..self }
    }

    /// When the `n`th of so many connections makes its requests, in an open loop.
    pub fn pace(&self, n: usize, connections: usize) -> io::Result<Option<Pace>> {
        self.rate.map(|rate| Pace::new(rate, n, connections)).transpose()
    }
}

/// Connections that make requests, idle between rounds.
pub struct Load {
    pub name: &'static str,
    pub traffic: Rc<Traffic>,
    connections: Vec<Connection>,
    scratch: Rc<RefCell<Vec<u8>>>,
}

struct Connection {
    conn: Conn,
    /// When each request in flight was made, or was due; replies come in order.
    asked: VecDeque<Instant>,
    random: SmallRng,
    user: usize,
    /// Which of the connections it is, and how many requests it has made.
    number: u32,
    made: u32,
}

/// What the connections share during a round.
struct Round {
    traffic: Rc<Traffic>,
    scratch: Rc<RefCell<Vec<u8>>>,
    tally: RefCell<Tally>,
    from: Instant,
    until: Instant,
    window: Window,
    in_flight: RefCell<u64>,
}

impl Load {
    /// Opens the connections and, where `bind` says so, binds them to the users' sessions in
    /// turn.
    pub async fn connect(
        name: &'static str,
        address: &str,
        options: &Options,
        people: &[Person],
        bind: bool,
        traffic: Rc<Traffic>,
    ) -> Result<Self> {
        let mut connections = Vec::new();
        for number in 0..options.connections {
            let user = number as usize % people.len();
            let problem =
                || format!("connection {} of {} to {address}", number + 1, options.connections);
            let mut conn = Conn::open(address).await.with_context(problem)?;
            if bind {
                // The request needs a session, so a token that is not taken shows here.
                let line = request::with_token("WHOAMI", &people[user].token);
                conn.ask(&line).await.with_context(problem)?;
            }
            let (asked, random) = (VecDeque::new(), SmallRng::seed_from_u64(number.into()));
            connections.push(Connection { conn, asked, random, user, number, made: 0 });
        }
        let scratch = Rc::new(RefCell::new(vec![0; SCRATCH]));
        Ok(Self { name, traffic, connections, scratch })
    }

    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// One round. Connections that break are gone from then on.
    pub async fn run(&mut self, window: Window, progress: &ProgressBar) -> Result<Tally> {
        let from = Instant::now() + window.warmup;
        let round = Rc::new(Round {
            traffic: self.traffic.clone(),
            scratch: self.scratch.clone(),
            tally: RefCell::new(Tally::new()?),
            from,
            until: from + window.measured,
            window,
            in_flight: RefCell::new(0),
        });
        let (mut tasks, all) = (JoinSet::new(), self.connections.len());
        for (n, connection) in self.connections.drain(..).enumerate() {
            let pace = window.pace(n, all)?;
            tasks.spawn_local(connection.run(round.clone(), pace));
        }
        progress.set_message(self.name);
        self.connections.extend(all_done(tasks, round.until, progress).await?);
        let mut tally = round.tally.replace(Tally::new()?);
        tally.fail("unanswered", round.in_flight.take());
        // Where the number of requests is limited it may have been over before its time.
        tally.finish(Instant::now().min(round.until).saturating_duration_since(from));
        Ok(tally)
    }
}

/// Waits for the tasks of a round, for some time after its end; what they came back with.
pub async fn all_done<T: 'static>(
    mut tasks: JoinSet<Option<T>>,
    until: Instant,
    progress: &ProgressBar,
) -> Result<Vec<T>> {
    let mut back = Vec::new();
    let mut tick = tokio::time::interval(TICK);
    let end = tokio::time::sleep_until((until + DRAIN).into());
    tokio::pin!(end);
    loop {
        tokio::select! {
            done = tasks.join_next() => match done {
                Some(task) => back.extend(task?),
                None => break,
            },
            _ = tick.tick() => progress.inc(TICK.as_millis() as u64),
            () = &mut end => break,
        }
    }
    Ok(back)
}

impl Connection {
    /// Loads until the round is over; the connection comes back unless it broke.
    async fn run(mut self, round: Rc<Round>, mut pace: Option<Pace>) -> Option<Self> {
        let mut budget = round.window.budget;
        loop {
            let now = Instant::now();
            if now < round.until {
                self.ask(&round, &mut budget, pace.as_mut(), now);
            }
            let over = pace.is_none() || now >= round.until || budget == 0;
            if self.asked.is_empty() && over {
                return Some(self);
            }
            let transferred = poll_fn(|cx| self.transfer(cx, &round, pace.as_mut())).await;
            let problem = match transferred.map(|()| self.take_replies(&round)) {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => "bad_reply",
                Err(_) => "connection_lost",
            };
            let lost = self.asked.len() as u64;
            *round.in_flight.borrow_mut() -= lost;
            round.tally.borrow_mut().fail(problem, lost.max(1));
            return None;
        }
    }

    /// Tops up what is in flight, or asks for what is due.
    fn ask(&mut self, round: &Round, budget: &mut u64, mut pace: Option<&mut Pace>, now: Instant) {
        let free = (round.window.depth - self.asked.len()) as u64;
        let before = self.asked.len();
        for _ in 0..free.min(*budget) {
            let Some(at) = pace.as_mut().map_or(Some(now), |pace| pace.due(now)) else { break };
            let (connection, serial) = (self.number, self.made);
            let mark = || Mark { connection, serial, micros: micros(at) };
            round.traffic.next(self.user, &mut self.random, mark, &mut self.conn.outgoing);
            self.made = self.made.wrapping_add(1);
            self.asked.push_back(at);
        }
        let made = (self.asked.len() - before) as u64;
        *budget -= made;
        *round.in_flight.borrow_mut() += made;
    }

    /// Writes all it can, then reads once. Ready when something was read or is due.
    fn transfer(
        &mut self,
        cx: &mut Cx<'_>,
        round: &Round,
        pace: Option<&mut Pace>,
    ) -> Poll<io::Result<()>> {
        let written = self.conn.flush(cx)?;
        if written > 0 && Instant::now() >= round.from {
            round.tally.borrow_mut().sent += written;
        }
        match (self.conn.read(cx, &mut round.scratch.borrow_mut()), pace) {
            (Poll::Pending, Some(pace)) => pace.poll(cx),
            (read, _) => read,
        }
    }

    fn take_replies(&mut self, round: &Round) -> Result<(), ReplyError> {
        let now = Instant::now();
        let measured = now >= round.from && now < round.until;
        let mut tally = round.tally.borrow_mut();
        let mut answered = 0;
        while let Some(raw) = self.conn.replies.pop_raw()? {
            if raw.is_event() {
                continue;
            }
            let asked = self.asked.pop_front().ok_or(ReplyError::NotAnObject)?;
            answered += 1;
            if measured {
                tally.received += raw.0.len() as u64 + 4;
            }
            if !raw.is_ok() {
                tally.refused(raw);
                continue;
            }
            tally.accepted += 1;
            tally.ok += u64::from(measured);
            // Those answered after the end count here: they are the slowest.
            if asked >= round.from {
                tally.latency.record(now - asked);
            }
        }
        *round.in_flight.borrow_mut() -= answered;
        Ok(())
    }
}
