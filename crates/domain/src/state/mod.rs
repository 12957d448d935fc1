//! The realm's state and the two ways into it: [`State::step`] decides, [`State::apply`] changes.

mod durable;
mod follow_ups;
mod io;
mod jump;
mod lists;
mod live;
mod pace;
mod people;
mod presence;
mod requests;
mod roles;
mod spread;
mod tell;
mod upgrade;

pub(crate) use durable::{Account, Durable, Group};
pub(crate) use follow_ups::DEAF;
pub(crate) use follow_ups::MENTIONS;
pub use io::{Effects, Input, Mode, Origin, Output, Readings};
pub(crate) use lists::Groups;
pub(crate) use live::{Live, Watch, Watched};
pub(crate) use roles::{OPERATOR, OPERATOR_SHOWN};
pub use spread::{Listener, Spread};

use self::lists::Lists;
use crate::Context;
use crate::commands::guessed_at;
use crate::erasure::Erasure;
use crate::links::{Contact, Failure, LinkStatus, Links, NotDialled, PeerStatus};
use crate::references::References;
use crate::retention::Retention;
use crate::rewrites::Rewrites;
use crate::rooms::{Losses, Pasts};
use crate::{
    AccountId, Bug, Change, ChangeList, ConnId, Conversation, Event, GroupId, JobResult, Limits,
    Mailbox, Policy, Posted, SessionChange, SessionId, SessionRecord,
};
use antar_types::{Code, Fingerprint, List, Message, Name, Time};
use std::sync::Arc;

/// One realm: what is durable and who is connected.
#[derive(Debug)]
pub struct State {
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) durable: Durable,
    lists: Lists,
    pub(crate) live: Live,
    pub(crate) links: Links,
    /// When the last message was taken: none is from before one that has a smaller id, whatever the clock says.
    pub(crate) latest: Time,
    /// What messages were called lately.
    pub(crate) references: References,
    /// Messages that were changed lately.
    pub(crate) rewrites: Rewrites,
    pub(crate) planted: Option<Bug>,
    /// What a planted bug has left undone.
    pub(crate) planted_later: Vec<Event>,
    /// What this realm is to tell others though it is not so.
    pub(crate) planted_lies: Vec<(antar_types::Name, antar_types::Entry)>,
    /// How far it is with letting go of messages that are older than is kept.
    pub(crate) retention: Retention,
    /// How far it is with letting go of what users wrote who are gone.
    pub(crate) erasure: Erasure,
    pub(crate) losses: Losses,
    pub(crate) pasts: Pasts,
    /// When sessions that lie idle were last looked for, in milliseconds of uptime.
    swept: Option<u64>,
    /// More files are to be let go of than were at the last tick.
    pub(crate) files_due: bool,
    pub(crate) mode: Mode,
}

/// How often idle sessions are looked for, in milliseconds.
const SWEEP: u64 = 3_600_000;

impl State {
    /// The state that `events`, as loaded from the store, amount to.
    pub fn new(limits: Limits, policy: Policy, events: impl IntoIterator<Item = Event>) -> Self {
        let mut state = Self {
            limits,
            policy,
            durable: Durable::default(),
            lists: Lists::default(),
            live: Live::default(),
            links: Links::default(),
            latest: Time(0),
            references: References::default(),
            rewrites: Rewrites::default(),
            planted: None,
            planted_later: Vec::new(),
            planted_lies: Vec::new(),
            retention: Retention::default(),
            erasure: Erasure::default(),
            losses: Losses::default(),
            pasts: Pasts::default(),
            swept: None,
            files_due: false,
            mode: Mode::Open,
        };
        state.load(events);
        state
    }

    /// Tells the state what other realms are told about this one.
    pub fn introduce(&mut self, me: Contact) {
        self.links.me = me;
    }

    /// Goes back to what is on disk, after a batch could not be committed. Connections stay;
    /// those whose session is not on disk are unbound. Links end and are made anew, and who waits for
    /// one is refused: the outputs are to be released at once.
    pub fn reload(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        mode: Mode,
        outputs: &mut Vec<Output>,
    ) {
        self.mode = mode;
        self.end_links(outputs);
        self.end_change_watches(outputs);
        (self.durable, self.lists) = Default::default();
        self.references.forget();
        self.rewrites.forget();
        self.retention.forget();
        self.erasure.forget();
        self.losses.forget();
        self.live.audiences.forget();
        self.load(events);
        let Self { durable, live, .. } = self;
        // What was decided and is not on disk was told to nobody.
        live.people.touch_followed();
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
    /// disk cannot be read either. Outputs as there.
    pub fn suspend(&mut self, outputs: &mut Vec<Output>) {
        self.mode = Mode::Suspended;
        self.end_links(outputs);
        self.end_change_watches(outputs);
    }

    fn end_links(&mut self, outputs: &mut Vec<Output>) {
        let (conns, waiting) = self.links.end();
        outputs.extend(conns.into_keys().map(Output::HangUp));
        outputs.extend(waiting.into_iter().map(|(conn, waiting)| {
            let results = vec![JobResult::Busy];
            Output::Resume { conn, request: Box::new(waiting.request), results }
        }));
    }

    /// Whether time matters: something is linked, called or waited for, or somebody is leaving.
    pub fn is_busy(&self) -> bool {
        !self.links.is_idle()
            || self.live.people.is_unsettled()
            || !self.durable.closed.is_empty()
            || self.retention.is_busy()
            || !self.durable.erasing.is_empty()
            || self.durable.copies.losing(None).is_some()
            || self.has_idle_files()
            || self.durable.peers.values().any(|peer| !peer.is_gone() || peer.gives_back())
    }

    fn load(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut nobody_watches = Vec::new();
        events.into_iter().for_each(|event| self.apply(&event, &mut nobody_watches));
    }

    /// The realm's name, once it has one.
    pub fn name(&self) -> Option<&Name> {
        self.durable.name.as_ref()
    }

    /// Whether this is the realm's name, in any case.
    pub(crate) fn is_named(&self, name: &Name) -> bool {
        self.durable.name.as_ref().is_some_and(|own| *own.folded() == *name.folded())
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

    /// Whether a connection is bound to a session, or is a link.
    pub fn is_known(&self, conn: ConnId) -> bool {
        self.live.session(conn).is_some() || self.links.conns.contains_key(&conn)
    }

    /// For whom a connection asked last, with its session or with a token.
    pub fn account(&self, conn: ConnId) -> Option<AccountId> {
        self.live.account(conn)
    }

    /// What failed guesses at an account's password count against: the subject of
    /// [`Job::Verify`](crate::Job::Verify).
    pub fn guessed_at(&self, account: AccountId) -> Option<String> {
        self.durable.accounts.get(&account).map(|account| guessed_at(&account.record.name))
    }

    /// Whether a connection is an established link: with a realm that may link, and both sides have said
    /// who they are.
    pub fn is_linked(&self, conn: ConnId) -> bool {
        let peer = self.links.conns.get(&conn).filter(|c| c.greeted).and_then(|c| c.peer);
        let known = peer.and_then(|peer| self.durable.peers.get(&peer));
        known.is_some_and(|known| known.record.status == LinkStatus::Linked)
    }

    /// Whether others know this realm by its key: it is linked natively.
    pub fn is_known_by_key(&self) -> bool {
        self.durable.peers.values().any(|peer| peer.is_open() && peer.key().is_some())
    }

    /// Whether a realm that is linked, or asks to be, has this key.
    pub fn knows_key(&self, key: &Fingerprint) -> bool {
        self.durable.peers.values().any(|peer| !peer.is_gone() && peer.key() == Some(*key))
    }

    pub(crate) fn emit(&mut self, event: Event, effects: &mut Effects) -> Result<(), Code> {
        if self.mode != Mode::Open {
            return Err(Code::Unavailable);
        }
        self.apply(&event, &mut effects.outputs);
        effects.events.push(event);
        Ok(())
    }

    /// A session begins, or is another in some respect. Each does so here.
    pub(crate) fn set_session(
        &mut self,
        session: SessionId,
        record: SessionRecord,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let (account, before) = (record.account, self.durable.sessions.get(&session));
        let what = match before {
            None => Some(SessionChange::Opened),
            Some(before) => (before.client != record.client).then_some(SessionChange::Named),
        };
        self.emit(Event::SessionSet(session, record), effects)?;
        what.map_or(Ok(()), |what| self.session_changed(account, session, what, effects))
    }

    /// A session ends, for whatever reason. Each does so here.
    pub(crate) fn end_session(
        &mut self,
        session: SessionId,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let account = self.durable.sessions.get(&session).map(|record| record.account);
        self.emit(Event::SessionEnded(session), effects)?;
        let what = SessionChange::Ended;
        account.map_or(Ok(()), |account| self.session_changed(account, session, what, effects))
    }

    /// Tells the account's other sessions what happened to one: where there is none there is nobody who does not
    /// know.
    fn session_changed(
        &mut self,
        account: AccountId,
        session: SessionId,
        what: SessionChange,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let sessions = self.durable.accounts.get(&account).map(|known| &known.sessions);
        let has_others = sessions.is_some_and(|all| all.iter().any(|other| *other != session));
        if !has_others {
            return Ok(());
        }
        self.change(ChangeList::Account(account), Change::Session(session, what), effects)
    }

    /// Notes a change beside messages for an account, or for a group's members.
    pub(crate) fn change(
        &mut self,
        list: ChangeList,
        change: Change,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let before = self.durable.changes.of(list);
        let tip = before.after(self.durable.next_id());
        self.emit(Event::Changed { list, tip, change }, effects)?;
        if tip.floor > before.floor {
            self.emit(Event::ChangesTrimmed(list, tip), effects)?;
        }
        Ok(())
    }

    /// Puts a message into a mailbox: the one way in which messages are kept, but for what a batch
    /// of a peer's log brings. One that was said in a group is handed back.
    pub(crate) fn post(
        &mut self,
        mailbox: Mailbox,
        sender: Option<AccountId>,
        message: Arc<Message>,
        effects: &mut Effects,
    ) -> Result<Option<Posted>, Code> {
        let (new, mut posted) = self.durable.conversations.post(mailbox, sender, message);
        self.keep_from_the_deaf(&mut posted);
        let follow_ups = self.follow_ups([&posted].into_iter());
        new.map_or(Ok(()), |event| self.emit(event, effects))?;
        // What is said in a group may have to be told to other realms.
        let said = matches!(posted.conversation, Conversation::Group(_)).then(|| posted.clone());
        self.emit(Event::Posted(posted), effects)?;
        follow_ups.into_iter().try_for_each(|event| self.emit(event, effects))?;
        Ok(said)
    }

    /// The one place where durable state changes, whoever caused it. Connections that watch hear of
    /// messages through `outputs`.
    pub fn apply(&mut self, event: &Event, outputs: &mut Vec<Output>) {
        self.durable.apply(event);
        self.lists.apply(event);
        self.note(event);
        self.tell(event, outputs);
    }

    /// Takes note of when messages were taken, and of what they are called.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Received { events, .. } => events.iter().for_each(|event| self.note(event)),
            Event::TimeReached(time) => self.latest = self.latest.max(*time),
            Event::Posted(posted) => {
                if posted.message.is_timed_here() {
                    self.latest = self.latest.max(posted.message.time);
                }
                self.references.note(posted);
            }
            Event::Rewritten(placed) => self.rewrites.note(placed),
            _ => {}
        }
    }

    /// How it stands with links, for whoever asks.
    pub(crate) fn peers(&mut self, peers: Vec<PeerStatus>) -> Arc<[PeerStatus]> {
        self.lists.peers(peers)
    }

    /// All groups that are listed.
    pub(crate) fn groups(&mut self) -> Groups {
        self.lists.groups(&self.durable)
    }

    /// A group's members, in the order they joined.
    pub(crate) fn members(&mut self, group: GroupId) -> List {
        self.lists.members(&self.durable, group)
    }

    /// A group's moderators, in the order they joined.
    pub(crate) fn moderators(&mut self, group: GroupId) -> List {
        self.lists.moderators(&self.durable, group)
    }

    /// Takes one input to its effects.
    pub fn step(&mut self, readings: &Readings, input: Input, effects: &mut Effects) {
        self.finish_planted(effects);
        match input {
            Input::Connected(conn, origin) => self.connected(readings, conn, origin, effects),
            Input::Disconnected(conn) => {
                self.live.disconnected(conn);
                Context { state: self, effects, readings }.closed(conn, "the connection was lost");
            }
            Input::Settings(settings) => (self.limits, self.policy) = *settings,
            Input::Request(conn, request) => {
                self.request(readings, conn, request, Vec::new(), effects);
            }
            Input::Resume { conn, request, results } => {
                self.request(readings, conn, *request, results, effects);
            }
            Input::NotDialled(dial, NotDialled { error, plain }) => {
                let failure = Failure { code: Code::RealmUnreachable, error, realm: None, plain };
                Context { state: self, effects, readings }.call_failed(dial, failure);
            }
            Input::Fetched(ask, found) => {
                Context { state: self, effects, readings }.fetched(ask, found)
            }
            Input::Tailed(ask, newest) => {
                Context { state: self, effects, readings }.tailed(ask, newest)
            }
            Input::Asked(ask, answer) => {
                Context { state: self, effects, readings }.asked(ask, answer)
            }
            Input::Tick => {
                if self.swept.is_none_or(|at| readings.uptime >= at + SWEEP) {
                    self.swept = Some(readings.uptime);
                    self.end_idle_sessions(readings.now, effects);
                }
                self.live.people.note_the_gone(readings.uptime);
                self.sweep_a_closed_group(effects);
                Context { state: self, effects, readings }.look_for_old();
                Context { state: self, effects, readings }.go_on_erasing();
                Context { state: self, effects, readings }.look_for_lost();
                self.sweep_files(readings.now, effects);
                Context { state: self, effects, readings }.keep_links();
            }
            Input::FoundOwn(asked, found) => {
                Context { state: self, effects, readings }.found_own(*asked, found);
            }
            Input::FoundOld(asked, found) => {
                Context { state: self, effects, readings }.found_old(*asked, found);
            }
        }
        self.tell_presence(readings, effects);
    }

    fn connected(
        &mut self,
        readings: &Readings,
        conn: ConnId,
        origin: Origin,
        effects: &mut Effects,
    ) {
        self.live.connected(conn, origin);
        if let Origin::Dialled { dial, key, peer, local } = origin {
            Context { state: self, effects, readings }.reached(conn, dial, key, (peer, local));
        }
    }

    /// Takes a step in letting go of the messages of a group that is gone.
    fn sweep_a_closed_group(&mut self, effects: &mut Effects) {
        if let Some((group, left)) = self.durable.closed.first_key_value() {
            let swept = Event::GroupSwept(*group, left.saturating_sub(1));
            // Where nothing can be kept it is done at a later tick.
            let _ = self.emit(swept, effects);
        }
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
            let _ = self.end_session(id, effects);
        }
    }
}
