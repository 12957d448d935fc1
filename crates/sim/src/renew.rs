//! People who go, and others who register under their names.

use crate::people::{To, Written};
use crate::plain;
use crate::world::{Happening, World};
use antar_domain::{ConnId, Input, Origin};

/// When the user of a name last became another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// What was acknowledged before that is the former's.
    pub from: u64,
    /// What was written after that is the present one's.
    pub to: u64,
    /// Nobody has the name for certain: the request is under way, or nobody was told what came of it.
    pub open: bool,
}

impl World<'_> {
    /// Somebody goes, and another registers under the name.
    pub fn renew(&mut self, node: usize) {
        let Some(person) = self.people.of(node).into_iter().nth(1) else { return };
        let (now, renewed) = (self.now, &mut self.people.all[person].renewed);
        if !renewed.open {
            *renewed = Renewed { from: now, to: now, open: true };
            self.injected.count("names that become another's");
            self.ask_to_renew(person);
        }
    }

    fn ask_to_renew(&mut self, person: usize) {
        let (node, name) = (self.people.all[person].node, self.people.all[person].name.clone());
        (self.people.all[person].conn, self.people.all[person].token) = (None, String::new());
        self.people.all[person].forget_asked();
        if let Some(conn) = self.people.all[person].watch.forget() {
            self.input(node, Input::Disconnected(conn));
        }
        self.end_follow(person, true);
        let Some(conn) = self.connect_as(node, Origin::Operator) else {
            return self.at(1_000, Happening::Renewed { person, conn: ConnId(0) });
        };
        self.note(Some(node), || format!("{name} goes, and another is {name}"));
        for line in [
            format!("REMOVEUSER {name}"),
            format!("ADDUSER {name} user pw"),
            format!("AUTH {name} pw"),
            "JOINGROUP staff pw".into(),
        ] {
            self.line(node, conn, line);
        }
        self.at(3_000, Happening::Renewed { person, conn });
    }

    /// Looks whether the request to renew a name was answered; if not, it is made again.
    pub fn renewed(&mut self, person: usize, conn: ConnId) {
        let node = self.people.all[person].node;
        let answers = self.answers.remove(&(node, conn)).unwrap_or_default();
        let done = answers.iter().filter(|answer| answer["status"] == "OK").count() == 4;
        let token = answers.get(2).and_then(|answer| answer["data"].as_str());
        let Some(token) = token.filter(|_| done && answers.len() == 4) else {
            return self.ask_to_renew(person);
        };
        let now = self.now;
        self.people.all[person].token = token.to_string();
        self.people.all[person].renewals += 1;
        let renewed = &mut self.people.all[person].renewed;
        (renewed.to, renewed.open) = (now, false);
        if node == plain::PEER {
            let name = self.people.all[person].name.clone();
            self.plain.iter_mut().for_each(|plain| plain.name_is_renewed(&name));
        }
        // What the former wrote is in nobody's SENT any more.
        let own = self.people.written.values_mut().filter(|written| written.person == person);
        own.for_each(|written| written.may_be_lost = true);
        self.checked.count("names that became another's");
    }

    /// Nothing in an inbox was written to, or tells of what was written by, whoever had the name before.
    pub fn nothing_is_a_formers(&mut self, person: usize, texts: &[String]) {
        let from = self.people.all[person].renewed.from;
        let formers = texts.iter().find(|text| {
            let text = text.rsplit(' ').next().unwrap_or_default();
            self.people.written.get(text).is_some_and(|w| w.acked.is_some_and(|at| at < from))
        });
        if let Some(text) = formers {
            let (node, name) = (self.people.all[person].node, &self.people.all[person].name);
            let here = &self.nodes[node].name;
            self.violate(format!("{text:?} is for whoever was {name} at {here} before"));
        }
        self.checked.count("inboxes without what was a former's");
    }

    /// Whether a message may not have arrived: its recipient was another when it was written, or it was
    /// taken for one that was written then, of which its sender has heard.
    pub fn may_have_come_back(&mut self, written: &Written, text: &str) -> bool {
        let To::User(name) = &written.to else { return false };
        let to = self.people.of(written.realm).into_iter();
        let to = to.map(|person| &self.people.all[person]).find(|person| person.name == *name);
        let Some(renewed) = to.map(|person| person.renewed) else { return false };
        if renewed == Renewed::default() {
            return false;
        }
        let realm = self.nodes[written.realm].name.clone();
        written.at <= renewed.to || {
            let inbox = self.pages(written.person, "INBOXREALM", &realm);
            inbox.iter().any(|message| message.notice && message.text.ends_with(text))
        }
    }
}
