//! What the hub has for a connection, until its session takes it.

use crate::ledger::Ledger;
use antar_domain::links::{Epoch, PeerRequest, Position};
use antar_domain::{AccountId, Notification, Outcome, PeerId, Read, Tag};
use antar_text as text;
use antar_text::Dialect;
use antar_types::{Capabilities, Entry};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// What a connection keeps is told to the [`Ledger`] in steps of so many bytes: most never keep so much.
const STEP: usize = 4 << 10;

/// Entries of what another realm is owed that are at hand.
pub type Fresh = Vec<(Position, Arc<Entry>)>;

/// One thing to be written, in the order the hub decided.
#[derive(Debug)]
pub enum Item {
    Reply(Tag, Outcome),
    Read(Tag, Read),
    Notification(Tag, Arc<Encoded>),
    Notifications(Tag, Notifications),
    /// A frame needed no answer.
    NoReply,
    /// A request to another realm.
    Request(PeerRequest),
    /// Entries of what another realm is owed.
    Deliver {
        peer: PeerId,
        epoch: Epoch,
        can: Capabilities,
        first: u64,
        last: u64,
        fresh: Fresh,
    },
}

impl Item {
    /// Bytes of memory that it takes; of what others have too its share.
    fn memory(&self) -> usize {
        let more = match self {
            Self::Reply(_, outcome) => outcome.memory(),
            Self::Read(_, read) => read.memory(),
            Self::Notification(_, notification) => notification.share(),
            Self::Notifications(_, all) => all.share,
            Self::NoReply => 0,
            Self::Request(request) => request.memory(),
            Self::Deliver { fresh, .. } => fresh.len() * size_of::<(Position, Arc<Entry>)>(),
        };
        size_of::<Self>() + more
    }
}

/// Several notifications on their way to many connections.
#[derive(Clone, Debug)]
pub struct Notifications {
    pub all: Arc<[Arc<Encoded>]>,
    /// What they take, by how many have them.
    share: usize,
    weight: usize,
}

impl Notifications {
    /// For so many connections.
    pub fn new(all: Arc<[Arc<Encoded>]>, holders: usize) -> Self {
        let size = |told: &Arc<Encoded>| told.size() / holders.max(1);
        let share = all.iter().map(size).sum();
        let weight = all.iter().map(|encoded| encoded.told.weight()).sum();
        Self { all, share, weight }
    }
}

/// A notification on its way to many connections, encoded once per dialect at most.
#[derive(Debug)]
pub struct Encoded {
    told: Notification,
    lower: OnceLock<Vec<u8>>,
    upper: OnceLock<Vec<u8>>,
}

impl Encoded {
    pub fn new(told: Notification) -> Self {
        Self { told, lower: OnceLock::new(), upper: OnceLock::new() }
    }

    /// What it takes, by how many have it: its text as it is and as it is written, and names.
    fn share(self: &Arc<Self>) -> usize {
        // The hub has one too, to share it.
        let holders = Arc::strong_count(self).saturating_sub(1).max(1);
        self.size() / holders
    }

    fn size(&self) -> usize {
        size_of::<Self>() + 3 * self.told.memory()
    }

    /// Whether it tells that a watch of changes has ended.
    pub fn ends_watch(&self) -> bool {
        matches!(self.told, Notification::WatchEnded(_))
    }

    /// Whether it is of that one.
    pub fn is(&self, told: &Notification) -> bool {
        self.told.is(told)
    }

    pub fn bytes(&self, tag: Tag) -> &[u8] {
        let encoded = match text::dialect(tag) {
            Dialect::Lower => &self.lower,
            Dialect::Upper => &self.upper,
        };
        encoded.get_or_init(|| {
            let mut out = Vec::new();
            text::write_notification(tag, &self.told, &mut out);
            out
        })
    }
}

/// The way from the hub to one session. Replies in it are bounded by the requests a connection may
/// have pending, notifications by a limit of their own, and all that it keeps by what all connections may.
#[derive(Debug)]
pub struct SendQueue {
    queue: Mutex<Queue>,
    wake: Notify,
    ledger: Arc<Ledger>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    notifications: usize,
    state: State,
    /// Bytes of the items, of those the session has taken and not written yet, and of what else it keeps.
    kept: [usize; 3],
    /// How much of that the ledger knows of.
    told: usize,
    /// Since when it is more than a little.
    since: Option<Instant>,
}

/// Where [`Queue::kept`] has what.
const WAITING: usize = 0;
const TAKEN: usize = 1;
const OWN: usize = 2;

impl Queue {
    /// Adds an item; whether too much is kept for all connections now.
    fn add(&mut self, item: Item, ledger: &Ledger) -> bool {
        if self.state.too_slow {
            return false;
        }
        if !self.state.linked {
            self.kept[WAITING] += item.memory();
        }
        self.items.push_back(item);
        self.tell(ledger)
    }

    /// Tells the ledger what is kept, where that has changed by much; whether it is too much for all.
    fn tell(&mut self, ledger: &Ledger) -> bool {
        let kept: usize = self.kept.iter().sum();
        if kept.abs_diff(self.told) < STEP && (kept > 0 || self.told == 0) {
            return false;
        }
        if kept <= ledger.little() {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(Instant::now());
        }
        ledger.change(std::mem::replace(&mut self.told, kept), kept)
    }

    /// Keeps nothing more for a connection that is to be closed.
    fn give_up(&mut self, ledger: &Ledger) {
        self.items.clear();
        self.kept = [0; 3];
        self.state.too_slow = true;
        self.tell(ledger);
    }
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
    /// Too much is kept for it, and it is to be closed.
    pub too_slow: bool,
    /// The server is shutting down.
    pub draining: bool,
    /// The domain wants it closed.
    pub hung_up: bool,
}

impl SendQueue {
    /// Of a connection whose memory is counted there.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { queue: Mutex::default(), wake: Notify::new(), ledger }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a reply or a read.
    pub fn push(&self, item: Item) {
        let mut queue = self.queue();
        let full = queue.add(item, &self.ledger);
        drop(queue);
        self.wake.notify_one();
        if full {
            self.ledger.make_room();
        }
    }

    /// Adds a notification. Whether too many are unread is for the session to say, which knows whether the client
    /// reads: many at once are no fault of its.
    pub fn push_notification(&self, tag: Tag, notification: Arc<Encoded>) {
        let weight = notification.told.weight();
        self.push_weighing(weight, Item::Notification(tag, notification));
    }

    /// Adds several, unless there is none.
    pub fn push_notifications(&self, tag: Tag, notifications: Notifications) {
        match &*notifications.all {
            [] => {}
            [one] => self.push_notification(tag, one.clone()),
            _ => self.push_weighing(notifications.weight, Item::Notifications(tag, notifications)),
        }
    }

    fn push_weighing(&self, weight: usize, item: Item) {
        let mut queue = self.queue();
        queue.notifications += weight;
        let full = queue.add(item, &self.ledger);
        drop(queue);
        self.wake.notify_one();
        if full {
            self.ledger.make_room();
        }
    }

    /// Notifications that the session has not taken, each counted as one and one more for each KiB.
    pub fn unread(&self) -> usize {
        self.queue().notifications
    }

    /// Changes the state.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.queue().state);
        self.wake.notify_one();
    }

    /// Takes everything, and leaves no memory behind. What was taken before has been written by now.
    pub fn take(&self) -> (VecDeque<Item>, State) {
        let mut queue = self.queue();
        queue.notifications = 0;
        queue.kept[TAKEN] = std::mem::take(&mut queue.kept[WAITING]);
        // It was waiting or it is taken: that is not more than before.
        queue.tell(&self.ledger);
        (std::mem::take(&mut queue.items), queue.state)
    }

    /// Notes what the session keeps besides.
    pub fn keeps(&self, bytes: usize) {
        let mut queue = self.queue();
        // What links take has its own bounds.
        let counts = !queue.state.linked && !queue.state.too_slow;
        queue.kept[OWN] = if counts { bytes } else { 0 };
        let full = queue.tell(&self.ledger);
        drop(queue);
        if full {
            self.ledger.make_room();
        }
    }

    /// How much more than a little it keeps, and for how long: bytes times milliseconds.
    pub fn burden(&self, now: Instant) -> Option<u128> {
        let queue = self.queue();
        let since = queue.since.filter(|_| !queue.state.too_slow)?;
        Some(queue.told as u128 * (1 + now.saturating_duration_since(since).as_millis()))
    }

    /// Has the connection closed, since too much is kept for it.
    pub fn give_up(&self) {
        self.queue().give_up(&self.ledger);
        self.wake.notify_one();
    }

    pub fn state(&self) -> State {
        self.queue().state
    }

    /// Waits until something was pushed or changed since the last wait.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        let queue = self.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.ledger.change(queue.told, 0);
    }
}
