//! A log that nobody takes, and panics: what must not stop a realm, and what must end its process.

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm};
use crate::system::Faulty;
use rustix::process::Signal;
use std::fs::OpenOptions;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Instant;

/// A realm that writes its log there, and says much.
fn logging_to(stderr: Stdio) -> Realm {
    let mut realm = Realm::stopped("");
    let text = std::fs::read_to_string(realm.config()).unwrap();
    std::fs::write(realm.config(), text.replace("log = \"warn\"", "log = \"debug\"")).unwrap();
    let mut command = realm.command("serve");
    command.args(["--listen", "127.0.0.1:0", "--name", "alpha", "--metrics", "127.0.0.1:0"]);
    realm.run_to(command, stderr);
    realm
}

/// Waits until a user's CHECKREALM shows its only link in a state.
#[track_caller]
fn until_link_is(amy: &mut Conn, state: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let link = amy.expect_ok("CHECKREALM")["data"][0].clone();
        if link["state"] == state {
            return;
        }
        assert!(Instant::now() < deadline, "{link}");
        std::thread::yield_now();
    }
}

/// A link comes up and goes down, connections come and go, the configuration is read again, and the
/// realm ends when it is told to, whatever became of what it said meanwhile.
#[track_caller]
fn does_its_work(mut realm: Realm) {
    let (mut beta, mut amy) = (Realm::named("beta", ""), realm.user("amy"));
    let (host, port) = beta.address().rsplit_once(':').unwrap();
    amy.expect_ok(&format!("ADDREALM beta {host} {port}"));
    until_link_is(&mut amy, "up");
    beta.kill();
    until_link_is(&mut amy, "down");
    for _ in 0..20 {
        realm.connect().login("amy");
    }
    let text = std::fs::read_to_string(realm.config()).unwrap();
    std::fs::write(realm.config(), text + "message_bytes = 3\n").unwrap();
    realm.signal(Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    while amy.ask("SEND amy four")["code"] != "too_long" {
        assert!(Instant::now() < deadline, "the configuration is not read again");
    }
    amy.expect_ok("SEND amy yes");
    realm.signal(Signal::TERM);
    amy.expect_closed();
    assert_eq!(realm.ended().0, Some(0));
}

/// How many lines a realm says it could not write.
fn dropped(metrics: &str) -> u64 {
    let mut stream = TcpStream::connect(metrics).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let sample = page.lines().find_map(|l| l.strip_prefix("antar_log_lines_dropped_total "));
    sample.unwrap().parse().unwrap()
}

#[test]
fn standard_error_whose_reader_has_gone() {
    let (reader, writer) = pipe().unwrap();
    let mut realm = logging_to(writer.into());
    drop(reader);
    let line = realm.next_line();
    let metrics = line.trim_end().strip_prefix("antar: metrics on http://").unwrap();
    let metrics = metrics.strip_suffix("/metrics").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while dropped(metrics) == 0 {
        assert!(Instant::now() < deadline, "nothing is counted");
        // There is a line when it has ended.
        realm.connect().expect_ok("PING");
    }
    does_its_work(realm);
}

#[test]
fn standard_error_on_a_full_disk() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    does_its_work(logging_to(full.into()));
}

/// The log is on the disk that is full.
#[test]
fn a_full_disk_is_got_over_where_that_cannot_be_logged() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut system = Faulty::with("");
    system.realm.stop();
    let command = system.command();
    system.realm.run_to(command, full.into());
    let mut amy = system.realm.user("amy");
    system.fail("write", 28);
    assert_eq!(amy.ask("SEND amy lost")["code"], "unavailable");
    system.mend();
    let deadline = Instant::now() + PATIENCE;
    while amy.ask("SEND amy kept")["status"] != "OK" {
        assert!(Instant::now() < deadline, "it does not recover");
        std::thread::yield_now();
    }
    system.realm.stop();
}

/// A pipe that takes no more, and its reader.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'-'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

#[test]
fn standard_error_that_nobody_reads() {
    let (reader, writer) = full_pipe();
    does_its_work(logging_to(writer.into()));
    drop(reader);
}

#[test]
fn what_waited_for_a_reader_comes_when_it_reads() {
    let (mut reader, writer) = full_pipe();
    let mut realm = logging_to(writer.into());
    drop(realm.user("amy"));
    let read = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).map(|_| said)
    });
    realm.stop();
    let said = read.join().unwrap().unwrap();
    let said = said.trim_start_matches('-');
    assert!(said.contains(": starting ") && said.contains(": shutting down"), "{said}");
}

/// A write that claims to have written more than there was makes whoever writes panic.
#[track_caller]
fn panics_and_ends(threads: usize, thread: &str) {
    let mut system = Faulty::with("");
    system.realm.stop();
    system.realm.configure(&format!("threads = {threads}"));
    system.start();
    let mut amy = system.realm.user("amy");
    amy.expect_ok("SEND amy kept");
    system.fail("write", -(1 << 30));
    amy.say("SEND amy never answered");
    amy.expect_closed();
    assert_eq!(system.realm.ended().0, Some(101));
    let log = system.realm.log();
    let mut lines = log.lines();
    let told = lines.find(|l| l.contains(" ERROR antar_server: a panic ends the process: "));
    assert!(told.is_some_and(|line| line.contains(thread)), "{log}");
    system.mend();
    system.start();
    let mut amy = system.realm.connect();
    amy.login("amy");
    assert_eq!(amy.history("INBOX").len(), 1);
}

#[test]
fn a_panic_of_the_hub_ends_the_process() {
    // On a slow disk the committer writes all the same.
    panics_and_ends(1, "(thread ");
}

#[test]
fn a_panic_of_the_committer_ends_the_process() {
    panics_and_ends(2, "(thread committer)");
}

/// Also where the panic itself cannot be told.
#[test]
fn a_panic_ends_the_process_while_nobody_reads_the_log() {
    let (reader, writer) = full_pipe();
    let mut system = Faulty::with("");
    system.realm.stop();
    let command = system.command();
    system.realm.run_to(command, writer.into());
    let mut amy = system.realm.user("amy");
    system.fail("write", -(1 << 30));
    amy.say("SEND amy never answered");
    amy.expect_closed();
    assert_eq!(system.realm.ended().0, Some(101));
    drop(reader);
}
