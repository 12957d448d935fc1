//! In the end every realm keeps messages for a while only: what is older goes, and nothing else does.

use crate::node::Node;
use crate::world::World;
use antar_domain::{Conversation, Event, Input, MAX_PAGE, Page, Source};
use antar_types::{Message, Time};
use rand::RngExt;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a realm has for it, in milliseconds.
const TAKES: u64 = 15_000;

/// A clock that has jumped may have it wait for longer than a run should take.
const LONGEST: Duration = Duration::from_secs(1_200);

/// What is on the disk of a realm, by conversation.
pub type Said = BTreeMap<Conversation, Vec<Message>>;

impl World<'_> {
    /// Has each realm let go of about half of what was said there.
    pub fn let_go_of_old(&mut self) {
        for node in 0..self.nodes.len() {
            if self.violation.is_none() {
                self.let_go_at(node);
            }
        }
    }

    fn let_go_at(&mut self, node: usize) {
        let (before, from) = (self.said_at(node), self.nodes[node].time(self.now));
        let mut times: Vec<Time> = before.values().flatten().map(|message| message.time).collect();
        times.sort_unstable();
        let Some(middle) = times.get(times.len() / 2).filter(|middle| **middle < from) else {
            return;
        };
        let kept = from.since(*middle);
        if kept > LONGEST {
            return;
        }
        self.keep_for(node, kept);
        if self.chance.random_bool(0.5) {
            let until = self.now + self.chance.random_range(0..2_000);
            while self.advance(until) {}
            self.crash(node);
            self.start(node);
        }
        let until = self.now + TAKES;
        while self.advance(until) {}
        // Nothing goes while it is looked at.
        self.keep_for(node, Duration::ZERO);
        let (after, to) = (self.said_at(node), self.nodes[node].time(self.now));
        let ago = |time: Time| Time(time.0.saturating_sub(kept.as_millis() as u64));
        self.compare_kept(node, (&before, &after), (ago(from), ago(to)));
        for person in self.people.of(node) {
            self.pages(person, "INBOX", "");
            self.pages(person, "SENT", "");
            self.compare_unread(person);
        }
    }

    fn keep_for(&mut self, node: usize, kept: Duration) {
        self.nodes[node].retention = kept;
        let limits = self.nodes[node].limits_now(self.kinds.grace());
        self.input(node, Input::Settings(Box::new((limits, self.kinds.policy()))));
        self.note(Some(node), || format!("keeps messages for {kept:?}"));
    }

    /// Messages from before the first time are gone, and those from the second on are not.
    fn compare_kept(&mut self, node: usize, (before, after): (&Said, &Said), times: (Time, Time)) {
        let name = self.nodes[node].name.clone();
        for (conversation, all) in before {
            let left = after.get(conversation).map_or(&[][..], Vec::as_slice);
            let is_left = |message: &&Message| left.iter().any(|left| left.id == message.id);
            let mut old = all.iter().take_while(|message| message.time < times.0);
            if let Some(message) = old.find(is_left) {
                let what = format!("{name} still has message {} of {conversation:?}", message.id);
                return self.violate(what);
            }
            let mut new = all.iter().filter(|message| message.time >= times.1);
            if let Some(message) = new.find(|message| !is_left(message)) {
                let what =
                    format!("message {} of {conversation:?} is gone from {name}", message.id);
                return self.violate(what);
            }
            self.checked.add("messages let go of", (all.len() - left.len().min(all.len())) as u64);
        }
    }

    /// What is on the disk of a realm.
    pub fn said_at(&self, node: usize) -> Said {
        let Some(running) = &self.nodes[node].running else { return Said::new() };
        let events = running.store.reload().unwrap_or_default();
        let reached = events.into_iter().filter_map(|event| match event {
            Event::ConversationReached(conversation, _) => Some(conversation),
            _ => None,
        });
        let said = |conversation| {
            let (mut all, mut page) =
                (Vec::new(), Page { after: Some(0), before: None, limit: MAX_PAGE });
            loop {
                let source = Source::Conversation(conversation);
                let Ok((found, more)) = running.store.read(source, page) else { return all };
                page.after = found.last().map(|last| last.id);
                all.extend(found);
                if !more {
                    return all;
                }
            }
        };
        reached.map(|conversation| (conversation, said(conversation))).collect()
    }
}

impl Node {
    /// What its clock shows.
    fn time(&self, now: u64) -> Time {
        Time((crate::node::BEGAN + now).saturating_add_signed(self.skew))
    }
}
