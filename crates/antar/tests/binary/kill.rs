//! SIGKILL under load: every message that was acknowledged is there exactly once, in its sender's
//! order, and ids go on growing.

use crate::conn::Conn;
use crate::realm::Realm;
use antar_client::{REPLY_LIMIT, Replies};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};

const SENDERS: usize = 6;

/// Requests that a sender has on their way at once.
const WINDOW: usize = 8;

/// One who sends numbered messages: to a user, or to a group.
pub struct Numbers {
    pub name: String,
    pub token: String,
    /// Verb and recipient.
    request: (&'static str, &'static str),
    next: u64,
    /// Number → id.
    pub acknowledged: BTreeMap<u64, u64>,
}

impl Numbers {
    /// Sends as fast as replies come, until the connection breaks. What had no reply by then may be
    /// there or not; its number is not used again.
    pub fn run(&mut self, address: &str, told: &Sender<u64>) {
        let Ok(mut stream) = TcpStream::connect(address) else { return };
        let _ = stream.set_nodelay(true);
        let (mut replies, mut sent) = (Replies::new(REPLY_LIMIT), VecDeque::new());
        let mut buffer = [0; 4096];
        loop {
            while sent.len() < WINDOW {
                let ((verb, to), token, name, next) =
                    (self.request, &self.token, &self.name, self.next);
                let line = format!("{verb} {token} {to} {name} {next}\n");
                self.next += 1;
                if stream.write_all(line.as_bytes()).is_err() {
                    return;
                }
                sent.push_back(next);
            }
            match stream.read(&mut buffer) {
                Ok(n @ 1..) => replies.feed(&buffer[..n]),
                _ => return,
            }
            while let Some(raw) = replies.pop_raw().unwrap() {
                let reply: Value = serde_json::from_slice(raw.0).unwrap();
                assert_eq!(reply["status"], "OK", "{}: {reply}", self.name);
                let id = reply["id"].as_u64().unwrap();
                self.acknowledged.insert(sent.pop_front().unwrap(), id);
                let _ = told.send(id);
            }
        }
    }

    /// Looks for this sender's messages among all that are there.
    fn check(&self, messages: &[Value]) {
        let own = messages.iter().filter(|m| m["from"] == self.name.as_str());
        let there: Vec<(u64, u64)> = own.map(|m| (self.number(m), id(m))).collect();
        for pair in there.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}: {:?} before {:?}", self.name, pair[0], pair[1]);
        }
        let there: BTreeMap<u64, u64> = there.into_iter().collect();
        for (number, id) in &self.acknowledged {
            assert_eq!(there.get(number), Some(id), "{} {number} was acknowledged", self.name);
        }
        for number in there.keys() {
            assert!(*number < self.next, "{} {number} was never sent", self.name);
        }
    }

    pub fn number(&self, message: &Value) -> u64 {
        let text = message["message"].as_str().unwrap();
        let number = text.strip_prefix(&self.name).and_then(|rest| rest.trim().parse().ok());
        number.unwrap_or_else(|| panic!("{} did not send {text}", self.name))
    }
}

pub fn id(message: &Value) -> u64 {
    message["id"].as_u64().unwrap()
}

/// Everything that was sent, and that it is in order.
pub fn read(conn: &mut Conn, request: &str) -> Vec<Value> {
    let messages = conn.history(request);
    assert!(messages.is_sorted_by(|a, b| id(a) < id(b)), "{request} is out of order");
    messages
}

pub fn senders(realm: &Realm) -> Vec<Numbers> {
    let mut sink = realm.user("sink");
    sink.expect_ok("ADDGROUP room pw");
    let make = |n: usize| {
        let name = format!("sender{n}");
        let mut conn = realm.connect();
        let token = conn.expect_ok(&format!("REGISTER {name} pw"))["data"].clone();
        conn.expect_ok("JOINGROUP room pw");
        let request = [("SEND", "sink"), ("SENDGROUP", "room")][n % 2];
        let token = token.as_str().unwrap().into();
        Numbers { name, token, request, next: 0, acknowledged: BTreeMap::new() }
    };
    (0..SENDERS).map(make).collect()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let rounds = std::env::var("ANTAR_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let mut realm = Realm::with("");
    let mut senders = senders(&realm);
    let mut greatest = 0;
    for round in 0..rounds {
        let (told, hear) = channel();
        let address = realm.address().to_string();
        let enough = rand::random_range(1..1_500);
        let mut least = u64::MAX;
        std::thread::scope(|scope| {
            for sender in &mut senders {
                let (told, address) = (told.clone(), &address);
                scope.spawn(move || sender.run(address, &told));
            }
            drop(told);
            hear.iter().take(enough).for_each(|id| least = least.min(id));
            realm.kill();
        });
        assert!(least > greatest, "round {round}: {least} was given out after {greatest}");
        realm.start();
        check(&realm, &senders);
        let ids = senders.iter().flat_map(|sender| sender.acknowledged.values());
        greatest = ids.copied().max().unwrap();
        let total: usize = senders.iter().map(|sender| sender.acknowledged.len()).sum();
        println!("round {round}: {total} acknowledged and there");
    }
}

fn check(realm: &Realm, senders: &[Numbers]) {
    let mut sink = realm.connect();
    sink.login("sink");
    let mut messages = read(&mut sink, "INBOX");
    messages.extend(read(&mut sink, "INBOXGROUP room"));
    messages.sort_by_key(id);
    assert!(messages.is_sorted_by(|a, b| id(a) < id(b)), "an id was given out twice");
    for sender in senders {
        sender.check(&messages);
        if sender.request.0 == "SEND" {
            let mut conn = realm.connect();
            // What they see of it themselves is the same; their token is still good.
            conn.expect_ok(&format!("WHOAMI {}", sender.token));
            let sent = read(&mut conn, "SENT");
            let own: Vec<&Value> =
                messages.iter().filter(|m| m["from"] == sender.name.as_str()).collect();
            assert_eq!(sent.iter().collect::<Vec<_>>(), own);
        }
    }
}
