//! What an operator sees of a realm while its disk fails, hangs and recovers.

#![allow(clippy::unwrap_used)]

use antar_server::{Config, PasswordsConfig, Server};
use antar_store::{
    Batch, Direction, Engine, Key, MemoryEngine, NotCommitted, Pairs, StoreError, Value, Visit,
};
use antar_types::END;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A disk that takes nothing while a test holds it.
struct Held(MemoryEngine, Arc<Hold>);

#[derive(Default)]
struct Hold {
    held: Mutex<bool>,
    freed: Condvar,
}

/// Holds the disk until it is dropped.
struct Holding(Arc<Hold>);

impl Holding {
    fn begin(hold: &Arc<Hold>) -> Self {
        *hold.held.lock().unwrap() = true;
        Self(hold.clone())
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        *self.0.held.lock().unwrap() = false;
        self.0.freed.notify_all();
    }
}

impl Pairs for Held {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.0.read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.scan(range, direction, visit)
    }
}

impl Engine for Held {
    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted> {
        let held = self.1.held.lock().unwrap();
        drop(self.1.freed.wait_while(held, |held| *held).unwrap());
        self.0.commit(number, batch)
    }

    fn acknowledged(&self) -> u64 {
        self.0.acknowledged()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.0.reopen()
    }
}

async fn start(directory: &std::path::Path, engine: Box<dyn Engine>) -> Server {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config {
        data: directory.into(),
        name: Some("alpha".into()),
        listen: vec![any],
        metrics: Some(any),
        passwords: PasswordsConfig { memory_kib: 8, iterations: 1, ..Default::default() },
        ..Default::default()
    };
    Server::start_over(&config, engine).await.unwrap()
}

/// The status line and the body.
async fn get(server: &Server, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.metrics().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: realm\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().into(), body.into())
}

async fn sample(server: &Server, name: &str) -> f64 {
    let (_, page) = get(server, "/metrics").await;
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

/// Asks for a sample until it is as it should be.
async fn until(server: &Server, name: &str, value: f64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while sample(server, name).await != value {
        assert!(Instant::now() < deadline, "{name} never was {value}");
        tokio::task::yield_now().await;
    }
}

async fn ask(stream: &mut TcpStream, line: &str) -> String {
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(END) {
        reply.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn a_realm_whose_disk_fails_is_not_healthy_until_it_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::default();
    let server = start(directory.path(), Box::new(engine.clone())).await;
    let mut amy = TcpStream::connect(server.addresses()[0]).await.unwrap();
    assert!(ask(&mut amy, "REGISTER amy pw").await.contains("OK"));
    let (status, said) = get(&server, "/health").await;
    assert_eq!((&*status, &*said), ("HTTP/1.1 200 OK", "{\"status\":\"ok\"}\n"));
    assert_eq!(sample(&server, "antar_commits_failed_total").await, 0.0);

    engine.fail_commits(true);
    assert!(ask(&mut amy, "SEND amy refused").await.contains("unavailable"));
    let (status, said) = get(&server, "/health").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(said.contains("\"reason\":\"read-only: "), "{said}");
    for (name, value) in [
        ("antar_read_only", 1.0),
        ("antar_healthy", 0.0),
        ("antar_commits_failed_total", 1.0),
        // It was decided, and refused since the disk refused it.
        ("antar_refusals_total{code=\"unavailable\"}", 1.0),
    ] {
        assert_eq!(sample(&server, name).await, value, "{name}");
    }

    engine.fail_commits(false);
    until(&server, "antar_read_only", 0.0).await;
    assert_eq!(get(&server, "/health").await.0, "HTTP/1.1 200 OK");
    server.shut_down().await;
}

// With threads of their own for the connections: a hub that shares theirs writes batches itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_the_disk_holds_up_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let hold = Arc::new(Hold::default());
    let server =
        start(directory.path(), Box::new(Held(MemoryEngine::default(), hold.clone()))).await;
    let mut amy = TcpStream::connect(server.addresses()[0]).await.unwrap();
    assert!(ask(&mut amy, "REGISTER amy pw").await.contains("OK"));
    until(&server, "antar_batches_under_way", 0.0).await;
    let synced = sample(&server, "antar_commit_seconds_count").await;

    let held = Holding::begin(&hold);
    amy.write_all(b"SEND amy x\n").await.unwrap();
    until(&server, "antar_batches_under_way", 1.0).await;
    amy.write_all(b"SEND amy y\nSEND amy z\n").await.unwrap();
    until(&server, "antar_batch_filling_events", 2.0).await;
    assert!(sample(&server, "antar_commit_under_way_seconds").await > 0.0);
    assert_eq!(sample(&server, "antar_commit_seconds_count").await, synced);
    drop(held);

    until(&server, "antar_commit_seconds_count", synced + 2.0).await;
    assert_eq!(sample(&server, "antar_batch_events_bucket{le=\"1.0\"}").await, 1.0);
    assert_eq!(sample(&server, "antar_batch_filling_events").await, 0.0);
    server.shut_down().await;
}

#[tokio::test]
async fn only_what_is_there_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), Box::new(MemoryEngine::default())).await;
    assert_eq!(get(&server, "/").await.1, "antar 0.1.0, realm alpha: /metrics /health\n");
    assert!(get(&server, "/metrics/").await.0.contains("404"));
    let told = |request: &'static str| {
        let address = server.metrics().unwrap();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            answer
        }
    };
    let post = told("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("\r\nallow: GET, HEAD\r\n"));
    let head = told("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(told("send amy hello\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    // A connection is closed after its answer.
    let asked_twice = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(told(asked_twice).await.matches("HTTP/1.1").count(), 1);
    let open = "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n";
    let page = told(open).await;
    assert!(page.contains("application/openmetrics-text") && page.ends_with("# EOF\n"));
    let address = server.metrics().unwrap();
    server.shut_down().await;
    assert!(TcpStream::connect(address).await.is_err());
}
