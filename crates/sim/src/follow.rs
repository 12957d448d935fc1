//! People who follow everything that concerns them, as a client that keeps in step does: it goes on from its
//! cursor after each loss of its connection.

use crate::clubs::{CLUB_CONV, Known, News};
use crate::delivered::Told as Delivered;
use crate::rewriting::{state_of, state_shown};
use crate::rooms::is_hall;
use crate::world::World;
use antar_domain::{ConnId, Input, Told, ToldAt};
use antar_text::Value;
use antar_types::Code;
use std::collections::BTreeMap;

/// What a person who follows was told.
#[derive(Debug, Default)]
pub struct Follow {
    conn: Option<ConnId>,
    /// The request on that connection has been answered.
    answered: bool,
    /// As far as it was told.
    cursor: Option<String>,
    /// The id at which it began.
    from: u64,
    /// Ids of everything that it was told grow.
    last: u64,
    /// Messages as they are, by id.
    told: BTreeMap<u64, String>,
    /// Up to where it was told that what it wrote is at other realms.
    delivered: Delivered,
    /// What is known of the group over which people fall out.
    club: Known,
}

impl Follow {
    /// The connection is gone, with the process at its other end.
    pub fn lost(&mut self) {
        self.conn = None;
    }

    /// What was told so far was told to somebody else, or of a past that is none any more.
    pub fn forget(&mut self) -> Option<ConnId> {
        std::mem::take(self).conn
    }

    fn goes_on_from(&mut self, cursor: &str) {
        let id = cursor.split_once('-').and_then(|(_, id)| id.parse().ok()).unwrap_or(0);
        if self.cursor.replace(cursor.to_string()).is_none() {
            (self.from, self.last) = (id, id);
        }
    }
}

/// Whether people come into a group and go all the time.
fn changes_always(conversation: &str) -> bool {
    conversation == CLUB_CONV || is_hall(conversation)
}

impl World<'_> {
    /// A person who does not follow begins to, or goes on.
    pub fn see_to_follow(&mut self, person: usize) {
        if let Some(conn) = self.people.all[person].follow.conn {
            let answers = self.answers_to_follow(person, conn);
            answers.iter().for_each(|answer| self.follow_answered(person, answer));
            return;
        }
        let after = self.people.all[person].follow.cursor.clone();
        let after = after.unwrap_or_else(|| "now".to_string());
        if let Some((_, conn)) = self.say(person, &format!("WATCH after={after}")) {
            let follow = &mut self.people.all[person].follow;
            (follow.conn, follow.answered) = (Some(conn), false);
        }
    }

    /// What a person who follows was answered since the last look: the one request on the connection is answered
    /// once.
    fn answers_to_follow(&mut self, person: usize, conn: ConnId) -> Vec<Value> {
        let node = self.people.all[person].node;
        let answers = self.answers.remove(&(node, conn)).unwrap_or_default();
        let follow = &mut self.people.all[person].follow;
        let before = follow.answered;
        follow.answered |= !answers.is_empty();
        if answers.len() + usize::from(before) > 1 {
            self.violate(format!("a request is answered {answers:?}, after another: {before}"));
        }
        answers
    }

    fn follow_answered(&mut self, person: usize, answer: &Value) {
        let follow = &mut self.people.all[person].follow;
        match (answer["cursor"].as_str(), answer["code"].as_str()) {
            (Some(cursor), _) if follow.cursor.is_none() => follow.goes_on_from(cursor),
            (Some(_), _) => {}
            (None, code) => {
                let forgets = code == Some(Code::Resync.as_str());
                if forgets && !self.nodes[self.people.all[person].node].put_back {
                    let cursor = &self.people.all[person].follow.cursor;
                    let what = format!("{cursor:?} is not honoured, and nothing was put back");
                    self.violate(what);
                }
                self.end_follow(person, forgets);
            }
        }
    }

    /// The person's connection is broken off; it may have to begin anew.
    pub fn end_follow(&mut self, person: usize, forgets: bool) {
        let node = self.people.all[person].node;
        let follow = &mut self.people.all[person].follow;
        let conn = if forgets { follow.forget() } else { follow.conn.take() };
        if let Some(conn) = conn {
            self.input(node, Input::Disconnected(conn));
        }
    }

    /// A watch has ended without being asked to.
    pub fn follow_ended(&mut self, node: usize, conn: ConnId) {
        let mut people = self.people.all.iter();
        let person = people.position(|p| p.node == node && p.follow.conn == Some(conn));
        if let Some(person) = person {
            self.answers_to_follow(person, conn);
            self.people.all[person].follow.lost();
        }
        self.checked.count("watches that said that they had ended");
    }

    /// Somebody who follows is told of a change: it is on disk, and later than all that was told before. What has
    /// just happened is known to be written; what a start has found on a disk is not noted there.
    pub fn told(&mut self, node: usize, conn: ConnId, at: &ToldAt, is_news: bool) {
        let mut people = self.people.all.iter();
        let number = people.position(|p| p.node == node && p.follow.conn == Some(conn));
        let Some(number) = number else { return };
        let person = &mut self.people.all[number];
        let (follow, id) = (&mut person.follow, at.cursor.id);
        // The answer to the request has come before, and may not have been looked at.
        if follow.cursor.is_none() {
            let answers = self.answers.get(&(node, conn));
            let answer = answers.and_then(|all| all.first()?["cursor"].as_str());
            answer.into_iter().for_each(|cursor| follow.goes_on_from(cursor));
        }
        let before = std::mem::replace(&mut follow.last, id);
        follow.goes_on_from(&at.cursor.to_string());
        let mut what = None;
        if id <= before {
            what = Some(format!("{at:?} is told after {before}"));
        }
        if let Some(news) = News::told(&at.told) {
            follow.club.learn(&person.name, id, news);
        }
        if let Told::Message { message, conversation } = &at.told {
            if !changes_always(conversation) {
                follow.told.insert(id, state_of(message));
            }
            // What waits for its place is on disk, and in no conversation yet.
            let waits = message.extras.as_ref().is_some_and(|extras| extras.pending);
            if is_news && !waits && !self.nodes[node].written.ids.contains(&id) {
                what = Some(format!("{at:?} is told, which is not on disk"));
            }
        }
        if let Told::Delivered { conversation, id } = &at.told {
            follow.delivered.learn(conversation, *id);
        }
        let is_of_hall = match &at.told {
            Told::Message { conversation, .. } | Told::Rewritten { conversation, .. } => {
                is_hall(conversation)
            }
            _ => false,
        };
        // What was there before is none of its concern.
        if let Told::Rewritten { message, conversation, .. } = &at.told
            && message.id > follow.from
            && !changes_always(conversation)
        {
            follow.told.insert(message.id, state_of(message));
        }
        self.checked.count("changes told");
        what.into_iter().for_each(|what| self.violate(what));
        if is_of_hall && is_news {
            self.expect_in_hall(number, "is told");
        }
        if let Told::Delivered { conversation, id } = &at.told {
            self.told_delivered(number, conversation, *id);
        }
    }

    /// What a person who follows was told, and what SYNC tells of the rest, is what there is in the
    /// conversations.
    pub fn compare_followed(&mut self, person: usize) {
        let node = self.people.all[person].node;
        self.see_to_answers(person);
        let follow = &self.people.all[person].follow;
        let Some(mut cursor) = follow.cursor.clone().filter(|_| !self.nodes[node].put_back) else {
            return;
        };
        let (from, mut told, mut club) = (follow.from, follow.told.clone(), follow.club.clone());
        let mut delivered = follow.delivered.clone();
        let (me, mut seen) = (self.people.all[person].name.clone(), follow.last);
        loop {
            let page = self.ask(person, &format!("SYNC after={cursor} limit=7"));
            let (Some(all), Some(next)) = (page["data"].as_array(), page["cursor"].as_str()) else {
                return self.violate(format!("SYNC after={cursor} is answered {page}"));
            };
            for change in all {
                if let Some(news) = News::listed(change) {
                    club.learn(&me, seen, news);
                }
                delivered.learn_listed(change);
                if change["from"].is_null() {
                    continue;
                }
                let (id, is_new) =
                    (change["id"].as_u64().unwrap_or(0), change["change"] == "message");
                seen = if is_new { id } else { seen };
                if change["conv"].as_str().is_some_and(changes_always) {
                    continue;
                }
                let before = (id > from).then(|| told.insert(id, state_shown(change))).flatten();
                if before.is_some() && is_new {
                    return self.violate(format!("{change} was told before {cursor}"));
                }
            }
            cursor = next.to_string();
            if page["more"] != true {
                break;
            }
        }
        let there = self.all_messages(person, from);
        if there != told {
            let odd = there.iter().find(|(id, text)| told.get(id) != Some(text));
            let odd = odd.or(told.iter().find(|(id, text)| there.get(id) != Some(text)));
            let name = &self.people.all[person].name;
            let what = format!("{name} follows from {from} to {cursor}, and differs in {odd:?}");
            return self.violate(what);
        }
        self.checked.count("people in step with all conversations");
        self.compare_club(person, &club);
        self.compare_delivered(person, &delivered, from);
    }

    fn see_to_answers(&mut self, person: usize) {
        if self.people.all[person].follow.conn.is_some() {
            self.see_to_follow(person);
        }
    }

    /// The messages of all conversations of a person that are later than an id.
    fn all_messages(&mut self, person: usize, from: u64) -> BTreeMap<u64, String> {
        let list = self.ask(person, "CONVERSATIONS limit=1000");
        let mut all = BTreeMap::new();
        let list = list["data"].as_array().into_iter().flatten();
        // What was said in that group while one was not in it is not told.
        let names = list.filter_map(|told| told["conv"].as_str());
        for name in names.filter(|name| !changes_always(name)) {
            let shown = self.pages(person, "HISTORY", name).into_iter();
            all.extend(shown.filter(|m| m.id > from).map(|m| (m.id, m.state)));
        }
        all
    }
}
