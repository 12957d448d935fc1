//! A realm for tests: commands in, outcomes out, mailboxes kept in memory as the store would.

mod store;

pub use store::{find_changes, find_messages};

use crate::commands::{
    AddUser, CreateGroup, Deliver, Greet, Invite, Login, PeerAnswers, Role, SetRole, Sync,
};
use crate::links::{Contact, Delivery, Epoch, NotAsked, PeerAnswer, PeerRequest, Position, Told};
use crate::{
    AccountId, BackedUp, Command, ConnId, Effects, Event, GroupId, GroupNews, GroupRole, Input,
    Job, JobResult, Limits, Notification, Origin, Outcome, Output, Policy, Readings, Request,
    State, Tag, ToldAt,
};
use antar_types::{
    Capabilities, Chain, Code, Entry, EntryKind, EntryMore, File, Fingerprint, IncomingEntry, Name,
    Secret, SyncCursor, Text, Time, Token,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The operator's connection.
pub const OPERATOR: u64 = u64::MAX;

/// The connection of the realm beta.
pub const BETA: u64 = 10;

/// The epoch of beta's log.
pub const BETAS: Epoch = Epoch(7);

/// What a connection that watches changes is told: a change, or why the watch has ended.
pub type WatchedChange = Result<Arc<ToldAt>, Code>;

/// A realm, its clock, and what the driver of one would have to do.
pub struct Realm {
    /// What is tested.
    pub state: State,
    now: u64,
    /// How far the clock is ahead of what goes by, in milliseconds.
    pub ahead: u64,
    chance: u8,
    /// What the store would have of mailboxes, and of what was set apart.
    pub posted: Vec<Event>,
    /// The hashes that the store finds of a log at any entry.
    pub chains: Vec<Chain>,
    notifications: BTreeMap<u64, Vec<(Tag, Notification)>>,
    changes: BTreeMap<u64, Vec<WatchedChange>>,
    /// What the driver was asked to do, and what other realms were told.
    pub asked: Vec<Output>,
}

/// A request whose password is being worked on.
pub struct Pending(Output);

impl Realm {
    /// A realm named alpha, in local mode, with users whose password is `pw`.
    pub fn with_users(users: &[&str]) -> Self {
        let state = State::new(Limits::default(), Policy::local(), []);
        let (posted, chains, asked) = (Vec::new(), Vec::new(), Vec::new());
        let (now, chance, notifications) = (1_000_000, 0, BTreeMap::new());
        let changes = BTreeMap::new();
        let ahead = 0;
        let mut realm =
            Self { state, now, ahead, chance, posted, chains, notifications, changes, asked };
        realm.state.name_realm(Name::parse("alpha").unwrap(), &mut Effects::default()).unwrap();
        users.iter().for_each(|user| realm.add_user(user));
        realm
    }

    /// Makes a user whose password is `pw`.
    pub fn add_user(&mut self, user: &str) {
        let (role, password) = (Some(Role::User), Secret::new("pw".into()));
        let add = AddUser { user: user.into(), role, password };
        assert_eq!(self.operator_does(add), Outcome::Done);
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

    /// What is to be done next once a plain peer has answered what the request asks it.
    pub fn plain_answers(&mut self, Pending(output): Pending, answer: Told) -> Pending {
        let Output::Job { conn, request, mut results, job } = output else { panic!("{output:?}") };
        let Job::Ask(_, listing) = *job else { panic!("{job:?}") };
        results.push(JobResult::Asked(listing, Ok((answer, IpAddr::V4(Ipv4Addr::LOCALHOST)))));
        Pending(self.input(Input::Resume { conn, request, results }).expect("what comes next"))
    }

    fn asks(&mut self, conn: u64, token: Option<Token>, command: Command) -> Outcome {
        let output = self.ask(conn, token, command);
        self.settle(output).expect("an outcome").1
    }

    fn ask(&mut self, conn: u64, token: Option<Token>, command: Command) -> Output {
        self.meet(conn);
        self.send(conn, Request { token, ..command.into() }).expect("each request is answered")
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

    /// What another realm's command is answered, if it is: what was done about it is in `asked`.
    pub fn hears(&mut self, conn: u64, command: impl Into<Command>) -> Option<Outcome> {
        let output = self.send(conn, Request::from(command.into()))?;
        self.settle(output).map(|(_, outcome)| outcome)
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
        self.link_peer(conn, ("beta", 2), Capabilities::NONE, Position { seq, chain });
    }

    /// The same of a peer with this name, number and version of links.
    pub fn link_peer(
        &mut self,
        conn: u64,
        (name, n): (&str, u8),
        can: Capabilities,
        from: Position,
    ) {
        let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, n - 1));
        self.connect_from(conn, Origin::Certified(ip, Fingerprint([n; 32])));
        self.asked.clear();
        let (again, invitation, port) = (false, None, 8889);
        let (to, by, host) = ("alpha".into(), Name::parse(name), (&*ip.to_string()).into());
        let greeted = self.hears(conn, Greet { to, host, port, from: by, again, invitation, can });
        assert!(greeted.is_some_and(|outcome| outcome.refusal().is_none()));
        let said = self.said(conn);
        assert!(matches!(said[0], PeerRequest::Follow(..)), "{said:?}");
        let answer = PeerAnswer {
            ok: true,
            epoch: Some(BETAS),
            from: Some(from),
            floor: Some(Position::default()),
            tip: Some(9),
            ..PeerAnswer::default()
        };
        assert_eq!(self.hears(conn, PeerAnswers { answer: Ok(answer.into()) }), None);
        assert!(!self.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == conn)));
    }

    /// Beta delivers an entry of its log, the first that it has.
    pub fn deliver(&mut self, kind: EntryKind, from: &str, to: &str, text: &str) {
        self.deliver_with(kind, (from, to), &[(text, None)]);
    }

    /// The same of several, which may name files.
    pub fn deliver_with(
        &mut self,
        kind: EntryKind,
        (from, to): (&str, &str),
        texts: &[(&str, Option<File>)],
    ) {
        let name = |word| Name::parse(word).unwrap();
        let entry = |(text, file): &(&str, Option<File>)| {
            let (text, file) = (Text::parse(text, 999).unwrap(), file.clone().map(Box::new));
            let (time, origin) = (Time(5), None);
            let more = EntryMore { file, ..EntryMore::default() }.boxed();
            Entry { kind, time, from: name(from), to: name(to), text, origin, more }
        };
        let entries: Vec<Entry> = texts.iter().map(entry).collect();
        let chain = entries.iter().fold(Chain::START, Chain::with);
        let entries = entries.into_iter().map(IncomingEntry::Known).collect();
        let brought = Delivery { epoch: BETAS, first: 1, chain, entries };
        let command = Deliver { entries: Some(brought.into()) };
        assert_eq!(self.hears(BETA, command), None);
    }

    /// What another realm was told since the last look.
    pub fn said(&mut self, conn: u64) -> Vec<PeerRequest> {
        let asked = |o: &mut Output| matches!(o, Output::Request(c, _) if c.0 == conn);
        let requests = self.asked.extract_if(.., asked);
        let request = |output| match output {
            Output::Request(_, request) => Some(request),
            _ => None,
        };
        requests.filter_map(request).collect()
    }

    /// What is to be done first about a request that waited for another realm, if one was woken.
    pub fn woken(&mut self) -> Option<Output> {
        let waits = |output: &Output| matches!(output, Output::Resume { .. });
        let at = self.asked.iter().position(waits)?;
        let Output::Resume { conn, request, results } = self.asked.remove(at) else { return None };
        self.input(Input::Resume { conn, request, results })
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

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: u64) {
        self.input(Input::Disconnected(ConnId(conn)));
    }

    /// Milliseconds since 1970, by this realm's clock.
    pub fn time(&self) -> u64 {
        self.now
    }

    /// Time goes by.
    pub fn pass(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    /// What a connection was told since the last look.
    pub fn notifications(&mut self, conn: u64) -> Vec<(Tag, Notification)> {
        self.notifications.remove(&conn).unwrap_or_default()
    }

    /// What a connection that watches changes was told since the last look.
    pub fn changes(&mut self, conn: u64) -> Vec<WatchedChange> {
        self.changes.remove(&conn).unwrap_or_default()
    }

    /// What the realm lets others do.
    pub fn policy(&mut self) -> &mut Policy {
        &mut self.state.policy
    }

    /// The realm's limits.
    pub fn limits(&mut self) -> &mut Limits {
        &mut self.state.limits
    }

    /// The names of all realms that anything is kept of, in the order in which they came.
    pub fn peers(&self) -> Vec<String> {
        self.state.durable.peers.values().map(|peer| peer.record.name.to_string()).collect()
    }

    /// How many links there are.
    pub fn links(&self) -> usize {
        self.state.durable.links()
    }

    /// Names that are kept since somebody else had them: those of which something may still come from
    /// peers, one for each peer, and those that nobody has, also of groups.
    pub fn names_kept(&self) -> (usize, usize) {
        let durable = &self.state.durable;
        let left = durable.left_names.len() + durable.left_group_names.len();
        (durable.peers.values().map(|peer| peer.heirs.len()).sum(), left)
    }

    /// The number of the account that has a name.
    pub fn account(&self, name: &str) -> u64 {
        let name = Name::parse(name).expect("a name");
        self.state.durable.account_named(&name).expect("an account").0
    }

    /// The epoch of what the first peer is owed, and how far it goes.
    pub fn owed_up_to(&self) -> (Epoch, Position) {
        let out = &self.state.durable.peers.values().next().expect("a peer").out;
        (out.epoch, out.tip)
    }

    /// Whether another realm speaks on a connection, or may.
    pub fn may_be_peer(&self, conn: u64) -> bool {
        let conn = ConnId(conn);
        self.state.links.conns.contains_key(&conn)
            || matches!(self.state.live.origin(conn), Some((Origin::Certified(..), _)))
    }

    /// Connects, unless that was done before.
    pub fn meet(&mut self, conn: u64) {
        if self.state.live.origin(ConnId(conn)).is_none() {
            let origin = match conn {
                OPERATOR => Origin::Operator,
                _ => Origin::Client(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            };
            self.input(Input::Connected(ConnId(conn), origin));
        }
    }

    /// Works out what an output asks for, up to an outcome; none where another realm is waited for.
    pub fn settle(&mut self, mut output: Output) -> Option<(Tag, Outcome)> {
        loop {
            output = match output {
                Output::Job { conn, request, mut results, job } => {
                    results.push(self.look_up(&job).unwrap_or_else(|| prove(*job)));
                    self.input(Input::Resume { conn, request, results })?
                }
                Output::Reply(_, tag, outcome) => return Some((tag, outcome)),
                Output::Read(conn, tag, read) => Output::Reply(conn, tag, self.read(read)),
                Output::Park(_) => return None,
                _ => unreachable!("kept apart"),
            }
        }
    }

    /// What is to be done first about a request of a connection, if anything.
    pub fn send(&mut self, conn: u64, request: Request) -> Option<Output> {
        self.input(Input::Request(ConnId(conn), request))
    }

    /// What is to be done next about a request for which something was looked up.
    pub fn resume(
        &mut self,
        conn: u64,
        request: Box<Request>,
        results: Vec<JobResult>,
    ) -> Option<Output> {
        self.input(Input::Resume { conn: ConnId(conn), request, results })
    }

    /// Does something by itself, outside of any request.
    #[cfg(test)]
    pub(crate) fn within(&mut self, does: impl FnOnce(&mut crate::Context<'_>)) {
        let readings = Readings { now: Time(self.now), uptime: self.now, entropy: [0; 32] };
        let mut effects = Effects::default();
        let (state, effects_) = (&mut self.state, &mut effects);
        does(&mut crate::Context { state, effects: effects_, readings: &readings });
        effects.events.into_iter().for_each(|event| self.keep(event));
    }

    fn input(&mut self, input: Input) -> Option<Output> {
        self.chance = self.chance.wrapping_add(1);
        let (now, uptime) = (Time(self.now + self.ahead), self.now);
        let readings = Readings { now, uptime, entropy: [self.chance; 32] };
        let mut effects = Effects::default();
        self.state.step(&readings, input, &mut effects);
        let brought = |event| match event {
            Event::Received { events, .. } => events,
            event => vec![event],
        };
        let all = effects.events.into_iter().flat_map(brought);
        all.for_each(|event| self.keep(event));
        let (mut answer, mut old, mut own) = (None, None, None);
        let alone = |output| match output {
            Output::Spread(spread) => {
                let told = spread.all().map(|(conn, tag, told)| (conn, tag, told.clone()));
                told.map(|(conn, tag, told)| Output::Notify(conn, tag, told)).collect()
            }
            output => vec![output],
        };
        for output in effects.outputs.into_iter().flat_map(alone) {
            match output {
                Output::Notify(conn, _, Notification::Change(told)) => {
                    self.changes.entry(conn.0).or_default().push(Ok(told));
                }
                Output::Notify(conn, _, Notification::WatchEnded(code)) => {
                    self.changes.entry(conn.0).or_default().push(Err(code));
                }
                Output::Notify(conn, tag, told) => {
                    self.notifications.entry(conn.0).or_default().push((tag, told));
                }
                Output::Reply(..) | Output::Read(..) | Output::Job { .. } | Output::Park(_) => {
                    assert!(answer.replace(output).is_none(), "one answer to a request");
                }
                Output::FindOld(query) => old = Some(query),
                Output::FindOwn(query) => own = Some(query),
                other => self.asked.push(other),
            }
        }
        if let Some(query) = old {
            let found = self.find_old(&query);
            self.input(Input::FoundOld(query, Ok(found)));
        }
        if let Some(query) = own {
            let found = self.find_own(&query);
            self.input(Input::FoundOwn(query, Ok(found)));
        }
        answer
    }
}

/// Hashes so fast that a test need not wait, and writes nothing.
fn prove(job: Job) -> JobResult {
    match job {
        Job::Hash { password, .. } => JobResult::hashed_as_is(&password),
        Job::Verify { password, hash, .. } => JobResult::verified_as_is(&password, hash),
        Job::Backup { path } if path == "/full" => JobResult::BackedUp(Err("/full is full".into())),
        Job::Backup { path } => {
            JobResult::BackedUp(Ok(BackedUp { messages: path.len() as u64, ..BackedUp::default() }))
        }
        Job::Chains { .. }
        | Job::Quoted(_)
        | Job::Locate(_)
        | Job::Refer(_)
        | Job::Message(_)
        | Job::Newest(_)
        | Job::Named(_)
        | Job::Changes(_)
        | Job::Search(_) => unreachable!("looked up"),
        Job::Ask(_, listing) => {
            let error = "nobody is there".into();
            JobResult::Asked(listing, Err(NotAsked { error, sent: false }))
        }
    }
}

/// The name that somebody is known by here.
#[track_caller]
pub fn caller(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Caller { user, .. } => user.as_str(),
        other => panic!("{other:?}"),
    }
}

/// Makes a group whose password is `pw`.
pub fn group(name: &str) -> CreateGroup {
    CreateGroup { group: name.into(), password: Some(Secret::new("pw".into())) }
}

/// A realm linked with beta in which amy owns the group staff, bob is a moderator there and cat a member; dan and
/// the administrator eve are not in it. They are logged in on the connections 1 to 5.
pub fn staffed() -> Realm {
    let mut realm = Realm::linked(&["amy", "bob", "cat", "dan"]);
    let (user, role, password) = ("eve".into(), Some(Role::Admin), Secret::new("pw".into()));
    realm.operator_does(AddUser { user, role, password });
    for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat"), (4, "dan"), (5, "eve")] {
        realm.login(conn, user);
    }
    realm.does(1, group("staff"));
    for user in ["bob", "cat"] {
        realm.does(1, Invite { group: "staff".into(), user: user.into() });
    }
    let (user, role) = ("bob".into(), GroupRole::Moderator);
    assert_eq!(realm.does(1, SetRole { group: "staff".into(), user, role }), Outcome::Done);
    realm
}

/// A change of a group or of its members, in short.
fn shown(told: &crate::Told) -> Option<String> {
    let (what, group, of, by) = match told {
        crate::Told::Member(change) => {
            (change.what.as_str(), &change.group, change.user.to_string(), &change.by)
        }
        crate::Told::Group(change) => {
            let of = match &change.what {
                GroupNews::Role(user, role) => format!("{user} {}", role.as_str()),
                GroupNews::Silenced(user, silence) => format!("{user} {silence:?}"),
                GroupNews::Topic(topic) => topic.as_str().to_string(),
                GroupNews::Settings(entry, listed, announce) => {
                    format!("{} {listed} {announce}", entry.as_str())
                }
                GroupNews::Retention(days) => format!("kept {days:?}"),
                GroupNews::Closed => String::new(),
            };
            (change.what.as_str(), &change.group, of, &change.by)
        }
        _ => return None,
    };
    let of = if of.is_empty() { of } else { format!("{of} ") };
    Some(format!("{what} #{} {of}by {by}", &**group))
}

impl Realm {
    /// The number of a group.
    pub fn group_id(&self, name: &str) -> GroupId {
        self.state.durable.group_named(name).expect("a group")
    }

    /// The number of an account.
    pub fn id(&self, name: &str) -> AccountId {
        AccountId(self.account(name))
    }

    /// Where now is, for a connection that asks.
    pub fn cursor(&mut self, conn: u64) -> SyncCursor {
        match self.does(conn, Sync::default()) {
            Outcome::InStep(cursor) => cursor,
            other => panic!("{other:?}"),
        }
    }

    /// What changed of groups and of their members since a cursor, in short.
    pub fn group_news(&mut self, conn: u64, after: SyncCursor) -> Vec<String> {
        match self.does(conn, Sync { after: Some(Some(after)), ..Sync::default() }) {
            Outcome::Changes { all, .. } => all.iter().filter_map(shown).collect(),
            other => panic!("{other:?}"),
        }
    }
}
