//! Links with the existing Python servers, which know only the two documents (protocol section 6).

mod faults;
mod old;

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm};
use old::Old;
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

/// Texts that stand across the pieces in which an old server reads in every way; blanks help with all
/// but the last two.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["halo", "dua  kata", "é", "höllo wörld", "🦀 di  sini"].map(String::from).into();
    texts.push("é".repeat(100));
    texts.push("漢".repeat(60));
    texts.push("ж🦀é漢".repeat(20));
    texts
}

/// Texts that their own clients can send.
fn simple_texts() -> Vec<String> {
    let mut texts = texts();
    texts.truncate(6);
    texts
}

/// Servers on this machine may be plain peers.
const HERE: &str = "plain_peers = [\"127.0.0.1\"]";

/// Two users here, and a group on both sides.
struct Both {
    ours: Realm,
    old: Old,
    messi: Conn,
}

impl Both {
    #[track_caller]
    fn start() -> Self {
        let mut ours = Realm::stopped("login_seconds = 1\nidle_seconds = 1");
        ours.configure(HERE);
        ours.start();
        let old = Old::start();
        let mut messi = ours.user("messi");
        drop(ours.user("henderson"));
        messi.expect_ok("ADDGROUP staff pw");
        old.client("lineker").command("addgroup", "staff pw");
        Self { ours, old, messi }
    }

    /// The same, linked at our request.
    #[track_caller]
    fn linked() -> Self {
        let mut both = Self::start();
        let port = both.old.port;
        both.messi.expect_ok(&format!("ADDREALM beta 127.0.0.1 {port} plain"));
        both
    }

    /// The texts of a list of ours.
    #[track_caller]
    fn texts(&mut self, request: &str) -> Vec<String> {
        texts_of(&self.messi.expect_ok(request))
    }

    /// Waits until a list of ours, fresh from the other side, has these texts.
    #[track_caller]
    fn await_texts(&mut self, request: &str, expected: &[impl AsRef<str>]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.messi.expect_ok(request);
            let there = texts_of(&reply);
            if reply["stale"] != true && there.iter().eq(expected.iter().map(AsRef::as_ref)) {
                return;
            }
            assert!(Instant::now() < deadline, "{request}: {reply}\n{}", self.old.obey("report"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What CHECKREALM says of the link.
    #[track_caller]
    fn link(&mut self) -> Value {
        self.messi.expect_ok("CHECKREALM")["data"][0].clone()
    }

    #[track_caller]
    fn await_owed(&mut self, owed: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.link()["owed"] != owed {
            assert!(Instant::now() < deadline, "{}", self.link());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts ours again after a kill, with whoever is logged in.
    #[track_caller]
    fn start_again(&mut self) {
        self.ours.start();
        self.messi = self.ours.connect();
        self.messi.login("messi");
    }

    /// Waits until they have been told of us so many times.
    #[track_caller]
    fn await_told(&mut self, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.old.requests("ackrealm").len() < times {
            assert!(Instant::now() < deadline, "{}", self.old.obey("report"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Private and group messages both ways, where theirs lists its users like this.
    #[track_caller]
    fn exchange(&mut self, lineker_is: &str) {
        let mut lineker = self.old.client("lineker");
        for text in texts() {
            self.messi.expect_ok(&format!("SENDREALM beta lineker {text}"));
        }
        assert_eq!(lineker.texts("inboxrealm", "beta"), texts());
        for text in simple_texts() {
            assert_eq!(lineker.tell("sendrealm", "beta messi", &text)["status"], "OK");
        }
        let inbox = self.messi.expect_ok("INBOXREALM beta");
        assert_eq!(texts_of(&inbox), simple_texts());
        let first = &inbox["data"][0];
        assert_eq!((&first["from"], &first["to"]), (&lineker_is.into(), &"messi".into()));
        assert_eq!((&first["realm"], inbox.get("stale")), (&"beta".into(), None));

        let mut said = Vec::new();
        for text in simple_texts() {
            assert_eq!(lineker.tell("sendgrouprealm", "beta staff", &text)["status"], "OK");
            said.push(text);
        }
        for text in texts() {
            self.messi.expect_ok(&format!("SENDGROUPREALM beta staff {text}"));
            said.push(text);
        }
        // Theirs and ours, as they have it and as we have it.
        self.await_texts("INBOXGROUPREALM beta staff", &said);
        assert_eq!(lineker.texts("inboxgrouprealm", "beta staff"), said);
        self.await_owed(0);
    }
}

fn texts_of(reply: &Value) -> Vec<String> {
    let list = reply["data"].as_array().unwrap();
    list.iter().map(|m| m["message"].as_str().unwrap().to_string()).collect()
}

#[test]
fn linked_at_our_request() {
    let mut both = Both::linked();
    assert_eq!((&both.link()["state"], &both.link()["plain"]), (&"up".into(), &true.into()));
    // They dialled back to where we are while they answered.
    let port = both.ours.address().rsplit(':').next().unwrap();
    let told = both.old.requests("ackrealm");
    assert_eq!(told, [format!("ackrealm beta 127.0.0.1 {} 127.0.0.1 {port}", both.old.port)]);
    both.exchange(&both.old.called("Gary Lineker"));
    let again = both.messi.ask(&format!("ADDREALM BETA 127.0.0.1 {}", both.old.port));
    assert_eq!(again["code"], "realm_exists");
}

#[test]
fn linked_without_being_told_that_it_is_plain() {
    let mut both = Both::start();
    let port = both.old.port;
    let reply = both.messi.expect_ok(&format!("ADDREALM beta 127.0.0.1 {port}"));
    assert_eq!(reply["data"], "Connect realm berhasil");
    both.exchange(&both.old.called("Gary Lineker"));
    both.old.expect_unharmed();
}

#[test]
fn never_plain_where_a_key_was_given() {
    let mut both = Both::start();
    let (port, key) = (both.old.port, "0".repeat(64));
    let reply = both.messi.ask(&format!("ADDREALM beta 127.0.0.1 {port} sha256:{key}"));
    assert_eq!(reply["code"], "realm_unreachable");
    assert!(both.old.requests("ackrealm").is_empty());
}

#[test]
fn linked_at_their_request() {
    let mut both = Both::start();
    let (address, port) = (both.ours.address().to_string(), both.old.port);
    let (host, own) = address.split_once(':').unwrap();
    let mut lineker = both.old.client("lineker");
    let reply = lineker.ask(&format!("addrealm beta {host} {own} 127.0.0.1 {port}"));
    assert_eq!(reply["message"], "Connect realm berhasil");
    both.old.obey("plainly");
    both.exchange("lineker");
    both.old.expect_unharmed();
    // The same again is nothing new; another port would be another server.
    let mut other = both.ours.connect();
    let again = other.ask(&format!("ackrealm beta {host} {own} 127.0.0.1 {port}"));
    assert_eq!(again["message"], "Connect realm berhasil");
    let stranger = other.ask(&format!("ackrealm beta {host} {own} 127.0.0.1 {}", port ^ 1));
    assert_eq!(stranger["code"], "realm_exists");
    let elsewhere = other.ask(&format!("ackrealm gamma {host} {own} 192.0.2.1 {port}"));
    assert_eq!(elsewhere["code"], "forbidden");
}

#[test]
fn a_name_of_ours_may_be_the_links() {
    let mut both = Both::start();
    let port = both.old.port;
    both.messi.expect_ok(&format!("ADDREALM alpha 127.0.0.1 {port} plain"));
    both.messi.expect_ok("SENDREALM alpha lineker hi");
    assert_eq!(both.old.client("lineker").texts("inboxrealm", "alpha"), ["hi"]);
}

#[test]
fn their_connections_are_left_alone() {
    let both = Both::start();
    // The limits are a second; nothing is said on one, and one had its first request.
    let (mut silent, mut heard) = (both.ours.connect(), both.ours.connect());
    assert_eq!(heard.ask("checkrealm\r")["code"], "no_session");
    for conn in [&mut silent, &mut heard] {
        conn.stream.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
        let nothing = conn.stream.read(&mut [0; 16]).unwrap_err().kind();
        assert!(matches!(nothing, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
        conn.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        conn.send(b"\r\n\r\n");
        assert_eq!(conn.ask("ping\r")["message"], "PONG");
    }
}

/// Two lines without a log-in, which would put a message before the members of a group.
const TAKEOVER: [&str; 2] = [
    "ackrealm headmaster 127.0.0.1 8889 127.0.0.1 9",
    "recvgrouprealm headmaster principal staff school is closed tomorrow",
];

#[test]
fn nobody_is_a_plain_peer_unless_listed() {
    let elsewhere = "plain_peers = [\"127.0.0.2\", \"::1\"]";
    for lines in ["", "local_mode = true", "local_mode = false\nregister = \"open\"", elsewhere] {
        let ours = Realm::named("alpha", lines);
        let mut messi = ours.user("messi");
        messi.expect_ok("ADDGROUP staff pw");
        let mut stranger = ours.connect();
        for line in TAKEOVER {
            let refused = stranger.ask(line);
            assert_eq!(refused["code"], "forbidden", "{lines}: {refused}");
            assert!(refused["error"].as_str().unwrap().contains("plain_peers"), "{refused}");
        }
        assert_eq!(messi.expect_ok("CHECKREALM")["data"], serde_json::json!([]));
        assert_eq!(messi.ask("INBOXGROUPREALM headmaster staff")["code"], "realm_not_found");
    }
}

/// Neither outright, nor where it would be fallen back on, nor by a name that leads there.
#[test]
fn no_plain_peer_is_asked_unless_listed() {
    let ours = Realm::with("");
    let mut old = Old::start();
    let mut messi = ours.user("messi");
    for (host, how, code) in [
        ("127.0.0.1", "plain", "forbidden"),
        ("::ffff:127.0.0.1", "plain", "forbidden"),
        ("localhost", "plain", "realm_unreachable"),
        ("127.0.0.1", "", "realm_unreachable"),
    ] {
        let refused = messi.ask(&format!("ADDREALM beta {host} {} {how}", old.port));
        assert_eq!(refused["code"], code, "{host} {how}: {refused}");
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains("plain_peers") && error.contains("SIGHUP"), "{error}");
    }
    assert!(old.requests("ackrealm").is_empty());
    // Once it is listed it may, without a restart.
    ours.configure(HERE);
    ours.signal(rustix::process::Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    while messi.ask(&format!("ADDREALM beta 127.0.0.1 {} plain", old.port))["status"] != "OK" {
        assert!(Instant::now() < deadline, "{}", ours.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(old.requests("ackrealm").len(), 1);
}

/// What waits there for a user here is listed by name; whoever has the name next gets what comes later.
#[test]
fn what_waits_for_a_former_user_is_not_for_the_next_of_the_name() {
    let mut both = Both::linked();
    let mut lineker = both.old.client("lineker");
    lineker.tell("sendrealm", "beta henderson", "for the first");
    let operator = |ours: &Realm, arguments: &[&str]| {
        let password = ours.config().with_file_name("password");
        std::fs::write(&password, "pw\n").unwrap();
        let mut command = ours.command("user");
        command.args(arguments).stdin(std::fs::File::open(password).unwrap());
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    operator(&both.ours, &["remove", "henderson"]);
    let asked = both.old.requests("remoteinboxrealm").len();
    operator(&both.ours, &["add", "henderson"]);
    let deadline = Instant::now() + PATIENCE;
    while both.old.requests("remoteinboxrealm").len() == asked {
        assert!(Instant::now() < deadline, "it is not asked what waits");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut henderson = both.ours.connect();
    henderson.login("henderson");
    assert_eq!(texts_of(&henderson.expect_ok("INBOXREALM beta")), [""; 0]);
    lineker.tell("sendrealm", "beta henderson", "for the second");
    assert_eq!(texts_of(&henderson.expect_ok("INBOXREALM beta")), ["for the second"]);
    // It is told of us again after a restart, and what waits is fetched first.
    both.ours.kill();
    both.start_again();
    let mut henderson = both.ours.connect();
    henderson.login("henderson");
    let deadline = Instant::now() + PATIENCE;
    while texts_of(&henderson.expect_ok("INBOXREALM beta")) != ["for the second"] {
        assert!(Instant::now() < deadline, "{}", henderson.expect_ok("INBOXREALM beta"));
        std::thread::sleep(Duration::from_millis(50));
    }
    // What is said in a group is carried only once that is done.
    both.messi.expect_ok("SENDGROUPREALM beta staff hi");
    both.await_owed(0);
    assert_eq!(texts_of(&henderson.expect_ok("INBOXREALM beta")), ["for the second"]);
}
