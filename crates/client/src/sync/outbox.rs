//! Messages that the user has written and that are not known to be posted yet.

use crate::RequestError;
use crate::request;
use std::collections::VecDeque;

/// A message that the user has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The conversation.
    pub conversation: String,
    /// What the client calls it: 1 to 64 of `A–Z a–z 0–9 . _ -`, another one for each. The realm posts the same
    /// text once under it, however often it is sent within seven days.
    pub reference: String,
    /// What is said; may be empty where a file comes with it.
    pub text: String,
    /// The message that it answers.
    pub reply: Option<u64>,
    /// `action` or `notice`.
    pub kind: Option<String>,
    /// The file that comes with it, by the SHA-256 of its bytes. It is uploaded before it is named.
    pub file: Option<String>,
}

impl Draft {
    /// A plain text.
    pub fn new(conversation: &str, reference: &str, text: &str) -> Self {
        Self {
            conversation: conversation.to_owned(),
            reference: reference.to_owned(),
            text: text.to_owned(),
            reply: None,
            kind: None,
            file: None,
        }
    }

    /// The request that posts it.
    ///
    /// # Errors
    /// Where a part of it cannot be sent.
    pub fn line(&self) -> Result<String, RequestError> {
        let mut words = vec![self.conversation.clone(), format!("ref={}", self.reference)];
        words.extend(self.reply.map(|id| format!("reply={id}")));
        words.extend(self.kind.as_ref().map(|kind| format!("kind={kind}")));
        words.extend(self.file.as_ref().map(|hash| format!("file={hash}")));
        words.push(":".into());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // A file says enough by itself.
        if self.file.is_some() && self.text.trim().is_empty() {
            return request::words("POST", &words);
        }
        request::message("POST", &words, &self.text)
    }

    fn is_for(&self, conversation: &str) -> bool {
        self.conversation.eq_ignore_ascii_case(conversation)
    }
}

/// What has become of a message that the user has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// To be sent as soon as that is possible, or once more.
    Waiting,
    /// Sent, and not answered yet.
    Asked,
    /// Posted under this id; the message itself has not been told yet.
    Posted(u64),
    /// The realm refuses it, for this reason (a code). It stays until it is discarded or tried again.
    Refused(String),
}

/// A message that the user has written, and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was written.
    pub draft: Draft,
    /// What has become of it.
    pub state: State,
    /// The realm could not take it just now, or does not know whether it has.
    held: bool,
}

impl Entry {
    fn is_unsettled(&self) -> bool {
        matches!(self.state, State::Waiting | State::Asked)
    }
}

/// Why a message is not taken to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// A part of it cannot be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Too many are waiting.
    #[error("too many messages wait to be sent")]
    Full,
    /// Another one that waits has the reference.
    #[error("another message that waits has this reference")]
    Reused,
}

/// All of them, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
}

impl Outbox {
    pub fn add(&mut self, draft: Draft, most: usize) -> Result<(), PostError> {
        draft.line()?;
        if self.get(&draft.reference).is_some() {
            return Err(PostError::Reused);
        }
        if self.entries.len() >= most {
            return Err(PostError::Full);
        }
        self.entries.push_back(Entry { draft, state: State::Waiting, held: false });
        Ok(())
    }

    /// How many are to be sent, or answered.
    pub fn unsettled(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_unsettled()).count()
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn get(&self, reference: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.draft.reference == reference)
    }

    fn get_mut(&mut self, reference: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.draft.reference == reference)
    }

    /// The next to send: of each conversation one at a time, so that they are posted in order.
    pub fn next(&mut self) -> Option<&Draft> {
        let at = (0..self.entries.len()).find(|&at| self.may_go(at))?;
        let entry = self.entries.get_mut(at)?;
        entry.state = State::Asked;
        Some(&entry.draft)
    }

    fn may_go(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        let mut before = self.entries.range(..at).filter(|other| other.is_unsettled());
        entry.state == State::Waiting
            && !entry.held
            && before.all(|other| !other.draft.is_for(&entry.draft.conversation))
    }

    /// The connection is gone: what was not answered is to be sent again.
    pub fn lost(&mut self) {
        for entry in &mut self.entries {
            entry.held = false;
            if entry.state == State::Asked {
                entry.state = State::Waiting;
            }
        }
    }

    /// What the realm could not take is to be sent again.
    pub fn retry(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.held = false);
    }

    /// It could not be taken just now.
    pub fn hold(&mut self, reference: &str) {
        if let Some(entry) = self.get_mut(reference) {
            (entry.state, entry.held) = (State::Waiting, true);
        }
    }

    pub fn refuse(&mut self, reference: &str, code: &str) {
        if let Some(entry) = self.get_mut(reference) {
            entry.state = State::Refused(code.to_owned());
        }
    }

    pub fn posted(&mut self, reference: &str, id: u64) {
        if let Some(entry) = self.get_mut(reference) {
            entry.state = State::Posted(id);
        }
    }

    /// Refused messages may be tried once more.
    pub fn again(&mut self, reference: &str) -> bool {
        let refused = |entry: &&mut Entry| matches!(entry.state, State::Refused(_));
        let entry = self.get_mut(reference).filter(refused);
        entry.map(|entry| entry.state = State::Waiting).is_some()
    }

    /// Lets go of a message, unless it is on its way.
    pub fn discard(&mut self, reference: &str) -> Option<Draft> {
        let on_its_way = |entry: &Entry| entry.state == State::Asked;
        let at = self.entries.iter().position(|e| e.draft.reference == reference)?;
        if on_its_way(&self.entries[at]) {
            return None;
        }
        self.entries.remove(at).map(|entry| entry.draft)
    }

    /// Lets go of what is posted.
    pub fn settle(&mut self, reference: &str) {
        self.entries.retain(|entry| entry.draft.reference != reference);
    }

    /// Lets go of all that is posted: nothing is told of them any more.
    pub fn forget_posted(&mut self) {
        self.entries.retain(|entry| !matches!(entry.state, State::Posted(_)));
    }

    /// The reference under which a message was posted.
    pub fn of_id(&self, id: u64) -> Option<String> {
        let entry = self.entries.iter().find(|entry| entry.state == State::Posted(id))?;
        Some(entry.draft.reference.clone())
    }

    pub fn is_held(&self) -> bool {
        self.entries.iter().any(|entry| entry.held)
    }
}
