//! What a model asks, and when.

use super::{Draft, Follow, Model, Phase, PostError, Update, key};
use crate::request;

/// Requests that are on their way at once, at most.
const AT_ONCE: usize = 16;
/// How many changes, and how many conversations, are asked for at once.
const PAGE: usize = 500;
/// What of the user's may wait to be asked.
const MOST_WANTED: usize = 1_000;

/// Which part of a history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The newest messages.
    Newest,
    /// Those before a message.
    Before(u64),
    /// Those after a message.
    After(u64),
    /// Those around a message.
    Around(u64),
}

/// What is asked, and so what a reply is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Where now is.
    Now,
    /// The list of conversations, a page.
    List(Option<u64>),
    /// What has changed.
    Changes,
    Watch,
    /// The state of one conversation, by way of its last message.
    One(String, u64),
    /// Who is in a group.
    Members(String),
    History(String, Part, usize),
    /// READ, or UNREAD.
    Mark(String, u64, bool),
    Post(String),
    /// What was asked before what it is about was let go of: what was told since is not in the answer.
    Past,
}

impl Model {
    /// A connection is there, on which the user is logged in.
    pub fn connected(&mut self, follow: Follow) {
        self.disconnected();
        self.follow = follow;
        self.begin();
    }

    /// The connection is gone. What was asked and not answered is asked again on the next one.
    pub fn disconnected(&mut self) {
        self.lose();
        self.phase = Phase::Offline;
    }

    /// What the realm could not take or tell just now is asked for again.
    pub fn retry(&mut self) {
        self.outbox.retry();
        if self.phase == Phase::Waiting {
            self.begin();
        }
    }

    /// Whether something waits for [`retry`](Self::retry).
    pub fn needs_retry(&self) -> bool {
        self.phase == Phase::Waiting || self.outbox.is_held()
    }

    /// With [`Follow::Poll`]: asks what has changed since the last time.
    pub fn poll(&mut self) {
        if self.phase == Phase::InStep && self.follow == Follow::Poll {
            self.phase = Phase::CatchingUp;
            self.wanted.push_front(Ask::Changes);
        }
    }

    /// Takes a message to be sent, and sent again until it is certain that it is posted.
    ///
    /// # Errors
    /// Where it cannot be sent, or too many wait.
    pub fn post(&mut self, draft: Draft) -> Result<(), PostError> {
        self.outbox.add(draft, self.limits.outbox)
    }

    /// Has a refused message sent again. False where there is none.
    pub fn post_again(&mut self, reference: &str) -> bool {
        self.outbox.again(reference)
    }

    /// Lets go of a message that is not on its way just now. One that was sent before may be posted all the same.
    pub fn discard(&mut self, reference: &str) -> Option<Draft> {
        self.outbox.discard(reference)
    }

    /// Loads part of a conversation's history, so many messages at most (1–1,000).
    pub fn load(&mut self, conversation: &str, part: Part, limit: usize) {
        self.want(Ask::History(conversation.to_owned(), part, limit));
    }

    /// Says that a conversation is read up to a message.
    pub fn mark_read(&mut self, conversation: &str, id: u64) {
        self.want(Ask::Mark(conversation.to_owned(), id, true));
    }

    /// Says that a message and what follows it are unread.
    pub fn mark_unread(&mut self, conversation: &str, id: u64) {
        self.want(Ask::Mark(conversation.to_owned(), id, false));
    }

    /// The next request, a line without its end, if there is one to be sent. Its reply goes to
    /// [`answered`](Self::answered).
    pub fn next_request(&mut self) -> Option<String> {
        let connected = [Phase::Listing, Phase::CatchingUp, Phase::InStep].contains(&self.phase);
        while connected && self.asked.len() < AT_ONCE {
            let (ask, line) = self.next_ask()?;
            // What cannot be a line is none of a realm's names.
            let Ok(line) = line else { continue };
            self.asked.push_back(ask);
            return Some(line);
        }
        None
    }

    fn next_ask(&mut self) -> Option<(Ask, Result<String, crate::RequestError>)> {
        let steps = |ask: &Ask| matches!(ask, Ask::Now | Ask::List(_) | Ask::Changes | Ask::Watch);
        // Who answers what is told, as a bot does, is not told more than can be answered.
        let crowded = self.outbox.unsettled() > self.limits.outbox / 2 && !self.outbox.is_held();
        let waits = |ask: &Ask| *ask == Ask::Changes && crowded;
        if self.wanted.front().is_some_and(|ask| steps(ask) && !waits(ask)) {
            return self.wanted.pop_front().map(|ask| self.asking(ask));
        }
        if (self.phase == Phase::InStep || crowded)
            && let Some(draft) = self.outbox.next()
        {
            return Some((Ask::Post(draft.reference.clone()), draft.line()));
        }
        if self.phase != Phase::InStep {
            return None;
        }
        if let Some(ask) = self.wanted.pop_front() {
            return Some(self.asking(ask));
        }
        let key = self.stale.pop_first()?;
        let last = self.conversations.get(&key).and_then(|each| each.last());
        let past_last = last.map_or(0, |last| last.id.saturating_add(1));
        let ask = match last.is_some() {
            true => Ask::One(key, past_last),
            false => Ask::Members(key),
        };
        Some(self.asking(ask))
    }

    fn asking(&mut self, ask: Ask) -> (Ask, Result<String, crate::RequestError>) {
        let line = match &ask {
            Ask::Now => Ok("SYNC".into()),
            Ask::List(None) => Ok(format!("CONVERSATIONS limit={PAGE}")),
            Ask::List(Some(before)) => Ok(format!("CONVERSATIONS before={before} limit={PAGE}")),
            Ask::Changes => {
                let cursor = self.cursor.as_deref().unwrap_or_default();
                // No more than can be answered, should all of it be.
                let page = PAGE.min(self.limits.outbox / 2).max(1);
                Ok(format!("SYNC after={cursor} limit={page}"))
            }
            Ask::Watch => Ok(format!("WATCH after={}", self.cursor.as_deref().unwrap_or_default())),
            Ask::One(_, before) => Ok(format!("CONVERSATIONS before={before} limit=1")),
            Ask::Members(key) => request::words("MEMBERS", &[key]),
            Ask::History(name, part, limit) => {
                let limit = format!("limit={}", limit.clamp(&1, &1_000));
                let part = match part {
                    Part::Newest => None,
                    Part::Before(id) => Some(format!("before={id}")),
                    Part::After(id) => Some(format!("after={id}")),
                    Part::Around(id) => Some(format!("around={id}")),
                };
                let words = [Some(name.as_str()), part.as_deref(), Some(&limit)];
                request::words("HISTORY", &words.into_iter().flatten().collect::<Vec<_>>())
            }
            Ask::Mark(name, id, read) => {
                let verb = if *read { "READ" } else { "UNREAD" };
                request::words(verb, &[name, &id.to_string()])
            }
            // Made where it is taken from the outbox.
            Ask::Post(_) | Ask::Past => Ok(String::new()),
        };
        match &ask {
            Ask::History(name, ..) => drop(self.with(&key(name), |each, _| each.asked += 1)),
            Ask::One(key, _) => drop(self.with(key, |each, _| {
                each.asked += 1;
                each.touched = false;
            })),
            Ask::Members(key) => drop(self.with(key, |each, _| each.touched = false)),
            _ => {}
        }
        (ask, line)
    }

    pub(super) fn want(&mut self, ask: Ask) {
        if !self.wanted.contains(&ask) && self.wanted.len() < MOST_WANTED {
            self.wanted.push_back(ask);
        }
    }

    /// Asks for the state of a conversation, unless that is to be asked already.
    pub(super) fn look_at(&mut self, key: &str) {
        if self.is_looking_at(key) {
            self.with(key, |each, _| each.touched = true);
        } else if self.conversations.contains_key(key) {
            self.stale.insert(key.to_owned());
        }
    }

    pub(super) fn is_looking_at(&self, key: &str) -> bool {
        let is = |ask: &Ask| matches!(ask, Ask::One(of, _) | Ask::Members(of) if of == key);
        self.asked.iter().any(is)
    }

    /// Nothing that was asked is answered any more.
    fn lose(&mut self) {
        self.watching = false;
        self.outbox.lost();
        let steps = |ask: &Ask| matches!(ask, Ask::Now | Ask::List(_) | Ask::Changes | Ask::Watch);
        self.wanted.retain(|ask| !steps(ask));
        for ask in std::mem::take(&mut self.asked).into_iter().rev() {
            match ask {
                Ask::One(key, _) | Ask::Members(key) => {
                    if self.conversations.contains_key(&key) {
                        self.stale.insert(key);
                    }
                }
                ask @ (Ask::History(..) | Ask::Mark(..)) => self.wanted.push_front(ask),
                Ask::Now | Ask::List(_) | Ask::Changes | Ask::Watch => {}
                Ask::Post(_) | Ask::Past => {}
            }
        }
        for conversation in self.conversations.values_mut() {
            while conversation.asked > 0 {
                conversation.settle();
            }
        }
    }

    /// Goes on from the cursor, or begins with the list.
    fn begin(&mut self) {
        if self.cursor.is_some() && self.listed {
            self.phase = Phase::CatchingUp;
            self.wanted.push_front(Ask::Changes);
        } else {
            self.reset();
        }
    }

    /// Lets go of all that is known, and begins with the list.
    pub(super) fn reset(&mut self) {
        let had = !self.conversations.is_empty();
        self.conversations.clear();
        (self.bytes, self.cursor, self.listed) = (0, None, false);
        self.watching = false;
        self.stale.clear();
        self.outbox.forget_posted();
        let marks = |ask: &Ask| matches!(ask, Ask::Mark(..));
        self.wanted.retain(marks);
        self.outdate(|ask| !matches!(ask, Ask::Mark(..) | Ask::Post(_)));
        self.wanted.push_front(Ask::Now);
        self.phase = Phase::Listing;
        if had {
            self.updates.push(Update::Reset);
        }
    }

    /// Takes no answer to what was asked about a conversation that the user is not in any more.
    pub(super) fn outdate_about(&mut self, gone: &str) {
        self.outdate(|ask| match ask {
            Ask::One(of, _) | Ask::Members(of) => of == gone,
            Ask::History(name, ..) => key(name) == gone,
            _ => false,
        });
    }

    fn outdate(&mut self, is_outdated: impl Fn(&Ask) -> bool) {
        let outdated = self.asked.iter_mut().filter(|ask| is_outdated(ask));
        outdated.for_each(|ask| *ask = Ask::Past);
    }

    pub(super) fn want_step(&mut self, ask: Ask) {
        self.wanted.push_front(ask);
    }

    pub(super) fn next_asked(&mut self) -> Option<Ask> {
        self.asked.pop_front()
    }
}
