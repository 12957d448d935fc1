//! People who change what they have said to people of other realms: it is told there, and in the end both sides
//! have the same.

use crate::check::Shown;
use crate::people::Asked;
use crate::renew::Renewed;
use crate::rewriting::EMOJI;
use crate::rooms::is_in_hall;
use crate::world::World;
use antar_domain::Event;
use antar_text::Value;
use rand::RngExt;
use std::collections::BTreeSet;

/// How such messages begin; a number follows, and for each text after the first a point and another number.
const BEGINS: &str = "across-";

/// The latest messages of a conversation that people still change.
const LATEST: usize = 5;

/// A request about such messages.
#[derive(Clone, Debug)]
pub enum Across {
    /// To say something that may be changed.
    Post,
    /// To see which messages there are: of these one is changed next.
    Look {
        conversation: String,
    },
    Change,
}

/// A message that somebody has seen and may change.
#[derive(Clone, Debug)]
pub struct Seen {
    conversation: String,
    id: u64,
    own: bool,
}

/// Whether a message is one of these, or what a realm of an older version is told of a change of one.
pub fn is_across(shown: &Shown) -> bool {
    shown.deleted || is_said_across(&shown.text)
}

/// The same by its text.
pub fn is_said_across(text: &str) -> bool {
    let is_told = text.starts_with("(deleted a message)") || text.starts_with("(took back ");
    text.starts_with(BEGINS) || is_told || EMOJI.contains(&text) || is_in_hall(text)
}

impl World<'_> {
    /// Something said to somebody of another realm that may be changed, or a change of it.
    pub fn compose_across(&mut self, person: usize, realm: usize) -> Option<(String, Asked)> {
        if !self.chance.random_bool(0.15) {
            return None;
        }
        let token = self.people.all[person].token.clone();
        if let Some(seen) = self.people.all[person].seen.take() {
            return Some(self.compose_change_across(&token, &seen));
        }
        let others = self.people.of(realm);
        let other = &self.people.all[others[self.chance.random_range(0..others.len())]];
        let conversation = format!("{}@{}", other.name, self.nodes[realm].name);
        if self.chance.random_bool(0.3) {
            let text = format!("{BEGINS}{}", self.people.number());
            let line = format!("POST {token} {conversation} : {text}");
            return Some((line, Asked::Across(Across::Post)));
        }
        let line = format!("HISTORY {token} {conversation} limit=50");
        Some((line, Asked::Across(Across::Look { conversation })))
    }

    fn compose_change_across(&mut self, token: &str, seen: &Seen) -> (String, Asked) {
        let Seen { conversation, id, own } = seen;
        let emoji = EMOJI[self.chance.random_range(0..2)];
        let line = match self.chance.random_range(0..8) {
            0..3 if *own => {
                let text = format!("{BEGINS}{}", self.people.number());
                format!("EDIT {token} {conversation} {id} : {text}")
            }
            3 if *own => format!("DELETE {token} {conversation} {id}"),
            4..6 => format!("UNREACT {token} {conversation} {id} {emoji}"),
            _ => format!("REACT {token} {conversation} {id} {emoji}"),
        };
        (line, Asked::Across(Across::Change))
    }

    /// A request about such messages was answered.
    pub fn across(&mut self, person: usize, what: Across, answer: &Value) {
        let is_done = answer["status"] == "OK";
        match what {
            Across::Look { conversation } if is_done => {
                let all = answer["data"].as_array().into_iter().flatten().map(Shown::read);
                let all: Vec<Shown> =
                    all.filter(|shown| shown.text.starts_with(BEGINS) && !shown.notice).collect();
                let latest = &all[all.len().saturating_sub(LATEST)..];
                if !latest.is_empty() {
                    let Shown { id, away, .. } = latest[self.chance.random_range(0..latest.len())];
                    self.people.all[person].seen = Some(Seen { conversation, id, own: !away });
                }
            }
            Across::Look { .. } => {}
            Across::Post | Across::Change => {
                let told =
                    if is_done { "said or changed across realms" } else { "not changed there" };
                self.checked.count(told);
            }
        }
    }

    /// What people of two realms have said to each other, and changed, is the same at both, and what it said
    /// before is owed no more.
    pub fn compare_across(&mut self) {
        // To a realm of the first version another text goes, or nothing.
        if self.versions.is_some() {
            return;
        }
        let all = self.people.all.len();
        for (author, other) in (0..all).flat_map(|one| (0..all).map(move |other| (one, other))) {
            if self.may_be_compared(author, other) && self.may_be_compared(other, author) {
                self.compare_said(author, other);
            }
        }
        // What was said to whoever had a name before is in a conversation that is called otherwise by now.
        let renewed = self.people.all.iter().any(|p| p.renewed != Renewed::default());
        if !self.nodes.iter().any(|node| node.put_back || node.by_hand) && !renewed {
            (0..self.nodes.len()).for_each(|node| self.compare_owed(node));
        }
    }

    fn may_be_compared(&self, person: usize, other: usize) -> bool {
        let [node, there] = [person, other].map(|person| self.people.all[person].node);
        let [person, name] = [person, other].map(|person| &self.people.all[person]);
        let here = &self.nodes[node];
        let whom = format!("{}@{}", name.name, self.nodes[there].name);
        node != there
            && !here.put_back
            && !here.by_hand
            && !here.revived
            && person.renewed == Renewed::default()
            && !person.personal.blocked.contains(&whom)
    }

    /// What one has said to another is there as it is here.
    fn compare_said(&mut self, author: usize, other: usize) {
        let [here, there] = [author, other].map(|person| self.realm_of(person));
        let [by, to] = [author, other].map(|person| self.people.all[person].name.clone());
        let said = self.conversation(author, &format!("{to}@{there}"));
        let heard = self.conversation(other, &format!("{by}@{here}"));
        let of = |all: Vec<Shown>, away: bool, realm: &str| -> Vec<String> {
            let is_one = |shown: &Shown| shown.away == away && shown.from == by && is_across(shown);
            let all = all.into_iter().filter(|shown| !shown.notice && is_one(shown));
            all.map(|shown| as_anywhere(&shown.state, realm)).collect()
        };
        let (said, heard) = (of(said, false, &here), of(heard, true, &there));
        if said != heard {
            let differs = said.iter().zip(&heard).find(|(one, other)| one != other);
            let (said, heard) = (said.len(), heard.len());
            return self.violate(format!(
                "{by}@{here} has said {said} to {to}@{there}, where {heard} are; first differ {differs:?}"
            ));
        }
        self.checked.add("messages alike at two realms", said.len() as u64);
    }

    /// A realm is owed no text that no message says any more.
    fn compare_owed(&mut self, node: usize) {
        let mut said = BTreeSet::new();
        for person in self.people.of(node) {
            for other in 0..self.people.all.len() {
                if self.people.all[other].node == node {
                    continue;
                }
                let name = format!("{}@{}", self.people.all[other].name, self.realm_of(other));
                said.extend(self.conversation(person, &name).into_iter().map(|shown| shown.text));
            }
        }
        let texts = self.owed_at(node).into_iter();
        // To a realm that has never followed what it is owed everything goes as it was written: nobody knows whether it
        // could take what was replaced.
        let before = &self.nodes[node].written.owed_before;
        let mut across = texts.filter(|text| text.starts_with(BEGINS) && !before.contains(text));
        if let Some(text) = across.find(|text| !said.contains(text)) {
            let name = &self.nodes[node].name;
            self.violate(format!("{name} owes {text}, which is not said any more"));
        }
        self.checked.count("outboxes without what was said before");
    }

    /// The texts of all that a realm owes others, or still has of what it owed them.
    pub fn owed_at(&self, node: usize) -> Vec<String> {
        let Some(running) = &self.nodes[node].running else { return Vec::new() };
        let events = running.store.reload().unwrap_or_default();
        let peers = events.iter().filter_map(|event| match event {
            Event::PeerSet(peer, _) => Some(*peer),
            _ => None,
        });
        let owed = peers.flat_map(|peer| running.store.owed(peer, 1, u64::MAX).unwrap_or_default());
        owed.map(|(_, entry)| entry.text.as_str().to_string()).collect()
    }

    fn realm_of(&self, person: usize) -> String {
        self.nodes[self.people.all[person].node].name.clone()
    }

    /// All of a conversation, if there is one.
    fn conversation(&mut self, person: usize, name: &str) -> Vec<Shown> {
        let first = self.ask(person, &format!("HISTORY {name} limit=1"));
        match first["code"] == "user_not_found" {
            true => Vec::new(),
            false => self.pages(person, "HISTORY", name),
        }
    }
}

/// What there is to a message, with those who have reacted named as they are at any third realm, and whether it was
/// edited in place of when.
pub fn as_anywhere(state: &str, realm: &str) -> String {
    let mut parts = state.splitn(4, ' ');
    let (text, edited, deleted) = (parts.next(), parts.next(), parts.next());
    let is_edited = edited.is_some_and(|edited| !edited.is_empty());
    let mut reactions: Vec<String> = Vec::new();
    for reaction in parts.next().unwrap_or_default().split(' ').filter(|r| !r.is_empty()) {
        let (emoji, names) = reaction.split_once(':').unwrap_or((reaction, ""));
        let mut names: Vec<String> = names
            .split(',')
            .map(|name| match name.contains('@') {
                true => name.to_string(),
                false => format!("{name}@{realm}"),
            })
            .collect();
        names.sort();
        reactions.push(format!("{emoji}:{}", names.join(",")));
    }
    reactions.sort();
    format!("{text:?} {is_edited} {deleted:?} {reactions:?}")
}
