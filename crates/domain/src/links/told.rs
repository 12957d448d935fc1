//! What a plain peer answers, as far as it matters here.

use antar_types::{Away, DisplayName, Message, Name, Text, Time};
use std::sync::Arc;

/// Messages of a list that are kept: theirs are newest first, so these are the newest.
pub const MOST_LISTED: usize = 10_000;

/// What a plain peer answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// It did what it was asked.
    pub ok: bool,
    /// What it says in words, in lower case, for people.
    pub said: String,
    /// It says that it knows nothing of the link.
    pub forgot: bool,
    /// What it says is about a group.
    pub of_group: bool,
    /// Its messages, oldest first; none where it tells no list.
    pub list: Option<Arc<[Listed]>>,
    /// There is more than was read.
    pub cut: bool,
    /// Its messages are numbered.
    pub numbered: bool,
}

/// A message as a plain peer lists it, without what a text or a name cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What its sender is called there.
    pub from: String,
    /// To whom it is.
    pub to: String,
    /// What it says.
    pub text: Text,
}

impl Told {
    /// Its messages, oldest first; `None` where it is no list.
    pub fn list(&self) -> Option<&[Listed]> {
        self.list.as_deref()
    }
}

impl Listed {
    /// Whether its sender goes by something else than a name.
    pub fn calls_people(&self) -> bool {
        !self.from.is_empty() && Name::parse(&self.from).is_none()
    }

    /// The message, from a realm and to somebody here, without id and time.
    pub fn message(&self, realm: &Name, to: &Name) -> Message {
        let away = match (Name::parse(&self.from), DisplayName::new(&self.from)) {
            (None, Some(shown)) => Away::FromShown(realm.clone(), shown),
            _ => Away::From(realm.clone()),
        };
        let from = Name::parse(&self.from).unwrap_or_else(|| realm.clone());
        let to = Name::parse(&self.to).unwrap_or_else(|| to.clone());
        let text = self.text.clone();
        Message { realm: Some(away), ..Message::new(0, Time(0), from, to, text) }
    }
}
