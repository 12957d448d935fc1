//! The loop: what happens next, and what the realms ask for.

use crate::net::Net;
use crate::node::{Node, Running};
use crate::options::Options;
#[cfg(feature = "planted")]
use crate::options::Planted;
use crate::people::People;
use crate::plain::Plain;
use crate::trace::{Report, Tally, Trace, Violation};
use antar_domain::links::{Ask, Contact, Epoch, NotAsked, NotDialled, Told};
use antar_domain::{AskId, ConnId, DialId, Input, Job, JobResult, Request, State};
use antar_runner::{Room, Runner};
use antar_text::Value;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// In some lives of a realm there is hardly any room for what is decided, so that requests wait for it.
pub fn room(node: usize, life: u64) -> Room {
    match (life + node as u64) % 3 {
        0 => Room { events: 4, outputs: 3, turn: 2 },
        _ => Room::default(),
    }
}

/// Everything there is.
pub struct World<'a> {
    pub seed: u64,
    pub options: &'a Options,
    pub chance: StdRng,
    /// Decides which version of Antar each realm runs, where they differ. It is apart, so that a run
    /// is otherwise the same.
    pub versions: Option<StdRng>,
    /// Milliseconds since the run began.
    pub now: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    last: u64,
    pub nodes: Vec<Node>,
    pub net: Net,
    pub people: People,
    /// The plain server that the first realm is linked with.
    pub plain: Option<Plain>,
    pub trace: Trace,
    pub injected: Tally,
    pub checked: Tally,
    pub violation: Option<Violation>,
    /// What each realm has told another that it has: epoch and number.
    pub told: BTreeMap<(usize, usize), (Epoch, u64)>,
    pub kinds: crate::faults::Kinds,
    /// Connections of those who pretend to be a realm.
    pub strangers: BTreeSet<(usize, ConnId)>,
    /// Connections of a stranger that squats: at which realm, and as which.
    pub squatters: BTreeMap<(usize, ConnId), (usize, usize)>,
    /// Things break.
    pub breaks: bool,
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
    Turn {
        node: usize,
        life: u64,
    },
    Synced {
        node: usize,
        life: u64,
    },
    Settle {
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
        job: Box<Job>,
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
    Reopen {
        node: usize,
        life: u64,
    },
    Upgrade {
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
    PlainActs,
    PlainHears {
        node: usize,
        life: u64,
        ask: AskId,
        request: Box<Ask>,
    },
    PlainTells {
        node: usize,
        life: u64,
        ask: AskId,
        answer: Box<Result<Told, NotAsked>>,
    },
}

impl<'a> World<'a> {
    pub fn new(seed: u64, options: &'a Options) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let realms = options.realms.unwrap_or_else(|| chance.random_range(2..=4)).clamp(2, 6);
        let kinds = crate::faults::Kinds::choose(&mut chance);
        let mut versions = StdRng::seed_from_u64(!seed);
        let plain = versions.random_bool(0.25);
        // Where its lists have no names, what is known of them is counted since a time.
        let counts = !kinds.clocks && !kinds.put_backs;
        let plain = plain.then(|| Plain::new(counts && versions.random_bool(0.5)));
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
            plain,
            trace: Trace::new(options.trace),
            injected: Tally::default(),
            checked: Tally::default(),
            violation: None,
            told: BTreeMap::new(),
            kinds,
            strangers: BTreeSet::new(),
            squatters: BTreeMap::new(),
            breaks: false,
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
        self.identities_are_their_own();
        self.compare_files();
        self.let_go_of_old();
        self.erase_users();
        self.compare_files();
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
            Happening::Turn { node, life } if self.is_alive(node, life) => self.go_on(node),
            Happening::Synced { node, life } if self.is_alive(node, life) => self.synced(node),
            Happening::Settle { node, life } if self.is_alive(node, life) => {
                self.settle_batches(node)
            }
            Happening::Arrive { wire, side } => self.arrive(wire, side),
            Happening::Done { node, life, conn, request, mut results, job }
                if self.is_alive(node, life) =>
            {
                results.push(self.prove(node, *job));
                self.input(node, Input::Resume { conn, request, results });
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
            Happening::Reopen { node, life } if self.is_alive(node, life) => self.reopen(node),
            Happening::Upgrade { node } => self.upgrade(node),
            Happening::Write { person } => self.write(person),
            Happening::Fault => self.fault(),
            Happening::Copy { node } => self.copy(node),
            Happening::Renewed { person, conn } => self.renewed(person, conn),
            Happening::Squat { node, other } => self.squat(node, other),
            Happening::PlainActs => self.plain_acts(),
            Happening::PlainHears { node, life, ask, request } => {
                self.plain_hears(node, life, ask, &request);
            }
            Happening::PlainTells { node, life, ask, answer } if self.is_alive(node, life) => {
                self.input(node, Input::Asked(ask, *answer));
            }
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
        self.find_files(node, &state);
        self.introduce(node, &mut state);
        let one_thread = self.chance.random_bool(0.6);
        let runner =
            Runner::new(state, one_thread).with_room(room(node, self.nodes[node].life + 1));
        let runner = self.plant(runner);
        let here = &mut self.nodes[node];
        here.life += 1;
        let life = here.life;
        here.running = Some(Running::new(runner, store, self.now));
        self.note(Some(node), || format!("starts, life {life}"));
        self.at(1, Happening::Tick { node, life });
        self.strangers.retain(|(of, _)| *of != node);
        self.squatters.retain(|(of, _), _| *of != node);
        self.people_return(node);
        // Later some of what was said is let go of, at each realm by itself.
        if self.breaks {
            self.copies_are_prefixes();
        }
    }

    #[cfg(not(feature = "planted"))]
    fn plant(&self, runner: Runner) -> Runner {
        runner
    }

    #[cfg(feature = "planted")]
    fn plant(&self, mut runner: Runner) -> Runner {
        if let Some(Planted::Runner(bug)) = self.options.planted {
            runner.plant(bug);
        }
        runner
    }

    fn introduce(&self, node: usize, state: &mut State) {
        let host = Some(Node::address(node).to_string());
        let key = Some(self.nodes[node].key);
        let can = self.nodes[node].version.can();
        state.introduce(Contact { key, host, listens: None, port: 8889, can });
        #[cfg(feature = "planted")]
        if let Some(Planted::Domain(bug)) = self.options.planted {
            state.plant(Some(bug));
        }
    }
}
