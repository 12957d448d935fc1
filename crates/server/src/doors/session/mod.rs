//! One connection: bytes in, frames to the hub; what the hub releases, bytes out.

mod incoming;
mod pace;
mod poll;
#[cfg(test)]
mod tests;
mod write;

use crate::LimitsConfig;
use crate::admission::{Guard, Rules};
use crate::hub::ToHub;
use crate::ledger::Ledger;
use crate::metrics::Connections;
use crate::panics::contain;
use crate::reads::Reads;
use crate::send_queue::{SendQueue, State};
use crate::tls::Tls;
use antar_domain::{ConnId, Origin, Request, Tag};
use antar_text::Door;
use antar_types::Code;
use incoming::Incoming;
use poll::poll_read;
pub use poll::{now_or_never, sleep_until};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The longest line between realms, in bytes.
const LINK_LINE: usize = 256 << 10;

/// Requests of a linked realm that are not answered yet.
const LINK_PENDING: usize = 64;

/// Bytes of requests that are not answered yet past which nothing more is read: a client's, and those of a
/// linked realm.
const PENDING: (usize, usize) = (64 << 10, 1 << 20);

/// Bytes read when the server stops: as much as the system may have kept.
const LAST: usize = 8 << 20;

/// What a session keeps is told once it is more than this.
const UNTOLD: usize = 4 << 10;

/// What sessions share.
pub struct Shared {
    pub hub: mpsc::Sender<ToHub>,
    pub reads: Reads,
    pub guard: Guard,
    pub tls: Arc<Tls>,
    pub connections: Arc<Connections>,
    pub ledger: Arc<Ledger>,
}

/// A connection's limits; see [`crate::LimitsConfig`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub line_bytes: usize,
    pub pending_requests: usize,
    pub unread_events: usize,
    pub login: Option<Duration>,
    pub idle: Option<Duration>,
    pub stall: Option<Duration>,
}

impl Limits {
    /// Those of a configuration.
    pub fn of(limits: &LimitsConfig) -> Self {
        let seconds = |n: u64| (n > 0).then(|| Duration::from_secs(n));
        Self {
            line_bytes: limits.line_bytes,
            pending_requests: limits.pending_requests,
            unread_events: limits.unread_events,
            login: seconds(limits.login_seconds),
            idle: seconds(limits.idle_seconds),
            stall: seconds(limits.stall_seconds),
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
    /// A fault of ours, which ends this connection only.
    Failed,
    /// The server shuts down.
    Shutdown,
}

/// Serves one connection to its end.
pub async fn serve<S>(stream: S, conn: ConnId, origin: Origin, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session::new(stream, conn, origin, Instant::now(), shared);
    if session.open().await {
        session.serve().await;
    }
}

/// A connection.
pub struct Session<'a, S> {
    stream: S,
    conn: ConnId,
    origin: Origin,
    queue: Arc<SendQueue>,
    shared: &'a Shared,
    /// Reads what was sent.
    door: Door,
    /// It is an established link, which has other bounds than a client.
    linked: bool,
    /// What was read and is not handed to the hub yet, because too much waits for an answer.
    incoming: Incoming,
    /// The rules when something was last read.
    rules: Arc<Rules>,
    /// Until when they wait because the address, or the account, has asked for too much.
    resumes: Option<Instant>,
    /// What the address was charged for them while the account has to wait.
    charged: u32,
    /// Bytes of replies that nobody was charged for yet.
    replied: usize,
    /// What was read that became no request, and nobody was charged for yet.
    wasted: usize,
    /// It was told that it watches changes, and not that this has ended: as what it asked for that.
    watches: Option<Tag>,
    /// Requests in the place of the client's, of watches that are behind.
    goes_on: Vec<Request>,
    /// The sizes of frames the hub has that are not answered yet: each is answered once, in order.
    pending: VecDeque<u32>,
    /// Their sum.
    held: usize,
    requests: u64,
    /// When something was last asked.
    heard: Instant,
    began: Instant,
    out: Vec<u8>,
    /// Bytes that it has said it keeps.
    told: usize,
}

/// What a session waits for.
enum Woken {
    Read(io::Result<usize>),
    SendQueue,
    Resumed,
    Deadline,
}

impl<'a, S> Session<'a, S> {
    /// A session of a connection that began then, and that the hub does not know of yet.
    pub fn new(
        stream: S,
        conn: ConnId,
        origin: Origin,
        began: Instant,
        shared: &'a Shared,
    ) -> Self {
        let (queue, rules) =
            (Arc::new(SendQueue::new(shared.ledger.clone())), shared.guard.rules());
        Self {
            stream,
            conn,
            origin,
            queue,
            shared,
            linked: false,
            door: Door::new(matches!(origin, Origin::Certified(..) | Origin::Dialled { .. })),
            incoming: Incoming::new(rules.session.line_bytes),
            rules,
            resumes: None,
            charged: 0,
            replied: 0,
            wasted: 0,
            watches: None,
            goes_on: Vec::new(),
            pending: VecDeque::new(),
            held: 0,
            requests: 0,
            heard: began,
            began,
            out: Vec::new(),
            told: 0,
        }
    }

    /// The same where each line comes as a frame of its own.
    pub fn of_frames(mut self) -> Self {
        self.incoming = Incoming::of_frames(self.rules.session.line_bytes);
        self
    }

    /// Tells the hub of it; whether there is one.
    pub async fn open(&mut self) -> bool {
        // Waits with nothing in its hands, as `forward` does.
        let Ok(place) = self.shared.hub.reserve().await else { return false };
        place.send(ToHub::Connected(self.conn, self.origin, self.queue.clone()));
        self.shared.ledger.open(self.conn, &self.queue);
        true
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Serves it to its end. By reference: a future that takes what it works on has room for it twice.
    pub async fn serve(&mut self) {
        let end = contain(pin!(self.run())).await.unwrap_or(End::Failed);
        let Self { conn, origin, requests, began, shared, .. } = *self;
        shared.ledger.close(conn);
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
            if self.pending.is_empty()
                && self.incoming.is_empty()
                && let Some(end) = last
            {
                match end {
                    // Who reads late hears all, and over TLS that it was all.
                    End::Closed => {
                        let _ = self.patiently(|stream, _, cx| stream.poll_shutdown(cx)).await;
                    }
                    _ => {
                        self.end_watch(Code::Unavailable);
                        let _ = self.flush().await;
                        self.close().await;
                    }
                }
                return end;
            }
            let readable = last.is_none()
                && self.resumes.is_none()
                && self.incoming.is_empty()
                && self.room() > 0;
            self.tell();
            match self.wait(readable, state).await {
                Woken::SendQueue => {}
                Woken::Resumed => self.resumes = None,
                Woken::Read(Ok(0)) => last = Some(End::Closed),
                Woken::Read(Ok(_)) if self.incoming.is_http() => return End::Http,
                Woken::Read(Ok(_)) => {}
                Woken::Read(Err(_)) => return End::Broken,
                Woken::Deadline => return self.dismiss(Code::TimedOut, End::TimedOut).await,
            }
        }
    }

    /// How many more requests may wait for an answer.
    fn room(&self) -> usize {
        let most = self.rules.session.pending_requests.max(1);
        let (most, bytes) = match self.linked {
            true => (most.min(LINK_PENDING), PENDING.1),
            false => (most, PENDING.0),
        };
        if self.held < bytes { most.saturating_sub(self.pending.len()) } else { 0 }
    }

    /// Takes note of what the hub says of the connection: a link's bounds hold while it is a link.
    fn note(&mut self, state: State) {
        if self.linked != state.linked {
            self.linked = state.linked;
            let client = self.rules.session.line_bytes;
            // Entries come by the batch.
            self.incoming.set_limit(if self.linked { client.max(LINK_LINE) } else { client });
        }
    }

    /// Has what it keeps counted, where that is worth it.
    fn tell(&mut self) {
        let keeps = self.incoming.held() + self.held + self.out.capacity();
        let keeps = if keeps < UNTOLD { 0 } else { keeps };
        if keeps != self.told {
            self.told = keeps;
            self.queue.keeps(keeps);
        }
    }

    /// Waits for something to read, to write or to end.
    async fn wait(&mut self, readable: bool, state: State) -> Woken {
        let (deadline, resumes) = (self.deadline(state), self.resumes);
        // One timer for both.
        let (until, then) = match (resumes, deadline) {
            (Some(resumes), deadline) if deadline.is_none_or(|at| resumes <= at) => {
                (Some(resumes), Woken::Resumed)
            }
            (_, deadline) => (deadline, Woken::Deadline),
        };
        let room = self.room();
        let Self { stream, incoming, queue, .. } = self;
        let read = poll_fn(|cx| match readable {
            true => poll_read(stream, incoming, room, cx),
            false => Poll::Pending,
        });
        let woken = tokio::select! {
            biased;
            () = queue.woken() => Woken::SendQueue,
            read = read => Woken::Read(read),
            () = sleep_until(until) => then,
        };
        if matches!(woken, Woken::Read(_)) {
            self.rules = self.shared.guard.rules();
        }
        woken
    }

    fn deadline(&self, state: State) -> Option<Instant> {
        let (Origin::Client(peer) | Origin::Certified(peer, _)) = self.origin else {
            return None;
        };
        let unknown_since = (!state.logged_in).then_some(self.began);
        let is_silent = self.pending.is_empty() && self.incoming.is_empty();
        let silent_since = is_silent.then_some(self.heard);
        self.rules.deadline(peer, unknown_since, silent_since)
    }

    /// Reads what is there, without waiting.
    async fn read_arrived(&mut self) -> Result<(), End> {
        let Self { stream, incoming, .. } = self;
        let all = poll_fn(|cx| {
            while incoming.ahead() < LAST {
                match poll_read(stream, incoming, 1, cx) {
                    Poll::Ready(Ok(0)) | Poll::Pending => break,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Broken)),
                    Poll::Ready(Ok(_)) => {}
                }
            }
            Poll::Ready(Ok(()))
        });
        all.await?;
        if self.incoming.is_http() { Err(End::Http) } else { Ok(()) }
    }
}
