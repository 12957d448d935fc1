//! TCP: who connects is let in.

use super::Doors;
use super::arrival::{Arrival, Caller};
use antar_text::{Dialect, Reply};
use antar_types::Code;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How long to wait before accepting again where the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long nothing comes from another machine before it is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(120);

/// How often it is asked, and how many times before the connection is broken off.
const PROBES: (Duration, u32) = (Duration::from_secs(30), 4);

/// After how long a machine from which nothing comes is taken to have vanished, in milliseconds.
const VANISHED: u32 = 1_000 * (SILENCE.as_secs() as u32 + PROBES.0.as_secs() as u32 * PROBES.1);

/// Connections the system may hold that have not been accepted yet.
const BACKLOG: i32 = 1024;

/// Binds an address without accepting yet; needs no runtime.
///
/// # Errors
/// What the system says: the port is taken, the address is not ours, …
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    keep_alive(&socket)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Has the system find out where the other machine has vanished, with data on their way to it or without.
/// Connections that are accepted inherit it from the socket that listens.
pub fn keep_alive(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, SILENCE)?;
    sockopt::set_tcp_keepintvl(&socket, PROBES.0)?;
    sockopt::set_tcp_keepcnt(&socket, PROBES.1)?;
    // No probe is sent while data are on their way: they are sent again instead, for a quarter of an hour
    // if nobody says otherwise.
    Ok(sockopt::set_tcp_user_timeout(&socket, VANISHED)?)
}

/// Bytes of a client's that the system keeps until it reads them. The system would keep some megabytes,
/// of each of thousands of clients. Linux takes it twice, for what it needs itself.
const UNREAD: usize = 128 << 10;

/// Has the system keep no more than [`UNREAD`]; links, which move much, are left as they are.
pub(super) fn bound_unread(stream: &TcpStream) {
    let _ = sockopt::set_socket_send_buffer_size(stream, UNREAD);
}

/// Accepts connections.
pub struct Listener {
    pub listener: tokio::net::TcpListener,
    pub doors: Arc<Doors>,
    /// Only HTTP is spoken here.
    pub web_only: bool,
}

impl Listener {
    /// Accepts until told to stop, then those who connected before. When it returns the hub knows of
    /// every connection that will still be served.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (arriving, mut all_arrived) = mpsc::channel(1);
        let arrivals =
            Arrivals { doors: self.doors, stop: stop.clone(), arriving, web_only: self.web_only };
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.changed() => break,
            };
            match accepted {
                Ok((stream, peer)) => arrivals.admit(stream, peer),
                Err(error) => {
                    // Out of descriptors or memory: those connected are served on.
                    if let Some(times) = arrivals.doors.admission.failed.happened() {
                        tracing::warn!(%error, times, "could not accept a connection");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        arrivals.admit_waiting(self.listener);
        drop(arrivals);
        // Nothing is ever sent: it ends when the last of them has dropped its sender.
        let _: Option<()> = all_arrived.recv().await;
    }
}

/// Lets connections in.
struct Arrivals {
    doors: Arc<Doors>,
    stop: watch::Receiver<bool>,
    arriving: mpsc::Sender<()>,
    web_only: bool,
}

impl Arrivals {
    /// Admits who is waiting now. That is asked of the system itself: the runtime may not have noticed
    /// them yet.
    fn admit_waiting(&self, listener: tokio::net::TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => self.admit(stream, peer),
                Err(error) => tracing::warn!(%error, "could not accept a connection"),
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let peer = peer.ip().to_canonical();
        // A reply is small and somebody waits for it.
        let _ = stream.set_nodelay(true);
        let Some(place) = self.doors.admission.enter(peer) else {
            if let Some(times) = self.doors.admission.refused.happened() {
                tracing::warn!(%peer, times, "too many connections; refused some");
            }
            self.doors.shared.connections.refused(Code::TooManyConnections);
            let mut refusal = Vec::new();
            Reply::from(Code::TooManyConnections).encode(Dialect::Lower, &mut refusal);
            let _ = stream.try_write(&refusal);
            return;
        };
        let (doors, stop, arriving) =
            (self.doors.clone(), self.stop.clone(), self.arriving.clone());
        let web_only = self.web_only;
        let caller = Caller { peer, began: Instant::now(), doors, place, stop, arriving, web_only };
        tokio::spawn(Arrival { stream, caller }.serve());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_vanishes_is_noticed_whether_data_are_on_their_way_or_not() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(sockopt::socket_keepalive(&accepted).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&accepted).unwrap(), SILENCE);
        // As docs/limits.md has it: four minutes.
        assert_eq!(sockopt::tcp_user_timeout(&accepted).unwrap(), 240_000);
    }
}
