//! What is new in several lists, by id: the conversations of groups, the timelines of private messages, and
//! lists of changes, merged as they are read. What it costs follows what is new.

use crate::StoreError;
use crate::engine::Pairs;
use crate::history::{self, Runs, entries};
use crate::layout::List;
use crate::records::alike::Alike;
use crate::records::{ChangeEntry, Listed, Message, Pointer};
use antar_domain::{
    Change, ChangesQuery, Conversation, Feed, FoundChange, FoundChanges, MAX_PAGE_BYTES, Page,
};
use std::collections::VecDeque;

/// The fewest entries of a list that are read at once: most lists have few that are new.
const LEAST: usize = 16;

/// What is new, in order, each once.
pub fn read(tree: &dyn Pairs, query: &ChangesQuery) -> Result<FoundChanges, StoreError> {
    let at_once = (query.limit / query.feeds.len().max(1)).clamp(LEAST, query.limit.max(LEAST));
    let stretch = Stretch { tree, upto: query.upto, at_once };
    let mut lists: Vec<Reading> = query.feeds.iter().map(|feed| Reading::new(*feed)).collect();
    let (mut found, mut runs, mut bytes) = (Vec::new(), Runs::default(), 0);
    let mut last = 0;
    while let Some(next) = next(&stretch, &mut lists)? {
        let id = next.id();
        // What one writes to oneself is in two lists.
        if id == last {
            continue;
        }
        if found.len() >= query.limit || bytes >= MAX_PAGE_BYTES {
            return Ok(FoundChanges { found, more: true });
        }
        last = id;
        // What is let go of meanwhile is told to nobody.
        let Some(change) = next.read(tree, &mut runs)? else { continue };
        if let FoundChange::Message(_, message) | FoundChange::Rewritten(_, _, message) = &change {
            bytes += message.memory();
        }
        found.push((id, change));
    }
    Ok(FoundChanges { found, more: false })
}

/// The entry with the least id among those of all lists that were not taken yet.
fn next(stretch: &Stretch<'_>, lists: &mut [Reading]) -> Result<Option<Entry>, StoreError> {
    for list in lists.iter_mut() {
        list.fill(stretch)?;
    }
    let least = lists.iter_mut().filter(|list| !list.ready.is_empty());
    let least = least.min_by_key(|list| list.ready.front().map_or(u64::MAX, Entry::id));
    Ok(least.and_then(|list| list.ready.pop_front()))
}

/// What is read of each list.
struct Stretch<'a> {
    tree: &'a dyn Pairs,
    upto: u64,
    at_once: usize,
}

/// A list that is read, and what of it is at hand.
struct Reading {
    list: List,
    after: u64,
    ready: VecDeque<Entry>,
    ended: bool,
}

/// An entry of a list.
enum Entry {
    Message(Conversation, Message),
    Pointer(Pointer),
    Change(ChangeEntry),
}

impl Reading {
    fn new(Feed { source, after }: Feed) -> Self {
        Self { list: List::of(source), after, ready: VecDeque::new(), ended: false }
    }

    /// Reads on, where nothing is at hand.
    fn fill(&mut self, stretch: &Stretch<'_>) -> Result<(), StoreError> {
        if self.ended || !self.ready.is_empty() {
            return Ok(());
        }
        match self.list {
            List::Messages(conversation) => {
                self.take(stretch, |message| Entry::Message(conversation, message))
            }
            List::Timeline(_) => self.take(stretch, Entry::Pointer),
            List::Changes(_) => self.take(stretch, Entry::Change),
            List::Outbox(_) | List::Hashes(_) | List::Apart(_) => {
                Err(StoreError::Engine("a log holds nothing for users".into()))
            }
        }
    }

    fn take<T: Listed>(
        &mut self,
        stretch: &Stretch<'_>,
        entry: impl Fn(T) -> Entry,
    ) -> Result<(), StoreError> {
        let Stretch { tree, upto, at_once } = *stretch;
        let page = Page { after: Some(self.after), before: upto.checked_add(1), limit: at_once };
        let (found, more) = entries::<T>(tree, self.list, page, MAX_PAGE_BYTES)?;
        self.ended = !more;
        self.after = found.last().map_or(self.after, Listed::id);
        self.ready.extend(found.into_iter().map(entry));
        Ok(())
    }
}

impl Entry {
    fn id(&self) -> u64 {
        match self {
            Self::Message(_, message) => message.id,
            Self::Pointer(pointer) => pointer.id,
            Self::Change(entry) => entry.id,
        }
    }

    fn read(self, tree: &dyn Pairs, runs: &mut Runs) -> Result<Option<FoundChange>, StoreError> {
        Ok(Some(match self {
            Self::Message(conversation, message) => {
                FoundChange::Message(conversation, message.read().into())
            }
            Self::Pointer(pointer) => {
                let message = runs.message(tree, &pointer, None)?;
                FoundChange::Message(pointer.conversation.alike(), message.into())
            }
            Self::Change(entry) => match entry.change.alike() {
                Change::Rewritten(conversation, id, what) => {
                    let Some(message) = history::message(tree, conversation, id)? else {
                        return Ok(None);
                    };
                    FoundChange::Rewritten(what, conversation, message.read().into())
                }
                change => FoundChange::Change(Box::new(change)),
            },
        }))
    }
}
