//! HTTP and WebSocket on the chat port: who is let in, who is not, and that the rest is a connection like any other.

#![allow(clippy::unwrap_used)]

use antar_server::{Config, PasswordsConfig, Server, WebConfig, client_config};
use antar_store::MemoryEngine;
use antar_text::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

struct Realm {
    server: Server,
    address: SocketAddr,
    _directory: TempDir,
}

impl Realm {
    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: directory.path().into(),
            name: Some("alpha".into()),
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            passwords: PasswordsConfig { memory_kib: 8, iterations: 1, ..Default::default() },
            ..Default::default()
        };
        change(&mut config);
        let server = Server::start_over(&config, Box::new(MemoryEngine::default())).await.unwrap();
        let address = server.addresses()[0];
        Self { server, address, _directory: directory }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Everything that is said to these bytes.
    async fn said(&self, bytes: &[u8]) -> String {
        said(self.connect().await, bytes).await
    }

    async fn socket(&self, headers: &str) -> Socket<TcpStream> {
        Socket::open(self.connect().await, headers).await
    }
}

async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        said.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8(said).unwrap()
}

fn get(path: &str, host: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
        .into_bytes()
}

/// A client's end of a WebSocket.
struct Socket<S>(S);

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    async fn open(mut stream: S, headers: &str) -> Self {
        let asked = format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{headers}\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self(stream)
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first, 0xff];
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        frame.extend_from_slice(&[7; 4]);
        frame.extend(payload.iter().map(|byte| byte ^ 7));
        // Who has been refused need not be there any more.
        let _ = self.0.write_all(&frame).await;
    }

    async fn receive(&mut self) -> (u8, Vec<u8>) {
        let (first, short) = (self.0.read_u8().await.unwrap(), self.0.read_u8().await.unwrap());
        let length = match short {
            126 => self.0.read_u16().await.unwrap().into(),
            127 => self.0.read_u64().await.unwrap(),
            short => short.into(),
        };
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    async fn hear(&mut self) -> Value {
        let (first, payload) = self.receive().await;
        assert_eq!(first, 0x81);
        std::str::from_utf8(&payload).unwrap().parse().unwrap()
    }

    async fn ask(&mut self, line: &str) -> Value {
        self.send(0x81, line.as_bytes()).await;
        self.hear().await
    }
}

async fn chat(stream: &mut TcpStream, line: &str) -> Value {
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n\r\n") {
        reply.push(stream.read_u8().await.unwrap());
    }
    std::str::from_utf8(&reply).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn the_page_is_on_the_chat_port_over_tls_too_and_on_addresses_of_its_own() {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let realm =
        Realm::with(|config| config.web = WebConfig { listen: vec![here], ..Default::default() })
            .await;
    let asked = get("/", "localhost:8889", "");
    let connector = TlsConnector::from(Arc::new(client_config(None)));
    let name = IpAddr::from(Ipv4Addr::LOCALHOST).into();
    let tls = connector.connect(name, realm.connect().await).await.unwrap();
    let apart = realm.server.web_addresses()[0];
    let own = TcpStream::connect(apart).await.unwrap();
    let pages = [realm.said(&asked).await, said(tls, &asked).await, said(own, &asked).await];
    for page in pages {
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("alpha"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none';"), "{page}");
    }
    assert_eq!(realm.server.page(), format!("http://{apart}/"));
    // There chat is not spoken.
    assert_eq!(said(TcpStream::connect(apart).await.unwrap(), b"PING\r\n").await, "");
}

#[tokio::test]
async fn pages_of_others_are_kept_out() {
    let realm = Realm::with(|_| ()).await;
    for (status, host, headers) in [
        ("421", "rebound.example:8889", String::new()),
        ("421", "rebound.example:8889", UPGRADE.into()),
        ("403", "localhost:8889", "Origin: http://evil.example\r\n".into()),
        ("403", "localhost:8889", format!("{UPGRADE}Origin: http://evil.example\r\n")),
        ("403", "localhost:8889", format!("{UPGRADE}Origin: http://localhost:3000\r\n")),
    ] {
        let said = realm.said(&get("/ws", host, &headers)).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{headers} {said}");
    }
    let own = format!("Origin: http://{}\r\n", realm.address);
    let page = realm.said(&get("/", &realm.address.to_string(), &own)).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
}

/// Whatever the method, the first request of a connection is answered as any later one would be.
#[tokio::test]
async fn a_request_that_is_not_done_is_told_so() {
    let realm = Realm::with(|_| ()).await;
    let host = "Host: localhost\r\n";
    for (status, line) in [
        (405, "DELETE / HTTP/1.1"),
        (405, "TRACE / HTTP/1.1"),
        (405, "PUT /a HTTP/1.1"),
        (405, "POST /register HTTP/1.1"),
        (405, "TRACE /files HTTP/1.1"),
        (400, "OPTIONS * HTTP/1.1"),
        (400, "GET http://localhost/ HTTP/1.1"),
        (400, "CONNECT localhost:8889 HTTP/1.1"),
    ] {
        for before in [String::new(), format!("GET /nothing HTTP/1.1\r\n{host}\r\n")] {
            let request = format!("{before}{line}\r\n{host}Connection: close\r\n\r\nPING\r\n");
            let said = realm.said(request.as_bytes()).await;
            let last = said.rfind("HTTP/1.1 ").map_or("", |at| &said[at..]);
            assert!(last.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {said}");
            assert!(!said.contains("PONG"), "{line}: {said}");
        }
    }
    // These are chat.
    for line in ["DELETE bob 7", "POST bob HTTP/1.1", "POST bob : http://x HTTP/1.1"] {
        let mut stream = realm.connect().await;
        assert_eq!(chat(&mut stream, line).await["status"], "ERROR", "{line}");
    }
}

/// What a page can have sent to the port is never chat, in whatever it is wrapped.
#[tokio::test]
async fn nothing_of_a_request_is_chat() {
    let realm = Realm::with(|_| ()).await;
    let line = "REGISTER eve pw\r\n";
    for request in [
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{line}"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{line}"),
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 17\r\n\r\n{line}"
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{line}"
        ),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n{line}"),
        format!("GET / HTTP/1.1\r\n{line}\r\n"),
        format!("GET /{} HTTP/1.1\r\n{line}", "x".repeat(20 << 10)),
        format!("HEAD /{}\r\n{line}", "x".repeat(9 << 10)),
    ] {
        let mut stream = realm.connect().await;
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            all.extend_from_slice(&buffer[..n]);
        }
        let said = String::from_utf8(all).unwrap();
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{request:.80} {said}");
    }
    let mut amy = realm.connect().await;
    assert_eq!(chat(&mut amy, "AUTH eve pw").await["code"], "user_not_found");
}

#[tokio::test]
async fn a_web_socket_is_a_connection_like_any_other() {
    let realm = Realm::with(|_| ()).await;
    let mut amy = realm.socket("Origin: http://localhost\r\n").await;
    let mut bob = realm.connect().await;
    assert_eq!(amy.ask("REGISTER amy pw").await["status"], "OK");
    assert_eq!(chat(&mut bob, "REGISTER bob pw").await["status"], "OK");
    assert_eq!(amy.ask("watch").await["status"], "OK");
    assert_eq!(chat(&mut bob, "SEND amy hello").await["data"], "Message sent");
    let event = amy.hear().await;
    assert_eq!((&event["event"], &event["message"]), (&"message".into(), &"hello".into()));
    // Replies come in the order of the requests, however many are sent at once.
    for n in 0..100 {
        amy.send(0x81, format!("SEND bob m{n}").as_bytes()).await;
    }
    for _ in 0..100 {
        assert_eq!(amy.hear().await["data"], "Message sent");
    }
    // A reply of many frames' worth is one message.
    let inbox = chat(&mut bob, "INBOX").await;
    assert_eq!(inbox["data"].as_array().unwrap().len(), 100);
    let sent = amy.ask("SENT").await;
    assert_eq!(sent["data"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn one_line_a_message_and_what_is_wrong_with_one_is_said() {
    let realm = Realm::with(|_| ()).await;
    let mut amy = realm.socket("").await;
    amy.send(0x01, b"PI").await;
    amy.send(0x89, b"there?").await;
    amy.send(0x80, b"NG\r\n").await;
    let (mut pong, mut reply) = (amy.receive().await, amy.receive().await);
    if pong.0 != 0x8a {
        std::mem::swap(&mut pong, &mut reply);
    }
    assert_eq!(pong, (0x8a, b"there?".to_vec()));
    assert_eq!(reply, (0x81, b"{\"status\":\"OK\",\"data\":\"PONG\"}".to_vec()));
    assert_eq!(amy.ask("REGISTER amy pw\nPING").await["code"], "bad_parameters");
    assert_eq!(amy.ask("AUTH amy pw").await["code"], "user_not_found");
    assert_eq!(amy.ask(&"x".repeat(1 << 20)).await["code"], "too_long");
    amy.send(0x81, b"PING \xff").await;
    assert_eq!(amy.hear().await["code"], "bad_encoding");
    // Not even the first line is HTTP here.
    assert_eq!(amy.ask("GET / HTTP/1.1").await["code"], "unknown_request");
    assert_eq!(amy.ask("PING").await["data"], "PONG");
    amy.send(0x82, b"binary").await;
    assert_eq!(amy.receive().await, (0x88, vec![3, 0xeb]));
    assert!(amy.0.read_u8().await.is_err());
}

#[tokio::test]
async fn when_the_realm_stops_what_was_asked_is_answered_and_it_says_so() {
    let realm = Realm::with(|_| ()).await;
    let mut amy = realm.socket("").await;
    assert_eq!(amy.ask("PING").await["data"], "PONG");
    let mut idle = realm.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: loc").await.unwrap();
    realm.server.shut_down().await;
    assert_eq!(amy.receive().await, (0x88, vec![3, 0xe9]));
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
}

/// The limits by address are those of whom the proxy names, and of nobody else's word.
#[tokio::test]
async fn a_trusted_proxy_says_for_whom_it_is() {
    let realm = Realm::with(|config| {
        config.local_mode = Some(false);
        config.limits.connections_per_address = Some(1);
        config.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let forwarded = |from: &str| format!("X-Forwarded-For: 6.6.6.6, {from}\r\n");
    let first = realm.socket(&forwarded("192.0.2.1")).await;
    let second = get("/ws", "localhost", &(UPGRADE.to_string() + &forwarded("192.0.2.1")));
    assert!(realm.said(&second).await.starts_with("HTTP/1.1 429 "));
    let _other = realm.socket(&forwarded("192.0.2.2")).await;
    drop(first);
    // The same by the PROXY protocol, in parts, for chat, for TLS and for HTTP.
    let header = |last: u8| {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend_from_slice(&[192, 0, 2, last, 127, 0, 0, 1, 0, 9, 0, 9]);
        header
    };
    let mut third = realm.connect().await;
    for byte in header(3) {
        third.write_all(&[byte]).await.unwrap();
    }
    assert_eq!(chat(&mut third, "PING").await["data"], "PONG");
    assert_eq!(realm.said(&[header(3), b"PING\r\n".to_vec()].concat()).await, "");
    let page = realm.said(&[header(4), get("/", "localhost", "")].concat()).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let mut fifth = realm.connect().await;
    fifth.write_all(&header(5)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client_config(None)));
    let tls = connector.connect(IpAddr::from(Ipv4Addr::LOCALHOST).into(), fifth).await.unwrap();
    let page = said(tls, &get("/", "localhost", "")).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    // Without such a header it speaks for itself, and blank lines are blank lines.
    let mut plain = realm.connect().await;
    assert_eq!(chat(&mut plain, "\r\n\r\nPING").await["data"], "PONG");
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let realm = Realm::with(|config| {
        config.local_mode = Some(false);
        config.limits.connections_per_address = Some(1);
    })
    .await;
    let _first = realm.socket("X-Forwarded-For: 192.0.2.1\r\n").await;
    let said = realm.said(b"").await;
    assert!(said.contains("too_many_connections"), "{said}");
}
