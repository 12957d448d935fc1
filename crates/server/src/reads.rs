//! History, served from the store off the hub.

use antar_realm::Read;
use antar_store::Store;
use antar_wire::{Body, Code, Reply};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads at once; more wait their turn.
const AT_ONCE: usize = 4;

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

    /// The reply to a read. A message that is damaged on disk is reported, not served.
    pub async fn serve(&self, read: Read) -> Reply {
        let _turn = self.turns.acquire().await;
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || store.read(read.source, read.page)).await;
        match done {
            Ok(Ok((messages, more))) => Body::Messages(read.listing, messages, more).into(),
            Ok(Err(error)) => {
                tracing::error!(%error, "a read failed");
                Code::Unavailable.into()
            }
            Err(error) => {
                tracing::error!(%error, "a read failed");
                Code::Unavailable.into()
            }
        }
    }
}
