//! What the hub has released, to bytes and out.

use super::poll::poll_read;
use super::{End, Session, now_or_never, sleep_until};
use crate::admission::whom;
use crate::send_queue::{Item, SendQueue, State};
use antar_domain::links::Epoch;
use antar_domain::{Notification, Outcome, PeerId, Tag};
use antar_text as text;
use antar_text::{Dialect, Reply};
use antar_types::{Capabilities, Code};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Entries of what a realm is owed that are read at once.
const OWED: u64 = 1_024;

/// Bytes read ahead while writing to a linked realm.
const READ_AHEAD: usize = 8 << 20;

/// Bytes that were looked at for a reply and count as one of it: so a search of all that one may look at counts as
/// some five hundred requests.
const LOOKED_AT: usize = 4;

/// How long a client may take nothing of what it is written while more events wait than it may leave unread.
const UNREAD: Duration = Duration::from_secs(1);

/// About how long a short reply is: so many of them are encoded without asking for memory again and again.
const REPLY: usize = 64;

/// Bytes encoded before they are written.
pub(super) const WRITE: usize = 64 << 10;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Writes everything the hub has released.
    pub(super) async fn deliver(&mut self) -> Result<State, End> {
        loop {
            let (items, state) = self.queue.take();
            self.note(state);
            if state.too_slow {
                return Err(self.dismiss(Code::TooSlow, End::TooSlow).await);
            }
            if items.is_empty() && !self.out.is_empty() {
                // What is released meanwhile may wake who waits in there, and then wakes nobody again: so it is
                // looked for once more.
                self.flush().await?;
                continue;
            }
            if items.is_empty() {
                // An idle connection holds no buffer.
                if self.out.capacity() > 0 && self.pending.is_empty() {
                    self.out = Vec::new();
                }
                return Ok(state);
            }
            self.out.reserve((items.len() * REPLY).min(WRITE));
            for item in items {
                if let Some(item) = self.encode(item) {
                    // Boxed: an idle connection need not have room for what it does seldom.
                    Box::pin(self.look_up(item)).await?;
                }
                if self.out.len() >= WRITE {
                    self.flush().await?;
                }
            }
        }
    }

    /// Encodes an item, unless something has to be read from the store first: then it comes back.
    fn encode(&mut self, item: Item) -> Option<Item> {
        match item {
            Item::Reply(tag, outcome) => self.reply(tag, outcome),
            Item::Notification(tag, notification) => {
                if notification.ends_watch() {
                    self.watches = None;
                }
                self.out.extend_from_slice(notification.bytes(tag));
            }
            Item::NoReply => self.answered(),
            Item::Request(request) => {
                self.out.extend_from_slice(text::peer_request(&request).as_bytes());
                self.out.push(b'\n');
            }
            Item::Deliver { epoch, can, fresh, .. } if !fresh.is_empty() => {
                text::deliveries(epoch, can, &fresh, &mut self.out);
            }
            Item::Read(..) | Item::Deliver { .. } | Item::Notifications(..) => return Some(item),
        }
        None
    }

    /// Encodes an item whose content is in the store, or that is long.
    async fn look_up(&mut self, item: Item) -> Result<(), End> {
        match item {
            Item::Read(tag, read) => {
                let reply = self.shared.reads.reply(whom(self.origin), tag, read).await;
                self.replied += reply.len();
                match self.out.is_empty() {
                    true => self.out = reply,
                    false => self.out.extend_from_slice(&reply),
                }
                self.answered();
            }
            Item::Notifications(tag, notifications) => {
                for notification in &*notifications.all {
                    self.out.extend_from_slice(notification.bytes(tag));
                    if self.out.len() >= WRITE {
                        self.flush().await?;
                    }
                }
            }
            Item::Deliver { peer, epoch, can, first, last, .. } => {
                self.send_owed(peer, (epoch, can), first, last).await?;
            }
            _ => {}
        }
        Ok(())
    }

    fn reply(&mut self, tag: Tag, outcome: Outcome) {
        let before = self.out.len();
        self.goes_on.extend(text::goes_on(tag, &outcome));
        match outcome {
            Outcome::Watching { .. } => self.watches = Some(tag),
            Outcome::Done if text::is_unwatch(tag) => self.watches = None,
            _ => {}
        }
        self.replied += outcome.looked_at() / LOOKED_AT;
        text::write(tag, outcome, &mut self.out);
        self.replied += self.out.len() - before;
        self.answered();
    }

    /// Writes entries of what another realm is owed, some at a time.
    async fn send_owed(
        &mut self,
        peer: PeerId,
        (epoch, can): (Epoch, Capabilities),
        mut first: u64,
        last: u64,
    ) -> Result<(), End> {
        while first <= last {
            let until = last.min(first + OWED - 1);
            let owed = self.shared.reads.owed(peer, first, until).await;
            // Where they cannot be read the link ends, and is tried again later.
            let owed = owed.filter(|owed| owed.len() as u64 == until + 1 - first);
            text::deliveries(epoch, can, &owed.ok_or(End::Broken)?, &mut self.out);
            if self.out.len() >= WRITE {
                self.flush().await?;
            }
            first = until + 1;
        }
        Ok(())
    }

    /// Writes the buffer out; gives up where nothing moves for too long, or the connection was given
    /// up meanwhile.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
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
    pub(super) async fn patiently<T>(
        &mut self,
        mut step: impl FnMut(Pin<&mut S>, &[u8], &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Result<T, End> {
        let keeps = self.incoming.held() + self.held + self.out.capacity();
        let Self { stream, out, queue, rules, incoming, linked, told, .. } = self;
        let mut ended = false;
        let mut step = pin!(poll_fn(|cx| {
            let done = step(Pin::new(&mut *stream), out, cx);
            // Two realms that write to each other at once would wait for each other for ever if
            // neither read meanwhile.
            while *linked && done.is_pending() && !ended && incoming.ahead() < READ_AHEAD {
                match poll_read(stream, incoming, 0, cx) {
                    Poll::Ready(Ok(n)) if n > 0 => {}
                    // The end is read again, and dealt with, when this is written.
                    Poll::Ready(_) => ended = true,
                    Poll::Pending => break,
                }
            }
            done
        }));
        // Most are done at once; only one that has to wait pays for the timer, and has room for it.
        let done = match now_or_never(step.as_mut()).await {
            Some(done) => done,
            None => {
                if *told != keeps {
                    *told = keeps;
                    queue.keeps(keeps);
                }
                let stall = rules.session.stall.unwrap_or(Duration::MAX);
                let waits = async {
                    tokio::select! {
                        done = step => Ok(done),
                        () = given_up(queue, rules.session.unread_events) => Err(End::TooSlow),
                        () = tokio::time::sleep(stall) => Err(End::TooSlow),
                    }
                };
                Box::pin(waits).await?
            }
        };
        done.map_err(|_| End::Broken)
    }

    /// Tells why, as far as the client still reads, and ends the connection.
    pub(super) async fn dismiss(&mut self, code: Code, end: End) -> End {
        self.out.clear();
        self.end_watch(code);
        self.shared.connections.refused(code);
        Reply::from(code).encode(Dialect::Lower, &mut self.out);
        let Self { stream, out, .. } = self;
        let _ = now_or_never(poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, out))).await;
        self.close().await;
        end
    }

    /// Says that a watch of changes ends with its connection, and why.
    pub(super) fn end_watch(&mut self, code: Code) {
        if let Some(tag) = self.watches.take() {
            text::write_notification(tag, &Notification::WatchEnded(code), &mut self.out);
        }
    }

    pub(super) async fn close(&mut self) {
        let _ = now_or_never(poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx))).await;
    }
}

/// Waits until the hub has given a connection up, or it has taken nothing for a while and too many events wait.
async fn given_up(queue: &SendQueue, unread_events: usize) {
    let patience = Instant::now() + UNREAD;
    while !matches!(queue.state(), State { too_slow: true, .. } | State { hung_up: true, .. }) {
        let many = queue.unread() >= unread_events;
        if many && Instant::now() >= patience {
            tracing::warn!(unread_events, "a client does not read its events; closing it");
            return;
        }
        tokio::select! {
            () = queue.woken() => {}
            () = sleep_until(many.then_some(patience)) => {}
        }
    }
}
