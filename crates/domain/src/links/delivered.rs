//! Telling those who write to a peer that what they wrote is on disk there.
//!
//! A peer tells how far it has what it is owed. Mostly those entries are still in memory. Where they are not, since
//! this realm was started again meanwhile, they are read off the domain's thread, so many at a time. How far that has
//! come is durable: each is told of once, and after a crash it goes on from there.

use super::{Fetched, Position, Unreadable};
use crate::state::{Durable, Mode};
use crate::{AccountId, AskId, Bug, Change, ChangeList, Context, Conversation, Output, PeerId};
use antar_types::{Code, Entry, EntryKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries that are read at a time.
const EACH: u64 = 64;

/// Stretches of a log that are told apart.
const MOST_LOST: usize = 32;

/// Entries of a log that were let go of undelivered, since the link was ended: stretches, each from its first to
/// its last, in order. What lies between the oldest is taken to be lost as well once there are more than 32.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost(pub Vec<(u64, u64)>);

impl Lost {
    /// The same with one more, which comes after all others.
    #[must_use]
    pub fn with(mut self, first: u64, last: u64) -> Self {
        match self.0.last_mut() {
            Some(before) if before.1 + 1 >= first => before.1 = last.max(before.1),
            _ => self.0.push((first, last)),
        }
        if self.0.len() > MOST_LOST {
            let (first, _) = self.0.remove(0);
            self.0[0].0 = first;
        }
        self
    }

    /// Whether an entry is one of them.
    pub fn has(&self, seq: u64) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&seq))
    }
}

/// What is being read of what a peer has: up to an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToldOf {
    peer: PeerId,
    pub ask: AskId,
    last: u64,
}

/// How much a peer has of what it was owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Everything up to this entry,
    acked: u64,
    /// but for these.
    lost: Lost,
}

impl Delivered {
    /// Whether an entry is on disk there. It may have been refused there; its writer is told that by a notice.
    pub fn has(&self, seq: u64) -> bool {
        seq <= self.acked && !self.lost.has(seq)
    }
}

impl Durable {
    /// How much the peer in a conversation, if it is with one, has of what it was owed.
    pub(crate) fn delivered(&self, conversation: Conversation) -> Option<Delivered> {
        let out = &self.peers.get(&conversation.peer()?)?.out;
        Some(Delivered { acked: out.acked.seq, lost: out.lost.clone() })
    }

    /// Which message of whom an entry for a peer carries, and in which conversation.
    fn carried_by(&self, peer: PeerId, entry: &Entry) -> Option<(AccountId, Conversation, u64)> {
        let origin = entry.origin.filter(|_| entry.change().is_none())?;
        let account = AccountId(origin.account);
        self.accounts.get(&account)?;
        let conversation = match entry.kind {
            EntryKind::Private => {
                let (to, written) = (entry.to.folded(), origin.id);
                self.conversations.written_to((account, peer), &to, written)?
            }
            EntryKind::Group => {
                let group = self.group_named(&entry.to).filter(|group| group.0 < origin.id)?;
                Conversation::GroupPeer(group, peer)
            }
            EntryKind::Notice(_) | EntryKind::Room => return None,
        };
        Some((account, conversation, origin.id))
    }
}

impl Context<'_> {
    /// A peer has everything up to an entry: tells who wrote it, and returns up to where that was done. What is not in
    /// memory is read later.
    pub fn tell_delivered(&mut self, peer: PeerId, acked: u64) -> Result<u64, Code> {
        let Some(out) = self.peer(peer).map(|known| &known.out) else { return Ok(acked) };
        let told = out.told.min(acked);
        if told == acked {
            return Ok(told);
        }
        let upto = if self.state.is_planted(Bug::TellsOwed) { out.tip.seq } else { acked };
        let entries = out.recent(told + 1, upto);
        if entries.is_empty() {
            let forgets = self.state.is_planted(Bug::ForgetsToTell);
            return Ok(if forgets { acked } else { told });
        }
        self.tell_writers(peer, &entries)?;
        Ok(acked)
    }

    fn tell_writers(
        &mut self,
        peer: PeerId,
        entries: &[(Position, Arc<Entry>)],
    ) -> Result<(), Code> {
        let durable = &self.state.durable;
        let carried = entries.iter().filter_map(|(_, entry)| durable.carried_by(peer, entry));
        // One change for all that somebody wrote in a conversation.
        let latest: BTreeMap<_, u64> = carried.map(|(by, of, id)| ((by, of), id)).collect();
        for ((account, of), id) in latest {
            self.change(ChangeList::Account(account), Change::Delivered(of, id))?;
        }
        Ok(())
    }

    /// Has the next entries read that a peer has and of which nobody was told, where none are being read.
    pub fn read_to_tell_delivered(&mut self) {
        let links = &self.state.links;
        if links.told_of.is_some() || self.state.mode != Mode::Open {
            return;
        }
        let mut peers = self.state.durable.peers.iter();
        let next = peers.find(|(_, known)| known.out.told < known.out.acked.seq);
        let Some((peer, out)) = next.map(|(peer, known)| (*peer, &known.out)) else { return };
        let (first, last) = (out.told + 1, out.acked.seq.min(out.told + EACH));
        let ask = AskId(self.links().next());
        self.links().told_of = Some(ToldOf { peer, ask, last });
        self.output(Output::Fetch { ask, peer, first, last });
    }

    /// They were read. What cannot be read, or be told since nothing can be kept, is read again when time has passed.
    pub fn read_what_is_delivered(&mut self, found: Result<Fetched, Unreadable>) {
        let Some(ToldOf { peer, last, .. }) = self.links().told_of.take() else { return };
        let (Ok(mut entries), Some(known)) = (found, self.peer(peer)) else { return };
        // It may have been put back meanwhile, or have gone on.
        let (told, acked) = (known.out.told, known.out.acked);
        let last = last.min(acked.seq).max(told);
        entries.retain(|(at, _)| (told + 1..=last).contains(&at.seq));
        let done = self.tell_writers(peer, &entries);
        if done.and_then(|()| self.note_acked(peer, acked, last)).is_ok() {
            self.read_to_tell_delivered();
        }
    }
}
