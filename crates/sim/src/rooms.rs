//! People of all realms share a group of the first one: whatever breaks, each realm has what that one has, in its
//! order, and each message that was acknowledged has one place, or its author is told that it has none.

use crate::across::as_anywhere;
use crate::people::{Asked, Person};
use crate::rewriting::{EMOJI, state_shown};
use crate::world::World;
use antar_domain::Event;
use antar_text::Value;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// The group, and the realm in which it is.
pub const HALL: &str = "hall";
pub const HOST: usize = 0;

/// How its messages begin; a number follows, and after an edit a point and another number.
pub const BEGINS: &str = "hall-";

/// The latest messages that people change.
const LATEST: i64 = 6;

/// What people have said there.
#[derive(Debug, Default)]
pub struct Hall {
    /// By its text, who posted it and whether that was acknowledged.
    posted: BTreeMap<String, (usize, bool)>,
    /// Somebody has asked to delete these.
    deleted: BTreeSet<String>,
    /// That was done, for certain: nobody is told of these any more.
    pub gone: BTreeSet<String>,
    /// A message that somebody has seen, and may change next.
    seen: BTreeMap<usize, (u64, String, bool)>,
    /// Who has left it, for certain, and has not asked to come back.
    pub left: BTreeSet<usize>,
    /// The number that it has where it was made.
    pub room: Option<u64>,
    /// How often each has asked to come.
    joins: BTreeMap<usize, u64>,
}

/// A request about it.
#[derive(Clone, Debug)]
pub enum InHall {
    /// To say something.
    Post(String),
    /// To see which messages there are.
    Look,
    /// To do something to one.
    Change,
    /// To delete one, by its first text.
    Delete(String),
    /// To have somebody else go, or be or not be in a role.
    Members,
    /// To come.
    Join,
    /// To go, having asked so often to come.
    Leave(u64),
}

/// Whether a message is one of these.
pub fn is_in_hall(text: &str) -> bool {
    text.starts_with(BEGINS)
}

/// Whether a conversation is that of the group, in whichever realm.
pub fn is_hall(conversation: &str) -> bool {
    conversation.strip_prefix('#').and_then(|name| name.split('@').next()) == Some(HALL)
}

/// What was posted at first, whatever it says by now.
pub fn first_text(text: &str) -> &str {
    text.split_once('.').map_or(text, |(first, _)| first)
}

impl World<'_> {
    /// The group is made, and users of all realms may be in it. Realms of older versions know nothing of that.
    pub fn make_hall(&mut self) {
        if self.versions.is_some() {
            return;
        }
        let first = self.people.of(HOST)[0];
        self.ask(first, &format!("ADDGROUP {HALL}"));
        self.ask(first, &format!("GROUPSET {HALL} realms=linked"));
        let Some(running) = &self.nodes[HOST].running else { return };
        let events = running.store.reload().unwrap_or_default();
        self.people.hall.room = events.iter().find_map(|event| match event {
            Event::GroupSet(id, record) if record.name.as_str() == HALL => Some(id.0),
            _ => None,
        });
        for person in 0..self.people.all.len() {
            let name = self.hall_of(person);
            self.ask(person, &format!("JOINGROUP {name}"));
        }
    }

    /// What somebody calls the group.
    fn hall_of(&self, person: usize) -> String {
        match self.people.all[person].node {
            HOST => HALL.to_string(),
            _ => format!("{HALL}@{}", self.nodes[HOST].name),
        }
    }

    /// Something that somebody does there, now and then.
    pub fn compose_in_hall(&mut self, person: usize) -> Option<(String, Asked)> {
        if self.versions.is_some() || !self.chance.random_bool(0.12) {
            return None;
        }
        let (token, name) = (self.people.all[person].token.clone(), self.hall_of(person));
        let is_first = person == self.people.of(HOST)[0];
        if let Some((id, text, own)) = self.people.hall.seen.remove(&person) {
            let emoji = EMOJI[self.chance.random_range(0..2)];
            let line = match self.chance.random_range(0..8) {
                0..3 if own => {
                    let text = format!("{}.{}", first_text(&text), self.people.number());
                    format!("EDIT {token} #{name} {id} : {text}")
                }
                3 if own => {
                    let text = first_text(&text).to_string();
                    self.people.hall.deleted.insert(text.clone());
                    let line = format!("DELETE {token} #{name} {id}");
                    return Some((line, Asked::InHall(InHall::Delete(text))));
                }
                4..6 => format!("UNREACT {token} #{name} {id} {emoji}"),
                _ => format!("REACT {token} #{name} {id} {emoji}"),
            };
            return Some((line, Asked::InHall(InHall::Change)));
        }
        let other = self.chance.random_range(0..self.people.all.len());
        let other = match self.people.all[other].node {
            HOST => self.people.all[other].name.clone(),
            node => format!("{}@{}", self.people.all[other].name, self.nodes[node].name),
        };
        let (line, asked) = match self.chance.random_range(0..40) {
            0 if !is_first => {
                let joins = self.people.hall.joins.get(&person).copied().unwrap_or(0);
                (format!("LEAVEGROUP {token} {name}"), InHall::Leave(joins))
            }
            1 if is_first => (format!("KICK {token} {name} {other}"), InHall::Members),
            2 if is_first => (format!("ROLE {token} {name} {other} moderator"), InHall::Members),
            3 if is_first => (format!("SILENCE {token} {name} {other} 0"), InHall::Members),
            4 if is_first => (format!("SILENCE {token} {name} {other}"), InHall::Members),
            5..12 => {
                self.people.hall.left.remove(&person);
                *self.people.hall.joins.entry(person).or_default() += 1;
                (format!("JOINGROUP {token} {name}"), InHall::Join)
            }
            12..18 => (format!("HISTORY {token} #{name} limit=20"), InHall::Look),
            _ => {
                let text = format!("{BEGINS}{:06}", self.people.number());
                self.people.hall.posted.insert(text.clone(), (person, false));
                (format!("POST {token} #{name} : {text}"), InHall::Post(text))
            }
        };
        Some((line, Asked::InHall(asked)))
    }

    /// Somebody was answered.
    pub fn in_hall(&mut self, person: usize, what: InHall, answer: &Value) {
        let is_done = answer["status"] == "OK";
        match what {
            InHall::Post(text) if is_done => {
                let posted = self.people.hall.posted.get_mut(&text);
                posted.into_iter().for_each(|(_, acknowledged)| *acknowledged = true);
                self.checked.count("messages to a group of people of all realms");
            }
            InHall::Look if is_done => {
                self.expect_in_hall(person, "reads");
                let all = answer["data"].as_array().cloned().unwrap_or_default();
                let all: Vec<&Value> = all
                    .iter()
                    .filter(|m| {
                        m["pending"] != true && m["message"].as_str().is_some_and(is_in_hall)
                    })
                    .collect();
                let latest = &all[all.len().saturating_sub(LATEST as usize)..];
                if !latest.is_empty() {
                    let message = latest[self.chance.random_range(0..latest.len())];
                    let text = message["message"].as_str().unwrap_or_default().to_string();
                    let is_own = message["realm"].is_null()
                        && message["from"] == self.people.all[person].name.as_str();
                    let id = message["id"].as_u64().unwrap_or(0);
                    self.people.hall.seen.insert(person, (id, text, is_own));
                }
            }
            InHall::Change if is_done => self.checked.count("changes in such a group"),
            InHall::Delete(text) if is_done => {
                if answer["pending"] != true {
                    self.people.hall.gone.insert(text);
                }
                self.checked.count("changes in such a group");
            }
            InHall::Leave(joins) if is_done => {
                if self.people.hall.joins.get(&person).copied().unwrap_or(0) == joins {
                    self.people.hall.left.insert(person);
                }
                self.checked.count("members of such a group");
            }
            InHall::Members | InHall::Join if is_done => {
                self.checked.count("members of such a group");
            }
            _ => self.checked.count("refused in such a group"),
        }
    }

    /// Nobody who has left it reads it, or is told of it.
    pub fn expect_in_hall(&mut self, person: usize, does: &str) {
        let node = self.people.all[person].node;
        if !self.people.hall.left.contains(&person) {
            return self.checked.count("people in such a group who read it");
        }
        if !self.nodes[node].put_back {
            let member = self.called(person);
            self.violate(format!("{member} has left {HALL} and {does} what is said there"));
        }
    }

    /// What somebody has deleted for certain is told to no other realm.
    pub fn expect_not_deleted(&mut self, node: usize, text: &str) {
        let put_back = self.nodes.iter().any(|node| node.put_back || node.by_hand);
        if node == HOST && self.people.hall.gone.contains(first_text(text)) && !put_back {
            let name = self.nodes[node].name.clone();
            self.violate(format!("{name} owes or tells {text}, which was deleted"));
        }
    }

    /// Each realm has what the group's own has.
    pub fn compare_hall(&mut self) {
        let put_back = self.nodes.iter().any(|node| node.put_back || node.by_hand);
        let first = self.people.of(HOST)[0];
        // What was said after the copy that a realm was put back to may be known elsewhere. Who has a name anew is in no
        // group.
        let renewed = |person: &usize| self.people.all[*person].renewals > 0;
        if self.versions.is_some() || put_back || renewed(&first) {
            return;
        }
        self.copies_are_prefixes();
        let host = self.nodes[HOST].name.clone();
        let Some(all) = self.hall_history(first) else { return };
        let members = self.ask(first, &format!("MEMBERS {HALL}"));
        for person in 0..self.people.all.len() {
            if self.people.all[person].node == HOST || self.people.all[person].renewals > 0 {
                continue;
            }
            let member = self.called(person);
            let listed = members["data"].as_array().into_iter().flatten();
            let is_member = listed.into_iter().any(|one| one == member.as_str());
            match (self.hall_history(person), is_member) {
                (None, false) => self.checked.count("who is in no such group reads nothing of it"),
                (Some(own), true) => {
                    // Neither reads what those wrote whom that one has blocked.
                    let blocked = [first, person].map(|one| self.blocked_by(one)).concat();
                    let hears = |shown: &String| {
                        let (author, _) = shown.split_once(' ').unwrap_or_default();
                        !blocked.iter().any(|one| one == author)
                    };
                    let all: Vec<String> = all.iter().filter(|one| hears(one)).cloned().collect();
                    let own: Vec<String> = own.into_iter().filter(hears).collect();
                    let from = all.len().saturating_sub(own.len());
                    if own != all[from..] {
                        let missing = all[from..].iter().find(|one| !own.contains(one));
                        let odd = own.iter().find(|one| !all.contains(one));
                        let many = (all.len(), own.len());
                        return self.violate(format!(
                            "{member} has another {HALL} than {host}: {many:?}, not {missing:?}, but {odd:?}"
                        ));
                    }
                    self.checked.add("messages alike at all realms", own.len() as u64);
                }
                (own, _) => {
                    let what = own.is_some();
                    return self.violate(format!(
                        "{member} reads {HALL}: {what}, is a member: {is_member}"
                    ));
                }
            }
        }
        self.all_in_hall_have_one_place(&all);
        self.nobody_is_put_into_groups();
        let owed = self.owed_at(HOST);
        owed.iter().for_each(|text| self.expect_not_deleted(HOST, text));
    }

    /// What was acknowledged is there once; its author knows of what is not.
    fn all_in_hall_have_one_place(&mut self, all: &[String]) {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for shown in all {
            let text = shown.split('"').nth(1).filter(|text| is_in_hall(text));
            let Some(text) = text.map(first_text) else { continue };
            *places.entry(text).or_default() += 1;
            let author = self.people.hall.posted.get(text).map(|(person, _)| self.called(*person));
            if author.is_some_and(|author| !shown.starts_with(&format!("{author} "))) {
                return self.violate(format!("{shown} is said by somebody else"));
            }
        }
        let host = self.nodes[HOST].name.clone();
        let mut notices: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (text, (person, acknowledged)) in self.people.hall.posted.clone() {
            let count = places.remove(&*text).unwrap_or(0);
            if count > 1 {
                return self.violate(format!("{text} has {count} places"));
            }
            let is_deleted = self.people.hall.deleted.contains(&text);
            let author = self.called(person);
            let first = self.people.of(HOST)[0];
            let is_anew =
                self.people.all[person].renewals > 0 || self.blocked_by(first).contains(&author);
            if count == 1 || is_deleted || !acknowledged || is_anew {
                continue;
            }
            if self.people.all[person].node == HOST {
                return self.violate(format!("{text} was acknowledged and is not there"));
            }
            let told = match notices.get(&person) {
                Some(told) => told,
                None => {
                    let shown = self.pages(person, "INBOXREALM", &host);
                    let told = shown.into_iter().filter(|m| m.notice).map(|m| m.text).collect();
                    notices.entry(person).or_insert(told)
                }
            };
            if !told.iter().any(|notice| notice.contains(&text)) {
                return self.violate(format!(
                    "{text} was acknowledged, has no place, and nobody was told so"
                ));
            }
            self.checked.count("notices of what has no place");
        }
        if let Some(text) = places.keys().next() {
            self.violate(format!("nobody has said {text}"));
        }
    }

    /// What somebody is called anywhere.
    fn called(&self, person: usize) -> String {
        let Person { name, node, .. } = &self.people.all[person];
        format!("{name}@{}", self.nodes[*node].name)
    }

    /// Whom somebody may have blocked, as they are called anywhere.
    fn blocked_by(&self, person: usize) -> Vec<String> {
        let own = &self.nodes[self.people.all[person].node].name;
        let anywhere = |name: &String| match name.contains('@') {
            true => name.clone(),
            false => format!("{name}@{own}"),
        };
        self.people.all[person].personal.blocked.iter().map(anywhere).collect()
    }

    /// All that somebody reads of it, as it would be shown anywhere; none where that one is not in it.
    fn hall_history(&mut self, person: usize) -> Option<Vec<String>> {
        let (name, node) = (self.hall_of(person), self.people.all[person].node);
        let own = self.nodes[node].name.clone();
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.ask(person, &format!("HISTORY #{name} after={after} limit=500"));
            if page["status"] != "OK" {
                return None;
            }
            for message in page["data"].as_array().into_iter().flatten() {
                if message["pending"] == true {
                    self.violate(format!("{message} still waits for its place"));
                    return None;
                }
                after = message["id"].as_u64().unwrap_or(0);
                let realm = message["realm"].as_str().unwrap_or(&own);
                let from = message["from"].as_str().unwrap_or_default();
                all.push(format!("{from}@{realm} {}", as_anywhere(&state_shown(message), &own)));
            }
            if page["more"] != true {
                return Some(all);
            }
        }
    }
}
