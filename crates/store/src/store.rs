//! The store itself, over whichever engine.

#[cfg(test)]
mod tests;

use crate::check::KnownFiles;
use crate::event_log::{Batch, NotCommitted};
use crate::export::{self, Exported};
use crate::layout::{FORMAT, FORMAT_KEY, List, RECORDS, TIP_KEY, Tip};
use crate::records::codec::{damaged, decode, decode_record};
use crate::records::{self, ApartEntry, Outgoing, Position};
use crate::{
    Direction, Engine, StoreError, Usage, changes, history, migration, old, own, references,
    remote, search, v1,
};
use antar_domain::links::{self, NamesLookup, Quote};
use antar_domain::{
    ChangesQuery, Conversation, Event, FoundChanges, FoundMessages, FoundOld, FoundOwn, GroupId,
    Located, Mailbox, MessageLookup, NewestQuery, OldQuery, OwnQuery, Page, PeerId, Place,
    PlacedMessage, ReferenceLookup, Referred, SearchQuery, Source,
};
use antar_types::{Chain, Entry, Message};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Pages of what an account wrote that are searched for the message which a notice quotes.
const PAGES_LOOKED_THROUGH: usize = 20;

/// What a realm keeps. One thread commits; any number read.
pub struct Store {
    engine: Box<dyn Engine>,
    /// The number of the last batch.
    last: Mutex<u64>,
    /// How often the data were opened again.
    reopened: AtomicU64,
}

/// A batch that [`Store::write`] could not write: [`Store::settle`] finds out what became of it.
#[derive(Debug)]
#[must_use = "`Store::settle` finds out what became of it"]
pub struct Unsettled {
    number: u64,
    error: NotCommitted,
}

impl Store {
    /// Checks what an engine holds and loads everything but messages.
    ///
    /// # Errors
    /// [`StoreError::Format`] or [`StoreError::Corrupt`] where the data must not be used;
    /// otherwise what the engine says.
    pub fn open(engine: Box<dyn Engine>) -> Result<(Self, Vec<Event>), StoreError> {
        let store = Self { engine, last: Mutex::default(), reopened: AtomicU64::default() };
        let events = store.load()?;
        Ok((store, events))
    }

    /// Opens the data again after a failed commit and says what they amount to.
    ///
    /// # Errors
    /// As [`Store::open`], while the cause lasts.
    pub fn reopen(&self) -> Result<Vec<Event>, StoreError> {
        self.reopened.fetch_add(1, Ordering::Relaxed);
        self.engine.reopen()?;
        self.load()
    }

    /// Writes everything that is kept, as it was at one moment: everything committed before the
    /// call, and maybe some batches more. Commits and reads go on meanwhile. Also returns which files there must have been.
    ///
    /// # Errors
    /// [`StoreError::Output`] where `out` refuses; otherwise as [`Store::read`]. What is damaged is
    /// not written.
    pub fn export(&self, out: impl Write) -> Result<(Exported, KnownFiles), StoreError> {
        let opened = self.reopened.load(Ordering::Relaxed);
        export::export(&*self.engine, out, || {
            // Opening again waits for who still reads, and everything else waits for that.
            if self.reopened.load(Ordering::Relaxed) == opened {
                return Ok(());
            }
            Err(StoreError::Engine("a commit failed meanwhile".into()))
        })
    }

    /// Fills an engine that holds nothing with what [`Store::export`] wrote, and opens it. Where
    /// this fails, what the engine holds by then cannot be opened.
    ///
    /// # Errors
    /// [`StoreError::Backup`] or [`StoreError::Format`] where that is no whole export; otherwise
    /// what the engine says.
    pub fn import(
        engine: Box<dyn Engine>,
        input: impl Read,
    ) -> Result<(Self, Vec<Event>, Exported), StoreError> {
        let imported = export::import(&*engine, input)?;
        let (store, events) = Self::open(engine)?;
        Ok((store, events, imported))
    }

    /// What the data amount to now: what [`Store::open`] gave, and every batch committed since.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn reload(&self) -> Result<Vec<Event>, StoreError> {
        self.load()
    }

    /// What the data take, where that is known: see [`Engine::usage`].
    pub fn usage(&self) -> Option<Usage> {
        self.engine.usage()
    }

    /// Makes events durable as one batch: all of them or none survive whatever comes.
    ///
    /// # Errors
    /// [`NotCommitted`] says whether the batch may be on disk. The store takes nothing more then until
    /// [`Store::reopen`].
    pub fn commit(&self, events: &[Event]) -> Result<(), NotCommitted> {
        self.write(events).or_else(|unsettled| self.settle(unsettled))
    }

    /// As [`Store::commit`], for who may not wait for longer than one write: what became of a batch that failed
    /// is left to [`Store::settle`].
    ///
    /// # Errors
    /// What could not be written. The store takes nothing more until that is settled.
    pub fn write(&self, events: &[Event]) -> Result<(), Unsettled> {
        match Batch::of(events, self.engine.spare()) {
            Ok(batch) => self.write_batch(batch),
            Err(error) => Err(Unsettled { number: 0, error: error.into() }),
        }
    }

    fn write_batch(&self, batch: Batch) -> Result<(), Unsettled> {
        let number = self.last_batch() + 1;
        match self.engine.commit(number, batch) {
            Ok(()) => {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = number;
                Ok(())
            }
            Err(error) => Err(Unsettled { number, error }),
        }
    }

    /// Appends a batch to the log.
    pub(crate) fn append(&self, batch: Batch) -> Result<(), NotCommitted> {
        self.write_batch(batch).or_else(|unsettled| self.settle(unsettled))
    }

    /// Finds out what became of a batch that [`Store::write`] could not write. Where it may be on disk the data
    /// are opened again, which waits for who still reads, and reads what is in the log and not in the
    /// tree's tables yet.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn settle(&self, unsettled: Unsettled) -> Result<(), NotCommitted> {
        match unsettled.error {
            NotCommitted::Unknown(error) => self.find_out(unsettled.number, error),
            refused @ NotCommitted::Refused(_) => Err(refused),
        }
    }

    /// Opens the data again at once: if the disk lets it, the log tells what became of a batch.
    fn find_out(&self, number: u64, error: StoreError) -> Result<(), NotCommitted> {
        tracing::warn!(%error, "a batch may or may not be on disk; opening the data again to find out");
        self.reopened.fetch_add(1, Ordering::Relaxed);
        match self.engine.reopen().and_then(|()| self.expect_tip()) {
            Ok(tip) if tip.batch >= number => Ok(()),
            Ok(_) => Err(NotCommitted::Refused(error)),
            Err(_) => Err(NotCommitted::Unknown(error)),
        }
    }

    /// A page of a list of messages, oldest first, and whether more is left in its direction.
    ///
    /// # Errors
    /// Where the disk or what is on it fails; a damaged message is reported, never returned.
    pub fn read(&self, source: Source, page: Page) -> Result<(Vec<Message>, bool), StoreError> {
        history::read(&*self.engine.view()?, source, page)
    }

    /// The last message of a place's conversation up to its id, and how many after it are its reader's own.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn locate(&self, place: &Place) -> Result<Located, StoreError> {
        history::locate(&*self.engine.view()?, place)
    }

    /// The message that an account has called so in the last week, if there is one.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn referred(&self, lookup: &ReferenceLookup) -> Result<Option<Referred>, StoreError> {
        references::find(&*self.engine.view()?, lookup)
    }

    /// The message that is asked for, as it is now.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn message(&self, lookup: &MessageLookup) -> Result<Option<PlacedMessage>, StoreError> {
        let conversation = lookup.conversation;
        let found = history::message(&*self.engine.view()?, conversation, lookup.id)?;
        Ok(found.map(|message| {
            let (ordinal, message) = (message.ordinal, Arc::new(message.read()));
            PlacedMessage { conversation, ordinal, message }
        }))
    }

    /// The newest messages of a conversation, oldest first.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn newest(&self, query: &NewestQuery) -> Result<Vec<Message>, StoreError> {
        self.read(Source::Conversation(query.conversation), query.page()).map(|(found, _)| found)
    }

    /// Messages that a peer names, as they are now, in order.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn named(&self, lookup: &NamesLookup) -> Result<Vec<Option<PlacedMessage>>, StoreError> {
        let tree = self.engine.view()?;
        remote::find(&*tree, &lookup.all)
    }

    /// What is new in several lists, by id.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn changes(&self, query: &ChangesQuery) -> Result<FoundChanges, StoreError> {
        changes::read(&*self.engine.view()?, query)
    }

    /// The messages of several lists that have certain words in them, newest first.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn search(&self, query: &SearchQuery) -> Result<FoundMessages, StoreError> {
        search::read(&*self.engine.view()?, query)
    }

    /// Which messages are older than is kept, in the conversations that are asked about: of the first of them, as many
    /// as are looked at in one go.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn old(&self, query: &OldQuery) -> Result<Vec<Option<FoundOld>>, StoreError> {
        old::find(&*self.engine.view()?, query)
    }

    /// What is a user's in a stretch of a conversation.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn own(&self, query: &OwnQuery) -> Result<FoundOwn, StoreError> {
        own::find(&*self.engine.view()?, query)
    }

    /// What a realm is owed, from one entry to another, as far as it is there.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn owed(
        &self,
        peer: PeerId,
        first: u64,
        last: u64,
    ) -> Result<Vec<(links::Position, Arc<Entry>)>, StoreError> {
        let limit = usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX).max(1);
        let page = Page {
            after: Some(first.saturating_sub(1)),
            before: last.checked_add(1),
            limit: limit.saturating_add(1),
        };
        let list = List::Outbox(peer);
        let (owed, _) = history::entries::<Outgoing>(&*self.engine, list, page, usize::MAX)?;
        let mut last = None;
        let read = |owed: Outgoing| {
            let (at, entry) = owed.read();
            Ok((at, Arc::new(self.telling(peer, entry, &mut last)?)))
        };
        owed.into_iter().map(read).collect()
    }

    /// An entry with what its message says now, where it is about a message of a room: that is in no outbox. What
    /// follows is often about the same run of messages, so the `last` one that was read is kept.
    fn telling(
        &self,
        peer: PeerId,
        entry: Entry,
        last: &mut Option<(GroupId, Vec<Message>)>,
    ) -> Result<Entry, StoreError> {
        let told = entry.room().and_then(|room| Some((GroupId(room.room), room.message()?)));
        let Some((group, id)) = told else { return Ok(entry) };
        let holds = |(of, run): &(GroupId, Vec<Message>)| {
            *of == group && run.binary_search_by_key(&id, |message| message.id).is_ok()
        };
        if !last.as_ref().is_some_and(holds) {
            let run = history::run_of(&*self.engine, Conversation::Group(group), id)?;
            let read = |(_, run): (_, Vec<records::Message>)| {
                run.into_iter().map(records::Message::read).collect()
            };
            *last = run.map(|run| (group, read(run)));
        }
        let run = last.as_ref().map_or(&[][..], |(_, run)| run);
        // What was let go of says nothing any more.
        Ok(match run.binary_search_by_key(&id, |message| message.id) {
            Ok(at) => entry.telling(&run[at], peer.0),
            Err(_) => entry,
        })
    }

    /// What a realm has sent that is not known here, oldest first.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn apart(&self, peer: PeerId) -> Result<Vec<links::ApartEntry>, StoreError> {
        let page = Page { after: Some(0), before: None, limit: usize::MAX };
        let list = List::Apart(peer);
        let (found, _) = history::entries::<ApartEntry>(&*self.engine, list, page, usize::MAX)?;
        Ok(found.into_iter().map(ApartEntry::read).collect())
    }

    /// Which of these notices are about what that account wrote, among the newest of it.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn wrote(&self, quotes: Vec<Quote>) -> Result<Vec<(Quote, bool)>, StoreError> {
        let known = quotes.into_iter().map(|quote| {
            let found = quote.lists.iter().try_fold(false, |found, list| {
                Ok::<_, StoreError>(found || self.is_in(*list, &quote)?)
            });
            Ok((quote, found?))
        });
        known.collect()
    }

    fn is_in(&self, list: Mailbox, quote: &Quote) -> Result<bool, StoreError> {
        let mut page = Page::default();
        for _ in 0..PAGES_LOOKED_THROUGH {
            let (messages, more) = self.read(Source::Mailbox(list), page)?;
            if messages.iter().any(|message| quote.is(message)) {
                return Ok(true);
            }
            match messages.first() {
                Some(first) if more && first.id > quote.account.0 => page.before = Some(first.id),
                _ => break,
            }
        }
        Ok(false)
    }

    /// The hash of a log ([`Source::Outbox`] or [`Source::Hashes`]) at an entry, where it is there.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn chain(&self, source: Source, seq: u64) -> Result<Option<Chain>, StoreError> {
        let page = Page { after: seq.checked_sub(1), before: seq.checked_add(1), limit: 1 };
        let (engine, list) = (&*self.engine, List::of(source));
        let found: Option<Position> = match source {
            Source::Outbox(_) => {
                let (owed, _) = history::entries::<Outgoing>(engine, list, page, usize::MAX)?;
                owed.first().map(|owed| owed.at)
            }
            Source::Hashes(_) => {
                history::entries(engine, list, page, usize::MAX)?.0.first().copied()
            }
            Source::Mailbox(_) | Source::Sent(_) | Source::Conversation(_) | Source::Changes(_) => {
                None
            }
        };
        Ok(found.filter(|at| at.seq == seq).map(|at| at.chain))
    }

    fn load(&self) -> Result<Vec<Event>, StoreError> {
        self.expect_format()?;
        let tip = self.expect_tip()?;
        let mut events = vec![Event::IdReached(tip.last_id)];
        self.engine.scan(vec![RECORDS]..vec![RECORDS + 1], Direction::Up, &mut |key, value| {
            let event = decode_record(key, value)?.event();
            events.push(event.ok_or_else(|| damaged(key))?);
            Ok(ControlFlow::Continue(()))
        })?;
        let gone: HashSet<(Conversation, u64)> = events
            .iter()
            .filter_map(|event| match event {
                Event::LetGo(conversation, floor) => Some((*conversation, floor.id)),
                _ => None,
            })
            .collect();
        let tips = events.iter().filter_map(|event| match event {
            Event::ConversationReached(conversation, tip) => Some((tip.id, *conversation)),
            _ => None,
        });
        let tips = tips.filter(|(id, conversation)| !gone.contains(&(*conversation, *id)));
        if let Some((_, conversation)) = tips.max() {
            let (source, page) =
                (Source::Conversation(conversation), Page { limit: 1, ..Page::default() });
            // One that is damaged is told of where somebody reads it.
            let last =
                history::read(&*self.engine, source, page).ok().and_then(|mut all| all.0.pop());
            let last = last.filter(Message::is_timed_here);
            events.extend(last.map(|message| Event::TimeReached(message.time)));
        }
        Ok(events)
    }

    /// Has the data in this program's format.
    fn expect_format(&self) -> Result<(), StoreError> {
        let value = self.engine.read(FORMAT_KEY)?;
        match value.map(|value| decode(FORMAT_KEY, &value)).transpose()? {
            None => self.expect_tip().map(drop),
            Some(FORMAT) => {
                self.expect_tip()?;
                migration::tidy(self)
            }
            Some(v1::FORMAT) => {
                self.expect_tip()?;
                migration::run(self)
            }
            Some(found) => Err(StoreError::Format { found, known: FORMAT }),
        }
    }

    /// How far the data go, and whether that is as far as was acknowledged.
    fn expect_tip(&self) -> Result<Tip, StoreError> {
        let tip = match self.engine.read(TIP_KEY)? {
            Some(value) => decode(TIP_KEY, &value)?,
            None => Tip::default(),
        };
        let lost = self.engine.acknowledged().saturating_sub(tip.batch);
        if lost > 0 {
            return Err(StoreError::Corrupt(format!(
                "the last {lost} of {} batches are missing",
                tip.batch + lost
            )));
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = tip.batch;
        Ok(tip)
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// The number of the last batch.
    pub(crate) fn last_batch(&self) -> u64 {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
