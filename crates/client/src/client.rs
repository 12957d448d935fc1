//! The tokio driver.

#[cfg(feature = "tls")]
use crate::Fingerprint;
use crate::{Error, Event, Incoming, REPLY_LIMIT, Replies, Reply, RequestError, request};
use std::collections::VecDeque;
#[cfg(unix)]
use std::os::fd::AsRawFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

/// How many events wait at most for [`Client::next_event`]; past it the oldest is dropped and
/// counted.
pub const EVENT_LIMIT: usize = 65_536;

/// How much is read at a time, in bytes.
const READ_SIZE: usize = 16 * 1024;

/// The most bytes that the path of a Unix socket may have.
#[cfg(unix)]
const LONGEST_SOCKET: usize = 107;

/// A connection to a realm.
///
/// Requests are answered one after the other; events that come in between wait for
/// [`next_event`](Self::next_event). Every method is cancel-safe: dropping its future (in a
/// `select!` or a `timeout`) loses no event and does not confuse replies. A request whose future
/// was dropped may still be carried out; its reply is then skipped. There are no time-outs here:
/// wrap a call in `tokio::time::timeout` where one is wanted.
pub struct Client {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// What is still to be written.
    outgoing: Vec<u8>,
    /// Something was written, and may still be held back.
    unflushed: bool,
    replies: Replies,
    /// How many requests were handed over and how many replies have come.
    asked: u64,
    answered: u64,
    events: VecDeque<Event>,
    events_lost: u64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("unanswered", &(self.asked - self.answered))
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects over TCP: `("localhost", 8889)` or `"10.0.0.2:8889"`. Takes as long as the
    /// operating system does.
    ///
    /// # Errors
    /// [`Error::Io`] where the name is unknown or nobody listens there.
    pub async fn connect(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        // Requests are small and waited for: do not hold them back to fill a packet.
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self::over(reader, writer))
    }

    /// Connects over TLS, and returns also the fingerprint of the realm's key. With a fingerprint given,
    /// that is whose key it must be; otherwise anybody's is taken, and whether it is the right one is
    /// for the caller to say before anything secret is sent. `antar realm show` prints a realm's own.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), where the other side does not speak TLS 1.3 too;
    /// [`Error::Key`].
    #[cfg(feature = "tls")]
    pub async fn connect_tls(
        address: impl ToSocketAddrs,
        key: Option<Fingerprint>,
    ) -> Result<(Self, Fingerprint), Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (stream, found) = crate::tls::handshake(stream).await?;
        if let Some(expected) = key.filter(|expected| *expected != found) {
            return Err(Error::Key { expected, found });
        }
        let (reader, writer) = tokio::io::split(stream);
        Ok((Self::over(reader, writer), found))
    }

    /// Connects over a Unix socket: a realm's administration socket.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no such socket or nobody listens.
    #[cfg(unix)]
    pub async fn connect_unix(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (reader, writer) = match (path.parent(), path.file_name()) {
            // The system takes no longer path; one through the open directory is short.
            (Some(directory), Some(name)) if path.as_os_str().len() > LONGEST_SOCKET => {
                let directory = std::fs::File::open(directory)?;
                let through = format!("/proc/self/fd/{}", directory.as_raw_fd());
                let path = std::path::Path::new(&through).join(name);
                tokio::net::UnixStream::connect(path).await?.into_split()
            }
            _ => tokio::net::UnixStream::connect(path).await?.into_split(),
        };
        Ok(Self::over(reader, writer))
    }

    /// Speaks over any pair of streams.
    pub fn over(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            outgoing: Vec::new(),
            unflushed: false,
            replies: Replies::new(REPLY_LIMIT),
            asked: 0,
            answered: 0,
            events: VecDeque::new(),
            events_lost: 0,
        }
    }

    /// The streams of a connection on which nothing was said yet.
    pub(crate) fn into_streams(
        self,
    ) -> (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>) {
        (self.reader, self.writer)
    }

    /// Sends a line, without its LF, and waits for the reply, OK or ERROR. The line must make
    /// exactly one request: it is not blank.
    ///
    /// # Errors
    /// [`Error::Request`] where the line is blank or holds a line break; else what befell the
    /// connection. Never [`Error::Refused`]: see [`Reply::ok`].
    pub async fn request(&mut self, line: &str) -> Result<Reply, Error> {
        let number = self.asked;
        self.send_line(line)?;
        loop {
            match self.replies.pop()? {
                Some(Incoming::Event(event)) => self.keep(event),
                Some(Incoming::Reply(reply)) => {
                    self.answered += 1;
                    // An earlier one answers a request whose caller has gone.
                    if self.answered > number {
                        return Ok(reply);
                    }
                }
                None => self.transfer().await?,
            }
        }
    }

    /// Takes a line to be sent, as [`request`](Self::request) does, and waits for nothing:
    /// [`incoming`](Self::incoming) sends it, and returns its reply when it is its turn.
    ///
    /// # Errors
    /// Where the line is blank or holds a line break.
    pub fn send_line(&mut self, line: &str) -> Result<(), RequestError> {
        let line = request::raw(line)?;
        if antar_types::words::trim(line).is_empty() {
            return Err(RequestError::Empty);
        }
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.push(b'\n');
        self.unflushed = true;
        self.asked += 1;
        Ok(())
    }

    /// The next event or reply, in the order in which they came, for who sends with
    /// [`send_line`](Self::send_line).
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub async fn incoming(&mut self) -> Result<Incoming, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Incoming::Event(event));
            }
            match self.replies.pop()? {
                Some(Incoming::Reply(reply)) if self.answered == self.asked => {
                    return Err(Error::Unasked(Box::new(reply)));
                }
                Some(incoming) => {
                    self.answered += u64::from(matches!(incoming, Incoming::Reply(_)));
                    return Ok(incoming);
                }
                None => self.transfer().await?,
            }
        }
    }

    /// As [`request`](Self::request), but an ERROR is an error.
    ///
    /// # Errors
    /// Those of [`request`](Self::request) and [`Error::Refused`].
    pub async fn ask(&mut self, line: &str) -> Result<Reply, Error> {
        Ok(self.request(line).await?.accepted()?)
    }

    /// The next event, oldest first; waits until there is one. None comes before
    /// [`watch`](Self::watch).
    ///
    /// # Errors
    /// What befell the connection; [`Error::Unasked`] with the server's last words.
    pub async fn next_event(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            match self.replies.pop()? {
                Some(Incoming::Event(event)) => return Ok(event),
                Some(Incoming::Reply(_)) if self.answered < self.asked => self.answered += 1,
                Some(Incoming::Reply(reply)) => return Err(Error::Unasked(Box::new(reply))),
                None => self.transfer().await?,
            }
        }
    }

    /// How many events were dropped because nobody took them (see [`EVENT_LIMIT`]). The messages
    /// are not lost: read the inbox again.
    pub fn events_lost(&self) -> u64 {
        self.events_lost
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() == EVENT_LIMIT {
            self.events.pop_front();
            self.events_lost += 1;
        }
        self.events.push_back(event);
    }

    /// Writes a piece or reads a piece, whichever is possible first: a server that waits for us to
    /// read before it reads on cannot hold us up.
    async fn transfer(&mut self) -> Result<(), Error> {
        let space = self.replies.space();
        space.reserve(READ_SIZE);
        let (writer, outgoing) = (&mut self.writer, &self.outgoing);
        let send = async {
            if outgoing.is_empty() {
                // Over TLS, what was taken may not have left yet.
                return writer.flush().await.map(|()| None);
            }
            writer.write(outgoing).await.map(Some)
        };
        tokio::select! {
            sent = send, if !self.outgoing.is_empty() || self.unflushed => {
                match sent? {
                    Some(0) => return Err(Error::Closed),
                    Some(written) => drop(self.outgoing.drain(..written)),
                    None => self.unflushed = false,
                }
            }
            read = self.reader.read_buf(space) => {
                if read? == 0 {
                    return Err(Error::Closed);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::DuplexStream;
    use tokio::time::timeout;

    fn pair() -> (Client, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let (reader, writer) = tokio::io::split(ours);
        (Client::over(reader, writer), theirs)
    }

    async fn say(server: &mut DuplexStream, objects: &[&str]) {
        for object in objects {
            let framed = format!("{object}\r\n\r\n");
            server.write_all(framed.as_bytes()).await.unwrap();
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn events_between_replies_wait_their_turn() {
        runtime().block_on(async {
            let (mut client, mut server) = pair();
            let server = tokio::spawn(async move {
                let event =
                    |n| format!(r#"{{"event":"message","id":{n},"from":"a","message":"x"}}"#);
                say(&mut server, &[&event(1), &event(2), r#"{"status":"OK","data":"pong"}"#]).await;
                say(&mut server, &[&event(3)]).await;
                server
            });
            assert_eq!(client.request("PING").await.unwrap().text(), Some("pong"));
            for id in 1..=3 {
                let event = client.next_event().await.unwrap();
                assert_eq!(event.message().unwrap().id, Some(id));
            }
            drop(server);
        });
    }

    #[test]
    fn the_reply_to_a_cancelled_request_is_skipped() {
        runtime().block_on(async {
            let (mut client, mut server) = pair();
            // Longer than the pipe, so that it is cancelled in the middle of writing.
            let long = format!("SEND bob {}", "x".repeat(100));
            let cancelled = timeout(Duration::from_millis(10), client.request(&long)).await;
            assert!(cancelled.is_err());
            let server = tokio::spawn(async move {
                let mut line = vec![0; long.len() + 1 + "PING\n".len()];
                server.read_exact(&mut line).await.unwrap();
                assert!(line.ends_with(b"\nPING\n"));
                say(&mut server, &[r#"{"status":"OK","data":"sent"}"#]).await;
                say(&mut server, &[r#"{"status":"OK","data":"pong"}"#]).await;
                server
            });
            assert_eq!(client.request("PING").await.unwrap().text(), Some("pong"));
            server.await.unwrap();
        });
    }

    #[test]
    fn last_words_and_the_end() {
        runtime().block_on(async {
            let (mut client, mut server) = pair();
            say(&mut server, &[r#"{"status":"ERROR","data":"Waktu habis","code":"timed_out"}"#])
                .await;
            drop(server);
            let error = client.next_event().await.unwrap_err();
            assert!(matches!(&error, Error::Unasked(reply) if reply.code() == Some("timed_out")));
            assert!(matches!(client.next_event().await, Err(Error::Closed)));
        });
    }

    #[test]
    fn a_line_break_never_leaves() {
        runtime().block_on(async {
            let (mut client, _server) = pair();
            for line in ["PING\nLOGOUT", "", "  "] {
                let error = client.request(line).await.unwrap_err();
                assert!(matches!(error, Error::Request(_)) && error.is_recoverable());
            }
        });
    }
}
