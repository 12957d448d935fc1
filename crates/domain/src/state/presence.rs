//! Who is told of whom.

use super::State;
use super::durable::Durable;
use crate::{AccountId, Conversation, Effects, Notification, Output, Presence, Readings};
use std::sync::Arc;

impl Durable {
    /// Whether two accounts share a conversation or a group.
    pub fn are_acquainted(&self, one: AccountId, other: AccountId) -> bool {
        if one == other || self.conversations.is_known(Conversation::private(one, other)) {
            return true;
        }
        let groups = |id| self.accounts.get(&id).map(|account| &account.groups);
        groups(one).zip(groups(other)).is_some_and(|(one, other)| !one.is_disjoint(other))
    }
}

impl Durable {
    /// Whether one account is shown whether another is here: they are acquainted, and the other is not blocked.
    pub fn is_shown(&self, to: AccountId, other: AccountId) -> bool {
        self.are_acquainted(to, other) && !self.blocks.is_deaf(to, other)
    }
}

impl State {
    /// Whether a user is here.
    pub(crate) fn presence(&self, account: AccountId) -> Option<Presence> {
        let user = self.durable.accounts.get(&account)?.record.name.as_str().into();
        let Some(person) = self.live.people.get(account) else {
            return Some(Presence { user, ..Presence::of_stranger("") });
        };
        let text = person.away.clone().flatten();
        Some(Presence { user, availability: person.availability, since: person.since, text })
    }

    /// Tells those who follow a user that the user came, went, or is away, where a step has changed that.
    pub(super) fn tell_presence(&mut self, readings: &Readings, effects: &mut Effects) {
        // Every request comes here.
        if !self.live.people.has_changed() {
            return;
        }
        for account in self.live.people.take_changed() {
            let people = &mut self.live.people;
            let presence = match self.durable.accounts.contains_key(&account) {
                true if people.settle(account, readings.uptime, readings.now) => {
                    self.presence(account)
                }
                false if people.forget(account) => {
                    let since = Some(readings.now);
                    let former = self.durable.formers.get(&account);
                    former.map(|name| Presence { since, ..Presence::of_stranger(name) })
                }
                _ => None,
            };
            let Some(presence) = presence.map(Arc::new) else { continue };
            self.live.followers(account, |conn, follower, tag| {
                if self.durable.is_shown(follower, account) {
                    let told = Notification::Presence(presence.clone());
                    effects.outputs.push(Output::Notify(conn, tag, told));
                }
            });
        }
    }
}
