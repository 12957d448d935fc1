//! The chat port with TLS and without: what is told apart, what is refused, who may take how long.

#![allow(clippy::unwrap_used)]

use antar_server::{Config, Identity, LimitsConfig, PasswordsConfig, Server, client_config};
use antar_store::MemoryEngine;
use antar_text::Value;
use antar_types::{END, Name};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Less than a handshake may take and than last replies may: what must not wait for either.
const SOON: Duration = Duration::from_secs(4);

struct Realm {
    server: Server,
    address: SocketAddr,
    directory: TempDir,
}

impl Realm {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

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
        let port = server.addresses()[0].port();
        Self { server, address: SocketAddr::from(([127, 0, 0, 1], port)), directory }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From another of this machine's own addresses.
    async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn connect_tls(&self, identity: Option<&Identity>) -> TlsStream<TcpStream> {
        handshake(self.connect().await, identity).await
    }
}

async fn handshake(stream: TcpStream, identity: Option<&Identity>) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(Arc::new(client_config(identity)));
    let somewhere = IpAddr::from(Ipv4Addr::LOCALHOST).into();
    connector.connect(somewhere, stream).await.unwrap()
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Value {
    let mut reply = Vec::new();
    while !reply.ends_with(END) {
        reply.push(stream.read_u8().await.unwrap());
    }
    std::str::from_utf8(&reply).unwrap().trim().parse().unwrap()
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), line: &str) -> Value {
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    hear(stream).await
}

/// Everything until the end, which may be a reset.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        all.extend_from_slice(&buffer[..n]);
    }
    all
}

#[tokio::test]
async fn clients_with_and_without_a_certificate_talk_to_those_without_tls() {
    let realm = Realm::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let name = Name::parse("beta").unwrap();
    let identity = Identity::open_or_make(elsewhere.path(), &name).unwrap();
    let mut amy = realm.connect().await;
    let mut bob = realm.connect_tls(None).await;
    let mut carol = realm.connect_tls(Some(&identity)).await;
    assert_eq!(ask(&mut amy, "REGISTER amy pw").await["status"], "OK");
    assert_eq!(ask(&mut bob, "REGISTER bob pw").await["status"], "OK");
    assert_eq!(ask(&mut carol, "REGISTER carol pw").await["status"], "OK");
    for stream in [&mut bob, &mut carol] {
        assert_eq!(ask(stream, "SEND amy hello").await["status"], "OK");
    }
    assert_eq!(ask(&mut amy, "INBOX").await["data"].as_array().unwrap().len(), 2);
    realm.server.shut_down().await;
}

#[tokio::test]
async fn the_certificate_is_the_realms_and_stays() {
    let realm = Realm::start().await;
    let key = realm.server.fingerprint();
    let stream = realm.connect_tls(None).await;
    let shown = stream.get_ref().1.peer_certificates().unwrap();
    let name = Name::parse("alpha").unwrap();
    let kept = Identity::open_or_make(realm.directory.path(), &name).unwrap();
    assert_eq!((shown.len(), kept.fingerprint()), (1, key));
    let file = realm.directory.path().join("identity.pem");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    realm.server.shut_down().await;

    let config = Config {
        data: realm.directory.path().into(),
        name: Some("alpha".into()),
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..Default::default()
    };
    let again = Server::start_over(&config, Box::new(MemoryEngine::default())).await.unwrap();
    assert_eq!(again.fingerprint(), key);
    again.shut_down().await;

    std::fs::write(&file, "rubbish").unwrap();
    let refused = Server::start_over(&config, Box::new(MemoryEngine::default())).await;
    let said = refused.err().unwrap().to_string();
    assert!(said.contains("identity.pem") && said.contains("damaged"), "{said}");
    assert!(!said.contains('\n'));
}

#[tokio::test]
async fn what_only_begins_like_tls_is_closed_and_others_go_on() {
    let realm = Realm::start().await;
    let mut amy = realm.connect().await;
    for rubbish in [&[0x16; 64][..], b"\x16\x03\x01\x00\x05hello", b"\x16PING\nPING\nPING\n"] {
        let mut stream = realm.connect().await;
        stream.write_all(rubbish).await.unwrap();
        let said = rest(&mut stream).await;
        // An alert at most, and never a reply.
        assert!(said.is_empty() || said[0] == 0x15, "{said:?}");
    }
    assert_eq!(ask(&mut amy, "PING").await["data"], "PONG");
    realm.server.shut_down().await;
}

/// A ClientHello of TLS 1.2: no `supported_versions`.
fn hello_of_tls12() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]); // random
    body.push(0); // session
    body.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]); // ECDHE with AES-128-GCM, ECDSA and RSA
    body.extend([1, 0]); // no compression
    let extensions = [
        0, 10, 0, 4, 0, 2, 0, 23, // groups: P-256
        0, 11, 0, 2, 1, 0, // uncompressed points
        0, 13, 0, 6, 0, 4, 4, 3, 8, 4, // signatures: ECDSA and RSA-PSS with SHA-256
    ];
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length], &body[..]].concat()
}

#[tokio::test]
async fn older_tls_is_refused() {
    let realm = Realm::start().await;
    let mut stream = realm.connect().await;
    stream.write_all(&hello_of_tls12()).await.unwrap();
    // A fatal alert: protocol_version.
    assert_eq!(rest(&mut stream).await, [0x15, 3, 3, 0, 2, 2, 70]);
    realm.server.shut_down().await;
}

#[tokio::test]
async fn much_is_written_to_one_that_reads_late() {
    const ASKED: usize = 5_000;
    let realm = Realm::start().await;
    let (mut reader, mut writer) = tokio::io::split(realm.connect_tls(None).await);
    let writing = tokio::spawn(async move {
        writer.write_all("HELP\n".repeat(ASKED).as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    // More than the system buffers, so that the server has to wait with what TLS has encrypted.
    let mut all = Vec::new();
    reader.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.windows(END.len()).filter(|w| *w == END).count(), ASKED);
    writing.await.unwrap();
    realm.server.shut_down().await;
}

#[tokio::test]
async fn closing_tcp_alone_ends_it_as_well() {
    let realm = Realm::start().await;
    let mut stream = realm.connect_tls(None).await;
    stream.write_all(b"PING\nPI").await.unwrap();
    stream.flush().await.unwrap();
    stream.get_mut().0.shutdown().await.unwrap();
    assert_eq!(hear(&mut stream).await["message"], Value::Null);
    assert!(rest(&mut stream).await.is_empty());
    realm.server.shut_down().await;
}

#[tokio::test]
async fn half_a_handshake_does_not_hold_up_the_end() {
    let realm = Realm::start().await;
    let (mut silent, mut half) = (realm.connect().await, realm.connect().await);
    let mut amy = realm.connect_tls(None).await;
    let hello = hello_of_tls12();
    half.write_all(&hello[..hello.len() / 2]).await.unwrap();
    // Whoever connected before has been let in by now.
    assert_eq!(ask(&mut amy, "PING").await["data"], "PONG");
    let began = Instant::now();
    realm.server.shut_down().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // Over TLS the end is a proper one.
    assert_eq!(amy.read(&mut [0]).await.unwrap(), 0);
    assert!(rest(&mut silent).await.is_empty() && rest(&mut half).await.is_empty());
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered_though_nobody_has_looked_at_it() {
    use std::io::{Read, Write};
    let realm = Realm::start().await;
    // Nothing of the server runs meanwhile.
    let asked = (0..20).map(|_| {
        let mut stream = std::net::TcpStream::connect(realm.address).unwrap();
        stream.write_all(b"PING\n").unwrap();
        stream
    });
    let asked: Vec<_> = asked.collect();
    let silent = std::net::TcpStream::connect(realm.address).unwrap();
    let began = Instant::now();
    realm.server.shut_down().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    for mut stream in asked {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.contains("PONG"), "{said:?}");
    }
    assert_eq!((&silent).read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn only_one_that_may_be_a_plain_peer_need_not_log_in() {
    let realm = Realm::with(|config| {
        config.listen = vec![SocketAddr::from(([0, 0, 0, 0], 0))];
        config.plain_peers = vec![Ipv4Addr::LOCALHOST.into()];
        config.limits =
            LimitsConfig { login_seconds: 1, idle_seconds: 1, ..LimitsConfig::default() };
    })
    .await;
    let from = |last| realm.connect_from(last);
    let (mut listed, mut listed_and_silent) = (from(1).await, from(1).await);
    assert_eq!(ask(&mut listed, "PING").await["data"], "PONG");
    let (mut other, mut other_and_silent, mut half) = (from(2).await, from(2).await, from(2).await);
    assert_eq!(ask(&mut other, "PING").await["data"], "PONG");
    half.write_all(&[0x16]).await.unwrap();
    for stream in [&mut other, &mut other_and_silent] {
        assert_eq!(hear(stream).await["code"], "timed_out");
        assert!(rest(stream).await.is_empty());
    }
    assert!(rest(&mut half).await.is_empty());
    for stream in [&mut listed, &mut listed_and_silent] {
        assert_eq!(ask(stream, "PING").await["data"], "PONG");
    }
}

/// More than there are places in all, so that one address could take every one.
#[tokio::test]
async fn slow_handshakes_of_one_address_do_not_keep_anothers_out() {
    let realm = Realm::with(|config| {
        config.listen = vec![SocketAddr::from(([0, 0, 0, 0], 0))];
        config.limits.login_seconds = 0;
        config.limits.handshake_seconds = 3_600;
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = realm.connect_from(1).await;
        stream.write_all(&[0x16]).await.unwrap();
        slow.push(stream);
    }
    // Those before it have been seen once this one is answered.
    assert_eq!(ask(&mut realm.connect_from(1).await, "PING").await["data"], "PONG");
    let handshake = handshake(realm.connect_from(2).await, None);
    let mut other = tokio::time::timeout(SOON, handshake).await.expect("no place is left");
    assert_eq!(ask(&mut other, "PING").await["data"], "PONG");
}

#[tokio::test]
async fn realms_that_nobody_knows_may_not_call_all_the_time() {
    let realm = Realm::with(|config| {
        config.listen = vec![SocketAddr::from(([0, 0, 0, 0], 0))];
        config.limits.strangers_per_minute = Some(2);
    })
    .await;
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Identity::open_or_make(elsewhere.path(), &Name::parse("beta").unwrap()).unwrap();
    for _ in 0..2 {
        let mut call = handshake(realm.connect_from(1).await, Some(&stranger)).await;
        assert_eq!(ask(&mut call, "PING").await["data"], "PONG");
    }
    let mut refused = handshake(realm.connect_from(1).await, Some(&stranger)).await;
    assert_eq!(ask(&mut refused, "PING").await["code"], "rate_limited");
    assert!(rest(&mut refused).await.is_empty());
    // Clients at that address, and realms at others, are not meant.
    let mut client = handshake(realm.connect_from(1).await, None).await;
    assert_eq!(ask(&mut client, "PING").await["data"], "PONG");
    let mut other = handshake(realm.connect_from(2).await, Some(&stranger)).await;
    // Once it has asked for a link its key is known, and it may call as often as it likes.
    let greeting = "ACKREALM alpha 127.0.0.1 1 127.0.0.2 1 from=beta";
    assert_eq!(ask(&mut other, greeting).await["state"], "waiting");
    let mut again = handshake(realm.connect_from(1).await, Some(&stranger)).await;
    assert_eq!(ask(&mut again, "PING").await["data"], "PONG");
}
