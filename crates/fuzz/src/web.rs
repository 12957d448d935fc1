//! What turns a browser's bytes into requests, and a WebSocket's frames into lines.

use crate::choices::{Choices, segments};
use crate::{Draw, Target};
use antar_types::{FileAbout, FileHash, FileLink, FileName, FileType, Name};
use antar_web::{
    Admit, Asker, FileRefusal, Files, FirstLine, Found, HEAD_TIME, PROXY_HEADER, Prefixed, Promise,
    Reader, Rules, Sent, Served, Site, StatusCode, Taken, Unframer, Upload, Visit, addressed,
    first_line, serve,
};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

pub const WEB: Target = Target {
    name: "web",
    about: "HTTP and WebSocket: any split of frames gives the same lines, every answer has its headers, a first \
            line is judged once",
    run: web,
    draw: draw_web,
};

/// First byte: what the rest is.
fn web(input: &[u8]) {
    let mut choices = Choices(input);
    match choices.below(3) {
        0 => frames(choices.byte(), choices.0),
        1 => first(choices.0),
        _ => requests(choices.0),
    }
}

fn unframed<'a>(segments: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<u16>) {
    let (mut unframer, mut all, mut buffer) = (Unframer::default(), Vec::new(), Vec::new());
    for segment in segments {
        buffer.clear();
        buffer.push(0);
        buffer.extend_from_slice(segment);
        let made = unframer.unframe(&mut buffer, segment.len());
        all.extend_from_slice(&buffer[..made]);
        assert!(unframer.take_ping().is_none_or(|ping| ping.len() <= 125));
    }
    (all, unframer.close_code())
}

fn frames(seed: u8, bytes: &[u8]) {
    let whole = unframed([bytes].into_iter());
    assert!(whole.0.len() <= bytes.len(), "more than there was");
    assert_eq!(whole, unframed(segments(bytes, seed)), "another split, other lines");
}

fn first(bytes: &[u8]) {
    let whole = first_line(bytes);
    for n in 0..bytes.len() {
        let part = first_line(&bytes[..n]);
        assert!(part == FirstLine::Undecided || part == whole, "{part:?}, then {whole:?}");
    }
    if let Some(header) = bytes.first_chunk::<PROXY_HEADER>() {
        let _ = addressed(header, &bytes[PROXY_HEADER..]);
    }
}

/// Lets everybody in.
struct Everybody;

impl Admit for Everybody {
    fn may_ask(&self, _: IpAddr, _: usize) -> bool {
        true
    }

    fn may_enter(&self, _: IpAddr) -> bool {
        true
    }

    fn answered(&self, _: StatusCode) {}
}

/// Has a file of a few bytes, and takes what it is given.
impl Files for Everybody {
    fn find(&self, asker: Asker, hash: FileHash, link: Option<FileLink>) -> Promise<'_, Found> {
        assert!(asker.token.is_some() || link.is_some(), "nobody asks for it");
        Box::pin(async move {
            if hash.as_bytes()[0] > 0x80 {
                return Ok(Found::Part(3));
            }
            let name = FileName::cleaned("a\"b");
            let about = FileAbout { name, kind: FileType::default(), size: 3, picture: None };
            let reader: Reader = Box::new(|range| {
                let (sender, pieces) = tokio::sync::mpsc::channel(1);
                let bytes = b"abc"[range.start as usize..range.end as usize].to_vec();
                let _ = sender.try_send(Ok(bytes.into()));
                pieces
            });
            Ok(Found::File(about, reader))
        })
    }

    fn cancel(&self, asker: Asker, hash: FileHash) -> Promise<'_, ()> {
        assert!(asker.token.is_some(), "nobody gives it up");
        Box::pin(async move {
            let no = FileRefusal::new(StatusCode::NOT_FOUND, "file_not_found", "there is none");
            if hash.as_bytes()[0] > 0x80 { Ok(()) } else { Err(no) }
        })
    }

    fn take<'a>(&'a self, _: Asker, upload: Upload, body: &'a mut Sent) -> Promise<'a, Taken> {
        Box::pin(async move {
            let mut came = upload.part.map_or(0, |part| part.offset);
            while let Some(piece) = body.next().await {
                let status = StatusCode::BAD_REQUEST;
                let broken = |_| FileRefusal::new(status, "bad_parameters", "it ended");
                came = came.saturating_add(piece.map_err(broken)?.len() as u64);
            }
            if upload.part.is_some_and(|part| !part.last) {
                return Ok(Taken::Part(came));
            }
            let name = upload.name.unwrap_or(FileName::cleaned(""));
            let about = FileAbout { name, kind: upload.kind, size: came, picture: None };
            Ok(Taken::File(upload.hash.unwrap_or(FileHash::from([0; 32])), about))
        })
    }

    fn largest(&self) -> u64 {
        1 << 20
    }
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has room for a runtime");
}

fn requests(bytes: &[u8]) {
    let visit = Visit {
        site: Arc::new(Site::new(watch::channel(Name::parse("alpha").expect("a name")).1)),
        rules: Arc::new(Rules::default()),
        peer: [127, 0, 0, 1].into(),
        admit: Arc::new(Everybody),
        files: Arc::new(Everybody),
        head_time: HEAD_TIME,
    };
    let said = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = duplex(1 << 20);
            let _ = client.write_all(bytes).await;
            let _ = client.shutdown().await;
            let server = Prefixed::new(Vec::new(), server);
            if let Served::WebSocket(stream, _) = serve(server, visit, std::future::pending()).await
            {
                drop(stream);
            }
            let mut said = Vec::new();
            let _ = client.read_to_end(&mut said).await;
            said
        })
    });
    let said = String::from_utf8(said).expect("answers are text");
    let many = |text: &str| said.matches(text).count();
    let answers = many("HTTP/1.") - many("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(answers, many("content-security-policy: default-src 'none';"), "{said}");
    assert_eq!(answers, many("x-content-type-options: nosniff\r\n"), "{said}");
}

fn draw_web(draw: &mut Draw, out: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"GET /ws HTTP/1.1\r\n",
        b"HEAD /x HTTP/1.0\r\n",
        b"POST / HTTP/1.1\r\n",
        b"PUT /files/0101010101010101010101010101010101010101010101010101010101010101 HTTP/1.1\r\n",
        b"GET /files/0101010101010101010101010101010101010101010101010101010101010101 HTTP/1.1\r\n",
        b"HEAD /files/f101010101010101010101010101010101010101010101010101010101010101 HTTP/1.1\r\n",
        b"PATCH /files/f101010101010101010101010101010101010101010101010101010101010101 HTTP/1.1\r\n",
        b"DELETE /files/f101010101010101010101010101010101010101010101010101010101010101 HTTP/1.1\r\n",
        b"POST /files HTTP/1.1\r\n",
        b"OPTIONS /files HTTP/1.1\r\n",
        b"Authorization: Bearer ~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        b"Authorization: Bearer ~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        b"Upload-Offset: 3\r\n",
        b"Upload-Complete: ?0\r\n",
        b"Upload-Complete: ?1\r\n",
        b"Range: bytes=1-\r\n",
        b"X-Filename: UTF-8''a%22%0d%0a\r\n",
        b"Host: localhost\r\n",
        b"Host: localhost\r\n",
        b"Host: x\r\n",
        b"Origin: http://localhost\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"X-Forwarded-For: 1.2.3.4\r\n",
        b"Expect: 100-continue\r\n",
        b"\r\n",
        b"\r\n",
    ];
    const HEADS: &[&[u8]] = &[
        b"\x81\x84\0\0\0\0ping",
        b"\x01\x82\0\0\0\0pi",
        b"\x80\x82\0\0\0\0ng",
        b"\x89\x81\0\0\0\0x",
        b"\x88\x82\0\0\0\0\x03\xe8",
        b"\x82\x80\0\0\0\0",
        b"\x81\xfe\0\x03\x01\x02\x03\x04\xff\n\xfe",
        b"\x81\xff\0\0\0\0\0\0\0\x01\0\0\0\0\n",
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    ];
    let kind = draw.below(3);
    out.push(kind as u8);
    if kind == 0 {
        draw.bytes(1, out);
    }
    for _ in 0..draw.below(8) {
        out.extend_from_slice(draw.pick(if kind == 0 { HEADS } else { PIECES }));
    }
    if kind == 1 && draw.once_in(3) {
        out.truncate(1);
        out.extend_from_slice(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        draw.bytes(12, out);
    }
    if draw.once_in(4) {
        draw.spoil(out);
    }
}
