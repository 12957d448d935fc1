//! Open files that run out, and machines that vanish.

use crate::conn::Conn;
use crate::realm::{Realm, antar};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;

/// The realm's `serve` where the system allows so many open files.
fn with_files(realm: &Realm, files: usize) -> Command {
    let serve = realm.command("serve");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {files}; exec \"$0\" \"$@\""));
    command.arg(antar().get_program()).args(serve.get_args());
    command.args(["--listen", "127.0.0.1:0", "--name", "alpha"]);
    command
}

/// Sends so much that the log gets new segments, and the tables are written.
fn fill(amy: &mut Conn) {
    let text = "x".repeat(16_000);
    for _ in 0..100 {
        amy.send(format!("SEND amy {text}\n").repeat(50).as_bytes());
        for _ in 0..50 {
            assert_eq!(amy.next()["status"], "OK");
        }
    }
}

#[test]
fn connections_leave_descriptors_for_the_data() {
    let mut realm = Realm::stopped("");
    realm.run(with_files(&realm, 100));
    realm.until_logged("leaves room for fewer connections");
    let mut amy = realm.user("amy");
    let others: Vec<Conn> = (1..32).map(|_| realm.connect()).collect();
    for _ in 0..60 {
        let mut refused = realm.connect();
        assert_eq!(refused.next()["code"], "too_many_connections");
    }
    fill(&mut amy);
    drop(others);
    assert!(!realm.log().contains("ERROR"), "{}", realm.log());
}

#[test]
fn calls_leave_descriptors_for_the_data() {
    let mut realm = Realm::stopped("");
    realm.run(with_files(&realm, 100));
    let mut amy = realm.user("amy");
    // Somebody who takes every call and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut callers: Vec<Conn> = (0..31).map(|_| realm.connect()).collect();
    for (n, caller) in callers.iter_mut().enumerate() {
        caller.login("amy");
        caller.say(&format!("ADDREALM r{n} 127.0.0.1 {port}"));
    }
    // Nine are under way; whoever is told so at once has not been called.
    let told: Vec<Value> = callers[9..].iter_mut().map(Conn::next).collect();
    for answer in told {
        assert!(answer["error"].as_str().unwrap().contains("open files"), "{answer}");
    }
    fill(&mut amy);
    assert!(!realm.log().contains("ERROR"), "{}", realm.log());
}

#[test]
fn those_connected_are_served_while_there_are_no_descriptors_left() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    // The hard limit, which stays, is this process's own.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = |current| {
        let new = Rlimit { current: Some(current), maximum };
        prlimit(Some(realm.pid()), Resource::Nofile, new).unwrap()
    };
    // Fewer than are open already, so that none is left.
    let before = limit(4).current.unwrap();
    let mut waits = realm.connect();
    waits.say("PING");
    realm.until_logged("could not accept a connection");
    for _ in 0..100 {
        amy.expect_ok("SEND amy hello");
    }
    limit(before);
    assert_eq!(waits.next()["data"], "PONG");
    assert_eq!(realm.log().matches("could not accept").count(), 1);
}

/// The system watches over connections where nothing is said, as `/proc` tells: its timer 2 runs.
#[test]
fn the_system_finds_out_which_machines_have_vanished() {
    let realm = Realm::with("");
    let mut conn = realm.connect();
    assert_eq!(conn.ask("PING")["data"], "PONG");
    let port = |address: std::net::SocketAddr| format!("0100007F:{:04X}", address.port());
    let ends = [conn.stream.peer_addr(), conn.stream.local_addr()].map(|end| port(end.unwrap()));
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut lines = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let accepted = lines.find(|words| words[1] == ends[0] && words[2] == ends[1]).unwrap();
    assert_eq!(accepted[5].split(':').next(), Some("02"), "{accepted:?}");
}
