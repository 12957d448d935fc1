//! A disk that takes nothing for a while: changes are refused, reading goes on, nothing that was
//! acknowledged is lost and nothing that was refused is there.

#![allow(clippy::unwrap_used)]

use antar_server::{Config, PasswordsConfig, Server};
use antar_store::MemoryEngine;
use antar_text::Value;
use antar_types::END;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn ask(&mut self, line: &str) -> Value {
        self.0.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(END) {
            reply.push(self.0.read_u8().await.unwrap());
        }
        std::str::from_utf8(&reply).unwrap().trim().parse().unwrap()
    }

    async fn inbox(&mut self) -> Vec<String> {
        let reply = self.ask("INBOX").await;
        let texts = reply["data"].as_array().unwrap().iter().map(|m| m["message"].to_string());
        texts.collect()
    }
}

fn config(directory: &std::path::Path) -> Config {
    Config {
        data: directory.into(),
        name: Some("alpha".into()),
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        passwords: PasswordsConfig { memory_kib: 8, iterations: 1, ..Default::default() },
        ..Default::default()
    }
}

#[tokio::test]
async fn refuses_changes_keeps_reading_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::default();
    let config = config(directory.path());
    let server = Server::start_over(&config, Box::new(engine.clone())).await.unwrap();
    let address = server.addresses()[0];
    let mut amy = Client::connect(address).await;
    amy.ask("REGISTER amy pw").await;
    let first = amy.ask("SEND amy kept").await["id"].as_u64().unwrap();

    engine.fail_commits(true);
    assert_eq!(amy.ask("SEND amy refused").await["code"], "unavailable");
    assert_eq!(amy.ask("SEND amy refused again").await["code"], "unavailable");
    let mut bob = Client::connect(address).await;
    assert_eq!(bob.ask("REGISTER bob pw").await["code"], "unavailable");
    assert_eq!(bob.ask("AUTH bob pw").await["code"], "user_not_found");
    assert_eq!(amy.ask("WHOAMI").await["data"], "amy");
    assert_eq!(amy.inbox().await, ["\"kept\""]);

    engine.fail_commits(false);
    let deadline = Instant::now() + Duration::from_secs(30);
    let second = loop {
        let reply = amy.ask("SEND amy after").await;
        if reply["status"] == "OK" {
            break reply["id"].as_u64().unwrap();
        }
        assert_eq!(reply["code"], "unavailable");
        assert!(Instant::now() < deadline, "it never recovered");
    };
    assert!(second > first);
    assert_eq!(bob.ask("REGISTER bob pw").await["status"], "OK");
    assert_eq!(amy.inbox().await, ["\"kept\"", "\"after\""]);
    server.shut_down().await;

    let server = Server::start_over(&config, Box::new(engine)).await.unwrap();
    let mut amy = Client::connect(server.addresses()[0]).await;
    amy.ask("AUTH amy pw").await;
    assert_eq!(amy.inbox().await, ["\"kept\"", "\"after\""]);
    server.shut_down().await;
}
