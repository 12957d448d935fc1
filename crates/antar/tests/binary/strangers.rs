//! Strangers with certificates of their own, who say that they are a realm.

use crate::links::{done, fingerprint, links, refused, until, until_it};
use crate::realm::{PATIENCE, Realm};
use antar_server::{Identity, Tls};
use antar_types::Name;
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A certificate of one's own.
fn identity(name: &str) -> (Identity, String) {
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity::open_or_make(directory.path(), &Name::parse(name).unwrap()).unwrap();
    let key = identity.fingerprint().to_string();
    (identity, key)
}

/// A connection over TLS, made with a certificate or taken.
struct Stranger {
    runtime: Runtime,
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Stranger {
    fn over(runtime: Runtime, stream: Box<dyn Stream>) -> Self {
        Self { runtime, stream, read: Vec::new() }
    }

    fn call(address: &str, identity: &Identity) -> Self {
        let (runtime, tls) = (runtime(), Tls::new(identity));
        let stream = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            tls.connect(stream).await.unwrap().0
        });
        Self::over(runtime, Box::new(stream))
    }

    fn send(&mut self, line: &str) -> io::Result<()> {
        let Self { runtime, stream, .. } = self;
        runtime.block_on(async {
            stream.write_all(format!("{line}\n").as_bytes()).await?;
            stream.flush().await
        })
    }

    /// The next answer, whatever the realm asks meanwhile; none where the connection has ended.
    fn hear(&mut self) -> Option<Value> {
        let Self { runtime, stream, read } = self;
        let mut buffer = [0; 4096];
        loop {
            while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = read.drain(..=end).collect();
                if line.starts_with(b"{") {
                    return Some(serde_json::from_slice(&line).unwrap());
                }
            }
            let more =
                runtime.block_on(async { timeout(PATIENCE, stream.read(&mut buffer)).await });
            match more.expect("nothing came") {
                Ok(n @ 1..) => read.extend_from_slice(&buffer[..n]),
                Ok(0) | Err(_) => return None,
            }
        }
    }

    fn ask(&mut self, line: &str) -> Option<Value> {
        self.send(line).ok()?;
        self.hear()
    }

    fn greet(&mut self, from: &str) -> Option<Value> {
        self.ask(&format!("ACKREALM alpha 127.0.0.1 1 127.0.0.1 1 from={from}"))
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_stranger_does_not_become_the_realm_that_is_added() {
    let alpha = Realm::named("alpha", "inbound = \"approve\"");
    let beta = Realm::named("beta", "");
    let (address, ended) = (alpha.address().to_string(), AtomicBool::new(false));
    let ready = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (address, ended, ready) = (&address, &ended, &ready);
            scope.spawn(move || {
                let (identity, _) = identity(&format!("eve{n}"));
                while !ended.load(Ordering::Relaxed) {
                    let mut stranger = Stranger::call(address, &identity);
                    while let Some(answer) = stranger.greet("beta")
                        && !ended.load(Ordering::Relaxed)
                    {
                        ready.store(true, Ordering::Relaxed);
                        assert_ne!(answer["state"], "up", "{answer}");
                    }
                }
            });
        }
        let tried = std::panic::catch_unwind(|| {
            while !ready.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let key = fingerprint(&beta);
            for n in 0..6 {
                let mut add = vec!["add", "beta", beta.address()];
                add.extend((n % 2 == 0).then_some(["--key", &key]).into_iter().flatten());
                assert_eq!(done(&alpha, &add), "linked with beta\n");
                assert_eq!(until(&alpha, "up")["fingerprint"], *key);
                done(&alpha, &["remove", "beta"]);
                until(&beta, "removed");
                done(&beta, &["remove", "alpha"]);
            }
        });
        ended.store(true, Ordering::Relaxed);
        tried.unwrap();
    });
}

#[test]
fn who_waits_is_shown_with_its_key_and_approved_by_it() {
    let alpha = Realm::named("alpha", "inbound = \"approve\"");
    let ((eve, eves), (_, betas)) = (identity("eve"), identity("beta"));
    let mut stranger = Stranger::call(alpha.address(), &eve);
    assert_eq!(stranger.greet("beta").unwrap()["state"], "waiting");
    let listed = done(&alpha, &["list"]);
    assert!(listed.contains(&format!("antar realm approve beta {eves}")), "{listed}");
    let said = refused(&alpha, &["approve", "beta", &betas]);
    assert!(said.contains("realm_key") && said.contains(&eves), "{said}");
    assert!(refused(&alpha, &["approve", "beta", "sha256:x"]).contains("no fingerprint"));
    assert_eq!(until(&alpha, "waiting")["fingerprint"], *eves);
    assert!(done(&alpha, &["approve", "beta"]).contains(&eves));
}

/// Whoever is called may not use the connection to guess passwords, which are not counted for whom a realm
/// itself has called.
#[test]
fn who_is_called_by_a_realm_does_not_log_in_there() {
    let alpha = Realm::named("alpha", "");
    let mut amy = alpha.user("amy");
    let (runtime, (eve, _)) = (runtime(), identity("beta"));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    amy.say(&format!("ADDREALM beta 127.0.0.1 {port}"));
    let stream = runtime.block_on(async {
        let (stream, _) = listener.accept().await.unwrap();
        Tls::new(&eve).accept(stream, PATIENCE).await.unwrap().0
    });
    let mut called = Stranger::over(runtime, stream);
    for guess in ["AUTH amy guess", "AUTH amy pw", "REGISTER eve pw", "WHOAMI"] {
        assert_eq!(called.ask(guess).unwrap()["code"], "forbidden", "{guess}");
    }
    called.send(r#"{"status":"OK","realm":"beta","state":"up"}"#).unwrap();
    assert_eq!(amy.next()["state"], "up");
    assert_eq!(called.ask("AUTH amy pw").unwrap()["code"], "forbidden");
    assert_eq!(called.ask("PING").unwrap()["data"], "PONG");
}

#[test]
fn what_is_said_again_and_again_is_logged_once() {
    let mut alpha = Realm::stopped("");
    alpha.configure("inbound = \"approve\"");
    let config = std::fs::read_to_string(alpha.config()).unwrap();
    std::fs::write(alpha.config(), config.replace("log = \"warn\"", "log = \"info\"")).unwrap();
    alpha.start();
    let (eve, eves) = identity("eve");
    let mut stranger = Stranger::call(alpha.address(), &eve);
    for _ in 0..500 {
        assert_eq!(stranger.greet("beta").unwrap()["state"], "waiting");
    }
    let log = alpha.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("link with")).collect();
    assert!(lines.len() == 1 && lines[0].contains(&eves), "{lines:#?}");
}

#[test]
fn strangers_do_not_take_all_places_to_wait() {
    let alpha = Realm::named("alpha", "inbound = \"approve\"");
    let strangers: Vec<Stranger> = (0..70)
        .map(|n| {
            let (eve, _) = identity("eve");
            let mut stranger = Stranger::call(alpha.address(), &eve);
            assert_eq!(stranger.greet(&format!("eve{n}")).unwrap()["state"], "waiting", "{n}");
            stranger
        })
        .collect();
    assert!(links(&alpha).len() <= 64);
    let beta = Realm::named("beta", "");
    let said = done(&beta, &["add", "alpha", alpha.address()]);
    assert!(said.contains("waits for `antar realm approve`"), "{said}");
    done(&alpha, &["approve", "beta", &fingerprint(&beta)]);
    until_it(&beta, |link| link["state"] == "up");
    drop(strangers);
}
