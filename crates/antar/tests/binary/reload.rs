//! SIGHUP: the configuration is read again.

use crate::conn::Conn;
use crate::realm::Realm;
use rustix::process::Signal;
use std::io::{Read, Write};

/// Writes the configuration anew, has it read, and waits for what the log says then.
#[track_caller]
fn reload(realm: &Realm, configuration: &str, says: &str) {
    std::fs::write(realm.config(), configuration).unwrap();
    realm.signal(Signal::HUP);
    realm.until_logged(says);
}

const PASSWORDS: &str = "[passwords]\nmemory_kib = 8\niterations = 1\n";

#[test]
fn limits_change_on_a_running_realm() {
    let realm = Realm::public("message_bytes = 3\nregistrations_per_hour = 1");
    let mut amy = realm.user("amy");
    assert_eq!(amy.ask("SEND amy four")["code"], "too_long");
    assert_eq!(realm.connect().ask("REGISTER bob pw")["code"], "rate_limited");
    let new = format!(
        "register = \"open\"\nlog = \"info\"\n{PASSWORDS}[limits]\nmessage_bytes = 4\n\
         registrations_per_hour = 3\nconnections_per_address = 2\n"
    );
    // The level is among what has changed: before, this line would not have been logged.
    let says = "changed limits.connections_per_address, limits.message_bytes, \
                limits.registrations_per_hour, log";
    reload(&realm, &new, says);
    amy.expect_ok("SEND amy four");
    assert_eq!(amy.ask("SEND amy fives")["code"], "too_long");
    let _bob = realm.user("bob");
    assert_eq!(realm.connect().next()["code"], "too_many_connections");
}

#[test]
fn a_realm_can_be_closed_and_what_a_restart_needs_is_said() {
    let realm = Realm::public("");
    drop(realm.user("amy"));
    let new = format!("log = \"info\"\nthreads = 3\nregister = \"closed\"\n{PASSWORDS}");
    reload(&realm, &new, "changed log, register; only a restart changes threads");
    assert_eq!(realm.connect().ask("REGISTER bob pw")["code"], "forbidden");
    realm.connect().login("amy");
}

/// An upload in parts that was begun goes as soon as none is kept any more.
#[test]
fn how_long_uploads_are_kept_changes_on_a_running_realm() {
    let realm = Realm::with("");
    let token = realm.user("amy").login("amy");
    let mut stream = std::net::TcpStream::connect(realm.address()).unwrap();
    let head = format!(
        "PUT /files/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Upload-Complete: ?0\r\nContent-Length: 3\r\n\r\nabc",
        "ab".repeat(32)
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
    let uploads = || realm.data().join("files/uploads").read_dir().unwrap().count();
    assert_eq!(uploads(), 2);
    let new = format!("log = \"info\"\n{PASSWORDS}[files]\nunreferenced_hours = 0\n");
    reload(&realm, &new, "files.unreferenced_hours");
    while uploads() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_wrong_file_changes_nothing() {
    let realm = Realm::with("message_bytes = 3");
    let mut amy = realm.user("amy");
    let wrong = "[limits]\nmessage_bytes = 9\nmesage_bytes = 9\n";
    reload(&realm, wrong, &format!("{}, line 3: ", realm.config().display()));
    assert!(realm.log().contains("nothing changed"));
    assert_eq!(amy.ask("SEND amy four")["code"], "too_long");
    reload(&realm, "log = \"a=b=c\"\n[limits]\nmessage_bytes = 9\n", "no level and no directives");
    assert_eq!(amy.ask("SEND amy four")["code"], "too_long");
    // It still can be changed, and what fits is all of the file.
    reload(&realm, "log = \"info\"\n[limits]\nmessage_bytes = 4\n", "changed limits.message_bytes");
    amy.expect_ok("SEND amy four");
    Conn::open(realm.address()).login("amy");
}

/// An address of this machine written as IPv6 is one, and a realm that may not be in local mode is not.
#[test]
fn local_mode_is_said_and_can_be_refused() {
    let mut realm = Realm::stopped("");
    let text = std::fs::read_to_string(realm.config()).unwrap();
    std::fs::write(realm.config(), text.replace("log = \"warn\"", "log = \"info\"")).unwrap();
    let mut command = realm.command("serve");
    command.args(["--listen", "[::ffff:127.0.0.1]:0", "--name", "alpha"]);
    realm.run(command);
    realm.until_logged("local mode: anyone who can connect may register");
    let mut amy = realm.user("amy");
    realm.configure("local_mode = false");
    realm.signal(Signal::HUP);
    realm.until_logged("changed local_mode");
    assert_eq!(realm.connect().ask("REGISTER eve pw")["code"], "forbidden");
    assert_eq!(amy.ask("ADDREALM beta 127.0.0.1 1")["code"], "forbidden");
    assert_eq!(realm.log().matches("local mode").count(), 1, "{}", realm.log());
}
