//! The loop: what happens next, and what the realms ask for.

use crate::net::Net;
use crate::node::{Node, Running};
use crate::options::{Options, Planted};
use crate::people::People;
use crate::trace::{Report, Tally, Trace, Violation};
use antar_domain::links::{Contact, NotAsked, NotDialled, deliveries};
use antar_domain::text::{self, Door};
use antar_domain::{
    ConnId, DialId, Effects, Input, Job, JobResult, LineOrder, Mode, Outcome, Output, PasswordHash,
    Refusal, Request, State, Tag,
};
use antar_types::{Capabilities, Code, Frame, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Everything there is.
pub struct World<'a> {
    pub seed: u64,
    pub options: &'a Options,
    pub chance: StdRng,
    /// Decides which version of Antar each realm runs, where they differ. It is apart, so that a run
    /// is otherwise the same.
    versions: Option<StdRng>,
    /// Milliseconds since the run began.
    pub now: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    last: u64,
    pub nodes: Vec<Node>,
    pub net: Net,
    pub people: People,
    pub trace: Trace,
    pub injected: Tally,
    pub checked: Tally,
    pub violation: Option<Violation>,
    /// What each realm has told another that it has: epoch and number.
    pub told: BTreeMap<(usize, usize), (String, u64)>,
    pub kinds: crate::faults::Kinds,
    /// Connections of those who pretend to be a realm.
    pub strangers: BTreeSet<(usize, ConnId)>,
    /// Connections of a stranger that squats: at which realm, and as which.
    pub squatters: BTreeMap<(usize, ConnId), (usize, usize)>,
    /// Realms are being linked.
    pub linking: bool,
    /// Answers to what the run itself asks.
    pub answers: BTreeMap<(usize, ConnId), Vec<Value>>,
}

/// Something that happens at some time.
#[derive(Debug)]
pub enum Happening {
    Tick {
        node: usize,
        life: u64,
    },
    Synced {
        node: usize,
        life: u64,
    },
    Arrive {
        wire: u64,
        side: usize,
    },
    Done {
        node: usize,
        life: u64,
        conn: ConnId,
        request: Box<Request>,
        results: Vec<JobResult>,
        job: Job,
    },
    Reach {
        node: usize,
        life: u64,
        dial: DialId,
        to: usize,
    },
    Vain {
        node: usize,
        life: u64,
        dial: DialId,
    },
    Closed {
        node: usize,
        life: u64,
        conn: ConnId,
    },
    Start {
        node: usize,
    },
    Recover {
        node: usize,
    },
    Write {
        person: usize,
    },
    Fault,
    Copy {
        node: usize,
    },
    Renewed {
        person: usize,
        conn: ConnId,
    },
    Squat {
        node: usize,
        other: usize,
    },
}

impl<'a> World<'a> {
    pub fn new(seed: u64, options: &'a Options) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let realms = options.realms.unwrap_or_else(|| chance.random_range(2..=4)).clamp(2, 6);
        let kinds = crate::faults::Kinds::choose(&mut chance);
        let mut versions = StdRng::seed_from_u64(!seed);
        let versions = versions.random_bool(0.4).then_some(versions);
        Self {
            seed,
            options,
            chance,
            versions,
            now: 0,
            queue: BTreeMap::new(),
            last: 0,
            nodes: (0..realms).map(Node::new).collect(),
            net: Net::default(),
            people: People::new(realms),
            trace: Trace::new(options.trace),
            injected: Tally::default(),
            checked: Tally::default(),
            violation: None,
            told: BTreeMap::new(),
            kinds,
            strangers: BTreeSet::new(),
            squatters: BTreeMap::new(),
            linking: true,
            answers: BTreeMap::new(),
        }
    }

    pub fn run(mut self) -> Report {
        self.begin();
        let end = self.now + self.options.seconds * 1_000;
        self.break_things();
        while self.now < end && self.violation.is_none() && self.advance(end) {}
        self.end_faults();
        self.settle();
        self.compare();
        self.stores_are_sound();
        let Self { seed, violation, injected, checked, trace, .. } = self;
        Report { seed, violation, injected, checked, trace: trace.into_lines() }
    }

    /// Something that must never happen has happened.
    pub fn violate(&mut self, what: String) {
        self.note(None, || format!("VIOLATION {what}"));
        self.violation.get_or_insert(Violation(what));
    }

    pub fn note(&mut self, node: Option<usize>, what: impl FnOnce() -> String) {
        let who = node.map_or("-", |node| &self.nodes[node].name);
        self.trace.note(self.now, who, what);
    }

    pub fn at(&mut self, delay: u64, happening: Happening) {
        self.last += 1;
        self.queue.insert((self.now + delay, self.last), happening);
    }

    /// Goes on to the next thing that happens before `end`; false where there is none.
    pub fn advance(&mut self, end: u64) -> bool {
        match self.queue.first_key_value() {
            Some(((time, _), _)) if *time <= end => {}
            _ => {
                self.now = end;
                return false;
            }
        }
        if let Some(((time, _), happening)) = self.queue.pop_first() {
            self.now = self.now.max(time);
            self.happen(happening);
        }
        true
    }

    pub fn is_alive(&self, node: usize, life: u64) -> bool {
        self.nodes[node].life == life && self.nodes[node].running.is_some()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick { node, life } if self.is_alive(node, life) => {
                self.input(node, Input::Tick);
                self.at(250, Happening::Tick { node, life });
            }
            Happening::Synced { node, life } if self.is_alive(node, life) => self.synced(node),
            Happening::Arrive { wire, side } => self.arrive(wire, side),
            Happening::Done { node, life, conn, request, mut results, job }
                if self.is_alive(node, life) =>
            {
                results.push(self.prove(node, job));
                self.input(node, Input::Resume { conn, request: *request, results });
            }
            Happening::Reach { node, life, dial, to } if self.is_alive(node, life) => {
                self.reach(node, dial, to);
            }
            Happening::Vain { node, life, dial } if self.is_alive(node, life) => {
                let (error, plain) = ("nobody answers".into(), None);
                self.input(node, Input::NotDialled(dial, NotDialled { error, plain }));
            }
            Happening::Closed { node, life, conn } if self.is_alive(node, life) => {
                self.input(node, Input::Disconnected(conn));
            }
            Happening::Start { node } => self.start(node),
            Happening::Recover { node } => self.recover(node),
            Happening::Write { person } => self.write(person),
            Happening::Fault => self.fault(),
            Happening::Copy { node } => self.copy(node),
            Happening::Renewed { person, conn } => self.renewed(person, conn),
            Happening::Squat { node, other } => self.squat(node, other),
            // Meant for an earlier life.
            _ => {}
        }
    }

    /// Nothing more is written or broken.
    pub fn stop_faults_and_people(&mut self) {
        self.queue.retain(|_, happening| {
            !matches!(
                happening,
                Happening::Fault
                    | Happening::Write { .. }
                    | Happening::Copy { .. }
                    | Happening::Squat { .. }
            )
        });
    }

    // What a realm is told, and what it asks for.

    /// A connection of a realm sends a line.
    pub fn line(&mut self, node: usize, conn: ConnId, line: String) {
        if let Some(request) = Door::new(true).read(Frame::Line(line)) {
            self.input(node, Input::Request(conn, request));
        }
    }

    /// Tells a realm something.
    pub fn input(&mut self, node: usize, input: Input) {
        let Node { running, skew, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        let (skew, began, now, chance) = (*skew, running.began, self.now, &mut self.chance);
        if self.options.planted == Some(Planted::OvertakesWaiting)
            && let Input::Request(..) = &input
        {
            let readings = Node::readings(skew, began, now, chance);
            running.front.state.step(&readings, input, &mut running.effects);
        } else {
            let mut readings = || Node::readings(skew, began, now, chance);
            running.front.step(input, &mut readings, &mut running.effects);
        }
        self.watch_keys(node);
        self.submit(node);
    }

    /// As the server's hub after each turn.
    pub fn submit(&mut self, node: usize) {
        loop {
            let Node { running, skew: _, .. } = &mut self.nodes[node];
            let Some(running) = running else { return };
            running.front.state.flush(&mut running.effects);
            if self.options.planted == Some(Planted::SpeaksBeforeSync) {
                let early = std::mem::take(&mut running.effects.outputs);
                let none = running.batches.submit(&mut running.effects);
                debug_assert!(none.is_empty());
                self.sync_next(node);
                self.release(node, early);
            } else {
                let ready = running.batches.submit(&mut running.effects);
                self.sync_next(node);
                self.release(node, ready);
            }
            let Some(running) = &self.nodes[node].running else { return };
            if running.effects.events.is_empty() && running.effects.outputs.is_empty() {
                return;
            }
        }
    }

    fn sync_next(&mut self, node: usize) {
        let Node { running, slow, life, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        if running.next_batch().is_some() {
            let (delay, life) = (self.chance.random_range(1..=*slow), *life);
            self.at(delay, Happening::Synced { node, life });
        }
    }

    /// A batch has reached the disk, or was refused by it.
    fn synced(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(batch) = running.syncing.take() else { return };
        let committed = match batch.events.is_empty() {
            true => Ok(()),
            false => running.store.commit(&batch.events),
        };
        match committed {
            Ok(()) => {
                running.batches.settled(1);
                self.release(node, batch.outputs);
                self.sync_next(node);
                if self.nodes[node].running.as_ref().is_some_and(|r| !r.effects.outputs.is_empty())
                {
                    self.submit(node);
                }
            }
            Err(_) => self.refused(node, batch),
        }
    }

    /// As the server where the disk refuses: nothing of the batch and what came after it happened.
    fn refused(&mut self, node: usize, batch: Effects) {
        self.note(Some(node), || "the disk refuses".into());
        let Some(running) = &mut self.nodes[node].running else { return };
        running.refused = true;
        running.batches.settled(1);
        let mut refusal = Refusal::default();
        refusal.add(batch.outputs);
        refusal.add(running.batches.give_up());
        let mut ended = refusal.later;
        match running.store.reload() {
            Ok(events) => running.front.state.reload(events, Mode::ReadOnly, &mut ended),
            Err(_) => running.front.state.suspend(&mut ended),
        }
        self.release(node, refusal.now);
        self.release(node, ended);
        self.submit(node);
        self.at(1_000, Happening::Recover { node });
    }

    /// Tries whether the disk takes batches again.
    fn recover(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        if !running.refused {
            return;
        }
        let mut ended = Vec::new();
        match running.store.reopen() {
            Ok(events) => {
                running.refused = false;
                // What was decided since was decided against a state that kept nothing.
                running.front.state.reload(events, Mode::Open, &mut ended);
                self.release(node, ended);
                self.submit(node);
            }
            Err(_) => self.at(1_000, Happening::Recover { node }),
        }
    }

    fn release(&mut self, node: usize, outputs: Vec<Output>) {
        for output in outputs {
            let life = self.nodes[node].life;
            match output {
                Output::Reply(conn, tag, outcome) => self.reply(node, conn, tag, outcome),
                Output::Read(conn, tag, read) => {
                    let Some(running) = &self.nodes[node].running else { return };
                    let outcome = match running.store.read(read.source, read.page) {
                        Ok((messages, more)) => read.outcome(messages, more),
                        Err(_) => Code::Unavailable.into(),
                    };
                    self.reply(node, conn, tag, outcome);
                }
                Output::Job { conn, request, results, job } => {
                    let delay = self.chance.random_range(1..=5);
                    let request = Box::new(request);
                    self.at(delay, Happening::Done { node, life, conn, request, results, job });
                }
                Output::Resume { conn, request, results } => {
                    self.input(node, Input::Resume { conn, request, results });
                }
                Output::Line(conn, line) => self.said(node, conn, line),
                Output::Deliver { conn, realm, epoch, first, last, fresh } => {
                    let Some(running) = &self.nodes[node].running else { return };
                    // Live, what is at hand is sent without a look at the disk; here now and then.
                    let owed = match fresh.is_empty() || self.chance.random_bool(0.3) {
                        true => running.store.owed(realm, first, last).unwrap_or_default(),
                        false => fresh,
                    };
                    if owed.len() as u64 != last + 1 - first {
                        self.hang_up(node, conn);
                        continue;
                    }
                    let mut lines = Vec::new();
                    deliveries(epoch, &owed, &mut lines);
                    let lines = String::from_utf8_lossy(&lines).into_owned();
                    lines.lines().for_each(|line| self.send(node, conn, line.into()));
                }
                Output::Dial(dial, address) => {
                    let to = (0..self.nodes.len()).find(|n| {
                        address.host.parse::<IpAddr>().is_ok_and(|ip| ip == Node::address(*n))
                    });
                    let delay = self.chance.random_range(2..60);
                    match to {
                        Some(to) => self.at(delay, Happening::Reach { node, life, dial, to }),
                        None => self.at(delay, Happening::Vain { node, life, dial }),
                    }
                }
                Output::HangUp(conn) => self.hang_up(node, conn),
                Output::Note { text, .. } => self.noted(node, &text),
                Output::Ask(ask, _) => {
                    let not = NotAsked { error: "nobody is there".into(), sent: false };
                    self.input(node, Input::Asked(ask, Err(not)));
                }
                Output::Fetch { ask, .. } => self.input(node, Input::Fetched(ask, Ok(Vec::new()))),
                Output::Tail { ask, .. } => self.input(node, Input::Tailed(ask, Ok(Vec::new()))),
                Output::Notify(..) | Output::Park(_) | Output::NoReply(_) => {}
            }
        }
    }

    fn prove(&mut self, node: usize, job: Job) -> JobResult {
        match job {
            Job::Hash { password, .. } => {
                JobResult::Hashed(PasswordHash::new(password.expose().clone()))
            }
            Job::Verify { password, hash, .. } => {
                let matches = hash.as_ref().is_some_and(|h| h.as_phc() == password.expose());
                JobResult::Verified { hash, matches }
            }
            Job::Chains { .. } if self.kinds.disks && self.chance.random_bool(0.05) => {
                self.injected.count("unreadable hashes");
                JobResult::Unreadable
            }
            Job::Chains { sources, seq } => {
                let running = self.nodes[node].running.as_ref();
                let chain = |s| running.and_then(|r| r.store.chain(s, seq).ok().flatten());
                JobResult::Chains(sources.into_iter().filter_map(chain).collect())
            }
            Job::Quoted(quotes) => {
                let running = self.nodes[node].running.as_ref();
                let known = running.and_then(|running| running.store.wrote(quotes).ok());
                known.map_or(JobResult::Unreadable, JobResult::Quoted)
            }
            Job::Backup { .. } | Job::Ask(_) => JobResult::Busy,
        }
    }

    fn reply(&mut self, node: usize, conn: ConnId, tag: Tag, outcome: Outcome) {
        let mut bytes = Vec::new();
        let reply = text::reply(tag, outcome);
        reply.encode(text::dialect(tag), &mut bytes);
        let text = String::from_utf8_lossy(&bytes).trim_end().to_string();
        let is_client =
            self.nodes[node].running.as_ref().is_some_and(|r| r.clients.contains(&conn));
        if self.strangers.contains(&(node, conn)) && reply.refusal().is_none() {
            let name = &self.nodes[node].name;
            return self.violate(format!("{name} answers a stranger: {text}"));
        }
        if self.squatters.contains_key(&(node, conn)) {
            return self.answered_squatter(node, conn, &reply, &text);
        }
        if is_client {
            self.note(Some(node), || format!("{conn:?} <- {text}"));
            self.answered(node, conn, &text);
        } else {
            self.send(node, conn, text);
        }
    }

    // Lives of a process.

    pub fn start(&mut self, node: usize) {
        if self.nodes[node].running.is_some() {
            return;
        }
        let opened = self.nodes[node].open(self.kinds.grace(), self.kinds.policy());
        let (store, mut state) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let name = &self.nodes[node].name;
                return self.violate(format!("{name} does not start: {error}"));
            }
        };
        if let Err(error) = self.nodes[node].name_realm(&mut state, &store) {
            return self.violate(error);
        }
        self.choose_version(node);
        self.introduce(node, &mut state);
        let here = &mut self.nodes[node];
        here.life += 1;
        let life = here.life;
        here.running = Some(Running::new(LineOrder::new(state), store, self.now));
        self.note(Some(node), || format!("starts, life {life}"));
        self.at(1, Happening::Tick { node, life });
        self.strangers.retain(|(of, _)| *of != node);
        self.squatters.retain(|(of, _), _| *of != node);
        self.people_return(node);
    }

    /// A realm is upgraded, or put back to the first version of links, which tells no capabilities.
    fn choose_version(&mut self, node: usize) {
        let Some(versions) = &mut self.versions else { return };
        let first = versions.random_bool(0.4);
        let can = if first { Capabilities::NONE } else { Capabilities::ALL };
        if std::mem::replace(&mut self.nodes[node].can, can) != can {
            self.injected.count("realms of another version");
            self.note(Some(node), || format!("FAULT understands {:?} from now on", can.print()));
        }
    }

    fn introduce(&self, node: usize, state: &mut State) {
        let host = Some(Node::address(node).to_string());
        let key = Some(self.nodes[node].key);
        let can = self.nodes[node].can;
        state.introduce(Contact { key, host, listens: None, port: 8889, can });
        #[cfg(feature = "planted")]
        if let Some(Planted::Domain(bug)) = self.options.planted {
            state.plant(Some(bug));
        }
    }
}
