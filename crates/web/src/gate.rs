//! Keeps answers that hyper makes by itself from going out: they lack the headers that every answer has.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

/// Whether an answer of ours is under way.
#[derive(Debug, Default)]
pub(crate) struct Gate(AtomicU8);

/// No answer is under way: whatever is written is hyper's own.
const SHUT: u8 = 0;
/// An answer is being encoded.
const OPEN: u8 = 1;
/// All of it is encoded, and goes out.
const LAST: u8 = 2;

impl Gate {
    /// An answer comes, with this body.
    pub fn open(self: &Arc<Self>, bytes: Bytes) -> Content {
        self.0.store(OPEN, Relaxed);
        Content { bytes, gate: self.clone() }
    }
}

/// The body of an answer. Once it is dropped, nothing more of the answer is to be encoded.
pub(crate) struct Content {
    bytes: Bytes,
    gate: Arc<Gate>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.gate.0.store(LAST, Relaxed);
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// A stream to which only answers of ours are written.
pub(crate) struct Gated<S> {
    pub stream: S,
    pub gate: Arc<Gate>,
}

impl<S: Read + Unpin> Read for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Write + Unpin> Write for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.gate.0.load(Relaxed) {
            // As if it had been written: the connection ends right after it.
            SHUT => Poll::Ready(Ok(buf.len())),
            _ => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper asks for it once everything that it had encoded is written.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        let _ = self.gate.0.compare_exchange(LAST, SHUT, Relaxed, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
