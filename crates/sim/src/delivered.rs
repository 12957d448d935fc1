//! Who writes to people of other realms is told what of it is on disk there.

use crate::check::Shown;
use crate::people::To;
use crate::renew::Renewed;
use crate::rooms::is_hall;
use crate::versions::is_odd;
use crate::world::World;
use antar_text::Value;
use std::collections::BTreeMap;

/// Up to which of their messages a person was told that they are there, by conversation. One has another name once
/// somebody else there has the name that it had.
#[derive(Clone, Debug, Default)]
pub struct Told(BTreeMap<String, u64>);

impl Told {
    pub fn learn(&mut self, conversation: &str, id: u64) {
        let known = self.0.entry(plain(conversation)).or_default();
        *known = id.max(*known);
    }

    /// The same of a change that SYNC lists.
    pub fn learn_listed(&mut self, change: &Value) {
        let (conversation, id) = (change["conv"].as_str(), change["id"].as_u64());
        if let (true, Some(conversation), Some(id)) =
            (change["change"] == "delivered", conversation, id)
        {
            self.learn(conversation, id);
        }
    }

    fn upto(&self, conversation: &str) -> u64 {
        self.0.get(&plain(conversation)).copied().unwrap_or(0)
    }
}

/// Without what tells former holders of a name apart.
fn plain(conversation: &str) -> String {
    match (conversation.split_once('~'), conversation.split_once('@')) {
        (Some((name, _)), Some((_, realm))) => format!("{name}@{realm}"),
        _ => conversation.to_string(),
    }
}

impl World<'_> {
    /// A person is told that a message is on disk at another realm: it is.
    pub fn told_delivered(&mut self, person: usize, conversation: &str, id: u64) {
        let Some(realm) = self.node_with(conversation) else { return };
        // What a start has found on a disk is not noted.
        let there = &self.nodes[realm];
        let Some(began) = there.running.as_ref().map(|running| running.began) else { return };
        let own = self.people.written.iter().find(|(_, written)| {
            let is_it = (written.person, written.realm, written.id) == (person, realm, Some(id));
            // Once its realm was put back another may have its number.
            is_it && !written.may_be_lost
        });
        let Some((text, written)) = own.filter(|(_, written)| written.at > began) else { return };
        let is_message = match &written.to {
            // What was for who had the name before is refused there.
            To::User(name) => {
                let mut others = self.people.all.iter().filter(|other| other.node == realm);
                others.any(|other| other.name == *name && other.renewed == Renewed::default())
            }
            To::Group => true,
            _ => false,
        };
        // What is of a kind that is not known there is kept apart; what was in a batch of which nobody knew whether it
        // was there is not noted either.
        let is_noted = !is_odd(text) && !there.written.may_hold_more;
        if is_message && is_noted && !there.written.texts.contains(text) {
            let name = &there.name;
            return self.violate(format!("{text} is told to be at {name}, and is not on its disk"));
        }
        self.checked.count("messages told to be at another realm");
    }

    /// Once nothing is owed, everything that a person has written to others is shown to be there, and whoever follows was
    /// told so.
    pub fn compare_delivered(&mut self, person: usize, told: &Told, from: u64) {
        if self.people.all[person].renewed != Renewed::default() {
            return;
        }
        let me = self.people.all[person].name.clone();
        let list = self.ask(person, "CONVERSATIONS limit=1000");
        for listed in list["data"].as_array().into_iter().flatten() {
            let conversation = listed["conv"].as_str().unwrap_or_default().to_string();
            // What is said in a group of another realm is there once it has its place.
            if self.node_with(&conversation).is_none() || is_hall(&conversation) {
                continue;
            }
            let told = told.upto(&conversation);
            let shown = self.pages(person, "HISTORY", &conversation);
            // Of one that was deleted nothing is told but that.
            let is_own = |own: &Shown| !own.away && !own.notice && !own.deleted && own.from == me;
            for own in shown.iter().filter(|own| is_own(own)) {
                let (id, text) = (own.id, &own.text);
                if !own.delivered {
                    return self.violate(format!("{text}, {id}, is not shown to be delivered"));
                }
                if id > from && id > told {
                    let what = format!("{me} was not told that {text}, {id}, is delivered");
                    return self.violate(what);
                }
                self.checked.count("messages shown to be at another realm");
            }
        }
    }

    /// The realm that a conversation is with, where that is one of ours.
    fn node_with(&self, conversation: &str) -> Option<usize> {
        let (_, name) = conversation.rsplit_once(['@', '+'])?;
        self.nodes.iter().position(|node| node.name == name)
    }
}
