//! Files: uploaded before a message names them, and fetched by who may read such a message.
//!
//! They go over HTTP, at the same address as chat. What is said here is as much of it as that takes: one request on a
//! connection, and one answer.
//!
//! ```no_run
//! # async fn example(live: &mut antar_client::live::Live) -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! let files = live.files().ok_or("not logged in yet")?;
//! let file = files.upload(Path::new("report.txt")).await?;
//! live.post_file("#staff", &file, "the report of today")?;
//!
//! // And the other way: a message says which file comes with it.
//! let mut bytes = Vec::new();
//! files.download(&file, &mut bytes).await?;
//! # Ok(()) }
//! ```

use crate::live::Address;
use crate::sync::File;
use crate::{Error, Refusal, Token};
use antar_types::FileName;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Bytes that are read or written at once.
const PIECE: usize = 64 * 1024;
/// How long nothing may go on.
const STALL: Duration = Duration::from_secs(60);
/// The longest head of an answer, and the longest answer that is no file.
const LONGEST: usize = 64 * 1024;

/// The files of a realm, for one user.
#[derive(Clone)]
pub struct Files {
    address: Address,
    token: Token,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Files {
    /// Those of the realm at an address, for whose session the token is of.
    pub fn new(address: Address, token: Token) -> Self {
        Self { address, token }
    }

    /// Uploads a file. When it returns, the file is on the realm's disk; it is kept for a day, and then as long as
    /// a message names it. The same file may be uploaded again at any time.
    ///
    /// # Errors
    /// Where the file cannot be read; code `limit_reached` where it is too large, or too much was uploaded; see [`Error`].
    pub async fn upload(&self, path: &Path) -> Result<File, Error> {
        // A pipe would be waited for until somebody writes to it, and has neither an end nor a size.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file").into());
        }
        let mut file = std::fs::File::open(path)?;
        let (hash, size) = hashed(&mut file)?;
        io::Seek::rewind(&mut file)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = FileName::cleaned(&name);
        let head = format!(
            "Content-Type: {}\r\nX-Filename: UTF-8''{}\r\nContent-Length: {size}\r\n",
            kind(name.as_str()),
            escaped(name.as_str())
        );
        let mut answer = self.ask("PUT", &hash, &head, Some((&mut file, size))).await?;
        let body = answer.whole().await?;
        if answer.status != 201 {
            return Err(refusal(answer.status, &body));
        }
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let incomplete = Error::Incomplete { request: "PUT", missing: "data" };
        told.get("data").and_then(File::of).filter(|file| file.sha256 == hash).ok_or(incomplete)
    }

    /// Fetches a file, and returns how many bytes it has. What was written is the file only if this returns without
    /// an error: whether it is the right one is known at its end.
    ///
    /// # Errors
    /// Code `file_not_found` where it may not be read, `realm_unreachable` where it is at another realm that does not
    /// answer; [`Error::Io`] where it cannot be written, or the bytes are others; see [`Error`].
    pub async fn download(&self, file: &File, into: &mut impl Write) -> Result<u64, Error> {
        let mut answer = self.ask("GET", &file.sha256, "", None).await?;
        if answer.status != 200 {
            let body = answer.whole().await?;
            return Err(refusal(answer.status, &body));
        }
        let (mut hash, mut size) = (Sha256::new(), 0);
        loop {
            let piece = answer.piece().await?;
            if piece.is_empty() {
                break;
            }
            hash.update(&piece);
            into.write_all(&piece)?;
            size += piece.len() as u64;
        }
        if digits(hash) != file.sha256.to_ascii_lowercase() {
            let text = "what came are not the bytes of the file";
            return Err(io::Error::new(ErrorKind::InvalidData, text).into());
        }
        Ok(size)
    }

    /// Sends a request, with what it brings, and reads the head of its answer.
    async fn ask(
        &self,
        method: &str,
        hash: &str,
        head: &str,
        body: Option<(&mut std::fs::File, u64)>,
    ) -> Result<Answer, Error> {
        let client = moves(async { self.address.connect().await }).await?;
        let (reader, mut writer) = client.into_streams();
        let head = format!(
            "{method} /files/{hash} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n{head}\r\n",
            self.token.reveal()
        );
        let mut answer = Answer { reader, writer: None, status: 0, left: None, held: Vec::new() };
        let send = send(&mut *writer, head, body);
        // Who refuses answers before all is there, and reads no more.
        {
            let mut heard = std::pin::pin!(answer.head());
            tokio::select! {
                biased;
                told = &mut heard => told?,
                sent = send => {
                    let told = heard.await;
                    // What the realm says of it is more than that it does not listen.
                    if told.is_err() {
                        sent?;
                    }
                    told?;
                }
            }
        }
        answer.writer = Some(writer);
        Ok(answer)
    }
}

/// Sends the head of a request, and what it brings.
async fn send(
    writer: &mut (dyn AsyncWrite + Send + Unpin),
    head: String,
    body: Option<(&mut std::fs::File, u64)>,
) -> Result<(), Error> {
    write(writer, head.as_bytes()).await?;
    let Some((file, mut left)) = body else { return Ok(()) };
    let mut piece = vec![0; PIECE];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let many = file.read(&mut piece[..most])?;
        if many == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        write(writer, &piece[..many]).await?;
        left -= many as u64;
    }
    Ok(())
}

/// An answer, as far as it is read.
struct Answer {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    /// Open until all is read: who has hung up is told nothing more.
    writer: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    status: u16,
    /// How many bytes are still to come, where that was said.
    left: Option<u64>,
    held: Vec<u8>,
}

impl Answer {
    async fn head(&mut self) -> Result<(), Error> {
        let wrong = || Error::Io(io::Error::new(ErrorKind::InvalidData, "that is no answer"));
        let end = loop {
            if let Some(at) = self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.held.len() > LONGEST {
                return Err(wrong());
            }
            let more = self.read().await?;
            if more.is_empty() {
                return Err(Error::Closed);
            }
            self.held.extend(more);
        };
        let rest = self.held.split_off(end + 4);
        let head = String::from_utf8(std::mem::replace(&mut self.held, rest));
        let head = head.map_err(|_| wrong())?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
        self.status = status.and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                self.left = Some(value.trim().parse().map_err(|_| wrong())?);
            }
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(wrong());
            }
        }
        Ok(())
    }

    /// The next bytes; none at the end.
    async fn piece(&mut self) -> Result<Vec<u8>, Error> {
        if self.left == Some(0) {
            return Ok(Vec::new());
        }
        let mut piece = std::mem::take(&mut self.held);
        if piece.is_empty() {
            piece = self.read().await?;
        }
        if let Some(left) = &mut self.left {
            piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            if piece.is_empty() {
                return Err(Error::Closed);
            }
            *left -= piece.len() as u64;
        }
        Ok(piece)
    }

    /// All of one that is no file.
    async fn whole(&mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while all.len() < LONGEST {
            let piece = self.piece().await?;
            if piece.is_empty() {
                break;
            }
            all.extend(piece);
        }
        Ok(all)
    }

    async fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut piece = vec![0; PIECE];
        let many = moves(async { Ok(self.reader.read(&mut piece).await?) }).await?;
        piece.truncate(many);
        Ok(piece)
    }
}

async fn write(writer: &mut (dyn AsyncWrite + Send + Unpin), bytes: &[u8]) -> Result<(), Error> {
    moves(async {
        writer.write_all(bytes).await?;
        Ok(writer.flush().await?)
    })
    .await
}

/// Something that is over within a minute, or never.
async fn moves<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::Io(io::Error::new(ErrorKind::TimedOut, "nothing came for too long"));
    timeout(STALL, work).await.unwrap_or_else(|_| Err(late()))
}

/// Why a request was refused, as the realm says.
fn refusal(status: u16, body: &[u8]) -> Error {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let str = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
    let text = str("data").unwrap_or_else(|| format!("the realm answers {status}"));
    Refusal { code: str("code").unwrap_or_default(), text, usage: None }.into()
}

/// The hash of a file, and how many bytes it has.
fn hashed(file: &mut impl Read) -> io::Result<(String, u64)> {
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((digits(hash), size)),
            many => {
                hash.update(&piece[..many]);
                size += many as u64;
            }
        }
    }
}

fn digits(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

/// A name as RFC 8187 writes it.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// Of which kind a file is, by its name; a realm finds out by itself which pictures are some.
fn kind(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match &*ending.to_ascii_lowercase() {
        "txt" | "log" | "md" => "text/plain",
        "pdf" => "application/pdf",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "bmp" => "image/bmp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: &[u8]) -> Answer {
        let reader = io::Cursor::new(bytes.to_vec());
        Answer { reader: Box::new(reader), writer: None, status: 0, left: None, held: Vec::new() }
    }

    async fn read(bytes: &[u8]) -> Result<(u16, Vec<u8>), Error> {
        let mut answer = answer(bytes);
        answer.head().await?;
        let body = answer.whole().await?;
        Ok((answer.status, body))
    }

    #[tokio::test]
    async fn an_answer_ends_where_it_says() {
        let told = read(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\n\r\nabcd").await.unwrap();
        assert_eq!(told, (200, b"abc".to_vec()));
        let told = read(b"HTTP/1.1 404 Not Found\r\n\r\nto the end").await.unwrap();
        assert_eq!(told, (404, b"to the end".to_vec()));
        for bad in [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "{\"status\":\"ERROR\"}\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            "",
        ] {
            assert!(read(bad.as_bytes()).await.is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_request_says_is_ascii() {
        assert_eq!(escaped("café a'b\r\n.txt"), "caf%C3%A9%20a%27b%0D%0A.txt");
        assert_eq!(kind("A.MP3"), "audio/mpeg");
        assert_eq!(kind("pdf"), "application/octet-stream");
    }

    #[test]
    fn a_refusal_says_why() {
        let body = br#"{"status":"ERROR","data":"Batas","code":"limit_reached"}"#;
        assert_eq!(refusal(413, body).code(), Some("limit_reached"));
        assert!(refusal(502, b"<html>").to_string().contains("502"));
    }

    #[test]
    fn no_token_is_shown() {
        let token = Token::new([7; 32]);
        let files = Files::new(Address::Tcp("a:1".into()), token.clone());
        assert!(!format!("{files:?}").contains(&token.reveal()));
    }
}
