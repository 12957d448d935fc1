//! What users have set for themselves: their profiles, and which conversations do not call.

use crate::{AccountId, Conversation, Event};
use antar_types::{Text, Time};
use std::collections::BTreeMap;

/// What a user tells of herself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// A name to show beside the one that others write to; at most 64 bytes.
    pub name: Option<Text>,
    /// A text about her; at most 512 bytes.
    pub about: Text,
}

impl Default for Profile {
    fn default() -> Self {
        Self { name: None, about: Text::empty() }
    }
}

/// What a user is not shown of a conversation of late. What is shown after it says by itself that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unshown {
    /// The id of the last message that is not shown.
    pub hidden: u64,
    /// The id of the last one before it that is, 0 where none is.
    pub shown: u64,
}

impl Unshown {
    /// The id of the last message that is shown, of a conversation whose last one has this id.
    pub fn last_shown(self, tip: u64) -> u64 {
        if self.hidden == tip { self.shown } else { tip }
    }
}

/// What is in memory of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Personal {
    profiles: BTreeMap<AccountId, Profile>,
    /// Until when each conversation is muted; without an end where there is none.
    mutes: BTreeMap<(AccountId, Conversation), Option<Time>>,
    /// What users who have blocked others are not shown.
    unshown: BTreeMap<(AccountId, Conversation), Unshown>,
    /// In which messages users were mentioned that they have not read, by ordinal.
    mentions: BTreeMap<(Conversation, AccountId), Vec<u64>>,
}

impl Personal {
    /// What a user tells of herself, which may be nothing.
    pub fn profile(&self, account: AccountId) -> Profile {
        self.profiles.get(&account).cloned().unwrap_or_default()
    }

    /// Whether there is a profile of a user.
    pub fn has_profile(&self, account: AccountId) -> bool {
        self.profiles.contains_key(&account)
    }

    /// Until when a user has muted a conversation, be that over or not.
    pub fn mute(&self, account: AccountId, conversation: Conversation) -> Option<Option<Time>> {
        self.mutes.get(&(account, conversation)).copied()
    }

    /// Until when a user has muted a conversation; none where it is not muted at this time.
    pub fn is_muted(
        &self,
        account: AccountId,
        conversation: Conversation,
        now: Time,
    ) -> Option<Option<Time>> {
        self.mute(account, conversation).filter(|until| until.is_none_or(|until| until > now))
    }

    /// What a user has muted, each until when.
    pub fn mutes(&self, account: AccountId) -> impl Iterator<Item = (Conversation, Option<Time>)> {
        let first = Conversation::Private(AccountId(0), AccountId(0));
        let past = (AccountId(account.0.saturating_add(1)), first);
        self.mutes.range((account, first)..past).map(|((_, of), until)| (*of, *until))
    }

    /// The conversations about which something of a user's own is kept, but for where the user was mentioned.
    pub fn conversations(&self, account: AccountId) -> Vec<Conversation> {
        self.mutes(account).map(|(of, _)| of).chain(self.partly_hidden(account)).collect()
    }

    /// The conversations of which a user is not shown something of late.
    pub fn partly_hidden(&self, account: AccountId) -> impl Iterator<Item = Conversation> {
        let first = Conversation::Private(AccountId(0), AccountId(0));
        let past = (AccountId(account.0.saturating_add(1)), first);
        self.unshown.range((account, first)..past).map(|((_, of), _)| *of)
    }

    /// What a user is not shown of a conversation of late.
    pub fn unshown(&self, account: AccountId, conversation: Conversation) -> Option<Unshown> {
        self.unshown.get(&(account, conversation)).copied()
    }

    /// In which messages of a conversation a user was mentioned that the user has not read, by ordinal.
    pub fn mentions(&self, account: AccountId, conversation: Conversation) -> &[u64] {
        self.mentions.get(&(conversation, account)).map_or(&[], Vec::as_slice)
    }

    /// Takes note of an event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::ProfileSet(account, profile) => {
                self.profiles.insert(*account, profile.clone());
            }
            Event::ProfileEnded(account) => drop(self.profiles.remove(account)),
            Event::MuteSet { account, conversation, until } => {
                self.mutes.insert((*account, *conversation), *until);
            }
            Event::MuteEnded { account, conversation } => {
                self.mutes.remove(&(*account, *conversation));
            }
            Event::UnshownSet { account, conversation, unshown } => {
                let key = (*account, *conversation);
                match *unshown == Unshown::default() {
                    true => drop(self.unshown.remove(&key)),
                    false => drop(self.unshown.insert(key, *unshown)),
                }
            }
            Event::MentionsSet { account, conversation, ordinals } => {
                let key = (*conversation, *account);
                match ordinals.is_empty() {
                    true => drop(self.mentions.remove(&key)),
                    false => drop(self.mentions.insert(key, ordinals.clone())),
                }
            }
            _ => {}
        }
    }
}
