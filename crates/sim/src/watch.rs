//! People who watch, and what they are told.

use crate::across::{is_across, is_said_across};
use crate::clubs::CLUB;
use crate::plain;
use crate::renew::Renewed;
use crate::world::World;
use antar_domain::{ConnId, Input};
use antar_types::Message;
use std::collections::BTreeMap;

/// How a person watches: on a connection for that, and on another after each loss of it.
#[derive(Debug, Default)]
pub struct Watch {
    conn: Option<ConnId>,
    /// Messages told on each of them, in order.
    told: Vec<Vec<(u64, String)>>,
}

impl Watch {
    /// The connection is gone, with the process at its other end.
    pub fn lost(&mut self) {
        self.conn = None;
    }

    /// What was told so far was told to somebody else.
    pub fn forget(&mut self) -> Option<ConnId> {
        self.told.clear();
        self.conn.take()
    }
}

impl World<'_> {
    /// A person who does not watch begins to; one whose request was refused tries again.
    pub fn see_to_watch(&mut self, person: usize) {
        let node = self.people.all[person].node;
        if let Some(conn) = self.people.all[person].watch.conn {
            let refused = self
                .answers
                .remove(&(node, conn))
                .is_some_and(|all| all.iter().any(|answer| answer["status"] != "OK"));
            if refused {
                self.end_watch(person);
            }
            return;
        }
        if let Some((_, conn)) = self.say(person, "WATCH") {
            let watch = &mut self.people.all[person].watch;
            watch.conn = Some(conn);
            watch.told.push(Vec::new());
        }
    }

    /// A person breaks the connection off.
    pub fn end_watch(&mut self, person: usize) {
        let node = self.people.all[person].node;
        if let Some(conn) = self.people.all[person].watch.conn.take() {
            self.input(node, Input::Disconnected(conn));
        }
    }

    /// Somebody who watches is told of a message: it is on disk, and newer than what they were told
    /// before.
    pub fn notified(&mut self, node: usize, conn: ConnId, message: &Message) {
        // Who is in that group changes all the time, and what is said in the other is changed after it was told.
        let is_own = message.realm.is_none() && message.to.as_str() == self.own_group(node);
        // What was deleted before it came has no text by which to know it.
        let text = message.text.as_str();
        let is_changed = is_own || text.is_empty() || is_said_across(text);
        if message.to.as_str() == CLUB || is_changed {
            return;
        }
        let mut people = self.people.all.iter_mut();
        let watches = people.find(|p| p.node == node && p.watch.conn == Some(conn));
        let Some(told) = watches.and_then(|p| p.watch.told.last_mut()) else { return };
        let (id, text) = (message.id, message.text.as_str().to_string());
        let before = told.last().map_or(0, |(id, _)| *id);
        told.push((id, text));
        let (name, text) = (&self.nodes[node].name, message.text.as_str());
        if !self.nodes[node].written.ids.contains(&id) {
            let what = format!("{name} tells of {text}, which is not on disk");
            return self.violate(what);
        }
        if self.people.is_refused(text) {
            let what = format!("{name} tells of {text}, which was refused");
            return self.violate(what);
        }
        if id <= before {
            let what = format!("{name} tells of {text}, {id}, after {before}");
            return self.violate(what);
        }
        self.checked.count("notifications of what is on disk");
    }

    /// What a person was told is in the lists, and whatever came meanwhile is what they were told.
    pub fn compare_told(&mut self, person: usize) {
        let node = self.people.all[person].node;
        if self.nodes[node].put_back {
            return;
        }
        let mut lists = BTreeMap::new();
        let mut add = |shown: Vec<crate::check::Shown>| {
            let shown = shown.into_iter().filter(|shown| !is_across(shown));
            lists.extend(shown.map(|message| (message.id, message.text)));
        };
        add(self.pages(person, "INBOX", ""));
        for realm in (0..self.nodes.len()).filter(|realm| *realm != node) {
            let name = self.nodes[realm].name.clone();
            add(self.pages(person, "INBOXREALM", &name));
            add(self.pages(person, "INBOXGROUPREALM", &format!("{name} staff")));
            // Whoever has a name anew has joined no other group.
            if self.people.all[person].renewed == Renewed::default() {
                let group = self.own_group(node);
                add(self.pages(person, "INBOXGROUPREALM", &format!("{name} {group}")));
            }
        }
        if node == plain::PEER && self.plain.is_some() {
            lists.extend(self.kept_of_plain(person));
        }
        let (here, name) = (&self.nodes[node], &self.people.all[person].name);
        for told in &self.people.all[person].watch.told {
            let told: BTreeMap<u64, &String> = told.iter().map(|(id, text)| (*id, text)).collect();
            let (Some((first, _)), Some((last, _))) =
                (told.first_key_value(), told.last_key_value())
            else {
                continue;
            };
            let odd = told.iter().find(|(id, text)| lists.get(id) != Some(text));
            if let Some((id, text)) = odd {
                let what = format!("{name} at {} was told of {text}, {id}, in no list", here.name);
                return self.violate(what);
            }
            // A batch that the disk did not sync may be there all the same.
            let untold = lists.range(first..=last).find(|(id, _)| !told.contains_key(id));
            if let Some((id, text)) = untold.filter(|_| !here.written.may_hold_more) {
                let what = format!("{name} at {} was not told of {text}, {id}", here.name);
                return self.violate(what);
            }
        }
        self.checked.count("people told of all that came");
    }
}
