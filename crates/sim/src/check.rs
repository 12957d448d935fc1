//! What must be true once the faults have ended.

use crate::across::is_across;
use crate::people::To;
use crate::plain;
use crate::rewriting::state_shown;
use crate::world::World;
use antar_domain::{Limits, Policy, State};
use antar_text::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How long links may take to come back, and everything to arrive, in milliseconds.
const SETTLES: u64 = 420_000;

/// How often in a row everything must be found settled, a second apart.
const SETTLED: u32 = 5;

/// A message as a mailbox shows it.
pub struct Shown {
    pub id: u64,
    pub from: String,
    pub text: String,
    pub notice: bool,
    /// It comes from another realm.
    pub away: bool,
    pub deleted: bool,
    /// It is on disk at the realm that it went to.
    pub delivered: bool,
    /// All that may change about it.
    pub state: String,
}

impl World<'_> {
    /// Waits until every link is up and nothing is owed.
    pub fn settle(&mut self) {
        let until = self.now + SETTLES;
        let (mut left, mut settled) = (String::new(), 0);
        while self.violation.is_none() {
            left.clear();
            for node in 0..self.nodes.len() {
                let person = self.people.of(node)[0];
                let links = self.ask(person, "CHECKREALM");
                let links = links["data"].as_array().cloned().unwrap_or_default();
                let unsettled = links.iter().find(|l| l["state"] != "up" || l["owed"] != 0);
                let plain = usize::from(self.plain.is_some() && node == plain::PEER);
                if links.len() + 1 != self.nodes.len() + plain {
                    left = format!("{} has {} links", self.nodes[node].name, links.len());
                } else if let Some(link) = unsettled {
                    left = format!("{}: {link}", self.nodes[node].name);
                }
                let lines = self.nodes[node].running.as_ref().map(|r| &r.unanswered);
                if lines.is_some_and(|lines| lines.values().any(|lines| *lines > 0)) {
                    left = format!("{} has not answered a line", self.nodes[node].name);
                }
            }
            if self.people.all.iter().any(|person| person.renewed.open) {
                left = "nobody knows who has a name".into();
            }
            if !self.people.is_answered() {
                left = "somebody has not been answered".into();
            }
            settled = if left.is_empty() { settled + 1 } else { 0 };
            // A realm that was put back owes nothing that it knows of until the others have found what
            // both have.
            if settled == SETTLED {
                return self.checked.count("everything settles");
            }
            if self.now >= until && settled == 0 {
                return self.violate(format!("it does not settle: {left}"));
            }
            let next = self.now + 1_000;
            while self.advance(next) {}
        }
    }

    /// Compares what was acknowledged with what is in the mailboxes.
    pub fn compare(&mut self) {
        if self.violation.is_some() {
            return;
        }
        let mut sent: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
        for person in 0..self.people.all.len() {
            let node = self.people.all[person].node;
            for realm in (0..self.nodes.len()).filter(|realm| *realm != node) {
                let name = self.nodes[realm].name.clone();
                let shown = self.pages(person, "SENT", &format!("realm={name}"));
                let texts = sent.entry((person, realm)).or_default();
                texts.extend(shown.into_iter().map(|m| m.text));
            }
        }
        self.acknowledged_is_kept(&sent);
        let everyone = self.people.all.len();
        (0..everyone).for_each(|person| self.compare_inbox(person, &sent));
        (0..everyone).for_each(|person| self.compare_here(person));
        (0..everyone).for_each(|person| self.compare_told(person));
        (0..everyone).for_each(|person| self.compare_unread(person));
        (0..everyone).for_each(|person| self.compare_personal(person));
        (0..everyone).for_each(|person| self.compare_followed(person));
        (0..everyone).for_each(|person| self.compare_search(person));
        (0..self.nodes.len()).for_each(|node| self.compare_groups(node));
        (0..self.nodes.len()).for_each(|node| self.compare_talked(node));
        self.compare_across();
        self.compare_hall();
        self.compare_plain();
    }

    /// What is on every disk fits together, as `antar check` would find it.
    pub fn stores_are_sound(&mut self) {
        for node in 0..self.nodes.len() {
            let mut damages = Vec::new();
            let disk = &self.nodes[node].disk;
            antar_store::check_pairs(disk, &mut |_, damage| damages.extend(damage));
            if let Some(damage) = damages.first().filter(|_| self.violation.is_none()) {
                let (name, place, what) = (&self.nodes[node].name, &damage.place, &damage.what);
                return self.violate(format!("the store of {name}: {place}: {what}"));
            }
            self.state_is_on_disk(node);
            self.checked.count("a store is sound");
        }
    }

    /// What a realm takes for durable is what is on its disk, once nothing is on its way there.
    fn state_is_on_disk(&mut self, node: usize) {
        let until = self.now + 10_000;
        let is_idle = |world: &Self| {
            world.nodes[node].running.as_ref().is_some_and(|running| running.runner.is_idle())
        };
        while !is_idle(self) && self.advance(until) {}
        let Some(running) = self.nodes[node].running.as_ref().filter(|_| is_idle(self)) else {
            return;
        };
        let events = running.store.reload().unwrap_or_default();
        let on_disk = State::new(Limits::default(), Policy::local(), events);
        if !on_disk.is_durably(running.runner.state()) {
            let what = format!("{} takes for durable what is not on disk", self.nodes[node].name);
            return self.violate(what);
        }
        self.checked.count("states that are on disk");
    }

    /// What was answered with OK is in SENT, unless its realm was put back to before that.
    fn acknowledged_is_kept(&mut self, sent: &BTreeMap<(usize, usize), BTreeSet<String>>) {
        let kept = |written: &crate::people::Written, text: &String| {
            sent.get(&(written.person, written.realm)).is_some_and(|texts| texts.contains(text))
        };
        let lost = (self.people.written.iter()).find(|(text, written)| {
            written.acked.is_some()
                && !written.may_be_lost
                && matches!(written.to, To::User(_) | To::Nobody)
                && !kept(written, text)
        });
        self.checked.count("what was acknowledged is kept");
        if let Some((text, written)) = lost {
            let what = format!("{text} was acknowledged and is not in SENT: {written:?}");
            self.violate(what);
        }
    }

    /// Everything that is in SENT there is here once, in its sender's order, and nothing else is.
    fn compare_inbox(&mut self, person: usize, sent: &BTreeMap<(usize, usize), BTreeSet<String>>) {
        let (node, me) = (self.people.all[person].node, self.people.all[person].name.clone());
        for realm in (0..self.nodes.len()).filter(|realm| *realm != node) {
            let name = self.nodes[realm].name.clone();
            let inbox = self.pages(person, "INBOXREALM", &name);
            let inbox: Vec<Shown> = inbox.into_iter().filter(|shown| !is_across(shown)).collect();
            let texts: Vec<String> = inbox.iter().map(|message| message.text.clone()).collect();
            self.nothing_is_a_formers(person, &texts);
            let (notices, messages): (Vec<_>, Vec<_>) = inbox.into_iter().partition(|m| m.notice);
            self.in_order(node, realm, &messages, |w| {
                w.realm == node && w.to == To::User(me.clone())
            });
            let here: BTreeSet<&str> = messages.iter().map(|m| m.text.as_str()).collect();
            let apart = self.set_apart(node, realm);
            if let Some(text) = here.iter().find(|text| apart.contains(**text)) {
                self.violate(format!("{text} is set apart, and in an inbox too"));
            }
            for sender in self.people.of(realm) {
                let texts = sent.get(&(sender, node)).cloned().unwrap_or_default();
                for text in texts {
                    let written = self.people.written.get(&text).cloned();
                    let Some(written) = written.filter(|w| w.to == To::User(me.clone())) else {
                        continue;
                    };
                    let is_here = here.contains(text.as_str()) || apart.contains(&text);
                    let by = self.people.all[sender].name.clone();
                    let is_missed = !is_here && !self.may_be_deaf(person, &by, realm);
                    if is_missed && !self.may_have_come_back(&written, &text) {
                        let here = &self.nodes[node].name;
                        self.violate(format!("{text} from {name} to {me} is not at {here}"));
                    }
                    self.checked.count("messages delivered");
                }
            }
            self.notices_match(person, realm, &notices, sent);
            self.notices_of_groups_match(person, realm, &notices);
        }
    }

    /// Each message to somebody who does not exist came back.
    fn notices_match(
        &mut self,
        person: usize,
        realm: usize,
        notices: &[Shown],
        sent: &BTreeMap<(usize, usize), BTreeSet<String>>,
    ) {
        let put_back = self.nodes.iter().any(|node| node.put_back);
        let texts = sent.get(&(person, realm)).cloned().unwrap_or_default();
        for text in texts {
            if self.people.written.get(&text).is_none_or(|w| w.to != To::Nobody) {
                continue;
            }
            let told = notices.iter().filter(|n| n.text.contains(&text)).count();
            // Whoever was put back says it again: it is not known there that it was said.
            let right = if put_back { told >= 1 } else { told == 1 };
            if !right {
                self.violate(format!("{told} notices that {text} could not be delivered"));
            }
            self.checked.count("notices");
        }
    }

    /// Each message to a group that does not exist there came back.
    fn notices_of_groups_match(&mut self, person: usize, realm: usize, notices: &[Shown]) {
        let (node, renewed) = (self.people.all[person].node, self.people.all[person].renewed);
        let what = format!("{} {}", self.nodes[realm].name, self.own_group(node));
        let first = self.people.of(node)[0];
        let kept = self.pages(first, "INBOXGROUPREALM", &what);
        let kept: BTreeSet<String> = kept.into_iter().map(|message| message.text).collect();
        let put_back = self.nodes.iter().any(|node| node.put_back);
        let own = self.people.written.iter().filter(|(_, w)| {
            w.person == person && w.realm == realm && w.to == To::NoGroup && w.at >= renewed.to
        });
        let own: Vec<_> = own.map(|(text, w)| (text.clone(), w.clone())).collect();
        for (text, written) in own {
            let is_kept = kept.contains(&text);
            if written.acked.is_some() && !written.may_be_lost && !is_kept {
                self.violate(format!("{text} to {what} was acknowledged and is gone"));
            }
            let told = notices.iter().filter(|n| n.text.contains(&text)).count();
            let right = if put_back { told >= 1 || !is_kept } else { told == usize::from(is_kept) };
            if !right {
                self.violate(format!(
                    "{told} notices that {text} could not be delivered to {what}"
                ));
            }
            self.checked.count("notices of groups");
        }
    }

    /// The conversation of the group is the same on both sides.
    fn compare_groups(&mut self, node: usize) {
        for realm in (0..self.nodes.len()).filter(|realm| *realm != node) {
            let names = [node, realm].map(|n| self.nodes[n].name.clone());
            let [here, there] = [(node, &names[1]), (realm, &names[0])].map(|(n, other)| {
                let person = self.people.of(n)[0];
                self.pages(person, "INBOXGROUPREALM", &format!("{other} staff"))
            });
            let of = |shown: &[Shown], world: &Self, from: usize| -> Vec<String> {
                let own = |m: &&Shown| {
                    let written = world.people.written.get(&m.text);
                    written.is_some_and(|w| world.people.all[w.person].node == from)
                };
                shown.iter().filter(own).map(|m| m.text.clone()).collect()
            };
            let [mine, theirs] = [of(&here, self, node), of(&there, self, node)];
            let apart = self.set_apart(realm, node);
            if let Some(text) = theirs.iter().find(|text| apart.contains(*text)) {
                self.violate(format!("{text} is set apart, and in a group too"));
            }
            let arrived: BTreeSet<&String> = theirs.iter().chain(&apart).collect();
            if let Some(text) = mine.iter().find(|text| !arrived.contains(text)) {
                self.violate(format!("{text} to the group is not at {}", names[1]));
            }
            let lost = (self.people.written.iter()).find(|(text, w)| {
                let own = self.people.all[w.person].node == node && w.realm == realm;
                own && w.to == To::Group
                    && w.acked.is_some()
                    && !w.may_be_lost
                    && !mine.contains(*text)
            });
            if let Some((text, _)) = lost {
                let what =
                    format!("{text} to the group was acknowledged and is not at {}", names[0]);
                self.violate(what);
            }
            let from_there = |m: &&Shown| !mine.contains(&m.text);
            let received: Vec<Shown> = here.iter().filter(from_there).map(Shown::copy).collect();
            self.in_order(node, realm, &received, |w| w.realm == node && w.to == To::Group);
            self.checked.add("group messages delivered", theirs.len() as u64);
        }
    }

    /// What came from a realm was written there, for here, is in each sender's order and there once.
    pub fn in_order(
        &mut self,
        node: usize,
        realm: usize,
        messages: &[Shown],
        meant: impl Fn(&crate::people::Written) -> bool,
    ) {
        let mut last: BTreeMap<String, &str> = BTreeMap::new();
        let (mut seen, revived) = (BTreeSet::new(), self.nodes[realm].revived);
        for message in messages {
            let written = self.people.written.get(&message.text);
            let right = written.is_some_and(|w| {
                let sender = &self.people.all[w.person];
                sender.node == realm && sender.name == message.from && meant(w)
            });
            let (here, text) = (&self.nodes[node].name, &message.text);
            if !right {
                let what =
                    format!("{text} from {} is at {here}, where it was not sent", message.from);
                return self.violate(what);
            }
            if !seen.insert(text) {
                return self.violate(format!("{text} is twice at {here}"));
            }
            if written.is_some_and(|written| written.retried) {
                continue;
            }
            let before = last.insert(message.from.clone(), text).filter(|_| !revived);
            // Texts begin with the number of their writing.
            if before.is_some_and(|before| before >= text.as_str()) {
                return self.violate(format!("{text} at {here} comes after {before:?}"));
            }
        }
        self.checked.add("messages in order, once", messages.len() as u64);
    }

    /// A whole list, oldest first; its ids grow.
    pub fn pages(&mut self, person: usize, verb: &str, what: &str) -> Vec<Shown> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.ask(person, &format!("{verb} {what} after={after} limit=500"));
            let Some(list) = page["data"].as_array().filter(|_| page["status"] == "OK") else {
                self.violate(format!("{verb} {what} is answered {page}"));
                return all;
            };
            if page["stale"] == true {
                self.violate(format!("{verb} {what} is stale though every link is up"));
            }
            for message in list {
                let text = message["message"].as_str().unwrap_or_default();
                if self.people.is_refused(text) {
                    self.violate(format!("{text} was refused, and {verb} {what} shows it"));
                }
                let id = message["id"].as_u64().unwrap_or(0);
                if id <= after {
                    self.violate(format!("{verb} {what}: id {id} comes after {after}"));
                }
                after = id;
                all.push(Shown::read(message));
            }
            if page["more"] != true {
                return all;
            }
        }
    }
}

impl Shown {
    pub fn read(message: &Value) -> Self {
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_string();
        let notice = message.get("notice").is_some();
        let id = message["id"].as_u64().unwrap_or(0);
        let away = message.get("realm").is_some();
        let [deleted, delivered] = ["deleted", "delivered"].map(|key| message[key] == true);
        let (from, text, state) = (text("from"), text("message"), state_shown(message));
        Self { id, from, text, notice, away, deleted, delivered, state }
    }

    fn copy(&self) -> Self {
        let (from, text, state) = (self.from.clone(), self.text.clone(), self.state.clone());
        let Self { id, notice, away, deleted, delivered, .. } = *self;
        Self { id, from, text, notice, away, deleted, delivered, state }
    }
}
