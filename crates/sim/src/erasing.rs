//! In the end a user of each realm goes, with all that this one wrote.

use crate::world::World;
use antar_domain::{Conversation, Origin};
use antar_types::{Away, Message};
use rand::RngExt;

/// How long a realm has for it, and the others to hear of it, in milliseconds.
const TAKES: u64 = 20_000;

impl World<'_> {
    /// Erases a user of each realm.
    pub fn erase_users(&mut self) {
        for node in 0..self.nodes.len() {
            if self.violation.is_none() {
                self.erase_user_of(node);
            }
        }
    }

    fn erase_user_of(&mut self, node: usize) {
        let Some(person) = self.people.of(node).into_iter().nth(1) else { return };
        let name = self.people.all[person].name.clone();
        let before = self.said_at(node);
        let Some(conn) = self.connect_as(node, Origin::Operator) else { return };
        self.line(node, conn, format!("ERASEUSER {name}"));
        let until = self.now + self.chance.random_range(10..1_500);
        while self.advance(until) {}
        let answers = self.answers.remove(&(node, conn)).unwrap_or_default();
        // It may not have been heard yet; then this is not what is looked at.
        if answers.last().is_none_or(|answer| answer["status"] != "OK") {
            return;
        }
        if self.chance.random_bool(0.5) {
            self.crash(node);
            self.start(node);
        }
        let until = self.now + TAKES;
        while self.advance(until) {}
        let Some(conn) = self.connect_as(node, Origin::Operator) else { return };
        self.line(node, conn, format!("ADDUSER {name} user pw"));
        let answer = self.hear(node, conn);
        if answer["status"] != "OK" {
            return self.violate(format!("{name} is still being erased: {answer}"));
        }
        let after = self.said_at(node);
        let is_own = |message: &Message| {
            let is_here = matches!(message.realm, None | Some(Away::To(_)));
            is_here && message.notice.is_none() && message.from.eq_ignore_ascii_case(&name)
        };
        // What somebody wrote who had the name before is not this user's.
        let renewed = self.people.all[person].renewals > 0;
        let here = self.nodes[node].name.clone();
        let left = after
            .values()
            .flatten()
            .filter(|_| !renewed)
            .find(|message| is_own(message) && !message.is_deleted());
        if let Some(message) = left {
            return self.violate(format!("{here} has message {} of {name}", message.id));
        }
        for (conversation, all) in &before {
            if matches!(conversation, Conversation::Peer(..) | Conversation::Private(..)) {
                continue;
            }
            let left = after.get(conversation).map_or(&[][..], Vec::as_slice);
            let same = |message: &&Message| {
                left.iter().any(|kept| kept.id == message.id && kept.text == message.text)
            };
            let gone = all.iter().filter(|m| !is_own(m)).find(|message| !same(message));
            if let Some(message) = gone {
                let what = format!("message {} of another is gone from {here}", message.id);
                return self.violate(what);
            }
        }
        self.checked.count("users erased");
    }
}
