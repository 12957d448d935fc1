//! One connection: bytes in, frames to the hub; what the hub releases, bytes out.

use crate::LimitsConfig;
use crate::guard::{Guard, Rules, network, whom};
use crate::hub::ToHub;
use crate::metrics::Connections;
use crate::outbox::{Item, Outbox, State};
use crate::reads::Reads;
use crate::tls::Tls;
use antar_realm::links::{Epoch, deliveries};
use antar_realm::{AccountId, ConnId, Origin, RealmId};
use antar_wire::{Code, Decoder, Dialect, Frame, Reply};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Bytes read at once. The buffer is a thread's, not a connection's: an idle connection has none.
const READ: usize = 64 << 10;

/// The longest line between realms, in bytes.
const LINK_LINE: usize = 256 << 10;

/// Entries of what a realm is owed that are read at once.
const OWED: u64 = 1_024;

/// Requests of a realm that are not answered yet; each may be as long as that.
const LINK_PENDING: usize = 64;

/// Bytes read ahead while writing to a realm.
const READ_AHEAD: usize = 8 << 20;

/// Bytes encoded before they are written.
const WRITE: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// What sessions share.
pub struct Shared {
    pub hub: mpsc::Sender<ToHub>,
    pub reads: Reads,
    pub guard: Guard,
    pub tls: Arc<Tls>,
    pub connections: Arc<Connections>,
    pub unread: Unread,
}

/// Bytes that clients have not read yet and that are kept for them.
#[derive(Default)]
pub struct Unread(AtomicUsize);

impl Unread {
    /// Keeps so many until the result is dropped; `None` where there would be more than `most` of all.
    /// Little is always kept.
    fn keep(&self, bytes: usize, most: usize) -> Option<Kept<'_>> {
        let kept = Kept(self, bytes);
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        (bytes <= WRITE || before + bytes <= most).then_some(kept)
    }
}

struct Kept<'a>(&'a Unread, usize);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// A connection's limits; see [`crate::LimitsConfig`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub line_bytes: usize,
    pub pending_requests: usize,
    pub login: Option<Duration>,
    pub idle: Option<Duration>,
    pub stall: Option<Duration>,
    pub unread_bytes: usize,
}

impl Limits {
    /// Those of a configuration.
    pub fn of(limits: &LimitsConfig) -> Self {
        let seconds = |n: u64| (n > 0).then(|| Duration::from_secs(n));
        Self {
            line_bytes: limits.line_bytes,
            pending_requests: limits.pending_requests,
            login: seconds(limits.login_seconds),
            idle: seconds(limits.idle_seconds),
            stall: seconds(limits.stall_seconds),
            unread_bytes: limits.unread_bytes,
        }
    }
}

/// Why a connection ended, for its line in the log and to be counted.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The client closed it, and everything it sent is answered.
    Closed,
    /// The client broke it off.
    Broken,
    /// It began with an HTTP request.
    Http,
    /// Nobody logged in, or nothing was said, in time.
    TimedOut,
    /// It left too much unread for too long.
    TooSlow,
    /// It showed a realm's key that nobody knows, and its address has done so too often.
    Unwelcome,
    /// It was another realm's, and is not needed any more.
    HungUp,
    /// The server shuts down.
    Shutdown,
}

/// Serves one connection to its end.
pub async fn serve<S>(stream: S, conn: ConnId, origin: Origin, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(session) = open(stream, conn, origin, Instant::now(), shared).await {
        session.serve().await;
    }
}

/// Tells the hub of a connection that began then; `None` where there is no hub any more.
pub async fn open<S>(
    stream: S,
    conn: ConnId,
    origin: Origin,
    began: Instant,
    shared: &Shared,
) -> Option<Session<'_, S>> {
    let (outbox, rules) = (Arc::new(Outbox::default()), shared.guard.rules());
    shared.hub.send(ToHub::Connected(conn, origin, outbox.clone())).await.ok()?;
    Some(Session {
        stream,
        conn,
        origin,
        outbox,
        shared,
        decoder: Decoder::new(match origin {
            Origin::Client(_) | Origin::Operator => rules.session.line_bytes,
            // Entries come by the batch.
            Origin::Certified(..) | Origin::Dialled { .. } => {
                rules.session.line_bytes.max(LINK_LINE)
            }
        }),
        rules,
        backlog: VecDeque::new(),
        resumes: None,
        charged: 0,
        pending: 0,
        requests: 0,
        heard: began,
        began,
        out: Vec::new(),
        ahead: 0,
    })
}

/// A connection that the hub knows of.
pub struct Session<'a, S> {
    stream: S,
    conn: ConnId,
    origin: Origin,
    outbox: Arc<Outbox>,
    shared: &'a Shared,
    decoder: Decoder,
    /// The rules when something was last read.
    rules: Arc<Rules>,
    /// Frames read and not handed to the hub yet, because too many wait for an answer.
    backlog: VecDeque<Frame>,
    /// Until when they wait because the address, or the account, has asked for too much.
    resumes: Option<Instant>,
    /// What the address was charged for them while the account has to wait.
    charged: u32,
    /// Frames the hub has that are not answered yet: each is answered once.
    pending: usize,
    requests: u64,
    /// When something was last read.
    heard: Instant,
    began: Instant,
    out: Vec<u8>,
    /// Bytes read while writing that are not handed on yet.
    ahead: usize,
}

/// What a session waits for.
enum Woken {
    Read(io::Result<usize>),
    Outbox,
    Resumed,
    Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Serves it to its end.
    pub async fn serve(mut self) {
        let end = self.run().await;
        let Self { conn, origin, requests, began, shared, .. } = self;
        let _ = shared.hub.send(ToHub::Disconnected(conn)).await;
        shared.connections.ended(end);
        let seconds = began.elapsed().as_secs();
        match origin {
            Origin::Operator => tracing::info!(conn = conn.0, requests, seconds, ?end, "operator"),
            Origin::Client(peer) | Origin::Certified(peer, _) | Origin::Dialled { peer, .. } => {
                tracing::info!(conn = conn.0, %peer, requests, seconds, ?end, "connection");
            }
        }
    }

    async fn run(&mut self) -> End {
        let mut last: Option<End> = None;
        loop {
            let state = match self.deliver().await {
                Ok(state) => state,
                Err(end) => return end,
            };
            if state.unwelcome {
                return self.dismiss(Code::RateLimited, End::Unwelcome).await;
            }
            if state.hung_up {
                self.close().await;
                return End::HungUp;
            }
            if state.draining && last.is_none() {
                // What has arrived by now is answered; nothing more is read.
                last = Some(End::Shutdown);
                if let Err(end) = self.read_arrived().await {
                    return end;
                }
            }
            self.forward(state).await;
            if self.pending == 0
                && self.backlog.is_empty()
                && let Some(end) = last
            {
                self.close().await;
                return end;
            }
            let readable = last.is_none() && self.backlog.is_empty() && self.pending < self.most();
            match self.wait(readable, state).await {
                Woken::Outbox => {}
                Woken::Resumed => self.resumes = None,
                Woken::Read(Ok(0)) => last = Some(End::Closed),
                Woken::Read(Ok(_)) if self.is_http() => return End::Http,
                Woken::Read(Ok(_)) => {}
                Woken::Read(Err(_)) => return End::Broken,
                Woken::Deadline => return self.dismiss(Code::TimedOut, End::TimedOut).await,
            }
        }
    }

    fn most(&self) -> usize {
        let most = self.rules.session.pending_requests.max(1);
        if self.is_realm() { most.min(LINK_PENDING) } else { most }
    }

    /// Whether the other side may be another realm.
    fn is_realm(&self) -> bool {
        matches!(self.origin, Origin::Certified(..) | Origin::Dialled { .. })
    }

    /// Waits for something to read, to write or to end.
    async fn wait(&mut self, readable: bool, state: State) -> Woken {
        let deadline = self.deadline(state);
        let Self { stream, decoder, backlog, outbox, resumes, .. } = self;
        let read = poll_fn(|cx| match readable {
            true => poll_read(stream, decoder, backlog, cx),
            false => Poll::Pending,
        });
        let woken = tokio::select! {
            biased;
            () = outbox.woken() => Woken::Outbox,
            read = read => Woken::Read(read),
            () = until(*resumes) => Woken::Resumed,
            () = until(deadline) => Woken::Deadline,
        };
        if matches!(woken, Woken::Read(_)) {
            self.rules = self.shared.guard.rules();
            if self.rules.session.idle.is_some() {
                self.heard = Instant::now();
            }
        }
        woken
    }

    fn deadline(&self, state: State) -> Option<Instant> {
        let (Origin::Client(peer) | Origin::Certified(peer, _)) = self.origin else {
            return None;
        };
        let unknown_since = (!state.logged_in).then_some(self.began);
        let silent_since = (self.pending == 0).then_some(self.heard);
        self.rules.deadline(peer, unknown_since, silent_since)
    }

    fn is_http(&self) -> bool {
        self.backlog.back() == Some(&Frame::Http)
    }

    /// Reads what is there, without waiting.
    async fn read_arrived(&mut self) -> Result<(), End> {
        let Self { stream, decoder, backlog, .. } = self;
        let all = poll_fn(|cx| {
            loop {
                match poll_read(stream, decoder, backlog, cx) {
                    Poll::Ready(Ok(0)) | Poll::Pending => return Poll::Ready(Ok(())),
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Broken)),
                    Poll::Ready(Ok(_)) => {}
                }
            }
        });
        all.await?;
        if self.is_http() { Err(End::Http) } else { Ok(()) }
    }

    /// Hands as many frames to the hub as may wait for an answer.
    async fn forward(&mut self, state: State) {
        let room = self.most().saturating_sub(self.pending).min(self.backlog.len());
        if room == 0 || !self.keeps_pace(room, state) {
            return;
        }
        let frames: Vec<Frame> = match room == self.backlog.len() {
            true => std::mem::take(&mut self.backlog).into(),
            false => self.backlog.drain(..room).collect(),
        };
        self.pending += frames.len();
        self.requests += frames.len() as u64;
        // Without a hub there is no server: the session ends with its task.
        let _ = self.shared.hub.send(ToHub::Frames(self.conn, frames)).await;
    }

    /// Whether the next frames may be handed on now, as far as their address and their account are
    /// concerned; if not, when they may. Nothing more is read meanwhile.
    fn keeps_pace(&mut self, frames: usize, state: State) -> bool {
        let address = match self.origin {
            // What arrived before the server stops is answered.
            _ if state.linked || state.draining => return true,
            Origin::Client(peer) if self.rules.plain_peers.include(peer) => return true,
            Origin::Client(peer) | Origin::Certified(peer, _) => network(peer),
            Origin::Operator | Origin::Dialled { .. } => return true,
        };
        let now = Instant::now();
        if self.resumes.is_some_and(|at| at > now) {
            return false;
        }
        let cost = |frame: &Frame| match frame {
            Frame::Line(line) => 1 + line.len() / 1024,
            Frame::TooLong | Frame::BadEncoding | Frame::Http => 1,
        };
        let cost = self.backlog.iter().take(frames).map(cost).sum::<usize>();
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let waits = self.charge(address, state.account, cost).err();
        self.resumes = waits.map(|wait| now + wait);
        waits.is_none()
    }

    /// Takes what frames cost from the rates of their address and their account.
    ///
    /// # Errors
    /// How long until there is so much; what the address was charged already it is not charged again.
    fn charge(
        &mut self,
        address: IpAddr,
        account: Option<AccountId>,
        cost: u32,
    ) -> Result<(), Duration> {
        self.rules.requests.take_many(address, cost.saturating_sub(self.charged))?;
        self.charged = cost;
        if let Some(account) = account {
            self.rules.account_requests.take_many(account, cost)?;
        }
        self.charged = 0;
        Ok(())
    }

    /// Writes everything the hub has released.
    async fn deliver(&mut self) -> Result<State, End> {
        loop {
            let (items, state) = self.outbox.take();
            if state.too_slow {
                return Err(self.dismiss(Code::TooSlow, End::TooSlow).await);
            }
            if items.is_empty() {
                self.flush().await?;
                // An idle connection holds no buffer.
                if self.out.capacity() > 0 && self.pending == 0 {
                    self.out = Vec::new();
                }
                return Ok(state);
            }
            for item in items {
                self.encode(item).await?;
                if self.out.len() >= WRITE {
                    self.flush().await?;
                }
            }
        }
    }

    async fn encode(&mut self, item: Item) -> Result<(), End> {
        let reply = match item {
            Item::Reply(dialect, reply) => Some((dialect, reply)),
            Item::Read(dialect, read) => {
                let reads = &self.shared.reads;
                Some((dialect, reads.serve(whom(self.origin), read).await))
            }
            Item::Event(dialect, event) => {
                self.out.extend_from_slice(event.bytes(dialect));
                None
            }
            Item::Taken => {
                self.pending = self.pending.saturating_sub(1);
                None
            }
            Item::Line(line) => {
                self.out.extend_from_slice(line.as_bytes());
                self.out.push(b'\n');
                None
            }
            Item::Deliver { realm, epoch, first, last, fresh } => {
                match fresh.is_empty() {
                    true => self.send_owed(realm, epoch, first, last).await?,
                    false => deliveries(epoch, &fresh, &mut self.out),
                }
                None
            }
        };
        if let Some((dialect, reply)) = reply {
            reply.encode(dialect, &mut self.out);
            self.pending = self.pending.saturating_sub(1);
        }
        Ok(())
    }

    /// Writes entries of what another realm is owed, some at a time.
    async fn send_owed(
        &mut self,
        realm: RealmId,
        epoch: Epoch,
        mut first: u64,
        last: u64,
    ) -> Result<(), End> {
        while first <= last {
            let until = last.min(first + OWED - 1);
            let owed = self.shared.reads.owed(realm, first, until).await;
            // Where they cannot be read the link ends, and is tried again later.
            let owed = owed.filter(|owed| owed.len() as u64 == until + 1 - first);
            deliveries(epoch, &owed.ok_or(End::Broken)?, &mut self.out);
            if self.out.len() >= WRITE {
                self.flush().await?;
            }
            first = until + 1;
        }
        Ok(())
    }

    /// Writes the buffer out; gives up where nothing moves for too long, or the connection was given
    /// up meanwhile.
    async fn flush(&mut self) -> Result<(), End> {
        if self.out.is_empty() {
            return Ok(());
        }
        let mut written = 0;
        while written < self.out.len() {
            match self.patiently(|stream, out, cx| stream.poll_write(cx, &out[written..])).await? {
                0 => return Err(End::Broken),
                n => written += n,
            }
        }
        // TLS keeps what the socket has not taken yet; without TLS there is nothing to do.
        self.patiently(|stream, _, cx| stream.poll_flush(cx)).await?;
        self.out.clear();
        Ok(())
    }

    /// Does one step of writing the buffer, as long as it may wait.
    async fn patiently<T>(
        &mut self,
        mut step: impl FnMut(Pin<&mut S>, &[u8], &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Result<T, End> {
        let is_realm = self.is_realm();
        let Self { stream, out, outbox, shared, rules, decoder, backlog, ahead, .. } = self;
        if backlog.is_empty() {
            *ahead = 0;
        }
        let mut ended = false;
        let mut step = pin!(poll_fn(|cx| {
            let done = step(Pin::new(&mut *stream), out, cx);
            // Two realms that write to each other at once would wait for each other for ever if
            // neither read meanwhile.
            while is_realm && done.is_pending() && !ended && *ahead < READ_AHEAD {
                match poll_read(stream, decoder, backlog, cx) {
                    Poll::Ready(Ok(n)) if n > 0 => *ahead += n,
                    // The end is read again, and dealt with, when this is written.
                    Poll::Ready(_) => ended = true,
                    Poll::Pending => break,
                }
            }
            done
        }));
        // Most are done at once; only one that has to wait pays for the timer.
        let done = match now_or_never(step.as_mut()).await {
            Some(done) => done,
            None => {
                let most = if is_realm { usize::MAX } else { rules.session.unread_bytes };
                let kept = shared.unread.keep(out.capacity(), most);
                let _kept = kept.ok_or(End::TooSlow)?;
                let stall = rules.session.stall.unwrap_or(Duration::MAX);
                tokio::select! {
                    done = step => done,
                    () = given_up(outbox) => return Err(End::TooSlow),
                    () = tokio::time::sleep(stall) => return Err(End::TooSlow),
                }
            }
        };
        done.map_err(|_| End::Broken)
    }

    /// Tells why, as far as the client still reads, and ends the connection.
    async fn dismiss(&mut self, code: Code, end: End) -> End {
        self.out.clear();
        self.shared.connections.refused(code);
        Reply::from(code).encode(Dialect::Lower, &mut self.out);
        let Self { stream, out, .. } = self;
        let _ = now_or_never(poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, out))).await;
        self.close().await;
        end
    }

    async fn close(&mut self) {
        let _ = now_or_never(poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx))).await;
    }
}

/// Reads once into the thread's buffer and decodes; `Ok(0)` at the end of the stream.
fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    decoder: &mut Decoder,
    frames: &mut VecDeque<Frame>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        match ready!(Pin::new(stream).poll_read(cx, &mut buffer)) {
            // A client that closes TCP without closing TLS: its last whole line counts all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => read?,
        }
        decoder.feed(buffer.filled(), frames);
        Poll::Ready(Ok(buffer.filled().len()))
    })
}

/// Polls a future once.
pub async fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until a deadline; without one for ever.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits until the hub has given a connection up.
async fn given_up(outbox: &Outbox) {
    while !matches!(outbox.state(), State { too_slow: true, .. } | State { hung_up: true, .. }) {
        outbox.woken().await;
    }
}
