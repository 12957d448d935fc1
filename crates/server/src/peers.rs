//! Reaching other realms: calls over TLS, and single requests to those that know only the documents.

use crate::listen::Gate;
use crate::metrics::Way;
use crate::session;
use crate::tls::ConnectError;
use antar_realm::links::{Address, Ask, NotAsked, NotDialled, PIECE, is_whole};
use antar_realm::{DialId, Origin, may_dial};
use antar_wire::END;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a plain peer may take to answer: it hangs where it does not know a user (protocol section
/// 6).
const ANSWER: Duration = Duration::from_secs(3);

/// The longest answer of a plain peer, in bytes.
const LONGEST: usize = 16 << 20;

/// Between the pieces of a request that would otherwise be cut inside a character.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls other realms.
#[derive(Clone, Default)]
pub struct Peers {
    /// Set once; does not keep the server alive.
    gate: Arc<OnceLock<Weak<Gate>>>,
}

impl Peers {
    /// Connections that come about are served through this gate.
    pub fn serve_through(&self, gate: &Arc<Gate>) {
        let _ = self.gate.set(Arc::downgrade(gate));
    }

    /// Calls a realm. Where it answers, the connection is served until it ends, and the hub hears of
    /// it as of any other.
    ///
    /// # Errors
    /// Where nobody answers, or not in TLS.
    pub async fn dial(&self, dial: DialId, address: &Address) -> Result<(), NotDialled> {
        let gate = self.gate.get().and_then(Weak::upgrade);
        let gate = gate.ok_or_else(|| not_dialled("the server is shutting down", None))?;
        let stream = connect(address, |_| None).await;
        let stream = stream.map_err(|e| not_dialled(&e.to_string(), None))?;
        let (peer, local) = ends(&stream).map_err(|e| not_dialled(&e.to_string(), None))?;
        let (stream, key) = gate.shared.tls.connect(stream).await.map_err(|error| match error {
            ConnectError::NoTls => not_dialled("nobody there speaks TLS", Some(peer)),
            error => not_dialled(&error.to_string(), None),
        })?;
        let origin = Origin::Dialled { dial, key, peer, local };
        let conn = gate.next_conn();
        // The gate is not held while the link lasts: its hub's channel would be kept open by it.
        tokio::spawn(async move {
            let _open = gate.shared.connections.open(Way::over_tls(origin));
            session::serve(stream, conn, origin, &gate.shared).await;
        });
        Ok(())
    }

    /// Sends one request to a plain peer over a connection of its own, and returns its answer and its
    /// address.
    ///
    /// # Errors
    /// Where it does not answer in time, or may not be a plain peer.
    pub async fn ask(&self, ask: &Ask) -> Result<(String, IpAddr), NotAsked> {
        let not = |sent: bool| move |e: io::Error| NotAsked { error: e.to_string(), sent };
        let gate = self.gate.get().and_then(Weak::upgrade);
        let gate =
            gate.ok_or_else(|| not(false)(io::Error::other("the server is shutting down")))?;
        let rules = gate.shared.guard.rules();
        drop(gate);
        let stream = connect(&ask.address, |at| rules.plain_peers.refusal(at)).await;
        let mut stream = stream.map_err(not(false))?;
        let (peer, local) = ends(&stream).map_err(not(false))?;
        let line = match ask.with_source {
            Some(port) => format!("{} {local} {port}\r\n", ask.line),
            None => format!("{}\r\n", ask.line),
        };
        let answered = async {
            write_in_pieces(&mut stream, &line).await?;
            read_answer(&mut stream).await
        };
        let limit = ANSWER + PAUSE * u32::try_from(line.len() / PIECE).unwrap_or(0);
        match timeout(limit, answered).await {
            Ok(answer) => answer.map(|answer| (answer, peer)).map_err(not(true)),
            Err(_) => Err(not(true)(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))),
        }
    }
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

async fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => answer.extend_from_slice(&buffer[..n]),
        }
        if answer.ends_with(END) {
            break;
        }
        if answer.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no end"));
        }
    }
    String::from_utf8(answer).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}
