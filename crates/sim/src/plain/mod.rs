//! A server that knows only the two documents, linked with the first realm of some runs. It keeps
//! everything in memory, and what was said on the link only until it is told of the realm again.

mod check;

use crate::node::Node;
use crate::world::{Happening, World};
use antar_domain::links::{Ask, NotAsked, Of, PlainRequest, Told};
use antar_domain::{AskId, ConnId, Input, Origin};
use antar_text::{Value, json, plain_answer, plain_request};
use rand::RngExt;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

/// Where it is, and on which port.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 9, 1));
const PORT: u16 = 8889;

/// What both sides call the link, and its one user.
pub const NAME: &str = "old";
pub const USER: &str = "lineker";

/// The realm that it is linked with.
pub const PEER: usize = 0;

/// For how long its user says nothing after it has added the realm: the realm may be about to tell it
/// of itself, which makes it forget.
const QUIET: u64 = 5_000;

/// How long its answers take at most.
const ANSWERED: u64 = 30;

/// The server.
pub struct Plain {
    /// It lists people by what they are called, and not by their names.
    calls: bool,
    up: bool,
    /// It knows the realm.
    knows: bool,
    /// Its connection to the realm, in one of the lives of that.
    conn: Option<(u64, ConnId)>,
    /// What it has asked there and was not answered.
    asked: VecDeque<String>,
    /// What waits for each user of the realm, oldest first.
    waits: BTreeMap<String, Vec<String>>,
    /// What was said in the group, and by whom, oldest first.
    group: Vec<(String, String)>,
    /// Texts of the group that it was ever brought, each once.
    brought: Vec<String>,
    /// What its user has written since it started and must be shown.
    written: BTreeMap<String, Theirs>,
    written_so_far: u64,
    /// When a link last asked what waits for a user, or was said in the group, and was answered.
    listed: BTreeMap<Whose, u64>,
    /// The same for whoever asked.
    shown: BTreeMap<Whose, u64>,
    quiet_until: u64,
}

/// A user of the realm, or the group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    User(String),
    Group,
}

/// A message of its user.
#[derive(Clone, Debug)]
struct Theirs {
    to: Whose,
    at: u64,
    /// The realm has said that it has it.
    taken: bool,
}

impl Plain {
    pub fn new(calls: bool) -> Self {
        Self {
            calls,
            up: true,
            knows: false,
            conn: None,
            asked: VecDeque::new(),
            waits: BTreeMap::new(),
            group: Vec::new(),
            brought: Vec::new(),
            written: BTreeMap::new(),
            written_so_far: 0,
            listed: BTreeMap::new(),
            shown: BTreeMap::new(),
            quiet_until: 0,
        }
    }

    /// It stops, and has forgotten everything once it is back.
    fn stop(&mut self) {
        let (brought, shown) = (std::mem::take(&mut self.brought), std::mem::take(&mut self.shown));
        let written_so_far = self.written_so_far;
        *self = Self { up: false, brought, shown, written_so_far, ..Self::new(self.calls) };
    }

    /// It is told of the realm, which started then, or tells it of itself: nothing waits any more. What
    /// was written after the realm has last looked is lost, which nobody can help.
    fn forget(&mut self, started: u64) {
        self.knows = true;
        self.asked.clear();
        let gone = std::mem::take(&mut self.waits).into_values().flatten();
        let gone = gone.chain(std::mem::take(&mut self.group).into_iter().map(|(_, text)| text));
        for text in gone {
            let Some(theirs) = self.written.get(&text) else { continue };
            let looked = self.listed.get(&theirs.to).copied().unwrap_or(0).max(started);
            if !theirs.taken && theirs.at >= looked {
                self.written.remove(&text);
            }
        }
    }

    fn list<'a>(&self, said: impl DoubleEndedIterator<Item = (&'a str, &'a str)>) -> String {
        let called = |from: &str| match self.calls {
            true => format!("{from} the player({ADDRESS}:{PORT})"),
            false => from.to_string(),
        };
        let message = |(from, text): (&str, &str)| json!({"msg_from": called(from), "msg": text});
        let newest_first: Vec<Value> = said.rev().map(message).collect();
        match newest_first.is_empty() {
            true => r#"{"status":"ERROR","message":"Informasi tidak ditemukan"}"#.into(),
            false => json!({"status": "OK", "messages": newest_first}).to_string(),
        }
    }

    /// What it answers, to a realm that started then; nothing where the request ends its thread.
    fn answer(&mut self, line: &str, started: u64, now: u64) -> Option<String> {
        let error = |text: &str| Some(json!({"status": "ERROR", "message": text}).to_string());
        let done = || Some(json!({"status": "OK", "message": "berhasil"}).to_string());
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["ackrealm", ..] => {
                self.forget(started);
                // Where its list has no names, only the time tells what was said since; the realm has
                // that of the answer.
                self.quiet_until = if self.calls { now + ANSWERED } else { 0 };
                done()
            }
            [..] if !self.knows => error("Realm belum ada"),
            ["recvgrouprealm", _, from, "staff", text] => {
                self.group.push((from.into(), text.into()));
                if !self.brought.iter().any(|known| known == text) {
                    self.brought.push(text.into());
                }
                done()
            }
            ["remoteinboxgrouprealm", "staff", _] => {
                Some(self.list(self.group.iter().map(|(from, text)| (&**from, &**text))))
            }
            ["recvgrouprealm" | "remoteinboxgrouprealm", ..] => error("Group belum ada"),
            ["remoteinboxrealm", user, _] => {
                let waits = self.waits.get(user).map(Vec::as_slice).unwrap_or_default();
                Some(self.list(waits.iter().map(|text| (USER, &**text))))
            }
            _ => None,
        }
    }

    /// Whose messages a request asks for.
    fn asked_for(request: &PlainRequest) -> Option<Whose> {
        match request {
            PlainRequest::List(Of::User(user)) => Some(Whose::User(user.to_string())),
            PlainRequest::List(Of::Group(group)) => {
                (group.as_str() == "staff").then_some(Whose::Group)
            }
            _ => None,
        }
    }
}

impl World<'_> {
    /// The first realm is linked with the server, and something is said in their group.
    pub fn link_plain(&mut self) {
        if self.plain.is_none() {
            return;
        }
        let person = self.people.of(PEER)[0];
        let linked = self.ask(person, &format!("ADDREALM {NAME} {ADDRESS} {PORT} plain"));
        let said = self.ask(person, &format!("SENDGROUPREALM {NAME} staff hello"));
        if let Some(answer) = [linked, said].iter().find(|answer| answer["status"] != "OK") {
            return self.violate(format!("the plain server was not linked: {answer}"));
        }
        self.at(50, Happening::PlainActs);
    }

    /// A realm sends the server a request, over a connection for that.
    pub fn ask_plain(&mut self, node: usize, ask: AskId, request: Ask) {
        let life = self.nodes[node].life;
        let delay = self.chance.random_range(1..ANSWERED);
        let request = Box::new(request);
        self.at(delay, Happening::PlainHears { node, life, ask, request });
    }

    /// The request comes there, also where the realm has stopped meanwhile.
    pub fn plain_hears(&mut self, node: usize, life: u64, ask: AskId, request: &Ask) {
        if self.nodes[node].life != life {
            return;
        }
        let answer = self.answer_plainly(node, request);
        if let (Ok(_), Some(whose), Some(plain)) =
            (&answer, Plain::asked_for(&request.request), &mut self.plain)
        {
            plain.listed.insert(whose, self.now);
        }
        let delay = self.chance.random_range(1..ANSWERED);
        let answer = Box::new(answer);
        self.at(delay, Happening::PlainTells { node, life, ask, answer });
    }

    /// What the server does with a request and answers, if that is not lost.
    pub fn answer_plainly(&mut self, node: usize, ask: &Ask) -> Result<Told, NotAsked> {
        let not = |sent| NotAsked { error: "nobody is there".into(), sent };
        let here = node == PEER && *ask.address.host == *ADDRESS.to_string();
        // One that has stopped since has asked in a life that is over: it is what it has looked at that counts.
        let started = self.nodes[node].running.as_ref().map_or(0, |running| running.began);
        let (lost, unheard) = (self.chance.random_bool(0.08), self.chance.random_bool(0.5));
        let Some(plain) = self.plain.as_mut().filter(|plain| here && plain.up) else {
            return Err(not(false));
        };
        // A server that does not know a user never answers: there silence is taken for that. And where
        // lists have no names, they are known by what was said since the realm heard that it was told.
        let certain = match ask.request {
            PlainRequest::List(Of::User(_)) => true,
            PlainRequest::Introduce { .. } => plain.calls,
            _ => false,
        };
        let lost = lost && self.breaks && !certain;
        if lost && unheard {
            return Err(not(true));
        }
        let line = plain_request(ask, Node::address(node));
        let answer = plain.answer(&line, started, self.now);
        let twice =
            plain.group.last().filter(|last| plain.group.iter().filter(|m| m == last).count() > 1);
        let twice = twice.map(|(_, text)| format!("{text} is brought to {NAME} twice"));
        twice.into_iter().for_each(|what| self.violate(what));
        self.note(None, || format!("{NAME} is asked {line}, lost {lost}, and says {answer:?}"));
        if matches!(ask.request, PlainRequest::Introduce { .. }) {
            self.plain_connects();
        }
        if lost {
            self.injected.count("answers of a plain server lost");
            return Err(not(true));
        }
        if let (Some(whose), Some(plain)) = (Plain::asked_for(&ask.request), &mut self.plain) {
            plain.shown.entry(whose).or_insert(self.now);
        }
        answer.map(|answer| plain_answer(answer.as_bytes(), false)).ok_or_else(|| not(true))
    }

    /// It connects to the realm; it has one connection.
    fn plain_connects(&mut self) -> Option<ConnId> {
        let node = &mut self.nodes[PEER];
        let (life, running) = (node.life, node.running.as_mut()?);
        let conn = running.next_conn();
        let before = self.plain.as_mut()?.conn.replace((life, conn));
        if let Some((_, before)) = before.filter(|(of, _)| *of == life) {
            self.input(PEER, Input::Disconnected(before));
        }
        self.input(PEER, Input::Connected(conn, Origin::Client(ADDRESS)));
        Some(conn)
    }

    /// Its user writes or reads something, or it stops or comes back.
    pub fn plain_acts(&mut self) {
        let delay = self.chance.random_range(50..500);
        self.at(delay, Happening::PlainActs);
        let kind = self.chance.random_range(0..40);
        let (now, breaks) = (self.now, self.breaks);
        let Some(plain) = &mut self.plain else { return };
        match kind {
            _ if !plain.up => {
                plain.up = kind < 8 || !breaks;
                if plain.up {
                    self.note(None, || format!("{NAME} is back"));
                }
            }
            // Its operator adds the realm, or the realm finds out by itself.
            _ if !plain.knows && (kind < 4 || !breaks) => self.plain_adds_realm(),
            _ if !plain.knows || !breaks || plain.quiet_until > now => {}
            0 => self.plain_stops(),
            1..16 => {
                let user = format!("u{}", kind % 2);
                let text = plain.writes(Whose::User(user.clone()), now);
                self.note(None, || format!("{USER} writes {text} to {user}"));
                self.plain.iter_mut().for_each(|plain| {
                    plain.waits.entry(user.clone()).or_default().push(text.clone());
                });
            }
            16..36 => {
                let text = plain.writes(Whose::Group, now);
                plain.group.push((USER.into(), text.clone()));
                self.plain_says(format!("recvgrouprealm {NAME} {USER} staff {text}"));
            }
            _ => self.plain_says(format!("remoteinboxrealm {USER} {NAME}")),
        }
    }

    fn plain_stops(&mut self) {
        self.injected.count("stops of a plain server");
        self.note(None, || format!("FAULT {NAME} stops"));
        let life = self.nodes[PEER].life;
        let Some(plain) = &mut self.plain else { return };
        let conn = plain.conn.take();
        plain.stop();
        if let Some((_, conn)) = conn.filter(|(of, _)| *of == life) {
            self.at(1, Happening::Closed { node: PEER, life, conn });
        }
    }

    fn plain_adds_realm(&mut self) {
        if self.plain_connects().is_none() {
            return;
        }
        let (now, here) = (self.now, Node::address(PEER));
        if let Some(plain) = &mut self.plain {
            plain.forget(now);
            plain.quiet_until = now + QUIET;
        }
        self.plain_says(format!("ackrealm {NAME} {here} {PORT} {ADDRESS} {PORT}"));
    }

    /// It asks the realm, over the connection that it has, if that is still there.
    fn plain_says(&mut self, line: String) {
        let life = self.nodes[PEER].life;
        let alive = self.is_alive(PEER, life);
        let Some(plain) = &mut self.plain else { return };
        let Some((_, conn)) = plain.conn.filter(|(of, _)| alive && *of == life) else { return };
        plain.asked.push_back(line.clone());
        self.note(None, || format!("{NAME} asks {line}"));
        self.line(PEER, conn, line);
    }

    /// Whether a reply is to the server; what it is to is looked at.
    pub fn answers_plain(&mut self, node: usize, conn: ConnId, text: &str) -> bool {
        let life = self.nodes[node].life;
        let Some(plain) = &mut self.plain else { return false };
        if node != PEER || plain.conn != Some((life, conn)) {
            return false;
        }
        let line = plain.asked.pop_front().unwrap_or_default();
        let answer: Value = text.parse().unwrap_or_default();
        if answer["status"] == "OK"
            && let Some(said) = line.strip_prefix("recvgrouprealm ")
        {
            let said = said.rsplit(' ').next().unwrap_or_default();
            plain.written.get_mut(said).into_iter().for_each(|theirs| theirs.taken = true);
        }
        self.note(None, || format!("{NAME} <- {text}"));
        if line.starts_with("remoteinboxrealm") && answer["status"] == "OK" {
            self.list_for_plain(&answer);
        }
        true
    }
}

impl Plain {
    fn writes(&mut self, to: Whose, at: u64) -> String {
        self.written_so_far += 1;
        let text = format!("{:06}-{NAME}", self.written_so_far);
        self.written.insert(text.clone(), Theirs { to, at, taken: false });
        text
    }

    /// Data of the realm were put back: it may have forgotten what it had.
    pub fn realm_is_put_back(&mut self) {
        self.written.clear();
    }

    /// Somebody has a name of the realm anew.
    pub fn name_is_renewed(&mut self, user: &str) {
        self.shown.remove(&Whose::User(user.into()));
    }
}
