//! A realm for tests: commands or lines in, outcomes or replies out, mailboxes kept in memory as the
//! store would.

use crate::commands::{AddUser, CreateGroup, Login, Role};
use crate::links::{Contact, Epoch, NotAsked, Position, Quote};
use crate::text::{self, Door, deliveries};
use crate::{
    BackedUp, Command, ConnId, Effects, Event, Input, Job, JobResult, Limits, Origin, Outcome,
    Output, PasswordHash, Policy, Read, Readings, Request, Source, State, Tag,
};
use antar_types::{
    Chain, Entry, EntryKind, Fingerprint, Frame, Message, Name, Secret, Text, Time, Token, Value,
    json,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const OPERATOR: u64 = u64::MAX;

/// The connection of the realm beta, and the epoch of its log.
pub(crate) const BETA: u64 = 10;
pub(crate) const BETAS: Epoch = Epoch(7);

pub(crate) struct Realm {
    pub state: State,
    now: u64,
    chance: u8,
    posted: Vec<Event>,
    /// The hashes that the store finds of a log at any entry.
    pub chains: Vec<Chain>,
    events: BTreeMap<u64, Vec<String>>,
    /// What the driver was asked to do, and what other realms were told.
    pub asked: Vec<Output>,
    doors: BTreeMap<u64, Door>,
}

/// A line whose password is being worked on.
pub(crate) struct Pending(Output);

impl Realm {
    /// A realm named alpha, in local mode, with users whose password is `pw`.
    pub fn with_users(users: &[&str]) -> Self {
        let state = State::new(Limits::default(), Policy::local(), []);
        let (posted, events, chains) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (asked, doors) = (Vec::new(), BTreeMap::new());
        let (now, chance) = (1_000_000, 0);
        let mut realm = Self { state, now, chance, posted, chains, events, asked, doors };
        realm.state.name_realm(Name::parse("alpha").unwrap(), &mut Effects::default()).unwrap();
        for user in users {
            let (role, password) = (Some(Role::User), Secret::new("pw".into()));
            let add = AddUser { user: (*user).into(), role, password };
            assert_eq!(realm.operator_does(add), Outcome::Done);
        }
        realm
    }

    /// What comes of a connection's command, with the connection's session.
    pub fn does(&mut self, conn: u64, command: impl Into<Command>) -> Outcome {
        self.asks(conn, None, command.into())
    }

    /// The same with a token.
    pub fn does_as(&mut self, conn: u64, token: &str, command: impl Into<Command>) -> Outcome {
        self.asks(conn, Some(Token::parse(token).unwrap()), command.into())
    }

    /// What comes of the operator's command.
    pub fn operator_does(&mut self, command: impl Into<Command>) -> Outcome {
        self.does(OPERATOR, command)
    }

    /// Takes a command up to its outcome, or up to the password work that it needs.
    pub fn begin(&mut self, conn: u64, command: impl Into<Command>) -> Pending {
        Pending(self.ask(conn, None, command.into()))
    }

    /// What comes of it in the end.
    pub fn end(&mut self, Pending(output): Pending) -> Outcome {
        self.settle(output).expect("an outcome").1
    }

    fn asks(&mut self, conn: u64, token: Option<Token>, command: Command) -> Outcome {
        let output = self.ask(conn, token, command);
        self.settle(output).expect("an outcome").1
    }

    fn ask(&mut self, conn: u64, token: Option<Token>, command: Command) -> Output {
        self.meet(conn);
        let request = Request { tag: Tag::default(), token, command };
        self.input(Input::Request(ConnId(conn), request)).unwrap()
    }

    /// The texts of a page of history that a command asks for.
    pub fn reads(&mut self, conn: u64, command: impl Into<Command>) -> Vec<String> {
        match self.does(conn, command) {
            Outcome::Messages(page) => {
                page.found.iter().map(|m| m.text.as_str().to_string()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// What a connection's line is answered.
    pub fn say(&mut self, conn: u64, line: &str) -> Value {
        let pending = self.start(conn, line);
        self.finish(pending)
    }

    /// Asserts a reply to the letter.
    #[track_caller]
    pub fn expect(&mut self, conn: u64, line: &str, reply: &str) {
        let got = self.say(conn, line).to_string();
        assert_eq!(got, reply, "{line}");
    }

    pub fn operator(&mut self, line: &str) -> Value {
        self.say(OPERATOR, line)
    }

    /// Logs in with the password `pw` and returns the token.
    pub fn login(&mut self, conn: u64, user: &str) -> String {
        let password = Secret::new("pw".into());
        match self.does(conn, Login { user: user.into(), password }) {
            Outcome::Session(token) => token.reveal(),
            other => panic!("{other:?}"),
        }
    }

    /// A connection from elsewhere than this machine.
    pub fn connect_from(&mut self, conn: u64, origin: Origin) {
        self.input(Input::Connected(ConnId(conn), origin));
    }

    /// What another realm's line is answered, if it is: what was done about it is in `asked`.
    pub fn hear(&mut self, conn: u64, line: &str) -> Option<Value> {
        let answer = self.line(conn, line)?;
        Some(self.finish(Pending(answer)))
    }

    /// A realm with users that is linked with beta, on this connection, and follows its log.
    pub fn linked(users: &[&str]) -> Self {
        let mut realm = Self::with_users(users);
        let key = Some(Fingerprint([1; 32]));
        realm.state.introduce(Contact { key, port: 8889, ..Contact::default() });
        realm.link_beta(BETA, 0, Chain::START);
        realm
    }

    /// A connection of beta's, followed from some entry of its log on.
    pub fn link_beta(&mut self, conn: u64, seq: u64, chain: Chain) {
        let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        self.connect_from(conn, Origin::Certified(ip, Fingerprint([2; 32])));
        self.asked.clear();
        let greeting = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta");
        assert_eq!(self.hear(conn, &greeting).unwrap()["status"], "OK");
        let said = self.said(conn);
        assert!(said[0].starts_with("FOLLOW "), "{said:?}");
        let (none, chain) = (Chain::START.to_string(), chain.to_string());
        let answer = json!({"status": "OK", "epoch": BETAS.to_string(), "from": seq,
            "chain": chain, "tip": 9, "floor": 0, "floor_chain": none});
        assert_eq!(self.hear(conn, &answer.to_string()), None);
        assert!(!self.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == conn)));
    }

    /// Beta delivers an entry of its log, the first that it has.
    pub fn deliver(&mut self, kind: EntryKind, from: &str, to: &str, text: &str) {
        let name = |word| Name::parse(word).unwrap();
        let text = Text::parse(text, 999).unwrap();
        let entry = Entry { kind, time: Time(5), from: name(from), to: name(to), text };
        let at = Position { seq: 1, chain: Chain::START.with(&entry) };
        let mut line = Vec::new();
        deliveries(BETAS, &[(at, entry.into())], &mut line);
        assert_eq!(self.hear(BETA, std::str::from_utf8(&line).unwrap().trim_end()), None);
    }

    /// What another realm was told since the last look.
    pub fn said(&mut self, conn: u64) -> Vec<String> {
        let asked = |o: &mut Output| matches!(o, Output::Request(c, _) if c.0 == conn);
        let lines = self.asked.extract_if(.., asked);
        let text = |output| match output {
            Output::Request(_, request) => text::peer_request(&request),
            _ => String::new(),
        };
        lines.map(text).collect()
    }

    /// What a line that waited for another realm is answered in the end.
    pub fn woken(&mut self) -> Option<Value> {
        let waits = |output: &Output| matches!(output, Output::Resume { .. });
        let at = self.asked.iter().position(waits)?;
        let Output::Resume { conn, request, results } = self.asked.remove(at) else { return None };
        let answer = self.input(Input::Resume { conn, request, results })?;
        Some(self.finish(Pending(answer)))
    }

    /// Tells the state what its driver would.
    pub fn tell(&mut self, input: Input) {
        self.input(input);
    }

    /// A quarter of a second goes by.
    pub fn tick(&mut self) {
        self.now += 250;
        self.input(Input::Tick);
    }

    pub fn disconnect(&mut self, conn: u64) {
        self.input(Input::Disconnected(ConnId(conn)));
    }

    /// Milliseconds since 1970, by this realm's clock.
    pub fn time(&self) -> u64 {
        self.now
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    /// The texts of an upper list.
    pub fn texts(&mut self, conn: u64, line: &str) -> Vec<String> {
        let reply = self.say(conn, line);
        let list = reply.get("data").or(reply.get("messages")).and_then(Value::as_array);
        list.into_iter().flatten().map(|m| m["message"].as_str().unwrap().into()).collect()
    }

    pub fn raw_events(&mut self, conn: u64) -> Vec<String> {
        self.events.remove(&conn).unwrap_or_default()
    }

    pub fn events(&mut self, conn: u64) -> Vec<Value> {
        let events = self.raw_events(conn);
        events.iter().map(|e| parse(e)).collect()
    }

    /// Runs a line up to its reply, or up to the password work it needs.
    pub fn start(&mut self, conn: u64, line: &str) -> Pending {
        self.meet(conn);
        let answer = self.line(conn, line);
        Pending(answer.expect("each line of a client is answered"))
    }

    /// Connects, unless that was done before.
    fn meet(&mut self, conn: u64) {
        if self.state.live.origin(ConnId(conn)).is_none() {
            let origin = match conn {
                OPERATOR => Origin::Operator,
                _ => Origin::Client(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            };
            self.input(Input::Connected(ConnId(conn), origin));
        }
    }

    pub fn finish(&mut self, Pending(output): Pending) -> Value {
        let Some((tag, outcome)) = self.settle(output) else { return Value::Null };
        let mut out = Vec::new();
        text::write(tag, outcome, &mut out);
        parse(std::str::from_utf8(&out).unwrap())
    }

    /// Works out what an output asks for, up to an outcome; none where another realm is waited for.
    fn settle(&mut self, mut output: Output) -> Option<(Tag, Outcome)> {
        loop {
            output = match output {
                Output::Job { conn, request, mut results, job } => {
                    results.push(self.look_up(&job).unwrap_or_else(|| prove(job)));
                    self.input(Input::Resume { conn, request, results })?
                }
                Output::Reply(_, tag, outcome) => return Some((tag, outcome)),
                Output::Read(conn, tag, read) => Output::Reply(conn, tag, self.read(read)),
                Output::Park(_) => return None,
                _ => unreachable!("kept apart"),
            }
        }
    }

    fn line(&mut self, conn: u64, line: &str) -> Option<Output> {
        let request = self.request(conn, line);
        self.input(Input::Request(ConnId(conn), request))
    }

    /// A line of a connection, read by its door.
    pub fn request(&mut self, conn: u64, line: &str) -> Request {
        let may_be_peer = self.state.links.conns.contains_key(&ConnId(conn))
            || matches!(self.state.live.origin(ConnId(conn)), Some(Origin::Certified(..)));
        let door = self.doors.entry(conn).or_insert(Door::new(may_be_peer));
        door.read(Frame::Line(line.into())).expect("a line is a request")
    }

    fn input(&mut self, input: Input) -> Option<Output> {
        self.chance = self.chance.wrapping_add(1);
        let (now, uptime) = (Time(self.now), self.now);
        let readings = Readings { now, uptime, entropy: [self.chance; 32] };
        let mut effects = Effects::default();
        self.state.step(&readings, input, &mut effects);
        let brought = |event| match event {
            Event::Received { events, .. } => events,
            event => vec![event],
        };
        let all = effects.events.into_iter().flat_map(brought);
        self.posted.extend(all.filter(|e| matches!(e, Event::Posted(_))));
        let mut answer = None;
        for output in effects.outputs {
            match output {
                Output::Notify(conn, tag, kind, message) => {
                    let mut out = Vec::new();
                    text::write_notification(tag, kind, &message, &mut out);
                    self.events.entry(conn.0).or_default().push(String::from_utf8(out).unwrap());
                }
                Output::Reply(..) | Output::Read(..) | Output::Job { .. } | Output::Park(_) => {
                    assert!(answer.replace(output).is_none(), "one answer to a line");
                }
                other => self.asked.push(other),
            }
        }
        answer
    }

    fn look_up(&self, job: &Job) -> Option<JobResult> {
        let quotes = match job {
            Job::Quoted(quotes) => quotes,
            Job::Chains { .. } => return Some(JobResult::Chains(self.chains.clone())),
            _ => return None,
        };
        let stands = |quote: &Quote, event: &Event| match event {
            Event::Posted(posted) => {
                let mut lists = quote.lists.iter();
                lists.any(|list| posted.is_in(Source::Mailbox(*list))) && quote.is(&posted.message)
            }
            _ => false,
        };
        let stands = |quote: &Quote| self.posted.iter().any(|event| stands(quote, event));
        let known = quotes.iter().map(|quote| (quote.clone(), stands(quote)));
        Some(JobResult::Quoted(known.collect()))
    }

    fn read(&self, read: Read) -> Outcome {
        let all = self.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) => posted.shown_in(read.source),
            _ => None,
        });
        let page = read.page;
        let mut found: Vec<Message> = all
            .filter(|m| page.after.is_none_or(|id| m.id > id))
            .filter(|m| page.before.is_none_or(|id| m.id < id))
            .collect();
        let more = found.len() > page.limit;
        if page.after.is_some() {
            found.truncate(page.limit);
        } else {
            found.drain(..found.len().saturating_sub(page.limit));
        }
        read.outcome(found, more)
    }
}

/// Hashes so fast that a test need not wait, and writes nothing.
fn prove(job: Job) -> JobResult {
    match job {
        Job::Hash { password, .. } => {
            JobResult::Hashed(PasswordHash::new(password.expose().clone()))
        }
        Job::Verify { password, hash, .. } => {
            let matches = hash.as_ref().is_some_and(|h| h.as_phc() == password.expose());
            JobResult::Verified { hash, matches }
        }
        Job::Backup { path } if path == "/full" => JobResult::BackedUp(Err("/full is full".into())),
        Job::Backup { path } => {
            JobResult::BackedUp(Ok(BackedUp { messages: path.len() as u64, records: 0, bytes: 0 }))
        }
        Job::Chains { .. } | Job::Quoted(_) => unreachable!("looked up"),
        Job::Ask(_) => {
            JobResult::Asked(Err(NotAsked { error: "nobody is there".into(), sent: false }))
        }
    }
}

fn parse(text: &str) -> Value {
    text.trim_end().parse().unwrap()
}

/// The name that somebody is known by here.
#[track_caller]
pub(crate) fn caller(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Caller { user, .. } => user.as_str(),
        other => panic!("{other:?}"),
    }
}

/// Makes a group whose password is `pw`.
pub(crate) fn group(name: &str) -> CreateGroup {
    CreateGroup { group: name.into(), password: Secret::new("pw".into()) }
}
