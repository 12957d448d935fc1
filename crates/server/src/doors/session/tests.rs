//! Sessions without a network.

use super::*;
use crate::Config;
use crate::identity::Identity;
use antar_store::{MemoryEngine, Store};
use antar_types::Name;
use std::pin::Pin;
use std::task::Context;
use tokio::io::ReadBuf;

/// A stream that panics when it is read.
struct Cursed;

impl AsyncRead for Cursed {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        panic!("planted")
    }
}

impl AsyncWrite for Cursed {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        all: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(all.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The hub hears that the connection is gone: else it would wait for it when the realm stops.
#[test]
fn a_panic_ends_its_connection_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let name = Name::parse("alpha").unwrap();
        let identity = Identity::open_or_make(directory.path(), &name).unwrap();
        let (hub, mut inbox) = mpsc::channel(8);
        let store = Store::open(Box::new(MemoryEngine::default())).unwrap().0;
        let (_rules, guard) = Guard::new(&Config::default());
        let connections = Arc::new(Connections::default());
        let shared = Shared {
            hub,
            reads: Reads::new(Arc::new(store)),
            guard,
            tls: Arc::new(Tls::new(&identity)),
            connections: connections.clone(),
            ledger: Ledger::new(&Config::default().limits),
        };
        serve(Cursed, ConnId(7), Origin::Operator, &shared).await;
        assert!(matches!(inbox.recv().await, Some(ToHub::Connected(ConnId(7), ..))));
        assert!(matches!(inbox.recv().await, Some(ToHub::Disconnected(ConnId(7)))));
        assert_eq!(connections.ends(End::Failed), 1);
    });
}
