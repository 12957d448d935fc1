//! The client's model equals the realm, whatever people do on several devices and whenever connections are lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antar_client::sync::{Draft, Follow, Limits, Message, Model, Part, Phase};
use antar_client::{Incoming, RawReply, Value};
use antar_testkit::{Driver, OnState, Received, Transcript};
use antar_types::END;
use std::collections::BTreeMap;

const USERS: [&str; 3] = ["amy", "bob", "cat"];
const PLACES: [&str; 6] = ["amy", "bob", "cat", "#red", "#blue", "#green"];
/// Two of one user's devices, one of another's that asks now and then, and one that keeps little.
const DEVICES: [(&str, usize); 4] = [("amy", 500), ("amy", 3), ("bob", 500), ("cat", 4)];

/// As a person would find them: a number below a bound.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

struct Device {
    name: String,
    user: &'static str,
    model: Model,
    /// Nothing before this is heard.
    connected: bool,
}

struct World {
    realm: OnState,
    chance: Chance,
    devices: Vec<Device>,
    /// The number of the next connection, and of the next text.
    next: usize,
    ids: Vec<u64>,
    /// Messages: who wrote them, and where.
    written: Vec<(&'static str, &'static str, u64)>,
    trace: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.trace.iter().rev().take(80).rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let users: String = USERS.iter().map(|user| format!("user {user} pw\n")).collect();
        let transcript = Transcript::parse("model", &users).unwrap();
        let realm = OnState::new(&transcript).unwrap();
        let device = |(at, (user, messages)): (usize, &(&'static str, usize))| Device {
            name: format!("device{at}"),
            user,
            model: Model::with_limits(user, Limits { messages: *messages, ..Limits::default() }),
            connected: false,
        };
        let devices = DEVICES.iter().enumerate().map(device).collect();
        let chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut world = Self {
            realm,
            chance,
            devices,
            next: 0,
            ids: vec![1],
            written: Vec::new(),
            trace: Vec::new(),
        };
        USERS.iter().for_each(|user| world.open(user, user));
        world
    }

    fn open(&mut self, conn: &str, user: &str) {
        self.realm.open(conn).unwrap();
        let reply = self.ask(conn, &format!("AUTH {user} pw"));
        assert_eq!(reply["status"], "OK");
    }

    /// Asks on a connection that watches nothing.
    fn ask(&mut self, conn: &str, line: &str) -> Value {
        self.realm.send(conn, format!("{line}\n").as_bytes()).unwrap();
        let reply = self.receive(conn).expect("a reply");
        if let Some(id) = reply["id"].as_u64() {
            self.ids.push(id);
        }
        reply
    }

    fn receive(&mut self, conn: &str) -> Option<Value> {
        match self.realm.receive(conn).unwrap() {
            Received::Object(bytes) => {
                Some(serde_json::from_slice(bytes.strip_suffix(END).unwrap()).unwrap())
            }
            Received::Closed | Received::Nothing => None,
        }
    }

    /// An id of somewhere, most often a late one.
    fn id(&mut self) -> u64 {
        let late = self.ids.len().min(12);
        let from = if self.chance.below(4) == 0 { 0 } else { self.ids.len() - late };
        let at = from + self.chance.below(self.ids.len() - from);
        self.ids[at]
    }

    /// Somebody does something, on no device of ours.
    fn act(&mut self) {
        let (user, place) = (self.chance.of(&USERS), self.chance.of(&PLACES));
        let (other, id) = (self.chance.of(&USERS), self.id());
        self.next += 1;
        let n = self.next;
        let line = match self.chance.below(34) {
            0..10 => format!("POST {place} : text {n} @{other}"),
            10..13 => format!("SEND {other} text {n}"),
            13 => format!("POST {place} kind=action reply={id} : waves {n}"),
            14 | 15 => format!("READ {place} {id}"),
            16 => format!("UNREAD {place} {id}"),
            17 => format!("MUTE {place}"),
            18 => format!("UNMUTE {place}"),
            19 => format!("BLOCK {other}"),
            20 | 21 => format!("UNBLOCK {other}"),
            22..26 => return self.act_on_message(),
            _ => return self.act_on_group(),
        };
        let posted = self.ask_as(user, &line);
        if let Some(id) = posted["id"].as_u64().filter(|_| line.starts_with("POST")) {
            self.written.push((user, place, id));
        }
    }

    /// Somebody, most often who wrote it, changes a message or says something to it.
    fn act_on_message(&mut self) {
        let late = self.written.len().min(8);
        if late == 0 {
            return;
        }
        let at = self.written.len() - 1 - self.chance.below(late);
        let (author, place, id) = self.written[at];
        let user = if self.chance.below(4) == 0 { self.chance.of(&USERS) } else { author };
        // Whom an author calls by name is called by the author's name there.
        let place = if user == author || place.starts_with('#') { place } else { author };
        let n = self.next;
        let line = match self.chance.below(6) {
            0 | 1 => format!("EDIT {place} {id} : other text {n} @{author}"),
            2 => format!("DELETE {place} {id}"),
            3 | 4 => format!("REACT {place} {id} {}", self.chance.of(&["👍", "🎉"])),
            _ => format!("UNREACT {place} {id} 👍"),
        };
        self.ask_as(user, &line);
    }

    fn act_on_group(&mut self) {
        let (user, other) = (self.chance.of(&USERS), self.chance.of(&USERS));
        let group = self.chance.of(&["red", "blue", "green"]);
        let n = self.next;
        let line = match self.chance.below(20) {
            0 | 1 => format!("ADDGROUP {group} pw"),
            2..6 => format!("JOINGROUP {group} pw"),
            6 => format!("LEAVEGROUP {group}"),
            7 => format!("KICK {group} {other}"),
            8 | 9 => format!("INVITE {group} {other}"),
            10 => format!("TOPIC {group} : about {n}"),
            11 => format!("ROLE {group} {other} {}", self.chance.of(&["moderator", "member"])),
            12 => format!("ROLE {group} {other} owner"),
            13 => format!("BAN {group} {other}"),
            14 | 15 => format!("UNBAN {group} {other}"),
            16 => format!("SILENCE {group} {other} {}", self.chance.below(2)),
            17 => format!("GROUPSET {group} announce={}", self.chance.of(&["yes", "no"])),
            18 => format!("GROUPSET {group} listed={}", self.chance.of(&["yes", "no"])),
            _ => format!("CLOSEGROUP {group}"),
        };
        self.ask_as(user, &line);
    }

    fn ask_as(&mut self, user: &str, line: &str) -> Value {
        self.trace.push(format!("{user}> {line}"));
        self.ask(user, line)
    }

    /// Something is done on a device, or to it.
    fn act_on_device(&mut self) {
        let at = self.chance.below(self.devices.len());
        let (place, id) = (self.chance.of(&PLACES), self.id());
        self.next += 1;
        let n = self.next;
        let limit = 1 + self.chance.below(5);
        let act = self.chance.below(12);
        self.trace.push(format!("device{at}: {act} {place} {id} {limit}"));
        let device = &mut self.devices[at];
        let model = &mut device.model;
        match act {
            0..3 => model.post(Draft::new(place, &format!("r{n}"), &format!("text {n}"))).unwrap(),
            3 => model.mark_read(place, id),
            4 => model.mark_unread(place, id),
            5 => model.load(place, Part::Newest, limit),
            6 => model.load(place, Part::Before(id), limit),
            7 => model.load(place, Part::After(id), limit),
            8 => model.load(place, Part::Around(id), limit),
            9 => model.poll(),
            _ => self.hang_up(at),
        }
    }

    fn hang_up(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if device.connected {
            device.connected = false;
            device.model.disconnected();
            self.realm.close(&device.name.clone()).unwrap();
        }
    }

    fn restart(&mut self) {
        self.trace.push("restart".into());
        self.realm.restart().unwrap();
        for device in &mut self.devices {
            device.connected = false;
            device.model.disconnected();
        }
        USERS.iter().for_each(|user| self.open(user, user));
    }

    /// A device asks and hears so many things. Whether it has anything left to do.
    fn step(&mut self, at: usize, most: usize) -> bool {
        if !self.devices[at].connected {
            self.next += 1;
            let (name, user) = (format!("device{at}-{}", self.next), self.devices[at].user);
            self.open(&name, user);
            let device = &mut self.devices[at];
            (device.name, device.connected) = (name, true);
            device.model.connected(if at == 2 { Follow::Poll } else { Follow::Watch });
        }
        let name = self.devices[at].name.clone();
        for _ in 0..most {
            if let Some(line) = self.devices[at].model.next_request() {
                self.trace.push(format!("{name}> {line}"));
                self.realm.send(&name, format!("{line}\n").as_bytes()).unwrap();
            }
            let Some(told) = self.receive(&name) else { return false };
            self.trace.push(format!("{name}< {told}"));
            if let Some(id) = told["id"].as_u64() {
                self.ids.push(id);
            }
            let model = &mut self.devices[at].model;
            match RawReply(told.to_string().as_bytes()).parse().unwrap() {
                Incoming::Event(event) => model.event(&event),
                Incoming::Reply(reply) => model.answered(&reply),
            }
            model.take_updates();
        }
        true
    }

    /// Every device is told everything.
    fn settle(&mut self) {
        for at in 0..self.devices.len() {
            while self.step(at, 100) {}
            self.devices[at].model.poll();
            while self.step(at, 100) {}
            assert_eq!(self.devices[at].model.phase(), Phase::InStep);
        }
        // What one of them has done meanwhile is told the others.
        for at in 0..self.devices.len() {
            self.devices[at].model.poll();
            while self.step(at, 100) {}
        }
        (0..self.devices.len()).for_each(|at| self.compare(at));
    }

    fn compare(&mut self, at: usize) {
        let user = self.devices[at].user;
        let listed = self.ask(user, "CONVERSATIONS limit=1000")["data"].clone();
        let listed = listed.as_array().unwrap();
        let spoken = |all: &[(String, u64)]| -> Vec<String> {
            all.iter().filter(|(_, last)| *last > 0).map(|(name, _)| name.clone()).collect()
        };
        let theirs: Vec<(String, u64)> = listed
            .iter()
            .map(|each| {
                let last = each["last"]["id"].as_u64().unwrap_or(0);
                (each["conv"].as_str().unwrap().to_owned(), last)
            })
            .collect();
        let model = &self.devices[at].model;
        let of = |each: &&antar_client::sync::Conversation| {
            (each.name().to_owned(), each.last().map_or(0, |last| last.id))
        };
        let ours: Vec<(String, u64)> = model.conversations().iter().map(of).collect();
        assert_eq!(spoken(&ours), spoken(&theirs), "device {at}");
        assert_eq!(BTreeMap::from_iter(ours), BTreeMap::from_iter(theirs), "device {at}");
        for each in listed {
            self.compare_one(at, each);
        }
        let waiting: Vec<_> = self.devices[at].model.outbox().map(|e| e.state.clone()).collect();
        let refused = |state: &antar_client::sync::State| {
            matches!(state, antar_client::sync::State::Refused(_))
        };
        assert!(waiting.iter().all(refused), "device {at}: {waiting:?}");
    }

    fn compare_one(&mut self, at: usize, listed: &Value) {
        let name = listed["conv"].as_str().unwrap();
        let model = &self.devices[at].model;
        let ours = model.conversation(name).unwrap();
        let count = model.count(name);
        let place = format!("device {at} {name} {listed}");
        // Where nothing is shown there is nobody to tell the model how far it was read, and it does not matter.
        if listed["last"].is_object() {
            assert_eq!(Some(ours.read()), listed["read"].as_u64(), "{place}");
        }
        assert_eq!(Some(count.unread), listed["unread"].as_u64(), "{place}");
        if let Some(mentions) = listed.get("mentions").and_then(Value::as_u64) {
            assert_eq!(count.mentions, mentions, "{place}");
        }
        assert_eq!(ours.members(), listed.get("members").and_then(Value::as_u64), "{place}");
        assert_eq!(ours.role(), listed.get("role").and_then(Value::as_str), "{place}");
        let user = self.devices[at].user;
        let all = self.ask(user, &format!("HISTORY {name} limit=1000"))["data"].clone();
        let all = all.as_array().unwrap().iter().filter_map(Message::of);
        let all: BTreeMap<u64, Message> = all.map(|message| (message.id, message)).collect();
        let (_, most) = DEVICES[at];
        let ours = self.devices[at].model.conversation(name).unwrap();
        let (mut before, mut kept) = (0, 0);
        for message in ours.messages() {
            assert_eq!(all.get(&message.id), Some(message), "{place}");
            if ours.follows(before, message.id) {
                let between = all.range(before + 1..message.id).next();
                assert_eq!(between, None, "{place} after {before}");
            }
            (before, kept) = (message.id, kept + 1);
        }
        assert!(kept <= most, "{place}");
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..120 {
        match world.chance.below(100) {
            0..50 => world.act(),
            50..65 => world.act_on_device(),
            65..97 => {
                let (at, most) = (world.chance.below(DEVICES.len()), 1 + world.chance.below(6));
                world.step(at, most);
            }
            97 => world.restart(),
            _ => world.settle(),
        }
    }
    world.settle();
}

#[test]
fn the_model_equals_the_realm() {
    for seed in 1..=400 {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
