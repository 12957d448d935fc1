//! A whole server, in this process, over TCP, with TLS and without.

use crate::play::{Driver, Received};
use crate::transcript::{Failure, Transcript};
use antar_client::{REPLY_LIMIT, Replies};
use antar_server::{Config, Offline, Server, client_config};
use antar_text::{Decoder, Frame};
use antar_types::END;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// How long to wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays against a server on a free port with its own directory.
pub struct OnTcp {
    config: Config,
    runtime: Runtime,
    server: Option<Server>,
    address: Option<SocketAddr>,
    /// The longest segment to send.
    segment: usize,
    /// Where connections use TLS.
    tls: Option<Arc<ClientConfig>>,
    conns: BTreeMap<String, Conn>,
    // Last, so that it outlives the server.
    _directory: TempDir,
}

struct Conn {
    stream: Stream,
    /// Counts the requests sent, as the server will.
    decoder: Decoder,
    unanswered: usize,
    replies: Replies,
    received: VecDeque<Vec<u8>>,
    closed: bool,
}

/// What a connection is made of.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let Some(tls) = tls else { return Ok(Self::Plain(stream)) };
        let name = address.ip().into();
        let connection = ClientConnection::new(tls.clone(), name).map_err(std::io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Closes the sending side, of TLS too.
    fn finish(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Write),
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.sock.shutdown(Shutdown::Write)
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl OnTcp {
    /// A server with the accounts of a transcript, to be spoken to in segments of so many bytes.
    ///
    /// # Errors
    /// Where its configuration is none, an account cannot be made or the server does not start.
    pub fn new(transcript: &Transcript, segment: usize) -> Result<Self, Failure> {
        let failed = |what: String| Failure { file: transcript.file.clone(), line: 0, what };
        let directory = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let mut config = transcript.config()?;
        config.data = directory.path().into();
        make_accounts(&config, transcript).map_err(failed)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let (server, address, tls, conns) = (None, None, None, BTreeMap::new());
        let mut realm =
            Self { config, runtime, server, address, segment, tls, conns, _directory: directory };
        realm.start().map_err(failed)?;
        Ok(realm)
    }

    /// The same, over TLS.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = Some(Arc::new(client_config(None)));
        self
    }

    fn start(&mut self) -> Result<(), String> {
        let server = self.runtime.block_on(Server::start(&self.config));
        let server = server.map_err(|error| error.to_string())?;
        self.address = server.addresses().first().copied();
        self.server = Some(server);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shut_down());
        }
    }

    fn conn(&mut self, who: &str) -> Result<&mut Conn, String> {
        self.conns.get_mut(who).ok_or_else(|| format!("{who} is not connected"))
    }
}

impl Drop for OnTcp {
    fn drop(&mut self) {
        self.conns.clear();
        self.stop();
    }
}

impl Driver for OnTcp {
    fn open(&mut self, who: &str) -> Result<(), String> {
        let address = self.address.ok_or("the server listens nowhere")?;
        let conn = Conn::open(address, self.tls.as_ref(), self.config.limits.line_bytes);
        self.conns.insert(who.into(), conn.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn send(&mut self, who: &str, bytes: &[u8]) -> Result<(), String> {
        let segment = self.segment;
        let conn = self.conn(who)?;
        let mut frames: Vec<Frame> = Vec::new();
        conn.decoder.feed(bytes, &mut frames);
        conn.unanswered += frames.len();
        for piece in bytes.chunks(segment) {
            match conn.stream.write_all(piece) {
                // The server has closed it and will hear no more; what it said before can be read.
                Err(error) if is_gone(&error) => break,
                done => done.map_err(|error| error.to_string())?,
            }
        }
        while conn.unanswered > 0 && !conn.closed {
            if !conn.transfer()? {
                return Err(format!("{} requests of {who} got no answer", conn.unanswered));
            }
        }
        Ok(())
    }

    fn receive(&mut self, who: &str) -> Result<Received, String> {
        let conn = self.conn(who)?;
        loop {
            if let Some(object) = conn.received.pop_front() {
                return Ok(Received::Object(object));
            }
            if conn.closed {
                return Ok(Received::Closed);
            }
            if !conn.transfer()? {
                return Ok(Received::Nothing);
            }
        }
    }

    fn close(&mut self, who: &str) -> Result<(), String> {
        match self.conn(who)?.stream.finish() {
            // The server was first.
            Err(error) if error.kind() == ErrorKind::NotConnected || is_gone(&error) => Ok(()),
            done => done.map_err(|error| error.to_string()),
        }
    }

    fn restart(&mut self) -> Result<(), String> {
        self.stop();
        self.start()
    }
}

impl Conn {
    fn open(
        address: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
        line_bytes: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            stream: Stream::open(address, tls)?,
            decoder: Decoder::new(line_bytes),
            unanswered: 0,
            replies: Replies::new(REPLY_LIMIT),
            received: VecDeque::new(),
            closed: false,
        })
    }

    /// Reads once; `false` where nothing came for too long.
    fn transfer(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.closed = true,
            // A server that closes without reading everything resets the connection.
            Err(error) if is_gone(&error) => self.closed = true,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(false);
            }
            Err(error) => return Err(error.to_string()),
            Ok(n) => self.replies.feed(&buffer[..n]),
        }
        while let Some(raw) = self.replies.pop_raw().map_err(|error| error.to_string())? {
            if !raw.is_event() {
                self.unanswered = self.unanswered.saturating_sub(1);
            }
            self.received.push_back([raw.0, END].concat());
        }
        if self.closed && self.replies.is_midway() {
            return Err("the connection ended in the middle of a reply".into());
        }
        Ok(true)
    }
}

/// Closed, without the end of TLS where there is TLS, or reset.
fn is_gone(error: &std::io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn make_accounts(config: &Config, transcript: &Transcript) -> Result<(), String> {
    if transcript.accounts.is_empty() {
        return Ok(());
    }
    let mut realm = Offline::open(config).map_err(|error| error.to_string())?;
    for account in &transcript.accounts {
        let role = if account.admin { "admin" } else { "user" };
        let line = format!("ADDUSER {} {role} {}", account.name, account.password);
        let (_, reply) = realm.request(&line).map_err(|error| error.to_string())?;
        if let Some(code) = reply.refusal() {
            return Err(format!("no account {}: {}", account.name, code.text()));
        }
    }
    Ok(())
}
