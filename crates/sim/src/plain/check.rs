//! What must be true of what is said on the link with a plain server.

use super::{ADDRESS, NAME, PEER, USER, Whose};
use crate::people::To;
use crate::world::World;
use antar_domain::Origin;
use antar_text::Value;
use std::collections::{BTreeMap, BTreeSet};

impl World<'_> {
    /// What waits for its user is for that user, once, and in the order of each sender. Returns the texts.
    pub fn list_for_plain(&mut self, answer: &Value) -> BTreeSet<String> {
        let mut texts: Vec<(u64, String)> = Vec::new();
        for message in answer["messages"].as_array().into_iter().flatten() {
            let text = message["msg"].as_str().unwrap_or_default().to_string();
            texts.push((message["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0), text));
        }
        texts.sort();
        let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        self.in_order_for_plain(&texts, &To::Plain);
        self.checked.count("lists for a plain server");
        texts.into_iter().collect()
    }

    /// Texts are there once, were written for there, and are in the order of each who wrote them.
    fn in_order_for_plain(&mut self, texts: &[String], meant: &To) {
        let mut last: BTreeMap<usize, &String> = BTreeMap::new();
        // What was refused before the realm was put back is tried again after it.
        let put_back = self.nodes[PEER].put_back;
        let mut wrong = None;
        for text in texts {
            let Some(w) = self.people.written.get(text).filter(|w| w.to == *meant) else {
                wrong = Some(format!("{text} is for {NAME}, and nobody wrote it: {meant:?}"));
                break;
            };
            if w.refused {
                wrong = Some(format!("{text} was refused, and {NAME} has it"));
                break;
            }
            let before = last.insert(w.person, text).filter(|_| !put_back);
            if before.is_some_and(|before| before >= text) {
                wrong = Some(format!("{text} for {NAME} comes after {before:?}"));
                break;
            }
        }
        let each: BTreeSet<&String> = texts.iter().collect();
        if each.len() != texts.len() {
            wrong.get_or_insert_with(|| format!("something for {NAME} is twice in {texts:?}"));
        }
        wrong.into_iter().for_each(|what| self.violate(what));
    }

    /// Whatever was written is where it belongs, as far as nobody has forgotten it.
    pub fn compare_plain(&mut self) {
        if self.plain.is_none() {
            return;
        }
        self.kept_for_plain();
        self.brought_to_plain();
        for person in self.people.of(PEER) {
            self.compare_plain_inbox(person);
            self.compare_plain_group(person);
        }
    }

    fn acknowledged(&self, to: &To) -> Vec<(String, usize)> {
        let own = self.people.written.iter().filter(|(_, w)| w.to == *to && w.acked.is_some());
        own.filter(|(_, w)| !w.may_be_lost).map(|(text, w)| (text.clone(), w.person)).collect()
    }

    /// What people of the realm have written to its user waits there.
    fn kept_for_plain(&mut self) {
        let Some(conn) = self.connect_as(PEER, Origin::Client(ADDRESS)) else { return };
        self.line(PEER, conn, format!("remoteinboxrealm {USER} {NAME}"));
        let answer = self.hear(PEER, conn);
        let list = self.list_for_plain(&answer);
        let lost = self.acknowledged(&To::Plain).into_iter().find(|(text, _)| !list.contains(text));
        if let Some((text, _)) = lost {
            self.violate(format!("{text} to {USER} was acknowledged and is gone"));
        }
        self.checked.add("messages that wait for a plain server", list.len() as u64);
    }

    /// What they have said in the group was brought, in the order of each, or has come back.
    fn brought_to_plain(&mut self) {
        let mut brought =
            self.plain.as_ref().map(|plain| plain.brought.clone()).unwrap_or_default();
        brought.retain(|text| text != "hello");
        self.in_order_for_plain(&brought, &To::PlainGroup);
        let there: BTreeSet<&String> = brought.iter().collect();
        for (text, person) in self.acknowledged(&To::PlainGroup) {
            if there.contains(&text) {
                continue;
            }
            let inbox = self.plain_texts(person, &format!("INBOXREALM {NAME}"));
            if !inbox.iter().any(|notice| notice.ends_with(&text)) {
                return self.violate(format!("{text} was not brought to {NAME}"));
            }
        }
        self.checked.add("group messages brought to a plain server", brought.len() as u64);
    }

    /// Texts of a list of a person, of which some have no id.
    fn plain_texts(&mut self, person: usize, request: &str) -> Vec<String> {
        let answer = self.ask(person, request);
        if answer["status"] != "OK" || answer["stale"] == true || answer["more"] == true {
            self.violate(format!("{request} is answered {answer}"));
        }
        let list = answer["data"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|m| m["message"].as_str()).map(str::to_string).collect()
    }

    /// What its user has written to a person since it started is shown once, and nothing of what it has
    /// written to whoever had the name before.
    fn compare_plain_inbox(&mut self, person: usize) {
        let (me, renewed) = (self.people.all[person].name.clone(), self.people.all[person].renewed);
        let texts = self.plain_texts(person, &format!("INBOXREALM {NAME}"));
        let each: BTreeSet<&String> = texts.iter().collect();
        // That something was taken over before a start is told by the time, where clocks go on.
        if each.len() != texts.len() && !self.kinds.clocks {
            self.violate(format!("something of {USER} to {me} is shown twice: {texts:?}"));
        }
        let Some(plain) = &self.plain else { return };
        let to_me = Whose::User(me.clone());
        // What waits when the server is first asked after a name was renewed is the former's.
        let from = match renewed.from {
            0 => 0,
            _ => plain.shown.get(&to_me).map_or(u64::MAX, |at| at + 1),
        };
        let own = || plain.written.iter().filter(|(_, theirs)| theirs.to == to_me);
        let lost = own().find(|(text, theirs)| theirs.at >= from && !each.contains(text));
        let formers = own().find(|(text, theirs)| theirs.at < renewed.from && each.contains(text));
        let what = match (lost, formers) {
            (Some((text, _)), _) => format!("{text} of {USER} to {me} is not shown"),
            (_, Some((text, _))) => format!("{text} of {USER} is for whoever was {me} before"),
            _ => return self.checked.add("messages of a plain server", texts.len() as u64),
        };
        self.violate(what);
    }

    /// What was said in the group by both is shown, each once.
    fn compare_plain_group(&mut self, person: usize) {
        let texts = self.plain_texts(person, &format!("INBOXGROUPREALM {NAME} staff"));
        let shown: BTreeSet<&String> = texts.iter().collect();
        let Some(plain) = &self.plain else { return };
        let theirs = plain.written.iter().filter(|(_, theirs)| theirs.to == Whose::Group);
        let ours = self.acknowledged(&To::PlainGroup);
        let all = theirs.map(|(text, _)| text).chain(ours.iter().map(|(text, _)| text));
        let lost = all.into_iter().find(|text| !shown.contains(text)).cloned();
        if let Some(text) = lost {
            return self.violate(format!("{text} in the group with {NAME} is not shown"));
        }
        // Whoever was put back does not know what it has told the server since, and what was taken over before a start
        // is told by the time, as above.
        let may_be_twice = self.nodes[PEER].put_back || self.kinds.clocks;
        if shown.len() != texts.len() && !may_be_twice {
            self.violate(format!("something in the group with {NAME} is shown twice: {texts:?}"));
        }
        self.checked.add("group messages with a plain server", texts.len() as u64);
    }

    /// What the realm itself has of both, with ids.
    pub fn kept_of_plain(&mut self, person: usize) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for request in [format!("INBOXREALM {NAME}"), format!("INBOXGROUPREALM {NAME} staff")] {
            // What the server tells is shown only where no end is given.
            let answer = self.ask(person, &format!("{request} before={}", u64::MAX >> 11));
            for message in answer["data"].as_array().into_iter().flatten() {
                let text = message["message"].as_str().unwrap_or_default();
                all.push((message["id"].as_u64().unwrap_or(0), text.to_string()));
            }
        }
        all
    }
}
