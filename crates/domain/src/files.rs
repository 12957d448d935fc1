//! Files that were uploaded and that messages name: who may read which, and how long each is kept. Their bytes are
//! with the doors, under their hash; here is what is known of them.
//!
//! Whoever uploads a file *holds* it for some time, so that it can be named. A message that names it keeps it as
//! long as the message says so. What nobody holds or names is removed.

mod access;
mod key;
mod sweep;

pub use key::FileKey;

use crate::links::Address;
use crate::{AccountId, Conversation, Event, PeerId, Posted};
use antar_types::{File, FileAbout, FileHash, Fingerprint, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Messages that name files: in all, and of one account here. All are in memory.
pub(crate) const NAMED: usize = 200_000;
pub(crate) const NAMED_BY_ONE: usize = 20_000;

/// Files: in all, and held by one account.
pub(crate) const FILES: usize = 100_000;
pub(crate) const HELD_BY_ONE: usize = 10_000;

/// That an account has uploaded a file, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHold {
    /// What it said of the file.
    pub about: FileAbout,
    /// When; at time 0 once a message of the account's names it.
    pub since: Time,
}

/// When a file was uploaded that has been posted since: it is kept for the sake of messages alone, and goes with the last of
/// them.
pub(crate) const USED: Time = Time(0);

/// A message that names a file, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The file, and what the message says of it.
    pub file: Arc<File>,
    /// The account here that wrote the message, if one did.
    pub account: Option<AccountId>,
}

/// How many bytes may be uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRoom {
    /// Of one file.
    pub file: u64,
    /// Besides all that the account has uploaded.
    pub account: u64,
    /// Besides all that is here.
    pub realm: u64,
}

impl FileRoom {
    /// How many bytes a file may have that is uploaded now.
    pub fn most(&self) -> u64 {
        self.file.min(self.account).min(self.realm)
    }
}

/// Where the bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAt {
    /// Here.
    Here,
    /// At a peer, which a message came from that names it; nowhere, where it cannot be called.
    Peer(Option<Box<FileSource>>),
}

/// A peer that has a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSource {
    /// Which it is.
    pub peer: PeerId,
    /// Its key: whoever answers with another has nothing to give.
    pub key: Fingerprint,
    /// Where it is called.
    pub address: Address,
}

/// Messages that name a file: of a conversation, and written here or not.
pub(crate) type Place = (Conversation, bool);

/// All files, and all messages that name one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    known: BTreeMap<FileHash, Known>,
    named: BTreeMap<(Conversation, u64), NamedFile>,
    named_there: usize,
    of_account: BTreeMap<AccountId, Taken>,
    /// How many are here, and how many bytes they have.
    here: usize,
    bytes: u64,
    /// Who holds what no message names, in the order in which it is let go of.
    unnamed: BTreeSet<(Time, FileHash, AccountId)>,
    /// What nobody holds or names, and is here.
    idle: BTreeSet<FileHash>,
    key: Option<FileKey>,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    /// How many bytes it has, where they are here.
    size: Option<u64>,
    /// Who has uploaded it.
    holds: BTreeMap<AccountId, FileHold>,
    /// The messages that name it.
    places: BTreeMap<Place, BTreeSet<u64>>,
    /// The peer that has given the bytes last: only then a message of its has the realm give them to others, for
    /// it may name any hash.
    given: Option<PeerId>,
}

impl Known {
    fn is_nothing(&self) -> bool {
        self.size.is_none() && self.holds.is_empty() && self.places.is_empty()
    }
}

/// What an account takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes of what it holds.
    pub bytes: u64,
    /// How many files it holds.
    pub held: usize,
    /// How many of its messages name a file.
    pub named: usize,
}

impl Files {
    /// Every file whose bytes are here.
    pub fn here(&self) -> impl Iterator<Item = (FileHash, u64)> {
        self.known.iter().filter_map(|(hash, known)| Some((*hash, known.size?)))
    }

    /// How many bytes a file has, if they are here.
    pub fn size(&self, hash: &FileHash) -> Option<u64> {
        self.known.get(hash)?.size
    }

    /// How many files are here, and how many bytes they have.
    pub fn total(&self) -> (usize, u64) {
        (self.here, self.bytes)
    }

    /// What an account takes.
    pub fn taken(&self, account: AccountId) -> Taken {
        self.of_account.get(&account).copied().unwrap_or_default()
    }

    /// That an account has uploaded a file, where it has.
    pub fn hold(&self, hash: &FileHash, account: AccountId) -> Option<&FileHold> {
        self.known.get(hash)?.holds.get(&account)
    }

    /// All holds, whether or not messages name the files.
    fn all_holds(&self) -> impl Iterator<Item = (Time, FileHash, AccountId)> {
        let all =
            self.known.iter().flat_map(|(hash, known)| known.holds.iter().map(|of| (*hash, of)));
        all.map(|(hash, (account, hold))| (hold.since, hash, *account))
    }

    /// The files that an account holds.
    pub fn held_by(&self, account: AccountId) -> Vec<FileHash> {
        if self.taken(account).held == 0 {
            return Vec::new();
        }
        let held = self.known.iter().filter(|(_, known)| known.holds.contains_key(&account));
        held.map(|(hash, _)| *hash).collect()
    }

    /// What messages say of a file, one of each place that names it.
    pub fn places(&self, hash: &FileHash) -> impl Iterator<Item = (Place, &File)> {
        let places = self.known.get(hash).into_iter().flat_map(|known| &known.places);
        places.filter_map(|(place, ids)| {
            let named = self.named.get(&(place.0, *ids.first()?))?;
            Some((*place, &*named.file))
        })
    }

    /// What a message says of a file that it names, and where that message is.
    pub fn named_by(&self, hash: &FileHash, id: u64) -> Option<(Place, &File)> {
        let mut places = self.known.get(hash)?.places.iter();
        let (place, _) = places.find(|(_, ids)| ids.contains(&id))?;
        Some((*place, &*self.named.get(&(place.0, id))?.file))
    }

    /// Whether a peer has given the bytes of a file, and they are here still.
    pub fn is_given(&self, hash: &FileHash, peer: PeerId) -> bool {
        self.known.get(hash).is_some_and(|known| known.given == Some(peer))
    }

    /// The files that are here only because peers have given them, and how many bytes each has.
    pub fn copies(&self) -> impl Iterator<Item = (FileHash, u64)> {
        let copies = self.known.iter().filter(|(_, known)| {
            known.holds.is_empty() && !known.places.keys().any(|(_, is_own)| *is_own)
        });
        copies.filter_map(|(hash, known)| Some((*hash, known.size?)))
    }

    /// The file that a message names.
    pub fn named(&self, conversation: Conversation, id: u64) -> Option<&NamedFile> {
        self.named.get(&(conversation, id))
    }

    /// How many messages name a file.
    pub fn names(&self) -> usize {
        self.named.len()
    }

    /// Whether one more message from elsewhere may name a file: half of them may be from there.
    pub fn take_from_elsewhere(&self) -> bool {
        self.named_there < NAMED / 2 && self.named.len() < NAMED
    }

    /// What links are signed with, once there is one.
    pub fn key(&self) -> Option<&FileKey> {
        self.key.as_ref()
    }

    /// Takes note of an event. Whoever has let go of a group or a realm lets go of its messages as well.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Posted(posted) => self.posted(posted),
            Event::FileNamed { conversation, id, named } => {
                self.name(*conversation, *id, named.clone());
            }
            // What is deleted has no file either.
            Event::Rewritten(placed) if placed.message.file().is_none() => {
                self.unname(placed.conversation, placed.message.id);
            }
            Event::FileSet { hash, size } => self.set(*hash, Some(*size)),
            Event::FileGiven { hash, size, peer } => {
                self.set(*hash, Some(*size));
                self.change(*hash, |known| known.given = Some(*peer));
            }
            Event::FileRemoved(hash) => self.set(*hash, None),
            Event::FileHeld { hash, account, hold } => self.held(*hash, *account, Some(hold)),
            Event::FileLetGo { hash, account } => self.held(*hash, *account, None),
            Event::FileKeySet(key) => self.key = Some(key.clone()),
            _ => {}
        }
    }

    fn posted(&mut self, posted: &Posted) {
        let Posted { conversation, sender, message, .. } = posted;
        if let Some(file) = message.file() {
            let named = NamedFile { file: Arc::new(file.clone()), account: *sender };
            self.name(*conversation, message.id, named);
        }
    }

    /// A message names a file.
    fn name(&mut self, conversation: Conversation, id: u64, named: NamedFile) {
        self.unname(conversation, id);
        let (hash, place) = (named.file.hash, (conversation, named.account.is_some()));
        self.named_there += usize::from(named.account.is_none());
        self.take(named.account, |taken| taken.named += 1);
        self.change(hash, |known| {
            known.places.entry(place).or_default().insert(id);
        });
        self.named.insert((conversation, id), named);
    }

    /// A message names no file any more.
    fn unname(&mut self, conversation: Conversation, id: u64) {
        let Some(named) = self.named.remove(&(conversation, id)) else { return };
        self.named_there -= usize::from(named.account.is_none());
        self.take(named.account, |taken| taken.named = taken.named.saturating_sub(1));
        let place = (conversation, named.account.is_some());
        self.change(named.file.hash, |known| {
            if let Some(ids) = known.places.get_mut(&place) {
                ids.remove(&id);
                if ids.is_empty() {
                    known.places.remove(&place);
                }
            }
        });
    }

    /// Messages of a conversation up to one are not there any more.
    pub fn let_go(&mut self, conversation: Conversation, upto: u64) {
        let gone = self.named.range((conversation, 0)..=(conversation, upto));
        let gone: Vec<u64> = gone.map(|((_, id), _)| *id).collect();
        gone.into_iter().for_each(|id| self.unname(conversation, id));
    }

    /// Nobody reads what was said with a realm any more.
    pub fn forget(&mut self, peer: PeerId) {
        let of = |conversation: &Conversation| conversation.peer() == Some(peer);
        let gone = self.named.keys().filter(|(conversation, _)| of(conversation));
        let gone: Vec<_> = gone.copied().collect();
        gone.into_iter().for_each(|(conversation, id)| self.unname(conversation, id));
    }

    /// The bytes of a file are here, so many, or are not any more.
    fn set(&mut self, hash: FileHash, size: Option<u64>) {
        let before = self.size(&hash);
        self.bytes = self.bytes - before.unwrap_or(0) + size.unwrap_or(0);
        self.here = self.here - usize::from(before.is_some()) + usize::from(size.is_some());
        self.change(hash, |known| {
            known.size = size;
            if size.is_none() {
                known.given = None;
            }
        });
    }

    /// An account has uploaded a file, or that does not matter any more.
    fn held(&mut self, hash: FileHash, account: AccountId, hold: Option<&FileHold>) {
        if let Some(before) = self.hold(&hash, account).map(|hold| hold.about.size) {
            self.take(Some(account), |taken| {
                (taken.held, taken.bytes) = (taken.held - 1, taken.bytes - before);
            });
        }
        if let Some(hold) = hold {
            self.take(Some(account), |taken| {
                (taken.held, taken.bytes) = (taken.held + 1, taken.bytes + hold.about.size);
            });
        }
        self.change(hash, |known| match hold {
            Some(hold) => drop(known.holds.insert(account, hold.clone())),
            None => drop(known.holds.remove(&account)),
        });
    }

    fn take(&mut self, account: Option<AccountId>, change: impl FnOnce(&mut Taken)) {
        let Some(account) = account else { return };
        let taken = self.of_account.entry(account).or_default();
        change(taken);
        if *taken == Taken::default() {
            self.of_account.remove(&account);
        }
    }

    /// Something about a file is another: what is to be let go of follows from it.
    fn change(&mut self, hash: FileHash, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.remove(&hash).unwrap_or_default();
        if known.places.is_empty() {
            known.holds.iter().for_each(|(account, hold)| {
                self.unnamed.remove(&(hold.since, hash, *account));
            });
            self.idle.remove(&hash);
        }
        change(&mut known);
        if known.places.is_empty() {
            let holds = known.holds.iter();
            self.unnamed.extend(holds.map(|(account, hold)| (hold.since, hash, *account)));
            if known.size.is_some() && known.holds.is_empty() {
                self.idle.insert(hash);
            }
        }
        if !known.is_nothing() {
            self.known.insert(hash, known);
        }
    }
}
