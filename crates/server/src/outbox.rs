//! What the hub has for a connection, until its session takes it.

use antar_realm::links::{Epoch, Position};
use antar_realm::{AccountId, Read, RealmId};
use antar_wire::{BoxKind, Dialect, Entry, Message, Reply};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;

/// Entries of what another realm is owed that are at hand.
pub type Fresh = Vec<(Position, Arc<Entry>)>;

/// One thing to be written, in the order the hub decided.
#[derive(Debug)]
pub enum Item {
    Reply(Dialect, Reply),
    Read(Dialect, Read),
    Event(Dialect, Arc<Event>),
    /// A frame needed no answer.
    Taken,
    /// A request to another realm.
    Line(String),
    /// Entries of what another realm is owed.
    Deliver {
        realm: RealmId,
        epoch: Epoch,
        first: u64,
        last: u64,
        fresh: Fresh,
    },
}

/// A message on its way to many connections, encoded once per dialect at most.
#[derive(Debug)]
pub struct Event {
    kind: BoxKind,
    message: Arc<Message>,
    lower: OnceLock<Vec<u8>>,
    upper: OnceLock<Vec<u8>>,
}

impl Event {
    pub fn new(kind: BoxKind, message: Arc<Message>) -> Self {
        Self { kind, message, lower: OnceLock::new(), upper: OnceLock::new() }
    }

    /// What it counts among those a connection may leave unread.
    fn weight(&self) -> usize {
        1 + self.message.text.as_str().len() / 1024
    }

    /// Whether this is that message in that box.
    pub fn is(&self, kind: BoxKind, message: &Arc<Message>) -> bool {
        self.kind == kind && Arc::ptr_eq(&self.message, message)
    }

    pub fn bytes(&self, dialect: Dialect) -> &[u8] {
        let encoded = match dialect {
            Dialect::Lower => &self.lower,
            Dialect::Upper => &self.upper,
        };
        encoded.get_or_init(|| {
            let mut out = Vec::new();
            antar_wire::encode_event(self.kind, &self.message, dialect, &mut out);
            out
        })
    }
}

/// The way from the hub to one session. Replies in it are bounded by the requests a connection may
/// have pending, events by a limit of their own.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    events: usize,
    state: State,
}

/// How it stands with the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// It has been bound to a session.
    pub logged_in: bool,
    /// It is a link's, with a realm that may link.
    pub linked: bool,
    /// For whom it asked last.
    pub account: Option<AccountId>,
    /// It has called too often, and is nobody known.
    pub unwelcome: bool,
    /// It left too many events unread and is to be closed.
    pub too_slow: bool,
    /// The server is shutting down.
    pub draining: bool,
    /// The domain wants it closed.
    pub hung_up: bool,
}

impl Outbox {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a reply or a read.
    pub fn push(&self, item: Item) {
        self.queue().items.push_back(item);
        self.wake.notify_one();
    }

    /// Adds an event; where `limit` of them, and KiB of them, are unread already, gives the connection up instead.
    /// Returns whether this was what gave it up.
    pub fn push_event(&self, dialect: Dialect, event: Arc<Event>, limit: usize) -> bool {
        let mut queue = self.queue();
        if queue.state.too_slow {
            return false;
        }
        let full = queue.events >= limit;
        if full {
            queue.items.clear();
            queue.state.too_slow = true;
        } else {
            queue.events += event.weight();
            queue.items.push_back(Item::Event(dialect, event));
        }
        drop(queue);
        self.wake.notify_one();
        full
    }

    /// Changes the state.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.queue().state);
        self.wake.notify_one();
    }

    /// Takes everything, and leaves no memory behind.
    pub fn take(&self) -> (VecDeque<Item>, State) {
        let mut queue = self.queue();
        queue.events = 0;
        (std::mem::take(&mut queue.items), queue.state)
    }

    pub fn state(&self) -> State {
        self.queue().state
    }

    /// Waits until something was pushed or changed since the last wait.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}
