//! The records: what there is of accounts, groups, sessions and links, and that they fit together.

use super::Found;
use crate::layout::Tip;
use antar_domain::links::{Apart, LinkStatus, Position};
use antar_domain::{
    AccountId, ChangeList, ChangesTip, Conversation, ConversationTip, Event, GroupRecord, PeerId,
    Skipped,
};
use antar_types::{Name, TokenHash};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of another realm.
#[derive(Default)]
pub struct Realm {
    pub named: bool,
    pub tip: Position,
    pub floor: Position,
    pub acked: Position,
    pub cursor: Position,
    /// What it has sent that is not known here.
    pub apart: Apart,
    /// The lives of its log that were followed, in order.
    pub forks: BTreeMap<u64, Fork>,
    /// Numbers of users there.
    pub plain_mailboxes: BTreeSet<u64>,
}

/// A life of a realm's log.
pub struct Fork {
    /// The last entry before it.
    pub at: Position,
    /// The last entry of the one before it.
    pub left: u64,
}

/// All records, as far as others depend on them.
#[derive(Default)]
pub struct Known {
    /// How far the data go, where that is known.
    pub tip: Option<Tip>,
    pub accounts: BTreeSet<u64>,
    /// Users of other realms who are in groups.
    pub guests: BTreeSet<u64>,
    pub groups: BTreeMap<u64, (GroupRecord, BTreeSet<u64>)>,
    pub realms: BTreeMap<u64, Realm>,
    /// Those that were not read yet.
    pub conversations: BTreeMap<Conversation, ConversationTip>,
    /// Up to where messages are gone.
    pub floors: BTreeMap<Conversation, ConversationTip>,
    /// How far each list of changes has come.
    pub changes: BTreeMap<ChangeList, ChangesTip>,
    /// Realms of which there is no record any more: what was said with them stays.
    pub forgotten: BTreeSet<u64>,
    /// Which realm's each fork is.
    pub forks: BTreeMap<u64, u64>,
    /// Groups that are gone, of which messages are left.
    pub closed: BTreeSet<u64>,
    /// Who may not join which group.
    bans: BTreeSet<(u64, u64)>,
    names: BTreeSet<(&'static str, String)>,
    tokens: BTreeSet<TokenHash>,
}

impl Known {
    /// Takes a record. They come in the order of a start: what one refers to came before.
    pub fn take(&mut self, event: Event, found: &mut Found<'_>) {
        match event {
            Event::AccountSet(id, record) => {
                self.name("account", &record.name, found);
                self.accounts.insert(id.0);
            }
            Event::GroupSet(id, record) => {
                if record.home.is_none() {
                    self.name("group", &record.name, found);
                }
                self.groups.insert(id.0, (record, BTreeSet::new()));
            }
            Event::GroupClosed(group, _) => drop(self.closed.insert(group.0)),
            Event::Banned(group, account) => drop(self.bans.insert((group.0, account.0))),
            Event::Silenced(group, account, _) => {
                let exist = self.groups.contains_key(&group.0) && self.is_somebody(account);
                if !exist {
                    let place = format!("silence of account {} in group {}", account.0, group.0);
                    found.damage(place, "one of them does not exist");
                }
            }
            Event::GuestSet(id, _) => drop(self.guests.insert(id.0)),
            Event::MemberSet(group, account, _) => match self.groups.get_mut(&group.0) {
                Some((_, members))
                    if self.accounts.contains(&account.0) || self.guests.contains(&account.0) =>
                {
                    members.insert(account.0);
                }
                Some((record, _)) => {
                    let what = format!("account {} is a member and does not exist", account.0);
                    found.damage(format!("group {}", record.name), what);
                }
                None => {
                    found.damage(format!("group {}", group.0), "has members and does not exist")
                }
            },
            Event::SessionSet(id, record) => {
                let place = format!("session {}", id.0);
                if !self.accounts.contains(&record.account.0) {
                    let what = format!("is of account {}, which does not exist", record.account.0);
                    found.damage(&place, what);
                }
                if !self.tokens.insert(record.hash) {
                    found.damage(place, "has the token of another");
                }
            }
            Event::ConversationReached(conversation, tip) => {
                self.conversations.insert(conversation, tip);
            }
            Event::LetGo(conversation, floor) => {
                // A copy of a group in which nothing was said since it began has no last message.
                let begins = matches!(conversation, Conversation::Group(_));
                let tip = self.conversations.get(&conversation).copied();
                let tip = tip.unwrap_or(if begins { floor } else { ConversationTip::default() });
                if floor.id > tip.id || floor.ordinal > tip.ordinal {
                    let place = format!("what is gone of {conversation:?}");
                    found.damage(place, "is past the last message");
                }
                self.floors.insert(conversation, floor);
            }
            Event::MarkerSet { account, conversation, marker } => {
                // The account may be gone: format 1 did not say how far it had read.
                let tip = self.conversations.get(&conversation).or(self.floors.get(&conversation));
                let tip = tip.copied().unwrap_or_default();
                if marker.id > tip.id || marker.ordinal > tip.ordinal {
                    let place = format!("how far account {} has read {conversation:?}", account.0);
                    found.damage(place, "is past the last message");
                }
            }
            Event::BlockSet { account, block } => {
                self.of_account(account, "blocked somebody", found);
                let ends =
                    block.spans.iter().map(|span| (span.after, span.upto.unwrap_or(u64::MAX)));
                let ends: Vec<_> = ends.flat_map(|(after, upto)| [after, upto]).collect();
                if !ends.is_sorted() || ends.is_empty() {
                    let place = format!("whom account {} has blocked", account.0);
                    found.damage(place, "begins and ends out of order");
                }
            }
            Event::UnshownSet { account, conversation, unshown } => {
                self.of_account(account, "messages that are not shown", found);
                let tip = self.conversations.get(&conversation).copied().unwrap_or_default();
                if unshown.hidden > tip.id || unshown.shown >= unshown.hidden {
                    let place =
                        format!("what account {} is not shown of {conversation:?}", account.0);
                    found.damage(place, "is past the last message");
                }
            }
            Event::MentionsSet { account, conversation, ordinals } => {
                self.of_account(account, "mentions", found);
                let tip = self.conversations.get(&conversation).copied().unwrap_or_default();
                let is_past = ordinals.last().is_some_and(|last| *last > tip.ordinal);
                if is_past || !ordinals.is_sorted() {
                    let place =
                        format!("where account {} is mentioned in {conversation:?}", account.0);
                    found.damage(place, "is past the last message, or out of order");
                }
            }
            Event::Erasing(account, _) if self.accounts.contains(&account.0) => {
                found.damage(
                    format!("account {}", account.0),
                    "is erased and there is a record of it",
                );
            }
            Event::ProfileSet(account, _) => self.of_account(account, "a profile", found),
            Event::MuteSet { account, .. } => {
                self.of_account(account, "a muted conversation", found);
            }
            Event::SkippedSet(conversation, all) => self.skip(conversation, &all, found),
            Event::ChangesReached(list, tip) => {
                let exists = match list {
                    ChangeList::Account(id) => self.accounts.contains(&id.0),
                    ChangeList::Group(id) => self.groups.contains_key(&id.0),
                };
                if !exists {
                    found.damage(format!("changes of {list:?}"), "that does not exist");
                }
                self.changes.insert(list, tip);
            }
            event => self.take_link(event, found),
        }
    }

    /// Something is kept of an account, which must exist.
    fn of_account(&self, account: AccountId, what: &str, found: &mut Found<'_>) {
        if !self.accounts.contains(&account.0) {
            found
                .damage(format!("account {}", account.0), format!("has {what} and does not exist"));
        }
    }

    /// What does not count as unread in a conversation.
    fn skip(&self, conversation: Conversation, all: &[Skipped], found: &mut Found<'_>) {
        let tip = self.conversations.get(&conversation).copied().unwrap_or_default();
        let in_order = all.windows(2).all(|two| two[0].ordinal < two[1].ordinal);
        if !in_order || all.last().is_some_and(|last| last.ordinal > tip.ordinal) {
            let place = format!("what does not count as unread in {conversation:?}");
            found.damage(place, "is out of order, or past the last message");
        }
    }

    fn take_link(&mut self, event: Event, found: &mut Found<'_>) {
        if let Event::PeerSet(id, record) = event {
            self.realms.entry(id.0).or_default().named = true;
            // One that waits for approval may ask for the name of one that was removed.
            let kind = if record.status == LinkStatus::Asking { "waiting realm" } else { "realm" };
            return self.name(kind, &record.name, found);
        }
        match event {
            Event::OwedReached { peer: id, tip, .. } => self.realm(id).tip = tip,
            Event::Trimmed { peer: id, floor, .. } => self.realm(id).floor = floor,
            Event::Acked { peer: id, acked, .. } => self.realm(id).acked = acked,
            Event::CursorReached { peer: id, cursor } => self.realm(id).cursor = cursor,
            Event::ApartReached(id, apart) => self.realm(id).apart = apart,
            Event::Followed { peer: id, fork, at, left, .. } => {
                self.realm(id).forks.insert(fork.0, Fork { at, left });
                self.forks.insert(fork.0, id.0);
            }
            Event::ReplacedReached(id, _)
            | Event::CanSet(id, _)
            | Event::AddressTold(id, _)
            | Event::Dropped { peer: id, .. }
            | Event::KnownAs(id, _)
            | Event::CorrespondentSet { peer: id, .. } => {
                let _ = self.realm(id);
            }
            Event::PlainMailboxSet(id, number, _) => {
                self.realm(id).plain_mailboxes.insert(number);
            }
            Event::PeerForgotten { peer: id, .. } => {
                if self.realms.contains_key(&id.0) {
                    let what = "it was forgotten and there are notes about it";
                    found.damage(format!("realm {}", id.0), what);
                }
                self.forgotten.insert(id.0);
            }
            _ => {}
        }
    }

    fn realm(&mut self, id: PeerId) -> &mut Realm {
        self.realms.entry(id.0).or_default()
    }

    /// Whether there is such an account, or such a guest.
    fn is_somebody(&self, id: AccountId) -> bool {
        self.accounts.contains(&id.0) || self.guests.contains(&id.0)
    }

    fn name(&mut self, kind: &'static str, name: &Name, found: &mut Found<'_>) {
        if !self.names.insert((kind, name.folded().to_string())) {
            found.damage(format!("{kind} {name}"), "there are two of that name");
        }
    }

    /// What can be told only once all are there.
    pub fn fit(&self, found: &mut Found<'_>) {
        for (record, members) in self.groups.values() {
            let owner = record.owner.map(|owner| owner.0);
            let place = || format!("group {}", record.name);
            match owner {
                Some(owner) if !members.contains(&owner) => {
                    found.damage(place(), format!("account {owner} owns it and is no member"));
                }
                None if !members.is_empty() && record.home.is_none() => {
                    found.damage(place(), "has members and no owner")
                }
                _ => {}
            }
        }
        for (group, account) in &self.bans {
            let place = || format!("ban of account {account} from group {group}");
            match self.groups.get(group) {
                Some((_, members)) if members.contains(account) => {
                    found.damage(place(), "it is a member");
                }
                Some(_) if self.is_somebody(AccountId(*account)) => {}
                _ => found.damage(place(), "one of them does not exist"),
            }
        }
        if let Some(id) = self.closed.iter().find(|id| self.groups.contains_key(id)) {
            found.damage(format!("group {id}"), "it is gone and there is a record of it");
        }
        for (id, realm) in &self.realms {
            let place = || format!("realm {id}");
            if !realm.named {
                found.damage(place(), "there are notes about it and no record of it");
            }
            if realm.floor.seq > realm.tip.seq {
                found.damage(place(), "more of what it was owed is gone than there ever was");
            }
        }
    }
}
