//! What people have read, and what counts as unread.

use crate::people::Asked;
use crate::world::World;
use antar_text::Value;
use rand::RngExt;

impl World<'_> {
    /// A person has read some of a conversation, or wants to see it as unread again.
    pub fn compose_marking(&mut self, person: usize, realm: usize) -> (String, Asked) {
        let (user, name) = (self.chance.random_range(0..2), self.nodes[realm].name.clone());
        let conversation = match self.chance.random_range(0..4) {
            0 => format!("u{user}"),
            1 => format!("u{user}@{name}"),
            2 => "#staff".to_string(),
            _ => format!("#staff+{name}"),
        };
        let highest = self.nodes[self.people.all[person].node].highest_id;
        // Most often what was just seen.
        let id = match self.chance.random_bool(0.5) {
            true => highest,
            false => self.chance.random_range(0..=highest),
        };
        let back = self.chance.random_bool(0.3);
        let verb = if back { "UNREAD" } else { "READ" };
        let token = &self.people.all[person].token;
        let line = format!("{verb} {token} {conversation} {id}");
        (line, Asked::Marking { conversation, back })
    }

    /// READ was answered, or UNREAD: only the latter sets a marker back.
    pub fn marked(&mut self, person: usize, conversation: String, back: bool, answer: &Value) {
        let read = answer["read"].as_u64().filter(|_| answer["status"] == "OK");
        // A name that has become another's stands for another conversation, at other realms once they hear.
        let renewed = self.people.all.iter().any(|p| p.renewals > 0 || p.renewed.open);
        let is_sure = !renewed || conversation.starts_with('#');
        let known = &mut self.people.all[person].read;
        // What became of it is not known.
        let Some(read) = read.filter(|_| is_sure) else {
            known.remove(&conversation);
            return;
        };
        let before = known.insert(conversation.clone(), read).unwrap_or(0);
        self.checked.count("markers moved");
        if read < before && !back {
            let what = format!("READ took the marker in {conversation} from {before} to {read}");
            self.violate(what);
        }
    }

    /// What is told as unread is what others wrote after the marker.
    pub fn compare_unread(&mut self, person: usize) {
        let list = self.ask(person, "CONVERSATIONS limit=1000");
        let Some(list) = list["data"].as_array().cloned() else {
            return self.violate(format!("CONVERSATIONS is answered {list}"));
        };
        let (me, renewed) = {
            let person = &self.people.all[person];
            (person.name.clone(), person.renewals > 0)
        };
        for told in list.iter().filter(|told| !told["last"].is_null()) {
            let name = told["conv"].as_str().unwrap_or_default();
            // Who had the name before has written there, too.
            if renewed && name.starts_with('#') {
                continue;
            }
            let (read, unread) = (told["read"].as_u64(), told["unread"].as_u64());
            let all = self.pages(person, "HISTORY", name);
            let counts = |m: &&crate::check::Shown| {
                Some(m.id) > read && !m.notice && !m.deleted && (m.away || m.from != me)
            };
            let counted = all.iter().filter(counts).count() as u64;
            if unread != Some(counted) {
                let what = format!("{counted} are unread in {name} of {me}, and {told} is told");
                return self.violate(what);
            }
            let sign = format!(",@{me}");
            let is_mention = |m: &&crate::check::Shown| m.text.to_lowercase().contains(&sign);
            let mentions = all.iter().filter(counts).filter(is_mention).count() as u64;
            let mentions = if name.starts_with('#') { mentions } else { 0 };
            if told["mentions"].as_u64() != Some(mentions) {
                let what = format!("{mentions} mention {me} in {name}, and {told} is told");
                return self.violate(what);
            }
            self.checked.count("unread counts");
        }
    }
}
