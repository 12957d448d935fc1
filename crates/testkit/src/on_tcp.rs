//! A whole server, in this process, over TCP.

use crate::play::{Driver, Received};
use crate::transcript::{Failure, Transcript};
use antar_client::{REPLY_LIMIT, Replies};
use antar_server::{Config, Offline, Server};
use antar_wire::{Decoder, END, Frame};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
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
    conns: BTreeMap<String, Conn>,
    // Last, so that it outlives the server.
    _directory: TempDir,
}

struct Conn {
    stream: TcpStream,
    /// Counts the requests sent, as the server will.
    decoder: Decoder,
    unanswered: usize,
    replies: Replies,
    received: VecDeque<Vec<u8>>,
    closed: bool,
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
        let (server, address, conns) = (None, None, BTreeMap::new());
        let mut realm =
            Self { config, runtime, server, address, segment, conns, _directory: directory };
        realm.start().map_err(failed)?;
        Ok(realm)
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
        let conn = Conn::open(address, self.config.limits.line_bytes);
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
        match self.conn(who)?.stream.shutdown(Shutdown::Write) {
            // The server was first.
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            done => done.map_err(|error| error.to_string()),
        }
    }

    fn restart(&mut self) -> Result<(), String> {
        self.stop();
        self.start()
    }
}

impl Conn {
    fn open(address: SocketAddr, line_bytes: usize) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
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

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
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
