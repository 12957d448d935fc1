//! People who search: what is found is what their conversations have.

use crate::people::Asked;
use crate::world::World;
use antar_text::Value;
use rand::RngExt;
use std::collections::BTreeMap;

/// What a message is compared by: how its conversation is addressed, who wrote it, and its text.
type Known = (String, String, String);

/// Whether a text has a word that begins so: texts are of letters and digits, with something between them.
fn has(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|own| own.starts_with(word))
}

impl World<'_> {
    /// A person looks for a word that texts have: a number of several digits, or who wrote them.
    pub fn compose_search(&mut self, person: usize) -> (String, Asked) {
        let word = match self.chance.random_bool(0.5) {
            true => self.seed.to_string(),
            false => format!("{:05}", self.chance.random_range(0..100)),
        };
        let token = &self.people.all[person].token;
        (format!("SEARCH {token} limit=5 : {word}"), Asked::Searching(word))
    }

    /// What was found has the word, and is newest first.
    pub fn searched(&mut self, word: &str, answer: &Value) {
        let mut before = u64::MAX;
        for found in answer["data"].as_array().into_iter().flatten() {
            let (id, text) = (found["id"].as_u64(), found["message"].as_str());
            let (id, text) = (id.unwrap_or(u64::MAX), text.unwrap_or_default());
            if id >= before || !has(text, word) || self.people.is_refused(text) {
                let what = format!("{found} is found for {word}, after {before}");
                return self.violate(what);
            }
            before = id;
        }
        self.checked.count("searches");
    }

    /// What a person finds is what the conversations have of it, and nothing else.
    pub fn compare_search(&mut self, person: usize) {
        let all = self.everything(person);
        let (name, seed) = (self.people.all[person].name.clone(), self.seed);
        let mut searches = vec![
            (String::new(), format!("{seed}"), String::new()),
            (String::new(), format!("{person} 000"), String::new()),
            ("in=#staff ".to_string(), "0000".to_string(), String::new()),
        ];
        // What others of a name wrote is found under its own number.
        if self.people.all.iter().all(|person| person.renewals == 0) {
            searches.push((format!("from={name} "), format!("{seed}"), name));
        }
        for (options, words, from) in searches {
            let is_it = |(of, by, text): &&Known| {
                (from.is_empty() || *by == from)
                    && (!options.starts_with("in=") || of == "#staff")
                    && words.split(' ').all(|word| has(text, word))
            };
            let expected: BTreeMap<u64, Known> = all
                .iter()
                .filter(|(_, known)| is_it(known))
                .map(|(id, k)| (*id, k.clone()))
                .collect();
            let found = self.find_all(person, &options, &words);
            if found != expected {
                let odd = expected.iter().find(|(id, known)| found.get(id) != Some(known));
                let odd = odd.or(found.iter().find(|(id, known)| expected.get(id) != Some(known)));
                let what = format!("SEARCH {options}: {words} by {person} differs in {odd:?}");
                return self.violate(what);
            }
            self.checked.add("messages found", found.len() as u64);
        }
    }

    /// All that a person may read. The author is left open of what is not by somebody here.
    fn everything(&mut self, person: usize) -> BTreeMap<u64, Known> {
        let list = self.ask(person, "CONVERSATIONS limit=1000");
        let mut all = BTreeMap::new();
        for told in list["data"].as_array().into_iter().flatten() {
            let name = told["conv"].as_str().unwrap_or_default();
            for shown in self.pages(person, "HISTORY", name) {
                let is_here = !shown.away && !shown.notice;
                let from = if is_here { shown.from } else { String::new() };
                all.insert(shown.id, (name.to_string(), from, shown.text));
            }
        }
        all
    }

    /// All that is found, a few at a time.
    fn find_all(&mut self, person: usize, options: &str, words: &str) -> BTreeMap<u64, Known> {
        let (mut all, mut before) = (BTreeMap::new(), u64::MAX >> 1);
        loop {
            let page =
                self.ask(person, &format!("SEARCH {options}before={before} limit=40 : {words}"));
            let Some(list) = page["data"].as_array().filter(|_| page["status"] == "OK") else {
                self.violate(format!("SEARCH {options}: {words} is answered {page}"));
                return all;
            };
            for found in list {
                let text = |key: &str| found[key].as_str().unwrap_or_default().to_string();
                let is_here = found.get("realm").is_none() && found.get("notice").is_none();
                let from = if is_here { text("from") } else { String::new() };
                let id = found["id"].as_u64().unwrap_or(u64::MAX);
                if id >= before {
                    self.violate(format!("{found} is found before {before}"));
                }
                before = id;
                all.insert(id, (text("conv"), from, text("message")));
            }
            match page["before"].as_u64() {
                Some(next) => before = next,
                None => return all,
            }
        }
    }
}
