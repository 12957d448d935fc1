//! `antar demo`.

use crate::serve;
use antar_server::{Config, Offline, Server};
use std::net::SocketAddr;

/// The users of the demonstration.
const USERS: [&str; 3] = ["messi", "henderson", "lineker"];
const PASSWORD: &str = "surabaya";

#[derive(clap::Args)]
pub struct Options {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8889")]
    listen: SocketAddr,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let config = Config {
        name: Some("demo".into()),
        data: directory.path().into(),
        listen: vec![options.listen],
        log: "warn".into(),
        ..Config::default()
    };
    serve::start_logging(&config)?;
    let mut realm = Offline::open(&config)?;
    for user in USERS {
        realm.request(&format!("ADDUSER {user} user {PASSWORD}"))?;
    }
    drop(realm);
    serve::runtime(&config)?.block_on(serve::serve(&config, explain))
}

fn explain(server: &Server) {
    let Some(address) = server.addresses().first() else { return };
    let (host, port) = (address.ip(), address.port());
    println!(
        "antar: realm {name} listening on {address}

A realm to try. Its users are messi, henderson and lineker, their password is {PASSWORD}.
Everything is forgotten when you stop it with Ctrl-C; `antar serve` is for real use.

With nothing but nc (a request is a line, a reply is JSON and an empty line):
    nc {host} {port}
    auth messi {PASSWORD}
    send henderson hello from messi
and as henderson, in another terminal:
    nc {host} {port}
    auth henderson {PASSWORD}
    inbox
    watch

With Python:
    import socket
    s = socket.create_connection((\"{host}\", {port}))
    s.sendall(b\"auth lineker {PASSWORD}\\nsend messi hello\\n\")
    print(s.recv(4096).decode())

With the client that comes with Antar (in this directory: cargo run --release -- chat):
    antar chat {address}

Type `help` in any of them to see what else there is.",
        name = server.name()
    );
}
