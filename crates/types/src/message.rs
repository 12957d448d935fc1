//! One message, as stored and as shown.

use crate::{Extras, File, Name, Reference, Text, Time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message in a mailbox. It has one id wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Grows within a realm; 0 where another server told the message, and neither this nor the time.
    pub id: u64,
    /// When this realm took it.
    pub time: Time,
    /// The sender's name; see [`Message::sender`].
    pub from: Name,
    /// The recipient's or the group's name.
    pub to: Name,
    /// What was written.
    pub text: Text,
    /// The other realm, where it came from one or went to one.
    pub realm: Option<Away>,
    /// Set on a message the system wrote: why another could not be delivered.
    pub notice: Option<Notice>,
    /// What only some messages have.
    pub extras: Option<Box<Extras>>,
}

/// Which way a message crosses between this realm and another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Away {
    /// It came from there: shown as `realm`.
    From(Name),
    /// It went there: shown as `to_realm`, since its sender is of this realm.
    To(Name),
    /// It came from there, and its sender goes by what is no name: that is shown in place of it. Added later,
    /// so it is the last: what was stored before is read as it was written.
    FromShown(Name, DisplayName),
    /// It came from there, and that realm has told which message it is, and whose.
    FromAccount(Name, RemoteIdentity),
}

/// A message and its sender, as the realm where it was written numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RemoteIdentity {
    /// The epoch of that realm's log when the message came. Data that were put back by hand may give a
    /// number again, and then in another epoch.
    pub epoch: u64,
    /// The message's id.
    pub id: u64,
    /// The number of its sender's account. Who has a name there after another has another number.
    pub account: u64,
}

/// What a server that knows only the two documents calls a sender, as
/// `Jordan Henderson(127.0.0.1:8889)`: any text, of bounded length and without control characters. Nobody
/// can be addressed by it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayName(Arc<str>);

/// The longest display name, in bytes.
const MAX_DISPLAY_NAME: usize = 128;

impl DisplayName {
    /// As much of a text as may be shown; `None` where nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(MAX_DISPLAY_NAME)];
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let shown = text.replace(breaks, " ");
        (!text.is_empty()).then(|| Self(shown.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a message to another realm came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The other realm has no such user.
    UserNotFound,
    /// The other realm has no such group.
    GroupNotFound,
    /// The other realm refused it for another reason.
    Refused,
    /// The link was ended here while the message was still owed.
    RealmRemoved,
}

impl Notice {
    /// The word shown under `notice`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserNotFound => "user_not_found",
            Self::GroupNotFound => "group_not_found",
            Self::Refused => "refused",
            Self::RealmRemoved => "realm_removed",
        }
    }

    /// Reads what [`Notice::as_str`] gives, as far as one realm tells another of it.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::UserNotFound, Self::GroupNotFound, Self::Refused];
        all.into_iter().find(|notice| notice.as_str() == word)
    }
}

/// Which inbox a message lands in; an event's `box`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxKind {
    /// INBOX.
    Private,
    /// INBOXGROUP.
    Group,
    /// INBOXREALM.
    Realm,
    /// INBOXGROUPREALM.
    GroupRealm,
}

impl BoxKind {
    /// The word shown under `box`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Realm => "realm",
            Self::GroupRealm => "grouprealm",
        }
    }
}

impl Message {
    /// A message within this realm, with nothing but a text. Whoever makes another says in what it differs:
    /// `Message { notice, ..Message::new(…) }`.
    pub fn new(id: u64, time: Time, from: Name, to: Name, text: Text) -> Self {
        Self { id, time, from, to, text, realm: None, notice: None, extras: None }
    }

    /// What the sender is called: the name, or what another server says in place of one.
    pub fn sender(&self) -> &str {
        match &self.realm {
            Some(Away::FromShown(_, shown)) => shown.as_str(),
            _ => self.from.as_str(),
        }
    }

    /// When its sender's realm took it, which is this one unless that is known.
    pub fn sent(&self) -> Time {
        self.extras.as_ref().and_then(|extras| extras.sent).unwrap_or(self.time)
    }

    /// Whether its time is by this realm's clock. Earlier versions kept the sender's of what came from another realm.
    pub fn is_timed_here(&self) -> bool {
        let is_sent = self.extras.as_ref().is_some_and(|extras| extras.sent.is_some());
        is_sent || !matches!(self.realm, Some(Away::From(_) | Away::FromAccount(..)))
    }

    /// What its sender called it, where that is known.
    pub fn reference(&self) -> Option<&Reference> {
        self.extras.as_ref()?.reference.as_ref()
    }

    /// The file that comes with it.
    pub fn file(&self) -> Option<&File> {
        self.extras.as_ref()?.file.as_deref()
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.deleted)
    }

    /// What it has once it is deleted: of what was said with it nothing, and what tells where it is.
    pub fn emptied(&self) -> Extras {
        let extras = self.extras.as_deref().cloned().unwrap_or_default();
        let Extras { sent, place, lost, asked, .. } = extras;
        Extras { sent, place, lost, asked, deleted: true, ..Extras::default() }
    }

    /// About how many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        let names = self.sender().len() + self.to.len();
        let extras = self.extras.as_ref().map_or(0, |extras| extras.memory());
        size_of::<Self>() + names + self.text.as_str().len() + extras
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_one_line_of_bounded_length() {
        let shown = |text: &str| DisplayName::new(text).map(|shown| shown.as_str().to_string());
        let whole = "Jordan Henderson(127.0.0.1:8889)";
        assert_eq!(shown(&format!(" {whole}\r\n")).as_deref(), Some(whole));
        assert_eq!(shown("a\u{1b}[31m\u{2028}b\u{85}c").as_deref(), Some("a [31m b c"));
        assert_eq!(shown(" \t\n"), None);
        assert_eq!(shown(&"é".repeat(99)).unwrap(), "é".repeat(64));
    }
}
