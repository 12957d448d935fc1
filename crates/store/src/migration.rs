//! From format 1 to format 2, where data of the former are opened.
//!
//! The new pairs are written beside the old, batch by batch; then one batch says that the format is another;
//! then the old pairs are removed. So whatever ends the process, the data are whole in one of the two
//! formats. What was written by then is noted (`g`) and goes on from there, unless an older program has
//! written since: then it begins anew.
//!
//! Messages are taken from all mailboxes together in the order of their ids, as they were written once, so
//! that each gets its ordinal. A SENT list tells who wrote a private message: its entry has the same id.

#[cfg(test)]
mod tests;

use crate::engine::{Direction, Engine, Key, Ops};
use crate::event_log::Batch;
use crate::layout::{FORMAT, FORMAT_KEY, KINDS, List, MIGRATION_KEY, RECORDS};
use crate::projection::project;
use crate::records::alike::Alike;
use crate::records::codec::{damaged, decode, encode, encode_run};
use crate::records::{Outgoing, Position, Record, records};
use crate::{Store, StoreError, v1};
use antar_domain::{AccountId, Conversations, Event, Mailbox, PeerId};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Pairs that are read, removed or written at once, and bytes of them.
const STEP: (usize, usize) = if cfg!(test) { (64, 1 << 10) } else { (4_096, 1 << 20) };

/// Messages between two lines in the log that say how far it has come.
const TOLD_EVERY: u64 = 100_000;

/// How far a migration has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// The batch in which this was noted: it is the last, unless somebody else has written since.
    batch: u64,
    /// The last key that was copied of what is no message.
    copied: Key,
    /// Messages up to this id are in their conversations.
    done: u64,
}

/// Has data of format 1 in format 2.
pub fn run(store: &Store) -> Result<(), StoreError> {
    tracing::info!("the data are of format 1; putting them into format 2");
    let noted = store.engine().read(MIGRATION_KEY)?;
    let noted = noted.and_then(|value| decode::<Progress>(MIGRATION_KEY, &value).ok());
    let progress = match noted.filter(|noted| noted.batch == store.last_batch()) {
        Some(noted) => noted,
        None => {
            KINDS.iter().try_for_each(|kind| remove(store, *kind))?;
            Progress::default()
        }
    };
    let progress = copy_all(store, progress)?;
    let messages = Messages::after(store.engine(), progress.done)?.migrate(store, progress)?;
    let mut ops = Ops::default();
    ops.delete(MIGRATION_KEY);
    ops.put(FORMAT_KEY, |value| encode(&FORMAT, value))?;
    commit(store, ops)?;
    tracing::info!(messages, "the data are of format 2; removing what is left of format 1");
    tidy(store)
}

/// Removes what is left of format 1 in data of format 2.
pub fn tidy(store: &Store) -> Result<(), StoreError> {
    v1::KINDS.iter().try_for_each(|kind| remove(store, *kind))
}

/// Removes all keys of a kind.
fn remove(store: &Store, kind: u8) -> Result<(), StoreError> {
    loop {
        let (mut ops, mut keys) = (Ops::default(), 0);
        store.engine().scan(vec![kind]..vec![kind + 1], Direction::Up, &mut |key, _| {
            ops.delete(key);
            keys += 1;
            let full = keys >= STEP.0;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if keys == 0 {
            return Ok(());
        }
        commit(store, ops)?;
    }
}

/// Commits pairs, and how far the data go with them.
fn commit(store: &Store, pairs: Ops) -> Result<(), StoreError> {
    let mut ops =
        project(store.engine(), store.last_batch() + 1, &Batch::of(&[], Batch::default())?)?;
    ops.append(&pairs);
    Ok(store.append(Batch::of_pairs(&ops))?)
}

/// Writes everything that is no message: records, what peers are owed and hashes of what they sent.
fn copy_all(store: &Store, mut progress: Progress) -> Result<Progress, StoreError> {
    let kinds = [v1::RECORDS, b'o', b'k'];
    let first = kinds.iter().position(|kind| progress.copied.first() == Some(kind)).unwrap_or(0);
    for kind in kinds.into_iter().skip(first) {
        loop {
            let start = match progress.copied.first() {
                // The least key after it.
                Some(copied) if *copied == kind => [&progress.copied[..], &[0]].concat(),
                _ => vec![kind],
            };
            let (mut ops, mut last) = (Ops::default(), None);
            store.engine().scan(start..vec![kind + 1], Direction::Up, &mut |key, value| {
                copy(v1::read(key, value)?, &mut ops)?;
                last = Some(key.to_vec());
                let full = ops.as_bytes().len() >= STEP.1;
                Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            let Some(last) = last else { break };
            (progress.batch, progress.copied) = (store.last_batch() + 1, last);
            ops.put(MIGRATION_KEY, |value| encode(&progress, value))?;
            commit(store, ops)?;
        }
    }
    Ok(progress)
}

fn copy(pair: v1::Pair, ops: &mut Ops) -> Result<(), StoreError> {
    match pair {
        v1::Pair::Record(event) => {
            for record in records(&[event]) {
                if let Some(key) = record.key() {
                    ops.put(&key, |value| record.encode(value))?;
                }
            }
            Ok(())
        }
        v1::Pair::Owed(peer, run) => {
            let entry = |owed: v1::Owed| {
                let (at, entry) = owed.read();
                Outgoing { at: at.alike(), entry: crate::records::Entry::of(&entry) }
            };
            let run: Vec<Outgoing> = run.into_iter().map(entry).collect();
            let first = run.first().map_or(0, |owed| owed.at.seq);
            ops.put(&List::Outbox(peer).key(first), |value| encode_run(&run, value))
        }
        v1::Pair::Marks(fork, run) => {
            let run: Vec<Position> = run.into_iter().map(|at| at.read().alike()).collect();
            let first = run.first().map_or(0, |at| at.seq);
            ops.put(&List::Hashes(fork).key(first), |value| encode_run(&run, value))
        }
        v1::Pair::Messages(..) | v1::Pair::Sent(..) => Ok(()),
    }
}

/// A mailbox or a SENT list, and which run of it is next.
struct Cursor {
    list: v1::List,
    run: u64,
}

/// What has one id: a message, or what points to one.
enum Found {
    Message(Mailbox, antar_types::Message),
    Sent(AccountId, Mailbox),
}

/// All mailboxes and SENT lists, read together. Of each only the place is in memory.
struct Messages<'a> {
    engine: &'a dyn Engine,
    cursors: Vec<Cursor>,
    /// The next id in each list.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    /// The run that was read last.
    read: Option<(Key, v1::Pair)>,
}

impl<'a> Messages<'a> {
    /// What comes after an id.
    fn after(engine: &'a dyn Engine, done: u64) -> Result<Self, StoreError> {
        let (cursors, next) = Default::default();
        let mut messages = Self { engine, cursors, next, read: None };
        for kind in [b'm', b's'] {
            let mut start = vec![kind];
            while let Some(key) = first_key(engine, start, vec![kind + 1])? {
                let list = v1::list(&key).ok_or_else(|| damaged(&key))?;
                start = past(&list.prefix());
                messages.begin(list, done)?;
            }
        }
        Ok(messages)
    }

    /// Adds a list, from an id on.
    fn begin(&mut self, list: v1::List, done: u64) -> Result<(), StoreError> {
        // The run that may hold what follows.
        let (mut holding, from) = (0, list.key(0));
        let to = list.key(done.saturating_add(1));
        self.engine.scan(from..to, Direction::Down, &mut |key, _| {
            holding = key.last_chunk().map_or(0, |id| u64::from_be_bytes(*id));
            Ok(ControlFlow::Break(()))
        })?;
        let at = self.cursors.len();
        self.cursors.push(Cursor { list, run: holding });
        if holding > 0
            && let Some(id) = self.ids(at)?.into_iter().find(|id| *id > done)
        {
            self.next.push(Reverse((id, at)));
            return Ok(());
        }
        self.next_run(at, holding)
    }

    /// Goes on to the run after one.
    fn next_run(&mut self, at: usize, run: u64) -> Result<(), StoreError> {
        let Some(cursor) = self.cursors.get_mut(at) else { return Ok(()) };
        let (from, to) = (cursor.list.key(run.saturating_add(1)), past(&cursor.list.prefix()));
        if let Some(key) = first_key(self.engine, from, to)? {
            cursor.run = key.last_chunk().map_or(0, |id| u64::from_be_bytes(*id));
            self.next.push(Reverse((cursor.run, at)));
        }
        Ok(())
    }

    /// The run that a cursor is at.
    fn run(&mut self, at: usize) -> Result<Option<&v1::Pair>, StoreError> {
        let Some(cursor) = self.cursors.get(at) else { return Ok(None) };
        let key = cursor.list.key(cursor.run);
        if self.read.as_ref().is_none_or(|(read, _)| *read != key) {
            let Some(value) = self.engine.read(&key)? else { return Err(damaged(&key)) };
            let pair = v1::read(&key, &value)?;
            self.read = Some((key, pair));
        }
        Ok(self.read.as_ref().map(|(_, pair)| pair))
    }

    fn ids(&mut self, at: usize) -> Result<Vec<u64>, StoreError> {
        Ok(match self.run(at)? {
            Some(v1::Pair::Messages(_, run)) => run.iter().map(|message| message.id).collect(),
            Some(v1::Pair::Sent(_, run)) => run.iter().map(|pointer| pointer.id).collect(),
            _ => Vec::new(),
        })
    }

    /// What has the lowest id, with the id.
    fn next(&mut self) -> Result<Option<(u64, Vec<Found>)>, StoreError> {
        let Some(Reverse((id, _))) = self.next.peek().copied() else { return Ok(None) };
        let mut all = Vec::new();
        while let Some(Reverse((_, at))) = self.next.peek().filter(|next| next.0.0 == id).copied() {
            self.next.pop();
            let found = match self.run(at)? {
                Some(v1::Pair::Messages(mailbox, run)) => {
                    let message = run.iter().find(|message| message.id == id).cloned();
                    message.map(|message| Found::Message(*mailbox, message.read()))
                }
                Some(v1::Pair::Sent(account, run)) => {
                    let pointer = run.iter().find(|pointer| pointer.id == id);
                    pointer.map(|pointer| Found::Sent(*account, pointer.mailbox()))
                }
                _ => None,
            };
            all.extend(found);
            let run = self.cursors.get(at).map_or(0, |cursor| cursor.run);
            match self.ids(at)?.into_iter().find(|next| *next > id) {
                Some(next) => self.next.push(Reverse((next, at))),
                None => self.next_run(at, run)?,
            }
        }
        Ok(Some((id, all)))
    }

    /// Puts them all into conversations; how many there were.
    fn migrate(mut self, store: &Store, mut progress: Progress) -> Result<u64, StoreError> {
        let ((mut conversations, forgotten), mut count, mut told) = (so_far(self.engine)?, 0, 0);
        loop {
            let (mut events, mut bytes) = (Vec::new(), 0);
            while events.len() < STEP.0
                && bytes < STEP.1
                && let Some((id, all)) = self.next()?
            {
                for event in posts(&mut conversations, all) {
                    match &event {
                        // Of a peer that was forgotten there are messages, and nothing else.
                        Event::CorrespondentSet { peer, .. } if forgotten.contains(peer) => {
                            continue;
                        }
                        Event::Posted(posted) => {
                            count += 1;
                            bytes += posted.message.memory();
                        }
                        _ => {}
                    }
                    events.push(event);
                }
                progress.done = id;
            }
            if events.is_empty() {
                return Ok(count);
            }
            progress.batch = store.last_batch() + 1;
            let mut ops =
                project(self.engine, progress.batch, &Batch::of(&events, Batch::default())?)?;
            ops.put(MIGRATION_KEY, |value| encode(&progress, value))?;
            store.append(Batch::of_pairs(&ops))?;
            if count >= told + TOLD_EVERY {
                told = count;
                tracing::info!(messages = count, "putting messages into conversations");
            }
        }
    }
}

/// The conversations as far as they have come in an earlier attempt, and the peers that were forgotten.
fn so_far(engine: &dyn Engine) -> Result<(Conversations, BTreeSet<PeerId>), StoreError> {
    let (mut conversations, mut forgotten) = (Conversations::default(), BTreeSet::new());
    engine.scan(vec![RECORDS]..vec![RECORDS + 1], Direction::Up, &mut |_, value| {
        if let Some((record, [])) = Record::take(value)
            && let Some(event) = record.event()
        {
            if let Event::PeerForgotten { peer, .. } = event {
                forgotten.insert(peer);
            }
            conversations.apply(&event);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((conversations, forgotten))
}

/// The events of all that has one id.
fn posts(conversations: &mut Conversations, all: Vec<Found>) -> Vec<Event> {
    let sender = |of: Mailbox| {
        all.iter().find_map(|found| match found {
            Found::Sent(account, mailbox) if *mailbox == of => Some(*account),
            // What waits for a user of a plain peer was kept a second time, for its sender.
            Found::Message(Mailbox::SentRealm(account, peer), _) => match of {
                Mailbox::Plain(own, _) if own == *peer => Some(*account),
                _ => None,
            },
            _ => None,
        })
    };
    let waits = |of: &Mailbox| {
        let Mailbox::SentRealm(_, peer) = of else { return false };
        all.iter()
            .any(|found| matches!(found, Found::Message(Mailbox::Plain(own, _), _) if own == peer))
    };
    let realm_of = |mailbox: Mailbox, message: &antar_types::Message| match mailbox {
        // The sender's copy has the name of the peer.
        Mailbox::Plain(..) => all.iter().find_map(|found| match found {
            Found::Message(Mailbox::SentRealm(..), copy) => copy.realm.clone(),
            _ => None,
        }),
        _ => message.realm.clone(),
    };
    let mut events = Vec::new();
    for found in &all {
        let Found::Message(mailbox, message) = found else { continue };
        if waits(mailbox) {
            continue;
        }
        let realm = realm_of(*mailbox, message);
        let message = Arc::new(antar_types::Message { realm, ..message.clone() });
        let (new, posted) = conversations.post(*mailbox, sender(*mailbox), message);
        for event in new.into_iter().chain([Event::Posted(posted)]) {
            conversations.apply(&event);
            events.push(event);
        }
    }
    events
}

fn first_key(engine: &dyn Engine, from: Key, to: Key) -> Result<Option<Key>, StoreError> {
    let mut first = None;
    if from < to {
        engine.scan(from..to, Direction::Up, &mut |key, _| {
            first = Some(key.to_vec());
            Ok(ControlFlow::Break(()))
        })?;
    }
    Ok(first)
}

/// The least key after all that begin so.
fn past(prefix: &[u8]) -> Key {
    [prefix, &[u8::MAX; 9]].concat()
}
