//! The realm's state and the two ways into it: [`State::step`] decides, [`State::apply`] changes.

mod durable;
mod live;

pub(crate) use durable::{Account, Durable, Group};
pub(crate) use live::Live;

use crate::request::Request;
use crate::verbs::Needs;
use crate::{
    Answer, Args, ConnId, Cx, DialId, Event, Limits, Mailbox, Policy, Proof, Read, SessionId, Stop,
    Work,
};
use antar_wire::{
    Body, BoxKind, Code, Dialect, Fingerprint, Frame, Message, Name, Reply, Time, Token,
};
use std::net::IpAddr;
use std::sync::Arc;

/// When something happens, and the chance it may use.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The wall clock's time.
    pub now: Time,
    /// 32 random bytes, used for at most one token or salt.
    pub entropy: [u8; 32],
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The realm's own Unix socket: whoever runs the server.
    Operator,
    /// The network.
    Client(IpAddr),
    /// The network, over TLS and with a certificate: another realm, once it says so.
    Certified(IpAddr, Fingerprint),
    /// This realm connected to it, over TLS.
    Dialled {
        /// Which call this is.
        dial: DialId,
        /// The key of whoever answered.
        key: Fingerprint,
        /// The address of whoever answered.
        peer: IpAddr,
        /// The address of this machine that they see, unless something in between changes it.
        local: IpAddr,
    },
}

/// What a driver tells the domain: plain values, so that they can be logged, replayed and replicated.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection was accepted.
    Connected(ConnId, Origin),
    /// A connection sent something.
    Frame(ConnId, Frame),
    /// A line whose passwords have been worked on runs again.
    Resume {
        /// The connection that sent it.
        conn: ConnId,
        /// The line.
        line: String,
        /// What has been worked out so far.
        proofs: Vec<Proof>,
    },
    /// A connection is gone.
    Disconnected(ConnId),
    /// Time passes: a driver sends this every hour or so, to let old sessions end.
    Tick,
}

/// What the domain asks of its driver, in the order in which each connection must see it.
#[derive(Clone, Debug)]
pub enum Output {
    /// A reply.
    Reply(ConnId, Dialect, Reply),
    /// A reply that the store completes, once everything before it is durable.
    Read(ConnId, Dialect, Read),
    /// Work on passwords; [`Input::Resume`] goes on with the line. Until then the driver holds back
    /// the connection's later frames.
    Work {
        /// The connection that waits.
        conn: ConnId,
        /// The line to run again.
        line: String,
        /// What was worked out before.
        proofs: Vec<Proof>,
        /// What is to be worked out now.
        work: Work,
    },
    /// A message for a connection that watches.
    Event(ConnId, Dialect, BoxKind, Arc<Message>),
}

/// What a step leads to: events to make durable, then outputs to release.
#[derive(Debug, Default)]
pub struct Effects {
    /// In the order they were applied.
    pub events: Vec<Event>,
    /// In the order they were decided.
    pub outputs: Vec<Output>,
}

/// One realm: what is durable and who is connected.
#[derive(Debug)]
pub struct State {
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) durable: Durable,
    pub(crate) live: Live,
    mode: Mode,
}

/// What the disk lets the state do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    #[default]
    Open,
    /// Answer, but change nothing: that is refused with [`Code::Unavailable`].
    ReadOnly,
    /// Nothing: what is on disk is not known, so everything is refused so.
    Suspended,
}

impl State {
    /// The state that `events`, as loaded from the store, amount to.
    pub fn new(limits: Limits, policy: Policy, events: impl IntoIterator<Item = Event>) -> Self {
        let mut state = Self {
            limits,
            policy,
            durable: Durable::default(),
            live: Live::default(),
            mode: Mode::Open,
        };
        state.load(events);
        state
    }

    /// Goes back to what is on disk, after a batch could not be committed. Connections stay;
    /// those whose session is not on disk are unbound.
    pub fn reload(&mut self, events: impl IntoIterator<Item = Event>, mode: Mode) {
        self.mode = mode;
        self.durable = Durable::default();
        self.load(events);
        let Self { durable, live, .. } = self;
        live.keep_sessions(|session| durable.sessions.contains_key(&session));
        live.keep_groups(|session, group| {
            let account = durable.sessions.get(&session).map(|s| s.account);
            durable
                .groups
                .get(&group)
                .is_some_and(|g| account.is_some_and(|a| g.members.contains_key(&a)))
        });
    }

    /// Answers nothing until [`State::reload`], after a batch could not be committed and what is on
    /// disk cannot be read either.
    pub fn suspend(&mut self) {
        self.mode = Mode::Suspended;
    }

    fn load(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut nobody_watches = Vec::new();
        events.into_iter().for_each(|event| self.apply(&event, &mut nobody_watches));
    }

    /// The realm's name, once it has one.
    pub fn name(&self) -> Option<&Name> {
        self.durable.name.as_ref()
    }

    /// Whether the durable parts of two states are the same: for tests and simulations, which compare
    /// a state with what the store makes of its events.
    pub fn is_durably(&self, other: &Self) -> bool {
        self.durable == other.durable
    }

    /// Gives the realm its name.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where nothing can be kept.
    pub fn name_realm(&mut self, name: Name, effects: &mut Effects) -> Result<(), Code> {
        self.emit(Event::RealmNamed(name), effects)
    }

    /// Whether a connection is bound to a session.
    pub fn is_bound(&self, conn: ConnId) -> bool {
        self.live.session(conn).is_some()
    }

    pub(crate) fn emit(&mut self, event: Event, effects: &mut Effects) -> Result<(), Code> {
        if self.mode != Mode::Open {
            return Err(Code::Unavailable);
        }
        self.apply(&event, &mut effects.outputs);
        effects.events.push(event);
        Ok(())
    }

    /// The one place where durable state changes, whoever caused it. Connections that watch hear of
    /// messages through `outputs`.
    pub fn apply(&mut self, event: &Event, outputs: &mut Vec<Output>) {
        self.durable.apply(event);
        match event {
            Event::SessionEnded(id) => self.live.session_ended(*id),
            Event::MemberRemoved(group, account) => {
                if let Some(account) = self.durable.accounts.get(account) {
                    self.live.left(*group, account.sessions.iter().copied());
                }
            }
            Event::Posted { mailbox: Mailbox::Private(to), message, .. } => {
                self.live.watchers(*to, |conn, dialect| {
                    outputs.push(Output::Event(conn, dialect, BoxKind::Private, message.clone()));
                });
            }
            Event::Posted { mailbox: Mailbox::Group(group), message, .. } => {
                let Some(group) = self.durable.groups.get(group) else {
                    return;
                };
                self.live.watchers_among(&group.members, |conn, dialect| {
                    outputs.push(Output::Event(conn, dialect, BoxKind::Group, message.clone()));
                });
            }
            _ => {}
        }
    }

    /// Takes one input to its effects.
    pub fn step(&mut self, moment: &Moment, input: Input, effects: &mut Effects) {
        match input {
            Input::Connected(conn, origin) => self.live.connected(conn, origin),
            Input::Disconnected(conn) => self.live.disconnected(conn),
            Input::Frame(conn, Frame::Line(line)) => {
                self.request(moment, conn, line, Vec::new(), effects);
            }
            Input::Resume { conn, line, proofs } => {
                self.request(moment, conn, line, proofs, effects);
            }
            Input::Frame(conn, Frame::TooLong) => self.refuse(conn, Code::TooLong, effects),
            Input::Frame(conn, Frame::BadEncoding) => self.refuse(conn, Code::BadEncoding, effects),
            // The driver closes the connection; there is nothing to say to a browser.
            Input::Frame(_, Frame::Http) => {}
            Input::Tick => self.end_idle_sessions(moment.now, effects),
        }
    }

    /// Answers a line whose verb could not be read, in the shape of the request before it.
    fn refuse(&mut self, conn: ConnId, code: Code, effects: &mut Effects) {
        if let Some(dialect) = self.live.dialect(conn) {
            effects.outputs.push(Output::Reply(conn, dialect, code.into()));
        }
    }

    fn request(
        &mut self,
        moment: &Moment,
        conn: ConnId,
        line: String,
        proofs: Vec<Proof>,
        effects: &mut Effects,
    ) {
        let (dialect, request) = Request::parse(&line);
        let Some(origin) = self.live.asks(conn, dialect) else {
            return;
        };
        let answer = match request {
            _ if self.mode == Mode::Suspended => Err(Stop::Refused(Code::Unavailable)),
            None => Err(Stop::Refused(Code::UnknownRequest)),
            Some(request) => {
                let mut cx = Cx {
                    state: self,
                    effects,
                    moment,
                    conn,
                    origin,
                    dialect,
                    session: None,
                    caller: None,
                    proofs: &proofs,
                };
                run(&mut cx, &request)
            }
        };
        effects.outputs.push(match answer {
            Ok(Answer::Reply(reply)) => Output::Reply(conn, dialect, reply),
            Ok(Answer::Read(read)) => Output::Read(conn, dialect, read),
            Err(Stop::Work(work)) => Output::Work { conn, line, proofs, work },
            Err(Stop::Refused(code)) => {
                let usage = match (code, Request::parse(&line).1) {
                    (Code::BadParameters, Some(request)) => Some(request.verb.usage(dialect)),
                    _ => None,
                };
                Output::Reply(conn, dialect, Body::Refused(code, usage).into())
            }
        });
    }

    /// Ends sessions that have lain idle too long, unless somebody is connected with them.
    fn end_idle_sessions(&mut self, now: Time, effects: &mut Effects) {
        let idle: Vec<SessionId> = (self.durable.sessions.iter())
            .filter(|(id, s)| {
                now.since(s.used) > self.limits.token_idle && !self.live.is_connected(**id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            // Where nothing can be kept they end at a later tick.
            let _ = self.emit(Event::SessionEnded(id), effects);
        }
    }
}

/// Runs a request in the order of protocol section 1: session, then parameters, then the verb.
fn run(cx: &mut Cx<'_>, request: &Request<'_>) -> Result<Answer, Stop> {
    let known = find_session(cx, request.token.as_ref());
    match request.verb.needs {
        Needs::Nobody | Needs::Link => {}
        Needs::Session if known => {}
        Needs::Admin if known || cx.origin == Origin::Operator => {}
        Needs::Session | Needs::Admin => return Err(Code::NoSession.into()),
    }
    let args = Args::parse(request.verb, request.params)?;
    match request.verb.needs {
        Needs::Admin if !cx.is_admin() => return Err(Code::Forbidden.into()),
        // No connection is a link yet.
        Needs::Link => return Err(Code::Forbidden.into()),
        _ => {}
    }
    (request.verb.run)(cx, &args)
}

/// Finds the session of a request: the one its token names, else the connection's.
fn find_session(cx: &mut Cx<'_>, token: Option<&Token>) -> bool {
    let bound = cx.state.live.session(cx.conn);
    let id = match token {
        Some(token) => cx.state.durable.tokens.get(&token.hash()).copied(),
        None => bound,
    };
    let Some((id, record)) = id.and_then(|id| Some((id, cx.state.durable.sessions.get(&id)?)))
    else {
        return false;
    };
    let (account, idle) = (record.account, cx.moment.now.since(record.used));
    if idle > cx.state.limits.token_idle && !cx.state.live.is_connected(id) {
        let _ = cx.emit(Event::SessionEnded(id));
        return false;
    }
    if idle > cx.state.limits.token_idle / 30 {
        let used = crate::SessionRecord { used: cx.moment.now, ..record.clone() };
        // Reading goes on where nothing can be kept; the note is made at a later request.
        let _ = cx.emit(Event::SessionSet(id, used));
    }
    if bound.is_none() {
        cx.state.live.bind(cx.conn, id);
    }
    cx.session = Some(id);
    cx.caller = Some(account);
    true
}
