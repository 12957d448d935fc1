//! People of a realm who share a group and fall out over it: they give roles, ban, silence, close it and make it
//! anew. Whoever follows was told how it is.

use crate::people::Asked;
use crate::world::World;
use antar_domain::{GroupNews, Silence, Told};
use antar_text::Value;
use rand::RngExt;
use std::collections::BTreeMap;

/// The group, of that name at each realm.
pub const CLUB: &str = "club";

/// How a message of that group is addressed.
pub const CLUB_CONV: &str = "#club";

/// What somebody who follows knows of the group.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Who is in it and who is not, as far as was told.
    inside: BTreeMap<String, bool>,
    /// Roles that were told of those who are in it.
    roles: BTreeMap<String, String>,
    /// Whether the one who follows may not write.
    silenced: Option<bool>,
    /// Up to here nothing is left of what was said in it.
    closed: u64,
}

/// One change of the group.
pub struct News {
    what: String,
    user: String,
    role: String,
    ended: bool,
}

impl News {
    /// What a watch was told, where it is about the group.
    pub fn told(told: &Told) -> Option<Self> {
        let (what, group, user, role, ended) = match told {
            Told::Member(change) => (change.what.as_str(), &change.group, &*change.user, "", false),
            Told::Group(change) => {
                let (user, role, ended) = match &change.what {
                    GroupNews::Role(user, role) => (&**user, role.as_str(), false),
                    GroupNews::Silenced(user, silence) => (&**user, "", *silence == Silence::Ended),
                    _ => ("", "", false),
                };
                (change.what.as_str(), &change.group, user, role, ended)
            }
            _ => return None,
        };
        let [what, user, role] = [what, user, role].map(str::to_string);
        (&**group == CLUB).then_some(Self { what, user, role, ended })
    }

    /// What SYNC told, where it is about the group.
    pub fn listed(change: &Value) -> Option<Self> {
        let text = |key: &str| change[key].as_str().unwrap_or_default().to_string();
        let (what, user, role) = (text("change"), text("user"), text("role"));
        let is_own = change["conv"] == CLUB_CONV && what != "message" && what != "read";
        is_own.then_some(Self { what, user, role, ended: change["ended"] == true })
    }
}

impl Known {
    /// Learns of a change; `id` is not past it.
    pub fn learn(&mut self, me: &str, id: u64, news: News) {
        let News { what, user, role, ended } = news;
        match &*what {
            "joined" | "left" | "kicked" | "banned" => {
                let is_in = what == "joined";
                if user == me {
                    // Of the others nothing is known any more, or not yet.
                    *self = Self { closed: self.closed, ..Self::default() };
                }
                self.roles.remove(&user);
                self.inside.insert(user, is_in);
            }
            "role" => {
                self.inside.insert(user.clone(), true);
                self.roles.insert(user, role);
            }
            "silenced" if user == me => self.silenced = Some(!ended),
            "closed" => {
                *self = Self { closed: id, ..Self::default() };
                self.inside.insert(me.to_string(), false);
            }
            _ => {}
        }
    }
}

impl World<'_> {
    /// A person does something about the group, or says something there.
    pub fn compose_club(&mut self, person: usize) -> (String, Asked) {
        let user = ["u0", "u1"][self.chance.random_range(0..2)];
        let (said, choice) = (self.now, self.chance.random_range(0..24));
        let token = &self.people.all[person].token;
        let line = match choice {
            0 => format!("CLOSEGROUP {token} {CLUB}"),
            1..=2 => format!("ADDGROUP {token} {CLUB}"),
            3..=6 => format!("JOINGROUP {token} {CLUB}"),
            7 => format!("LEAVEGROUP {token} {CLUB}"),
            8..=9 => format!("ROLE {token} {CLUB} {user} moderator"),
            10 => format!("ROLE {token} {CLUB} {user} member"),
            11 => format!("ROLE {token} {CLUB} {user} owner"),
            12 => format!("BAN {token} {CLUB} {user}"),
            13..=14 => format!("UNBAN {token} {CLUB} {user}"),
            15 => format!("SILENCE {token} {CLUB} {user}"),
            16 => format!("SILENCE {token} {CLUB} {user} 0"),
            17 => format!("TOPIC {token} {CLUB} : topic-{said}"),
            18 => format!("KICK {token} {CLUB} {user}"),
            19 => format!("INVITE {token} {CLUB} {user}"),
            _ => format!("POST {token} {CLUB_CONV} : said-{said}-{person}"),
        };
        (line, Asked::Club)
    }

    /// What somebody who follows was told of the group is how it is.
    pub fn compare_club(&mut self, person: usize, known: &Known) {
        let me = self.people.all[person].name.clone();
        let members = self.ask(person, &format!("MEMBERS {CLUB}"));
        let is_in = members["status"] == "OK";
        if known.inside.get(&me).is_some_and(|told| *told != is_in) {
            return self.violate(format!("{me} knows {known:?} of a group, and is told {members}"));
        }
        if !is_in {
            return;
        }
        let has = |list: &Value, user: &String| {
            list.as_array().is_some_and(|all| all.iter().any(|one| one == user.as_str()))
        };
        let role = |user: &String| match members["owner"] == user.as_str() {
            true => "owner",
            false if has(&members["moderators"], user) => "moderator",
            false => "member",
        };
        let strays = known.inside.iter().any(|(user, told)| has(&members["data"], user) != *told);
        if strays || known.roles.iter().any(|(user, told)| role(user) != told) {
            return self.violate(format!("{me} knows {known:?} of a group, and is told {members}"));
        }
        let is_owner = role(&me) == "owner";
        let old = self.pages(person, "HISTORY", CLUB_CONV).first().map(|first| first.id);
        if old.is_some_and(|id| id <= known.closed) {
            let what = format!("{me} reads message {old:?}, and the group was closed after it");
            return self.violate(what);
        }
        let answer = self.ask(person, &format!("POST {CLUB_CONV} : the last word"));
        let is_silenced = answer["code"] == "silenced";
        if known.silenced.is_some_and(|told| is_silenced != (told && !is_owner)) {
            return self.violate(format!("{me} knows {known:?}, and writes: {answer}"));
        }
        self.checked.count("people who know a group's members and roles");
    }
}
