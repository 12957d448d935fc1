//! Requests of the operator: over the realm's own socket where it runs, on its data where it does not.

use crate::{owner, serve};
use antar_server::{Config, Offline, OfflineError, SOCKET, connect_operator};
use antar_types::{END, Name};
use anyhow::{Context, anyhow};
use serde_json::Value;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a running realm may take to answer what it need not ask another one.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A name, which is one word of a request: what is none must not get into it.
///
/// # Errors
/// Where it is none.
pub fn word(name: &str) -> anyhow::Result<Name> {
    Name::parse(name).with_context(|| {
        format!("{name:?} is no name: 1-64 of A-Z a-z 0-9 . _ -, the first a letter or digit")
    })
}

/// Which realm a command is about.
#[derive(clap::Args)]
pub struct Whose {
    /// The data directory [default: antar-data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file of the realm.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Whose {
    /// Its configuration.
    pub fn config(&self) -> anyhow::Result<Config> {
        let (config, data) = (self.config.clone(), self.data.clone());
        serve::Options { config, data, ..Default::default() }.config()
    }

    /// The same where there is a realm, running or not: in a wrong directory nothing is asked and
    /// nothing is made. From then on this process is that of whoever has the realm.
    pub fn realm(&self) -> anyhow::Result<Config> {
        let config = self.config()?;
        antar_server::expect_realm(&config.data)?;
        owner::take_place(&config.data)?;
        Ok(config)
    }
}

/// What a realm said no to, in words for the operator.
#[derive(Debug)]
pub struct Refused {
    pub code: String,
    said: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// What a reply that is not OK tells: the operator's own reason where it gives one, else the text
    /// and the code, and what another realm said about it.
    fn new(reply: &Value) -> Self {
        let text = |key: &str| reply[key].as_str().map(printable);
        let code = text("code").unwrap_or_else(|| "?".into());
        let mut said = match text("reason") {
            Some(reason) => reason,
            None => format!("{} ({code})", text("data").unwrap_or_else(|| "refused".into())),
        };
        if let Some(error) = text("error") {
            said = format!("{said}: {error}");
        }
        if let Some(owed) = reply["owed"].as_u64() {
            let messages = if owed == 1 { "message" } else { "messages" };
            said = format!("{said}: {owed} {messages}; --force drops what is owed");
        }
        Self { code, said }
    }
}

/// A text as it can be shown on a terminal: it may come from another realm.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Has the realm answer a request in capitals, running or not, and returns the answer if it is OK.
///
/// # Errors
/// [`Refused`] where the answer is an error; otherwise why there is none.
pub fn request(
    config: &Config,
    line: &str,
    patience: Option<Duration>,
    stopped: impl FnOnce(&Config) -> anyhow::Result<Offline>,
) -> anyhow::Result<Value> {
    Several::open_with(config, patience, stopped)?.request(line)
}

/// A realm that is asked one thing after another, running or not.
pub enum Several {
    /// It runs.
    Running(UnixStream),
    /// It does not, and cannot be started meanwhile.
    Stopped(Box<Offline>),
}

impl Several {
    /// A realm that is there.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_with(config, Some(PATIENCE), |config| Ok(Offline::open_existing(config)?))
    }

    fn open_with(
        config: &Config,
        patience: Option<Duration>,
        stopped: impl FnOnce(&Config) -> anyhow::Result<Offline>,
    ) -> anyhow::Result<Self> {
        let path = config.data.join(SOCKET);
        match connect_operator(&path) {
            Ok(socket) => {
                socket.set_read_timeout(patience)?;
                Ok(Self::Running(socket))
            }
            Err(why) => {
                let stopped = stopped(config).map_err(|error| in_use(error, &path, &why));
                Ok(Self::Stopped(Box::new(stopped?)))
            }
        }
    }

    /// Has it answer a request in capitals, and returns the answer if it is OK.
    ///
    /// # Errors
    /// As [`request`].
    pub fn request(&mut self, line: &str) -> anyhow::Result<Value> {
        let bytes = match self {
            Self::Running(socket) => {
                ask(socket, line).context("the running realm did not answer")?
            }
            Self::Stopped(offline) => {
                let (dialect, reply) = offline.request(line)?;
                let mut bytes = Vec::new();
                reply.encode(dialect, &mut bytes);
                bytes
            }
        };
        let reply: Value = serde_json::from_slice(&bytes)?;
        match reply["status"].as_str() {
            Some("OK") => Ok(reply),
            _ => Err(Refused::new(&reply).into()),
        }
    }
}

/// Why a realm that does not answer cannot be used as a stopped one either.
fn in_use(error: anyhow::Error, socket: &Path, why: &io::Error) -> anyhow::Error {
    match error.downcast_ref::<OfflineError>() {
        Some(offline) if offline.is_locked() => anyhow!(
            "its data directory is in use, and no realm answers at {}: {why}; try again when it has \
             started, or when what uses the directory is done",
            socket.display()
        ),
        _ => error,
    }
}

fn ask(socket: &mut UnixStream, line: &str) -> io::Result<Vec<u8>> {
    socket.write_all(format!("{line}\n").as_bytes())?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while !reply.ends_with(END) {
        match socket.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => reply.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(reply)
}
