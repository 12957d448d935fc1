//! In the end a user of each realm goes, with all that this one wrote.

use crate::node::Node;
use crate::retention::Said;
use crate::world::World;
use antar_domain::{AccountId, Conversation, Event, Origin};
use antar_types::{Away, Message};
use rand::RngExt;
use std::collections::BTreeSet;

/// How long a realm has for it, and the others to hear of it, in milliseconds.
const TAKES: u64 = 20_000;

impl World<'_> {
    /// Erases a user of each realm.
    pub fn erase_users(&mut self) {
        for node in 0..self.nodes.len() {
            if self.violation.is_none() {
                self.erase_user_of(node);
            }
        }
    }

    fn erase_user_of(&mut self, node: usize) {
        let Some(person) = self.people.of(node).into_iter().nth(1) else { return };
        let name = self.people.all[person].name.clone();
        let before = self.said_at(node);
        let Some(conn) = self.connect_as(node, Origin::Operator) else { return };
        self.line(node, conn, format!("ERASEUSER {name}"));
        let until = self.now + self.chance.random_range(10..1_500);
        while self.advance(until) {}
        let answers = self.answers.remove(&(node, conn)).unwrap_or_default();
        // It may not have been heard yet; then this is not what is looked at.
        if answers.last().is_none_or(|answer| answer["status"] != "OK") {
            return;
        }
        if self.chance.random_bool(0.5) {
            self.crash(node);
            self.start(node);
        }
        let until = self.now + TAKES;
        while self.advance(until) {}
        let Some(conn) = self.connect_as(node, Origin::Operator) else { return };
        self.line(node, conn, format!("ADDUSER {name} user pw"));
        let answer = self.hear(node, conn);
        if answer["status"] != "OK" {
            return self.violate(format!("{name} is still being erased: {answer}"));
        }
        let after = self.said_at(node);
        let is_own = |message: &Message| {
            let is_here = matches!(message.realm, None | Some(Away::To(_)));
            is_here && message.notice.is_none() && message.from.eq_ignore_ascii_case(&name)
        };
        // What somebody wrote who had the name before is not this user's.
        let renewed = self.people.all[person].renewals > 0;
        let here = self.nodes[node].name.clone();
        let left = after
            .values()
            .flatten()
            .filter(|_| !renewed)
            .find(|message| is_own(message) && !message.is_deleted());
        if let Some(message) = left {
            return self.violate(format!("{here} has message {} of {name}", message.id));
        }
        for (conversation, all) in &before {
            if matches!(conversation, Conversation::Peer(..) | Conversation::Private(..)) {
                continue;
            }
            // What is in a copy of another realm's group goes with the last member of this one, and people of others
            // change it meanwhile.
            let is_copy =
                |message: &Message| message.extras.as_ref().is_some_and(|e| e.place.is_some());
            if all.iter().any(is_copy) {
                continue;
            }
            let left = after.get(conversation).map_or(&[][..], Vec::as_slice);
            let same = |message: &&Message| {
                left.iter().any(|kept| kept.id == message.id && kept.text == message.text)
            };
            let gone = all.iter().filter(|m| !is_own(m)).find(|message| !same(message));
            if let Some(message) = gone {
                let what = format!("message {} of another is gone from {here}", message.id);
                return self.violate(what);
            }
        }
        self.checked.count("users erased");
        if !renewed {
            self.is_erased_elsewhere(node, &name, &before);
        }
    }

    pub fn accounts_at(&self, node: usize) -> BTreeSet<AccountId> {
        let Some(running) = &self.nodes[node].running else { return BTreeSet::new() };
        let events = running.store.reload().unwrap_or_default();
        let account = |event| match event {
            Event::AccountSet(account, _) => Some(account),
            _ => None,
        };
        events.into_iter().filter_map(account).collect()
    }

    /// Of what a user wrote who was erased other realms have no text, once nothing is owed. What the user's own realm had
    /// let go of before, as older than is kept, it cannot take back.
    fn is_erased_elsewhere(&mut self, node: usize, name: &str, before: &Said) {
        // One of the first version takes no deletions. A copy of before may have lost what was said, or that it was taken
        // back.
        let is_odd = |node: &Node| node.put_back || node.by_hand || node.revived;
        if self.versions.is_some() || self.nodes.iter().any(is_odd) {
            return;
        }
        self.settle();
        let here = self.nodes[node].name.clone();
        let known: BTreeSet<u64> = before.values().flatten().map(|message| message.id).collect();
        for there in (0..self.nodes.len()).filter(|there| *there != node) {
            let (said, accounts) = (self.said_at(there), self.accounts_at(there));
            // What was for an account that was removed nobody reads there, nor is it found by the name.
            let is_read = |conversation: &Conversation| match conversation {
                Conversation::Peer(account, ..) => accounts.contains(account),
                _ => true,
            };
            let said = said.into_iter().filter(|(conversation, _)| is_read(conversation));
            let said: Vec<Message> = said.flat_map(|(_, all)| all).collect();
            let copies = said.iter().filter(|message| match &message.realm {
                Some(Away::FromAccount(realm, identity)) => {
                    realm.eq_ignore_ascii_case(&here)
                        && message.notice.is_none()
                        && message.from.eq_ignore_ascii_case(name)
                        && known.contains(&identity.id)
                }
                _ => false,
            });
            let (gone, kept): (Vec<_>, Vec<_>) = copies.partition(|message| message.is_deleted());
            if let Some(message) = kept.first() {
                let (there, text) = (&self.nodes[there].name, message.text.as_str());
                return self
                    .violate(format!("{there} has {text:?} of {name}@{here}, who is erased"));
            }
            self.checked.add("messages erased elsewhere", gone.len() as u64);
        }
    }
}
