//! The connections and their hot loop.

use super::Options;
use super::mark::{Mark, micros};
use super::setup::Person;
use super::tally::Tally;
use super::traffic::Traffic;
use antar_client::{Incoming, Replies, ReplyError, request};
use anyhow::{Context, Result, anyhow};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Cx, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How much is read at a time, by all connections into the same memory.
const SCRATCH: usize = 64 * 1024;
/// How long to wait for the last replies.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(200);
/// The longest reply: an inbox of 50 messages is far below it.
const REPLY_LIMIT: usize = 16 * 1024 * 1024;

/// How long and how hard to load.
#[derive(Clone, Copy)]
pub struct Window {
    pub warmup: Duration,
    pub measured: Duration,
    /// Requests in flight on each connection.
    pub depth: usize,
    /// Requests of each connection at most.
    pub budget: u64,
}

/// One of what is measured: its connections, idle between rounds.
pub struct Side {
    pub name: &'static str,
    pub traffic: Rc<Traffic>,
    connections: Vec<Connection>,
    scratch: Rc<RefCell<Vec<u8>>>,
}

struct Connection {
    stream: TcpStream,
    replies: Replies,
    outgoing: Vec<u8>,
    written: usize,
    /// When each request in flight was made; replies come in order.
    asked: VecDeque<Instant>,
    random: SmallRng,
    user: usize,
    /// Which of the connections it is, and how many requests it has made.
    number: u32,
    made: u32,
}

/// What the connections of a side share during a round.
struct Round {
    traffic: Rc<Traffic>,
    scratch: Rc<RefCell<Vec<u8>>>,
    tally: RefCell<Tally>,
    from: Instant,
    until: Instant,
    window: Window,
    in_flight: RefCell<u64>,
}

impl Side {
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
        for n in 0..options.connections {
            let user = n as usize % people.len();
            let problem =
                || format!("connection {} of {} to {address}", n + 1, options.connections);
            let mut connection = Connection::open(address, n, user).await.with_context(problem)?;
            if bind {
                connection.bind(&people[user]).await.with_context(problem)?;
            }
            connections.push(connection);
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
        let mut tasks = JoinSet::new();
        for connection in self.connections.drain(..) {
            tasks.spawn_local(connection.run(round.clone()));
        }
        progress.set_message(self.name);
        let mut tick = tokio::time::interval(TICK);
        let end = tokio::time::sleep_until((round.until + DRAIN).into());
        tokio::pin!(end);
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    Some(connection) => self.connections.extend(connection?),
                    None => break,
                },
                _ = tick.tick() => progress.inc(TICK.as_millis() as u64),
                () = &mut end => break,
            }
        }
        drop(tasks);
        let mut tally = round.tally.replace(Tally::new()?);
        tally.fail("unanswered", round.in_flight.take());
        tally.finish(window.measured.as_secs_f64());
        Ok(tally)
    }
}

impl Connection {
    async fn open(address: &str, number: u32, user: usize) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            replies: Replies::new(REPLY_LIMIT),
            outgoing: Vec::new(),
            written: 0,
            asked: VecDeque::new(),
            random: SmallRng::seed_from_u64(u64::from(number)),
            user,
            number,
            made: 0,
        })
    }

    /// Binds the connection to a session. The request needs one, so a token that is not taken
    /// shows here and not in the results.
    async fn bind(&mut self, person: &Person) -> Result<()> {
        let line = request::with_token("WHOAMI", &person.token) + "\n";
        self.stream.write_all(line.as_bytes()).await?;
        let mut scratch = vec![0; 4096];
        loop {
            let reply = self.replies.pop()?;
            if let Some(Incoming::Reply(reply)) = reply {
                return reply.accepted().map(drop).map_err(|refusal| anyhow!(refusal));
            }
            let read = poll_fn(|cx| self.read(cx, &mut scratch)).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
            }
        }
    }

    /// Loads until the round is over; the connection comes back unless it broke.
    async fn run(mut self, round: Rc<Round>) -> Option<Self> {
        let mut budget = round.window.budget;
        loop {
            let now = Instant::now();
            if now < round.until {
                self.ask(&round, &mut budget, now);
            }
            if self.asked.is_empty() {
                return Some(self);
            }
            let transferred = poll_fn(|cx| self.transfer(cx, &round)).await;
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

    /// Tops up what is in flight.
    fn ask(&mut self, round: &Round, budget: &mut u64, now: Instant) {
        let free = (round.window.depth - self.asked.len())
            .min(usize::try_from(*budget).unwrap_or(usize::MAX));
        if free == 0 {
            return;
        }
        for _ in 0..free {
            let (connection, serial) = (self.number, self.made);
            let mark = || Mark { connection, serial, micros: micros(now) };
            round.traffic.next(self.user, &mut self.random, mark, &mut self.outgoing);
            self.made = self.made.wrapping_add(1);
            self.asked.push_back(now);
        }
        *budget -= free as u64;
        *round.in_flight.borrow_mut() += free as u64;
    }

    /// Writes all it can, then reads once. Ready when something was read.
    fn transfer(&mut self, cx: &mut Cx<'_>, round: &Round) -> Poll<io::Result<()>> {
        while self.written < self.outgoing.len() {
            let rest = &self.outgoing[self.written..];
            match Pin::new(&mut self.stream).poll_write(cx, rest)? {
                Poll::Ready(written) => {
                    self.written += written;
                    if Instant::now() >= round.from {
                        round.tally.borrow_mut().sent += written as u64;
                    }
                }
                Poll::Pending => break,
            }
        }
        if self.written == self.outgoing.len() {
            self.outgoing.clear();
            self.written = 0;
        }
        match self.read(cx, &mut round.scratch.borrow_mut())? {
            Poll::Ready(0) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn read(&mut self, cx: &mut Cx<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        let ready = Pin::new(&mut self.stream).poll_read(cx, &mut buffer)?;
        ready.map(|()| {
            self.replies.feed(buffer.filled());
            Ok(buffer.filled().len())
        })
    }

    fn take_replies(&mut self, round: &Round) -> Result<(), ReplyError> {
        let now = Instant::now();
        let measured = now >= round.from && now < round.until;
        let mut tally = round.tally.borrow_mut();
        let mut answered = 0;
        while let Some(raw) = self.replies.pop_raw()? {
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
            if measured {
                tally.answered(now - asked);
            }
        }
        *round.in_flight.borrow_mut() -= answered;
        Ok(())
    }
}
