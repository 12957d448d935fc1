//! One connection: bytes out, replies in.

use antar_client::{Incoming, Replies};
use anyhow::{Result, anyhow};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as Cx, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// How much is read at a time, by all connections of a side into the same memory.
pub const SCRATCH: usize = 64 * 1024;
/// The longest reply: an inbox of 50 messages is far below it.
const REPLY_LIMIT: usize = 16 * 1024 * 1024;

pub struct Conn {
    stream: TcpStream,
    pub replies: Replies,
    /// What is to be written; appended to, and cleared once it is.
    pub outgoing: Vec<u8>,
    written: usize,
}

impl Conn {
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (replies, outgoing) = (Replies::new(REPLY_LIMIT), Vec::new());
        Ok(Self { stream, replies, outgoing, written: 0 })
    }

    /// Sends a line and waits until it is answered OK.
    pub async fn ask(&mut self, line: &str) -> Result<()> {
        self.stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut scratch = vec![0; 4096];
        loop {
            if let Some(Incoming::Reply(reply)) = self.replies.pop()? {
                return reply.accepted().map(drop).map_err(|refusal| anyhow!(refusal));
            }
            poll_fn(|cx| self.read(cx, &mut scratch)).await?;
        }
    }

    /// Writes all it can, and says how much that was.
    pub fn flush(&mut self, cx: &mut Cx<'_>) -> io::Result<u64> {
        let before = self.written;
        while self.written < self.outgoing.len() {
            let rest = &self.outgoing[self.written..];
            match Pin::new(&mut self.stream).poll_write(cx, rest)? {
                Poll::Ready(written) => self.written += written,
                Poll::Pending => break,
            }
        }
        let now = (self.written - before) as u64;
        if self.written == self.outgoing.len() {
            self.outgoing.clear();
            self.written = 0;
        }
        Ok(now)
    }

    /// Reads once. Ready when something was read.
    pub fn read(&mut self, cx: &mut Cx<'_>, scratch: &mut [u8]) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(scratch);
        let ready = Pin::new(&mut self.stream).poll_read(cx, &mut buffer)?;
        ready.map(|()| match buffer.filled() {
            [] => Err(io::ErrorKind::ConnectionReset.into()),
            bytes => {
                self.replies.feed(bytes);
                Ok(())
            }
        })
    }
}
