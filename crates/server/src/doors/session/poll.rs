//! Waiting for one of several things.

use super::incoming::Incoming;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// Bytes read at once. The buffer is a thread's, not a connection's: an idle connection has none.
const READ: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Reads once into the thread's buffer, where up to `room` frames can be handed on; `Ok(0)` at the end
/// of the stream.
pub fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    incoming: &mut Incoming,
    room: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        match ready!(Pin::new(stream).poll_read(cx, &mut buffer)) {
            // A client that closes TCP without closing TLS: its last whole line counts all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => read?,
        }
        incoming.take(buffer.filled(), room);
        Poll::Ready(Ok(buffer.filled().len()))
    })
}

/// Polls a future once.
pub async fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until a deadline; without one for ever.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
