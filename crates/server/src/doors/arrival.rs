//! A connection that came in: its first bytes tell what is spoken on it.
//!
//! The first byte tells TLS from everything else. Where the first bytes may be an HTTP request's, the first line
//! is read to tell it from chat, over TLS too; a connection on which chat is spoken in the clear, which most are,
//! is never read before its session reads it.

use super::Doors;
use super::session::{self, Session};
use super::tcp::bound_unread;
use super::web;
use crate::admission::Place;
use crate::metrics::Transport;
use crate::tls;
use antar_domain::Origin;
use antar_text::{Dialect, Reply};
use antar_types::Code;
use antar_web::answer::refusal;
use antar_web::{
    FIRST_LINE, FirstLine, HEAD_TIME, PROXY_HEADER, Prefixed, SIGNATURE, StatusCode, Stream,
    addressed, begins_request, first_line, length, may_begin,
};
use rustix::net::RecvFlags;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

/// Bytes that are looked at: enough to tell a method that HTTP has and chat has not.
const FIRST: usize = 5;

/// A connection that has not shown yet what is spoken on it.
pub(super) struct Arrival {
    pub stream: TcpStream,
    pub caller: Caller,
}

/// Who has connected, and what goes with the connection.
pub(super) struct Caller {
    pub peer: IpAddr,
    pub began: Instant,
    pub doors: Arc<Doors>,
    pub place: Place,
    pub stop: watch::Receiver<bool>,
    /// Dropped once the hub knows of it, or it has ended.
    pub arriving: mpsc::Sender<()>,
    /// Only HTTP is spoken where it came in.
    pub web_only: bool,
}

/// What is spoken on a connection.
enum Spoken {
    /// It was refused.
    Nothing,
    /// TLS, and inside it anything.
    Tls,
    /// Chat or HTTP; this was read of it.
    Unknown(Vec<u8>),
    /// Chat, in the clear.
    Chat,
}

impl Arrival {
    pub async fn serve(mut self) {
        // Boxed, so that the many plain connections need not have room for the others.
        match self.spoken().await {
            Spoken::Nothing => return,
            Spoken::Tls => return Box::pin(self.serve_tls()).await,
            Spoken::Unknown(read) => {
                bound_unread(&self.stream);
                let Self { stream, caller } = self;
                return Box::pin({
                    let origin = Origin::Client(caller.peer);
                    caller.talk(Box::new(stream), read, (origin, Transport::Plain))
                })
                .await;
            }
            Spoken::Chat => {}
        }
        // Also one that has ended, has had its time, or is there when the server stops: to answer,
        // to end and to log them is the session's.
        let Self { stream, caller: Caller { peer, began, doors, place, arriving, .. } } = self;
        bound_unread(&stream);
        let _open = doors.shared.connections.open(Transport::Plain);
        serve(stream, Origin::Client(peer), began, &doors, arriving).await;
        drop(place);
    }

    /// Finds out what is spoken, as far as the first bytes tell.
    async fn spoken(&mut self) -> Spoken {
        let rules = self.caller.doors.shared.guard.rules();
        let may_be_plain = rules.may_be_plain(self.caller.peer);
        if rules.web.trusts(self.caller.peer) {
            match Box::pin(self.hear_proxy()).await {
                Ok(read) if read.is_empty() => {}
                Ok(_) if !may_be_plain => return self.refuse_plain(false),
                Ok(read) => return Spoken::Unknown(read),
                Err(error) => {
                    let peer = self.caller.peer;
                    tracing::info!(%peer, %error, "a proxy's connection was refused");
                    return Spoken::Nothing;
                }
            }
        }
        let (first, many) = self.first_bytes().await;
        let is_http = may_begin(&first[..many]);
        match first[..many].first() {
            Some(&tls::HELLO) => Spoken::Tls,
            Some(_) if !may_be_plain => self.refuse_plain(is_http),
            _ if is_http || self.caller.web_only => Spoken::Unknown(Vec::new()),
            _ => Spoken::Chat,
        }
    }

    /// Says that only TLS is spoken, in HTTP or in chat.
    fn refuse_plain(&self, http: bool) -> Spoken {
        let mut said = Vec::new();
        if http || self.caller.web_only {
            said = refusal(StatusCode::FORBIDDEN, "this realm is asked over TLS only: https\n");
        } else {
            Reply::from(Code::TlsRequired).encode(Dialect::Lower, &mut said);
        }
        self.caller.doors.shared.connections.refused(Code::TlsRequired);
        let _ = self.stream.try_write(&said);
        Spoken::Nothing
    }

    /// The first bytes, which stay to be read, and how many there are: none where they do not come, not in
    /// time, or not before the server stops.
    async fn first_bytes(&mut self) -> ([u8; FIRST], usize) {
        let mut first = [0; FIRST];
        let deadline = self.caller.deadline();
        let Self { stream, caller } = self;
        tokio::select! {
            biased;
            peeked = stream.peek(&mut first) => return (first, peeked.unwrap_or(0)),
            () = stopped(&mut caller.stop) => {}
            () = session::sleep_until(deadline) => return (first, 0),
        }
        // The runtime may not have noticed yet what came before the stop.
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let there = rustix::net::recv(&self.stream, &mut first, flags).map_or(0, |(_, n)| n);
        if there > 0 {
            let _ = self.stream.readable().await;
        }
        (first, there)
    }

    async fn serve_tls(self) {
        let deadline = self.caller.deadline();
        let Self { stream, caller } = self;
        let (doors, mut stop) = (caller.doors.clone(), caller.stop.clone());
        let (admission, rules) = (&doors.admission, doors.shared.guard.rules());
        let handshake = async {
            admission.handshakes.share(rules.handshakes_per_address);
            // As many may wait as there are connections.
            let _turn = admission.handshakes.take(Some(caller.place.address), usize::MAX).await;
            doors.shared.tls.accept(stream, rules.handshake).await
        };
        let done = tokio::select! {
            biased;
            done = handshake => done,
            // Nobody has asked for anything yet.
            () = stopped(&mut stop) => return,
            () = session::sleep_until(deadline) => Err(io::ErrorKind::TimedOut.into()),
        };
        match done {
            Ok((stream, Some(key))) => {
                let origin = Origin::Certified(caller.peer, key);
                caller.talk(stream, Vec::new(), (origin, Transport::over_tls(origin))).await;
            }
            Ok((stream, None)) => {
                bound_unread(stream.get_ref().0);
                let origin = Origin::Client(caller.peer);
                caller.talk(stream, Vec::new(), (origin, Transport::Tls)).await;
            }
            Err(error) => {
                doors.shared.connections.handshake_failed();
                let peer = caller.peer;
                tracing::info!(%peer, %error, "a TLS handshake failed");
            }
        }
    }

    /// Hears from a proxy whose connection it is, if it says so; returns what was read and is not the
    /// proxy's word.
    async fn hear_proxy(&mut self) -> io::Result<Vec<u8>> {
        let (first, many) = self.first_bytes().await;
        if many == 0 || first[0] != SIGNATURE[0] {
            return Ok(Vec::new());
        }
        let Self { stream, caller } = self;
        let hear = async {
            let mut header = [0; PROXY_HEADER];
            for at in 0..PROXY_HEADER {
                if stream.read_exact(&mut header[at..=at]).await.is_err()
                    || header[at] != *SIGNATURE.get(at).unwrap_or(&header[at])
                {
                    return Ok((header[..=at].to_vec(), None));
                }
            }
            let wrong = |error| io::Error::other(format!("{error:?}"));
            let mut rest = vec![0; length(&header).map_err(wrong)?];
            stream.read_exact(&mut rest).await?;
            Ok::<_, io::Error>((Vec::new(), addressed(&header, &rest).map_err(wrong)?))
        };
        let mut stop = caller.stop.clone();
        let (read, address) = tokio::select! {
            heard = timeout(HEAD_TIME, hear) => heard??,
            () = stopped(&mut stop) => return Err(io::ErrorKind::Interrupted.into()),
        };
        if let Some(address) = address {
            if !caller.place.hand_to(address) {
                caller.doors.shared.connections.refused(Code::TooManyConnections);
                return Err(io::Error::other("too many connections of one address"));
            }
            caller.peer = address;
        }
        Ok(read)
    }
}

impl Caller {
    fn deadline(&self) -> Option<Instant> {
        let rules = self.doors.shared.guard.rules();
        rules.deadline(self.peer, Some(self.began), Some(self.began))
    }

    /// Serves a connection on which chat or HTTP is spoken, by its first line. Some of it may have been read.
    async fn talk(
        mut self,
        mut stream: Box<dyn Stream>,
        read: Vec<u8>,
        (origin, way): (Origin, Transport),
    ) {
        let (read, line, since) = self.first_line(&mut stream, read).await;
        let stream = Prefixed::new(read, stream);
        match line {
            FirstLine::Http => web::serve(self, stream, since.elapsed(), origin).await,
            FirstLine::TooLong => {}
            FirstLine::Other | FirstLine::Undecided if self.web_only => {}
            FirstLine::Other | FirstLine::Undecided => {
                let Self { began, doors, place, arriving, .. } = self;
                let _open = doors.shared.connections.open(way);
                serve(stream, origin, began, &doors, arriving).await;
                drop(place);
            }
        }
    }

    /// Reads as much as tells what is spoken, and no longer than a request's head may take from its first
    /// byte on.
    async fn first_line(
        &mut self,
        stream: &mut Box<dyn Stream>,
        mut read: Vec<u8>,
    ) -> (Vec<u8>, FirstLine, Instant) {
        let (mut until, mut since) = (self.deadline(), Instant::now());
        loop {
            match first_line(&read) {
                FirstLine::Undecided => {}
                decided => return (read, decided, since),
            }
            if !read.is_empty() {
                until = Some(since + HEAD_TIME);
            }
            read.reserve_exact(FIRST_LINE + 2 - read.len());
            let more = tokio::select! {
                biased;
                more = stream.read_buf(&mut read) => more,
                () = stopped(&mut self.stop) => Ok(0),
                () = session::sleep_until(until) => Ok(0),
            };
            match more {
                Ok(many @ 1..) => {
                    if read.len() == many {
                        since = Instant::now();
                    }
                }
                // What has begun as a request is not taken for chat.
                _ if begins_request(&read) => return (read, FirstLine::TooLong, since),
                _ => return (read, FirstLine::Other, since),
            }
        }
    }
}

/// Serves a connection on which lines come.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    origin: Origin,
    began: Instant,
    doors: &Doors,
    arriving: mpsc::Sender<()>,
) {
    let (conn, shared) = (doors.next_conn(), &doors.shared);
    let mut session = Session::new(stream, conn, origin, began, shared);
    if session.open().await {
        drop(arriving);
        session.serve().await;
    }
}

/// Waits until the server stops, or is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
