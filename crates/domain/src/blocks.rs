//! Who does not hear whom.
//!
//! What somebody blocked writes is never shown to who blocked, also once that is over: so it is kept from which
//! id on and up to which it was. Whether a message is shown is seen when it is read.

use crate::{AccountId, Conversation, Event, PeerId};
use antar_types::{Away, Message, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Somebody whom a user has blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// A user of this realm, and the name.
    Here(AccountId, Name),
    /// A user of a peer.
    There {
        /// The peer.
        peer: PeerId,
        /// What that user is called there, in lower case.
        name: Box<str>,
        /// The number of the account there, where the peer has told it; else whoever has the name.
        account: Option<u64>,
    },
}

/// A time during which somebody was blocked, by the ids of what was written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSpan {
    /// The last id before it.
    pub after: u64,
    /// The last id in it; none where it goes on.
    pub upto: Option<u64>,
}

/// What is kept of one whom a user has blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Tells it from the user's others: an id of when it was made.
    pub number: u64,
    /// Who it is.
    pub whom: Blocked,
    /// When, in order; at most [`Block::SPANS`].
    pub spans: Vec<BlockSpan>,
}

impl Block {
    /// The most times that one user blocks the same other.
    pub const SPANS: usize = 64;

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.spans.last().is_some_and(|span| span.upto.is_none())
    }

    /// The same, over with this id.
    #[must_use]
    pub fn closed(&self, upto: u64) -> Self {
        let mut block = self.clone();
        for span in &mut block.spans {
            span.upto = span.upto.or(Some(upto));
        }
        block
    }

    /// Whether somebody of this name, who may have another's, is who was blocked.
    fn is_of(&self, account_there: Option<u64>) -> bool {
        match &self.whom {
            Blocked::There { account: Some(account), .. } => {
                account_there.is_none_or(|there| there == *account)
            }
            _ => true,
        }
    }

    fn hides(&self, message: &Message) -> bool {
        if !self.is_of(account_there(message)) {
            return false;
        }
        // What another server lists has no id, and is told as it is now.
        if message.id == 0 {
            return self.is_open();
        }
        let is_in = |span: &BlockSpan| {
            message.id > span.after && span.upto.is_none_or(|upto| message.id <= upto)
        };
        self.spans.iter().any(is_in)
    }
}

impl Blocked {
    /// Under what it is found: the peer whose user it is, and the name in lower case.
    fn key(&self) -> (Option<PeerId>, Box<str>) {
        match self {
            Self::Here(_, name) => (None, (*name.folded()).into()),
            Self::There { peer, name, .. } => (Some(*peer), name.clone()),
        }
    }

    /// Whether this may be the same user as another.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Here(one, _), Self::Here(other, _)) => one == other,
            (
                Self::There { peer, name, account },
                Self::There { peer: of, name: called, account: number },
            ) => {
                let is_one = account.zip(*number).is_none_or(|(one, other)| one == other);
                (peer, name) == (of, called) && is_one
            }
            _ => false,
        }
    }
}

/// Whom a user has blocked, ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockList {
    /// By peer and by name in lower case.
    all: BTreeMap<Option<PeerId>, BTreeMap<Box<str>, Vec<Block>>>,
    /// What these peers are called, in lower case: in groups of several realms users are told by that.
    realms: BTreeMap<Box<str>, PeerId>,
}

impl BlockList {
    /// Whether a message of a conversation is not shown to who has this list.
    pub fn hides(&self, conversation: Conversation, message: &Message) -> bool {
        author(conversation, message, &self.realms).is_some_and(|(peer, name)| {
            self.named(peer, &name).iter().any(|block| block.hides(message))
        })
    }

    /// Everyone.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Block> {
        self.all.values().flat_map(BTreeMap::values).flatten()
    }

    /// The last id before anybody was blocked; none where that is nobody.
    pub(crate) fn since(&self) -> Option<u64> {
        self.all().flat_map(|block| &block.spans).map(|span| span.after).min()
    }

    fn named(&self, peer: Option<PeerId>, name: &str) -> &[Block] {
        self.all.get(&peer).and_then(|of| of.get(name)).map_or(&[], Vec::as_slice)
    }

    fn set(&mut self, block: Block) {
        let (peer, name) = block.whom.key();
        let named = self.all.entry(peer).or_default().entry(name).or_default();
        match named.iter_mut().find(|known| known.number == block.number) {
            Some(known) => *known = block,
            None => named.push(block),
        }
    }

    /// A peer has this name, where somebody there is in the list.
    fn call(&mut self, peer: PeerId, name: &str) {
        if self.all.contains_key(&Some(peer)) {
            self.realms.retain(|_, of| *of != peer);
            self.realms.insert(name.into(), peer);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Blocked> {
        let whom = self.all().find(|block| block.number == number)?.whom.clone();
        let (peer, name) = whom.key();
        let of_peer = self.all.get_mut(&peer)?;
        let named = of_peer.get_mut(&name)?;
        named.retain(|block| block.number != number);
        if named.is_empty() {
            of_peer.remove(&name);
        }
        self.all.retain(|_, of| !of.is_empty());
        let Self { all, realms } = self;
        realms.retain(|_, peer| all.contains_key(&Some(*peer)));
        Some(whom)
    }
}

/// By peer and by name in lower case, who blocks somebody of that name, or did.
type Blockers = BTreeMap<Option<PeerId>, BTreeMap<Box<str>, BTreeSet<AccountId>>>;

/// Who has blocked whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    lists: BTreeMap<AccountId, Arc<BlockList>>,
    blockers: Blockers,
    /// What all peers are called, in lower case.
    realms: BTreeMap<Box<str>, PeerId>,
}

impl Blocks {
    /// Whether nobody blocks anybody, or did.
    pub fn is_empty(&self) -> bool {
        self.blockers.is_empty()
    }

    /// Whom a user has blocked; none where that is nobody.
    pub fn of(&self, account: AccountId) -> Option<&Arc<BlockList>> {
        self.lists.get(&account)
    }

    /// Who does not hear whoever wrote a message, in order.
    pub fn deaf_to(&self, conversation: Conversation, message: &Message) -> Vec<AccountId> {
        if self.blockers.is_empty() {
            return Vec::new();
        }
        let author = author(conversation, message, &self.realms);
        let Some((peer, name)) = author else { return Vec::new() };
        let there = account_there(message);
        let blocks = |account: &&AccountId| {
            let list = self.lists.get(account);
            list.is_some_and(|list| {
                list.named(peer, &name).iter().any(|block| block.is_open() && block.is_of(there))
            })
        };
        self.named(peer, &name).filter(blocks).copied().collect()
    }

    /// Who is not shown a message, whose author was blocked when it was written, in order.
    pub fn hidden_from(&self, conversation: Conversation, message: &Message) -> Vec<AccountId> {
        if self.blockers.is_empty() {
            return Vec::new();
        }
        let author = author(conversation, message, &self.realms);
        let Some((peer, name)) = author else { return Vec::new() };
        let hides = |account: &&AccountId| {
            let list = self.lists.get(account);
            list.is_some_and(|list| list.named(peer, &name).iter().any(|b| b.hides(message)))
        };
        self.named(peer, &name).filter(hides).copied().collect()
    }

    /// Whether one user does not hear another of this realm now.
    pub fn is_deaf(&self, account: AccountId, to: AccountId) -> bool {
        let Some(list) = self.lists.get(&account) else { return false };
        let here = list.all.get(&None).into_iter().flat_map(BTreeMap::values).flatten();
        let is = |block: &Block| matches!(block.whom, Blocked::Here(of, _) if of == to);
        here.filter(|block| block.is_open()).any(is)
    }

    /// Who does not hear a user of this realm now, and what is kept of that.
    pub fn blockers(&self, of: AccountId, name: &Name) -> Vec<(AccountId, Block)> {
        let name = name.folded();
        let block = |account: &AccountId| {
            let list = self.lists.get(account)?;
            let is = |block: &&Block| matches!(block.whom, Blocked::Here(it, _) if it == of);
            let found = list.named(None, &name).iter().filter(is).find(|block| block.is_open());
            Some((*account, found?.clone()))
        };
        self.named(None, &name).filter_map(block).collect()
    }

    fn named(&self, peer: Option<PeerId>, name: &str) -> impl Iterator<Item = &AccountId> {
        self.blockers.get(&peer).and_then(|of| of.get(name)).into_iter().flatten()
    }

    /// Takes note of an event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::BlockSet { account, block } => {
                let list = Arc::make_mut(self.lists.entry(*account).or_default());
                list.set(block.clone());
                let peer = block.whom.key().0;
                let called = self.realms.iter().find(|(_, of)| Some(**of) == peer);
                called.iter().for_each(|(name, of)| list.call(**of, name));
                self.note(*account, &block.whom);
            }
            Event::BlockEnded { account, number } => {
                let Some(list) = self.lists.get_mut(account) else { return };
                let whom = Arc::make_mut(list).remove(*number);
                if list.all.is_empty() {
                    self.lists.remove(account);
                }
                whom.iter().for_each(|whom| self.note(*account, whom));
            }
            Event::PeerSet(peer, record) => self.call(*peer, &record.name.folded()),
            _ => {}
        }
    }

    /// A peer has this name from now on.
    fn call(&mut self, peer: PeerId, name: &str) {
        if self.realms.get(name) == Some(&peer) {
            return;
        }
        self.realms.retain(|_, of| *of != peer);
        self.realms.insert(name.into(), peer);
        self.lists.values_mut().for_each(|list| Arc::make_mut(list).call(peer, name));
    }

    /// Notes whether a user blocks somebody of that name, or did.
    fn note(&mut self, account: AccountId, whom: &Blocked) {
        let (peer, name) = whom.key();
        let list = self.lists.get(&account);
        let is_known = list.is_some_and(|list| !list.named(peer, &name).is_empty());
        let of_peer = self.blockers.entry(peer).or_default();
        let named = of_peer.entry(name.clone()).or_default();
        match is_known {
            true => drop(named.insert(account)),
            false => drop(named.remove(&account)),
        }
        if named.is_empty() {
            of_peer.remove(&name);
        }
        if of_peer.is_empty() {
            self.blockers.remove(&peer);
        }
    }
}

/// The peer whose user wrote a message of a conversation, where it is one's, and the name in lower case. In a group of
/// several realms it is the one that has the name of the author's, among these. Nobody wrote a notice.
fn author(
    conversation: Conversation,
    message: &Message,
    realms: &BTreeMap<Box<str>, PeerId>,
) -> Option<(Option<PeerId>, Box<str>)> {
    if message.notice.is_some() {
        return None;
    }
    let name = message.sender().to_ascii_lowercase().into();
    match (&message.realm, conversation) {
        (None | Some(Away::To(_)), _) => Some((None, name)),
        (Some(Away::FromAccount(realm, _)), Conversation::Group(_)) => {
            Some((Some(*realms.get(&*realm.folded())?), name))
        }
        (Some(_), _) => Some((Some(conversation.peer()?), name)),
    }
}

/// The number of the sender's account at a peer, where the peer has told it.
fn account_there(message: &Message) -> Option<u64> {
    match &message.realm {
        Some(Away::FromAccount(_, identity)) => Some(identity.account),
        _ => None,
    }
}
