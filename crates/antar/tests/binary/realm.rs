//! A server process with a directory of its own, killed at the end whatever happens.

use crate::conn::Conn;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long to wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test.
pub fn antar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antar"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    antar().args(arguments).output().unwrap()
}

/// What a failed run says: nothing on standard output and one line on standard error.
#[track_caller]
pub fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it succeeded: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty());
    said
}

/// A realm whose passwords cost next to nothing, named alpha unless said otherwise.
pub struct Realm {
    directory: TempDir,
    name: &'static str,
    data: PathBuf,
    /// Another binary than the one under test.
    binary: Option<PathBuf>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Its standard output after the first line.
    out: BufReader<ChildStdout>,
    line: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Realm {
    /// A realm with these lines under `[limits]`, not started.
    pub fn stopped(limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "log = \"warn\"\n[passwords]\nmemory_kib = 8\niterations = 1\n[limits]\n{limits}\n"
        );
        std::fs::write(directory.path().join("antar.toml"), text).unwrap();
        let data = directory.path().join("data");
        Self { directory, name: "alpha", data, binary: None, running: None }
    }

    /// Has its data be in a directory whose path has so many bytes.
    pub fn move_data(&mut self, length: usize) {
        self.data = self.directory.path().join("");
        while self.data.as_os_str().len() < length {
            let rest = length - self.data.as_os_str().len();
            // What is left must never be a separator alone.
            let next = if rest > 201 { 199 } else { rest };
            self.data.push("x".repeat(next));
            self.data.push("");
        }
        self.data = self.data.components().collect();
    }

    /// A realm of this name with these lines in its configuration, running.
    pub fn named(name: &'static str, lines: &str) -> Self {
        let mut realm = Self::stopped("");
        realm.name = name;
        realm.configure(lines);
        realm.start();
        realm
    }

    /// A running realm of this name, of another binary where one is given.
    #[track_caller]
    pub fn of(binary: Option<PathBuf>, name: &'static str) -> Self {
        let mut realm = Self::stopped("");
        (realm.name, realm.binary) = (name, binary);
        realm.start();
        realm
    }

    /// Has its data opened by another binary from now on, or by the one under test.
    pub fn change_binary(&mut self, binary: Option<PathBuf>) {
        self.binary = binary;
    }

    /// Adds lines at the top of the configuration, for the next start.
    pub fn configure(&self, lines: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), format!("{lines}\n{text}")).unwrap();
    }

    /// The same, running.
    pub fn with(limits: &str) -> Self {
        let mut realm = Self::stopped(limits);
        realm.start();
        realm
    }

    /// The same, running and out of local mode, but for who may register: no connection may be a plain
    /// peer's, so time limits hold for all.
    pub fn public(limits: &str) -> Self {
        let mut realm = Self::stopped(limits);
        realm.configure("register = \"open\"");
        realm.start_public();
        realm
    }

    /// Starts the server out of local mode.
    #[track_caller]
    pub fn start_public(&mut self) {
        let mut command = self.command("serve");
        command.args(["--listen", "0.0.0.0:0", "--listen", "127.0.0.1:0", "--name", self.name]);
        self.run(command);
    }

    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    pub fn config(&self) -> PathBuf {
        self.directory.path().join("antar.toml")
    }

    /// `antar COMMAND` on this realm's data and with its configuration.
    pub fn command(&self, command: &str) -> Command {
        let mut antar = antar();
        if let Some(binary) = &self.binary {
            antar = Command::new(binary);
            antar.env_remove("RUST_LOG").stdin(Stdio::null());
        }
        antar.arg(command).arg("--config").arg(self.config()).arg("--data").arg(self.data());
        antar
    }

    /// What the server has written to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Starts the server and waits for the line that says so.
    #[track_caller]
    pub fn start(&mut self) {
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--name", self.name]);
        self.run(command);
    }

    /// Starts a server in another way.
    #[track_caller]
    pub fn run(&mut self, command: Command) {
        let log = File::create(self.directory.path().join("log")).unwrap();
        self.run_to(command, log.into());
    }

    /// The same with its log elsewhere.
    #[track_caller]
    pub fn run_to(&mut self, mut command: Command, log: Stdio) {
        assert!(self.running.is_none());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        // It holds the other end of what it was given.
        drop(command);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (said, hear) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = out.read_line(&mut line);
            let _ = said.send((out, line));
        });
        let heard = hear.recv_timeout(PATIENCE);
        let mut running = match heard {
            Ok((out, line)) => Running { child, out, line },
            Err(_) => {
                let _ = child.kill();
                panic!("it says nothing: {}", self.log());
            }
        };
        if running.line.is_empty() {
            let _ = running.child.wait();
            panic!("it did not start: {}", self.log());
        }
        self.running = Some(running);
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the realm runs")
    }

    /// The line on standard output.
    pub fn line(&self) -> &str {
        &self.running().line
    }

    /// The next line on standard output, which is there already.
    #[track_caller]
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.running.as_mut().expect("the realm runs").out.read_line(&mut line).unwrap();
        line
    }

    pub fn address(&self) -> &str {
        self.line().trim_end().rsplit(' ').next().unwrap()
    }

    /// A new connection.
    #[track_caller]
    pub fn connect(&self) -> Conn {
        Conn::open(self.address())
    }

    /// A new connection, logged in as a new user with the password `pw`.
    #[track_caller]
    pub fn user(&self, name: &str) -> Conn {
        let mut conn = self.connect();
        conn.expect_ok(&format!("REGISTER {name} pw"));
        conn
    }

    /// The most memory the process has had at once, in MB.
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.running().child.id());
        let status = std::fs::read_to_string(Path::new(&path)).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Waits until the log says something.
    #[track_caller]
    pub fn until_logged(&self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(what) {
            assert!(Instant::now() < deadline, "it does not say {what:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The server's process.
    pub fn pid(&self) -> Pid {
        i32::try_from(self.running().child.id()).ok().and_then(Pid::from_raw).unwrap()
    }

    /// Sends a signal and goes on.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Ends the server as a machine that goes down would: no warning, nothing cleaned up.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Waits for the server to end; its exit code and all it wrote to standard output.
    #[track_caller]
    pub fn ended(&mut self) -> (Option<i32>, String) {
        let mut running = self.running.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = running.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = running.line.clone();
        running.out.read_to_string(&mut said).unwrap();
        (status.code(), said)
    }

    /// Ends the server with SIGTERM.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended().0, Some(0));
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}
