//! A terminal, with the binary at it.

use crate::realm::{PATIENCE, antar};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

pub struct Pty {
    child: Child,
    /// What a person has before them.
    ours: File,
    /// What the program has; open, so that its settings can be looked at afterwards.
    theirs: File,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pty {
    /// Runs the binary at a terminal of its own.
    #[track_caller]
    pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        // Not the tests' own, where they have none.
        let no_tty = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(no_tty);
        let open = || options.open(&name).unwrap();
        // The terminal becomes that of a new session.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(antar().get_program()).args(arguments);
        command.envs(environment.iter().copied()).env("TERM", "xterm").env("NO_COLOR", "1");
        command.env_remove("XDG_STATE_HOME").env_remove("ANTAR_PASSWORD");
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap();
        let (ours, theirs) = (File::from(ours), open());
        let (show, shown) = channel();
        let mut from = ours.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                if show.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, ours, theirs, shown, seen: String::new() }
    }

    /// Types.
    pub fn say(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen has shown this since it was last waited for; returns all that it has.
    #[track_caller]
    pub fn until(&mut self, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(what) {
                return self.seen.drain(..at + what.len()).collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("{what:?} is not shown: {:?}", self.seen),
            }
        }
    }

    /// Whether what is typed is shown.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end: {:?}", self.seen);
            std::thread::yield_now();
        }
    }
}
