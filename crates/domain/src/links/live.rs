//! What exists of links just now. Nothing here outlives the process.

use super::{Epoch, LinkKind, LinkState, LinkStatus, PeerRecord, Position};
use crate::{AccountId, AskId, ConnId, DialId, JobResult, PeerId, Request};
use antar_types::{Capabilities, Fingerprint, Name, Time};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// What other realms are told about this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Of its certificate.
    pub key: Option<Fingerprint>,
    /// Where it can be reached, if its operator says; otherwise the address it calls from.
    pub host: Option<String>,
    /// The address it listens on, unless that is any.
    pub listens: Option<String>,
    /// The port it listens on.
    pub port: u16,
    /// What it understands on a link.
    pub can: Capabilities,
}

/// Links, calls and connections.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub me: Contact,
    pub links: BTreeMap<PeerId, Link>,
    pub conns: BTreeMap<ConnId, Conn>,
    pub calls: BTreeMap<DialId, super::Call>,
    /// Who has asked to be in which group of another realm.
    pub joins: Joins,
    /// Requests of users that wait for another realm.
    pub waiting: BTreeMap<ConnId, Waiting>,
    /// Requests to plain peers, each about what one realm is owed.
    pub asks: BTreeMap<AskId, PeerId>,
    /// The same about what is listed there for who has a name that was another's: see `heirs.rs`.
    pub asks_for_heirs: BTreeMap<AskId, (PeerId, super::Holder)>,
    /// What is being read of what a realm was owed whose link was ended here.
    pub given_back: Option<(PeerId, AskId)>,
    /// What is being read of what a realm has, to tell those who wrote it.
    pub told_of: Option<super::ToldOf>,
    /// How much the operator was told lately of realms that were not linked for long.
    pub said_of_new: Said,
    /// When the operator was last told of another realm with this one's name, in milliseconds of uptime.
    pub namesake: Option<u64>,
    last: u64,
    /// Ids have jumped because this realm's own store was put back: it can have been only once since
    /// it started.
    pub jumped: bool,
}

impl Links {
    /// A number that no other call or request of this process has.
    pub fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Ends everything; what is left are the connections to be closed and who waits for one.
    pub fn end(&mut self) -> (BTreeMap<ConnId, Conn>, BTreeMap<ConnId, Waiting>) {
        self.links.clear();
        self.calls.clear();
        self.asks.clear();
        self.asks_for_heirs.clear();
        (self.given_back, self.told_of) = (None, None);
        (std::mem::take(&mut self.conns), std::mem::take(&mut self.waiting))
    }

    /// Whether anything here depends on time.
    pub fn is_idle(&self) -> bool {
        self.links.is_empty() && self.calls.is_empty() && self.waiting.is_empty()
    }
}

/// Who has asked to be in which group of another realm, lately: nobody else is put into one.
#[derive(Debug, Default)]
pub(crate) struct Joins(VecDeque<(PeerId, Box<str>, AccountId)>);

/// How many are remembered.
const JOINS: usize = 10_000;

impl Joins {
    pub fn add(&mut self, peer: PeerId, group: &Name, account: AccountId) {
        let join = (peer, (*group.folded()).into(), account);
        self.0.retain(|known| *known != join);
        self.0.push_back(join);
        if self.0.len() > JOINS {
            self.0.pop_front();
        }
    }

    /// That is over.
    pub fn remove(&mut self, peer: PeerId, group: &Name, account: AccountId) {
        let name = group.folded();
        self.0.retain(|(of, known, by)| (*of, *by) != (peer, account) || **known != *name);
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self, peer: PeerId, group: &Name) -> bool {
        let name = group.folded();
        self.0.iter().any(|(of, known, _)| *of == peer && **known == *name)
    }

    /// Whether this account has.
    pub fn has(&self, peer: PeerId, group: &Name, account: AccountId) -> bool {
        let name = group.folded();
        self.0.iter().any(|(of, known, by)| (*of, *by) == (peer, account) && **known == *name)
    }
}

/// A link with one realm.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The connection that carries it.
    pub conn: Option<ConnId>,
    /// Our own call to it, under way.
    pub call: Option<DialId>,
    /// Since when it is as it is.
    pub since: Time,
    /// Why it is not up, or what was last found wrong with it.
    pub error: Option<String>,
    /// The other side said no.
    pub refused: bool,
    /// It did not know this realm by its new name, and is greeted by the one before.
    pub as_before: bool,
    /// It calls itself this, and another realm has that name here.
    pub calls_itself: Option<antar_types::Name>,
    /// Calls or requests in a row that failed.
    pub failures: u32,
    /// Calls or requests that ever failed, and connections that were lost, for who watches the realm.
    pub failed: u64,
    pub lost: u64,
    /// Connections in a row over which one side could not follow the other.
    pub stuck: u32,
    /// When to try again, in milliseconds of uptime.
    pub retry_at: u64,
    /// How far its clock is ahead of ours, in milliseconds.
    pub clock: Option<i64>,
    /// The most that it can be ahead: as if its clock had been read at the moment it was asked for it.
    pub clock_most: Option<i64>,
    /// A request to a plain peer is under way.
    pub delivery: Option<super::PlainDelivery>,
    /// A plain peer forgot us and has been called again since.
    pub reminded: bool,
    /// A plain peer did not answer to the last message carried to it, and may have taken it.
    pub unsure: bool,
    /// A plain peer answered last time.
    pub answers: bool,
    /// A plain peer knows of this process.
    pub met: bool,
    /// It is being told.
    pub meeting: Option<super::Meeting>,
    /// Where it called from, while it waits for approval.
    pub from: Option<IpAddr>,
    /// What the operator was told last of a connection that came about, and how much lately.
    pub told_operator: Option<LinkStatus>,
    pub said: Said,
    /// How often it was renamed lately.
    pub renames: Said,
    /// When the operator was last told that somebody else says it is this realm, in milliseconds of
    /// uptime.
    pub warned: Option<u64>,
    /// The same of entries that were set apart.
    pub apart_told: Option<u64>,
    /// What was said in groups since a plain peer was last told of us.
    pub common: super::Common,
}

/// How much was said to the operator lately, of a link or of many.
#[derive(Debug, Default)]
pub(crate) struct Said {
    since: u64,
    lines: u32,
    unsaid: u64,
}

/// Lines about one realm, and about all that were not linked for long, in so many milliseconds.
pub(crate) const LINES: u32 = 10;
pub(crate) const LINES_OF_NEW: u32 = 30;

/// Names that one realm may take on in as many milliseconds.
pub(crate) const RENAMES: u32 = 10;

const LINES_IN: u64 = 60_000;

/// How long a realm must have been linked not to count as new, in milliseconds.
pub(crate) const NEW: u64 = 3_600_000;

impl Said {
    /// How many lines were left out since the last, if one more may be said now, where so many may.
    pub fn one_more(&mut self, now: u64, lines: u32) -> Option<u64> {
        if now >= self.since + LINES_IN {
            (self.since, self.lines) = (now, 0);
        }
        if self.lines >= lines {
            self.unsaid += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Link {
    /// A call or a request failed.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.failed += 1;
    }

    /// How it stands.
    pub fn state(&self, record: &PeerRecord) -> LinkState {
        match (record.status, &record.kind) {
            (LinkStatus::Asking | LinkStatus::Asked, _) => LinkState::Waiting,
            (LinkStatus::Removed | LinkStatus::RemovedThere | LinkStatus::Former, _) => {
                LinkState::Removed
            }
            (LinkStatus::Linked, _) if self.refused => LinkState::Refused,
            (LinkStatus::Linked, LinkKind::Native(_)) if self.conn.is_some() => LinkState::Up,
            (LinkStatus::Linked, LinkKind::Plain) if self.failures == 0 => LinkState::Up,
            (LinkStatus::Linked, _) => LinkState::Down,
        }
    }
}

/// A connection with another realm, or with what says it is one.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Whose it is; none until a call of ours is answered for the first time.
    pub peer: Option<PeerId>,
    /// Our call that made it, until it is answered.
    pub call: Option<DialId>,
    /// The two have agreed that it is a link.
    pub greeted: bool,
    /// What both sides understand, as they said when they agreed.
    pub can: Capabilities,
    /// When it last said anything, in milliseconds of uptime.
    pub heard: u64,
    /// When it was last asked whether it is there.
    pub pinged: u64,
    /// What was asked over it and is not answered, oldest first.
    pub asked: VecDeque<Asked>,
    /// The peer follows our log, and was sent this much of it.
    pub sent: Option<u64>,
    /// How we stand with the peer's log.
    pub following: Following,
    /// What the next id here was when the peer was last asked for its log.
    pub asked_at: u64,
    /// The search for the last common entry has looked at the end of the shorter log.
    pub searched: bool,
    /// One side cannot give what the other is to follow, so it is about to end.
    pub stuck: bool,
}

impl Conn {
    pub fn new(peer: Option<PeerId>, call: Option<DialId>, now: u64) -> Self {
        Self {
            peer,
            call,
            greeted: false,
            can: Capabilities::NONE,
            heard: now,
            pinged: now,
            asked: VecDeque::new(),
            sent: None,
            following: Following::Not,
            asked_at: 0,
            searched: false,
            stuck: false,
        }
    }
}

/// What was asked of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// ACKREALM.
    Greeting(DialId),
    /// FOLLOW.
    Follow,
    /// CHAIN of this entry.
    Chain(u64),
    /// REJOIN after this entry.
    Rejoin(Position),
    /// PING, sent at this time of the realm's uptime.
    Ping(u64),
    /// REMOTEINBOXREALM, only to hear how far its log goes; and what the next id here was then.
    Tip(u64),
    /// JOINROOM, for whoever waits on this connection until then.
    Join(ConnId, u64),
    /// REMOTEINBOXREALM or REMOTEINBOXGROUPREALM, for whoever waits on this connection until then.
    CatchUp(ConnId, u64),
}

/// How we stand with a peer's log on one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    /// Not asked, or not answered yet.
    Not,
    /// Its past is not ours: looking for the last common entry between these two, in a log of this
    /// epoch.
    Searching { epoch: Epoch, common: Position, differs: u64 },
    /// It sends what follows the cursor.
    On,
}

/// A user's request that waits for another realm.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub request: Request,
    pub results: Vec<JobResult>,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// For a call to be answered.
    Call(DialId),
    /// For a call of ours to show who is at the address that was given for the name of whoever calls.
    Crossing(DialId),
    /// For everything that the realm has up to now, until some time of the uptime.
    CatchUp { peer: PeerId, target: Option<u64>, until: u64 },
    /// For the realm of a group to do what it was asked under a number, until some time of the uptime.
    Room { peer: PeerId, request: u64, until: u64 },
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDialled {
    /// What happened, for people.
    pub error: String,
    /// Somebody is there, but does not speak TLS: at this address.
    pub plain: Option<IpAddr>,
}

/// Why a link was not made, for who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: antar_types::Code,
    /// What happened, for people.
    pub error: String,
    /// The realm that is really there, where it has another name.
    pub realm: Option<Name>,
    /// It may be a plain peer: at this address.
    pub plain: Option<IpAddr>,
}
