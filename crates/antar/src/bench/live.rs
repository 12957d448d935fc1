//! Messages followed to those who watch: how many arrive, and how long that takes.
//!
//! A sender has so many messages under way; one is over when its last watcher has read it. So the
//! measure is the delivery, and the OK is noted beside it.

use super::conn::{Conn, SCRATCH};
use super::load::{Window, all_done};
use super::mark::{Mark, micros};
use super::options::Options;
use super::pace::Pace;
use super::setup::Person;
use super::tally::Tally;
use super::traffic::{Workload, group_name, text};
use antar_client::{ReplyError, request};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context as Cx, Poll, Waker};
use std::time::Instant;
use tokio::task::{AbortHandle, JoinSet};

/// Senders, idle between rounds, and those who watch.
pub struct Live {
    pub name: &'static str,
    address: String,
    /// A realm knows a watch by its token, a relay by the name others send to.
    relay: bool,
    senders: Vec<Sender>,
    watchers: Vec<AbortHandle>,
    shared: Rc<Shared>,
}

struct Shared {
    /// The length of a message's text.
    text: usize,
    scratch: RefCell<Vec<u8>>,
    tally: RefCell<Tally>,
    from: Cell<Instant>,
    until: Cell<Instant>,
    under_way: Cell<u64>,
}

struct Sender {
    conn: Conn,
    /// A request with its LF.
    line: Vec<u8>,
    /// The messages that were not answered yet, and when they were sent or due.
    asked: VecDeque<(u32, Instant)>,
    number: u32,
    made: u32,
    circle: Rc<RefCell<Circle>>,
}

/// A sender's messages that some watcher has not got.
#[derive(Default)]
struct Circle {
    watchers: u32,
    under_way: VecDeque<Message>,
    /// Something came to an end; the sender is to look.
    news: bool,
    waker: Option<Waker>,
    /// A watcher is gone.
    broken: bool,
}

struct Message {
    serial: u32,
    at: Instant,
    /// How many watchers have not got it.
    missing: u32,
}

impl Live {
    /// Opens the connections: a sender for each watcher, or one for all.
    pub async fn connect(
        name: &'static str,
        address: &str,
        options: &Options,
        people: &[Person],
        relay: bool,
    ) -> Result<Self> {
        let shared = Rc::new(Shared {
            text: options.size as usize,
            scratch: RefCell::new(vec![0; SCRATCH]),
            tally: RefCell::new(Tally::new()?),
            from: Cell::new(Instant::now()),
            until: Cell::new(Instant::now()),
            under_way: Cell::new(0),
        });
        let address = address.to_owned();
        let (senders, watchers) = (Vec::new(), Vec::new());
        let mut live = Self { name, address, relay, senders, watchers, shared };
        if options.workload == Workload::Fanout {
            let group = group_name(people, people.len(), 0);
            live.circle("SENDGROUP", &group, &people[0], &people[1..]).await?;
            return Ok(live);
        }
        for (n, person) in people.iter().enumerate() {
            let sender = &people[(n + 1) % people.len()];
            live.circle("SEND", &person.name, sender, std::slice::from_ref(person)).await?;
        }
        Ok(live)
    }

    /// A sender to a user or group, and who watches.
    async fn circle(
        &mut self,
        verb: &str,
        to: &str,
        sender: &Person,
        watchers: &[Person],
    ) -> Result<()> {
        let circle = Circle { watchers: watchers.len() as u32, ..Circle::default() };
        let circle = Rc::new(RefCell::new(circle));
        for person in watchers {
            let line = match self.relay {
                true => format!("WATCH {to}"),
                false => request::with_token("WATCH", &person.token),
            };
            let conn = self.open(&line).await?;
            let watching = watch(conn, circle.clone(), self.shared.clone());
            self.watchers.push(tokio::task::spawn_local(watching).abort_handle());
        }
        let conn = self.open(&request::with_token("WHOAMI", &sender.token)).await?;
        let line = format!("{verb} {to} {}\n", text(self.shared.text)).into_bytes();
        let (number, asked) = (self.senders.len() as u32, VecDeque::new());
        self.senders.push(Sender { conn, line, asked, number, made: 0, circle });
        Ok(())
    }

    async fn open(&self, line: &str) -> Result<Conn> {
        let which = self.senders.len() + self.watchers.len() + 1;
        let problem = || format!("connection {which} to {}", self.address);
        let mut conn = Conn::open(&self.address).await.with_context(problem)?;
        conn.ask(line).await.with_context(problem)?;
        Ok(conn)
    }

    /// One round. Senders whose connection or watcher breaks are gone from then on.
    pub async fn run(&mut self, window: Window, progress: &ProgressBar) -> Result<Tally> {
        let from = Instant::now() + window.warmup;
        let until = from + window.measured;
        self.shared.from.set(from);
        self.shared.until.set(until);
        let (mut tasks, all) = (JoinSet::new(), self.senders.len());
        for (n, sender) in self.senders.drain(..).enumerate() {
            let pace = window.pace(n, all)?;
            tasks.spawn_local(sender.run(self.shared.clone(), window, pace));
        }
        progress.set_message(self.name);
        self.senders = all_done(tasks, until, progress).await?;
        let mut tally = self.shared.tally.replace(Tally::new()?);
        tally.fail("undelivered", self.shared.under_way.take());
        tally.finish(Instant::now().min(until).saturating_duration_since(from));
        Ok(tally)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.watchers.iter().for_each(AbortHandle::abort);
    }
}

impl Sender {
    /// Sends until the round is over; comes back unless something broke.
    async fn run(
        mut self,
        shared: Rc<Shared>,
        window: Window,
        mut pace: Option<Pace>,
    ) -> Option<Self> {
        let (until, mut budget) = (shared.until.get(), window.budget);
        loop {
            let now = Instant::now();
            if now < until {
                self.send(&shared, window.depth, &mut budget, pace.as_mut(), now);
            }
            let over = pace.is_none() || now >= until || budget == 0;
            if over && self.asked.is_empty() && self.circle.borrow().under_way.is_empty() {
                return Some(self);
            }
            let transferred = poll_fn(|cx| self.transfer(cx, &shared, pace.as_mut())).await;
            let problem = match transferred.map(|()| self.take_replies(&shared)) {
                // What is under way is counted at the end of the round.
                Ok(Ok(())) if self.circle.borrow().broken => "watch_lost",
                Ok(Ok(())) => continue,
                Ok(Err(_)) => "bad_reply",
                Err(_) => "connection_lost",
            };
            shared.tally.borrow_mut().fail(problem, 1);
            return None;
        }
    }

    /// Tops up what is under way, or sends what is due.
    fn send(
        &mut self,
        shared: &Shared,
        depth: usize,
        budget: &mut u64,
        mut pace: Option<&mut Pace>,
        now: Instant,
    ) {
        let mut circle = self.circle.borrow_mut();
        let free = depth.saturating_sub(circle.under_way.len()) as u64;
        for _ in 0..free.min(*budget) {
            let Some(at) = pace.as_mut().map_or(Some(now), |pace| pace.due(now)) else { break };
            let (connection, serial) = (self.number, self.made);
            self.made = self.made.wrapping_add(1);
            let outgoing = &mut self.conn.outgoing;
            outgoing.extend_from_slice(&self.line);
            let start = outgoing.len() - shared.text - 1;
            Mark { connection, serial, micros: micros(at) }.put(&mut outgoing[start..]);
            self.asked.push_back((serial, at));
            let missing = circle.watchers;
            circle.under_way.push_back(Message { serial, at, missing });
            shared.under_way.update(|n| n + 1);
            *budget -= 1;
        }
    }

    /// Writes all it can, then reads once. Ready when something was read, arrived or is due.
    fn transfer(
        &mut self,
        cx: &mut Cx<'_>,
        shared: &Shared,
        pace: Option<&mut Pace>,
    ) -> Poll<io::Result<()>> {
        let written = self.conn.flush(cx)?;
        if written > 0 && Instant::now() >= shared.from.get() {
            shared.tally.borrow_mut().sent += written;
        }
        if self.conn.read(cx, &mut shared.scratch.borrow_mut())?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut circle = self.circle.borrow_mut();
        if std::mem::take(&mut circle.news) {
            return Poll::Ready(Ok(()));
        }
        circle.waker = Some(cx.waker().clone());
        pace.map_or(Poll::Pending, |pace| pace.poll(cx))
    }

    fn take_replies(&mut self, shared: &Shared) -> Result<(), ReplyError> {
        let now = Instant::now();
        let mut tally = shared.tally.borrow_mut();
        while let Some(raw) = self.conn.replies.pop_raw()? {
            let (serial, at) = self.asked.pop_front().ok_or(ReplyError::NotAnObject)?;
            if !raw.is_ok() {
                tally.refused(raw);
                let taken_back = self.circle.borrow_mut().take_back(serial);
                shared.under_way.update(|n| n - u64::from(taken_back));
                continue;
            }
            tally.accepted += 1;
            if at >= shared.from.get() {
                tally.acknowledged.record(now - at);
            }
        }
        Ok(())
    }
}

impl Circle {
    /// A watcher has got a message; when it was sent, if that was the last watcher. `None` where
    /// nobody waited for it.
    fn arrived(&mut self, serial: u32) -> Option<Option<Instant>> {
        let message = self.find(serial)?;
        message.missing = message.missing.checked_sub(1)?;
        let over = (message.missing == 0).then_some(message.at);
        self.drop_done();
        Some(over)
    }

    /// Nobody will get a message. Says whether somebody might have.
    fn take_back(&mut self, serial: u32) -> bool {
        let Some(message) = self.find(serial) else { return false };
        let waited = std::mem::take(&mut message.missing) > 0;
        self.drop_done();
        waited
    }

    fn find(&mut self, serial: u32) -> Option<&mut Message> {
        let first = self.under_way.front()?.serial;
        self.under_way.get_mut(serial.wrapping_sub(first) as usize)
    }

    fn drop_done(&mut self) {
        while self.under_way.front().is_some_and(|message| message.missing == 0) {
            self.under_way.pop_front();
        }
        self.wake();
    }

    fn wake(&mut self) {
        self.news = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Reads events as long as the connection lives.
async fn watch(mut conn: Conn, circle: Rc<RefCell<Circle>>, shared: Rc<Shared>) {
    loop {
        let read = poll_fn(|cx| conn.read(cx, &mut shared.scratch.borrow_mut())).await;
        if read.is_err() || take_events(&mut conn, &circle, &shared).is_err() {
            circle.borrow_mut().broken = true;
            return circle.borrow_mut().wake();
        }
    }
}

fn take_events(
    conn: &mut Conn,
    circle: &RefCell<Circle>,
    shared: &Shared,
) -> Result<(), ReplyError> {
    let now = Instant::now();
    let measured = now >= shared.from.get() && now < shared.until.get();
    let mut tally = shared.tally.borrow_mut();
    while let Some(raw) = conn.replies.pop_raw()? {
        let mark = Mark::of_event(raw.0, shared.text);
        let over = mark.and_then(|mark| circle.borrow_mut().arrived(mark.serial));
        let Some(over) = over else {
            tally.fail("unexpected_event", 1);
            continue;
        };
        if measured {
            tally.delivered += 1;
            tally.received += raw.0.len() as u64 + 4;
        }
        let Some(at) = over else { continue };
        shared.under_way.update(|n| n - 1);
        tally.ok += u64::from(measured);
        if at >= shared.from.get() {
            tally.latency.record(now - at);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_over_when_its_last_watcher_has_it() {
        let at = Instant::now();
        let message = |serial| Message { serial, at, missing: 2 };
        let under_way = [u32::MAX, 0, 1].map(message).into();
        let mut circle = Circle { watchers: 2, under_way, ..Circle::default() };
        assert_eq!(circle.arrived(u32::MAX), Some(None));
        assert_eq!(circle.arrived(0), Some(None));
        assert_eq!(circle.arrived(0), Some(Some(at)));
        assert_eq!(circle.arrived(0), None, "twice");
        assert_eq!(circle.under_way.len(), 3);
        assert_eq!(circle.arrived(u32::MAX), Some(Some(at)));
        assert_eq!(circle.under_way.len(), 1);
        assert!(circle.take_back(1) && circle.under_way.is_empty());
        assert_eq!(circle.arrived(1), None);
    }
}
