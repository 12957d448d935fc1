//! TCP.

use super::Gate;
use crate::session;
use antar_realm::Origin;
use antar_wire::{Code, Dialect, Reply};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How long to wait before accepting again where the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections the system may hold that have not been accepted yet.
const BACKLOG: u32 = 1024;

/// Binds an address without accepting yet.
///
/// # Errors
/// What the system says: the port is taken, the address is not ours, …
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts chat connections.
pub struct Listener {
    pub listener: TcpListener,
    pub gate: Arc<Gate>,
}

impl Listener {
    /// Accepts until told to stop, then those who connected before.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.changed() => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    // Out of descriptors or memory: those connected are served on.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        while let Some(Ok((stream, peer))) = session::now_or_never(self.listener.accept()).await {
            self.admit(stream, peer);
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        // A reply is small and somebody waits for it.
        let _ = stream.set_nodelay(true);
        let Some(place) = self.gate.enter(address) else {
            tracing::warn!(peer = %address, "too many connections; refused one");
            let mut refusal = Vec::new();
            Reply::from(Code::TooManyConnections).encode(Dialect::Lower, &mut refusal);
            let _ = stream.try_write(&refusal);
            return;
        };
        let conn = self.gate.next_conn();
        tokio::spawn(async move {
            session::serve(stream, conn, Origin::Client(address), &place.gate.shared).await;
        });
    }
}
