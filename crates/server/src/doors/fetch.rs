//! Files of other realms: the first of the people here who may read one has it fetched, over TLS, from whoever
//! has the realm's key. It is asked for as anybody asks for a file; the key shows for whom.

use super::Doors;
use super::dial::{connect, ends};
use super::files::{ask_as, away, blocking, broken, failed, refusal_of};
use crate::admission::network;
use antar_domain::{Command, FileSource, Origin, Outcome, commands};
use antar_types::{FileHash, Token};
use antar_web::FileRefusal;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(20);

/// The longest head of an answer, in bytes.
const HEAD: usize = 16 << 10;

/// Bytes that are written at once.
const PIECE: usize = 64 << 10;

/// Has a realm's file of so many bytes put under its name here, for somebody who may read it.
///
/// # Errors
/// That the realm does not answer or has something else, or that there is no room.
pub(super) async fn fetch(
    doors: Arc<Doors>,
    (origin, token): (Origin, Option<Token>),
    (hash, size): (FileHash, u64),
    source: FileSource,
) -> Result<(), FileRefusal> {
    let name = source.address.host.clone();
    let gone = |error: io::Error| {
        tracing::info!(%hash, realm = %name, %error, "a file could not be fetched");
        away()
    };
    let stream = connect(&source.address, |_| None).await.map_err(gone)?;
    let (there, _) = ends(&stream).map_err(gone)?;
    let connected = doors.shared.tls.connect(stream).await;
    let (mut stream, key) = connected.map_err(|error| gone(io::Error::other(error.to_string())))?;
    if key != source.key {
        return Err(gone(io::Error::other("it has another key")));
    }
    let begun = request(&mut stream, there, &hash, size).await.map_err(gone)?;
    let whole = receive(&doors, (&mut stream, there), begun, size).await?;
    if whole.hash != hash {
        return Err(gone(io::Error::other("it gave other bytes")));
    }
    let (files, pin) = (doors.files.clone(), doors.files.pin(hash));
    blocking(move || files.put(whole)).await.map_err(|error| failed(&error))?;
    let keep = Command::KeepFile(commands::KeepFile { hash, size, peer: source.peer });
    match ask_as(&doors, origin, token, keep).await?.0 {
        Outcome::FileStored => {
            pin.keep();
            Ok(())
        }
        outcome => Err(refusal_of(&outcome)),
    }
}

/// Asks for a file; returns what has come of it with the head of the answer.
async fn request(
    stream: &mut (impl AsyncRead + tokio::io::AsyncWrite + Unpin),
    there: IpAddr,
    hash: &FileHash,
    size: u64,
) -> io::Result<Vec<u8>> {
    let host = match there {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    let asked = format!("GET /files/{hash} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    timeout(SILENCE, stream.write_all(asked.as_bytes())).await??;
    let mut read = Vec::new();
    loop {
        if timeout(SILENCE, stream.read_buf(&mut read)).await?? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            return match length(&head) {
                Some(length) if length == size => Ok(read.split_off(end + 4)),
                _ => Err(io::Error::other(head.lines().next().unwrap_or_default())),
            };
        }
        if read.len() > HEAD {
            return Err(io::Error::other("its answer has no end"));
        }
    }
}

/// How many bytes follow the head of an answer, where it is one that gives all of a file.
fn length(head: &str) -> Option<u64> {
    let (status, fields) = head.split_once("\r\n")?;
    let mut lengths = fields.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    let length = lengths.next()?.parse().ok()?;
    (status.starts_with("HTTP/1.1 200 ") && lengths.next().is_none()).then_some(length)
}

/// Writes so many bytes, of which some have come.
async fn receive(
    doors: &Arc<Doors>,
    (stream, there): (&mut (impl AsyncRead + Unpin), IpAddr),
    mut held: Vec<u8>,
    size: u64,
) -> Result<crate::files::Whole, FileRefusal> {
    let files = doors.files.clone();
    let begun = blocking(move || {
        files.make()?;
        files.expect_room(size)?;
        files.begin()
    });
    let mut part = begun.await.map_err(|error| failed(&error))?;
    loop {
        let left = size - part.length();
        if held.len() as u64 > left {
            return Err(away());
        }
        if held.len() >= PIECE || held.len() as u64 == left {
            doors.files.passed[0].fetch_add(held.len() as u64, Relaxed);
            let bytes = std::mem::replace(&mut held, Vec::with_capacity(PIECE));
            let written = blocking(move || part.write(&bytes).map(|()| part));
            part = written.await.map_err(|error| failed(&error))?;
            if part.length() == size {
                return blocking(|| part.finish()).await.map_err(|_| broken());
            }
        }
        match timeout(SILENCE, stream.read_buf(&mut held)).await {
            Ok(Ok(1..)) => {}
            _ => {
                tracing::info!(network = %network(there), "a file of another realm ended too soon");
                return Err(away());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_of_a_told_length_is_taken() {
        let head = |lines: &str| length(&lines.replace('\n', "\r\n"));
        assert_eq!(head("HTTP/1.1 200 OK\nEtag: x\ncontent-LENGTH: 7"), Some(7));
        for bad in [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\nETag: x",
            "HTTP/1.1 206 Partial\nContent-Length: 7",
            "HTTP/1.1 404 Not Found\nContent-Length: 7",
            "HTTP/1.1 200 OK\nContent-Length: -7",
            "HTTP/1.1 200 OK\nContent-Length: 7\nContent-Length: 8",
        ] {
            assert_eq!(head(bad), None, "{bad}");
        }
    }
}
