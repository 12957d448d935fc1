//! A realm that lies: it speaks for users whom it does not have, and of a group that is another realm's. What it is
//! owed and owes is in order otherwise, so all of it arrives.
//!
//! Nobody may believe it: all that must be true of the group must be so in the end as well.

use crate::rooms::{HOST, is_hall};
use crate::world::World;

#[cfg(feature = "planted")]
use crate::rooms::{BEGINS, HALL};
#[cfg(feature = "planted")]
use antar_types::{Entry, EntryKind, EntryMore, EntryOrigin, Name, RoomEntry, Text, Time};
#[cfg(feature = "planted")]
use rand::RngExt;

/// Numbers that accounts and messages have: the lower ones are accounts of some realm.
#[cfg(feature = "planted")]
const NUMBERS: u64 = 40;

impl World<'_> {
    #[cfg(not(feature = "planted"))]
    pub fn lie_about_rooms(&mut self) {}

    /// The last realm tells another what is not so.
    #[cfg(feature = "planted")]
    pub fn lie_about_rooms(&mut self) {
        let liar = self.nodes.len() - 1;
        let (Some(room), None) = (self.people.hall.room, &self.versions) else { return };
        let to = self.chance.random_range(0..liar);
        let account = self.chance.random_range(0..NUMBERS);
        // For its own users it may speak.
        let is_own = self.accounts_at(liar).iter().any(|own| own.0 == account);
        let id = self.message_in_hall();
        let other = self.chance.random_range(1..NUMBERS);
        let says = match self.chance.random_range(0..16) {
            0..3 if !is_own => "post".to_string(),
            3 if !is_own => "ask kick u1!".into(),
            4 if !is_own => "ask leave".into(),
            5 if !is_own => "ask topic".into(),
            6 if !is_own => format!("ask delete {id}"),
            7 if !is_own => format!("ask edit {id}"),
            8 => format!("message {id} {account} -"),
            9 => format!("message {} {account}! {other}", id + 1),
            10 => format!("rewritten {id} deleted"),
            11 => format!("member {account}! kicked @"),
            12 => "ended".into(),
            13 => format!("is {account}! member"),
            14 => format!("answer {other} forbidden"),
            15 => "begins open yes no - 5".into(),
            _ => return,
        };
        let Some(room) = RoomEntry::parse(&format!("{room} {says}")) else {
            return self.violate(format!("{says} is nothing that a realm can say"));
        };
        let name = |word: &str| Name::parse(word);
        let text = Text::parse(&format!("{BEGINS}forged-{}", self.people.number()), 99).ok();
        let (Some(from), Some(hall), Some(text)) = (name("u0"), name(HALL), text) else { return };
        let more = EntryMore { room: Some(Box::new(room)), ..EntryMore::default() }.boxed();
        let origin = Some(EntryOrigin { id: other, account });
        let time = Time(crate::node::BEGAN + self.now);
        let entry = Entry { kind: EntryKind::Room, time, from, to: hall, text, origin, more };
        let whom = name(&self.nodes[to].name);
        let (Some(running), Some(whom)) = (&mut self.nodes[liar].running, whom) else { return };
        running.runner.lie(whom, entry);
        self.injected.count("lies about groups");
        self.note(Some(liar), || format!("FAULT lies to {to}: {says}, for {account}"));
    }

    /// The id of some message at the group's own realm, as likely as not one of the group.
    #[cfg(feature = "planted")]
    fn message_in_hall(&mut self) -> u64 {
        let ids = &self.nodes[HOST].written.ids;
        let from = ids.len().saturating_sub(30);
        let nth = from + self.chance.random_range(0..30);
        ids.iter().nth(nth).or(ids.last()).copied().unwrap_or(1)
    }

    /// Nobody is in a group of the realm that lies: no one has asked to be.
    pub fn nobody_is_put_into_groups(&mut self) {
        let host = self.nodes[HOST].name.clone();
        for person in 0..self.people.all.len() {
            let list = self.ask(person, "CONVERSATIONS limit=1000");
            let all = list["data"].as_array().into_iter().flatten();
            let mut all = all.filter_map(|listed| listed["conv"].as_str());
            let odd = all.find(|name| {
                is_hall(name) && name.contains('@') && !name.ends_with(&format!("@{host}"))
            });
            if let Some(name) = odd {
                return self.violate(format!("somebody is in {name}, which there is not"));
            }
        }
    }
}
