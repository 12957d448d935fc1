//! What is on disk, or will be before anyone hears of it.

use crate::links::{InvitationRecord, LinkStatus, Peer, PeerRecord};
use crate::rooms::{Copies, Guests};
use crate::{
    AccountId, AccountRecord, Blocks, ChangeList, ChangeTips, Conversation, Conversations, Event,
    Files, GroupId, GroupRecord, GroupRole, Member, PeerId, Personal, Reader, SessionId,
    SessionRecord, Silence, UserInvitation,
};
use antar_types::{Folded, Message, Name, NameKey, Time, TokenHash};
use std::collections::{BTreeMap, BTreeSet};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub record: AccountRecord,
    pub sessions: BTreeSet<SessionId>,
    pub groups: BTreeSet<GroupId>,
    /// How many groups this user made.
    pub created: usize,
}

/// A group and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub record: GroupRecord,
    pub members: BTreeMap<AccountId, Member>,
}

impl Group {
    /// What a user is in it; `None` where the user is not in it.
    pub fn role(&self, account: AccountId) -> Option<GroupRole> {
        let member = self.members.get(&account)?;
        Some(match member.moderator {
            _ if self.record.owner == Some(account) => GroupRole::Owner,
            true => GroupRole::Moderator,
            false => GroupRole::Member,
        })
    }
}

/// Accounts, groups, sessions and how far conversations have come; messages are in the store only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    pub name: Option<Name>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub groups: BTreeMap<GroupId, Group>,
    /// Who may not join which group.
    pub bans: BTreeSet<(GroupId, AccountId)>,
    /// Who may not write into which group; some may have ended by themselves.
    pub silences: BTreeMap<(GroupId, AccountId), Silence>,
    /// Users of other realms who are in groups.
    pub guests: Guests,
    /// Groups of other realms of which there is a copy here.
    pub copies: Copies,
    /// Groups that are gone, and how many steps it takes to let go of their messages.
    pub closed: BTreeMap<GroupId, u64>,
    /// Accounts that are gone, and what they were called, of which something is left that is to go.
    pub erasing: BTreeMap<AccountId, Name>,
    pub sessions: BTreeMap<SessionId, SessionRecord>,
    pub tokens: BTreeMap<TokenHash, SessionId>,
    pub peers: BTreeMap<PeerId, Peer>,
    pub invitations: BTreeMap<u64, InvitationRecord>,
    pub user_invitations: BTreeMap<u64, UserInvitation>,
    pub conversations: Conversations,
    pub changes: ChangeTips,
    pub personal: Personal,
    pub blocks: Blocks,
    pub files: Files,
    /// The epoch of cursors that clients have; 0 where there is none yet.
    pub sync_epoch: u64,
    /// In which respects older data were brought up to date.
    pub upgrades: BTreeSet<u64>,
    /// A realm that waits for approval may share its name with one that was removed.
    peer_names: BTreeMap<Box<str>, BTreeSet<PeerId>>,
    account_names: BTreeMap<NameKey, AccountId>,
    /// Names that accounts had and nobody has now, and which accounts they were.
    pub left_names: BTreeMap<Box<str>, AccountId>,
    /// The same of groups.
    pub left_group_names: BTreeMap<Box<str>, GroupId>,
    group_names: BTreeMap<NameKey, GroupId>,
    /// The names of accounts that were removed, as far as an event tells of them.
    pub formers: BTreeMap<AccountId, Name>,
    /// The accounts of each name that were removed.
    former_names: BTreeMap<Box<str>, BTreeSet<AccountId>>,
    last_id: u64,
}

/// Accounts of one name that were removed among whose conversations a message is looked for.
const FORMERS: usize = 16;

impl Durable {
    pub fn account_named(&self, name: &str) -> Option<AccountId> {
        self.account_names.get(&NameKey::of(name)?).copied()
    }

    /// The account here that wrote a message, if there still is one.
    pub fn author(&self, message: &Message) -> Option<AccountId> {
        let account = self.account_named(&message.from)?;
        let name = self.accounts.get(&account)?.record.name.clone();
        Reader { account, name, realm: None, blocks: None, there: None }
            .wrote(message)
            .then_some(account)
    }

    /// The account that had a name last and was removed.
    pub fn former_named(&self, name: &str) -> Option<AccountId> {
        self.former_names.get(&*Folded::new(name)?)?.last().copied()
    }

    /// The accounts that had a name and were removed, the last [`FORMERS`] of them.
    pub fn formers_named(&self, name: &Name) -> impl Iterator<Item = AccountId> {
        let all = self.former_names.get(&*name.folded());
        all.into_iter().flat_map(|all| all.iter().rev().take(FORMERS).copied())
    }

    pub fn group_named(&self, name: &str) -> Option<GroupId> {
        self.group_names.get(&NameKey::of(name)?).copied()
    }

    /// How a group of another realm is called, of which there is a copy here: `staff@beta`.
    pub fn group_elsewhere(&self, group: GroupId) -> Option<Box<str>> {
        let is_copy = self.groups.get(&group)?.record.home.is_some();
        if is_copy { self.group_shown(group) } else { None }
    }

    /// How a group is shown: `staff`, or `staff@beta` where it is of another realm.
    pub fn group_shown(&self, group: GroupId) -> Option<Box<str>> {
        let record = &self.groups.get(&group)?.record;
        Some(match record.home {
            None => record.name.as_str().into(),
            Some(home) => {
                format!("{}@{}", record.name, self.peers.get(&home.peer)?.record.name).into()
            }
        })
    }

    /// The realm of a name: one that was removed only where there is no other.
    pub fn peer_named(&self, name: &str) -> Option<PeerId> {
        let removed = |id: &PeerId| {
            self.peers.get(id).is_none_or(|peer| peer.record.status == LinkStatus::Removed)
        };
        self.peers_named(name).min_by_key(removed)
    }

    /// All realms of a name.
    pub fn peers_named(&self, name: &str) -> impl Iterator<Item = PeerId> {
        let ids = Folded::new(name).and_then(|name| self.peer_names.get(&*name));
        ids.into_iter().flatten().copied()
    }

    /// Realms that had this name before, under the names that they have instead.
    pub fn formers(&self, name: &Name) -> impl Iterator<Item = &Name> {
        let start: Box<str> = format!("{}.", &*name.folded()).into();
        let like = self.peer_names.range(start.clone()..);
        let ids =
            like.take_while(move |(own, _)| own.starts_with(&*start)).flat_map(|(_, ids)| ids);
        let records = ids.filter_map(|id| self.peers.get(id)).map(|peer| &peer.record);
        records.filter(|record| record.status == LinkStatus::Former).map(|record| &record.name)
    }

    /// Realms that are linked, or are asked to be by somebody here.
    pub fn links(&self) -> usize {
        self.peers.values().filter(|peer| !peer.is_gone() && !peer.is_asking()).count()
    }

    /// The last number of the realm's one counter that was given out.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The next number of the realm's one counter; taken once an event that carries it is applied.
    pub fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// The newest time of anything here: when somebody registered, made a group or used a session.
    pub fn newest(&self) -> Time {
        let created = self.accounts.values().map(|account| account.record.created);
        let made = self.groups.values().map(|group| group.record.created);
        let used = self.sessions.values().map(|session| session.used);
        created.chain(made).chain(used).max().unwrap_or(Time(0))
    }

    fn reached(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    /// Events come in any order of kinds at a start, so each must make sense before those it
    /// refers to: see [`crate::Event`].
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::RealmNamed(name) => self.name = Some(name.clone()),
            Event::IdReached(id) => self.reached(*id),
            Event::TimeReached(_) => {}
            Event::Rewritten(placed) => {
                self.files.apply(event);
                // What is told of a group is told by its host alone. A realm that has nobody in it any more may not have
                // been told yet what it was owed before.
                if let Conversation::Group(group) = placed.conversation
                    && self.groups.get(&group).is_some_and(|known| known.record.home.is_none())
                {
                    for (peer, known) in &mut self.peers {
                        known.out.retell(*peer, group, &placed.message);
                    }
                }
            }
            Event::FileSet { .. }
            | Event::FileGiven { .. }
            | Event::FileRemoved(_)
            | Event::FileHeld { .. }
            | Event::FileLetGo { .. }
            | Event::FileKeySet(_) => self.files.apply(event),
            // What is said with a group or a realm that is gone is nobody's to read.
            Event::FileNamed { conversation, .. } => {
                if self.exists(*conversation) {
                    self.files.apply(event);
                }
            }
            Event::AccountSet(id, record) => self.set_account(*id, record),
            Event::AccountRemoved(id) => {
                if let Some(account) = self.accounts.remove(id) {
                    self.account_names.remove(&account.record.name.key());
                }
            }
            Event::SessionSet(id, record) => self.set_session(*id, record),
            Event::SessionEnded(id) => {
                if let Some(session) = self.sessions.remove(id) {
                    self.tokens.remove(&session.hash);
                    if let Some(account) = self.accounts.get_mut(&session.account) {
                        account.sessions.remove(id);
                    }
                }
            }
            Event::GroupSet(id, record) => self.set_group(*id, record),
            Event::MemberSet(group, account, member) => {
                self.reached(member.since);
                let Some(g) = self.groups.get_mut(group) else { return };
                if let Some(a) = self.accounts.get_mut(account) {
                    g.members.insert(*account, *member);
                    a.groups.insert(*group);
                } else if self.guests.join(*account, *group) {
                    g.members.insert(*account, *member);
                }
            }
            Event::MemberRemoved(group, account) => {
                if let Some(g) = self.groups.get_mut(group) {
                    g.members.remove(account);
                }
                match self.accounts.get_mut(account) {
                    Some(a) => drop(a.groups.remove(group)),
                    None => self.guests.leave(*account, *group),
                }
            }
            Event::GuestSet(id, guest) => {
                self.reached(id.0);
                self.guests.set(*id, guest);
            }
            Event::GuestEnded(id) => self.guests.end(*id),
            Event::PendingSet(group, message) => {
                self.reached(message.id);
                self.copies.wait(*group, message);
            }
            Event::PendingEnded(group, id) => self.copies.end_pending(*group, *id),
            Event::GroupClosed(..)
            | Event::GroupSwept(..)
            | Event::Banned(..)
            | Event::Unbanned(..)
            | Event::Silenced(..) => self.apply_to_group(event),
            Event::Posted(posted) => {
                self.reached(posted.message.id);
                self.conversations.apply(event);
                self.files.apply(event);
            }
            Event::Changed { list, tip, .. }
            | Event::ChangesReached(list, tip)
            | Event::ChangesTrimmed(list, tip) => {
                self.reached(tip.id);
                self.changes.set(*list, *tip);
            }
            Event::ChangesEnded(list) => self.changes.end(*list),
            Event::SyncEpochBegun(epoch) => self.sync_epoch = *epoch,
            Event::UpgradeDone(step) => {
                self.upgrades.insert(*step);
            }
            Event::ProfileSet(..)
            | Event::ProfileEnded(_)
            | Event::MuteSet { .. }
            | Event::MuteEnded { .. }
            | Event::UnshownSet { .. }
            | Event::MentionsSet { .. } => self.personal.apply(event),
            Event::BlockSet { block, .. } => {
                self.reached(block.number);
                block.spans.iter().for_each(|span| self.reached(span.after));
                self.blocks.apply(event);
            }
            Event::BlockEnded { .. } => self.blocks.apply(event),
            Event::LetGo(conversation, upto) => {
                self.conversations.apply(event);
                self.files.let_go(*conversation, upto.id);
            }
            Event::ConversationReached(..)
            | Event::SkippedSet(..)
            | Event::MarkerSet { .. }
            | Event::MarkerEnded { .. } => self.conversations.apply(event),
            Event::CorrespondentSet { id, .. } => {
                self.reached(id.0);
                self.conversations.apply(event);
            }
            Event::InvitationSet(id, record) => {
                self.reached(*id);
                self.invitations.insert(*id, record.clone());
            }
            Event::InvitationEnded(id) => {
                self.invitations.remove(id);
            }
            Event::UserInvited(id, record) => {
                self.reached(*id);
                self.user_invitations.insert(*id, record.clone());
            }
            Event::UserInvitationEnded(id) => {
                self.user_invitations.remove(id);
            }
            Event::PeerSet(id, record) => {
                self.blocks.apply(event);
                self.set_peer(*id, record);
            }
            Event::EpochBegun(peer, ..)
            | Event::Owed { peer, .. }
            | Event::OwedReached { peer, .. }
            | Event::Acked { peer, .. }
            | Event::Trimmed { peer, .. }
            | Event::AddressTold(peer, _)
            | Event::Dropped { peer, .. }
            | Event::KnownAs(peer, _)
            | Event::ApartReached(peer, _)
            | Event::CanSet(peer, _)
            | Event::OwedReplaced { peer, .. }
            | Event::ReplacedReached(peer, _)
            | Event::CursorReached { peer, .. } => self.apply_to_peer(*peer, event),
            Event::Followed { peer, fork, .. } => {
                self.reached(fork.0);
                self.apply_to_peer(*peer, event);
            }
            Event::PlainMailboxSet(peer, id, _) => {
                self.reached(*id);
                self.apply_to_peer(*peer, event);
            }
            Event::SetApart { peer, entry, .. } => {
                entry.iter().for_each(|entry| self.reached(entry.id));
                self.apply_to_peer(*peer, event);
            }
            Event::Received { peer, events, .. } => {
                events.iter().for_each(|event| self.apply(event));
                self.apply_to_peer(*peer, event);
            }
            Event::PeerForgotten { peer, .. } => {
                self.conversations.apply(event);
                self.files.forget(*peer);
                self.forget_peer(*peer);
            }
            Event::Erasing(id, name) => {
                self.reached(id.0);
                self.erasing.insert(*id, name.clone());
            }
            Event::Erased(id) => drop(self.erasing.remove(id)),
            Event::FormerSet(id, name) => {
                self.formers.insert(*id, name.clone());
                self.former_names.entry((*name.folded()).into()).or_default().insert(*id);
            }
            Event::NameLeft(id, name) => {
                self.left_names.insert((*name.folded()).into(), *id);
            }
            Event::NameTaken(id) => self.left_names.retain(|_, left| left != id),
            Event::GroupNameLeft(id, name) => {
                self.left_group_names.insert((*name.folded()).into(), *id);
            }
            Event::GroupNameTaken(id) => self.left_group_names.retain(|_, left| left != id),
            Event::HeirSet(peer, ..) | Event::HeirEnded(peer, _) => {
                self.apply_to_peer(*peer, event);
            }
        }
    }

    /// Whether whom a conversation is with is still here: the group, and the realm.
    fn exists(&self, conversation: Conversation) -> bool {
        let has_group = match conversation {
            Conversation::Group(id) | Conversation::GroupPeer(id, _) => {
                self.groups.contains_key(&id)
            }
            Conversation::Private(..) | Conversation::Peer(..) => true,
        };
        has_group && conversation.peer().is_none_or(|peer| self.peers.contains_key(&peer))
    }

    fn forget_peer(&mut self, id: PeerId) {
        self.reached(id.0);
        let Some(peer) = self.peers.remove(&id) else { return };
        self.unname(&peer.record.name, id);
    }

    fn unname(&mut self, name: &Name, id: PeerId) {
        let name = name.folded();
        if let Some(ids) = self.peer_names.get_mut(&*name) {
            ids.remove(&id);
            if ids.is_empty() {
                self.peer_names.remove(&*name);
            }
        }
    }

    fn set_peer(&mut self, id: PeerId, record: &PeerRecord) {
        self.reached(id.0);
        if let Some(before) = self.peers.get(&id).map(|peer| peer.record.name.clone()) {
            self.unname(&before, id);
        }
        self.peer_names.entry((*record.name.folded()).into()).or_default().insert(id);
        match self.peers.get_mut(&id) {
            Some(peer) => peer.record = record.clone(),
            None => drop(self.peers.insert(id, Peer::new(record.clone()))),
        }
    }

    fn apply_to_peer(&mut self, peer: PeerId, event: &Event) {
        let Some(known) = self.peers.get_mut(&peer) else {
            return;
        };
        let (out, followed) = (&mut known.out, &mut known.followed);
        match event {
            Event::EpochBegun(_, epoch) => out.epoch = *epoch,
            Event::Owed { tip, total, entry, .. } => out.append(*tip, *total, entry),
            Event::OwedReached { tip, total, since, .. } => out.reached(*tip, *total, *since),
            Event::Acked { acked, total, hour, told, .. } => {
                out.ack(*acked, *total);
                out.told = out.floor.seq.max(*told);
                out.acks.insert(*hour, *acked);
            }
            Event::Trimmed { floor, hour, .. } => {
                out.trim(*floor);
                hour.map(|hour| out.acks.remove(&hour));
            }
            Event::Followed { fork, epoch, at, left, .. } => {
                followed.follow(*fork, *epoch, *at, *left);
            }
            Event::CursorReached { cursor, .. } | Event::Received { cursor, .. } => {
                followed.cursor = *cursor;
            }
            Event::SetApart { apart, .. } | Event::ApartReached(_, apart) => known.apart = *apart,
            Event::CanSet(_, can) => known.can = Some(*can),
            Event::OwedReplaced { seq, text, upto, .. } => {
                out.replace(*seq, text);
                out.replaced = *upto;
            }
            Event::ReplacedReached(_, upto) => out.replaced = *upto,
            Event::KnownAs(_, name) => known.known_as = name.clone(),
            Event::Dropped { dropped, lost, .. } => {
                (out.dropped, out.lost) = (*dropped, lost.clone());
            }
            Event::AddressTold(_, address) => known.told = address.clone(),
            Event::PlainMailboxSet(_, id, name) => {
                known.plain_mailboxes.insert((*name.folded()).into(), *id);
            }
            Event::HeirSet(_, holder, heir) => {
                known.heirs.insert(*holder, *heir);
            }
            Event::HeirEnded(_, holder) => {
                known.heirs.remove(holder);
            }
            _ => {}
        }
    }

    fn set_account(&mut self, id: AccountId, record: &AccountRecord) {
        self.reached(id.0);
        if let Some(account) = self.accounts.get_mut(&id) {
            account.record = record.clone();
            return;
        }
        self.account_names.insert(record.name.key(), id);
        let (sessions, groups) = (BTreeSet::new(), BTreeSet::new());
        let account = Account { record: record.clone(), sessions, groups, created: 0 };
        self.accounts.insert(id, account);
    }

    fn set_session(&mut self, id: SessionId, record: &SessionRecord) {
        self.reached(id.0);
        if let Some(account) = self.accounts.get_mut(&record.account) {
            account.sessions.insert(id);
            self.tokens.insert(record.hash, id);
            self.sessions.insert(id, record.clone());
        }
    }

    /// What may be known of a group before the group is: at a start it comes before it, or after it is gone.
    fn apply_to_group(&mut self, event: &Event) {
        match *event {
            Event::GroupClosed(id, left) => {
                self.close_group(id);
                self.closed.insert(id, left);
            }
            Event::GroupSwept(id, 0) => drop(self.closed.remove(&id)),
            Event::GroupSwept(id, left) => drop(self.closed.insert(id, left)),
            Event::Banned(id, account) => drop(self.bans.insert((id, account))),
            Event::Unbanned(id, account) => drop(self.bans.remove(&(id, account))),
            Event::Silenced(id, account, Silence::Ended) => {
                self.silences.remove(&(id, account));
            }
            Event::Silenced(id, account, silence) => {
                self.silences.insert((id, account), silence);
            }
            _ => {}
        }
    }

    fn close_group(&mut self, id: GroupId) {
        let Some(group) = self.groups.remove(&id) else { return };
        match group.record.home {
            Some(home) => self.copies.remove(id, home, &group.record.name),
            None => drop(self.group_names.remove(&group.record.name.key())),
        }
        if let Some(creator) = self.accounts.get_mut(&group.record.creator) {
            creator.created = creator.created.saturating_sub(1);
        }
        for member in group.members.keys() {
            match self.accounts.get_mut(member) {
                Some(account) => drop(account.groups.remove(&id)),
                None => self.guests.leave(*member, id),
            }
        }
        self.bans.retain(|(of, _)| *of != id);
        self.silences.retain(|(of, _), _| *of != id);
        for conversation in self.conversations.of_group(id) {
            self.files.let_go(conversation, u64::MAX);
        }
        self.conversations.close_group(id);
        self.changes.end(ChangeList::Group(id));
    }

    fn set_group(&mut self, id: GroupId, record: &GroupRecord) {
        self.reached(id.0);
        if let Some(home) = record.home {
            self.copies.set(id, home, &record.name);
        }
        if let Some(group) = self.groups.get_mut(&id) {
            group.record = record.clone();
            return;
        }
        match record.home {
            Some(_) => {}
            None => drop(self.group_names.insert(record.name.key(), id)),
        }
        if let Some(creator) = self.accounts.get_mut(&record.creator) {
            creator.created += 1;
        }
        self.groups.insert(id, Group { record: record.clone(), members: BTreeMap::new() });
    }
}
