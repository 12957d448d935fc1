//! Calls to other realms: a connection that this realm makes is served like one that came in.

use super::{Doors, keep_alive, session};
use crate::hub::ToHub;
use crate::metrics::Transport;
use crate::tls::ConnectError;
use antar_domain::links::{Address, NotDialled};
use antar_domain::{DialId, Origin, may_dial};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// Calls that wait to be made: more than there are links and users' calls at once.
const WAITING: usize = 4_096;

/// Why no more calls can be made.
pub const FULL: &str =
    "the limit on open files leaves no room for one more call; raise it (ulimit -n, LimitNOFILE)";

/// The hub's way to have other realms called.
#[derive(Clone)]
pub struct Calls(mpsc::Sender<(DialId, Address)>);

impl Calls {
    /// The way, and where the calls come out.
    pub fn new() -> (Self, mpsc::Receiver<(DialId, Address)>) {
        let (calls, made) = mpsc::channel(WAITING);
        (Self(calls), made)
    }

    /// Has a realm called. The hub hears of the connection as of any other, or why there is none.
    ///
    /// # Errors
    /// Where no call can be made any more.
    pub fn make(&self, dial: DialId, address: Address) -> Result<(), NotDialled> {
        self.0.try_send((dial, address)).map_err(|_| not_dialled("too many calls at once", None))
    }
}

/// Makes the calls, and serves the connections that come of them.
pub struct Dialler {
    calls: mpsc::Receiver<(DialId, Address)>,
    /// Does not keep the hub's channel open.
    doors: Weak<Doors>,
    /// A permit for each connection, so that they leave descriptors for the data.
    places: Arc<Semaphore>,
}

impl Dialler {
    /// Makes so many connections at once.
    pub fn new(
        calls: mpsc::Receiver<(DialId, Address)>,
        doors: &Arc<Doors>,
        places: usize,
    ) -> Self {
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { calls, doors: Arc::downgrade(doors), places }
    }

    /// Runs until the hub is gone.
    pub async fn run(mut self) {
        while let Some((dial, address)) = self.calls.recv().await {
            let Some(doors) = self.doors.upgrade() else { return };
            let place = self.places.clone().try_acquire_owned();
            tokio::spawn(async move {
                let Err(why) = call(&doors, dial, &address, place.ok()).await else { return };
                let _ = doors.shared.hub.send(ToHub::NotDialled(dial, why)).await;
            });
        }
    }
}

/// Calls a realm, and serves the connection until it ends.
async fn call(
    doors: &Doors,
    dial: DialId,
    address: &Address,
    place: Option<OwnedSemaphorePermit>,
) -> Result<(), NotDialled> {
    let place = place.ok_or_else(|| not_dialled(FULL, None))?;
    let stream = connect(address, |_| None).await;
    let stream = stream.map_err(|e| not_dialled(&e.to_string(), None))?;
    let (peer, local) = ends(&stream).map_err(|e| not_dialled(&e.to_string(), None))?;
    let (stream, key) = doors.shared.tls.connect(stream).await.map_err(|error| match error {
        ConnectError::NoTls => not_dialled("nobody there speaks TLS", Some(peer)),
        error => not_dialled(&error.to_string(), None),
    })?;
    let origin = Origin::Dialled { dial, key, peer, local };
    let _open = doors.shared.connections.open(Transport::over_tls(origin));
    session::serve(stream, doors.next_conn(), origin, &doors.shared).await;
    drop(place);
    Ok(())
}

fn not_dialled(error: &str, plain: Option<IpAddr>) -> NotDialled {
    NotDialled { error: error.into(), plain }
}

/// The addresses of a connection's two ends, theirs first.
pub fn ends(stream: &TcpStream) -> io::Result<(IpAddr, IpAddr)> {
    Ok((stream.peer_addr()?.ip().to_canonical(), stream.local_addr()?.ip().to_canonical()))
}

/// Connects to the first of an address's addresses that answers and may be called.
pub async fn connect(
    address: &Address,
    refusal: impl Fn(IpAddr) -> Option<String>,
) -> io::Result<TcpStream> {
    let host = (&*address.host, address.port);
    let found = timeout(CONNECT, tokio::net::lookup_host(host)).await??;
    let allowed = |at: &SocketAddr| address.told_by.is_none_or(|by| may_dial(at.ip(), by));
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address that may be called");
    for at in found.filter(allowed) {
        if let Some(why) = refusal(at.ip()) {
            last = io::Error::new(io::ErrorKind::PermissionDenied, why);
            continue;
        }
        match timeout(CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                keep_alive(&stream)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no connection in time"),
        }
    }
    Err(last)
}
