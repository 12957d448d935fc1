//! This program again as a child process: the bare loop, the relay, or a realm.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A child process that listens, and is killed when this is dropped.
pub struct Listening {
    child: Child,
    /// Kept open, lest it stumble over a closed pipe.
    output: Option<BufReader<ChildStdout>>,
    address: String,
}

impl Listening {
    /// A loop that gives one fixed reply to every line.
    pub fn bare_loop() -> Result<Self> {
        Self::spawn("the bare loop", |command| command.arg("bare-loop"))
    }

    /// A relay: what is sent to a name goes to whoever watches under it.
    pub fn relay() -> Result<Self> {
        Self::spawn("the relay", |command| command.arg("relay"))
    }

    /// A realm with its data in a directory, on a free port of this machine.
    pub fn realm(name: &str, directory: &Path) -> Result<Self> {
        let config = directory.join(format!("{name}.toml"));
        std::fs::write(&config, "log = \"warn\"\n")?;
        Self::spawn(name, |command| {
            command.args(["serve", "--listen", "127.0.0.1:0", "--name", name]);
            command.arg("--config").arg(config).arg("--data").arg(directory.join(name))
        })
    }

    /// Starts it and waits until it says where it listens.
    fn spawn(what: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = with(&mut Command::new(program))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        let output = child.stdout.take().map(BufReader::new);
        // From here on it is killed whatever happens.
        let mut listening = Self { child, output, address: String::new() };
        let mut line = String::new();
        let output = listening.output.as_mut();
        output.with_context(|| format!("{what} has no output"))?.read_line(&mut line)?;
        let said = line.trim().rsplit_once("listening on ");
        listening.address = said.with_context(|| format!("{what} did not start"))?.1.to_owned();
        Ok(listening)
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
