//! Two realms, linked, while the network and the processes fail: once the faults end, everything that
//! was acknowledged is there once, in its sender's order.
//!
//! `ANTAR_LINK_SECONDS` and `ANTAR_LINK_SEED` set how long faults go on and which they are.

use crate::conn::Conn;
use crate::proxy::Proxy;
use crate::realm::{PATIENCE, Realm};
use antar_client::{REPLY_LIMIT, Replies};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Requests that a sender has on their way at once.
const WINDOW: usize = 8;

/// Senders of a realm: every other one writes to a group.
const SENDERS: usize = 4;

/// Between the messages of a sender, so that the other side could keep up.
const PAUSE: Duration = Duration::from_millis(2);

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A realm behind a proxy, through which the other one reaches it.
struct Side {
    realm: Realm,
    proxy: Proxy,
    name: &'static str,
    other: &'static str,
    /// Where its own users find it.
    address: Arc<Mutex<String>>,
}

impl Side {
    fn start(name: &'static str, other: &'static str) -> Self {
        let proxy = Proxy::start();
        let realm = Realm::named(name, &format!("advertise = {:?}", proxy.address));
        let side = Self { realm, proxy, name, other, address: Arc::default() };
        side.publish();
        let mut sink = side.realm.user("sink");
        sink.expect_ok("ADDGROUP room pw");
        side
    }

    fn start_again(&mut self) {
        self.realm.start();
        self.publish();
    }

    fn publish(&self) {
        self.proxy.lead_to(self.realm.address());
        *self.address.lock().unwrap() = self.realm.address().into();
    }

    fn sink(&self) -> Conn {
        let mut sink = self.realm.connect();
        sink.login("sink");
        sink
    }

    fn senders(&self) -> Vec<Sender> {
        let make = |n: usize| {
            let name = format!("{}{n}", self.name);
            let mut conn = self.realm.connect();
            let token = conn.expect_ok(&format!("REGISTER {name} pw"))["data"].clone();
            conn.expect_ok("JOINGROUP room pw");
            let verb = ["SENDREALM", "SENDGROUPREALM"][n % 2];
            let to = format!("{} {}", self.other, ["sink", "room"][n % 2]);
            let token = token.as_str().unwrap().into();
            Sender { name, token, verb, to, next: 0, acknowledged: BTreeSet::new() }
        };
        (0..SENDERS).map(make).collect()
    }

    /// What CHECKREALM says of the link.
    fn link(&self) -> Value {
        self.sink().expect_ok("CHECKREALM")["data"][0].clone()
    }

    /// Everything that came from the other realm, oldest first.
    fn received(&self) -> Vec<Value> {
        let mut sink = self.sink();
        let mut all = sink.history(&format!("INBOXREALM {}", self.other));
        all.extend(sink.history(&format!("INBOXGROUPREALM {} room", self.other)));
        all
    }
}

/// One who sends numbered messages.
struct Sender {
    name: String,
    token: String,
    verb: &'static str,
    to: String,
    next: u64,
    acknowledged: BTreeSet<u64>,
}

impl Sender {
    /// Sends until it is told to stop, over as many connections as it takes.
    fn run(&mut self, address: &Mutex<String>, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let address = address.lock().unwrap().clone();
            if let Ok(stream) = TcpStream::connect(address) {
                let _ = (stream.set_nodelay(true), stream.set_read_timeout(Some(PATIENCE)));
                self.talk(stream, stop);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What has no reply when the connection breaks may be there or not; its number is not used again.
    fn talk(&mut self, mut stream: TcpStream, stop: &AtomicBool) {
        let (mut replies, mut sent) = (Replies::new(REPLY_LIMIT), VecDeque::new());
        let mut buffer = [0; 4096];
        loop {
            while sent.len() < WINDOW && !stop.load(Ordering::Relaxed) {
                let Self { verb, token, to, name, next, .. } = self;
                let line = format!("{verb} {token} {to} {name} {next}\n");
                sent.push_back(*next);
                *next += 1;
                if stream.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
            if sent.is_empty() {
                return;
            }
            match stream.read(&mut buffer) {
                Ok(n @ 1..) => replies.feed(&buffer[..n]),
                _ => return,
            }
            while let Some(raw) = replies.pop_raw().unwrap() {
                let reply: Value = serde_json::from_slice(raw.0).unwrap();
                assert_eq!(reply["status"], "OK", "{}: {reply}", self.name);
                self.acknowledged.insert(sent.pop_front().unwrap());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Looks for this sender's messages among all that came.
    fn check(&self, received: &[Value]) {
        let own = received.iter().filter(|m| m["from"] == self.name.as_str());
        let there: Vec<u64> = own.map(|m| self.number(m)).collect();
        for pair in there.windows(2) {
            assert!(pair[0] < pair[1], "{}: {} before {}", self.name, pair[0], pair[1]);
        }
        assert!(there.last().is_none_or(|last| *last < self.next), "{}: never sent", self.name);
        let there: BTreeSet<u64> = there.into_iter().collect();
        let lost: Vec<&u64> = self.acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "{}: acknowledged and not there: {lost:?}", self.name);
        println!("{}: {} acknowledged, {} there", self.name, self.acknowledged.len(), there.len());
    }

    fn number(&self, message: &Value) -> u64 {
        let text = message["message"].as_str().unwrap();
        let number = text.strip_prefix(&self.name).and_then(|rest| rest.trim().parse().ok());
        number.unwrap_or_else(|| panic!("{} did not send {text}", self.name))
    }
}

/// Has the senders stop, also where a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One fault, and its end.
fn fail(sides: &mut [Side; 2], chance: &mut StdRng) {
    let side = &mut sides[chance.random_range(0..2)];
    let pause = Duration::from_millis(chance.random_range(20..1_500));
    match chance.random_range(0..10) {
        0..4 => side.proxy.cut(),
        4..7 => {
            side.proxy.stall(true);
            std::thread::sleep(pause);
            side.proxy.stall(false);
        }
        7 => {
            // What was on its way is gone.
            side.proxy.stall(true);
            std::thread::sleep(pause);
            side.proxy.cut();
            side.proxy.stall(false);
        }
        _ => {
            side.realm.kill();
            std::thread::sleep(pause / 2);
            side.start_again();
        }
    }
}

#[test]
fn nothing_is_lost_doubled_or_reordered_whatever_fails() {
    let seconds = from_environment("ANTAR_LINK_SECONDS").unwrap_or(20);
    let seed = from_environment("ANTAR_LINK_SEED").unwrap_or_else(rand::random);
    println!("ANTAR_LINK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut sides = [Side::start("alpha", "beta"), Side::start("beta", "alpha")];
    let mut senders: Vec<Vec<Sender>> = sides.iter().map(Side::senders).collect();
    let (host, port) = sides[1].proxy.address.split_once(':').unwrap();
    sides[0].sink().expect_ok(&format!("ADDREALM beta {host} {port}"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for (senders, side) in senders.iter_mut().zip(&sides) {
            for sender in senders {
                let (stop, address) = (&stop, side.address.clone());
                scope.spawn(move || sender.run(&address, stop));
            }
        }
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(chance.random_range(50..700)));
            fail(&mut sides, &mut chance);
        }
    });
    for side in &sides {
        let deadline = Instant::now() + 2 * PATIENCE;
        while side.link()["owed"] != 0 {
            assert!(Instant::now() < deadline, "{}: {}", side.name, side.link());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    for (senders, receiver) in senders.iter().zip(sides.iter().rev()) {
        let received = receiver.received();
        senders.iter().for_each(|sender| sender.check(&received));
    }
}

/// Requests between servers, as a client might try them.
const BETWEEN_SERVERS: [&str; 6] = [
    "ackrealm beta 127.0.0.1 1 127.0.0.1 2",
    "ACKREALM alpha 127.0.0.1 1 127.0.0.1 2 from=beta",
    "recvgrouprealm beta amy room hi",
    "remoteinboxrealm amy beta",
    "remoteinboxgrouprealm room beta",
    "FOLLOW 0000000000000000 0 00000000000000000000000000000000",
];

#[test]
fn clients_are_no_realms() {
    // Where others can reach it no address may be a plain peer's; on this machine who logs in is none.
    let (public, local) = (Realm::public(""), Realm::with(""));
    for mut conn in [public.connect(), public.user("amy"), local.user("amy")] {
        for request in BETWEEN_SERVERS {
            assert_eq!(conn.ask(request)["code"], "forbidden", "{request}");
        }
    }
    assert_eq!(local.user("bob").expect_ok("CHECKREALM")["data"], serde_json::json!([]));
}
