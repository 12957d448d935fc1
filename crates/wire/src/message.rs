//! One message, as stored and as shown.

use crate::json::{field, number};
use crate::{Dialect, Name, Text, Time};
use serde::{Deserialize, Serialize};

/// A message in a mailbox. It has one id wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Grows within a realm; 0 where another server told the message, and neither this nor the time.
    pub id: u64,
    /// When this realm took it.
    pub time: Time,
    /// The sender's name.
    pub from: Name,
    /// The recipient's or the group's name.
    pub to: Name,
    /// What was written.
    pub text: Text,
    /// The other realm, where it came from one or went to one.
    pub realm: Option<Away>,
    /// Set on a message the system wrote: why another could not be delivered.
    pub notice: Option<Notice>,
}

/// Which way a message crosses between this realm and another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Away {
    /// It came from there: shown as `realm`.
    From(Name),
    /// It went there: shown as `to_realm`, since its sender is of this realm.
    To(Name),
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
}

impl Notice {
    /// The word shown under `notice`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserNotFound => "user_not_found",
            Self::GroupNotFound => "group_not_found",
            Self::Refused => "refused",
        }
    }

    /// Reads what [`Notice::as_str`] gives.
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
    /// Appends the fields, each led by a comma, under the names of `keys`, in the character set
    /// of `charset` (an event asked for in lower case has upper names and ASCII text).
    pub(crate) fn write_fields(&self, out: &mut Vec<u8>, keys: Dialect, charset: Dialect) {
        let [from, to, text] = match keys {
            Dialect::Lower => ["msg_from", "msg_to", "msg"],
            Dialect::Upper => ["from", "to", "message"],
        };
        if self.id > 0 {
            number(out, "id", self.id);
            field(out, charset, "time", &self.time.rfc3339());
        }
        field(out, charset, from, self.from.as_str());
        field(out, charset, to, self.to.as_str());
        field(out, charset, text, self.text.as_str());
        match &self.realm {
            Some(Away::From(realm)) => field(out, charset, "realm", realm.as_str()),
            Some(Away::To(realm)) => field(out, charset, "to_realm", realm.as_str()),
            None => {}
        }
        if let Some(notice) = self.notice {
            field(out, charset, "notice", notice.as_str());
        }
    }
}
