//! Single requests to realms that know only the two documents.

use crate::admission::Guard;
use crate::doors::{FULL, connect, ends};
use antar_domain::links::{Ask, NotAsked, Told};
use antar_text::{PIECE, is_whole, plain_answer, plain_request};
use antar_types::END;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

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

/// Asks plain peers.
#[derive(Clone)]
pub struct Peers {
    guard: Guard,
    /// A permit for each long answer.
    long: Arc<Semaphore>,
    /// A permit for each request, so that they leave descriptors for the data.
    asks: Arc<Semaphore>,
}

impl Peers {
    /// Asks as many at once as there are descriptors for.
    pub fn new(guard: Guard, asks: usize) -> Self {
        let permits = |n: usize| Arc::new(Semaphore::new(n.min(Semaphore::MAX_PERMITS)));
        Self { guard, long: permits(LONG.1), asks: permits(asks) }
    }

    /// Sends one request to a plain peer over a connection of its own, and returns its answer and its
    /// address.
    ///
    /// # Errors
    /// Where it does not answer in time, or may not be a plain peer.
    pub async fn ask(&self, ask: &Ask) -> Result<(Told, IpAddr), NotAsked> {
        let not = |sent: bool| move |e: io::Error| NotAsked { error: e.to_string(), sent };
        let rules = self.guard.rules();
        let _place = place(&self.asks).map_err(not(false))?;
        let stream = connect(&ask.address, |at| rules.plain_peers.refusal(at)).await;
        let mut stream = stream.map_err(not(false))?;
        let (peer, local) = ends(&stream).map_err(not(false))?;
        let line = format!("{}\r\n", plain_request(ask, local));
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
    Ok(plain_answer(answer, cut))
}

/// A place for a connection that this realm makes.
fn place(places: &Arc<Semaphore>) -> io::Result<OwnedSemaphorePermit> {
    places
        .clone()
        .try_acquire_owned()
        .map_err(|_| io::Error::new(io::ErrorKind::QuotaExceeded, FULL))
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
