//! Names seen so far, and what Tab makes of them.

use super::command::ROWS;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many names of each kind are remembered.
const MOST: usize = 10_000;

/// Names seen, shared between the connection and the prompt.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<Mutex<Sets>>);

#[derive(Debug, Default)]
struct Sets {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
    realms: BTreeSet<String>,
}

impl Names {
    pub fn user(&self, name: &str) {
        self.with(|sets| remember(&mut sets.users, name));
    }

    pub fn group(&self, name: &str) {
        self.with(|sets| remember(&mut sets.groups, name));
    }

    pub fn realm(&self, name: &str) {
        self.with(|sets| remember(&mut sets.realms, name));
    }

    /// A conversation: a user's, a group's, or a group's with a realm.
    pub fn conversation(&self, name: &str) {
        match name.strip_prefix('#') {
            Some(group) => self.group(group),
            None => self.user(name),
        }
        if let Some((_, realm)) = name.split_once(['@', '+']) {
            self.realm(realm);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Sets) -> T) -> T {
        // Sets of names are right at every step, so a panic elsewhere does not spoil them.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the word that ends a line may become; the first argument is what stands before it.
    fn candidates(&self, before: &str) -> Vec<String> {
        let mut words = before.split_whitespace();
        let command = words.next().unwrap_or_default();
        let position = words.count() + 1;
        let users = |sets: &Sets| sets.users.iter().cloned().collect::<Vec<_>>();
        let groups = |sets: &Sets| sets.groups.iter().map(|g| format!("#{g}")).collect::<Vec<_>>();
        match (command, position) {
            ("", _) => ROWS.iter().map(|row| format!("/{}", row.name)).collect(),
            ("/help", 1) => ROWS.iter().map(|row| row.name.to_owned()).collect(),
            ("/to" | "/msg" | "/history" | "/read", 1) => {
                self.with(|s| [users(s), groups(s)].concat())
            }
            ("/create" | "/join" | "/leave" | "/members", 1) => self.with(|s| groups(s)),
            ("/realm-msg", 1) => self.with(|s| s.realms.iter().cloned().collect()),
            ("/realm-msg", 2) => self.with(|s| users(s)),
            _ => Vec::new(),
        }
    }
}

fn remember(set: &mut BTreeSet<String>, name: &str) {
    // A name with anything else in it came from a server that is not ours: never complete it.
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+~".contains(c);
    if set.len() < MOST && !name.is_empty() && name.chars().all(plain) {
        set.insert(name.to_owned());
    }
}

/// What the prompt knows.
pub struct Prompter(pub Names);

impl Completer for Prompter {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = &line[..at];
        let start = line.rfind(' ').map_or(0, |space| space + 1);
        let (before, word) = line.split_at(start);
        if word.is_empty() && start == 0 {
            return Ok((0, Vec::new()));
        }
        let fold = word.to_ascii_lowercase();
        let list = self.0.candidates(before);
        let fits = list.into_iter().filter(|name| name.to_ascii_lowercase().starts_with(&fold));
        let pairs = fits.map(|name| Pair { replacement: format!("{name} "), display: name });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Prompter {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        let typed = line.strip_prefix('/').filter(|_| at == line.len())?;
        let row = ROWS.iter().find(|row| row.name == typed.trim_end())?;
        let gap = if typed.ends_with(' ') { "" } else { " " };
        Some(format!("{gap}{}", row.usage)).filter(|_| !row.usage.is_empty())
    }
}

impl Highlighter for Prompter {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

impl Validator for Prompter {}
impl Helper for Prompter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_by_place() {
        let names = Names::default();
        names.user("bob");
        names.group("team");
        names.realm("beta");
        names.user("evil\x1b[2J");
        assert_eq!(names.candidates("/msg "), ["bob", "#team"]);
        assert_eq!(names.candidates("/join "), ["#team"]);
        assert_eq!(names.candidates("/realm-msg "), ["beta"]);
        assert_eq!(names.candidates("/realm-msg beta "), ["bob"]);
        assert!(names.candidates("/msg bob ").is_empty());
        assert!(names.candidates("").contains(&"/quit".to_owned()));
    }
}
