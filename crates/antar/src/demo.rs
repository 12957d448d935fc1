//! `antar demo`: two realms that are linked.

use crate::{admin, serve};
use antar_client::Client;
use antar_server::{Config, InboundLinks, Offline, Server};
use anyhow::{Context, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// The realms of the demonstration and their users.
const ALPHA: (&str, [&str; 3]) = ("alpha", ["messi", "henderson", "lineker"]);
const BETA: (&str, [&str; 3]) = ("beta", ["salah", "kane", "son"]);
const PASSWORD: &str = "surabaya";

/// The group of beta in which people of both realms are.
const ROOM: &str = "lobby";

/// How long the two may take to link.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub struct Options {
    /// The address of the first realm, alpha; port 0 takes a free one.
    #[arg(
        long = "alpha",
        visible_alias = "listen",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8889"
    )]
    alpha: SocketAddr,
    /// The address of the second realm, beta.
    #[arg(long = "beta", value_name = "ADDR:PORT", default_value = "127.0.0.1:8890")]
    beta: SocketAddr,
}

/// Runs both realms until SIGTERM or SIGINT.
///
/// # Errors
/// Where one cannot start, or the two do not link.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let alpha = realm(directory.path(), ALPHA, options.alpha)?;
    let beta = realm(directory.path(), BETA, options.beta)?;
    let _log = serve::start_logging(&alpha)?;
    serve::runtime(&alpha)?.block_on(both(alpha, &beta))
}

/// A realm's configuration, its users made.
fn realm(
    directory: &Path,
    (name, users): (&str, [&str; 3]),
    listen: SocketAddr,
) -> anyhow::Result<Config> {
    let config = Config {
        name: Some(name.into()),
        data: directory.join(name),
        listen: vec![listen],
        inbound: Some(InboundLinks::Open),
        // So that an old server on this machine can be tried with them.
        plain_peers: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        log: "warn".into(),
        ..Config::default()
    };
    let mut realm = Offline::open(&config)?;
    for user in users {
        realm.request(&format!("ADDUSER {user} user {PASSWORD}"))?;
    }
    Ok(config)
}

async fn both(alpha: Config, beta: &Config) -> anyhow::Result<()> {
    let stop = serve::Interrupt::listen()?;
    let other = |name| format!("{name} did not start; --{name} ADDR:PORT gives it another address");
    let first = Server::start(&alpha).await.with_context(|| other("alpha"))?;
    let second = Server::start(beta).await.with_context(|| other("beta"))?;
    let at = (address(&first)?, address(&second)?);
    let line = format!("ADDREALM beta {} {} {}", at.1.ip(), at.1.port(), second.fingerprint());
    let linked = tokio::task::spawn_blocking(move || {
        let stopped = |_: &Config| bail!("there is no socket for administration in TMPDIR");
        admin::request(&alpha, &line, Some(PATIENCE), stopped)
    });
    linked.await?.context("the two realms did not link")?;
    room(at).await.context("the two realms did not come to have a group together")?;
    explain(at);
    stop.wait().await;
    tokio::join!(first.shut_down(), second.shut_down());
    Ok(())
}

/// Makes a group with a member of each realm.
async fn room((alpha, beta): (SocketAddr, SocketAddr)) -> anyhow::Result<()> {
    let mut salah = Client::connect(beta).await?;
    salah.login(BETA.1[0], PASSWORD).await?;
    salah.ask(&format!("ADDGROUP {ROOM}")).await?;
    salah.ask(&format!("GROUPSET {ROOM} realms=linked")).await?;
    salah.ask(&format!("TOPIC {ROOM} : For people of both realms")).await?;
    let mut messi = Client::connect(alpha).await?;
    messi.login(ALPHA.1[0], PASSWORD).await?;
    messi.ask(&format!("JOINGROUP {ROOM}@beta")).await?;
    salah.ask(&format!("POST #{ROOM} : Welcome, messi. This is read at both realms.")).await?;
    messi.logout().await?;
    salah.logout().await?;
    Ok(())
}

/// Where a realm on this machine can be reached.
fn address(server: &Server) -> anyhow::Result<SocketAddr> {
    let mut address = *server.addresses().first().context("the realm listens nowhere")?;
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

fn explain((alpha, beta): (SocketAddr, SocketAddr)) {
    let (host, port) = (alpha.ip(), alpha.port());
    let said = format!(
        "antar: realm alpha listening on {alpha}
antar: realm beta listening on {beta}

In a browser:
    http://{alpha}/   (alpha)
    http://{beta}/   (beta)

Two realms to try, linked with each other; the password of all users is {PASSWORD}.
    alpha   {alpha}   users {here}
    beta    {beta}   users {there}
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

From one realm to the other: as messi, who is at alpha,
    sendrealm beta salah hello from alpha
and as salah, in another terminal:
    nc {} {}
    auth salah {PASSWORD}
    inboxrealm alpha
    sendrealm alpha messi hello from beta
messi reads the answer with `inboxrealm beta`; after `watch` it appears by itself.

A group with people of both: beta has #{ROOM}, which at alpha is #{ROOM}@beta. salah and messi are in it. As messi,
    history #{ROOM}@beta
    post #{ROOM}@beta : hello from alpha
and as salah
    history #{ROOM}
    post #{ROOM} : hello from beta
Others at alpha come in with `joingroup {ROOM}@beta`, at beta with `joingroup {ROOM}`.

Two groups of the same name, one at each realm, can write to each other as well. At alpha and at beta,
    addgroup staff secret
then at alpha
    sendgrouprealm beta staff hello from alpha's staff
and at beta, where `inboxgrouprealm` shows what both sides said:
    inboxgrouprealm alpha staff

`checkrealm` shows how the link is.

With Python:
    import socket
    s = socket.create_connection((\"{host}\", {port}))
    s.sendall(b\"auth lineker {PASSWORD}\\nsendrealm beta kane hello\\n\")
    print(s.recv(4096).decode())

With the client that comes with Antar (in this directory: cargo run --release -- chat):
    antar chat {alpha}
    /msg salah@beta hello

Type `help` in any of them (`/help` in the last) to see what else there is.
",
        beta.ip(),
        beta.port(),
        here = ALPHA.1.join(", "),
        there = BETA.1.join(", "),
    );
    serve::print(said);
}
