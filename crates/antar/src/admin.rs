//! Requests of the operator: over the realm's own socket where it runs, on its data where it does not.

use antar_server::{Config, Offline, OfflineError, SOCKET};
use antar_wire::END;
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Has the realm answer a request in capitals, running or not, and returns the answer if it is OK.
pub fn request(
    config: &Config,
    line: &str,
    patience: Option<Duration>,
    stopped: fn(&Config) -> Result<Offline, OfflineError>,
) -> anyhow::Result<Value> {
    let bytes = match UnixStream::connect(config.data.join(SOCKET)) {
        Ok(socket) => ask(socket, line, patience).context("the running realm did not answer")?,
        Err(_) => {
            let (dialect, reply) = stopped(config)?.request(line)?;
            let mut bytes = Vec::new();
            reply.encode(dialect, &mut bytes);
            bytes
        }
    };
    let reply: Value = serde_json::from_slice(&bytes)?;
    let text = |key: &str| reply[key].as_str();
    match (text("status"), text("reason")) {
        (Some("OK"), _) => Ok(reply),
        (_, Some(reason)) => bail!("{reason}"),
        _ => bail!("{} ({})", text("data").unwrap_or("refused"), text("code").unwrap_or("?")),
    }
}

fn ask(mut socket: UnixStream, line: &str, patience: Option<Duration>) -> io::Result<Vec<u8>> {
    socket.set_read_timeout(patience)?;
    socket.write_all(format!("{line}\n").as_bytes())?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
    while !reply.ends_with(END) {
        match socket.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => reply.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(reply)
}
