//! History, served from the store off the hub.

use antar_realm::links::{Position, Unreadable};
use antar_realm::{Page, Read, RealmId, Source};
use antar_store::{Store, StoreError};
use antar_wire::{Chain, Code, Entry, Message, Reply};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads at once; more wait their turn.
const AT_ONCE: usize = 4;

/// How many messages before one are looked at for the same.
const SAME_AMONG: u64 = 1_000;

/// Serves reads that the domain has authorised.
#[derive(Clone)]
pub struct Reads {
    store: Arc<Store>,
    turns: Arc<Semaphore>,
}

impl Reads {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Has the store read something; what goes wrong is for the log.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let _turn = self.turns.acquire().await;
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || read(&store)).await;
        match done {
            Ok(Ok(read)) => return Some(read),
            Ok(Err(error)) => tracing::error!(%error, "a read failed"),
            Err(error) => tracing::error!(%error, "a read failed"),
        }
        None
    }

    /// The reply to a read. A message that is damaged on disk is reported, not served.
    pub async fn serve(&self, read: Read) -> Reply {
        let (source, page) = (read.source, read.page);
        match self.read(move |store| store.read(source, page)).await {
            Some((messages, more)) => read.reply(messages, more),
            None => Code::Unavailable.into(),
        }
    }

    /// The hashes of logs at an entry, of those that have it; `None` where they cannot be read.
    pub async fn chains(&self, sources: Vec<Source>, seq: u64) -> Option<Vec<Chain>> {
        let chains = move |store: &Store| {
            let each = sources.into_iter().filter_map(|s| store.chain(s, seq).transpose());
            each.collect()
        };
        self.read(chains).await
    }

    /// Entries of what a realm is owed.
    pub async fn owed(
        &self,
        realm: RealmId,
        first: u64,
        last: u64,
    ) -> Option<Vec<(Position, Arc<Entry>)>> {
        self.read(move |store| store.owed(realm, first, last)).await
    }

    /// The newest messages of a mailbox, a page of them.
    pub async fn tail(&self, source: Source) -> Result<Vec<Message>, Unreadable> {
        let read = self.read(move |store| store.read(source, Page::default())).await;
        read.map(|(messages, _)| messages).ok_or(Unreadable)
    }

    /// An entry that is to be carried to a plain peer, and how many before it, from `since` on, say
    /// the same.
    pub async fn errand(
        &self,
        realm: RealmId,
        seq: u64,
        since: u64,
    ) -> Result<Option<(Entry, usize)>, Unreadable> {
        let before = seq.saturating_sub(SAME_AMONG).max(since);
        let mut owed = self.owed(realm, before.max(1), seq).await.ok_or(Unreadable)?;
        let Some((at, entry)) = owed.pop() else { return Ok(None) };
        let same = |other: &Entry| {
            (&other.from, &other.to, &other.text) == (&entry.from, &entry.to, &entry.text)
        };
        let earlier = owed.iter().filter(|(_, other)| same(other)).count();
        Ok((at.seq == seq).then(|| (Arc::unwrap_or_clone(entry), earlier)))
    }
}
