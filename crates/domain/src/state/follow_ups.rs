//! What messages lead to beside themselves: what they are not counted for, and whom they mention.

use super::State;
use super::durable::Durable;
use crate::{AccountId, Bug, Conversation, Event, GroupId, Marker, Posted, Unshown};
use antar_types::mentions;
use std::collections::{BTreeMap, BTreeSet};

/// For how many who do not hear an author each message is left out of what is unread in a group; for others it is
/// counted.
pub(crate) const DEAF: usize = 100;

/// How many mentions of a user in a conversation are kept that the user has not read: the last ones.
pub(crate) const MENTIONS: usize = 1_000;

/// What there is once those before are there.
#[derive(Default)]
struct Ahead {
    tips: BTreeMap<Conversation, u64>,
    markers: BTreeMap<(AccountId, Conversation), Marker>,
    unshown: BTreeMap<(AccountId, Conversation), Unshown>,
    mentions: BTreeMap<(AccountId, Conversation), Vec<u64>>,
}

impl State {
    /// Keeps a private message from who does not hear its author.
    pub(crate) fn keep_from_the_deaf(&self, posted: &mut Posted) {
        if self.durable.blocks.is_empty() {
            return;
        }
        let Posted { conversation, recipient, message, .. } = posted;
        let Some(account) = *recipient else { return };
        let deaf = self.durable.blocks.deaf_to(*conversation, message);
        if deaf.contains(&account) && !self.is_planted(Bug::HearsBlocked) {
            *recipient = None;
        }
    }

    /// What messages lead to, in order, that are about to be put into their conversations: to be emitted right after
    /// them.
    pub(crate) fn follow_ups<'a>(&self, all: impl Iterator<Item = &'a Posted>) -> Vec<Event> {
        // A private message mentions nobody, and every message comes here.
        let all_are_heard = self.durable.blocks.is_empty();
        let leads_to_something = |posted: &&Posted| {
            let conversation = posted.conversation;
            !all_are_heard
                || matches!(conversation, Conversation::Group(_) | Conversation::GroupPeer(..))
        };
        let mut all = all.filter(leads_to_something).peekable();
        if all.peek().is_none() {
            return Vec::new();
        }
        let mut ahead = Ahead::default();
        for posted in all {
            let deaf = self.durable.deaf_to(posted);
            self.durable.leave_out(posted, &deaf, &mut ahead);
            self.durable.mention(posted, &deaf, &mut ahead);
            if !self.durable.blocks.is_empty() {
                ahead.tips.insert(posted.conversation, posted.message.id);
            }
        }
        if self.is_planted(Bug::CountsBlocked) {
            ahead.markers.clear();
        }
        let markers = ahead.markers.into_iter().map(|((account, conversation), marker)| {
            Event::MarkerSet { account, conversation, marker }
        });
        let unshown = ahead.unshown.into_iter().map(|((account, conversation), unshown)| {
            Event::UnshownSet { account, conversation, unshown }
        });
        let mentions = ahead.mentions.into_iter().map(|((account, conversation), ordinals)| {
            Event::MentionsSet { account, conversation, ordinals }
        });
        markers.chain(unshown).chain(mentions).collect()
    }
}

impl Durable {
    /// Whose conversation a message is in who do not hear its author.
    pub(super) fn deaf_to(&self, posted: &Posted) -> Vec<AccountId> {
        let mut deaf = self.blocks.deaf_to(posted.conversation, &posted.message);
        if !deaf.is_empty() {
            deaf.retain(|account| self.is_in(posted.conversation, *account));
        }
        deaf
    }

    /// Whether a conversation is one of an account's.
    fn is_in(&self, conversation: Conversation, account: AccountId) -> bool {
        match conversation {
            Conversation::Private(..) | Conversation::Peer(..) => {
                conversation.side(account).is_some()
            }
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                let group = self.groups.get(&group);
                group.is_some_and(|group| group.members.contains_key(&account))
            }
        }
    }

    /// The id of the last message of a conversation that an account is shown, 0 where there is none.
    pub(crate) fn last_shown(&self, account: AccountId, conversation: Conversation) -> u64 {
        let unshown = self.personal.unshown(account, conversation).unwrap_or_default();
        let last = unshown.last_shown(self.conversations.tip(conversation).id);
        if last > self.conversations.floor(conversation).id { last } else { 0 }
    }

    /// How many messages mention an account that it has not read.
    pub(crate) fn unread_mentions(&self, account: AccountId, conversation: Conversation) -> u64 {
        let gone = self.conversations.floor(conversation).ordinal;
        let all = self.personal.mentions(account, conversation);
        all.iter().filter(|ordinal| **ordinal > gone).count() as u64
    }

    fn leave_out(&self, posted: &Posted, deaf: &[AccountId], ahead: &mut Ahead) {
        let Posted { conversation, message, .. } = posted;
        let known_tip = || self.conversations.tip(*conversation).id;
        for account in deaf.iter().take(DEAF) {
            let key = (*account, *conversation);
            let tip = ahead.tips.get(conversation).copied().unwrap_or_else(known_tip);
            let before = self.personal.unshown(*account, *conversation).unwrap_or_default();
            let unshown = ahead.unshown.entry(key).or_insert(before);
            *unshown = Unshown { hidden: message.id, shown: unshown.last_shown(tip) };
            let before = self.conversations.marker(*account, *conversation);
            ahead.markers.entry(key).or_insert(before).own_after += 1;
        }
    }

    /// Which members of a group a text mentions.
    pub(crate) fn mentioned(&self, group: GroupId, text: &str) -> BTreeSet<AccountId> {
        let Some(group) = self.groups.get(&group) else { return BTreeSet::new() };
        let names = mentions::words(text, self.name.as_deref()).flat_map(mentions::names);
        let named = names.filter_map(|name| self.account_named(name));
        named.filter(|account| group.members.contains_key(account)).collect()
    }

    /// Notes whom a message of a group mentions, and that its author has read all.
    fn mention(&self, posted: &Posted, deaf: &[AccountId], ahead: &mut Ahead) {
        let Posted { conversation, ordinal, sender, message, .. } = posted;
        let (Conversation::Group(group) | Conversation::GroupPeer(group, _)) = *conversation else {
            return;
        };
        if let Some(sender) = sender
            && !self.personal.mentions(*sender, *conversation).is_empty()
        {
            ahead.mentions.insert((*sender, *conversation), Vec::new());
        }
        if message.notice.is_some() {
            return;
        }
        for account in self.mentioned(group, message.text.as_str()) {
            if Some(account) == *sender || deaf.binary_search(&account).is_ok() {
                continue;
            }
            let before = || self.personal.mentions(account, *conversation).to_vec();
            let ordinals = ahead.mentions.entry((account, *conversation)).or_insert_with(before);
            ordinals.push(*ordinal);
            let past = ordinals.len().saturating_sub(MENTIONS);
            ordinals.drain(..past);
        }
    }
}
