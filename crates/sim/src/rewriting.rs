//! People who change messages after they have posted them, in a group of their own realm: what each may be by
//! then is remembered, and compared with what there is in the end.

use crate::people::Asked;
use crate::world::World;
use antar_text::Value;
use antar_types::{FileHash, Message};
use rand::RngExt;
use std::collections::BTreeMap;

/// Ways of reacting that people use.
pub const EMOJI: [&str; 3] = ["👍", "❤️", "é"];

/// Messages of a realm that people still change.
const LATEST: usize = 6;

/// A message that may be changed.
#[derive(Clone, Debug)]
pub struct Talked {
    pub node: usize,
    person: usize,
    id: u64,
    /// What it may say: each with the number of the request that leads there.
    texts: Vec<(u64, String)>,
    /// Requests to delete it of which nobody knows what became.
    pub deletions: Vec<u64>,
    /// It is deleted for certain.
    pub deleted: bool,
    /// The file that it names.
    pub file: Option<FileHash>,
    /// Whether a person has reacted in a way, as far as is known.
    reactions: BTreeMap<(usize, usize), Vec<(u64, bool)>>,
}

/// A request to change a message.
#[derive(Clone, Debug)]
pub enum Rewriting {
    Post {
        text: String,
        file: Option<FileHash>,
    },
    Edit {
        of: usize,
        number: u64,
    },
    Delete {
        of: usize,
        number: u64,
    },
    React {
        of: usize,
        emoji: usize,
        number: u64,
    },
    /// To a private message: who follows is told of it.
    Beside,
}

/// What there is to a message that may change, as text.
pub fn state_of(message: &Message) -> String {
    let extras = message.extras.as_deref().cloned().unwrap_or_default();
    let edited = extras.edited.map(|time| time.rfc3339().to_string()).unwrap_or_default();
    let mut state = format!("{} {edited} {}", message.text.as_str(), extras.deleted);
    for reaction in extras.reactions.0 {
        let names: Vec<&str> = reaction.who.iter().map(|who| &*who.name).collect();
        state.push_str(&format!(" {}:{}", reaction.emoji.as_str(), names.join(",")));
    }
    state
}

/// The same of a message as a list shows it.
pub fn state_shown(message: &Value) -> String {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_string();
    let deleted = message["deleted"] == true;
    let mut state = format!("{} {} {deleted}", text("message"), text("edited"));
    for (emoji, names) in message["reactions"].as_object().into_iter().flatten() {
        let names: Vec<&str> =
            names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        state.push_str(&format!(" {emoji}:{}", names.join(",")));
    }
    state
}

impl World<'_> {
    /// A person posts something that may be changed, or changes something; where there is nothing, groups are listed.
    pub fn compose_rewriting(&mut self, person: usize) -> (String, Asked) {
        let (node, token) = (self.people.all[person].node, self.people.all[person].token.clone());
        if self.people.all[person].renewals > 0 {
            // Who has the name anew is in no such group.
            return (format!("GETGROUPS {token}"), Asked::Listing);
        }
        let (group, number) = (format!("#{}", self.own_group(node)), self.people.number());
        let known = self.people.talked.iter().enumerate().filter(|(_, talked)| talked.node == node);
        let known: Vec<usize> = known.map(|(n, _)| n).collect();
        let kind = self.chance.random_range(0..10);
        if kind < 2 || known.is_empty() {
            let text = format!("talk-{number}");
            let file = if self.chance.random_bool(0.4) { self.upload(person) } else { None };
            let named = file.map(|hash| format!("file={hash} ")).unwrap_or_default();
            let line = format!("POST {token} {group} {named}: {text}");
            return (line, Asked::Rewriting(Rewriting::Post { text, file }));
        }
        let latest = &known[known.len().saturating_sub(LATEST)..];
        let of = latest[self.chance.random_range(0..latest.len())];
        let (id, author) = (self.people.talked[of].id, self.people.talked[of].person);
        match kind {
            2..4 if author == person => {
                // Whom it names now is called.
                let named = self.people.of(node)[self.chance.random_range(0..2)];
                let name = self.people.all[named].name.clone();
                let sign =
                    if self.chance.random_bool(0.5) { format!(",@{name}") } else { String::new() };
                let text = format!("talk-{number}{sign}");
                self.people.talked[of].texts.push((number, text.clone()));
                let line = format!("EDIT {token} {group} {id} : {text}");
                (line, Asked::Rewriting(Rewriting::Edit { of, number }))
            }
            // The first of them owns the group.
            4 if author == person || person == self.people.of(node)[0] => {
                self.people.talked[of].deletions.push(number);
                let line = format!("DELETE {token} {group} {id}");
                (line, Asked::Rewriting(Rewriting::Delete { of, number }))
            }
            5 => self.compose_reaction_beside(person),
            _ => self.compose_reaction(person, of, number),
        }
    }

    fn compose_reaction(&mut self, person: usize, of: usize, number: u64) -> (String, Asked) {
        let (node, token) = (self.people.all[person].node, self.people.all[person].token.clone());
        let (group, id) = (self.own_group(node), self.people.talked[of].id);
        let (emoji, adds) = (self.chance.random_range(0..2), self.chance.random_bool(0.7));
        let mut note = |emoji, state: &[bool]| {
            let known = self.people.talked[of].reactions.entry((person, emoji)).or_default();
            if known.is_empty() {
                known.push((0, false));
            }
            known.extend(state.iter().map(|adds| (number, *adds)));
        };
        note(emoji, &[adds]);
        // At the same time in another way, on another connection: of that one nobody hears what came.
        if self.chance.random_bool(0.4) {
            note(2, &[true]);
            if let Some(conn) = self.connect(node) {
                self.line(node, conn, format!("REACT {token} #{group} {id} {}", EMOJI[2]));
            }
        }
        let verb = if adds { "REACT" } else { "UNREACT" };
        let line = format!("{verb} {token} #{group} {id} {}", EMOJI[emoji]);
        (line, Asked::Rewriting(Rewriting::React { of, emoji, number }))
    }

    /// Somebody reacts to what they have written to another user of their realm.
    fn compose_reaction_beside(&mut self, person: usize) -> (String, Asked) {
        let (token, own) = (self.people.all[person].token.clone(), &self.people.written);
        let own = own.values().rev().filter(|written| written.person == person);
        let mut own = own.filter_map(|written| match (&written.to, written.id) {
            (crate::people::To::Local(user), Some(id)) => Some((user.clone(), id)),
            _ => None,
        });
        match own.next() {
            Some((user, id)) => {
                let emoji = EMOJI[self.chance.random_range(0..2)];
                let line = format!("REACT {token} {user} {id} {emoji}");
                (line, Asked::Rewriting(Rewriting::Beside))
            }
            None => (format!("GETGROUPS {token}"), Asked::Listing),
        }
    }

    /// A request to change a message was answered.
    pub fn rewrote(&mut self, person: usize, what: Rewriting, answer: &Value) {
        let (is_done, code) = (answer["status"] == "OK", answer["code"].as_str());
        if !is_done && code == Some("unknown") {
            return self.checked.count("answers of unknown");
        }
        match what {
            Rewriting::Post { text, file } => {
                if let (true, Some(id)) = (is_done, answer["id"].as_u64()) {
                    let node = self.people.all[person].node;
                    let (texts, deletions, deleted) = (vec![(0, text)], Vec::new(), false);
                    let reactions = BTreeMap::new();
                    self.people.talked.push(Talked {
                        node,
                        person,
                        id,
                        texts,
                        deletions,
                        deleted,
                        file,
                        reactions,
                    });
                }
            }
            Rewriting::Edit { of, number } => {
                let texts = &mut self.people.talked[of].texts;
                match is_done {
                    true => texts.retain(|(known, _)| *known >= number),
                    false => texts.retain(|(known, _)| *known != number),
                }
            }
            Rewriting::Delete { of, number } => {
                let talked = &mut self.people.talked[of];
                talked.deleted |= is_done;
                talked.deletions.retain(|known| *known != number);
            }
            Rewriting::React { of, emoji, number } => {
                let known = self.people.talked[of].reactions.entry((person, emoji)).or_default();
                match is_done {
                    true => known.retain(|(known, _)| *known >= number),
                    false => known.retain(|(known, _)| *known != number),
                }
            }
            Rewriting::Beside => {}
        }
        self.checked.count(if is_done { "messages changed" } else { "changes refused" });
    }

    /// What was changed is as the last change has left it.
    pub fn compare_talked(&mut self, node: usize) {
        let (person, put_back) = (self.people.of(node)[0], self.nodes[node].put_back);
        if put_back || self.nodes[node].by_hand {
            return;
        }
        let group = format!("#{}", self.own_group(node));
        let shown = self.pages(person, "HISTORY", &group);
        let shown: BTreeMap<u64, String> = shown.into_iter().map(|m| (m.id, m.state)).collect();
        let talked: Vec<Talked> =
            self.people.talked.iter().filter(|t| t.node == node).cloned().collect();
        for talked in talked {
            let Some(state) = shown.get(&talked.id) else {
                return self.violate(format!("{talked:?} is gone from {group}"));
            };
            let mut parts = state.split(' ');
            let (text, _, deleted) = (parts.next(), parts.next(), parts.next() == Some("true"));
            let may_be = match deleted {
                true => talked.deleted || !talked.deletions.is_empty(),
                false => {
                    !talked.deleted && talked.texts.iter().any(|(_, known)| Some(&**known) == text)
                }
            };
            if !may_be {
                return self.violate(format!("{talked:?} is {state}"));
            }
            let reactions: Vec<&str> = if deleted { Vec::new() } else { parts.collect() };
            for ((person, emoji), known) in talked.reactions.iter().filter(|_| !deleted) {
                let name = &self.people.all[*person].name;
                let of_emoji = reactions.iter().find_map(|r| r.strip_prefix(EMOJI[*emoji]));
                let is_there = of_emoji.is_some_and(|names| {
                    names.trim_start_matches(':').split(',').any(|n| n == name)
                });
                if !known.iter().any(|(_, known)| *known == is_there) {
                    let what = format!("{name} and {}: {talked:?} is {state}", EMOJI[*emoji]);
                    return self.violate(what);
                }
            }
            self.checked.count("messages as they were left");
        }
    }
}
