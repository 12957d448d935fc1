//! Reaching other realms: calls over TLS, and single requests to those that know only the documents.

use crate::descriptors::Descriptors;
use crate::listen::{Admission, keep_alive};
use crate::metrics::Transport;
use crate::session;
use crate::tls::ConnectError;
use antar_domain::links::{Address, Ask, NotAsked, NotDialled, PIECE, Told, is_whole};
use antar_domain::{DialId, Origin, may_dial};
use antar_types::END;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a plain peer may take to answer: it hangs where it does not know a user (protocol section
/// 6).
const ANSWER: Duration = Duration::from_secs(3);

/// Bytes of a plain peer's answer that are read. Of a longer one what has come by then is taken: its
/// lists begin with the newest.
const LONGEST: usize = 4 << 20;

/// Bytes past which an answer is long: only so many of them are read at once, so that neither memory nor
/// time is anybody's who makes peers answer at length.
const LONG: (usize, usize) = (64 << 10, 4);

/// Between the pieces of a request that would otherwise be cut inside a character.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls other realms.
#[derive(Clone)]
pub struct Peers {
    /// Set once; does not keep the server alive.
    admission: Arc<OnceLock<Weak<Admission>>>,
    /// A permit for each long answer.
    long: Arc<Semaphore>,
    /// A permit for each connection made for a link, and for each request to a plain peer: together they
    /// leave descriptors for the data.
    links: Arc<Semaphore>,
    asks: Arc<Semaphore>,
}

impl Peers {
    /// Calls as many as there are descriptors for.
    pub fn new(room: Descriptors) -> Self {
        let permits = |n: usize| Arc::new(Semaphore::new(n.min(Semaphore::MAX_PERMITS)));
        let (long, links, asks) = (permits(LONG.1), permits(room.links), permits(room.asks));
        Self { admission: Arc::default(), long, links, asks }
    }

    /// Connections that come about are served through this door.
    pub fn serve_through(&self, admission: &Arc<Admission>) {
        let _ = self.admission.set(Arc::downgrade(admission));
    }

    /// Calls a realm. Where it answers, the connection is served until it ends, and the hub hears of
    /// it as of any other.
    ///
    /// # Errors
    /// Where nobody answers, or not in TLS.
    pub async fn dial(&self, dial: DialId, address: &Address) -> Result<(), NotDialled> {
        let admission = self.admission.get().and_then(Weak::upgrade);
        let admission =
            admission.ok_or_else(|| not_dialled("the server is shutting down", None))?;
        let place = place(&self.links).map_err(|e| not_dialled(&e.to_string(), None))?;
        let stream = connect(address, |_| None).await;
        let stream = stream.map_err(|e| not_dialled(&e.to_string(), None))?;
        let (peer, local) = ends(&stream).map_err(|e| not_dialled(&e.to_string(), None))?;
        let (stream, key) =
            admission.shared.tls.connect(stream).await.map_err(|error| match error {
                ConnectError::NoTls => not_dialled("nobody there speaks TLS", Some(peer)),
                error => not_dialled(&error.to_string(), None),
            })?;
        let origin = Origin::Dialled { dial, key, peer, local };
        let conn = admission.next_conn();
        // The admission is not held while the link lasts: its hub's channel would be kept open by it.
        tokio::spawn(async move {
            let _open = admission.shared.connections.open(Transport::over_tls(origin));
            session::serve(stream, conn, origin, &admission.shared).await;
            drop(place);
        });
        Ok(())
    }

    /// Sends one request to a plain peer over a connection of its own, and returns its answer and its
    /// address.
    ///
    /// # Errors
    /// Where it does not answer in time, or may not be a plain peer.
    pub async fn ask(&self, ask: &Ask) -> Result<(Told, IpAddr), NotAsked> {
        let not = |sent: bool| move |e: io::Error| NotAsked { error: e.to_string(), sent };
        let admission = self.admission.get().and_then(Weak::upgrade);
        let admission =
            admission.ok_or_else(|| not(false)(io::Error::other("the server is shutting down")))?;
        let rules = admission.shared.guard.rules();
        drop(admission);
        let _place = place(&self.asks).map_err(not(false))?;
        let stream = connect(&ask.address, |at| rules.plain_peers.refusal(at)).await;
        let mut stream = stream.map_err(not(false))?;
        let (peer, local) = ends(&stream).map_err(not(false))?;
        let line = match ask.with_source {
            Some(port) => format!("{} {local} {port}\r\n", ask.line),
            None => format!("{}\r\n", ask.line),
        };
        let answered = async {
            write_in_pieces(&mut stream, &line).await?;
            self.read_answer(&mut stream).await
        };
        let limit = ANSWER + PAUSE * u32::try_from(line.len() / PIECE).unwrap_or(0);
        match timeout(limit, answered).await {
            Ok(answer) => answer.map(|answer| (answer, peer)).map_err(not(true)),
            Err(_) => Err(not(true)(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))),
        }
    }

    /// Reads an answer and makes what it tells of it, a long one on a thread where nobody waits for it.
    async fn read_answer(&self, stream: &mut TcpStream) -> io::Result<Told> {
        let (mut answer, mut buffer, mut permit) = (Vec::new(), [0; 4096], None);
        let cut = loop {
            match stream.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => answer.extend_from_slice(&buffer[..n]),
            }
            if answer.ends_with(END) {
                break false;
            }
            if answer.len() > LONGEST {
                break true;
            }
            if permit.is_none() && answer.len() > LONG.0 {
                permit = self.long.clone().acquire_owned().await.ok();
            }
        };
        if permit.is_none() {
            return told(&answer, cut);
        }
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            told(&answer, cut)
        })
        .await?
    }
}

fn told(answer: &[u8], cut: bool) -> io::Result<Told> {
    if let Err(error) = std::str::from_utf8(answer)
        && !cut
    {
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(Told::read(answer, cut))
}

/// A place for a connection that this realm makes.
fn place(places: &Arc<Semaphore>) -> io::Result<OwnedSemaphorePermit> {
    let full = "the limit on open files leaves no room for one more call; raise it (ulimit -n, LimitNOFILE)";
    places
        .clone()
        .try_acquire_owned()
        .map_err(|_| io::Error::new(io::ErrorKind::QuotaExceeded, full))
}

fn not_dialled(error: &str, plain: Option<IpAddr>) -> NotDialled {
    NotDialled { error: error.into(), plain }
}

fn ends(stream: &TcpStream) -> io::Result<(IpAddr, IpAddr)> {
    Ok((stream.peer_addr()?.ip().to_canonical(), stream.local_addr()?.ip().to_canonical()))
}

/// Connects to the first of an address's addresses that answers and may be called.
async fn connect(
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

/// Writes a request so that a plain peer can read it: it takes up to 32 bytes at once and decodes them
/// by themselves. Where blanks could not keep the characters whole, the pieces are sent apart.
async fn write_in_pieces(stream: &mut TcpStream, line: &str) -> io::Result<()> {
    if is_whole(line) {
        return stream.write_all(line.as_bytes()).await;
    }
    let mut rest = line;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        stream.write_all(piece.as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
        rest = after;
    }
    Ok(())
}
