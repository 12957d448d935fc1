//! People who write to each other, and remember what they were told.

use crate::across::{Across, Seen};
use crate::files::Uploader;
use crate::follow::Follow;
use crate::personal::Personal;
use crate::plain;
use crate::renew::Renewed;
use crate::retries::{Posting, posting};
use crate::rewriting::{Rewriting, Talked};
use crate::rooms::{Hall, InHall};
use crate::watch::Watch;
use crate::world::{Happening, World};
use antar_domain::{ConnId, Event, Input, Origin};
use antar_text::Value;
use antar_types::{FileHash, Name};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Users of each realm that write.
const EACH: usize = 2;

/// Requests that one may have unanswered.
const IN_FLIGHT: usize = 3;

/// Everybody, and what they have written.
pub struct People {
    pub all: Vec<Person>,
    /// Everything anyone tried to send, by its text.
    pub written: BTreeMap<String, Written>,
    /// Groups that somebody was told were not made, or the disk has refused, each with its realm.
    pub refused_groups: BTreeSet<(usize, String)>,
    /// Messages that are changed after they were posted.
    pub talked: Vec<Talked>,
    /// Files that only who has uploaded them may read, with who has.
    pub own_files: Vec<(Uploader, FileHash)>,
    /// What is said in a group of people of all realms.
    pub hall: Hall,
    written_so_far: u64,
}

/// A user, on one connection at a time.
pub struct Person {
    pub node: usize,
    pub name: String,
    pub token: String,
    pub conn: Option<ConnId>,
    asked: VecDeque<Asked>,
    pub renewed: Renewed,
    pub watch: Watch,
    pub follow: Follow,
    /// How often the name has become another's.
    pub renewals: u64,
    /// What was posted under a reference, which may be posted again.
    pub posted: VecDeque<Posting>,
    /// Up to which message each conversation was read, as far as was told.
    pub read: BTreeMap<String, u64>,
    pub personal: Personal,
    /// A message to somebody of another realm that is changed next.
    pub seen: Option<Seen>,
}

impl Person {
    /// Whoever asked is not there any more.
    pub fn forget_asked(&mut self) {
        self.asked.clear();
        self.read.clear();
        self.personal.muted = None;
        self.seen = None;
    }
}

/// A request that is not answered yet.
#[derive(Clone, Debug)]
pub enum Asked {
    Sending(String),
    Reading {
        since: u64,
    },
    /// A group of this name is to be made.
    Making(String),
    /// The groups there are.
    Listing,
    /// A word is looked for.
    Searching(String),
    /// Something about a group over which people fall out.
    Club,
    /// A conversation was read, or is to count as unread.
    Marking {
        conversation: String,
        back: bool,
    },
    /// The group is to be muted, or not any more.
    Muting(bool),
    /// Somebody is to be blocked, or not any more.
    Blocking,
    /// A message is to be changed.
    Rewriting(Rewriting),
    /// Something is said to another realm that may be changed, or is.
    Across(Across),
    /// Something is done in a group of people of all realms.
    InHall(InHall),
}

/// A message, as its sender knows it.
#[derive(Clone, Debug)]
pub struct Written {
    pub person: usize,
    pub realm: usize,
    pub to: To,
    /// When it was written.
    pub at: u64,
    /// When it was answered with OK.
    pub acked: Option<u64>,
    /// The id that it has there, as its sender was told.
    pub id: Option<u64>,
    /// Its sender was told that it was not taken, or the disk has refused it for certain: it must be nowhere.
    pub refused: bool,
    /// How often its sender's name had become another's before.
    pub renewed: u64,
    /// Its sender's realm was put back to a time before that.
    pub may_be_lost: bool,
    /// Its sender has posted it more than once, under one reference.
    pub retried: bool,
    /// The file that it names.
    pub file: Option<FileHash>,
}

impl Written {
    /// Of which nothing is known yet.
    pub fn new((person, renewed): (usize, u64), realm: usize, to: To, at: u64) -> Self {
        Self {
            person,
            realm,
            to,
            at,
            acked: None,
            id: None,
            refused: false,
            renewed,
            may_be_lost: false,
            retried: false,
            file: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    User(String),
    /// Nobody of that name is there.
    Nobody,
    Group,
    /// The other realm has no group of this name.
    NoGroup,
    /// A user of the same realm.
    Local(String),
    /// The user of the plain server.
    Plain,
    /// The group, at the plain server.
    PlainGroup,
}

impl People {
    pub fn new(realms: usize) -> Self {
        let person = |node: usize, n: usize| Person {
            node,
            name: format!("u{n}"),
            token: String::new(),
            conn: None,
            asked: VecDeque::new(),
            renewed: Renewed::default(),
            watch: Watch::default(),
            follow: Follow::default(),
            renewals: 0,
            posted: VecDeque::new(),
            read: BTreeMap::new(),
            personal: Personal::default(),
            seen: None,
        };
        let all = (0..realms).flat_map(|node| (0..EACH).map(move |n| person(node, n))).collect();
        let (written, refused_groups) = (BTreeMap::new(), BTreeSet::new());
        let (talked, own_files) = (Vec::new(), Vec::new());
        let hall = Hall::default();
        Self { all, written, refused_groups, talked, own_files, hall, written_so_far: 0 }
    }

    /// The next number that nothing else has.
    pub fn number(&mut self) -> u64 {
        self.written_so_far += 1;
        self.written_so_far
    }

    /// Whether everyone has been answered.
    pub fn is_answered(&self) -> bool {
        self.all.iter().all(|person| person.asked.is_empty())
    }

    /// A batch of a realm is not on its disk and never will be, nor is what its people have written in it. What
    /// came from elsewhere in it comes again, also what they had written and a plain server lists.
    pub fn refused(&mut self, node: usize, events: &[Event]) {
        for event in events {
            match event {
                Event::Posted(posted) if posted.sender.is_some() => {
                    let written = self.written.get_mut(posted.message.text.as_str());
                    let own = written.filter(|written| self.all[written.person].node == node);
                    let own = own.filter(|written| !written.retried);
                    own.into_iter().for_each(|written| written.refused = true);
                }
                // Whose creator is removed is written anew, and was there before.
                Event::GroupSet(_, group)
                    if is_made_once(&group.name) && group.owner == Some(group.creator) =>
                {
                    self.refused_groups.insert((node, group.name.to_string()));
                }
                _ => {}
            }
        }
    }

    /// Whether a message must be nowhere.
    pub fn is_refused(&self, text: &str) -> bool {
        self.written.get(text).is_some_and(|written| written.refused)
    }

    pub fn of(&self, node: usize) -> Vec<usize> {
        (0..self.all.len()).filter(|person| self.all[*person].node == node).collect()
    }
}

/// Whether a group is one that somebody makes in a run, with a name that no other request has.
fn is_made_once(name: &Name) -> bool {
    name.as_str().strip_prefix('g').is_some_and(|number| number.parse::<u64>().is_ok())
}

impl World<'_> {
    /// Realms start, people register, groups are made and realms linked, all without faults.
    pub fn begin(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.start(node));
        for person in 0..self.people.all.len() {
            let name = self.people.all[person].name.clone();
            let token = self.ask(person, &format!("REGISTER {name} pw"));
            let token = token["data"].as_str().unwrap_or_default().to_string();
            self.people.all[person].token = token;
            let verb = if name == "u0" { "ADDGROUP" } else { "JOINGROUP" };
            self.ask(person, &format!("{verb} staff pw"));
            let group = self.own_group(self.people.all[person].node);
            self.ask(person, &format!("{verb} {group} pw"));
        }
        if self.kinds.squats {
            self.begin_to_squat();
        }
        for node in 0..self.nodes.len() {
            (node + 1..self.nodes.len()).for_each(|other| self.link(node, other));
        }
        self.link_plain();
        self.make_hall();
        self.linking = false;
        for person in 0..self.people.all.len() {
            self.at(10, Happening::Write { person });
        }
    }

    /// Asks for one person and waits for the answer, up to a minute.
    pub fn ask(&mut self, person: usize, line: &str) -> Value {
        let asked = self.say(person, line);
        asked.map(|(node, conn)| self.hear(node, conn)).unwrap_or_default()
    }

    /// Asks for one person, on a connection for that.
    pub fn say(&mut self, person: usize, line: &str) -> Option<(usize, ConnId)> {
        let node = self.people.all[person].node;
        let conn = self.connect(node)?;
        let token = self.people.all[person].token.clone();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let line = match verb {
            "REGISTER" => line.to_string(),
            _ => format!("{verb} {token} {rest}"),
        };
        self.line(node, conn, line);
        Some((node, conn))
    }

    /// Waits for the answer to what was asked, up to a minute.
    pub fn hear(&mut self, node: usize, conn: ConnId) -> Value {
        let until = self.now + 60_000;
        while !self.answers.contains_key(&(node, conn)) && self.now < until && self.advance(until) {
        }
        self.answers.remove(&(node, conn)).and_then(|mut all| all.pop()).unwrap_or_default()
    }

    pub fn connect(&mut self, node: usize) -> Option<ConnId> {
        self.connect_as(node, Origin::Client(std::net::IpAddr::from([192, 0, 2, 1])))
    }

    pub fn connect_as(&mut self, node: usize, origin: Origin) -> Option<ConnId> {
        let running = self.nodes[node].running.as_mut()?;
        let conn = running.next_conn();
        running.clients.insert(conn);
        // An earlier life of the process had one of this number.
        self.answers.remove(&(node, conn));
        self.input(node, Input::Connected(conn, origin));
        Some(conn)
    }

    /// After a start of their realm: what was asked before is not answered any more.
    pub fn people_return(&mut self, node: usize) {
        for person in self.people.of(node) {
            let person = &mut self.people.all[person];
            person.conn = None;
            person.forget_asked();
            person.watch.lost();
            person.follow.lost();
        }
    }

    /// A person writes or reads something, and will again.
    pub fn write(&mut self, person: usize) {
        let delay = self.chance.random_range(20..400);
        self.at(delay, Happening::Write { person });
        let node = self.people.all[person].node;
        let nobody = self.nodes[node].running.is_none() || self.people.all[person].renewed.open;
        if nobody || self.people.all[person].asked.len() >= IN_FLIGHT {
            return self.see_to_waiting(person);
        }
        self.see_to_watch(person);
        self.see_to_follow(person);
        if self.chance.random_bool(0.02) {
            self.end_follow(person, false);
        }
        if self.chance.random_bool(0.03) {
            self.use_files(person);
        }
        let conn = match self.people.all[person].conn {
            Some(conn) => conn,
            None => match self.connect(node) {
                Some(conn) => conn,
                None => return,
            },
        };
        self.people.all[person].conn = Some(conn);
        // Once in a while somebody writes very much at once.
        let lines =
            if self.chance.random_bool(0.004) { self.chance.random_range(50..800) } else { 1 };
        if lines > 1 {
            self.injected.count("bursts");
        }
        (0..lines).for_each(|_| self.write_line(person, conn));
    }

    fn write_line(&mut self, person: usize, conn: ConnId) {
        let node = self.people.all[person].node;
        let others: Vec<usize> = (0..self.nodes.len()).filter(|n| *n != node).collect();
        let realm = others[self.chance.random_range(0..others.len())];
        let composed = self.compose_for_plain(person);
        let composed = composed.or_else(|| self.compose_personal(person, realm));
        let composed = composed.or_else(|| self.compose_in_hall(person));
        let (line, asked) = match composed.or_else(|| self.compose_across(person, realm)) {
            Some(composed) => composed,
            None => self.compose(person, realm),
        };
        self.people.all[person].asked.push_back(asked);
        self.note(Some(node), || format!("{conn:?} asks {line}"));
        self.line(node, conn, line);
    }

    /// Something for the plain server, now and then, where its realm is linked with one.
    fn compose_for_plain(&mut self, person: usize) -> Option<(String, Asked)> {
        let here = self.people.all[person].node == plain::PEER && self.plain.is_some();
        if !here || !self.chance.random_bool(0.2) {
            return None;
        }
        let (token, realm) = (&self.people.all[person].token, plain::NAME);
        let kind = self.chance.random_range(0..8);
        if kind < 2 {
            let verb = ["INBOXREALM", "INBOXGROUPREALM"][kind];
            let group = ["", " staff"][kind];
            let line = format!("{verb} {token} {realm}{group} limit=9");
            return Some((line, Asked::Reading { since: self.now }));
        }
        self.people.written_so_far += 1;
        let text = format!("{:06}-{}-{person}", self.people.written_so_far, self.seed);
        let (line, to) = match kind {
            2..5 => (format!("SENDREALM {token} {realm} {} {text}", plain::USER), To::Plain),
            _ => (format!("SENDGROUPREALM {token} {realm} staff {text}"), To::PlainGroup),
        };
        let renewed = self.people.all[person].renewals;
        let written = Written::new((person, renewed), plain::PEER, to, self.now);
        self.people.written.insert(text.clone(), written);
        Some((line, Asked::Sending(text)))
    }

    fn compose(&mut self, person: usize, realm: usize) -> (String, Asked) {
        let kind = self.chance.random_range(0..46);
        if kind >= 36 {
            return self.compose_rewriting(person);
        }
        if kind >= 32 {
            return self.compose_club(person);
        }
        if kind >= 29 {
            return self.compose_again(person);
        }
        if kind >= 26 {
            return self.compose_marking(person, realm);
        }
        let (token, name) = (&self.people.all[person].token, &self.nodes[realm].name);
        let own_group = self.own_group(self.people.all[person].node);
        if kind == 0 {
            let line = format!("INBOXREALM {token} {name} limit=3");
            return (line, Asked::Reading { since: self.now });
        }
        if kind == 1 {
            let line = format!("INBOXGROUPREALM {token} {name} staff limit=3");
            return (line, Asked::Reading { since: self.now });
        }
        if kind == 20 && self.chance.random_bool(0.5) {
            return self.compose_search(person);
        }
        if kind == 20 {
            return (format!("GETGROUPS {token}"), Asked::Listing);
        }
        self.people.written_so_far += 1;
        if kind == 21 {
            let group = format!("g{}", self.people.written_so_far);
            return (format!("ADDGROUP {token} {group} pw"), Asked::Making(group));
        }
        let mut text = format!("{:06}-{}-{person}", self.people.written_so_far, self.seed);
        if kind == 5 {
            text += ["@u0", ",@u0", ",@u1", ",@U1."][self.chance.random_range(0..4)];
        }
        let mut file = None;
        let (mut line, to) = match kind {
            2..=3 => (format!("SENDREALM {token} {name} nobody {text}"), To::Nobody),
            4 => (posting(token, &format!("#staff+{name}"), &text), To::Group),
            5..=8 => (format!("SENDGROUPREALM {token} {name} staff {text}"), To::Group),
            22 => (format!("SENDGROUPREALM {token} {name} {own_group} {text}"), To::NoGroup),
            23..=25 => {
                let user = format!("u{}", self.chance.random_range(0..EACH));
                let line = match kind {
                    23 => posting(token, &user, &text),
                    _ => format!("SEND {token} {user} {text}"),
                };
                (line, To::Local(user))
            }
            _ => {
                let user = format!("u{}", self.chance.random_range(0..EACH));
                let line = match kind {
                    9 => posting(token, &format!("{user}@{name}"), &text),
                    _ => format!("SENDREALM {token} {name} {user} {text}"),
                };
                (line, To::User(user))
            }
        };
        if let (To::User(_), Some((before, said))) = (&to, line.split_once(" : ")) {
            file = self.own_file(person);
            let named = file.map(|hash| format!(" file={hash}")).unwrap_or_default();
            line = format!("{before}{named} : {said}");
        }
        let renewed = self.people.all[person].renewals;
        let written = Written { file, ..Written::new((person, renewed), realm, to, self.now) };
        self.people.written.insert(text.clone(), written);
        self.note_posting(person, &line, &text);
        (line, Asked::Sending(text))
    }

    /// A client was answered.
    pub fn answered(&mut self, node: usize, conn: ConnId, text: &str) {
        let Ok(answer) = text.parse::<Value>() else {
            return self.violate(format!("an answer that is no JSON: {text}"));
        };
        if self.file_answered(node, conn, &answer) {
            return;
        }
        let person = (self.people.all.iter()).position(|p| p.node == node && p.conn == Some(conn));
        let Some(person) = person else {
            self.answers.entry((node, conn)).or_default().push(answer);
            return;
        };
        let now = self.now;
        match self.people.all[person].asked.pop_front() {
            Some(Asked::Sending(text)) if answer["status"] == "OK" => {
                self.posted(node, &text, &answer);
                if let Some(written) = self.people.written.get_mut(&text) {
                    (written.acked, written.id) = (Some(now), answer["id"].as_u64());
                }
                self.checked.count("messages acknowledged");
            }
            Some(Asked::Club) if answer["status"] == "OK" => {
                self.checked.count("changes of a group");
            }
            Some(Asked::Making(group)) if answer["status"] == "OK" => self.made_group(node, group),
            Some(Asked::Listing) if answer["status"] == "OK" => self.listed_groups(node, &answer),
            Some(Asked::Searching(word)) if answer["status"] == "OK" => {
                self.searched(&word, &answer);
            }
            Some(Asked::Marking { conversation, back }) => {
                self.marked(person, conversation, back, &answer);
            }
            Some(Asked::Muting(muted)) => self.muted(person, muted, &answer),
            Some(Asked::Blocking) => self.checked.count("people blocked"),
            Some(Asked::Rewriting(what)) => self.rewrote(person, what, &answer),
            Some(Asked::Across(what)) => self.across(person, what, &answer),
            Some(Asked::InHall(what)) => self.in_hall(person, what, &answer),
            // Either may be true then.
            Some(_) if answer["code"] == "unknown" => self.checked.count("answers of unknown"),
            Some(Asked::Making(group)) => {
                self.people.refused_groups.insert((node, group));
                self.checked.count("groups refused");
            }
            Some(Asked::Club) => self.checked.count("changes of a group refused"),
            Some(Asked::Listing) => self.checked.count("lists of groups refused"),
            Some(Asked::Searching(_)) => self.checked.count("searches refused"),
            Some(Asked::Sending(text)) => {
                let written = self.people.written.get_mut(&text).filter(|w| !w.retried);
                written.into_iter().for_each(|w| w.refused = true);
                self.checked.count("messages refused");
            }
            Some(Asked::Reading { .. }) => self.checked.count("inboxes read meanwhile"),
            None => self.violate(format!("an answer to nothing: {text}")),
        }
        // What is next in line begins to wait now.
        if let Some(Asked::Reading { since }) = self.people.all[person].asked.front_mut() {
            *since = now;
        }
    }

    /// Ids grow, also past a restore; only who put data back by hand has a realm that does not know.
    pub fn check_id(&mut self, node: usize, answer: &Value) {
        let id = answer["id"].as_u64().unwrap_or(0);
        let here = &mut self.nodes[node];
        if id <= here.highest_id && !here.by_hand {
            let what = format!("{} gives out id {id} after {}", here.name, here.highest_id);
            return self.violate(what);
        }
        here.highest_id = here.highest_id.max(id);
        if !here.written.ids.contains(&id) {
            let what = format!("{} acknowledges {id}, which is not on disk", here.name);
            self.violate(what);
        }
    }

    /// Reading waits three seconds for another realm at most, and for the disk.
    fn see_to_waiting(&mut self, person: usize) {
        if let Some(Asked::Reading { since }) = self.people.all[person].asked.front()
            && self.nodes[self.people.all[person].node]
                .running
                .as_ref()
                .is_some_and(|r| !r.is_refused())
            && self.now > since + 15_000
        {
            let waited = self.now - since;
            self.violate(format!("somebody has waited {waited} ms for an inbox"));
        }
    }
}
