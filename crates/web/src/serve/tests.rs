//! Requests as they may come, and what is answered.

use super::*;
use crate::assets::PREFIX;
use crate::files::tests::Memory;
use antar_types::Name;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::Instant;

/// Lets in whoever is not at one address.
struct AllBut(IpAddr);

impl Admit for AllBut {
    fn may_ask(&self, address: IpAddr, _: usize) -> bool {
        address != self.0
    }

    fn may_enter(&self, address: IpAddr) -> bool {
        address != self.0
    }

    fn answered(&self, _: StatusCode) {}
}

const PROXY: [u8; 4] = [127, 0, 0, 1];
const UNWELCOME: [u8; 4] = [192, 0, 2, 66];

fn visit(head_time: Duration, files: Arc<Memory>) -> Visit {
    let (hosts, origins) = (["chat.example".to_string()], ["https://other.example".to_string()]);
    Visit {
        site: Arc::new(Site::new(watch::channel(Name::parse("alpha").unwrap()).1)),
        rules: Arc::new(Rules::new(&hosts, &origins, [IpAddr::from(PROXY).into()])),
        peer: PROXY.into(),
        admit: Arc::new(AllBut(UNWELCOME.into())),
        files,
        head_time,
    }
}

async fn begin(
    stop: impl Future<Output = ()> + Send + 'static,
) -> (DuplexStream, tokio::task::JoinHandle<Served<DuplexStream>>) {
    begin_with(Arc::default(), 1 << 20, stop)
}

/// A connection on which so many bytes may be under way.
pub(crate) fn begin_with(
    files: Arc<Memory>,
    room: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (DuplexStream, tokio::task::JoinHandle<Served<DuplexStream>>) {
    let (client, server) = duplex(room);
    let server = Prefixed::new(Vec::new(), server);
    (client, tokio::spawn(serve(server, visit(HEAD_TIME, files), stop)))
}

/// What is answered to bytes, until the connection is closed.
async fn answers(bytes: &str) -> String {
    let (mut client, _) = begin(std::future::pending()).await;
    client.write_all(bytes.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    said
}

/// The status of the only answer, which must carry every header.
async fn status(request: &str) -> u16 {
    let said = answers(request).await;
    assert_eq!(said.matches("HTTP/1.").count(), 1, "{request:?} {said}");
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
    ] {
        assert!(said.contains(header), "{request:?} {header} {said}");
    }
    said["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

#[tokio::test]
async fn every_answer_has_its_headers_and_the_right_status() {
    let asset = format!("{}/none.js", *PREFIX);
    for (expected, request) in [
        (200, get("/", "")),
        (200, get("/?q=1", "Origin: http://localhost\r\n")),
        (200, get("/", "Origin: https://other.example\r\nContent-Length: 0\r\n")),
        (200, "HEAD / HTTP/1.1\r\nHost: chat.example:8889\r\n\r\n".into()),
        (200, "GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".into()),
        (404, get("/none", "")),
        (404, get(&asset, "")),
        (404, get("/assets/../index.html", "")),
        (404, get("/sw.js", "")),
        (426, get("/ws", "")),
        (426, get("/ws", "Connection: upgrade\r\nUpgrade: h2c\r\n")),
        (400, "GET / HTTP/1.1\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n".into()),
        (400, "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n".into()),
        (421, "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n".into()),
        (403, get("/", "Origin: http://evil.example\r\n")),
        (403, get("/ws", "Origin: null\r\nConnection: upgrade\r\nUpgrade: websocket\r\n")),
        (405, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nPING".into()),
        (405, "DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n".into()),
        (429, get("/", "X-Forwarded-For: 1.2.3.4, 192.0.2.66\r\n")),
    ] {
        assert_eq!(status(&request).await, expected, "{request}");
    }
}

/// hyper answers these by itself, without any of our headers: its answers do not go out, ours do.
#[tokio::test]
async fn what_is_no_request_is_refused_in_our_words() {
    let large = format!("X: {}\r\n", "x".repeat(20 << 10));
    let many: String = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (expected, request) in [
        (400, get("/", "bad header\r\n")),
        (400, get("/", "Bad Name: x\r\n")),
        (400, get("/", "Content-Length: 1\r\nContent-Length: 2\r\n")),
        (400, get("/", "Content-Length: -1\r\n")),
        (400, "GET / HTTP/9.9\r\n\r\n".into()),
        (431, get("/", &large)),
        (431, get("/", &many)),
    ] {
        assert_eq!(status(&request).await, expected, "{request:.100}");
    }
}

#[tokio::test]
async fn a_body_is_never_read_as_another_request() {
    let second = get("/none", "");
    for headers in [
        format!("Content-Length: {}\r\n", second.len()),
        format!("Content-Length: {0}\r\nContent-Length: {0}\r\n", second.len()),
        "Transfer-Encoding: chunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n".into(),
    ] {
        assert_eq!(status(&(get("/", &headers) + &second)).await, 400, "{headers}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_more_requests() {
    let said = answers(&(get("/", "") + &get("/none", "") + &get("/", "bad\r\n"))).await;
    assert_eq!(said.matches("HTTP/1.1 ").count(), 3, "{said}");
    assert_eq!(said.matches("nosniff").count(), 3, "{said}");
    let tag = said.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert_eq!(status(&get("/", &format!("If-None-Match: {tag}\r\n"))).await, 304);
}

/// What comes after a request is no reason for an answer without our headers, however slowly answers are read.
#[tokio::test]
async fn what_follows_an_answer_that_is_not_read_yet_gets_none_of_hypers() {
    let own = "content-security-policy: default-src 'none';";
    let options = "OPTIONS /files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nmore";
    for first in [get("/", ""), options.into()] {
        let (mut client, _) = begin_with(Arc::default(), 256, std::future::pending());
        client.write_all((first.clone() + "bad bad bad\r\n\r\n").as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said.matches("HTTP/1.1 ").count(), said.matches(own).count(), "{first} {said}");
    }
}

const ASKED: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_web_socket_is_for_whom_the_proxy_names() {
    let (mut client, served) = begin(std::future::pending()).await;
    let asked = get("/ws", &format!("{ASKED}X-Forwarded-For: 1.2.3.4\r\n"));
    client.write_all((asked + "what comes at once").as_bytes()).await.unwrap();
    let Ok(Served::WebSocket(mut stream, address)) = served.await else { panic!("no WebSocket") };
    assert_eq!(address, IpAddr::from([1, 2, 3, 4]));
    let mut rest = [0; 18];
    stream.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"what comes at once");
    drop(stream);
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 101 ") && said.contains("nosniff"), "{said}");
    assert!(said.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{said}");
    let refused = get("/ws", &format!("{ASKED}X-Forwarded-For: 192.0.2.66\r\n"));
    assert_eq!(status(&refused).await, 429);
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_head_slowly_or_nothing_is_let_go() {
    for begun in ["", "GET / HTTP/1.1\r\nHost: loc"] {
        let (mut client, served) = begin(std::future::pending()).await;
        let begins = Instant::now();
        client.write_all(begun.as_bytes()).await.unwrap();
        assert!(matches!(served.await, Ok(Served::Ended)));
        assert!(begins.elapsed() <= HEAD_TIME + STOPPING, "{:?}", begins.elapsed());
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_and_again_is_let_go_in_the_end() {
    let (mut client, served) = begin(std::future::pending()).await;
    let begins = Instant::now();
    while client.write_all(get("/", "").as_bytes()).await.is_ok() && !served.is_finished() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(begins.elapsed() <= KEPT + Duration::from_secs(10), "{:?}", begins.elapsed());
}

#[tokio::test(start_paused = true)]
async fn when_the_server_stops_connections_end() {
    let (mut client, served) = begin(async {}).await;
    let begins = Instant::now();
    assert!(matches!(served.await, Ok(Served::Ended)));
    assert!(begins.elapsed() <= 3 * STOPPING, "{:?}", begins.elapsed());
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}
