//! Requests about files, over a connection, with files in memory.

use super::*;
use crate::serve::tests::begin_with;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

const LARGEST: u64 = 4 << 20;
const PIECE: usize = 16 << 10;

/// Files in memory; whoever has a token may do everything, and reads files that it has not brought in full.
#[derive(Default)]
pub(crate) struct Memory {
    files: Mutex<BTreeMap<FileHash, (FileAbout, Vec<u8>)>>,
    parts: Mutex<BTreeMap<FileHash, Vec<u8>>>,
    /// Pieces of bodies that were read, and of answers that were made.
    pieces: Arc<AtomicUsize>,
}

/// No hash, but what tells the files of a test apart.
fn hash_of(bytes: &[u8]) -> FileHash {
    let mut hash = [0; 32];
    bytes.iter().enumerate().for_each(|(n, byte)| hash[n % 32] ^= byte.wrapping_add(n as u8));
    hash.into()
}

fn nothing() -> FileRefusal {
    FileRefusal::new(StatusCode::NOT_FOUND, "file_not_found", "there is no such file")
}

impl Files for Memory {
    fn find(&self, asker: Asker, hash: FileHash, link: Option<FileLink>) -> Promise<'_, Found> {
        Box::pin(async move {
            assert!(asker.token.is_some() || link.is_some());
            if let Some(part) = self.parts.lock().unwrap().get(&hash) {
                return Ok(Found::Part(part.len() as u64));
            }
            let (about, bytes) =
                self.files.lock().unwrap().get(&hash).cloned().ok_or_else(nothing)?;
            let made = self.pieces.clone();
            let reader = move |range: Range<u64>| {
                let (sender, pieces) = mpsc::channel(1);
                tokio::spawn(async move {
                    let bytes = Bytes::from(bytes).slice(range.start as usize..range.end as usize);
                    for at in (0..bytes.len()).step_by(PIECE) {
                        let piece = bytes.slice(at..bytes.len().min(at + PIECE));
                        if sender.send(Ok(piece)).await.is_err() {
                            return;
                        }
                        made.fetch_add(1, Relaxed);
                    }
                });
                pieces
            };
            Ok(Found::File(about, Box::new(reader)))
        })
    }

    fn take<'a>(&'a self, _: Asker, upload: Upload, body: &'a mut Sent) -> Promise<'a, Taken> {
        Box::pin(async move {
            let too_large = || {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                FileRefusal::new(status, "limit_reached", "the file is too large")
            };
            if upload.length.is_some_and(|length| length > LARGEST) {
                return Err(too_large());
            }
            let broken =
                |_| FileRefusal::new(StatusCode::BAD_REQUEST, "bad_parameters", "the body ended");
            let mut bytes = Vec::new();
            if let (Some(part), Some(hash)) = (upload.part, upload.hash) {
                bytes = self.parts.lock().unwrap().remove(&hash).unwrap_or_default();
                if bytes.len() as u64 != part.offset {
                    let offset = Some(bytes.len() as u64);
                    self.parts.lock().unwrap().insert(hash, bytes);
                    let refusal =
                        FileRefusal::new(StatusCode::CONFLICT, "bad_parameters", "not there");
                    return Err(FileRefusal { offset, ..refusal });
                }
            }
            while let Some(piece) = body.next().await {
                bytes.extend_from_slice(&piece.map_err(broken)?);
                self.pieces.fetch_add(1, Relaxed);
                if bytes.len() as u64 > LARGEST {
                    return Err(too_large());
                }
            }
            let came = bytes.len() as u64;
            if upload.part.is_some_and(|part| !part.last) {
                self.parts.lock().unwrap().insert(upload.hash.unwrap(), bytes);
                return Ok(Taken::Part(came));
            }
            let hash = hash_of(&bytes);
            let name = upload.name.unwrap_or(FileName::cleaned("file"));
            let about = FileAbout { name, kind: upload.kind, size: came, picture: Some((2, 3)) };
            self.files.lock().unwrap().insert(hash, (about.clone(), bytes));
            Ok(Taken::File(hash, about))
        })
    }

    fn cancel(&self, _: Asker, hash: FileHash) -> Promise<'_, ()> {
        Box::pin(
            async move { self.parts.lock().unwrap().remove(&hash).map(drop).ok_or_else(nothing) },
        )
    }

    fn largest(&self) -> u64 {
        LARGEST
    }
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let token = Token::new([7; 32]).reveal();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    let _ = write!(head, "Authorization: Bearer {token}\r\nConnection: close\r\n{headers}");
    if !body.is_empty() {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Everything that is answered, as a head and a body.
async fn answered(files: &Arc<Memory>, bytes: Vec<u8>) -> (String, Vec<u8>) {
    let (client, _serving) = begin_with(files.clone(), 64 << 10, std::future::pending());
    let (mut read, mut write) = tokio::io::split(client);
    tokio::spawn(async move {
        let _ = write.write_all(&bytes).await;
        let _ = write.shutdown().await;
    });
    let mut said = Vec::new();
    read.read_to_end(&mut said).await.unwrap();
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let body = said.split_off(end);
    (String::from_utf8(said).unwrap(), body)
}

async fn put(files: &Arc<Memory>, bytes: &[u8], headers: &str) -> FileHash {
    let hash = hash_of(bytes);
    let path = format!("/files/{hash}");
    let (head, _) = answered(files, request("PUT", &path, headers, bytes)).await;
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
    assert!(head.contains(&format!("location: {path}\r\n")), "{head}");
    hash
}

fn large() -> Vec<u8> {
    (0..3 << 20).map(|n: u32| (n % 251) as u8).collect()
}

#[tokio::test]
async fn what_was_brought_is_read() {
    let files = Arc::default();
    let named = "Content-Type: image/png\r\nX-Filename: UTF-8''caf%C3%A9.png\r\n";
    let hash = put(&files, &large(), named).await;
    let path = format!("/files/{hash}");
    let (head, body) = answered(&files, request("GET", &path, "", b"")).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body == large(), "{head}");
    for header in [
        "content-type: image/png\r\n",
        "content-length: 3145728\r\n",
        "content-disposition: inline; filename=\"caf_.png\"; filename*=UTF-8''caf%C3%A9.png\r\n",
        "content-security-policy: default-src 'none';",
        "require-trusted-types-for 'script'; sandbox\r\n",
        "x-content-type-options: nosniff\r\n",
        "cache-control: private, no-cache\r\n",
        "accept-ranges: bytes\r\n",
        &format!("etag: \"{hash}\"\r\n"),
    ] {
        assert!(head.contains(header), "{header} {head}");
    }
    let (head, body) = answered(&files, request("HEAD", &path, "", b"")).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}");
    assert!(head.contains("content-length: 3145728\r\n"), "{head}");
    assert!(head.contains("upload-offset: 3145728\r\nupload-complete: ?1\r\n"), "{head}");
    let (head, _) = answered(&files, request("GET", &format!("{path}?name=b.txt"), "", b"")).await;
    assert!(head.contains("filename=\"b.txt\""), "{head}");
    let known = format!("If-None-Match: W/\"x\", \"{hash}\"\r\n");
    let (head, body) = answered(&files, request("GET", &path, &known, b"")).await;
    assert!(head.starts_with("HTTP/1.1 304 ") && body.is_empty(), "{head}");
}

#[tokio::test]
async fn some_of_it_is_read() {
    let files = Arc::default();
    let path = format!("/files/{}", put(&files, &large(), "").await);
    let (head, body) = answered(&files, request("GET", &path, "Range: bytes=7-9\r\n", b"")).await;
    assert!(head.starts_with("HTTP/1.1 206 ") && body == [7, 8, 9], "{head} {body:?}");
    assert!(head.contains("content-range: bytes 7-9/3145728\r\n"), "{head}");
    assert!(head.contains("content-disposition: attachment; "), "{head}");
    let beyond = "Range: bytes=3145728-\r\n";
    let (head, _) = answered(&files, request("GET", &path, beyond, b"")).await;
    assert!(head.starts_with("HTTP/1.1 416 "), "{head}");
    assert!(head.contains("content-range: bytes */3145728\r\n"), "{head}");
}

#[tokio::test]
async fn a_file_comes_in_parts() {
    let files = Arc::default();
    let (bytes, patch) = (b"one two three", "Content-Type: application/partial-upload\r\n");
    let path = format!("/files/{}", hash_of(bytes));
    let begun = request("PUT", &path, "Upload-Complete: ?0\r\n", &bytes[..4]);
    let (head, _) = answered(&files, begun).await;
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
    assert!(head.contains("upload-offset: 4\r\nupload-complete: ?0\r\n"), "{head}");
    let (head, _) = answered(&files, request("HEAD", &path, "", b"")).await;
    assert!(head.starts_with("HTTP/1.1 204 ") && head.contains("upload-offset: 4\r\n"), "{head}");
    let (head, _) = answered(&files, request("GET", &path, "", b"")).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    let wrong = format!("{patch}Upload-Offset: 3\r\nUpload-Complete: ?1\r\n");
    let (head, _) = answered(&files, request("PATCH", &path, &wrong, &bytes[3..])).await;
    assert!(head.starts_with("HTTP/1.1 409 ") && head.contains("upload-offset: 4\r\n"), "{head}");
    let next = format!("{patch}Upload-Offset: 4\r\nUpload-Complete: ?0\r\n");
    let (head, _) = answered(&files, request("PATCH", &path, &next, &bytes[4..8])).await;
    assert!(head.starts_with("HTTP/1.1 204 ") && head.contains("upload-offset: 8\r\n"), "{head}");
    let gone = request("DELETE", &path, "", b"");
    let last = format!("{patch}Upload-Offset: 8\r\nUpload-Complete: ?1\r\n");
    let (head, body) = answered(&files, request("PATCH", &path, &last, &bytes[8..])).await;
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("\"size\":13,\"width\":2,\"height\":3}}"));
    let begun = request("PUT", &path, "Upload-Complete: ?0\r\n", &bytes[..4]);
    answered(&files, begun).await;
    let (head, _) = answered(&files, gone.clone()).await;
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    let (head, _) = answered(&files, gone).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}

#[tokio::test]
async fn a_file_without_a_name_gets_one() {
    let files = Arc::default();
    let (head, body) = answered(&files, request("POST", "/files", "", b"abc")).await;
    let hash = hash_of(b"abc");
    assert!(head.contains(&format!("location: /files/{hash}\r\n")), "{head}");
    let said = String::from_utf8(body).unwrap();
    assert!(said.contains(&format!("\"sha256\":\"{hash}\",\"name\":\"file\"")), "{said}");
}

#[tokio::test]
async fn what_is_refused_says_why_whatever_was_sent() {
    let files = Arc::default();
    let hash = hash_of(b"abc");
    let path = format!("/files/{hash}");
    let bare = |method: &str, path: &str, headers: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
    };
    let many = vec![0; LARGEST as usize + 1];
    let chunks = format!("{:x}\r\n", many.len()).into_bytes();
    let chunked = request("PUT", &path, "Transfer-Encoding: chunked\r\n", b"");
    for (expected, bytes) in [
        (401, bare("GET", &path, "")),
        (401, bare("PUT", &path, "Content-Length: 3\r\n")),
        (401, bare("GET", &path, "Authorization: Basic YTpi\r\n")),
        (401, bare("GET", &format!("{path}?token=~a"), "Cookie: token=~a\r\n")),
        (403, bare("OPTIONS", &path, "Origin: http://evil.example\r\n")),
        (421, bare("GET", &path, "").replace("localhost", "rebound.example")),
        (404, request("GET", &path, "", b"")),
        (404, request("GET", "/files/x", "", b"")),
        (404, request("PUT", "/files/x", "", b"abc")),
        (400, request("GET", &path, "", b"body")),
        (400, request("PATCH", &path, "Upload-Complete: ?1\r\n", b"abc")),
        (400, request("POST", "/files", "Upload-Complete: ?0\r\n", b"abc")),
        (
            400,
            request("POST", "/files", "Content-Type: multipart/form-data; boundary=x\r\n", b"abc"),
        ),
        (404, request("DELETE", &path, "", b"")),
        (404, request("DELETE", "/files/x", "", b"")),
        (405, request("DELETE", "/files", "", b"")),
        (401, bare("DELETE", &path, "")),
        (405, request("TRACE", &path, "", b"")),
        (405, request("POST", &path, "", b"abc")),
        (405, request("PUT", "/files", "", b"abc")),
        (413, request("PUT", &path, "", &many)),
        (413, [chunked, chunks, many.clone()].concat()),
    ] {
        let (head, body) = answered(&files, bytes).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{expected} {head}");
        assert!(head.contains("content-security-policy: default-src 'none';"), "{head}");
        if !matches!(expected, 403 | 421) {
            let body = String::from_utf8(body).unwrap();
            assert!(body.starts_with("{\"status\":\"ERROR\",\"data\":\""), "{body}");
        }
    }
}

/// A part of a [`Vec`] of bytes that is another one.
trait Replace {
    fn replace(self, from: &str, to: &str) -> Self;
}

impl Replace for Vec<u8> {
    fn replace(self, from: &str, to: &str) -> Self {
        String::from_utf8(self).unwrap().replace(from, to).into_bytes()
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_answers() {
    let files = Arc::default();
    let origin = "Origin: https://other.example\r\n";
    let asked =
        format!("OPTIONS /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{origin}\r\n");
    let (head, _) = answered(&files, asked.into_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    for header in [
        "access-control-allow-origin: https://other.example\r\n",
        "access-control-allow-methods: GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS\r\n",
        "access-control-allow-headers: Authorization, ",
        "accept-patch: application/partial-upload\r\n",
        "upload-limit: max-size=4194304\r\n",
    ] {
        assert!(head.contains(header), "{header} {head}");
    }
    let path = format!("/files/{}", put(&files, b"abc", "").await);
    let (head, _) = answered(&files, request("GET", &path, origin, b"")).await;
    assert!(head.contains("access-control-allow-origin: https://other.example\r\n"), "{head}");
    let own = "Origin: http://localhost\r\n";
    let (head, _) = answered(&files, request("GET", &path, own, b"")).await;
    assert!(!head.contains("access-control-"), "{head}");
}

/// Whoever waits to be told to go on is told so, and nobody else hears anything of hyper's.
#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is() {
    let files = Arc::default();
    let path = format!("/files/{}", hash_of(b"abc"));
    let expects = request("PUT", &path, "Expect: 100-continue\r\n", b"abc");
    let (head, body) = answered(&files, expects).await;
    assert_eq!(head, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(body.starts_with(b"HTTP/1.1 201 "));
}

/// Of a file that nobody reads, or of whose body nothing is taken, only a little is in memory.
#[tokio::test]
async fn only_a_little_of_a_file_is_in_memory() {
    let files = Arc::<Memory>::default();
    let path = format!("/files/{}", put(&files, &large(), "").await);
    files.pieces.store(0, Relaxed);
    let (mut client, _serving) = begin_with(files.clone(), 1 << 10, std::future::pending());
    client.write_all(&request("GET", &path, "", b"")).await.unwrap();
    let mut some = [0; 512];
    client.read_exact(&mut some).await.unwrap();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(files.pieces.load(Relaxed) < 8, "{:?}", files.pieces);
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_file_too_slowly_is_let_go_and_who_does_not_is_not() {
    for (every, piece, status) in [(40, 1 << 10, 400), (20, 1 << 10, 408), (20, 256 << 10, 201)] {
        let files = Arc::<Memory>::default();
        let bytes = large();
        let (client, serving) = begin_with(files.clone(), 1 << 20, std::future::pending());
        let (mut read, mut write) = tokio::io::split(client);
        let path = format!("/files/{}", hash_of(&bytes));
        let asked = request("PUT", &path, "", &bytes);
        let begins = Instant::now();
        let head = asked.len() - bytes.len();
        write.write_all(&asked[..head]).await.unwrap();
        for part in asked[head..].chunks(piece) {
            tokio::time::sleep(Duration::from_secs(every)).await;
            if write.write_all(part).await.is_err() || serving.is_finished() {
                break;
            }
        }
        let mut said = String::new();
        let _ = read.read_to_string(&mut said).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{every} {piece} {said}");
        assert!(
            status == 201 || begins.elapsed() < Duration::from_secs(300),
            "{:?}",
            begins.elapsed()
        );
    }
}
