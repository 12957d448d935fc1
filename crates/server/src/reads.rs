//! History, served from the store off the hub.

use crate::admission::{FairSemaphore, Whom};
use crate::panics::contain_here;
use antar_domain::links::{NamesLookup, Position, Quote, Unreadable};
use antar_domain::{
    ChangesQuery, FoundChanges, FoundMessages, FoundOld, FoundOwn, Located, MessageLookup,
    NewestQuery, OldQuery, Outcome, OwnQuery, PeerId, Place, PlacedMessage, Read, ReferenceLookup,
    Referred, SearchQuery, Source, Tag,
};
use antar_runner::tail;
use antar_store::{Store, StoreError};
use antar_text as text;
use antar_types::{Chain, Code, Entry, Message};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads at once; more wait their turn, which goes round by address.
const AT_ONCE: usize = 4;

/// Searches at once, besides: one takes a processor for a moment, and whoever reads a history waits for none.
const SEARCHES: usize = 1;

fn written(tag: Tag, outcome: Outcome) -> Vec<u8> {
    let mut reply = Vec::with_capacity(outcome.memory());
    text::write(tag, outcome, &mut reply);
    reply
}

/// Serves reads that the domain has authorised.
#[derive(Clone)]
pub struct Reads {
    store: Arc<Store>,
    turns: FairSemaphore,
    searches: FairSemaphore,
    /// Reads that failed.
    failed: Arc<AtomicU64>,
}

impl Reads {
    pub fn new(store: Arc<Store>) -> Self {
        let (turns, searches) = (FairSemaphore::new(AT_ONCE), FairSemaphore::new(SEARCHES));
        Self { store, turns, searches, failed: Arc::default() }
    }

    /// How many reads failed, now and later.
    pub fn failed(&self) -> Arc<AtomicU64> {
        self.failed.clone()
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Has the store read something; what goes wrong is for the log.
    async fn read<T: Send + 'static>(
        &self,
        whom: Whom,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        self.read_in_turn(&self.turns, whom, read).await
    }

    /// The same, among those who wait for such turns.
    async fn read_in_turn<T: Send + 'static>(
        &self,
        turns: &FairSemaphore,
        whom: Whom,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        // As many may wait as there are connections: each has one at most.
        let _turn = turns.take(whom, usize::MAX).await;
        let store = self.store.clone();
        // Damage on disk that makes a read panic is that read's, and no reason to end.
        let done = tokio::task::spawn_blocking(move || contain_here(|| read(&store))).await;
        match done {
            Ok(Some(Ok(read))) => return Some(read),
            Ok(Some(Err(error))) => tracing::error!(%error, "a read failed"),
            Ok(None) => tracing::error!("a read panicked"),
            Err(error) => tracing::error!(%error, "a read failed"),
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// The reply to a request that reads. A message that is damaged on disk is reported, not served.
    pub async fn reply(&self, whom: Whom, tag: Tag, read: Read) -> Vec<u8> {
        let served = move |store: &Store| {
            let outcome = read.outcome(|source, page| store.read(source, page))?;
            // Here, and not where it is sent: the memory of many messages is best let go of by the thread
            // that has taken it.
            Ok(written(tag, outcome))
        };
        let served = self.read(whom, served).await;
        served.unwrap_or_else(|| written(tag, Code::Unavailable.into()))
    }

    /// The hashes of logs at an entry, of those that have it; `None` where they cannot be read.
    pub async fn chains(&self, sources: Vec<Source>, seq: u64) -> Option<Vec<Chain>> {
        let chains = move |store: &Store| {
            let each = sources.into_iter().filter_map(|s| store.chain(s, seq).transpose());
            each.collect()
        };
        self.read(None, chains).await
    }

    /// Which of these notices are about what that account wrote; `None` where that cannot be read.
    pub async fn wrote(&self, quotes: Vec<Quote>) -> Option<Vec<(Quote, bool)>> {
        self.read(None, move |store| store.wrote(quotes)).await
    }

    /// The last message up to a place; `None` where it cannot be read.
    pub async fn locate(&self, whom: Whom, place: Box<Place>) -> Option<Located> {
        self.read(whom, move |store| store.locate(&place)).await
    }

    /// What an account has called so; `None` where that cannot be read.
    pub async fn referred(&self, whom: Whom, lookup: ReferenceLookup) -> Option<Option<Referred>> {
        self.read(whom, move |store| store.referred(&lookup)).await
    }

    /// A message as it is now; `None` where it cannot be read.
    pub async fn message(
        &self,
        whom: Whom,
        lookup: MessageLookup,
    ) -> Option<Option<PlacedMessage>> {
        self.read(whom, move |store| store.message(&lookup)).await
    }

    /// The newest messages of a conversation; `None` where they cannot be read.
    pub async fn newest(&self, query: NewestQuery) -> Option<Vec<Message>> {
        self.read(None, move |store| store.newest(&query)).await
    }

    /// Messages that a peer names, as they are now; `None` where they cannot be read.
    pub async fn named(&self, lookup: NamesLookup) -> Option<Vec<Option<PlacedMessage>>> {
        self.read(None, move |store| store.named(&lookup)).await
    }

    /// What is new; `None` where it cannot be read.
    pub async fn changes(&self, whom: Whom, query: ChangesQuery) -> Option<FoundChanges> {
        self.read(whom, move |store| store.changes(&query)).await
    }

    /// Messages that have certain words in them; `None` where they cannot be read.
    pub async fn search(&self, whom: Whom, query: SearchQuery) -> Option<FoundMessages> {
        self.read_in_turn(&self.searches, whom, move |store| store.search(&query)).await
    }

    /// Which messages are older than is kept; `None` where that cannot be read.
    pub async fn old(&self, query: Box<OldQuery>) -> Option<Vec<Option<FoundOld>>> {
        self.read(None, move |store| store.old(&query)).await
    }

    /// What is a user's in a stretch of a conversation; `None` where that cannot be read.
    pub async fn own(&self, query: Box<OwnQuery>) -> Option<FoundOwn> {
        self.read(None, move |store| store.own(&query)).await
    }

    /// Entries of what a realm is owed.
    pub async fn owed(
        &self,
        peer: PeerId,
        first: u64,
        last: u64,
    ) -> Option<Vec<(Position, Arc<Entry>)>> {
        self.read(None, move |store| store.owed(peer, first, last)).await
    }

    /// The newest messages of a list.
    pub async fn tail(&self, source: Source) -> Result<Vec<Message>, Unreadable> {
        let tail = move |store: &Store| tail(source, |source, page| store.read(source, page));
        self.read(None, tail).await.ok_or(Unreadable)
    }
}
