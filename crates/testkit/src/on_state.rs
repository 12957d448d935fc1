//! The domain alone: no sockets, no clock, and a store that is kept in memory.

use crate::play::{Driver, Received};
use crate::transcript::{Failure, Transcript};
use antar_domain::links::{NotAsked, NotDialled};
use antar_domain::{
    ConnId, Effects, Input, Job, JobResult, Origin, Outcome, Output, Read, Readings, State,
};
use antar_runner::{Runner, Task, Writer, Written};
use antar_server::Config;
use antar_store::{MemoryEngine, Store};
use antar_text::{self as text, Door};
use antar_text::{Decoder, Frame};
use antar_types::END;
use antar_types::{Name, Time};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const OPERATOR: ConnId = ConnId(u64::MAX);

/// Plays against a [`Runner`] each of whose batches is committed at once.
pub struct OnState {
    config: Config,
    engine: MemoryEngine,
    store: Store,
    runner: Runner,
    writer: Writer,
    now: u64,
    next: u64,
    names: BTreeMap<String, ConnId>,
    conns: BTreeMap<ConnId, Conn>,
}

struct Conn {
    decoder: Decoder,
    door: Door,
    received: VecDeque<Vec<u8>>,
    closed: bool,
}

impl OnState {
    /// A realm with the accounts of a transcript.
    ///
    /// # Errors
    /// Where its configuration is none or an account cannot be made.
    pub fn new(transcript: &Transcript) -> Result<Self, Failure> {
        let config = transcript.config()?;
        let failed = |what: String| Failure { file: transcript.file.clone(), line: 0, what };
        if transcript.has_several_realms() {
            return Err(failed("several realms need sockets".into()));
        }
        let engine = MemoryEngine::default();
        let (store, mut state) = open(&config, &engine).map_err(failed)?;
        let mut effects = Effects::default();
        let name = config.name.as_deref().and_then(Name::parse);
        if let Some(name) = name {
            state.name_realm(name, &mut effects).map_err(|code| failed(code.text().into()))?;
        }
        store.commit(&effects.events).map_err(|error| failed(error.to_string()))?;
        let (names, conns) = (BTreeMap::new(), BTreeMap::new());
        let (runner, now) = (Runner::new(state, false), 1_700_000_000_000);
        let writer = runner.writer();
        let mut realm = Self { config, engine, store, runner, writer, now, next: 1, names, conns };
        realm.connect(OPERATOR, Origin::Operator).map_err(failed)?;
        for account in &transcript.accounts {
            let role = if account.admin { "admin" } else { "user" };
            let line = format!("ADDUSER {} {role} {}", account.name, account.password);
            realm.frame(OPERATOR, Frame::Line(line)).map_err(failed)?;
            let reply = realm.conns.get_mut(&OPERATOR).and_then(|c| c.received.pop_front());
            let reply = String::from_utf8_lossy(&reply.unwrap_or_default()).into_owned();
            if !reply.contains(r#""status":"OK""#) {
                return Err(failed(format!("no account {}: {reply}", account.name)));
            }
        }
        Ok(realm)
    }

    fn connect(&mut self, conn: ConnId, origin: Origin) -> Result<(), String> {
        let decoder = Decoder::new(self.config.limits.line_bytes);
        self.conns.insert(
            conn,
            Conn { decoder, door: Door::default(), received: VecDeque::new(), closed: false },
        );
        self.input(Input::Connected(conn, origin))
    }

    fn frame(&mut self, conn: ConnId, frame: Frame) -> Result<(), String> {
        let door = self.conns.get_mut(&conn).map(|c| &mut c.door);
        let request = door.and_then(|door| door.read(frame)).ok_or("no request")?;
        self.input(Input::Request(conn, request))
    }

    fn conn(&mut self, who: &str) -> Result<(ConnId, &mut Conn), String> {
        let conn = *self.names.get(who).ok_or("not connected")?;
        Ok((conn, self.conns.get_mut(&conn).ok_or("not connected")?))
    }

    /// Takes an input to its end: passwords are worked on at once, and what is decided is committed
    /// before anyone hears of it.
    fn input(&mut self, input: Input) -> Result<(), String> {
        self.decide(input);
        loop {
            while let Some(output) = self.released() {
                self.perform(output)?;
            }
            let Some(Task::Write(batch)) = self.writer.next() else { return Ok(()) };
            self.store.commit(batch.events()).map_err(|error| error.to_string())?;
            let (_, loaded) = open(&self.config, &self.engine)?;
            if !self.runner.state().is_durably(&loaded) {
                return Err(format!("a restart would not bring back {:?}", batch.events()));
            }
            self.writer.wrote(batch, Written::Committed, Duration::ZERO);
            self.runner.settle();
        }
    }

    fn decide(&mut self, input: Input) {
        let Self { runner, now, .. } = self;
        runner.input(input, &mut || readings(now));
    }

    fn released(&mut self) -> Option<Output> {
        let Self { runner, now, .. } = self;
        runner.release(&mut || readings(now))
    }

    fn perform(&mut self, output: Output) -> Result<(), String> {
        match output {
            Output::Job { conn, request, mut results, job } => {
                results.push(match *job {
                    Job::Locate(place) => match self.store.locate(&place) {
                        Ok(marker) => JobResult::Located(place, marker),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Refer(lookup) => match self.store.referred(&lookup) {
                        Ok(found) => JobResult::Referred(lookup, found),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Message(lookup) => match self.store.message(&lookup) {
                        Ok(found) => JobResult::Message(lookup, found),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Newest(query) => match self.store.newest(&query) {
                        Ok(found) => JobResult::Newest(query, found),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Named(lookup) => match self.store.named(&lookup) {
                        Ok(found) => JobResult::Named(lookup, found),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Changes(query) => match self.store.changes(&query) {
                        Ok(found) => JobResult::Changes(query.upto, found),
                        Err(_) => JobResult::Unreadable,
                    },
                    Job::Search(query) => match self.store.search(&query) {
                        Ok(found) => JobResult::Searched(found),
                        Err(_) => JobResult::Unreadable,
                    },
                    job => prove(job),
                });
                self.decide(Input::Resume { conn, request, results });
                Ok(())
            }
            // No other realm is there.
            Output::Dial(dial, _) => {
                let (error, plain) = ("nobody is there".into(), None);
                self.decide(Input::NotDialled(dial, NotDialled { error, plain }));
                Ok(())
            }
            output => self.release(output),
        }
    }

    fn release(&mut self, output: Output) -> Result<(), String> {
        let mut bytes = Vec::new();
        let conn = match output {
            Output::Reply(conn, tag, outcome) => {
                let goes_on = text::goes_on(tag, &outcome);
                text::write(tag, outcome, &mut bytes);
                if let Some(request) = goes_on {
                    self.decide(Input::Request(conn, request));
                }
                conn
            }
            Output::Read(conn, tag, read) => {
                text::write(tag, self.read(read)?, &mut bytes);
                conn
            }
            Output::Notify(conn, tag, told) => {
                text::write_notification(tag, &told, &mut bytes);
                conn
            }
            Output::Spread(spread) => {
                return spread.all().try_for_each(|(conn, tag, told)| {
                    self.perform(Output::Notify(conn, tag, told.clone()))
                });
            }
            // What concerns other realms only.
            _ => return Ok(()),
        };
        let conn = self.conns.get_mut(&conn).ok_or("a reply to nobody")?;
        // What a watch is told at once are several objects.
        conn.received.extend(objects(&bytes));
        Ok(())
    }

    fn read(&self, read: Read) -> Result<Outcome, String> {
        let outcome = read.outcome(|source, page| self.store.read(source, page));
        outcome.map_err(|error| error.to_string())
    }

    fn disconnect(&mut self, conn: ConnId) -> Result<(), String> {
        match self.conns.get_mut(&conn) {
            Some(c) if !c.closed => c.closed = true,
            _ => return Ok(()),
        }
        self.input(Input::Disconnected(conn))
    }
}

impl Driver for OnState {
    fn open(&mut self, who: &str) -> Result<(), String> {
        let conn = ConnId(self.next);
        self.next += 1;
        self.names.insert(who.into(), conn);
        self.connect(conn, Origin::Client(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    fn send(&mut self, who: &str, bytes: &[u8]) -> Result<(), String> {
        let mut frames = Vec::new();
        let (conn, c) = self.conn(who)?;
        c.decoder.feed(bytes, &mut frames);
        for frame in frames {
            if frame == Frame::Http {
                return self.disconnect(conn);
            }
            self.frame(conn, frame)?;
        }
        Ok(())
    }

    fn receive(&mut self, who: &str) -> Result<Received, String> {
        let (_, conn) = self.conn(who)?;
        Ok(match conn.received.pop_front() {
            Some(object) => Received::Object(object),
            None if conn.closed => Received::Closed,
            None => Received::Nothing,
        })
    }

    fn close(&mut self, who: &str) -> Result<(), String> {
        let (conn, _) = self.conn(who)?;
        self.disconnect(conn)
    }

    fn restart(&mut self) -> Result<(), String> {
        self.conns.values_mut().for_each(|conn| conn.closed = true);
        let (store, state) = open(&self.config, &self.engine)?;
        self.store = store;
        self.runner = Runner::new(state, false);
        self.writer = self.runner.writer();
        Ok(())
    }

    fn run(&mut self, realm: &str, _: bool) -> Result<(), String> {
        Err(format!("{realm} is not there"))
    }

    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// The time, which goes on by a millisecond, and the chance of one step.
fn readings(now: &mut u64) -> Readings {
    *now += 1;
    let mut entropy = [0; 32];
    entropy[..8].copy_from_slice(&now.to_be_bytes());
    Readings { now: Time(*now), uptime: *now, entropy }
}

fn open(config: &Config, engine: &MemoryEngine) -> Result<(Store, State), String> {
    let (store, events) =
        Store::open(Box::new(engine.clone())).map_err(|error| error.to_string())?;
    Ok((store, State::new(config.domain_limits(), config.policy(), events)))
}

/// The objects that some bytes hold, each with its end mark.
fn objects(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut objects = Vec::new();
    while let Some(at) = bytes.windows(END.len()).position(|window| window == END) {
        let (object, rest) = bytes.split_at(at + END.len());
        objects.push(object.to_vec());
        bytes = rest;
    }
    objects
}

/// Hashes so fast that a test need not wait.
fn prove(job: Job) -> JobResult {
    match job {
        Job::Hash { password, .. } => JobResult::hashed_as_is(&password),
        Job::Verify { password, hash, .. } => JobResult::verified_as_is(&password, hash),
        Job::Backup { .. } => JobResult::BackedUp(Err("it has no files".into())),
        Job::Chains { .. } => JobResult::Chains(Vec::new()),
        Job::Quoted(_) => JobResult::Quoted(Vec::new()),
        Job::Locate(_)
        | Job::Refer(_)
        | Job::Message(_)
        | Job::Newest(_)
        | Job::Named(_)
        | Job::Changes(_)
        | Job::Search(_) => JobResult::Unreadable,
        Job::Ask(_, listing) => {
            let error = "nobody is there".into();
            JobResult::Asked(listing, Err(NotAsked { error, sent: false }))
        }
    }
}
