//! What messages were called by whoever posted them, so that posting one again posts nothing more.
//!
//! The store has all of it, under account and reference. The latest are in memory as well: what was posted
//! since the store was asked is found there, so of many who post the same at once one does.

use crate::{AccountId, Bug, Conversation, Interrupt, Job, JobResult, Posted, RequestContext};
use antar_types::{Code, FileHash, Message, Reference, Text, TextDigest, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long a reference is remembered.
pub const REFERRED_FOR: Duration = Duration::from_secs(7 * 86_400);

/// References in memory, of all accounts together.
const MOST: usize = 16_384;

/// A message that was posted under a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// Its id.
    pub id: u64,
    /// When it was taken.
    pub time: Time,
    /// The conversation.
    pub conversation: Conversation,
    /// Of what it said when it was posted.
    pub text: TextDigest,
}

impl Referred {
    /// What tells a message from another that is posted under the same reference: its text, and its file.
    pub(crate) fn digest(text: &Text, file: Option<FileHash>) -> TextDigest {
        file.map_or_else(|| text.digest(), |file| text.digest_with(&file))
    }

    /// A message that an account here has posted under a reference, if that is what this is.
    pub fn of(posted: &Posted) -> Option<(AccountId, &Reference, Self)> {
        let Posted { conversation, message, .. } = posted;
        let (account, reference) = (posted.sender?, message.reference()?);
        Some((account, reference, Self::of_message(*conversation, message)))
    }

    fn of_message(conversation: Conversation, message: &Message) -> Self {
        let file = message.file().map(|file| file.hash);
        let (id, time, text) = (message.id, message.time, Self::digest(&message.text, file));
        Self { id, time, conversation, text }
    }
}

/// Asks what an account has called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceLookup {
    /// The account.
    pub account: AccountId,
    /// The reference.
    pub reference: Reference,
    /// What is older by more than [`REFERRED_FOR`] is not asked for.
    pub now: Time,
    /// How many messages had had one when it was asked for.
    pub(crate) seen: u64,
}

/// The latest references.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The latest message under each, and how many had had one before.
    latest: BTreeMap<(AccountId, Reference), (u64, Referred)>,
    order: VecDeque<(AccountId, Reference)>,
    /// How many are not in memory any more.
    let_go: u64,
}

impl References {
    /// Notes the reference of a message, where it has one.
    pub fn note(&mut self, posted: &Posted) {
        let Some((account, reference, referred)) = Referred::of(posted) else { return };
        let key = (account, reference.clone());
        self.order.push_back(key.clone());
        self.latest.insert(key, (self.seen(), referred));
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.let_go += 1;
            // Where it was used again after a week, that is kept.
            let is_oldest = self.latest.get(&oldest).is_some_and(|(at, _)| *at == self.let_go);
            if is_oldest {
                self.latest.remove(&oldest);
            }
        }
    }

    /// Forgets all of them, since some may not be on disk.
    pub fn forget(&mut self) {
        self.let_go = self.seen();
        (self.latest, self.order) = Default::default();
    }

    fn seen(&self) -> u64 {
        self.let_go + self.order.len() as u64
    }
}

impl RequestContext<'_> {
    /// What an account has posted under a reference that waits for its place.
    fn waiting_as(&self, account: AccountId, reference: &Reference) -> Option<Referred> {
        let durable = &self.state.durable;
        let mut waiting = durable.copies.referred(reference);
        let (group, message) =
            waiting.find(|(_, message)| durable.author(message) == Some(account))?;
        Some(Referred::of_message(Conversation::Group(group), message))
    }

    /// What the caller has posted under a reference in the last seven days.
    pub(crate) fn referred(&self, reference: &Reference) -> Result<Option<Referred>, Interrupt> {
        let (account, now) = (self.me()?, self.message_time());
        let (references, reference) = (&self.state.references, reference.clone());
        let is_recent = |referred: &Referred| now.since(referred.time) <= REFERRED_FOR;
        let lookup = ReferenceLookup { account, reference, now, seen: references.seen() };
        let key = (account, lookup.reference.clone());
        // What waits for its place in a group of another realm is posted as well.
        if let Some(referred) = self.waiting_as(account, &lookup.reference) {
            return Ok(Some(referred));
        }
        if let Some((_, referred)) = references.latest.get(&key) {
            return Ok(Some(referred.clone()).filter(is_recent));
        }
        if self.state.is_planted(Bug::ForgetsReferences) {
            return Ok(None);
        }
        // What was posted since the store was asked must still be in memory.
        let answers = |asked: &ReferenceLookup| {
            (asked.account, &asked.reference) == (account, &lookup.reference)
                && references.let_go <= asked.seen
        };
        let found = self.results.iter().rev().find_map(|result| match result {
            JobResult::Referred(asked, found) if answers(asked) => Some(Ok(found.clone())),
            JobResult::Unreadable => Some(Err(Code::Unavailable)),
            _ => None,
        });
        match found {
            Some(found) => Ok(found?.filter(is_recent)),
            None => Err(Interrupt::Job(Job::Refer(lookup))),
        }
    }
}
