//! Messages that have certain words in them, newest first.
//!
//! Lists are looked through from their ends back, always on in the one that may have the newest message that
//! was not looked at yet. What was found is shown once no list can have anything newer. Messages lie in
//! runs, and most of them are passed over after one look at their text.

use crate::StoreError;
use crate::engine::{Direction, Pairs};
use crate::history::Runs;
use crate::layout::List;
use crate::records::alike::Alike;
use crate::records::codec::{damaged, decode_run, entries};
use crate::records::{Glance, Listed, Message, Pointer, glance};
use antar_domain::{Conversation, FoundMessages, MAX_PAGE_BYTES, Matcher, SEEK, SearchQuery};
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::ControlFlow;

/// Runs of a list that are looked at in one visit at most, where others may have newer messages; each visit of a list
/// takes twice as many as the one before. What a visit costs is mostly finding the place.
const MOST_RUNS: usize = 1_024;

/// Bytes in such a visit.
const MOST_BYTES: usize = 256 << 10;

/// What there is, as far as the query goes.
pub fn read(tree: &dyn Pairs, query: &SearchQuery) -> Result<FoundMessages, StoreError> {
    let lists: Vec<Looking> =
        query.lists.iter().map(|list| Looking { list: List::of(list.source), runs: 1 }).collect();
    let ends = query.lists.iter().map(|list| list.before).enumerate();
    let ends: BinaryHeap<(u64, usize)> = ends.map(|(at, before)| (before, at)).collect();
    let start = ends.peek().map_or(0, |(before, _)| *before);
    let mut search = Search {
        tree,
        query,
        matcher: query.words.matcher(),
        runs: Runs::default(),
        hits: Hits::default(),
        shown: FoundMessages::default(),
        bytes: 0,
        scanned: 0,
    };
    search.run(lists, ends, start)?;
    Ok(FoundMessages { looked_at: search.looked_at(), ..search.shown })
}

/// A list that is looked through.
struct Looking {
    list: List,
    /// So many runs in the next visit.
    runs: usize,
}

struct Search<'a> {
    tree: &'a dyn Pairs,
    query: &'a SearchQuery,
    matcher: Matcher,
    /// Those to which pointers lead.
    runs: Runs,
    hits: Hits,
    shown: FoundMessages,
    /// Of the messages that are shown.
    bytes: usize,
    /// How much was looked at in lists.
    scanned: usize,
}

/// Messages that were found and are not shown yet: some list may have newer ones.
#[derive(Default)]
struct Hits {
    all: BTreeMap<u64, (Conversation, antar_types::Message)>,
    bytes: usize,
}

impl Hits {
    fn add(&mut self, conversation: Conversation, message: antar_types::Message) {
        let bytes = message.memory();
        // What one writes to oneself is in two lists.
        if self.all.insert(message.id, (conversation, message)).is_none() {
            self.bytes += bytes;
        }
    }

    /// Lets go of the oldest where what is left is more than a page of so many messages and bytes.
    fn trim(&mut self, room: usize, bytes: usize) {
        loop {
            let mut oldest = self.all.values().map(|(_, message)| message.memory());
            let (Some(first), Some(second)) = (oldest.next(), oldest.next()) else { return };
            let too_much = self.bytes.saturating_sub(first + second) >= bytes;
            if self.all.len() <= room.saturating_add(1) && !too_much {
                return;
            }
            drop(oldest);
            self.all.pop_first();
            self.bytes -= first;
        }
    }

    /// Takes out the newest, unless it is older than that.
    fn pop(&mut self, from: u64) -> Option<(Conversation, antar_types::Message)> {
        let newest = self.all.last_entry().filter(|newest| *newest.key() >= from)?;
        let hit = newest.remove();
        self.bytes -= hit.1.memory();
        Some(hit)
    }
}

impl Search<'_> {
    /// Looks through lists, each from an id back, until the page is full, all is looked at or enough is.
    fn run(
        &mut self,
        mut lists: Vec<Looking>,
        mut ends: BinaryHeap<(u64, usize)>,
        start: u64,
    ) -> Result<(), StoreError> {
        loop {
            let end = ends.peek().map_or(0, |(before, _)| *before);
            if self.show(end) {
                return Ok(());
            }
            let Some((before, at)) = ends.pop() else { return Ok(()) };
            // Each request gets on, however many lists there are.
            if self.looked_at() >= self.query.most && before < start {
                self.shown.before = Some(before);
                return Ok(());
            }
            let next = ends.peek().map_or(0, |(before, _)| *before);
            if let Some(left) = self.visit(&mut lists[at], before, next)? {
                ends.push((left, at));
            }
        }
    }

    fn looked_at(&self) -> usize {
        let (runs, bytes) = self.runs.so_far;
        self.scanned + runs * SEEK + bytes
    }

    /// Shows what was found from an id on, newest first; whether the page is full, and there is more.
    fn show(&mut self, from: u64) -> bool {
        while let Some(hit) = self.hits.pop(from) {
            if self.room() == 0 || self.bytes >= MAX_PAGE_BYTES {
                self.shown.before = self.shown.found.last().map(|(_, message)| message.id);
                return true;
            }
            self.bytes += hit.1.memory();
            self.shown.found.push(hit);
        }
        false
    }

    fn room(&self) -> usize {
        self.query.limit.saturating_sub(self.shown.found.len())
    }

    /// Looks through some of a list, from an id back, and returns how far it went, if there is more.
    /// Others have nothing newer than `next`.
    fn visit(
        &mut self,
        looking: &mut Looking,
        before: u64,
        next: u64,
    ) -> Result<Option<u64>, StoreError> {
        self.scanned += SEEK;
        let List::Messages(conversation) = looking.list else {
            return self.visit_pointers(looking.list, before);
        };
        let (tree, list, most) = (self.tree, looking.list, self.query.most);
        let (mut left, mut runs, mut bytes) = (None, 0, 0);
        tree.scan(list.keys(0, before), Direction::Down, &mut |key, value| {
            let first = List::read(key).ok_or_else(|| damaged(key))?.1;
            self.look_through(conversation, before, key, value)?;
            (runs, bytes) = (runs + 1, bytes + value.len());
            self.scanned += key.len() + value.len();
            let has_others = first <= next && (runs >= looking.runs || bytes >= MOST_BYTES);
            let is_enough = self.hits.all.len() > self.room() || self.looked_at() >= most;
            if has_others || is_enough {
                left = Some(first);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        looking.runs = (2 * looking.runs).min(MOST_RUNS);
        Ok(left)
    }

    /// Looks through a run of messages, but those from an id on.
    fn look_through(
        &mut self,
        conversation: Conversation,
        before: u64,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let (version, mut rest) = entries(value).ok_or_else(|| damaged(key))?;
        while !rest.is_empty() {
            let seen = glance(version, rest).ok_or_else(|| damaged(key))?;
            if seen.id < before && self.may_be_it(&seen) {
                let found = Message::take(version, rest).ok_or_else(|| damaged(key))?;
                self.found(conversation, found.0.read());
            }
            rest = seen.rest;
        }
        Ok(())
    }

    /// Looks through what a run of pointers leads to.
    fn visit_pointers(&mut self, list: List, before: u64) -> Result<Option<u64>, StoreError> {
        let mut run: Option<(u64, Vec<Pointer>)> = None;
        let mut scanned = 0;
        self.tree.scan(list.keys(0, before), Direction::Down, &mut |key, value| {
            let first = List::read(key).ok_or_else(|| damaged(key))?.1;
            scanned = key.len() + value.len();
            run = Some((first, decode_run(key, value)?));
            Ok(ControlFlow::Break(()))
        })?;
        self.scanned += scanned;
        let Some((first, pointers)) = run else { return Ok(None) };
        let mut runs = std::mem::take(&mut self.runs);
        for pointer in pointers.iter().rev().filter(|pointer| pointer.id() < before) {
            let (version, bytes) = runs.find(self.tree, pointer)?;
            let gone = || StoreError::Corrupt(format!("message {} is unreadable", pointer.id));
            if self.may_be_it(&glance(version, bytes).ok_or_else(gone)?) {
                let (message, _) = Message::take(version, bytes).ok_or_else(gone)?;
                self.found(pointer.conversation.alike(), message.read());
            }
        }
        self.runs = runs;
        Ok(Some(first))
    }

    /// Whether a message has the words, and may be by whoever is asked for.
    fn may_be_it(&mut self, seen: &Glance<'_>) -> bool {
        let may_be = self.query.author.as_ref().is_none_or(|author| author.may_be(seen.from));
        may_be && self.matcher.matches(seen.text)
    }

    fn found(&mut self, conversation: Conversation, message: antar_types::Message) {
        let author = self.query.author.as_ref();
        if author.is_none_or(|author| author.wrote(conversation, &message)) {
            self.hits.add(conversation, message);
            self.hits.trim(self.room(), MAX_PAGE_BYTES.saturating_sub(self.bytes));
        }
    }
}

#[cfg(test)]
mod tests;
