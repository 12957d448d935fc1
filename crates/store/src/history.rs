//! Pages of lists: conversations, and the timelines that point into them.

use crate::StoreError;
use crate::engine::{Direction, Pairs, Value};
use crate::layout::List;
use crate::records::alike::Alike;
use crate::records::codec::{Offsets, damaged, decode_run};
use crate::records::{Listed, Message, Pointer, read_message};
use antar_domain::{
    Conversation, Located, MAX_PAGE, MAX_PAGE_BYTES, MOST_UNREAD, Mailbox, Page, Place, Source,
};
use rustc_hash::FxHashMap;
use std::ops::{ControlFlow, Range};

/// A page of a list of messages, oldest first, and whether more is left in its direction.
pub fn read(
    tree: &dyn Pairs,
    source: Source,
    page: Page,
) -> Result<(Vec<antar_types::Message>, bool), StoreError> {
    let list = List::of(source);
    match list {
        List::Messages(_) => {
            let (found, more) = entries(tree, list, page, MAX_PAGE_BYTES)?;
            Ok((found.into_iter().map(Message::read).collect(), more))
        }
        List::Timeline(_) => {
            let (mut found, more) = pointed_to(tree, list, page)?;
            if let Source::Mailbox(Mailbox::Plain(..)) = source {
                found.retain(|message| !message.is_deleted());
                // Whoever asks for these is of that realm.
                found.iter_mut().for_each(|message| message.realm = None);
            }
            Ok((found, more))
        }
        List::Changes(_) | List::Outbox(_) | List::Hashes(_) | List::Apart(_) => {
            Err(StoreError::Engine("a log holds no messages".into()))
        }
    }
}

/// The last message of a place's conversation up to its id, of the newest [`MOST_UNREAD`] and one more.
pub fn locate(tree: &dyn Pairs, place: &Place) -> Result<Located, StoreError> {
    let (list, id) = (List::Messages(place.conversation), place.id);
    let mut page = Page { after: None, before: None, limit: MAX_PAGE };
    // Nothing is counted: then it is the last of what is there up to the id.
    if place.reader.is_none() {
        page = Page { before: id.checked_add(1), limit: 1, ..page };
    }
    let (mut passed, mut located) = (0, Located::default());
    loop {
        let (mut found, more) = entries::<Message>(tree, list, page, MAX_PAGE_BYTES)?;
        page.before = found.first().map(|message| message.id);
        while let Some(message) = found.pop() {
            let ordinal = message.ordinal;
            if message.id <= id || passed >= MOST_UNREAD {
                return Ok(located.at(message.id, ordinal));
            }
            passed += 1;
            located.pass(place, ordinal, &message.read());
        }
        if !more || page.before.is_none() {
            return Ok(located.at(0, 0));
        }
    }
}

/// The message of a conversation that has an id, as it is now.
pub fn message(
    tree: &dyn Pairs,
    conversation: Conversation,
    id: u64,
) -> Result<Option<Message>, StoreError> {
    let run = run_of(tree, conversation, id)?;
    let mut all = run.into_iter().flat_map(|(_, run)| run);
    Ok(all.find(|message| message.id == id))
}

/// The run of a conversation in which a message is if it is there, and the id in its key.
pub fn run_of(
    tree: &dyn Pairs,
    conversation: Conversation,
    id: u64,
) -> Result<Option<(u64, Vec<Message>)>, StoreError> {
    run_holding(tree, List::Messages(conversation), id)
}

/// The run of a list in which an entry is if it is there, and the id in its key.
pub fn run_holding<T: Listed>(
    tree: &dyn Pairs,
    list: List,
    id: u64,
) -> Result<Option<(u64, Vec<T>)>, StoreError> {
    let mut found = None;
    tree.scan(list.keys(0, id.saturating_add(1)), Direction::Down, &mut |key, value| {
        let first = List::read(key).ok_or_else(|| damaged(key))?.1;
        found = Some((first, decode_run::<T>(key, value)?));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// The messages that a page of a timeline points to.
fn pointed_to(
    tree: &dyn Pairs,
    list: List,
    page: Page,
) -> Result<(Vec<antar_types::Message>, bool), StoreError> {
    let (mut pointers, mut more) = entries::<Pointer>(tree, list, page, MAX_PAGE_BYTES)?;
    let backward = page.after.is_none();
    if backward {
        pointers.reverse();
    }
    let (mut messages, mut bytes) = (Vec::<antar_types::Message>::with_capacity(pointers.len()), 0);
    let mut runs = Runs::default();
    for pointer in pointers {
        if bytes >= MAX_PAGE_BYTES {
            more = true;
            break;
        }
        let message = runs.message(tree, &pointer, messages.last())?;
        bytes += message.text.as_str().len() + message.sender().len() + message.to.len();
        messages.push(message);
    }
    if backward {
        messages.reverse();
    }
    Ok((messages, more))
}

/// Bytes of runs that are kept while a page is read.
const KEPT: usize = 1 << 20;

/// Runs that were read, as they are stored, and where in each its messages are: what follows in a timeline
/// is often in the same.
#[derive(Default)]
pub struct Runs {
    read: FxHashMap<(Conversation, u64), (Value, Range<usize>)>,
    /// Bytes of those.
    bytes: usize,
    /// Where messages begin, of each of those runs a stretch.
    offsets: Offsets,
    /// How many runs were read so far, and how many bytes those had.
    pub so_far: (usize, usize),
}

impl Runs {
    /// The message that a pointer leads to, and which shares its names with another where they are the same.
    pub fn message(
        &mut self,
        tree: &dyn Pairs,
        pointer: &Pointer,
        like: Option<&antar_types::Message>,
    ) -> Result<antar_types::Message, StoreError> {
        let (version, bytes) = self.find(tree, pointer)?;
        let damaged = || damaged(&List::Messages(pointer.conversation.alike()).key(pointer.run));
        read_message(version, bytes, like).ok_or_else(damaged)
    }

    /// Where the message begins to which a pointer leads, and of which version it is.
    pub fn find(&mut self, tree: &dyn Pairs, pointer: &Pointer) -> Result<(u8, &[u8]), StoreError> {
        let gone =
            || StoreError::Corrupt(format!("message {} is gone from its conversation", pointer.id));
        let run = (pointer.conversation.alike(), pointer.run);
        if !self.read.contains_key(&run) {
            let key = List::Messages(run.0).key(run.1);
            let value = tree.read(&key)?.ok_or_else(gone)?;
            // One that is wanted again is read again: a page must not hold what it does not show.
            if self.bytes + value.len() > KEPT {
                *self = Self { so_far: self.so_far, ..Self::default() };
            }
            let offsets = self.offsets.read(&key, &value)?;
            self.bytes += value.len();
            self.so_far = (self.so_far.0 + 1, self.so_far.1 + value.len());
            self.read.insert(run, (value, offsets));
        }
        let (value, offsets) = self.read.get(&run).ok_or_else(gone)?;
        let at = self.offsets.of(offsets, pointer.id).ok_or_else(gone)?;
        Ok((value.first().copied().unwrap_or_default(), &value[at..]))
    }
}

/// A page of a list's entries, oldest first, and whether more is left in its direction. No run is read
/// once there are `most` bytes.
pub fn entries<T: Listed>(
    tree: &dyn Pairs,
    list: List,
    page: Page,
    most: usize,
) -> Result<(Vec<T>, bool), StoreError> {
    let (first, past) = (page.after.map_or(0, |id| id.saturating_add(1)), page.before);
    let past = past.unwrap_or(u64::MAX);
    let (mut found, mut more, mut bytes) = (Vec::new(), false, 0);
    if first >= past {
        return Ok((found, more));
    }
    let start = match page.after {
        Some(_) => run_start(tree, list, first)?,
        None => 0,
    };
    let direction = if page.after.is_some() { Direction::Up } else { Direction::Down };
    tree.scan(list.keys(start, past), direction, &mut |key, value| {
        if bytes >= most {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        bytes += value.len();
        let mut run: Vec<T> = decode_run(key, value)?;
        run.retain(|entry| (first..past).contains(&entry.id()));
        if direction == Direction::Down {
            run.reverse();
        }
        let room = page.limit - found.len();
        more = run.len() > room;
        found.extend(run.into_iter().take(room));
        Ok(if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if direction == Direction::Down {
        found.reverse();
    }
    Ok((found, more))
}

/// The first id of the run that holds an id, or would.
fn run_start(tree: &dyn Pairs, list: List, id: u64) -> Result<u64, StoreError> {
    let mut holding = 0;
    tree.scan(list.keys(0, id.saturating_add(1)), Direction::Down, &mut |key, _| {
        holding = List::read(key).ok_or_else(|| damaged(key))?.1;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(holding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryEngine, Store};
    use antar_domain::{AccountId, Conversations, Event};
    use antar_types::{Message, Name, Text, Time};
    use std::sync::Arc;

    /// A short message to amy beside long ones from her, again and again.
    #[test]
    fn a_page_does_not_hold_what_it_does_not_show() {
        let (store, _) = Store::open(Box::new(MemoryEngine::default())).unwrap();
        let (amy, bob) = (AccountId(1), AccountId(2));
        let posted = |id, from: AccountId, to: AccountId, bytes: usize| {
            let [by, whom] = [from, to].map(|a| Name::parse(&format!("u{}", a.0)).unwrap());
            let text = Text::parse(&"x".repeat(bytes), bytes).unwrap();
            let message = Message::new(id, Time(id), by, whom, text);
            let (mailbox, message) = (Mailbox::Private(to), Arc::new(message));
            Event::Posted(Conversations::default().post(mailbox, Some(from), message).1)
        };
        for n in 0..100 {
            let (short, long) =
                (posted(2 * n + 1, bob, amy, 1), posted(2 * n + 2, amy, bob, 40_000));
            store.commit(&[short, long]).unwrap();
        }
        let (tree, list) = (store.engine(), List::of(Source::Mailbox(Mailbox::Private(amy))));
        let (pointers, _) = entries::<Pointer>(tree, list, Page::default(), 1 << 20).unwrap();
        let mut runs = Runs::default();
        let mut read = 0;
        for pointer in &pointers {
            runs.message(tree, pointer, None).unwrap();
            read += 1;
            let held = runs.read.values().map(|(value, _)| value.len()).sum::<usize>();
            assert!(held == runs.bytes && held <= KEPT, "{held} of {read}");
        }
        assert!(read >= 50, "{read}");
    }
}
