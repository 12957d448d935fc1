//! What idle connections cost a realm in memory.

use super::options::Options;
use super::setup;
use crate::print::say;
use antar_client::{Incoming, Replies, request};
use antar_server::client_config;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// In how many steps connections are opened. The first pays for what is there once.
const STEPS: u32 = 3;
/// Memory must stand still for so long, and is waited for so long.
const STILL: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, over TLS or not.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Opens the connections in steps and prints the realm's resident memory after each.
///
/// # Errors
/// Where the realm's process is not found here, or does not take so many connections.
pub async fn measure(address: &str, connections: u32, options: &Options) -> Result<()> {
    let people = setup::people(address, options, 1).await?;
    let pid = options.pid.map_or_else(|| pid_at(address), Ok)?;
    let line = request::with_token("WHOAMI", &people[0].token) + "\n";
    let tls = options.tls.then(|| TlsConnector::from(Arc::new(client_config(None))));
    let mut open = Vec::new();
    let mut steps = vec![(0, settled(pid).await?)];
    for step in 1..=STEPS {
        let due = (u64::from(connections) * u64::from(step) / u64::from(STEPS)) as usize;
        while open.len() < due {
            let connection = connect(address, &line, tls.as_ref()).await;
            open.push(connection.with_context(|| format!("connection {}", open.len() + 1))?);
        }
        steps.push((due, settled(pid).await?));
    }
    drop(open);
    setup::leave(address, options, &people).await;
    print(&steps, options);
    Ok(())
}

fn print(steps: &[(usize, u64)], options: &Options) {
    let ((few, less), (many, more)) = (steps[1], steps[STEPS as usize]);
    let each = (more as f64 - less as f64) * 1024.0 / (many - few).max(1) as f64;
    if options.json {
        let resident: Vec<_> =
            steps.iter().map(|(n, kib)| json!({"connections": n, "resident_kib": kib})).collect();
        let object =
            json!({"tls": options.tls, "steps": resident, "bytes_per_connection": each.round()});
        say!("{object}");
        return;
    }
    say!("idle connections, logged in{}", if options.tls { ", over TLS" } else { "" });
    for (connections, kib) in steps {
        say!("  {connections:>7}  {kib:>9} KiB resident");
    }
    say!("  each     {:>9.2} KiB, from {few} to {many}", each / 1024.0);
}

/// A connection that has logged in.
async fn connect(address: &str, line: &str, tls: Option<&TlsConnector>) -> Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(address).await?;
    // A handshake in several pieces would wait 40 ms for each.
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => {
            let name = stream.peer_addr()?.ip().into();
            Box::new(tls.connect(name, stream).await?)
        }
    };
    stream.write_all(line.as_bytes()).await?;
    stream.flush().await?;
    let mut replies = Replies::new(4096);
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => bail!("the realm closed it"),
            n => replies.feed(&buffer[..n]),
        }
        if let Some(Incoming::Reply(reply)) = replies.pop()? {
            reply.accepted().map_err(|refusal| anyhow!(refusal))?;
            return Ok(stream);
        }
    }
}

/// The resident memory of a process in KiB, once it does not change any more.
async fn settled(pid: u32) -> Result<u64> {
    let (began, mut last, mut since) = (Instant::now(), resident(pid)?, Instant::now());
    while since.elapsed() < STILL && began.elapsed() < PATIENCE {
        tokio::time::sleep(STILL / 10).await;
        let now = resident(pid)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read {path}: memory is measured on the same machine, and on Linux")
    })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.with_context(|| format!("{path} does not tell how much is resident"))
}

/// The process of this machine that listens on a port, if we may see it.
fn pid_at(address: &str) -> Result<u32> {
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let port = port.context("the address has no port")?;
    let missing =
        || format!("no process of this user on this machine listens on port {port}: give --pid");
    let socket = format!("socket:[{}]", listening(port).with_context(missing)?);
    let processes = std::fs::read_dir("/proc").with_context(missing)?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.into_iter().find(|pid| has_open(*pid, &socket)).with_context(missing)
}

/// The inode of the socket that listens on a port.
fn listening(port: u16) -> Option<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    let found = lines.map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|fields| {
        // Local address, state (0A listens) and, further on, the inode.
        let local = fields.get(1).and_then(|local| local.rsplit_once(':'));
        local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port))
            && fields.get(3) == Some(&"0A")
    });
    found?.get(9)?.parse().ok()
}

fn has_open(pid: u32, socket: &str) -> bool {
    let Ok(files) = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else {
        return false;
    };
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.into_iter().any(|link| link.to_str() == Some(socket))
}
