//! A whole server, in this process, over TCP, with TLS and without.

use crate::play::{Driver, Received};
use crate::transcript::{Account, Failure, Transcript};
use antar_client::{REPLY_LIMIT, Replies};
use antar_server::{Config, Offline, SOCKET, Server, client_config};
use antar_text::{Decoder, Frame};
use antar_types::END;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// How long to wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays against a server on a free port with its own directory, or against several that are linked.
pub struct OnTcp {
    /// By the realms' names.
    places: BTreeMap<String, Place>,
    runtime: Runtime,
    /// The longest segment to send.
    segment: usize,
    /// Where connections use TLS.
    tls: Option<Arc<ClientConfig>>,
    conns: BTreeMap<String, Conn>,
}

/// A realm.
struct Place {
    config: Config,
    server: Option<Server>,
    address: Option<SocketAddr>,
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

/// The realm where there is one alone.
const ALONE: &str = "alpha";

impl OnTcp {
    /// A server with the accounts of a transcript, to be spoken to in segments of so many bytes; several where the
    /// transcript is about several realms.
    ///
    /// # Errors
    /// Where its configuration is none, an account cannot be made or a server does not start.
    pub fn new(transcript: &Transcript, segment: usize) -> Result<Self, Failure> {
        let failed = |what: String| Failure { file: transcript.file.clone(), line: 0, what };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let (places, tls, conns) = (BTreeMap::new(), None, BTreeMap::new());
        let mut realms = Self { places, runtime, segment, tls, conns };
        let mut config = transcript.config()?;
        let names = match &transcript.realms[..] {
            [] => &[ALONE.to_string()][..],
            names => names,
        };
        for name in names {
            config.name = Some(name.clone());
            realms.add(&config, transcript).map_err(failed)?;
        }
        realms.link(names).map_err(failed)?;
        Ok(realms)
    }

    /// Adds a realm that runs.
    fn add(&mut self, config: &Config, transcript: &Transcript) -> Result<(), String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let config = Config { data: directory.path().into(), ..config.clone() };
        make_accounts(&config, transcript)?;
        let mut place = Place { config, server: None, address: None, _directory: directory };
        place.start(&self.runtime)?;
        if let (true, Some(address)) = (transcript.has_several_realms(), place.address) {
            // Others find it there again.
            place.config.listen = vec![address];
        }
        self.places.insert(place.config.name.clone().unwrap_or_default(), place);
        Ok(())
    }

    /// Links each realm with all others.
    fn link(&self, names: &[String]) -> Result<(), String> {
        for (n, here) in names.iter().enumerate() {
            for there in &names[n + 1..] {
                let address = self.place(there)?.address.ok_or("it listens nowhere")?;
                let line = format!("ADDREALM {there} {} {}", address.ip(), address.port());
                let reply = self.place(here)?.administer(&line)?;
                if reply["status"] != "OK" {
                    return Err(format!("{here} and {there} do not link: {reply}"));
                }
            }
        }
        Ok(())
    }

    /// The same, over TLS.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = Some(Arc::new(client_config(None)));
        self
    }

    fn conn(&mut self, who: &str) -> Result<&mut Conn, String> {
        self.conns.get_mut(who).ok_or_else(|| format!("{who} is not connected"))
    }

    fn place(&self, realm: &str) -> Result<&Place, String> {
        self.places.get(realm).ok_or_else(|| format!("there is no realm {realm}"))
    }

    /// How many messages realms that run have sent each other; `None` while some are owed.
    fn passed(&self) -> Result<Option<u64>, String> {
        let mut passed = 0;
        for place in self.places.values().filter(|place| place.server.is_some()) {
            let reply = place.administer("CHECKREALM")?;
            for link in reply["data"].as_array().into_iter().flatten() {
                let there = link["realm"].as_str().and_then(|name| self.places.get(name));
                if there.is_none_or(|there| there.server.is_none()) {
                    continue;
                }
                if link["state"] != "up" || link["owed"] != 0 {
                    return Ok(None);
                }
                passed += link["sent"].as_u64().unwrap_or(0);
            }
        }
        Ok(Some(passed))
    }
}

impl Place {
    fn start(&mut self, runtime: &Runtime) -> Result<(), String> {
        let server = runtime.block_on(Server::start(&self.config));
        let server = server.map_err(|error| error.to_string())?;
        self.address = server.addresses().first().copied();
        self.server = Some(server);
        Ok(())
    }

    fn stop(&mut self, runtime: &Runtime) {
        if let Some(server) = self.server.take() {
            runtime.block_on(server.shut_down());
        }
    }

    /// What its operator is answered.
    fn administer(&self, line: &str) -> Result<Value, String> {
        let ask = || -> std::io::Result<Vec<u8>> {
            let mut socket = UnixStream::connect(self.config.data.join(SOCKET))?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.write_all(format!("{line}\n").as_bytes())?;
            let (mut reply, mut buffer) = (Vec::new(), [0; 16 << 10]);
            while !reply.ends_with(END) {
                match socket.read(&mut buffer)? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    n => reply.extend_from_slice(&buffer[..n]),
                }
            }
            Ok(reply)
        };
        let reply = ask().map_err(|error| format!("{line}: {error}"))?;
        serde_json::from_slice(&reply).map_err(|error| error.to_string())
    }
}

impl Drop for OnTcp {
    fn drop(&mut self) {
        self.conns.clear();
        self.places.values_mut().for_each(|place| place.stop(&self.runtime));
    }
}

impl Driver for OnTcp {
    fn open(&mut self, who: &str) -> Result<(), String> {
        let realm = who.split_once('@').map_or(ALONE, |(_, realm)| realm);
        let place = self.place(realm)?;
        let address = place.address.ok_or("the server listens nowhere")?;
        let conn = Conn::open(address, self.tls.as_ref(), place.config.limits.line_bytes);
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
        let Self { places, runtime, .. } = self;
        places.values_mut().for_each(|place| place.stop(runtime));
        places.values_mut().try_for_each(|place| place.start(runtime))
    }

    fn run(&mut self, realm: &str, runs: bool) -> Result<(), String> {
        let Self { places, runtime, .. } = self;
        let place = places.get_mut(realm).ok_or_else(|| format!("there is no realm {realm}"))?;
        match runs {
            true => place.start(runtime)?,
            false => place.stop(runtime),
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        if self.places.len() < 2 {
            return Ok(());
        }
        let (deadline, mut before) = (Instant::now() + PATIENCE, None);
        loop {
            // While one is asked, another may come to owe something: so nothing has passed in between.
            match self.passed()? {
                Some(passed) if before == Some(passed) => return Ok(()),
                passed => before = passed,
            }
            if Instant::now() > deadline {
                return Err("the realms do not come to rest".into());
            }
        }
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
    let realm_name = config.name.as_deref();
    let is_here =
        |account: &&Account| account.realm.as_deref().is_none_or(|r| Some(r) == realm_name);
    for account in transcript.accounts.iter().filter(is_here) {
        let role = if account.admin { "admin" } else { "user" };
        let line = format!("ADDUSER {} {role} {}", account.name, account.password);
        let (_, reply) = realm.request(&line).map_err(|error| error.to_string())?;
        if let Some(code) = reply.refusal() {
            return Err(format!("no account {}: {}", account.name, code.text()));
        }
    }
    Ok(())
}
