//! What a user sees, kept in step with a realm.
//!
//! [`Model`] does no I/O: it says what to ask ([`next_request`](Model::next_request)), is told what the server
//! answers and what happens ([`answered`](Model::answered), [`event`](Model::event)), and holds what comes of it:
//! conversations, messages, how many are unread, what was written and is not posted yet. It goes on where it was
//! when a connection is lost: [`disconnected`](Model::disconnected), then [`connected`](Model::connected).
//!
//! A driver sends each request as a line, logged in as the user, and hands back its replies in the order of the
//! requests. [`Live`](crate::live::Live) is one for tokio.
//!
//! `tests/sync/` has what a model does as files that other clients replay.

mod answer;
mod change;
mod conversation;
mod message;
mod outbox;
mod requests;
mod spans;

pub use conversation::{Conversation, Count};
pub use message::{File, Message};
pub use outbox::{Draft, Entry, PostError, State};
pub use requests::Part;

use outbox::Outbox;
use requests::Ask;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How much a [`Model`] keeps. Past it the oldest is let go of; it can be loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages of a conversation; 1 at least.
    pub messages: usize,
    /// Conversations: those with the latest messages.
    pub conversations: usize,
    /// Bytes of all messages, about: past it, conversations in which nothing was said for long keep their last one.
    pub bytes: usize,
    /// Messages that wait to be sent.
    pub outbox: usize,
}

impl Default for Limits {
    /// 500 messages each of 10,000 conversations, 64 MiB; 1,000 messages that wait.
    fn default() -> Self {
        let bytes = 64 * 1024 * 1024;
        Self { messages: 500, conversations: 10_000, bytes, outbox: 1_000 }
    }
}

/// How a model is kept in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// By a WATCH, which tells each change as it happens.
    Watch,
    /// By a SYNC now and then: see [`Model::poll`].
    Poll,
}

/// How far a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is no connection.
    Offline,
    /// The list of conversations is being loaded.
    Listing,
    /// What has changed while it was away is being loaded.
    CatchingUp,
    /// Everything that there is was told; what happens is told as it does.
    InStep,
    /// The realm could not answer just now: [`Model::retry`] tries again.
    Waiting,
    /// The session has ended. It takes a log-in to go on.
    LoggedOut,
}

/// What has changed in a [`Model`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Everything that was known is let go of, but for what the user has written. The list is loaded anew.
    Reset,
    /// Everything that there is was told.
    InStep,
    /// A message was written, by others or by the user on any device.
    Message {
        /// The conversation.
        conversation: String,
        /// The message.
        id: u64,
    },
    /// A message was written that waits for its place in a group of another realm: see [`Message::pending`].
    Pending {
        /// The conversation.
        conversation: String,
        /// What it is called until it has its place.
        id: u64,
    },
    /// A message waits no more. What has its place was told as a message of its own.
    Placed {
        /// The conversation.
        conversation: String,
        /// What it was called while it waited.
        was: u64,
        /// The message that it is now; none where that realm refused it, of which a notice tells its author.
        id: Option<u64>,
    },
    /// A message was edited or deleted, somebody reacted to it, or it is [lost](Message::lost).
    Changed {
        /// The conversation.
        conversation: String,
        /// The message.
        id: u64,
    },
    /// Something else of a conversation is different: how many are unread, its members, its topic.
    Conversation(String),
    /// Somebody joined a group, left it, was taken out of it, has another role, …
    Member {
        /// The group's conversation.
        conversation: String,
        /// What happened: `joined`, `left`, `kicked`, `banned`, `role`, `silenced`.
        what: String,
        /// To whom.
        user: String,
        /// By whom.
        by: String,
    },
    /// A conversation is none of the user's any more.
    Gone(String),
    /// Part of a history was asked for, and is here.
    Loaded {
        /// The conversation.
        conversation: String,
        /// There is more in the direction of what was asked for.
        more: bool,
        /// How many messages came.
        count: usize,
    },
    /// What was asked for is refused: a history, or a marker.
    Failed {
        /// The conversation.
        conversation: String,
        /// Why.
        code: String,
    },
    /// A message that the user wrote is posted.
    Posted {
        /// What the client called it.
        reference: String,
        /// Its id.
        id: u64,
    },
    /// A message that the user wrote is not posted yet: the realm could not take it just now, or does not know whether
    /// it has. It is sent again.
    Held {
        /// What the client called it.
        reference: String,
        /// Why.
        code: String,
    },
    /// A message that the user wrote is refused.
    Refused {
        /// What the client called it.
        reference: String,
        /// Why.
        code: String,
    },
    /// The session has ended.
    LoggedOut,
}

/// What a user sees. See the [module](self).
#[derive(Clone, Debug)]
pub struct Model {
    me: String,
    realm: Option<Arc<str>>,
    limits: Limits,
    follow: Follow,
    phase: Phase,
    cursor: Option<String>,
    /// The cursor after a start belongs to conversations that were listed whole.
    listed: bool,
    /// What is told is told of the watch that goes on from the cursor.
    watching: bool,
    conversations: BTreeMap<String, Conversation>,
    /// About how many bytes they take.
    bytes: usize,
    outbox: Outbox,
    wanted: VecDeque<Ask>,
    /// Conversations whose state is to be asked for.
    stale: BTreeSet<String>,
    asked: VecDeque<Ask>,
    updates: Vec<Update>,
}

impl Model {
    /// What this user sees, who is not connected yet. `me` is the user's name, in any case.
    pub fn new(me: &str) -> Self {
        Self::with_limits(me, Limits::default())
    }

    /// As [`new`](Self::new), keeping so much.
    pub fn with_limits(me: &str, limits: Limits) -> Self {
        Self {
            me: me.to_owned(),
            realm: None,
            limits,
            follow: Follow::Watch,
            phase: Phase::Offline,
            cursor: None,
            listed: false,
            watching: false,
            conversations: BTreeMap::new(),
            bytes: 0,
            outbox: Outbox::default(),
            wanted: VecDeque::new(),
            stale: BTreeSet::new(),
            asked: VecDeque::new(),
            updates: Vec::new(),
        }
    }

    /// The same in the realm of this name: `@me@realm` calls the user there as `@me` does.
    #[must_use]
    pub fn in_realm(self, realm: &str) -> Self {
        Self { realm: Some(realm.into()), ..self }
    }

    /// Begins where another one ended, with the cursor that it had: what was before is not loaded, only what has
    /// changed since is told. Meant for bots, which answer what is new.
    #[must_use]
    pub fn from_cursor(mut self, cursor: &str) -> Self {
        // A cursor is one word, or it is none.
        let is_word = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_graphic());
        (self.cursor, self.listed) = (is_word.then(|| cursor.to_owned()), is_word);
        self
    }

    /// Whose conversations they are.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Up to where everything was told: where to go on from, also after a restart of the client.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref().filter(|_| self.listed)
    }

    /// The conversations, the one with the latest message first; groups in which nothing was said yet come last.
    pub fn conversations(&self) -> Vec<&Conversation> {
        let mut all: Vec<&Conversation> = self.conversations.values().collect();
        all.sort_by_key(|each| std::cmp::Reverse(each.last().map_or(0, |last| last.id)));
        all
    }

    /// A conversation, whose name may be in any case.
    pub fn conversation(&self, name: &str) -> Option<&Conversation> {
        self.conversations.get(&key(name))
    }

    /// Whether the user wrote a message and it is on disk at the realm that it went to.
    pub fn is_delivered(&self, name: &str, id: u64) -> bool {
        let Some(each) = self.conversation(name) else { return false };
        let is_there = |message: &&Message| {
            let is_own = message.to_realm.is_some() && message.is_from(&self.me);
            message.delivered || is_own && id <= each.delivered
        };
        each.message(id).filter(is_there).is_some()
    }

    /// How many messages of a conversation are unread.
    pub fn count(&self, name: &str) -> Count {
        self.conversation(name).map_or_else(Count::default, |each| each.count(&self.me))
    }

    /// What the user has written and is not known to be posted, the first written first.
    pub fn outbox(&self) -> impl Iterator<Item = &Entry> {
        self.outbox.entries()
    }

    /// About how many bytes of memory the conversations take.
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// What has changed since this was asked last. Ask after each input.
    pub fn take_updates(&mut self) -> Vec<Update> {
        std::mem::take(&mut self.updates)
    }

    /// Changes a conversation, and keeps count of what it takes.
    fn with<T>(&mut self, key: &str, act: impl FnOnce(&mut Conversation, &str) -> T) -> Option<T> {
        let conversation = self.conversations.get_mut(key)?;
        let before = conversation.memory();
        let made = act(conversation, &self.me);
        self.bytes = self.bytes + conversation.memory() - before;
        Some(made)
    }

    /// The conversation of this name; it is made where there is none.
    fn make(&mut self, name: &str) -> String {
        let key = key(name);
        if !self.conversations.contains_key(&key) {
            let conversation = Conversation::new(name, self.realm.clone());
            self.bytes += conversation.memory();
            self.conversations.insert(key.clone(), conversation);
        }
        key
    }

    fn drop_conversation(&mut self, key: &str) -> Option<Conversation> {
        self.stale.remove(key);
        let gone = self.conversations.remove(key)?;
        self.bytes -= gone.memory();
        Some(gone)
    }

    /// Keeps to the limits; what is near this message stays.
    fn trim(&mut self, key: &str, near: u64) {
        let most = self.limits.messages;
        self.with(key, |each, me| each.trim(most, near, me));
        if self.conversations.len() > self.limits.conversations
            && let Some(oldest) = self.by_age().next().filter(|oldest| oldest != key)
        {
            self.drop_conversation(&oldest);
        }
        if self.bytes > self.limits.bytes {
            let enough = self.limits.bytes - self.limits.bytes / 8;
            for key in self.by_age() {
                self.with(&key, |each, me| each.trim(1, u64::MAX, me));
                if self.bytes <= enough {
                    break;
                }
            }
        }
    }

    /// The keys of all conversations; that in which nothing was said for longest first.
    fn by_age(&self) -> impl Iterator<Item = String> + use<> {
        let mut all: Vec<(u64, String)> = self
            .conversations
            .iter()
            .map(|(key, each)| (each.last().map_or(0, |last| last.id), key.clone()))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, key)| key)
    }
}

/// Under which a conversation is found: names are the same in any case.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
