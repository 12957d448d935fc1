//! WebSocket, of RFC 6455: what comes as frames is read as lines, and replies are written as frames.
//!
//! The handshake has been done. There are no extensions and no subprotocols.

mod unframe;

pub use unframe::Unframer;

use antar_types::END;
use memchr::memmem;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The first byte of a message in one frame, of a pong and of a close.
const TEXT: u8 = 0x81;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

/// The close code where this side ends it: the endpoint goes away.
const GOING: u16 = 1001;

/// Bytes of frames that are made before they are written.
const STAGE: usize = 8 << 10;

/// A stream of WebSocket frames that is read and written as the chat protocol is.
///
/// What is read is a line a message, with its LF; a line feed inside it is an
/// [`antar_types::LINE_FEED`]. What is written is replies and events, each with the [`END`] that separates
/// them, and each becomes a text frame without it. It must be written by the whole reply, in as many pieces
/// as are taken at once. Of a message no more is kept than what one read brought.
#[derive(Debug)]
pub struct WebSocket<S> {
    stream: S,
    reader: Unframer,
    /// Frames to be written.
    out: Vec<u8>,
    /// How much of them is written.
    written: usize,
    /// Bytes that are still to come of a reply whose head is in a frame, and then of its end.
    left: usize,
    end: usize,
    /// The close frame is among what is written.
    closed: bool,
}

impl<S> WebSocket<S> {
    /// Of a stream on which the handshake has been done.
    pub fn new(stream: S) -> Self {
        let reader = Unframer::default();
        Self { stream, reader, out: Vec::new(), written: 0, left: 0, end: 0, closed: false }
    }

    /// Makes frames of replies until there are enough; how many bytes of them were taken.
    fn stage(&mut self, replies: &[u8]) -> usize {
        let mut rest = replies;
        while !rest.is_empty() && self.out.len() < STAGE {
            if self.left == 0 && self.end == 0 {
                let found = memmem::find(rest, END);
                self.left = found.unwrap_or(rest.len());
                self.end = found.map_or(0, |_| END.len());
                head(&mut self.out, TEXT, self.left);
            }
            let now = self.left.min(rest.len()).min(STAGE);
            self.out.extend_from_slice(&rest[..now]);
            self.left -= now;
            rest = &rest[now..];
            if self.left == 0 {
                let now = self.end.min(rest.len());
                self.end -= now;
                rest = &rest[now..];
            }
        }
        replies.len() - rest.len()
    }

    /// Makes frames of what is to be said about the connection itself, between two replies.
    fn stage_control(&mut self) {
        if self.left > 0 || self.closed {
            return;
        }
        if let Some(pong) = self.reader.take_ping() {
            head(&mut self.out, PONG, pong.len());
            self.out.extend_from_slice(&pong);
        }
    }

    fn stage_close(&mut self) {
        if self.closed {
            return;
        }
        self.closed = true;
        // In the middle of a reply nothing can be said any more.
        if self.left == 0 {
            let code = self.reader.close_code().unwrap_or(GOING).to_be_bytes();
            head(&mut self.out, CLOSE, code.len());
            self.out.extend_from_slice(&code);
        }
    }
}

/// The head of a frame of the server's.
fn head(out: &mut Vec<u8>, first: u8, length: usize) {
    out.push(first);
    match length {
        0..126 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

impl<S: AsyncWrite + Unpin> WebSocket<S> {
    /// Writes all frames that are made; an idle connection keeps none.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.written += n,
            }
        }
        (self.out, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Answers a ping, as far as it can be written now; of several the last.
    fn answer_ping(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.reader.has_ping() && self.poll_drain(cx).error()?.is_ready() {
            self.stage_control();
        }
        if !self.out.is_empty()
            && self.poll_drain(cx).error()?.is_ready()
            && let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx)
        {
            return Err(error);
        }
        Ok(())
    }
}

/// What a poll says of an error, at once.
trait Soon {
    fn error(self) -> io::Result<Poll<()>>;
}

impl Soon for Poll<io::Result<()>> {
    fn error(self) -> io::Result<Poll<()>> {
        match self {
            Poll::Ready(done) => done.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            this.answer_ping(cx)?;
            if this.reader.close_code().is_some() {
                return Poll::Ready(Ok(()));
            }
            let room = buf.initialize_unfilled();
            let Some(raw) = room.get_mut(1..).filter(|raw| !raw.is_empty()) else {
                return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
            };
            let mut raw = ReadBuf::new(raw);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut raw))?;
            let read = raw.filled().len();
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
            let made = this.reader.unframe(room, read);
            if made > 0 {
                buf.advance(made);
                this.answer_ping(cx)?;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        replies: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        self.stage_control();
        let taken = self.stage(replies);
        // What cannot be written now is before the next: that is what holds a fast writer back.
        let _ = self.poll_drain(cx).error()?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stage_close();
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
