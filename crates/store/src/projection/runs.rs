//! What batches add to lists.
//!
//! This is what most of the work for a message is, so it is looked up once: its conversation knows where the
//! timelines of those who take part in it are.

use crate::layout::{List, RUN, RUN_BYTES, Timeline};
use crate::records::{ConversationReached, Listed};
use antar_domain::{AccountId, Conversation, Marker};
use rustc_hash::FxHashMap;

/// Bytes of memory that are kept for the next runs.
const SPARE: usize = 4 << 20;

/// Bytes from which memory is kept for runs of messages: those of pointers are shorter.
const LARGE: usize = 4 << 10;

/// How many accounts and timelines a conversation knows by itself.
const NEAR: usize = 8;

/// Entries of a list as they are written, and how far the conversation has come where it is one's.
#[derive(Default)]
pub struct Run {
    pub first: u64,
    entries: usize,
    pub value: Vec<u8>,
    pub reached: Option<ConversationReached>,
    /// What pointers to its messages have in common: all but the id, which leads them.
    pub at: Vec<u8>,
}

/// A list, and the run of it that is being filled.
struct Slot {
    list: List,
    run: Run,
    /// Where timelines are to which a message of the list has gone.
    timelines: Vec<(Timeline, usize)>,
    /// How far users have read the conversation that the list is; none where that is let go of.
    markers: Vec<(AccountId, Option<Marker>)>,
}

/// How far a user has read a conversation; none where that is let go of.
type Marked = ((Conversation, AccountId), Option<Marker>);

/// The runs of all lists.
#[derive(Default)]
pub struct Runs {
    slots: Vec<Slot>,
    by_list: FxHashMap<List, usize>,
    /// Those that are full.
    full: Vec<(List, Run)>,
    /// The markers that do not fit into a slot.
    markers: FxHashMap<(Conversation, AccountId), Option<Marker>>,
    /// Memory for the next runs: short and long.
    spare: [Vec<Vec<u8>>; 2],
}

impl Runs {
    /// The number of a list, until all is [finished](Self::finish).
    pub fn slot(&mut self, list: List) -> usize {
        let Self { slots, by_list, .. } = self;
        *by_list.entry(list).or_insert_with(|| {
            let (run, timelines, markers) = (Run::default(), Vec::new(), Vec::new());
            slots.push(Slot { list, run, timelines, markers });
            slots.len() - 1
        })
    }

    /// The same of a timeline to which a message of a list goes.
    pub fn timeline(&mut self, slot: usize, timeline: Timeline) -> usize {
        let near = &self.slots[slot].timelines;
        if let Some((_, found)) = near.iter().find(|(near, _)| *near == timeline) {
            return *found;
        }
        let found = self.slot(List::Timeline(timeline));
        let near = &mut self.slots[slot].timelines;
        if near.len() < NEAR {
            near.push((timeline, found));
        }
        found
    }

    /// The run of a list that takes the next entry, which has this id.
    pub fn take<T: Listed>(&mut self, slot: usize, id: u64) -> &mut Run {
        let Slot { list, run, .. } = &mut self.slots[slot];
        if run.entries == RUN || run.value.len() >= RUN_BYTES {
            // The next one says how far the conversation has come.
            let full = Run { reached: None, ..std::mem::take(run) };
            self.full.push((*list, full));
        }
        if run.entries == 0 {
            run.first = id;
            let is_large = matches!(list, List::Messages(_));
            if let Some(memory) = self.spare[usize::from(is_large)].pop() {
                run.value = memory;
            }
            run.value.push(T::VERSION);
        }
        run.entries += 1;
        run
    }

    /// Notes how far a user has read the conversation that a list is; none where that is let go of.
    pub fn mark(&mut self, slot: usize, account: AccountId, marker: Option<Marker>) {
        let Slot { list, markers, .. } = &mut self.slots[slot];
        if let Some((_, known)) = markers.iter_mut().find(|(of, _)| *of == account) {
            *known = marker;
        } else if markers.len() < NEAR {
            markers.push((account, marker));
        } else if let List::Messages(conversation) = *list {
            self.markers.insert((conversation, account), marker);
        }
    }

    /// The run of those that were added to a list in which an entry is, if it was added.
    pub fn holding(&mut self, list: List, id: u64) -> Option<&mut Run> {
        let Self { slots, by_list, full, .. } = self;
        let filling = by_list.get(&list).and_then(|slot| slots.get_mut(*slot));
        let filling = filling.map(|slot| &mut slot.run).filter(|run| run.entries > 0);
        let full = full.iter_mut().filter(|(of, _)| *of == list).map(|(_, run)| run);
        full.chain(filling).filter(|run| run.first <= id).max_by_key(|run| run.first)
    }

    /// Forgets what was added to a list.
    pub fn remove(&mut self, list: List) {
        self.full.retain(|(full, _)| *full != list);
        if let Some(slot) = self.by_list.get(&list) {
            self.slots[*slot].run = Run::default();
        }
    }

    /// Lets go of how far some conversations have come and were read, and of what was said there last: it need not
    /// be put anywhere.
    pub fn end_conversations(&mut self, ends: impl Fn(Conversation) -> bool) {
        let ends = |list| matches!(list, List::Messages(conversation) if ends(conversation));
        self.full.retain(|(list, _)| !ends(*list));
        for Slot { run, markers, .. } in self.slots.iter_mut().filter(|slot| ends(slot.list)) {
            *run = Run::default();
            markers.iter_mut().for_each(|(_, marker)| *marker = None);
        }
        for (_, marker) in self.markers.iter_mut().filter(|((of, _), _)| ends(List::Messages(*of)))
        {
            *marker = None;
        }
    }

    /// All runs by list and first entry, and all markers in order. Nothing is left then.
    pub fn finish(&mut self) -> (Vec<(List, Run)>, Vec<Marked>) {
        let mut runs = std::mem::take(&mut self.full);
        let mut marked: Vec<Marked> = self.markers.drain().collect();
        self.by_list.clear();
        for Slot { list, run, markers, .. } in self.slots.drain(..) {
            if let List::Messages(conversation) = list {
                marked.extend(markers.into_iter().map(|(of, marker)| ((conversation, of), marker)));
            }
            if run.entries > 0 {
                runs.push((list, run));
            }
        }
        runs.sort_unstable_by_key(|(list, run)| (*list, run.first));
        marked.sort_unstable_by_key(|(of, _)| *of);
        (runs, marked)
    }

    /// Takes the memory of runs that were put in, for the next ones.
    pub fn reuse(&mut self, runs: Vec<(List, Run)>) {
        let mut left = SPARE;
        self.spare = Default::default();
        for (_, Run { value: mut memory, .. }) in runs {
            let size = memory.capacity();
            if size <= left {
                left -= size;
                memory.clear();
                self.spare[usize::from(size >= LARGE)].push(memory);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_domain::GroupId;

    /// More take part than a slot has room for; the last that is noted of each counts.
    #[test]
    fn knows_how_far_each_of_many_has_read() {
        let conversation = Conversation::Group(GroupId(1));
        let marker = |id| Marker { id, ordinal: id, own_after: 0 };
        let mut runs = Runs::default();
        let slot = runs.slot(List::Messages(conversation));
        for round in 0..2 {
            for account in 1..=3 * NEAR as u64 {
                runs.mark(slot, AccountId(account), Some(marker(100 * round + account)));
            }
        }
        runs.mark(slot, AccountId(1), None);
        runs.mark(slot, AccountId(20), None);
        let (lists, marked) = runs.finish();
        assert!(lists.is_empty());
        let expected = (1..=24).map(|account| {
            let marker = (account != 1 && account != 20).then(|| marker(100 + account));
            ((conversation, AccountId(account)), marker)
        });
        assert_eq!(marked, expected.collect::<Vec<_>>());
        assert!(runs.finish().1.is_empty());
    }
}
