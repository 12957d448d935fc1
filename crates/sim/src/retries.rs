//! People who post again what they are not sure of, and what they are, each under the reference that it had.

use crate::people::Asked;
use crate::world::World;
use antar_text::Value;
use rand::RngExt;

/// How many of what somebody posted may be posted again.
const REMEMBERED: usize = 8;

/// Something that was posted under a reference.
#[derive(Clone, Debug)]
pub struct Posting {
    line: String,
    text: String,
    /// How often the name had become another's by then: who has it now has references of its own.
    renewals: u64,
}

/// The line that posts a text, which is its reference as well.
pub fn posting(token: &str, conversation: &str, text: &str) -> String {
    format!("POST {token} {conversation} ref={text} : {text}")
}

impl World<'_> {
    /// Remembers a line, if it may be said again.
    pub fn note_posting(&mut self, person: usize, line: &str, text: &str) {
        let person = &mut self.people.all[person];
        if line.contains(" ref=") {
            let (line, text, renewals) = (line.into(), text.into(), person.renewals);
            person.posted.push_back(Posting { line, text, renewals });
            if person.posted.len() > REMEMBERED {
                person.posted.pop_front();
            }
        }
    }

    /// Something is posted again, perhaps on several connections at once; where there is nothing, groups are listed.
    pub fn compose_again(&mut self, person: usize) -> (String, Asked) {
        let (node, all) = (self.people.all[person].node, &self.people.all[person].posted);
        let at = self.chance.random_range(0..REMEMBERED);
        let renewals = self.people.all[person].renewals;
        // A realm that was put back knows nothing of what it has told others since.
        let may_be_said = |posting: &&Posting| {
            posting.renewals == renewals && !self.nodes[node].put_back && !self.nodes[node].by_hand
        };
        let Some(Posting { line, text, .. }) = all.get(at).filter(may_be_said).cloned() else {
            return (format!("GETGROUPS {}", self.people.all[person].token), Asked::Listing);
        };
        if let Some(written) = self.people.written.get_mut(&text) {
            // One of several may be refused and another taken.
            (written.retried, written.refused) = (true, false);
        }
        self.injected.count("messages posted again");
        for _ in 0..self.chance.random_range(0..3) {
            if let Some(conn) = self.connect(node) {
                self.line(node, conn, line.clone());
            }
        }
        (line, Asked::Sending(text))
    }

    /// A message was taken. One that was taken before is the same still.
    pub fn posted(&mut self, node: usize, text: &str, answer: &Value) {
        let Some(written) = self.people.written.get(text).cloned() else { return };
        let (id, again) = (answer["id"].as_u64(), answer["again"] == true);
        let is_known = written.acked.is_some() && !written.may_be_lost;
        if is_known && (!again || written.id != id) {
            let before = written.id;
            self.violate(format!("{text} is {before:?}, and posted again {answer}"));
        }
        match again {
            true => self.checked.count("messages known again"),
            // On another connection it may have been taken meanwhile.
            false => self.check_id(node, answer),
        }
    }
}
