//! What people do within one realm: messages, and groups that are made and listed.

use crate::clubs::CLUB;
use crate::people::To;
use crate::world::World;
use antar_text::Value;
use std::collections::BTreeSet;

impl World<'_> {
    /// A group that exists at one realm only.
    pub fn own_group(&self, node: usize) -> String {
        format!("only-{}", self.nodes[node].name)
    }

    /// A group was made, which is on disk then.
    pub fn made_group(&mut self, node: usize, group: String) {
        self.checked.count("groups made");
        self.groups_are_kept(node, BTreeSet::from([group]));
    }

    /// The groups of a realm were listed: all of them are on disk, and those of before are among
    /// them.
    pub fn listed_groups(&mut self, node: usize, answer: &Value) {
        let list = answer["data"].as_array().into_iter().flatten();
        let groups: BTreeSet<String> = list
            .filter_map(Value::as_str)
            .filter(|group| *group != CLUB)
            .map(str::to_string)
            .collect();
        self.checked.count("lists of groups");
        let refused =
            |group: &&String| self.people.refused_groups.contains(&(node, (*group).clone()));
        if let Some(group) = groups.iter().find(refused) {
            let what =
                format!("{} has the group {group}, which was refused", self.nodes[node].name);
            return self.violate(what);
        }
        let (name, known) = (&self.nodes[node].name, &self.nodes[node].groups_shown);
        if let Some(gone) = known.difference(&groups).next() {
            return self.violate(format!("{name} has shown the group {gone}, and it is gone"));
        }
        self.groups_are_kept(node, groups);
    }

    fn groups_are_kept(&mut self, node: usize, groups: BTreeSet<String>) {
        let here = &mut self.nodes[node];
        if let Some(group) = groups.difference(&here.written.groups).next() {
            let what = format!("{} shows the group {group}, which is not on disk", here.name);
            return self.violate(what);
        }
        here.groups_shown.extend(groups);
    }

    /// Whatever was acknowledged to people of one realm is there once, in its sender's order; groups
    /// that were shown are there.
    pub fn compare_here(&mut self, person: usize) {
        let (node, me) = (self.people.all[person].node, self.people.all[person].name.clone());
        let inbox = self.pages(person, "INBOX", "");
        self.in_order(node, node, &inbox, |w| w.to == To::Local(me.clone()));
        let here: BTreeSet<&String> = inbox.iter().map(|message| &message.text).collect();
        let renewed = self.people.all[person].renewed;
        let lost = self.people.written.iter().find(|(text, w)| {
            let own = self.people.all[w.person].node == node && w.to == To::Local(me.clone());
            let acked = w.acked.is_some_and(|at| at >= renewed.to);
            let by = &self.people.all[w.person].name;
            let is_missed = !here.contains(text) && !self.may_be_deaf(person, by, node);
            own && acked && !w.may_be_lost && is_missed
        });
        if let Some((text, _)) = lost {
            self.violate(format!("{text} to {me} was acknowledged and is gone"));
        }
        self.checked.add("messages within a realm", inbox.len() as u64);
        let groups = self.ask(person, "GETGROUPS");
        self.listed_groups(node, &groups);
    }
}
