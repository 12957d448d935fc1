//! A realm on a system whose disk fails and whose clock is wrong when a test wants it (system.c).

use crate::realm::Realm;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Faulty {
    pub realm: Realm,
    faults: TempDir,
}

impl Faulty {
    /// A realm with these lines under `[limits]`, running; nothing goes wrong yet.
    pub fn with(limits: &str) -> Self {
        let mut system = Self::of(Realm::stopped(limits));
        system.start();
        system
    }

    /// The system of a realm that is not running.
    pub fn of(realm: Realm) -> Self {
        let faults = tempfile::tempdir().unwrap();
        compile(&faults.path().join("system.so"));
        Self { realm, faults }
    }

    pub fn start(&mut self) {
        self.realm.run(self.command());
    }

    /// What starts the realm on this system.
    pub fn command(&self) -> Command {
        let mut command = self.realm.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--name", "alpha"]);
        self.carry(&mut command);
        command
    }

    /// Has a command run on this system.
    pub fn carry(&self, command: &mut Command) {
        command.env("FAULTS_BELOW", self.realm.data());
        command.env("LD_PRELOAD", self.faults.path().join("system.so"));
        command.env("FAULTS", self.faults.path());
    }

    /// From now on these calls fail so, on the realm's files.
    pub fn fail(&self, call: &str, error: i32) {
        self.plant("disk", &format!("{call} {error}"));
    }

    /// The next of these calls fails so, on the realm's files, and none after it.
    pub fn fail_once(&self, call: &str, error: i32) {
        self.plant("disk", &format!("{call} {error} 1"));
    }

    /// From now on a process is killed at this write or sync of the realm's files, 1 being its first.
    pub fn kill_at(&self, call: usize) {
        self.plant("kill", &call.to_string());
    }

    /// From now on no process is killed.
    pub fn spare(&self) {
        std::fs::remove_file(self.faults.path().join("kill")).unwrap();
    }

    /// From now on the disk does not fail.
    pub fn mend(&self) {
        std::fs::remove_file(self.faults.path().join("disk")).unwrap();
    }

    /// Ends the realm and the machine: what could not be synced, and was not written again since, is not
    /// on the disk. Returns how often something was not.
    pub fn cut_power(&mut self) -> usize {
        self.realm.kill();
        let notes = std::fs::read_to_string(self.faults.path().join("pages")).unwrap();
        let (mut lost, mut losses) = (Vec::new(), 0);
        for note in notes.lines() {
            let [what, at, count, path] = note.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                panic!()
            };
            let page = (at.parse::<u64>().unwrap(), count.parse::<usize>().unwrap(), path);
            lost.retain(|other| *other != page);
            if what == "lost" {
                losses += 1;
                lost.push(page);
            }
        }
        for (at, count, path) in lost {
            if let Ok(file) = OpenOptions::new().write(true).open(path) {
                file.write_all_at(&vec![0; count], at).unwrap();
            }
        }
        losses
    }

    /// The directories that were synced so far: the names in them are on the disk.
    pub fn synced_directories(&self) -> Vec<PathBuf> {
        let noted = std::fs::read_to_string(self.faults.path().join("directories")).unwrap();
        noted.lines().map(Into::into).collect()
    }

    /// From now on the clock is so many seconds ahead.
    pub fn set_clock(&self, ahead: i64) {
        self.plant("clock", &ahead.to_string());
    }

    /// At once, so that the realm reads no half of it.
    fn plant(&self, name: &str, fault: &str) {
        let new = self.faults.path().join("new");
        std::fs::write(&new, fault).unwrap();
        std::fs::rename(new, self.faults.path().join(name)).unwrap();
    }
}

fn compile(library: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/binary/system.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(library).arg(source);
    assert!(compiler.arg("-ldl").status().unwrap().success());
}
