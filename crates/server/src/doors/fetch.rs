//! Files of other realms: the first of the people here who may read one has it fetched, over TLS, from whoever
//! has the realm's key. It is asked for as anybody asks for a file; the key shows for whom.

use super::Doors;
use super::dial::{connect, ends};
use super::files::{ask_as, away, blocking, broken, failed, refusal_of};
use crate::files::{FileStore, Part};
use crate::tls::ConnectError;
use antar_domain::{Command, FileSource, Origin, Outcome, commands};
use antar_types::{FileHash, Token};
use antar_web::FileRefusal;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsStream;

/// How long it may take until a connection has been made, until a head has come, and until so many bytes more have come
/// or all of them: whoever is slower holds a place that others wait for.
const STRETCH: (Duration, u64) = (Duration::from_secs(20), 256 << 10);

/// The longest head of an answer, in bytes.
const HEAD: usize = 16 << 10;

/// Bytes that are written at once.
const PIECE: usize = 64 << 10;

/// Has a realm's file of so many bytes put under its name here, for somebody who may read it.
///
/// # Errors
/// That the realm does not answer or has something else, that there is no room, or that as many are being fetched
/// as may be at once.
pub(super) async fn fetch(
    doors: Arc<Doors>,
    (origin, token): (Origin, Option<Token>),
    (hash, size): (FileHash, u64),
    source: FileSource,
) -> Result<(), FileRefusal> {
    let name = source.address.host.clone();
    let gone = |error: io::Error| {
        tracing::info!(%hash, realm = %name, %error, "a file could not be fetched");
        if error.kind() == ErrorKind::TimedOut {
            doors.files.places.note_slow(source.peer, Instant::now());
        }
        away()
    };
    let _place = doors.files.places.fetch(source.peer).await.ok_or_else(away)?;
    let called = timeout(STRETCH.0, call(&doors, &source)).await;
    let (mut stream, there) = called.map_err(io::Error::from).flatten().map_err(gone)?;
    let asked = timeout(STRETCH.0, request(&mut stream, there, &hash, size)).await;
    let begun = asked.map_err(io::Error::from).flatten().map_err(gone)?;
    let part = receive(&doors.files, &mut stream, begun, size).await?.map_err(gone)?;
    let whole = blocking(|| part.finish()).await.map_err(|_| broken())?;
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

/// Calls a realm, which must have the right key; also says from where it answers.
async fn call(doors: &Doors, source: &FileSource) -> io::Result<(TlsStream<TcpStream>, IpAddr)> {
    let stream = connect(&source.address, |_| None).await?;
    let (there, _) = ends(&stream)?;
    let connected = doors.shared.tls.connect(stream).await;
    let (stream, key) = connected.map_err(|error| match error {
        ConnectError::TimedOut => ErrorKind::TimedOut.into(),
        error => io::Error::other(error.to_string()),
    })?;
    if key != source.key {
        return Err(io::Error::other("it has another key"));
    }
    Ok((stream, there))
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
    stream.write_all(asked.as_bytes()).await?;
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await? == 0 {
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

/// Writes so many bytes, of which some have come; or says why the realm does not give all of them.
async fn receive(
    files: &Arc<FileStore>,
    stream: &mut (impl AsyncRead + Unpin),
    mut held: Vec<u8>,
    size: u64,
) -> Result<io::Result<Part>, FileRefusal> {
    let begun = files.clone();
    let begun = blocking(move || {
        begun.make()?;
        begun.expect_room(size)?;
        begun.begin()
    });
    let mut part = begun.await.map_err(|error| failed(&error))?;
    let (mut due, mut stretch) = (Instant::now() + STRETCH.0, STRETCH.1);
    loop {
        let left = size - part.length();
        if held.len() as u64 > left {
            return Ok(Err(io::Error::other("it gave more than it said")));
        }
        if held.len() >= PIECE || held.len() as u64 == left {
            files.passed[0].fetch_add(held.len() as u64, Relaxed);
            let bytes = std::mem::replace(&mut held, Vec::with_capacity(PIECE));
            let written = blocking(move || part.write(&bytes).map(|()| part));
            part = written.await.map_err(|error| failed(&error))?;
            if part.length() == size {
                return Ok(Ok(part));
            }
        }
        if part.length() >= stretch {
            (due, stretch) = (Instant::now() + STRETCH.0, part.length() + STRETCH.1);
        }
        match timeout_at(due, stream.read_buf(&mut held)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) => return Ok(Err(ErrorKind::UnexpectedEof.into())),
            Ok(Err(error)) => return Ok(Err(error)),
            Err(elapsed) => return Ok(Err(elapsed.into())),
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

    /// A realm that says a byte now and then is silent.
    #[tokio::test(start_paused = true)]
    async fn who_gives_too_little_in_a_while_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let files = Arc::new(FileStore::new(directory.path(), 400));
        for (pause, piece, comes) in [(10, 1, false), (10, 100 << 10, false), (1, 100 << 10, true)]
        {
            let (mut here, mut there) = tokio::io::duplex(1 << 20);
            tokio::spawn(async move {
                while there.write_all(&vec![7; piece]).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
            });
            let (began, size) = (Instant::now(), 1_000 << 10);
            let came = receive(&files, &mut here, Vec::new(), size).await.ok().unwrap();
            assert_eq!(came.is_ok(), comes, "{pause} {piece}");
            assert!(comes || began.elapsed() < 2 * STRETCH.0, "{:?}", began.elapsed());
        }
    }
}
