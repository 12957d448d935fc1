//! The bare loop: this program again, giving one fixed reply to every line.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A child process that is killed when this is dropped.
pub struct BareLoop {
    child: Child,
    /// Kept open, lest it stumble over a closed pipe.
    output: Option<BufReader<ChildStdout>>,
    address: String,
}

impl BareLoop {
    /// Starts it and waits until it says where it listens.
    pub fn spawn() -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .arg("bare-loop")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the bare loop")?;
        let output = child.stdout.take().map(BufReader::new);
        // From here on it is killed whatever happens.
        let mut bare = Self { child, output, address: String::new() };
        let mut line = String::new();
        bare.output.as_mut().context("the bare loop has no output")?.read_line(&mut line)?;
        let said = line.trim().rsplit_once("listening on ");
        bare.address = said.context("the bare loop did not start")?.1.to_owned();
        Ok(bare)
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for BareLoop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
