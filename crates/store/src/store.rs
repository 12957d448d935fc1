//! The store itself, over whichever engine.

use crate::event_log::{Batch, NotCommitted};
use crate::export::{self, Exported};
use crate::layout::{FORMAT, FORMAT_KEY, List, RECORDS, TIP_KEY, Tip};
use crate::records::codec::{damaged, decode, decode_record};
use crate::records::{ApartEntry, Outgoing, Position};
use crate::{Direction, Engine, StoreError, Usage, history, migration, v1};
use antar_domain::links::{self, Quote};
use antar_domain::{Event, Mailbox, Page, PeerId, Source};
use antar_types::{Chain, Entry, Message};
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
    /// call, and maybe some batches more. Commits and reads go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Output`] where `out` refuses; otherwise as [`Store::read`]. What is damaged is
    /// not written.
    pub fn export(&self, out: impl Write) -> Result<Exported, StoreError> {
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
        self.append(Batch::of(events)?)
    }

    /// Appends a batch to the log.
    pub(crate) fn append(&self, batch: Batch) -> Result<(), NotCommitted> {
        let number = self.last_batch() + 1;
        match self.engine.commit(number, batch) {
            Ok(()) => *self.last.lock().unwrap_or_else(PoisonError::into_inner) = number,
            Err(NotCommitted::Unknown(error)) => return self.find_out(number, error),
            refused => return refused,
        }
        Ok(())
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
        let read = |(at, entry)| (at, Arc::new(entry));
        Ok(owed.into_iter().map(|owed| read(owed.read())).collect())
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
            Source::Mailbox(_) | Source::Sent(_) | Source::Conversation(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryEngine;
    use crate::layout::List;
    use antar_domain::{AccountId, AccountRecord, Conversations, GroupId, PasswordHash, Posted};
    use antar_types::{Name, Text, Time};
    use proptest::prelude::*;
    use std::ops::ControlFlow;
    use std::sync::Arc;

    fn open(engine: &MemoryEngine) -> Result<(Store, Vec<Event>), StoreError> {
        Store::open(Box::new(engine.clone()))
    }

    fn posted(mailbox: Mailbox, sender: Option<AccountId>, id: u64) -> Event {
        let name = |n| Name::parse(n).unwrap();
        let text = Text::parse(&format!("m{id}"), 99).unwrap();
        let (time, from, to) = (Time(id), name("amy"), name("bob"));
        let message = Message { id, time, from, to, text, realm: None, notice: None };
        // Which number it is in its conversation does not matter here.
        Event::Posted(Conversations::default().post(mailbox, sender, Arc::new(message)).1)
    }

    fn ids(store: &Store, source: Source, page: Page) -> (Vec<u64>, bool) {
        let (messages, more) = store.read(source, page).unwrap();
        (messages.iter().map(|m| m.id).collect(), more)
    }

    const BOB: Mailbox = Mailbox::Private(AccountId(2));
    const AMY: AccountId = AccountId(1);

    #[test]
    fn mailboxes_are_apart_and_sent_shows_the_same_message() {
        let (store, _) = open(&MemoryEngine::default()).unwrap();
        let staff = Mailbox::Group(GroupId(2));
        let events = [posted(BOB, Some(AMY), 5), posted(staff, None, 6), posted(BOB, Some(AMY), 7)];
        store.commit(&events).unwrap();
        assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()), (vec![5, 7], false));
        assert_eq!(ids(&store, Source::Mailbox(staff), Page::default()), (vec![6], false));
        assert_eq!(ids(&store, Source::Sent(AMY), Page::default()), (vec![5, 7], false));
        let sent = store.read(Source::Sent(AMY), Page::default()).unwrap();
        assert_eq!(sent, store.read(Source::Mailbox(BOB), Page::default()).unwrap());
    }

    /// Whoever reads one short message of a run reads all of it.
    #[test]
    fn a_run_of_long_messages_is_cut() {
        let (store, _) = open(&MemoryEngine::default()).unwrap();
        let long = |id| {
            let mut event = posted(BOB, Some(AMY), id);
            if let Event::Posted(Posted { message, .. }) = &mut event {
                Arc::make_mut(message).text = Text::parse(&"x".repeat(9_999), 9_999).unwrap();
            }
            event
        };
        store.commit(&(1..=64).map(long).collect::<Vec<_>>()).unwrap();
        let mut runs = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            if let Some((List::Messages(_), _)) = List::read(key) {
                runs.push(value.len());
            }
            Ok(ControlFlow::Continue(()))
        };
        store.engine().scan(vec![0]..vec![0xff], Direction::Up, &mut visit).unwrap();
        assert_eq!(
            (runs.len(), runs.iter().all(|bytes| *bytes < 42 << 10)),
            (16, true),
            "{runs:?}"
        );
        assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0.len(), 64);
    }

    #[test]
    fn a_page_is_bounded_in_bytes_and_paging_gets_everything() {
        let (store, _) = open(&MemoryEngine::default()).unwrap();
        for id in 1..=300 {
            let mut event = posted(BOB, Some(AMY), id);
            if let Event::Posted(Posted { message, .. }) = &mut event {
                Arc::make_mut(message).text = Text::parse(&"x".repeat(16 << 10), 16 << 10).unwrap();
            }
            store.commit(&[event]).unwrap();
        }
        for source in [Source::Mailbox(BOB), Source::Sent(AMY)] {
            let (newest, more) = ids(&store, source, Page::default());
            assert!(more && newest.len() < 100 && newest.last() == Some(&300), "{newest:?}");
            let (mut all, mut more) = (Vec::new(), true);
            while more {
                let page =
                    Page { after: Some(all.last().copied().unwrap_or(0)), ..Page::default() };
                let (next, left) = ids(&store, source, page);
                all.extend(next);
                more = left;
            }
            assert_eq!(all, (1..=300).collect::<Vec<_>>());
        }
    }

    #[test]
    fn records_and_the_highest_id_come_back() {
        let engine = MemoryEngine::default();
        let (store, events) = open(&engine).unwrap();
        assert_eq!(events, [Event::IdReached(0)]);
        let record = AccountRecord {
            name: Name::parse("amy").unwrap(),
            password: PasswordHash::new("x".into()),
            admin: false,
            created: Time(1),
        };
        let account = Event::AccountSet(AMY, record);
        store.commit(&[account.clone(), posted(BOB, Some(AMY), 9)]).unwrap();
        drop(store);
        let (store, mut events) = open(&engine).unwrap();
        assert!(matches!(events.pop(), Some(Event::ConversationReached(_, tip)) if tip.id == 9));
        assert_eq!(events, [Event::IdReached(9), account]);
        store.commit(&[Event::AccountRemoved(AMY)]).unwrap();
        assert_eq!(open(&engine).unwrap().1[..1], [Event::IdReached(9)]);
        assert_eq!(open(&engine).unwrap().1.len(), 2);
    }

    #[test]
    fn another_format_is_refused() {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        store.commit(&[]).unwrap();
        engine.overwrite(FORMAT_KEY, &[3]);
        assert!(matches!(open(&engine), Err(StoreError::Format { found: 3, known: 2 })));
    }

    #[test]
    fn what_went_missing_or_was_damaged_is_reported() {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        (1..=5).for_each(|id| store.commit(&[posted(BOB, None, id)]).unwrap());
        let whole = engine.image();
        engine.lose_last_batch();
        let reopened = open(&engine);
        assert!(reopened.is_err_and(|e| e.to_string().contains("the last 5 of 5 batches")));
        engine.restore(whole);
        let key = List::of(Source::Mailbox(BOB)).key(2);
        engine.overwrite(&key, b"\xff");
        assert!(matches!(
            store.read(Source::Mailbox(BOB), Page::default()),
            Err(StoreError::Corrupt(_))
        ));
    }

    #[test]
    fn a_failed_commit_leaves_nothing_to_read_and_the_store_recovers() {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        store.commit(&[posted(BOB, None, 1)]).unwrap();
        engine.fail_commits(true);
        assert!(store.commit(&[posted(BOB, None, 2)]).is_err());
        assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1]);
        engine.fail_commits(false);
        assert_eq!(store.reopen().unwrap()[0], Event::IdReached(1));
        store.commit(&[posted(BOB, None, 2)]).unwrap();
        assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1, 2]);
    }

    #[test]
    fn what_could_not_be_synced_is_on_disk_before_anything_follows_it() {
        for trusts_memory in [false, true] {
            let engine = MemoryEngine::default();
            let (store, _) = open(&engine).unwrap();
            store.commit(&[posted(BOB, None, 1)]).unwrap();
            engine.fail_syncs(true);
            assert!(store.commit(&[posted(BOB, None, 2)]).is_err());
            assert!(store.reopen().is_err());
            assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1]);
            engine.fail_syncs(false);
            if trusts_memory {
                engine.trust_memory();
            }
            assert_eq!(store.reopen().unwrap()[0], Event::IdReached(2));
            store.commit(&[posted(BOB, None, 3)]).unwrap();
            engine.crash(true);
            let opened =
                open(&engine).map(|(store, _)| ids(&store, Source::Mailbox(BOB), Page::default()));
            match trusts_memory {
                false => assert_eq!(opened.unwrap().0, [1, 2, 3]),
                true => assert!(matches!(opened, Err(StoreError::Corrupt(_)))),
            }
        }
    }

    #[test]
    fn what_became_of_a_batch_is_found_out_where_the_disk_lets_it() {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        let here = || ids(&store, Source::Mailbox(BOB), Page::default()).0;
        engine.fail_once(true);
        store.commit(&[posted(BOB, None, 1)]).unwrap();
        assert_eq!((here(), engine.acknowledged()), (vec![1], 1));
        engine.fail_once(false);
        let refused = store.commit(&[posted(BOB, None, 2)]);
        assert!(matches!(refused, Err(NotCommitted::Refused(_))), "{refused:?}");
        store.commit(&[posted(BOB, None, 3)]).unwrap();
        // A disk that does not let it.
        engine.fail_syncs(true);
        let unknown = store.commit(&[posted(BOB, None, 4)]);
        assert!(matches!(unknown, Err(NotCommitted::Unknown(_))), "{unknown:?}");
        // What is tried after that is not even written.
        let refused = store.commit(&[posted(BOB, None, 5)]);
        assert!(matches!(refused, Err(NotCommitted::Refused(_))), "{refused:?}");
        engine.fail_syncs(false);
        store.reopen().unwrap();
        assert_eq!(here(), [1, 3, 4]);
    }

    proptest! {
        #[test]
        fn pages_are_what_a_list_would_give(
            sizes in proptest::collection::vec(1u64..90, 0..4),
            after in proptest::option::of(0u64..200),
            before in proptest::option::of(0u64..200),
            limit in 1usize..120,
        ) {
            let (store, _) = open(&MemoryEngine::default()).unwrap();
            let mut count = 0;
            for size in sizes {
                let ids = count + 1..=count + size;
                let events: Vec<Event> = ids.map(|id| posted(BOB, Some(AMY), id)).collect();
                store.commit(&events).unwrap();
                count += size;
            }
            let within: Vec<u64> = (1..=count)
                .filter(|id| after.is_none_or(|a| *id > a) && before.is_none_or(|b| *id < b))
                .collect();
            let taken = within.len().min(limit);
            let expected = match after {
                Some(_) => &within[..taken],
                None => &within[within.len() - taken..],
            };
            let page = Page { after, before, limit };
            let (got, more) = ids(&store, Source::Mailbox(BOB), page);
            prop_assert_eq!(&got[..], expected);
            prop_assert_eq!(more, within.len() > limit);
            prop_assert_eq!(ids(&store, Source::Sent(AMY), page), (got, more));
        }

        #[test]
        fn a_crash_keeps_every_acknowledged_batch_and_at_most_one_more(
            sizes in proptest::collection::vec(1u64..4, 1..12),
            torn in any::<bool>(),
        ) {
            let engine = MemoryEngine::default();
            let (store, _) = open(&engine).unwrap();
            let mut id = 0;
            let mut batch = |size: u64| -> Vec<Event> {
                (0..size).map(|_| { id += 1; posted(BOB, None, id) }).collect()
            };
            for size in &sizes {
                store.commit(&batch(*size)).unwrap();
            }
            let acknowledged: u64 = sizes.iter().sum();
            engine.stop_before_sync();
            prop_assert!(store.commit(&batch(2)).is_err());
            engine.crash(torn);
            let (store, _) = open(&engine).unwrap();
            let kept = ids(&store, Source::Mailbox(BOB), Page::default()).0;
            let expected = if torn { acknowledged } else { acknowledged + 2 };
            prop_assert_eq!(kept, (1..=expected).collect::<Vec<_>>());
        }
    }
}
