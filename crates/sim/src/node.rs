//! One realm: what is on its disk, and what runs over it.

use crate::files::{FileAsked, UNNAMED};
use crate::rooms_on_disk::RoomsOnDisk;
use crate::versions::Version;
use antar_domain::{
    ConnId, Conversation, Effects, Event, FileLimits, Limits, Mode, PeerId, Policy, Posted,
    Readings, State,
};
use antar_runner::{Batch, Runner, Writer};
use antar_store::{MemoryEngine, Store};
use antar_types::{Away, FileHash, Fingerprint, Name, Time};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The wall clock when a run begins.
pub const BEGAN: u64 = 1_800_000_000_000;

/// A realm's machine.
pub struct Node {
    pub name: String,
    pub key: Fingerprint,
    pub disk: MemoryEngine,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// How long a sync takes at most, in milliseconds.
    pub slow: u64,
    /// Which life of the process this is.
    pub life: u64,
    pub running: Option<Running>,
    /// Copies of the disk, each with the time of it.
    pub copies: Vec<Copy>,
    /// It was put back, so that others may find its past to be another.
    pub put_back: bool,
    /// When that was tried last.
    pub put_back_at: Option<u64>,
    /// So by hand, of which it was not told.
    pub by_hand: bool,
    /// The highest id that anyone was told.
    pub highest_id: u64,
    /// How often it was.
    pub course: u64,
    /// It was put back to a course that had been left: what was written in that comes again, later
    /// than what was written since.
    pub revived: bool,
    /// What was written, by what the disk said.
    pub written: OnDisk,
    /// Groups that anyone was told of since data were put back.
    pub groups_shown: BTreeSet<String>,
    /// How long it keeps messages, where it does not do so for ever.
    pub retention: Duration,
    /// Which version of links it speaks.
    pub version: Version,
    /// It has been of a later one than the first.
    pub was_newer: bool,
    /// It goes back to the first one no more.
    pub upgraded: bool,
    /// Files whose bytes are on its disk.
    pub blobs: BTreeSet<FileHash>,
}

/// What batches have brought to a realm's disk, of what is looked for.
#[derive(Debug, Default)]
pub struct OnDisk {
    /// Ids of messages.
    pub ids: BTreeSet<u64>,
    /// What came from other realms says so.
    pub texts: BTreeSet<String>,
    /// Names of groups.
    pub groups: BTreeSet<String>,
    /// Peers that have told what they can take, and what was owed to one that had not yet.
    can: BTreeSet<PeerId>,
    pub owed_before: BTreeSet<String>,
    /// Whose messages from a peer a conversation with one of its users holds, by the account's number there.
    senders: BTreeMap<Conversation, u64>,
    /// Who is in groups, and which realms are told of them.
    pub rooms: RoomsOnDisk,
    /// A message that went into somebody else's conversation.
    pub strayed: Option<String>,
    /// At some time nobody knew of a batch whether it was there, so that there may be more than was told.
    pub may_hold_more: bool,
}

impl OnDisk {
    pub fn add(&mut self, events: &[Event]) {
        for event in events {
            self.rooms.add(event);
            match event {
                Event::Received { events, .. } => self.add(events),
                Event::Posted(posted) => {
                    self.ids.insert(posted.message.id);
                    if posted.message.realm.is_some() {
                        self.texts.insert(posted.message.text.as_str().to_string());
                    }
                    self.add_sender(posted);
                }
                Event::CanSet(peer, _) => drop(self.can.insert(*peer)),
                Event::Owed { peer, entry, .. } if !self.can.contains(peer) => {
                    self.owed_before.insert(entry.text.as_str().to_string());
                }
                Event::GroupSet(_, group) => drop(self.groups.insert(group.name.to_string())),
                _ => {}
            }
        }
    }
}

impl OnDisk {
    fn add_sender(&mut self, posted: &Posted) {
        let Conversation::Peer(..) = posted.conversation else { return };
        let Some(Away::FromAccount(_, identity)) = &posted.message.realm else { return };
        let account = *self.senders.entry(posted.conversation).or_insert(identity.account);
        if account != identity.account {
            self.strayed = Some(posted.message.text.as_str().to_string());
        }
    }

    /// What was not synced may be gone, and its numbers are given out again.
    pub fn forget_senders(&mut self) {
        self.senders.clear();
    }
}

/// A copy of a realm's data.
pub struct Copy {
    pub taken: u64,
    /// Which course of events it is from: each time data are put back another one begins.
    pub course: u64,
    /// As `antar backup` writes it.
    pub export: Vec<u8>,
    /// The id that the last realm restored from it went on from, as the backup notes it.
    pub reached: Option<u64>,
    /// As a copy of the directory has it.
    pub image: antar_store::Image,
    /// The files that lie beside it.
    pub blobs: BTreeSet<FileHash>,
}

/// A realm's process.
pub struct Running {
    pub runner: Runner,
    pub writer: Writer,
    pub store: Store,
    /// The batch that is being written.
    pub writing: Option<Batch>,
    /// The disk has failed and is opened again in a while.
    pub reopens: bool,
    /// Lines of each connection that are not answered.
    pub unanswered: BTreeMap<ConnId, u64>,
    pub began: u64,
    pub clients: BTreeSet<ConnId>,
    pub next_conn: u64,
    /// What doors have asked for that take and give files.
    pub files: BTreeMap<ConnId, FileAsked>,
}

impl Node {
    pub fn new(index: usize) -> Self {
        let name = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"][index % 6].to_string();
        Self {
            name,
            key: Fingerprint([index as u8 + 1; 32]),
            disk: MemoryEngine::default(),
            skew: 0,
            slow: 4,
            life: 0,
            running: None,
            copies: Vec::new(),
            put_back: false,
            put_back_at: None,
            by_hand: false,
            highest_id: 0,
            course: 0,
            revived: false,
            written: OnDisk::default(),
            groups_shown: BTreeSet::new(),
            retention: Duration::ZERO,
            version: Version::This,
            was_newer: false,
            upgraded: false,
            blobs: BTreeSet::new(),
        }
    }

    pub fn address(index: usize) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, index as u8 + 1))
    }

    pub fn limits(grace: Duration) -> Limits {
        let files = FileLimits { unreferenced: UNNAMED, ..FileLimits::default() };
        Limits { link_grace: grace, files, ..Limits::default() }
    }

    /// The same as they are set by now.
    pub fn limits_now(&self, grace: Duration) -> Limits {
        Limits { retention: self.retention, ..Self::limits(grace) }
    }

    /// What is on the disk, opened.
    pub fn open(&mut self, grace: Duration, policy: Policy) -> Result<(Store, State), String> {
        let (store, events) =
            Store::open(Box::new(self.disk.clone())).map_err(|error| error.to_string())?;
        self.written.rooms = RoomsOnDisk::default();
        self.written.add(&events);
        Ok((store, State::new(self.limits_now(grace), policy, events)))
    }

    /// Gives a new realm its name.
    pub fn name_realm(&self, state: &mut State, store: &Store) -> Result<(), String> {
        if state.name().is_some() {
            return Ok(());
        }
        let name = Name::parse(&self.name).ok_or("no name")?;
        let mut effects = Effects::default();
        state.name_realm(name, &mut effects).map_err(|code| code.as_str().to_string())?;
        store.commit(&effects.events).map_err(|error| error.to_string())
    }

    /// The time and the chance of one step.
    pub fn readings(skew: i64, began: u64, now: u64, chance: &mut StdRng) -> Readings {
        let mut entropy = [0; 32];
        chance.fill_bytes(&mut entropy);
        let now_here = Time((BEGAN + now).saturating_add_signed(skew));
        Readings { now: now_here, uptime: now - began, entropy }
    }
}

impl Running {
    pub fn new(runner: Runner, store: Store, began: u64) -> Self {
        let (writer, clients) = (runner.writer(), BTreeSet::new());
        let (writing, reopens, unanswered, next_conn) = (None, false, BTreeMap::new(), 1);
        let files = BTreeMap::new();
        Self {
            runner,
            writer,
            store,
            writing,
            reopens,
            unanswered,
            began,
            clients,
            next_conn,
            files,
        }
    }

    pub fn next_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn)
    }

    /// Whether the disk refuses, as far as the state knows.
    pub fn is_refused(&self) -> bool {
        self.runner.state().mode() != Mode::Open
    }
}
