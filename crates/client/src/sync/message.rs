//! A message of a conversation, as a realm tells it.

use serde_json::Value;

/// A file that comes with a message. Nothing in it is validated but the hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The SHA-256 of its bytes, in 64 hexadecimal digits: what it is fetched by.
    pub sha256: String,
    /// What its sender calls it: not a path, whatever it looks like.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// How many bytes it has.
    pub size: u64,
    /// Width and height, where it is a picture.
    pub picture: Option<(u32, u32)>,
}

impl File {
    /// Reads one; `None` where it lacks what every file has.
    pub fn of(value: &Value) -> Option<Self> {
        let str = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let side = |key: &str| {
            let side = value.get(key).and_then(Value::as_u64).and_then(|side| side.try_into().ok());
            side.filter(|side| *side > 0)
        };
        Some(Self {
            sha256: str("sha256").filter(|hash| antar_types::FileHash::parse(hash).is_some())?,
            name: str("name")?,
            kind: str("type").unwrap_or_default(),
            size: value.get("size")?.as_u64()?,
            picture: side("width").zip(side("height")),
        })
    }
}

/// A message of a conversation. Nothing in it is validated: a server may be another one than ours, so escape it
/// before it reaches a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its place in the one order of the realm.
    pub id: u64,
    /// When the realm took it: RFC 3339, UTC, with milliseconds.
    pub time: Option<String>,
    /// When the sender's realm took it, where that is another one.
    pub sent: Option<String>,
    /// Who wrote it.
    pub from: String,
    /// What was written; U+2028 is a line break. Empty where it is deleted.
    pub text: String,
    /// The realm it came from, unless that is this one.
    pub realm: Option<String>,
    /// The realm it went to, unless that is this one.
    pub to_realm: Option<String>,
    /// Set on a message that the system wrote: the code of why another was not delivered.
    pub notice: Option<String>,
    /// `action`, `notice`; plain text has none.
    pub kind: Option<String>,
    /// The message that it answers.
    pub reply: Option<u64>,
    /// What its sender's client called it. Only the sender is shown it.
    pub reference: Option<String>,
    /// When it was last edited.
    pub edited: Option<String>,
    /// It was deleted: its text is gone.
    pub deleted: bool,
    /// It was on disk at the realm that it went to when the realm told of it. See
    /// [`Model::is_delivered`](super::Model::is_delivered).
    pub delivered: bool,
    /// Each emoji with who put it there.
    pub reactions: Vec<(String, Vec<String>)>,
    /// The realm where its group was made was put back, and does not have it any more.
    pub lost: bool,
    /// The file that comes with it.
    pub file: Option<Box<File>>,
    /// It waits for its place in a group of another realm: until then it stands after all others, counts for nothing,
    /// and nothing can be done with it. Once it has its place it is another message.
    pub pending: bool,
}

impl Message {
    /// Reads one, as HISTORY lists it; `None` where it lacks what every message has.
    pub fn of(value: &Value) -> Option<Self> {
        let str = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let names = |names: &Value| {
            let names = names.as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let reactions = value.get("reactions").and_then(Value::as_object).into_iter().flatten();
        Some(Self {
            id: value.get("id")?.as_u64()?,
            time: str("time"),
            sent: str("sent"),
            from: str("from")?,
            text: str("message").unwrap_or_default(),
            realm: str("realm"),
            to_realm: str("to_realm"),
            notice: str("notice"),
            kind: str("kind"),
            reply: value.get("reply").and_then(Value::as_u64),
            reference: str("ref"),
            edited: str("edited"),
            deleted: value.get("deleted") == Some(&Value::Bool(true)),
            delivered: value.get("delivered") == Some(&Value::Bool(true)),
            reactions: reactions.map(|(emoji, by)| (emoji.clone(), names(by))).collect(),
            lost: value.get("lost") == Some(&Value::Bool(true)),
            file: value.get("file").and_then(File::of).map(Box::new),
            pending: value.get("pending") == Some(&Value::Bool(true)),
        })
    }

    /// Whether this user of this realm wrote it.
    pub fn is_from(&self, user: &str) -> bool {
        self.realm.is_none() && self.notice.is_none() && self.from.eq_ignore_ascii_case(user)
    }

    /// Whether it counts as unread for this user, where it is not read.
    pub(super) fn counts_for(&self, user: &str) -> bool {
        !self.deleted && self.notice.is_none() && !self.is_from(user)
    }

    /// Whether it calls a user of the realm `here` by `@name` or `@name@realm`, as that realm counts it.
    pub(super) fn mentions(&self, user: &str, here: Option<&str>) -> bool {
        antar_types::mentions::has(&self.text, user, here)
    }

    /// Whether it is a later form of the same message than another one, as far as that can be told.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        (self.deleted, self.lost, &self.edited) > (other.deleted, other.lost, &other.edited)
    }

    /// About how many bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        let reactions = self.reactions.iter();
        let reactions: usize = reactions
            .map(|(emoji, by)| emoji.len() + by.iter().map(|name| name.len() + 24).sum::<usize>())
            .sum();
        let file = self.file.as_ref().map_or(0, |file| file.name.len() + 300);
        size_of::<Self>() + self.from.len() + self.text.len() + reactions + file + 100
    }
}
