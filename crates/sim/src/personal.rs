//! What people set for themselves: whom they do not hear, and what does not call.

use crate::people::Asked;
use crate::plain;
use crate::renew::Renewed;
use crate::world::World;
use antar_text::Value;
use rand::RngExt;
use std::collections::BTreeSet;

/// What a person has set.
#[derive(Clone, Debug, Default)]
pub struct Personal {
    /// Whether the group is muted; none where that is not known.
    pub muted: Option<bool>,
    /// Whom the person may ever have blocked, by how one addresses them.
    pub blocked: BTreeSet<String>,
}

/// The group that some mute.
const MUTED: &str = "#staff";

impl World<'_> {
    /// A setting, now and then.
    pub fn compose_personal(&mut self, person: usize, realm: usize) -> Option<(String, Asked)> {
        if !self.chance.random_bool(0.03) {
            return None;
        }
        let token = self.people.all[person].token.clone();
        // The first of each realm hears everybody: what is in a group is looked up there.
        let blocks = self.people.all[person].name == "u1" && self.chance.random_bool(0.5);
        let back = self.chance.random_bool(0.4);
        if !blocks {
            let verb = if back { "UNMUTE" } else { "MUTE" };
            return Some((format!("{verb} {token} {MUTED}"), Asked::Muting(!back)));
        }
        let node = self.people.all[person].node;
        // What was said in a group with a plain server is looked up by everybody.
        let elsewhere = node == plain::PEER && self.plain.is_some() || self.chance.random_bool(0.5);
        let name = &self.nodes[realm].name;
        let whom = if elsewhere { format!("u0@{name}") } else { "u0".to_string() };
        let verb = if back { "UNBLOCK" } else { "BLOCK" };
        let line = format!("{verb} {token} {whom}");
        if !back {
            self.people.all[person].personal.blocked.insert(whom);
        }
        Some((line, Asked::Blocking))
    }

    /// Whether a person may not hear another, who is of this realm.
    pub fn may_be_deaf(&self, person: usize, name: &str, realm: usize) -> bool {
        let whom = match self.people.all[person].node == realm {
            true => name.to_string(),
            false => format!("{name}@{}", self.nodes[realm].name),
        };
        self.people.all[person].personal.blocked.contains(&whom)
    }

    /// MUTE was answered, or UNMUTE.
    pub fn muted(&mut self, person: usize, muted: bool, answer: &Value) {
        let is_done = answer["status"] == "OK";
        self.people.all[person].personal.muted = is_done.then_some(muted);
        self.checked.count("settings");
    }

    /// What a person has muted is told so, and the lists show no more of somebody than the conversation does.
    pub fn compare_personal(&mut self, person: usize) {
        let node = self.people.all[person].node;
        let known = self.people.all[person].personal.muted;
        if let Some(muted) = known.filter(|_| !self.nodes[node].put_back) {
            let list = self.ask(person, "CONVERSATIONS limit=1000");
            let mut told = list["data"].as_array().into_iter().flatten();
            let told = told.find(|told| told["conv"] == MUTED).cloned().unwrap_or_default();
            if (told["muted"] == true) != muted {
                let name = &self.people.all[person].name;
                let what = format!("{MUTED} is muted for {name}: {muted}, and {told} is told");
                return self.violate(what);
            }
            self.checked.count("muted conversations");
        }
        let of_node = self.people.of(node);
        let renewed = of_node.iter().any(|p| self.people.all[*p].renewed != Renewed::default());
        if renewed || !self.people.all[person].personal.blocked.contains("u0") {
            return;
        }
        let inbox = self.pages(person, "INBOX", "");
        let history = self.pages(person, "HISTORY", "u0");
        let theirs = |m: &&crate::check::Shown| m.from == "u0";
        let [inbox, history] = [inbox, history].map(|all| {
            all.iter().filter(theirs).map(|m| m.text.clone()).collect::<BTreeSet<String>>()
        });
        if let Some(text) = inbox.symmetric_difference(&history).next() {
            let what = format!("{text} of somebody blocked is in one of two lists");
            return self.violate(what);
        }
        self.checked.count("lists without what somebody blocked wrote");
    }
}
