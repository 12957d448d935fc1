//! Keeps answers that hyper makes by itself from going out: they lack the headers that every answer has.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Bytes that come one after the other, until there are no more or something goes wrong.
pub type Pieces = mpsc::Receiver<io::Result<Bytes>>;

/// Whether an answer of ours is under way, and how much passes.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    /// Bytes of requests that were read, and all that were written.
    moved: AtomicU64,
    /// A request was answered that had not come as a whole.
    cut: AtomicBool,
}

/// No answer is under way: whatever is written is hyper's own.
const SHUT: u8 = 0;
/// An answer is being encoded.
const OPEN: u8 = 1;
/// All of it is encoded, and goes out.
const LAST: u8 = 2;
/// A request is being heard that is not answered yet; its sender may have been told to go on.
const HEARD: u8 = 3;

impl Gate {
    /// A request is being heard: before it is answered its sender may be told to go on.
    pub fn hear(&self) {
        self.state.store(HEARD, Relaxed);
    }

    /// Whether a request is being heard of which nothing is answered.
    pub fn is_hearing(&self) -> bool {
        self.state.load(Relaxed) == HEARD
    }

    /// An answer comes, with this body.
    pub fn open(self: &Arc<Self>, load: Load) -> Content {
        self.state.store(OPEN, Relaxed);
        Content { load, gate: self.clone() }
    }

    /// Notes that bytes of a request were read.
    pub fn note_read(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Relaxed);
    }

    /// Bytes of requests that were read, and all that were written.
    pub fn moved(&self) -> u64 {
        self.moved.load(Relaxed)
    }

    /// Notes that a request was answered before it had come as a whole: its sender is still sending.
    pub fn note_cut(&self) {
        self.cut.store(true, Relaxed);
    }

    /// Whether that has happened.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }
}

/// What an answer holds.
pub(crate) enum Load {
    /// These bytes.
    Whole(Bytes),
    /// So many bytes, which come in pieces.
    Pieces(Pieces, u64),
}

impl From<Bytes> for Load {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl Load {
    /// How many bytes there are still.
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(_, left) => *left,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let (pieces, left) = match self {
            Self::Whole(bytes) => return Poll::Ready(Ok(std::mem::take(bytes))),
            Self::Pieces(pieces, left) => (pieces, left),
        };
        Poll::Ready(match ready!(pieces.poll_recv(cx)) {
            Some(Ok(piece)) if !piece.is_empty() && piece.len() as u64 <= *left => {
                *left -= piece.len() as u64;
                Ok(piece)
            }
            Some(Err(error)) => Err(error),
            // Another length has been told already.
            Some(Ok(_)) | None => Err(io::ErrorKind::UnexpectedEof.into()),
        })
    }
}

/// The body of an answer. Once it is dropped, nothing more of the answer is to be encoded.
pub(crate) struct Content {
    load: Load,
    gate: Arc<Gate>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.gate.state.store(LAST, Relaxed);
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        self.load.poll(cx).map(|piece| Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.load.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.load.len())
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
        if self.gate.state.load(Relaxed) == SHUT {
            // As if it had been written: the connection ends right after it.
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.gate.moved.fetch_add(written as u64, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper asks for it once everything that it had encoded is written.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        let _ = self.gate.state.compare_exchange(LAST, SHUT, Relaxed, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
