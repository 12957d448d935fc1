//! A realm in memory with everything around it, so cheap that each input has one of its own.

use crate::checks;
use antar_domain::FoundOwn;
use antar_domain::links::{
    Contact, NamedMessage, NotAsked, NotDialled, PeerRequest, Position, Told,
};
use antar_domain::testing::{find_changes, find_messages};
use antar_domain::{
    AskId, BackedUp, ConnId, DialId, Event, Input, Job, JobResult, Limits, Marker, Origin, Outcome,
    Output, PlacedMessage, Policy, Readings, Source, State,
};
use antar_runner::{Runner, Task, Writer, Written};
use antar_text::Frame;
use antar_text::{self as text, Door, plain_answer};
use antar_types::{Chain, Entry, Fingerprint, Message, Time};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Who may be connected; each stands for one connection at a time.
pub const PEOPLE: usize = 9;
pub const OPERATOR: usize = 0;
pub const BETA: usize = 5;
/// Whoever answers a call.
pub const CALLED: usize = 8;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// When everything begins.
pub const NOW: u64 = 1_800_000_000_000;

/// What one connection was asked and has answered.
#[derive(Default)]
struct Conn {
    person: usize,
    door: Door,
    lines: usize,
    answers: usize,
}

/// One realm, whoever is connected with it, and what its driver has to do.
pub struct World {
    pub runner: Runner,
    writer: Writer,
    /// What was emitted since the beginning.
    pub events: Vec<Event>,
    people: [Option<ConnId>; PEOPLE],
    conns: BTreeMap<ConnId, Conn>,
    last_conn: u64,
    uptime: u64,
    chance: u64,
    pub dials: VecDeque<DialId>,
    pub asks: VecDeque<AskId>,
    /// Tokens that were given out.
    pub tokens: Vec<String>,
    /// The epoch and the cursor that beta was told last.
    pub told: Option<(String, Position)>,
    /// Entries and hashes of both logs of every link, as the store would have them.
    kept: Vec<(Source, Position, Option<Arc<Entry>>)>,
    scratch: Vec<u8>,
}

/// What a plain peer's answer comes to.
fn told(answer: &str) -> Told {
    plain_answer(answer.as_bytes(), answer.len().is_multiple_of(8))
}

/// So small that they are reached.
pub fn limits() -> Limits {
    Limits {
        message_bytes: 80,
        groups_per_user: 3,
        members_per_group: 3,
        sessions_per_user: 3,
        password_bytes: 16,
        links: 4,
        link_messages: 6,
        ..Limits::default()
    }
}

pub fn policy() -> Policy {
    Policy { plain_peers: [HERE].into_iter().collect(), ..Policy::local() }
}

impl World {
    /// A realm of which so much is durable already.
    pub fn new(loaded: &[Event]) -> Self {
        let mut state = State::new(limits(), policy(), []);
        loaded.iter().for_each(|event| state.apply(event, &mut Vec::new()));
        let key = Some(Fingerprint([1; 32]));
        state.introduce(Contact { key, port: 8889, ..Contact::default() });
        let runner = Runner::new(state, false);
        Self {
            writer: runner.writer(),
            runner,
            events: Vec::new(),
            people: [None; PEOPLE],
            conns: BTreeMap::new(),
            last_conn: 0,
            uptime: 1_000,
            // Chance that was had already is not had again.
            chance: (loaded.len() as u64) << 32,
            dials: VecDeque::new(),
            asks: VecDeque::new(),
            tokens: Vec::new(),
            told: None,
            kept: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Time goes by, in milliseconds.
    pub fn pass(&mut self, time: u64) {
        self.uptime += time;
        self.step(Input::Tick);
    }

    /// The connection of one of them, made where there is none.
    pub fn conn(&mut self, person: usize) -> ConnId {
        match self.people[person] {
            Some(conn) => conn,
            None => self.connect(person),
        }
    }

    pub fn is_connected(&self, person: usize) -> bool {
        self.people[person].is_some()
    }

    fn connect(&mut self, person: usize) -> ConnId {
        let key = |n| Fingerprint([n; 32]);
        let origin = match person {
            OPERATOR => Origin::Operator,
            1..=3 | 7 => Origin::Client(HERE),
            BETA => Origin::Certified(AWAY, key(2)),
            6 => Origin::Certified(AWAY, key(3)),
            CALLED => match self.dials.pop_front() {
                Some(dial) => Origin::Dialled { dial, key: key(2), peer: AWAY, local: HERE },
                None => Origin::Certified(HERE, key(4)),
            },
            _ => Origin::Client(AWAY),
        };
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        self.people[person] = Some(conn);
        let may_be_peer = matches!(origin, Origin::Certified(..) | Origin::Dialled { .. });
        let door = Door::new(may_be_peer);
        self.conns.insert(conn, Conn { person, door, ..Conn::default() });
        self.step(Input::Connected(conn, origin));
        conn
    }

    /// A frame of one of them, as the decoder gives it.
    pub fn frame(&mut self, person: usize, frame: Frame) {
        let conn = self.conn(person);
        // It may have been hung up on at once.
        let Some(known) = self.conns.get_mut(&conn) else { return };
        let Some(request) = known.door.read(frame) else { return };
        known.lines += 1;
        self.step(Input::Request(conn, request));
    }

    pub fn disconnect(&mut self, person: usize) {
        if let Some(conn) = self.people[person] {
            self.gone(conn);
        }
    }

    fn gone(&mut self, conn: ConnId) {
        let Some(gone) = self.conns.remove(&conn) else { return };
        self.people[gone.person] = None;
        self.step(Input::Disconnected(conn));
    }

    /// A call to another realm comes to nothing.
    pub fn nobody_answers(&mut self, plain: bool) {
        if let Some(dial) = self.dials.pop_front() {
            let not = NotDialled { error: "nobody".into(), plain: plain.then_some(HERE) };
            self.step(Input::NotDialled(dial, not));
        }
    }

    /// A plain peer answers what it was asked, or breaks off after it was.
    pub fn answer(&mut self, answer: Option<&str>) {
        if let Some(ask) = self.asks.pop_front() {
            let not = || NotAsked { error: "broken off".into(), sent: true };
            self.step(Input::Asked(ask, answer.map(told).ok_or_else(not)));
        }
    }

    /// One input and everything that follows from it at once.
    fn step(&mut self, input: Input) {
        self.decide(input);
        loop {
            while let Some(output) = self.released() {
                self.perform(output);
            }
            let Some(Task::Write(batch)) = self.writer.next() else { return };
            batch.events().iter().for_each(|event| self.keep(event));
            self.writer.wrote(batch, Written::Committed, Duration::ZERO);
            self.runner.settle();
        }
    }

    fn decide(&mut self, input: Input) {
        let Self { runner, uptime, chance, .. } = self;
        runner.input(input, &mut || readings(*uptime, chance));
    }

    fn released(&mut self) -> Option<Output> {
        let Self { runner, uptime, chance, .. } = self;
        runner.release(&mut || readings(*uptime, chance))
    }

    /// Notes what the store would have of an event.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::Owed { peer, tip, entry, .. } => {
                self.kept.push((Source::Outbox(*peer), *tip, Some(entry.clone())));
            }
            Event::Received { fork, cursor, chains, events, .. } => {
                let first = cursor.seq + 1 - chains.len() as u64;
                let marks = chains.iter().zip(first..);
                let marks = marks.map(|(chain, seq)| Position { seq, chain: *chain });
                self.kept.extend(marks.map(|at| (Source::Hashes(*fork), at, None)));
                for event in events {
                    if let Event::Owed { peer, tip, entry, .. } = event {
                        self.kept.push((Source::Outbox(*peer), *tip, Some(entry.clone())));
                    }
                }
            }
            _ => {}
        }
        self.events.push(event.clone());
    }

    /// Does what a driver does with an output.
    fn perform(&mut self, output: Output) {
        match output {
            Output::Reply(conn, tag, outcome) => {
                if let Outcome::Session(token) = &outcome {
                    self.tokens.push(token.reveal());
                }
                let goes_on = text::goes_on(tag, &outcome);
                checks::reply(tag, outcome, &mut self.scratch);
                self.answered(conn);
                if let (Some(request), Some(asking)) = (goes_on, self.conns.get_mut(&conn)) {
                    asking.lines += 1;
                    self.decide(Input::Request(conn, request));
                }
            }
            Output::Read(conn, tag, read) => {
                let page = |source, page| {
                    checks::page(page);
                    Ok::<_, std::convert::Infallible>((self.messages(source), false))
                };
                let outcome = read.outcome(page).unwrap_or_else(|never| match never {});
                checks::reply(tag, outcome, &mut self.scratch);
                self.answered(conn);
            }
            Output::NoReply(conn) => self.answered(conn),
            Output::Job { conn, request, mut results, job } => {
                assert!(results.len() < 8, "no end of work for {request:?}");
                results.push(self.prove(*job));
                self.decide(Input::Resume { conn, request, results });
            }
            Output::Notify(_, tag, told) => checks::event(tag, &told, &mut self.scratch),
            Output::Spread(spread) => {
                spread.all().for_each(|(_, tag, told)| checks::event(tag, told, &mut self.scratch));
            }
            Output::Request(conn, request) => {
                let line = text::peer_request(&request);
                assert!(!line.contains(['\n', '\r']), "a request is a line: {line:?}");
                if self.people[BETA] == Some(conn) {
                    self.told = cursor(&request).or(self.told.take());
                }
            }
            Output::Deliver { epoch, can, first, last, fresh, .. } => {
                checks::deliveries((epoch, can), first, last, &fresh);
            }
            Output::Dial(dial, _) => self.dials.push_back(dial),
            Output::HangUp(conn) => {
                if let Some(gone) = self.conns.remove(&conn) {
                    self.people[gone.person] = None;
                    self.decide(Input::Disconnected(conn));
                }
            }
            Output::Fetch { ask, peer, first, last } => {
                let entry = |seq| {
                    let (chain, entry) = self.entry(Source::Outbox(peer), seq)?;
                    Some((Position { seq, chain }, entry?))
                };
                self.decide(Input::Fetched(ask, Ok((first..=last).filter_map(entry).collect())));
            }
            Output::Tail { ask, source } => {
                self.decide(Input::Tailed(ask, Ok(self.messages(source))));
            }
            Output::FindOwn(query) => {
                let nothing = FoundOwn { own: Vec::new(), upto: None, more: false };
                self.decide(Input::FoundOwn(query, Ok(nothing)));
            }
            Output::FindOld(query) => {
                let nothing = query.all.iter().map(|_| None).collect();
                self.decide(Input::FoundOld(query, Ok(nothing)));
            }
            Output::Ask(ask, asked) => {
                let line = text::plain_request(&asked, HERE);
                assert!(!line.contains(['\n', '\r']), "a request is a line: {line:?}");
                self.asks.push_back(ask);
            }
            output @ (Output::Park(_) | Output::Resume { .. }) => {
                panic!("the runner leaves {output:?} to its driver")
            }
            Output::RemoveFile(_) | Output::RemoveUploads(_) => {}
            Output::Note { text, .. } => assert!(!text.contains('\n'), "{text:?}"),
        }
    }

    fn answered(&mut self, conn: ConnId) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.answers += 1;
            assert!(conn.answers <= conn.lines, "more answers than lines");
        }
    }

    fn entry(&self, source: Source, seq: u64) -> Option<(Chain, Option<Arc<Entry>>)> {
        let mut kept = self.kept.iter().rev();
        let found = kept.find(|(of, at, _)| *of == source && at.seq == seq)?;
        Some((found.1.chain, found.2.clone()))
    }

    /// How far the first log goes that anything was owed on since the beginning.
    pub fn owed(&self) -> Option<Position> {
        let owed = self.kept.iter().rev().find(|(source, ..)| matches!(source, Source::Outbox(_)));
        owed.map(|(_, at, _)| *at)
    }

    /// What has happened since the beginning, one by one.
    fn happened(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().flat_map(|event| match event {
            Event::Received { events, .. } => events.as_slice(),
            event => std::slice::from_ref(event),
        })
    }

    /// The message that a peer names so.
    fn named(&self, named: &NamedMessage) -> Option<PlacedMessage> {
        let found = self.happened().filter_map(|event| match event {
            Event::Posted(posted) => {
                let (conversation, ordinal) = (posted.conversation, posted.ordinal);
                let message = posted.message.clone();
                Some(PlacedMessage { conversation, ordinal, message })
            }
            Event::Rewritten(placed) => Some(placed.clone()),
            _ => None,
        });
        let is_it = |placed: &PlacedMessage| {
            named.conversations.contains(&placed.conversation) && named.is(&placed.message)
        };
        found.filter(is_it).last()
    }

    /// What a mailbox has got since the beginning.
    fn messages(&self, source: Source) -> Vec<Message> {
        let found = self.happened().filter_map(|event| match event {
            Event::Posted(posted) => posted.shown_in(source),
            _ => None,
        });
        found.collect()
    }

    fn prove(&self, job: Job) -> JobResult {
        match job {
            Job::Hash { password, .. } => JobResult::hashed_as_is(&password),
            Job::Verify { password, hash, .. } => JobResult::verified_as_is(&password, hash),
            Job::Backup { path } if path.len() % 2 == 0 => JobResult::BackedUp(Err("full".into())),
            Job::Backup { .. } => JobResult::BackedUp(Ok(BackedUp {
                messages: 1,
                records: 2,
                bytes: 3,
                ..BackedUp::default()
            })),
            Job::Chains { sources, seq } => {
                let found = sources.iter().filter_map(|source| self.entry(*source, seq));
                JobResult::Chains(found.map(|(chain, _)| chain).collect())
            }
            Job::Quoted(quotes) => {
                let odd = |q: &antar_domain::links::Quote| q.text.as_str().len() % 2 == 1;
                JobResult::Quoted(quotes.into_iter().map(|q| (q.clone(), odd(&q))).collect())
            }
            Job::Locate(place) => {
                let odd = place.id % 2;
                let marker = Marker { id: place.id / 2, ordinal: odd, own_after: odd };
                JobResult::Located(place, marker.into())
            }
            Job::Refer(lookup) => JobResult::Referred(lookup, None),
            Job::Message(lookup) => {
                let found = self.happened().filter_map(|event| match event {
                    Event::Posted(posted) => {
                        let (conversation, ordinal) = (posted.conversation, posted.ordinal);
                        let message = posted.message.clone();
                        Some(PlacedMessage { conversation, ordinal, message })
                    }
                    Event::Rewritten(placed) => Some(placed.clone()),
                    _ => None,
                });
                let is_it = |placed: &PlacedMessage| {
                    (placed.conversation, placed.message.id) == (lookup.conversation, lookup.id)
                };
                let found = found.filter(is_it).last();
                JobResult::Message(lookup, found)
            }
            Job::Newest(query) => {
                let all = self.happened().filter_map(|event| match event {
                    Event::Posted(posted) if posted.conversation == query.conversation => {
                        Some(Message::clone(&posted.message))
                    }
                    _ => None,
                });
                let found = all.collect();
                JobResult::Newest(query, found)
            }
            Job::Named(lookup) => {
                let found = lookup.all.iter().map(|named| self.named(named)).collect();
                JobResult::Named(lookup, found)
            }
            Job::Changes(query) => {
                let all: Vec<Event> = self.happened().cloned().collect();
                JobResult::Changes(query.upto, find_changes(&all, &query))
            }
            Job::Search(query) => {
                let all: Vec<Event> = self.happened().cloned().collect();
                JobResult::Searched(find_messages(&all, &query))
            }
            Job::Ask(ask, listing) if ask.address.port % 2 == 0 => {
                JobResult::Asked(listing, Ok((told(r#"{"status":"OK"}"#), HERE)))
            }
            Job::Ask(_, listing) => {
                let error = "nobody".into();
                JobResult::Asked(listing, Err(NotAsked { error, sent: false }))
            }
        }
    }

    /// Lets time pass until nobody waits any more, and asserts that every line was answered.
    pub fn settle(&mut self) {
        let waits = |world: &Self| world.conns.values().any(|conn| conn.answers < conn.lines);
        // Each line of a connection may wait for another realm, one after the other.
        let lines: usize = self.conns.values().map(|conn| conn.lines - conn.answers).sum();
        for _ in 0..lines + 2 {
            if !waits(self) {
                return;
            }
            self.pass(11_000);
        }
        assert!(!waits(self), "a line is never answered");
    }
}

fn readings(uptime: u64, chance: &mut u64) -> Readings {
    *chance += 1;
    let mut entropy = [7; 32];
    entropy[..8].copy_from_slice(&chance.to_le_bytes());
    entropy[24..].copy_from_slice(&chance.to_be_bytes());
    Readings { now: Time(NOW + uptime), uptime, entropy }
}

/// The epoch and the position in what a peer that is followed is told.
fn cursor(request: &PeerRequest) -> Option<(String, Position)> {
    match request {
        PeerRequest::Follow(epoch, at) | PeerRequest::Cursor(epoch, at) => {
            Some((epoch.to_string(), *at))
        }
        _ => None,
    }
}
