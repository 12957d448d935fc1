//! Files: what is asked of `/files`, and how it is answered.
//!
//! Nothing is decided here about who may read or bring what: that is the realm's to say ([`Files`]). Bodies pass in pieces,
//! in both directions.

mod answer;
mod headers;
mod range;
mod respond;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use answer::{POLICY, share};
pub(crate) use respond::{is_below, respond};

use crate::gate::{Gate, Pieces};
use antar_types::{FileAbout, FileHash, FileLink, FileName, FileType, Token};
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the next piece of a body may take to arrive.
const PIECE_TIME: Duration = Duration::from_secs(30);

/// What will come of something.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = Result<T, FileRefusal>> + Send + 'a>>;

/// A realm's files.
pub trait Files: Send + Sync {
    /// Whether another realm asks, which has shown its key: it reads what was said to its people.
    fn is_realm(&self) -> bool {
        false
    }

    /// Finds a file that may be read, or how far it has come where the asker is bringing it.
    fn find(&self, asker: Asker, hash: FileHash, link: Option<FileLink>) -> Promise<'_, Found>;

    /// Takes a file, or a part of one.
    fn take<'a>(&'a self, asker: Asker, upload: Upload, body: &'a mut Sent) -> Promise<'a, Taken>;

    /// Gives up a file that the asker brings in parts.
    fn cancel(&self, asker: Asker, hash: FileHash) -> Promise<'_, ()>;

    /// The largest file that is taken, in bytes.
    fn largest(&self) -> u64;
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// From where.
    pub address: IpAddr,
    /// What shows for whom.
    pub token: Option<Token>,
}

/// Reads some of a file's bytes.
pub type Reader = Box<dyn FnOnce(Range<u64>) -> Pieces + Send>;

/// What is known of a file that is asked for.
pub enum Found {
    /// It is here.
    File(FileAbout, Reader),
    /// The asker has brought so many bytes of it.
    Part(u64),
}

/// What somebody brings.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Which file it is, where that was said.
    pub hash: Option<FileHash>,
    /// What it is called, where that was said.
    pub name: Option<FileName>,
    /// Of which kind it is said to be.
    pub kind: FileType,
    /// How many bytes come now, where that was said.
    pub length: Option<u64>,
    /// How many bytes the file has, where that was said.
    pub whole: Option<u64>,
    /// It comes in parts, and this is one.
    pub part: Option<Part>,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many bytes come before it.
    pub offset: u64,
    /// No other comes after it.
    pub last: bool,
}

/// What came of bytes that were brought.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The file is kept.
    File(FileHash, FileAbout),
    /// So many bytes of it are here.
    Part(u64),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRefusal {
    /// For programs that know HTTP.
    pub status: StatusCode,
    /// For programs that know the chat protocol.
    pub code: &'static str,
    /// For people.
    pub text: &'static str,
    /// How many bytes of the file are here, where another part was expected.
    pub offset: Option<u64>,
    /// It may be asked for again in so many seconds.
    pub retry: Option<u32>,
}

impl FileRefusal {
    /// Of this status, for these reasons.
    pub fn new(status: StatusCode, code: &'static str, text: &'static str) -> Self {
        Self { status, code, text, offset: None, retry: None }
    }

    /// It may be asked for again in so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry: Some(seconds), ..self }
    }
}

/// A request's body, as it comes.
pub struct Sent {
    body: Incoming,
    gate: Arc<Gate>,
}

impl Sent {
    pub(crate) fn new(body: Incoming, gate: Arc<Gate>) -> Self {
        Self { body, gate }
    }

    /// The next piece; `None` where there is none any more.
    ///
    /// # Errors
    /// Where the connection ends before the body does, or nothing comes for too long.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let frame = match timeout(PIECE_TIME, frame).await {
                Err(_) => return Some(Err(io::ErrorKind::TimedOut.into())),
                Ok(frame) => frame?,
            };
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(piece)) => {
                    self.gate.note_read(piece.len());
                    return Some(Ok(piece));
                }
                // Trailers mean nothing here.
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            self.gate.note_cut();
        }
    }
}
