//! What one realm owes another, and the chain of hashes that shows whether two logs are the same.

use crate::{Emoji, File, Message, MessageKind, Name, Notice, RoomEntry, RoomSaid, Text, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// One message on its way to another realm, or what was done to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// When the sending realm took it.
    pub time: Time,
    /// The sender there; for a notice, the user or group that does not exist.
    pub from: Name,
    /// The user or group here.
    pub to: Name,
    /// What was written.
    pub text: Text,
    /// Which message it is, or tells of: where both realms go by that, and it is known. It is no part of
    /// the hash, so an entry can go to a realm that does not take it.
    pub origin: Option<EntryOrigin>,
    /// What only some have. It is no part of the hash either.
    pub more: Option<Box<EntryMore>>,
}

/// What only some entries have: see [`Entry::more`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryMore {
    /// What the message is, if not a text that somebody says.
    pub kind: Option<MessageKind>,
    /// The message that it answers.
    pub reply: Option<MessageRef>,
    /// What is done to a message: then the entry is no message of its own.
    pub change: Option<EntryChange>,
    /// The file that the message names.
    pub file: Option<Box<File>>,
    /// The hash of the log with this entry, where it does not say any more what it said when it was written.
    pub hash: Option<Chain>,
    /// What it says of a room: an entry of a room has it, and no other.
    pub room: Option<Box<RoomEntry>>,
    /// What the message of a room says besides its text. Like the text it is looked up when the entry is sent.
    pub said: Option<Box<RoomSaid>>,
}

/// A message of a conversation between two realms, as the realm numbers it where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageRef {
    /// It was written in the realm that the entry goes to, not in the one that it comes from.
    pub theirs: bool,
    /// Its id there.
    pub id: u64,
    /// When that realm took it: data that were put back by hand may give an id again, and then at another time.
    pub time: Time,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// It says from here on what the entry does.
    Edit(MessageRef),
    /// It says nothing any more.
    Delete(MessageRef),
    /// Somebody reacts to it.
    React(MessageRef, Emoji),
    /// Somebody takes a reaction back.
    Unreact(MessageRef, Emoji),
    /// Nothing: what the entry said has been replaced since.
    Gone,
}

impl EntryChange {
    /// The word for it on a link.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Edit(_) => "edit",
            Self::Delete(_) => "delete",
            Self::React(..) => "react",
            Self::Unreact(..) => "unreact",
            Self::Gone => "gone",
        }
    }

    /// The message that it is done to.
    pub fn of(&self) -> Option<MessageRef> {
        match self {
            Self::Edit(of) | Self::Delete(of) | Self::React(of, _) | Self::Unreact(of, _) => {
                Some(*of)
            }
            Self::Gone => None,
        }
    }
}

/// A message and its sender, as the realm where it was written numbers them. The message that an entry
/// carries is of the sending realm; one that a notice tells of is of the realm that the notice goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryOrigin {
    /// The message's id.
    pub id: u64,
    /// The number of its sender's account, which no other account ever has.
    pub account: u64,
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A message to a user.
    Private,
    /// A message to a group.
    Group,
    /// Why a message from there could not be delivered.
    Notice(Notice),
    /// Something about a room: see [`RoomEntry`].
    Room,
}

impl EntryKind {
    /// The word for it, on a link and in the hash of a log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Notice(notice) => notice.as_str(),
            Self::Room => "room",
        }
    }

    /// Reads what [`EntryKind::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "private" => Some(Self::Private),
            "group" => Some(Self::Group),
            "room" => Some(Self::Room),
            _ => Notice::parse(word).map(Self::Notice),
        }
    }
}

impl Entry {
    /// What carries a message that an account of this realm wrote, and that answers another where it does.
    pub fn of(kind: EntryKind, message: &Message, account: u64, reply: Option<MessageRef>) -> Self {
        let Message { id, time, from, to, .. } = message.clone();
        let kind_of = message.extras.as_ref().and_then(|extras| extras.kind);
        let file = message.file().cloned().map(Box::new);
        let (text, origin) = (carried(message), Some(EntryOrigin { id, account }));
        let more = EntryMore { kind: kind_of, reply, file, ..EntryMore::default() }.boxed();
        Self { kind, time, from, to, text, origin, more }
    }

    /// What says something of a room: whom it is about, and the group.
    pub fn of_room(time: Time, (from, to): (Name, Name), room: RoomEntry) -> Self {
        let more = EntryMore { room: Some(Box::new(room)), ..EntryMore::default() }.boxed();
        Self { kind: EntryKind::Room, time, from, to, text: Text::empty(), origin: None, more }
    }

    /// The same with a text, and what a message says beside it.
    pub fn with_said(self, text: Text, more: EntryMore) -> Self {
        let room = self.more.and_then(|more| more.room);
        Self { text, more: EntryMore { room, ..more }.boxed(), ..self }
    }

    /// What is done to a message, if it is no message of its own.
    pub fn change(&self) -> Option<&EntryChange> {
        self.more.as_ref()?.change.as_ref()
    }

    /// What it says of a room, if it is about one.
    pub fn room(&self) -> Option<&RoomEntry> {
        self.more.as_ref()?.room.as_deref()
    }

    /// The file that its message names.
    pub fn file(&self) -> Option<&File> {
        self.more.as_ref()?.file.as_deref()
    }

    /// What its message is, and what that says.
    pub fn said(&self) -> (Option<MessageKind>, Text) {
        let kind = self.more.as_ref().and_then(|more| more.kind);
        (kind, self.said_as(kind))
    }

    /// What it says of a message that is of a kind.
    pub fn said_as(&self, kind: Option<MessageKind>) -> Text {
        match kind {
            Some(MessageKind::Action) => self.text.without(&doing(&self.from)),
            Some(MessageKind::Notice) | None => self.text.clone(),
        }
    }

    /// The same entry, once its message says something else or nothing: where the log with it has this hash.
    #[must_use]
    pub fn saying(&self, text: Text, hash: Chain) -> Self {
        let mut more = self.more.as_deref().cloned().unwrap_or_default();
        more.hash = Some(hash);
        // What says nothing any more was deleted.
        more.file = more.file.filter(|_| !text.as_str().is_empty());
        let mut text = text;
        if more.change.is_some() {
            (more.change, text) = (Some(EntryChange::Gone), Text::empty());
        }
        Self { text, more: more.boxed(), ..self.clone() }
    }

    /// The same entry about a message of a room, with what that says now.
    #[must_use]
    pub fn telling(&self, message: &Message, peer: u64) -> Self {
        let at = self.room().is_some_and(RoomEntry::is_new).then_some(self.time);
        let (text, more) = EntryMore::of_message(message, (peer, at));
        let room = self.more.as_ref().and_then(|more| more.room.clone());
        Self { text, more: EntryMore { room, ..more }.boxed(), ..self.clone() }
    }

    /// About how much it takes, in bytes: what limits on a link are counted in.
    pub fn size(&self) -> u64 {
        let file = self.file().map_or(0, File::memory);
        let said = self.more.as_ref().and_then(|more| more.said.as_deref());
        let said = said.map_or(0, RoomSaid::memory);
        let more = if self.more.is_some() { 64 + file + said } else { 0 };
        (64 + more + self.from.as_str().len() + self.to.as_str().len() + self.text.as_str().len())
            as u64
    }
}

impl EntryMore {
    /// What a message of a room says now, for a realm that the host has under this number: its text, and what it has
    /// besides. `at` is when that is said, of one that is new there.
    pub fn of_message(message: &Message, (peer, at): (u64, Option<Time>)) -> (Text, Self) {
        let kind = message.extras.as_ref().and_then(|extras| extras.kind);
        let file = message.file().cloned().map(Box::new);
        let taken = Some(message.time).filter(|time| at.is_some_and(|at| at != *time));
        let said = RoomSaid { taken, ..RoomSaid::of(message, peer) };
        let said = Some(said).filter(|said| *said != RoomSaid::default());
        (message.text.clone(), Self { kind, file, said: said.map(Box::new), ..Self::default() })
    }

    /// As an entry has it: not at all where there is nothing.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// What a message says to a realm that knows of texts alone: who does something is named.
pub fn carried(message: &Message) -> Text {
    let is_action =
        message.extras.as_ref().is_some_and(|extras| extras.kind == Some(MessageKind::Action));
    match is_action {
        true => message.text.after(&doing(&message.from)),
        false => message.text.clone(),
    }
}

fn doing(name: &Name) -> String {
    format!("* {name} ")
}

/// The hash of a log up to some entry: half of a SHA-256, each over the one before and the entry.
/// Where two logs have the same at an entry, they are the same up to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chain([u8; 16]);

impl Chain {
    /// Before the first entry.
    pub const START: Self = Self([0; 16]);

    /// The chain with one more entry.
    #[must_use]
    pub fn with(self, entry: &Entry) -> Self {
        if let Some(hash) = entry.more.as_ref().and_then(|more| more.hash) {
            return hash;
        }
        let (from, to, text) = (entry.from.as_str(), entry.to.as_str(), entry.text.as_str());
        // What goes with what is said of a room may be another thing whenever it is sent.
        match entry.room() {
            Some(room) => {
                let line = room.to_string();
                self.with_fields(entry.kind.as_str(), entry.time, [from, to, &line])
            }
            None => self.with_fields(entry.kind.as_str(), entry.time, [from, to, text]),
        }
    }

    /// The same for the fields of an entry of any kind. No field holds a NUL, so no two entries read alike.
    pub fn with_fields(self, kind: &str, time: Time, [from, to, text]: [&str; 3]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(time.0.to_be_bytes());
        for text in [kind, from, to] {
            hash.update(text);
            hash.update([0]);
        }
        hash.update(text);
        let whole: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        Self(half)
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(word: &str) -> Option<Self> {
        let valid = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| u128::from_str_radix(word, 16).ok())?.map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        let name = |n| Name::parse(n).unwrap();
        let text = Text::parse(text, 99).unwrap();
        let (kind, time, origin) = (EntryKind::Private, Time(7), None);
        Entry { kind, time, from: name("amy"), to: name("bob"), text, origin, more: None }
    }

    #[test]
    fn what_somebody_does_is_a_text_that_says_who() {
        let name = |n| Name::parse(n).unwrap();
        let text = |text: &str| Text::parse(text, 99).unwrap();
        let extras = crate::Extras { kind: Some(MessageKind::Action), ..Default::default() };
        let message = Message::new(1, Time(7), name("amy"), name("bob"), text("waves"));
        let message = Message { extras: extras.boxed(), ..message };
        let entry = Entry::of(EntryKind::Private, &message, 3, None);
        assert_eq!(entry.text.as_str(), "* amy waves");
        assert_eq!(entry.said(), (Some(MessageKind::Action), text("waves")));
        let other = Entry { text: text("* bob waves"), ..entry };
        assert_eq!(other.said().1.as_str(), "* bob waves");
    }

    #[test]
    fn the_hash_stays_where_something_else_is_said() {
        let (one, before) = (entry("one"), Chain::START.with(&entry("zero")));
        let hash = before.with(&one);
        let other = one.saying(Text::parse("two", 9).unwrap(), hash);
        assert_eq!((before.with(&other), other.text.as_str()), (hash, "two"));
        let of = MessageRef { theirs: false, id: 9, time: Time(7) };
        let change = Some(EntryChange::Edit(of));
        let edit = Entry { more: EntryMore { change, ..EntryMore::default() }.boxed(), ..one };
        let gone = edit.saying(Text::parse("two", 9).unwrap(), hash);
        assert_eq!((gone.change(), gone.text.as_str()), (Some(&EntryChange::Gone), ""));
    }

    #[test]
    fn a_chain_tells_every_difference() {
        let one = Chain::START.with(&entry("one"));
        assert_eq!(one, Chain::START.with(&entry("one")));
        assert_ne!(one, Chain::START.with(&entry("two")));
        assert_ne!(one, one.with(&entry("one")));
        assert_eq!(Chain::parse(&one.to_string()), Some(one));
        assert_eq!(Chain::parse("+f"), None);
    }
}
