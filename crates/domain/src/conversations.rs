//! How far each conversation has come and was read, and which one a message goes to.

mod correspondents;
mod counts;
mod known;
mod own;

use self::correspondents::{Correspondent, Correspondents};
use self::counts::Counts;
use self::known::{AllKnown, Known};
use self::own::Own;
use crate::{
    AccountId, Conversation, ConversationTip, CorrespondentId, Event, GroupId, Mailbox, Marker,
    PeerId, Posted,
};
use antar_types::{Away, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// How many users of a peer are told apart, and how many that have had the same name. What all others write
/// goes into one more conversation of each account here: a peer may make up as many names as it likes.
const CORRESPONDENTS: usize = 10_000;
const NAMESAKES: usize = 64;

/// How many conversations there are with users of peers: of one account with those of one peer, with those
/// of one peer, and in all. How far each has come is kept in memory.
const CONVERSATIONS: (usize, usize, usize) = (1_000, 20_000, 200_000);

/// What is ahead of a message where nothing is: made once, and not for each.
static NOTHING: LazyLock<Conversations> = LazyLock::new(Conversations::default);

/// Stands for all users of a peer beyond that.
const OTHERS: CorrespondentId = CorrespondentId(0);

/// A message that was deleted: it counts as unread for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which message of its conversation it is.
    pub ordinal: u64,
    /// The account here that wrote it, if one did: for that one it had never counted.
    pub author: Option<AccountId>,
}

/// How many of those are noted, of a conversation and in all: past it the oldest of a conversation count again.
const SKIPPED: (usize, usize) = (1_000, 500_000);

/// All conversations, as far as they are in memory: how far each has come, and how far it was read.
/// Messages are in the store only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversations {
    known: AllKnown,
    /// How far members have read what is said in groups, with or without a peer.
    group_markers: BTreeMap<(Option<PeerId>, Conversation, AccountId), Marker>,
    /// Those that an account has with another account, or with a user of a peer.
    of_account: BTreeMap<AccountId, Own>,
    /// The peers together with which a group has a conversation.
    of_group: BTreeMap<GroupId, BTreeSet<PeerId>>,
    correspondents: BTreeMap<PeerId, Correspondents>,
    counts: Counts,
    /// What does not count as unread, in the order of each conversation, and how many there are.
    skipped: BTreeMap<Conversation, Vec<Skipped>>,
    skipped_in_all: usize,
}

impl Conversations {
    /// How far a conversation has come.
    pub fn tip(&self, conversation: Conversation) -> ConversationTip {
        self.known_tip(conversation).unwrap_or_default()
    }

    /// The last message of a conversation that is gone, since it was older than is kept.
    pub fn floor(&self, conversation: Conversation) -> ConversationTip {
        self.known.get(conversation).map(|known| known.floor).unwrap_or_default()
    }

    /// Whether there is a message in a conversation, or was.
    pub fn is_known(&self, conversation: Conversation) -> bool {
        self.known_tip(conversation).is_some()
    }

    /// Whether one more between two accounts here, if it is new, is within a bound.
    pub fn has_room(&self, conversation: Conversation, most: usize) -> bool {
        self.known.private() < most || self.is_known(conversation)
    }

    /// The user of a peer who has a name in lower case, as far as is known.
    pub fn correspondent_named(&self, peer: PeerId, name: &str) -> Option<CorrespondentId> {
        let named = self.correspondents.get(&peer)?.by_name.get(name)?;
        named.last().map(|known| known.id)
    }

    /// The name in lower case of a user of a peer, and whether it is that user who has it now, as far as is
    /// known.
    pub fn correspondent_name(&self, peer: PeerId, id: CorrespondentId) -> Option<(&str, bool)> {
        let known = self.correspondents.get(&peer)?;
        let name = known.names.get(&id)?;
        let last = known.by_name.get(name)?.last()?;
        Some((name, last.id == id))
    }

    /// The conversations with users of a peer in which an account's with a user of that name is, who has that account
    /// there; also the one in which all are who are too many to be told apart.
    pub(crate) fn with_user(
        &self,
        (account, peer): (AccountId, PeerId),
        (name, there): (&str, Option<u64>),
    ) -> Vec<Conversation> {
        let named =
            self.correspondents.get(&peer).and_then(|known| known.by_name.get(&*folded(name)));
        let named = named
            .into_iter()
            .flatten()
            .filter(|known| known.account.is_none() || known.account == there);
        let all = named.map(|known| known.id).chain([OTHERS]);
        let all = all.map(|id| Conversation::Peer(account, peer, id));
        all.filter(|conversation| self.is_known(*conversation)).collect()
    }

    /// The conversation of an account that a message of its own is in, to a user of a peer who had a name then.
    pub(crate) fn written_to(
        &self,
        (account, peer): (AccountId, PeerId),
        name: &str,
        message: u64,
    ) -> Option<Conversation> {
        let named = self.correspondents.get(&peer).and_then(|known| known.by_name.get(name));
        let mut named = named.into_iter().flatten().rev();
        let then = named.find(|known| known.id.0 <= message).map(|known| known.id);
        let all = [then, Some(OTHERS)].into_iter().flatten();
        let mut all = all.map(|id| Conversation::Peer(account, peer, id));
        all.find(|conversation| self.tip(*conversation).id >= message)
    }

    /// The number of the account of a user of a peer, where the peer has told it.
    pub fn account_there(&self, peer: PeerId, id: CorrespondentId) -> Option<u64> {
        let known = self.correspondents.get(&peer)?;
        let named = known.by_name.get(known.names.get(&id)?)?;
        named.iter().find(|known| known.id == id)?.account
    }

    /// The conversations that an account has with another account or with a user of a peer.
    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = Conversation> {
        self.of_account_before(account, u64::MAX).map(|(_, conversation)| conversation)
    }

    /// The same whose last message has a smaller id, each with that id, the latest first.
    pub(crate) fn of_account_before(
        &self,
        account: AccountId,
        id: u64,
    ) -> impl Iterator<Item = (u64, Conversation)> {
        self.of_account
            .get(&account)
            .into_iter()
            .flat_map(move |own| own.before(id, move |of| self.tip(of).id))
    }

    /// With whom an account has had private messages, and the id of the last with each: with others here, or
    /// with users of a peer.
    pub(crate) fn latest(&self, account: AccountId) -> impl Iterator<Item = (Option<PeerId>, u64)> {
        self.of_account.get(&account).into_iter().flat_map(Own::latest)
    }

    /// The conversations of a group: with nobody else, and together with each peer's where there is one.
    pub fn of_group(&self, group: GroupId) -> impl Iterator<Item = Conversation> {
        let peers = self.of_group.get(&group).into_iter().flatten();
        let pairs = peers.map(move |peer| Conversation::GroupPeer(group, *peer));
        [Conversation::Group(group)].into_iter().chain(pairs)
    }

    /// All that there are, each with how far it has come.
    pub fn all(&self) -> impl Iterator<Item = (Conversation, ConversationTip)> {
        self.known.iter().map(|(conversation, known)| (conversation, known.tip))
    }

    /// Those after one, in an order that does not change, each with how far it has come and what of it is gone.
    pub(crate) fn after(
        &self,
        conversation: Option<Conversation>,
    ) -> impl Iterator<Item = (Conversation, ConversationTip, ConversationTip)> {
        self.known.after(conversation).map(|(of, known)| (of, known.tip, known.floor))
    }

    /// Who has noted how far they have read a conversation, of those for whom messages after it do not count.
    pub(crate) fn readers_ahead(&self, conversation: Conversation) -> Vec<(AccountId, Marker)> {
        let of = |account: AccountId| {
            self.known_marker(account, conversation).map(|marker| (account, marker))
        };
        let all: Vec<(AccountId, Marker)> = match conversation {
            Conversation::Private(one, other) if one == other => of(one).into_iter().collect(),
            Conversation::Private(one, other) => {
                [of(one), of(other)].into_iter().flatten().collect()
            }
            Conversation::Peer(account, ..) => of(account).into_iter().collect(),
            Conversation::Group(_) | Conversation::GroupPeer(..) => {
                let key = |account| (conversation.peer(), conversation, AccountId(account));
                let markers = self.group_markers.range(key(0)..=key(u64::MAX));
                markers.map(|((.., account), marker)| (*account, *marker)).collect()
            }
        };
        all.into_iter().filter(|(_, marker)| marker.own_after > 0).collect()
    }

    /// How far an account has read a conversation.
    pub fn marker(&self, account: AccountId, conversation: Conversation) -> Marker {
        self.known_marker(account, conversation).unwrap_or_default()
    }

    /// The same, where that is noted.
    pub fn known_marker(&self, account: AccountId, conversation: Conversation) -> Option<Marker> {
        match conversation.side(account) {
            Some(side) => self.known.get(conversation)?.markers[side],
            None => {
                let key = (conversation.peer(), conversation, account);
                self.group_markers.get(&key).copied()
            }
        }
    }

    fn set_marker(
        &mut self,
        account: AccountId,
        conversation: Conversation,
        marker: Option<Marker>,
    ) {
        let key = (conversation.peer(), conversation, account);
        match (conversation.side(account), marker) {
            (Some(side), marker) => {
                if let Some(known) = self.known.get_mut(conversation) {
                    known.markers[side] = marker;
                }
            }
            (None, Some(marker)) => drop(self.group_markers.insert(key, marker)),
            (None, None) => drop(self.group_markers.remove(&key)),
        }
    }

    /// How many messages after its marker count as unread for an account.
    pub(crate) fn unread(&self, account: AccountId, conversation: Conversation) -> u64 {
        let (mut marker, floor) = (self.marker(account, conversation), self.floor(conversation));
        // What is gone is read by nobody any more.
        marker.ordinal = marker.ordinal.max(floor.ordinal);
        let skipped = self.skipped.get(&conversation).map_or(&[][..], |all| all);
        let after = skipped.partition_point(|skipped| skipped.ordinal <= marker.ordinal);
        let after = skipped.iter().skip(after);
        let counted = after.filter(|skipped| skipped.author != Some(account)).count() as u64;
        marker.unread(self.tip(conversation)).saturating_sub(counted)
    }

    /// What does not count as unread in a conversation once one more message does not.
    pub(crate) fn skipping(&self, conversation: Conversation, skipped: Skipped) -> Vec<Skipped> {
        let mut all = self.skipped.get(&conversation).cloned().unwrap_or_default();
        let gone = self.floor(conversation).ordinal;
        all.retain(|known| known.ordinal > gone);
        let at = all.partition_point(|known| known.ordinal < skipped.ordinal);
        if all.get(at).is_some_and(|known| known.ordinal == skipped.ordinal) {
            return all;
        }
        all.insert(at, skipped);
        if all.len() > SKIPPED.0 || self.skipped_in_all >= SKIPPED.1 {
            all.remove(0);
        }
        all
    }

    fn set_skipped(&mut self, conversation: Conversation, all: &[Skipped]) {
        self.skipped_in_all += all.len();
        let before = match all {
            [] => self.skipped.remove(&conversation),
            all => self.skipped.insert(conversation, all.to_vec()),
        };
        self.skipped_in_all -= before.map_or(0, |before| before.len());
    }

    fn known_tip(&self, conversation: Conversation) -> Option<ConversationTip> {
        self.known.get(conversation).map(|known| known.tip)
    }

    /// A conversation has come so far, with a message that an account here wrote where one did.
    fn reached(
        &mut self,
        conversation: Conversation,
        tip: ConversationTip,
        author: Option<AccountId>,
    ) {
        let side = author.and_then(|author| conversation.side(author));
        // Who writes has read what was there.
        let read = |known: &mut Known| {
            known.tip = tip;
            side.into_iter().for_each(|side| known.markers[side] = Some(Marker::at(tip)));
        };
        let mut before = None;
        match self.known.get_mut(conversation) {
            Some(known) => {
                before = Some(known.tip.id);
                read(known);
            }
            None => {
                let mut known = Known::default();
                read(&mut known);
                self.known.insert(conversation, known);
                self.begin(conversation);
            }
        }
        let known = &self.known;
        let last = |of| known.get(of).map_or(0, |known| known.tip.id);
        let mut moved = |account| {
            let own = self.of_account.entry(account).or_default();
            own.moved(conversation, before, (tip.id, &last));
        };
        match conversation {
            Conversation::Private(one, other) if one == other => moved(one),
            Conversation::Private(one, other) => {
                moved(one);
                moved(other);
            }
            Conversation::Peer(account, ..) => moved(account),
            Conversation::Group(_) | Conversation::GroupPeer(..) => {}
        }
        if let (Some(author), None) = (author, side) {
            self.set_marker(author, conversation, Some(Marker::at(tip)));
        }
    }

    /// Notes a conversation that is new.
    fn begin(&mut self, conversation: Conversation) {
        match conversation {
            Conversation::Peer(account, peer, _) => self.counts.add(account, peer),
            Conversation::Private(..) | Conversation::Group(_) => {}
            Conversation::GroupPeer(group, peer) => {
                self.of_group.entry(group).or_default().insert(peer);
            }
        }
    }

    fn forget(&mut self, peer: PeerId) {
        self.correspondents.remove(&peer);
        self.counts.forget(peer);
        for (conversation, last) in self.known.forget(peer) {
            if let Conversation::Peer(account, ..) = conversation
                && let Some(own) = self.of_account.get_mut(&account)
            {
                own.forget(peer, conversation, last.id);
            }
        }
        self.of_account.retain(|_, own| !own.is_empty());
        self.of_group.retain(|_, peers| {
            peers.remove(&peer);
            !peers.is_empty()
        });
        self.group_markers.retain(|(with, ..), _| *with != Some(peer));
        self.skipped.retain(|conversation, _| conversation.peer() != Some(peer));
        self.skipped_in_all = self.skipped.values().map(Vec::len).sum();
    }

    /// Lets go of all that is known of a group's conversations.
    pub(crate) fn close_group(&mut self, group: GroupId) {
        let all: Vec<Conversation> = self.of_group(group).collect();
        for conversation in all {
            self.known.remove(conversation);
            self.set_skipped(conversation, &[]);
            let key = |account| (conversation.peer(), conversation, AccountId(account));
            let markers = self.group_markers.range(key(0)..=key(u64::MAX));
            let markers: Vec<_> = markers.map(|(key, _)| *key).collect();
            for key in markers {
                self.group_markers.remove(&key);
            }
        }
        self.of_group.remove(&group);
    }

    /// Says what events put a message into a mailbox: the message, and before it who it is from or to,
    /// where that is a user of a peer who is new here. `sender` is the account here that wrote it.
    pub fn post(
        &self,
        mailbox: Mailbox,
        sender: Option<AccountId>,
        message: Arc<Message>,
    ) -> (Option<Event>, Posted) {
        self.post_after(&NOTHING, mailbox, sender, message)
    }

    /// As [`Conversations::post`], after events that are not applied here yet: `ahead` holds what
    /// they change, and nothing else.
    pub fn post_after(
        &self,
        ahead: &Self,
        mailbox: Mailbox,
        sender: Option<AccountId>,
        message: Arc<Message>,
    ) -> (Option<Event>, Posted) {
        let (mut new, mut recipient, mut waits) = (None, None, None);
        let there = account_there(&message);
        let mut with_peer = |account: AccountId, peer, name: Box<str>| {
            let (id, event) = self.correspondent(ahead, (account, peer), (name, there), message.id);
            new = event;
            Conversation::Peer(account, peer, id)
        };
        let conversation = match mailbox {
            Mailbox::Private(account) => {
                recipient = Some(account);
                // Where it is not known who wrote it any more, it is nobody that there will be.
                Conversation::private(account, sender.unwrap_or(AccountId(0)))
            }
            Mailbox::Group(group) => Conversation::Group(group),
            Mailbox::GroupRealm(group, peer) => Conversation::GroupPeer(group, peer),
            Mailbox::Realm(account, peer) => {
                recipient = Some(account);
                with_peer(account, peer, folded(message.sender()))
            }
            Mailbox::SentRealm(account, peer) => with_peer(account, peer, folded(&message.to)),
            Mailbox::Plain(peer, user) => {
                waits = Some(user);
                with_peer(sender.unwrap_or(AccountId(0)), peer, folded(&message.to))
            }
        };
        let sender = match mailbox {
            Mailbox::Realm(..) => None,
            Mailbox::SentRealm(account, _) => Some(account),
            _ => sender,
        };
        let tip = ahead.known_tip(conversation).unwrap_or_else(|| self.tip(conversation));
        // A notice is in between, and nobody's to read: it is counted with what went before.
        let ordinal = tip.ordinal + u64::from(message.notice.is_none());
        (new, Posted { conversation, ordinal, sender, recipient, waits, message })
    }

    /// Who somebody at a peer is, and the event that notes it where that is news.
    fn correspondent<'a>(
        &'a self,
        ahead: &'a Self,
        (account, peer): (AccountId, PeerId),
        (name, there): (Box<str>, Option<u64>),
        message: u64,
    ) -> (CorrespondentId, Option<Event>) {
        let both = [ahead, self];
        // What is ahead and here as well counts twice: a bound is reached earlier, by one batch at most.
        let has_room = || {
            let [ahead, here] = both.map(|all| all.counts.of(account, peer));
            let (of_account, of_peer, all) = CONVERSATIONS;
            let most = [of_account, of_peer, all];
            most.iter().zip(ahead).zip(here).all(|((most, ahead), here)| ahead + here < *most)
        };
        let named = |all: &&'a Self| all.correspondents.get(&peer)?.by_name.get(&*name);
        let named = || both.iter().filter_map(named);
        let told = there.and_then(|_| named().flatten().find(|known| known.account == there));
        // What is ahead has been learnt since.
        let last = named().filter_map(|named| named.last());
        let last = last.reduce(|ahead, known| if known.id > ahead.id { known } else { ahead });
        // One whose account was not told is whoever is heard of first. Who has the name of one whose
        // account is another is another.
        let known = match (told, there) {
            (None, Some(_)) => last.filter(|last| last.account.is_none()),
            (told, _) => told.or(last),
        };
        if let Some(Correspondent { id, account: told }) = known.copied() {
            let conversation = Conversation::Peer(account, peer, id);
            let is_old = both.iter().any(|all| all.known_tip(conversation).is_some());
            let learnt = there.filter(|_| told.is_none());
            let learnt = learnt.map(|_| Event::CorrespondentSet { peer, id, name, account: there });
            return (if is_old || has_room() { id } else { OTHERS }, learnt);
        }
        let count = |all: &&Self| all.correspondents.get(&peer).map_or(0, |known| known.count);
        let namesakes = named().map(Vec::len).sum::<usize>();
        let many = both.iter().map(count).sum::<usize>() >= CORRESPONDENTS;
        if many || namesakes >= NAMESAKES || !has_room() {
            return (OTHERS, None);
        }
        // The number of the first message is nobody else's.
        let id = CorrespondentId(message);
        (id, Some(Event::CorrespondentSet { peer, id, name, account: there }))
    }

    /// Takes note of an event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Posted(Posted { conversation, ordinal, sender, message, .. }) => {
                let tip = ConversationTip { ordinal: *ordinal, id: message.id };
                self.reached(*conversation, tip, *sender);
            }
            Event::ConversationReached(conversation, tip) => {
                self.reached(*conversation, *tip, None);
            }
            Event::LetGo(conversation, floor) => {
                // What was said in a group of another realm before there was a copy of it is gone from the start.
                let begins = matches!(conversation, Conversation::Group(_));
                if begins && !self.is_known(*conversation) {
                    self.reached(*conversation, *floor, None);
                }
                if let Some(known) = self.known.get_mut(*conversation) {
                    known.floor = *floor;
                }
            }
            Event::MarkerSet { account, conversation, marker } => {
                self.set_marker(*account, *conversation, Some(*marker));
            }
            Event::MarkerEnded { account, conversation } => {
                self.set_marker(*account, *conversation, None);
            }
            Event::SkippedSet(conversation, all) => self.set_skipped(*conversation, all),
            Event::CorrespondentSet { peer, id, name, account } => {
                let correspondent = Correspondent { id: *id, account: *account };
                self.correspondents.entry(*peer).or_default().set(name, correspondent);
            }
            Event::PeerForgotten { peer, .. } => {
                self.forget(*peer);
            }
            _ => {}
        }
    }
}

/// The number of the sender's account at a peer, where the peer has told it.
fn account_there(message: &Message) -> Option<u64> {
    match &message.realm {
        Some(Away::FromAccount(_, identity)) => Some(identity.account),
        _ => None,
    }
}

/// A name as it is compared: what is no name may be shown in place of one.
fn folded(name: &str) -> Box<str> {
    name.to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests;
