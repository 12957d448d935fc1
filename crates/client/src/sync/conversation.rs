//! One conversation, as far as it is known.

use super::message::Message;
use super::spans::{OPEN, Spans};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

/// How many messages that changed while a page was on its way are remembered, until it is here.
const MOST_CHANGED: usize = 256;

/// A conversation of the user.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub(super) name: String,
    /// The name of the user's realm.
    here: Option<Arc<str>>,
    pub(super) messages: BTreeMap<u64, Message>,
    /// What waits for its place in a group of another realm, by what it is called until then.
    waiting: BTreeMap<u64, Message>,
    pub(super) spans: Spans,
    /// The last message that was told as a change.
    streamed: u64,
    pub(super) read: u64,
    /// What the user has written up to this message is on disk at the realm that it went to.
    pub(super) delivered: u64,
    /// How many were unread up to [`Self::counted`], as the realm said; none where that is not known.
    base: Option<Count>,
    counted: u64,
    members: Option<u64>,
    pub(super) role: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) muted: bool,
    /// Replies about it that are on their way.
    pub(super) asked: usize,
    /// What changed meanwhile, and nothing for what does not wait any more: a page may have been made before.
    changed: BTreeMap<u64, Option<Message>>,
    /// Something changed while its state was asked for.
    pub(super) touched: bool,
    /// Its state can be asked for once more is told of it.
    pub(super) ahead: bool,
    /// The user has just joined the group, and has read what was there.
    pub(super) joining: bool,
    bytes: usize,
}

/// How many messages are unread, and how many of them call the user by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many are unread.
    pub unread: u64,
    /// How many of them call the user by name.
    pub mentions: u64,
}

impl Conversation {
    pub(super) fn new(name: &str, here: Option<Arc<str>>) -> Self {
        Self { name: name.to_owned(), here, ..Self::default() }
    }

    /// How the user addresses it: `bob`, `bob@beta`, `#staff`, `#staff+beta`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a group's.
    pub fn is_group(&self) -> bool {
        self.name.starts_with('#')
    }

    /// The last message that has its place, if there is one.
    pub fn last(&self) -> Option<&Message> {
        self.messages.values().next_back()
    }

    /// A message that is known.
    pub fn message(&self, id: u64) -> Option<&Message> {
        self.messages.get(&id).or_else(|| self.waiting.get(&id))
    }

    /// The messages that are known, oldest first; those that wait for their place come last. Between two of them
    /// there may be others: see [`follows`](Self::follows).
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values().chain(self.waiting.values())
    }

    /// Whether nothing was written between two messages that are known. With 0 as the first: whether the second
    /// is the first one that was written.
    pub fn follows(&self, first: u64, second: u64) -> bool {
        self.spans.cover(first, second)
    }

    /// The oldest message from which on everything is known.
    pub fn known_from(&self) -> Option<u64> {
        let last = *self.messages.keys().next_back()?;
        let start = self.spans.start(last)?;
        self.messages.range(start..).next().map(|(id, _)| *id)
    }

    /// The id of the last message that the user has read; 0 for none.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// How many members the group has, as far as that is known.
    pub fn members(&self) -> Option<u64> {
        self.members
    }

    /// What the user is in the group: `owner`, `moderator` or `member`.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// What the group is about.
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// Whether it is not to call the user.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// About how many bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes + self.name.len() + self.topic.as_deref().map_or(0, str::len) + 400
    }

    /// How many messages are unread for a user. Where that is not known for certain, which it soon is, how many
    /// at least.
    pub(super) fn count(&self, me: &str) -> Count {
        match self.base {
            _ if self.is_known_from(self.read) => self.count_after(self.read, OPEN, me),
            Some(base) => {
                let more = self.count_after(self.counted.max(self.read), OPEN, me);
                Count { unread: base.unread + more.unread, mentions: base.mentions + more.mentions }
            }
            None => self.count_after(self.read, OPEN, me),
        }
    }

    /// Whether it is known for certain how many are unread.
    pub(super) fn is_counted(&self) -> bool {
        self.base.is_some() || self.is_known_from(self.read)
    }

    fn is_known_from(&self, id: u64) -> bool {
        self.spans.cover(id.saturating_add(1), OPEN)
    }

    fn count_after(&self, after: u64, upto: u64, me: &str) -> Count {
        let mut count = Count::default();
        for (id, message) in self.messages.range((Excluded(after), Unbounded)) {
            if *id <= upto && message.counts_for(me) {
                count.unread += 1;
                let calls = self.is_group() && message.mentions(me, self.here.as_deref());
                count.mentions += u64::from(calls);
            }
        }
        count
    }

    /// Takes what the realm says of it.
    pub(super) fn take_overview(&mut self, told: &Value) {
        let number = |key: &str| told.get(key).and_then(Value::as_u64);
        let str = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
        let last = told.get("last").and_then(Message::of);
        self.name = str("conv").unwrap_or_else(|| std::mem::take(&mut self.name));
        self.read = number("read").unwrap_or(0);
        let (unread, mentions) = (number("unread").unwrap_or(0), number("mentions").unwrap_or(0));
        self.base = Some(Count { unread, mentions });
        self.counted = last.as_ref().map_or(0, |last| last.id);
        // Whatever comes after the last message is told as a change.
        self.spans.add(self.counted, OPEN);
        if let Some(last) = last {
            self.take_page_message(last);
        }
        (self.members, self.role) = (number("members"), str("role"));
        self.topic = str("topic");
        self.muted = told.get("muted") == Some(&Value::Bool(true));
        (self.ahead, self.joining) = (false, false);
    }

    /// Takes a message of a page, unless a change has told a later form of it.
    pub(super) fn take_page_message(&mut self, message: Message) {
        match self.changed.get(&message.id) {
            Some(None) => {}
            Some(Some(changed)) if !message.is_later_than(changed) => self.put(changed.clone()),
            _ => self.put(message),
        }
    }

    /// Takes a message that was told as new. Returns whether it was not told before, and whether what is unread is
    /// not known any more.
    pub(super) fn take_new(&mut self, message: Message, me: &str) -> (bool, bool) {
        let id = message.id;
        if message.pending {
            let is_new = !self.waiting.contains_key(&id);
            self.take_page_message(message);
            return (is_new, false);
        }
        if id <= self.streamed {
            return (false, false);
        }
        let uncounted = self.may_be_counted(&message, me);
        match self.streamed {
            _ if !self.spans.is_open() => self.spans.add(id, OPEN),
            // Changes leave nothing out.
            0 => self.spans.add(id, id.saturating_add(1)),
            before => self.spans.add(before, id.saturating_add(1)),
        }
        self.streamed = id;
        if message.is_from(me) && id > self.read {
            self.set_read(id);
        }
        self.note_changed(id, Some(&message));
        self.put(message);
        (true, uncounted)
    }

    /// A message waits no more: it has its place, or is refused.
    pub(super) fn take_placed(&mut self, was: u64) {
        self.note_changed(was, None);
        if let Some(gone) = self.waiting.remove(&was) {
            self.bytes -= gone.memory();
        }
    }

    /// Whether a message that is deleted was counted as unread, perhaps: among those that the realm has counted, it
    /// may or may not have been left out already.
    fn may_be_counted(&self, message: &Message, me: &str) -> bool {
        let known = self.messages.get(&message.id);
        let counts = known.is_none_or(|known| known.counts_for(me)) && !message.is_from(me);
        let is_in = message.id > self.read && message.id <= self.counted;
        message.deleted && counts && is_in && !self.is_known_from(self.read)
    }

    /// Takes a later form of a message. Returns whether that changes anything, and whether what is unread is
    /// not known any more.
    pub(super) fn take_changed(&mut self, message: Message, me: &str) -> (bool, bool) {
        let known = self.messages.get(&message.id);
        if known == Some(&message) {
            return (false, false);
        }
        let uncounted = self.may_be_counted(&message, me);
        // What was not loaded is shown as it is now once it is.
        let known = known.is_some();
        self.note_changed(message.id, Some(&message));
        if known {
            self.put(message);
        }
        (known, uncounted)
    }

    fn note_changed(&mut self, id: u64, message: Option<&Message>) {
        if self.asked > 0 {
            self.changed.insert(id, message.cloned());
            if self.changed.len() > MOST_CHANGED {
                self.changed.pop_first();
            }
        }
    }

    /// A reply about it is here, or lost.
    pub(super) fn settle(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        if self.asked == 0 {
            self.changed.clear();
        }
    }

    fn put(&mut self, message: Message) {
        let is_it = |waits: &&Message| waits.reference == message.reference;
        let named = message.reference.is_some() && !message.pending;
        // Whoever wrote it is shown it once, also before it is told that it waits no more.
        if let Some(was) = self.waiting.values().find(is_it).map(|m| m.id).filter(|_| named) {
            self.take_placed(was);
        }
        self.bytes += message.memory();
        let all = if message.pending { &mut self.waiting } else { &mut self.messages };
        if let Some(before) = all.insert(message.id, message) {
            self.bytes -= before.memory();
        }
    }

    /// Moves the read marker; where it is another one, what was counted up to it is not known any more.
    pub(super) fn set_read(&mut self, id: u64) {
        if id != self.read {
            (self.read, self.base) = (id, None);
            self.touched = true;
        }
    }

    pub(super) fn set_members(&mut self, members: u64) {
        self.members = Some(members);
    }

    /// Lets go of messages past a number: of those furthest from `near`, and never of the last one.
    pub(super) fn trim(&mut self, most: usize, near: u64, me: &str) {
        while self.waiting.len() > most.max(1) {
            let Some((_, gone)) = self.waiting.pop_first() else { return };
            self.bytes -= gone.memory();
        }
        if self.messages.len() <= most.max(1) {
            return;
        }
        let upto = self.counted.max(self.streamed);
        let count = match self.base {
            _ if self.is_known_from(self.read) => Some(self.count_after(self.read, upto, me)),
            Some(base) => {
                let more = self.count_after(self.counted.max(self.read), upto, me);
                let (unread, mentions) = (base.unread + more.unread, base.mentions + more.mentions);
                Some(Count { unread, mentions })
            }
            None => None,
        };
        (self.base, self.counted) = (count, upto);
        let mut older = self.messages.range(..near).count();
        while self.messages.len() > most.max(1) {
            let newer = self.messages.len() - older;
            if older >= newer || newer <= 1 {
                let Some((id, gone)) = self.messages.pop_first() else { return };
                older = older.saturating_sub(1);
                self.bytes -= gone.memory();
                self.spans.remove(0, id.saturating_add(1));
            } else {
                let Some(id) = self.messages.keys().rev().nth(1).copied() else { return };
                let Some(gone) = self.messages.remove(&id) else { return };
                self.bytes -= gone.memory();
                let last = self.messages.keys().next_back().copied().unwrap_or(OPEN);
                self.spans.remove(id, last);
            }
        }
    }
}
