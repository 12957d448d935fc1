//! What a realm amounts to at a moment, and what it has been asked, for whoever watches over it.
//!
//! None of it is durable and nothing is decided by it.

use crate::links::{Link, Status};
use crate::{Mode, State, commands};
use antar_types::{Name, Time};
use std::time::Duration;

/// Requests by verb since the process started, whatever became of them.
#[derive(Clone, Debug)]
pub struct Requests {
    /// In the order of [`commands::all`].
    pub by_verb: Vec<u64>,
    /// Lines whose verb is none of ours, or that could not be read.
    pub unknown: u64,
}

impl Default for Requests {
    fn default() -> Self {
        Self { by_verb: vec![0; commands::all().count()], unknown: 0 }
    }
}

impl Requests {
    pub(crate) fn count(&mut self, verb: Option<usize>) {
        match verb.and_then(|number| self.by_verb.get_mut(number)) {
            Some(count) => *count += 1,
            None => self.unknown += 1,
        }
    }
}

/// How many there are of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Users.
    pub accounts: usize,
    /// Groups.
    pub groups: usize,
    /// Sessions, whether somebody is connected with them or not.
    pub sessions: usize,
    /// Connections that watch.
    pub watchers: usize,
    /// The last number of the realm's one counter.
    pub last_id: u64,
    /// Realms that wait for an administrator's approval here.
    pub asking: usize,
    /// Every other link that has not ended.
    pub links: Vec<LinkStats>,
}

/// How it stands with a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStats {
    /// The realm at the other end.
    pub realm: Name,
    /// Messages can pass.
    pub up: bool,
    /// Messages owed to it.
    pub owed: u64,
    /// Bytes of them, to within what was written in a second.
    pub owed_bytes: u64,
    /// For how long the oldest of them has been; zero where none is.
    pub owed_age: Duration,
    /// Messages that ever became durable there.
    pub delivered: u64,
    /// Messages that ever came from there.
    pub received: u64,
    /// Calls and requests to it that failed since the process started or the disk last failed.
    pub failed: u64,
    /// Connections with it that were lost since then.
    pub lost: u64,
}

impl State {
    /// What the disk lets it do.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What it has been asked.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Counts everything; takes time by the links and the users that watch.
    pub fn stats(&self, now: Time) -> Stats {
        let durable = &self.durable;
        let there = durable.peers.iter().filter(|(_, peer)| !peer.is_gone());
        let (asking, linked): (Vec<_>, Vec<_>) =
            there.partition(|(_, peer)| peer.record.status == Status::Asking);
        let none = Link::default();
        let links = linked.into_iter().map(|(realm, peer)| {
            let link = self.links.links.get(realm).unwrap_or(&none);
            LinkStats {
                realm: peer.record.name.clone(),
                up: link.state(&peer.record) == "up",
                owed: peer.out.owed(),
                owed_bytes: peer.out.owed_bytes(),
                owed_age: peer.out.oldest().map_or(Duration::ZERO, |oldest| now.since(oldest)),
                delivered: peer.out.delivered(),
                received: peer.inbox.cursor.seq,
                failed: link.failed,
                lost: link.lost,
            }
        });
        Stats {
            accounts: durable.accounts.len(),
            groups: durable.groups.len(),
            sessions: durable.sessions.len(),
            watchers: self.live.count_watchers(),
            last_id: durable.next_id() - 1,
            asking: asking.len(),
            links: links.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Limits;
    use crate::commands::testing::{BETA, Realm};
    use crate::{Policy, State, commands};
    use antar_types::{EntryKind, Time};
    use std::time::Duration;

    fn asked(realm: &Realm, verb: &str) -> u64 {
        let number = commands::all().position(|row| row.name == verb).unwrap();
        realm.state.requests().by_verb[number]
    }

    #[test]
    fn each_request_counts_once_however_spelled_and_whatever_becomes_of_it() {
        let mut realm = Realm::with_users(&["amy"]);
        // Each runs again once its password has been worked on.
        assert_eq!(realm.say(1, "auth amy wrong")["code"], "wrong_password");
        realm.login(1, "amy");
        for line in ["addgroup staff pw", "GROUP ADD more pw", "Group Add", "whoami"] {
            realm.say(1, line);
        }
        assert_eq!((asked(&realm, "AUTH"), asked(&realm, "WHOAMI")), (2, 1));
        assert_eq!((asked(&realm, "ADDGROUP"), asked(&realm, "SEND")), (3, 0));
        let before = realm.state.requests().unknown;
        for line in ["frobnicate", "", "{\"status\":\"OK\"}"] {
            realm.say(1, line);
        }
        assert_eq!(realm.state.requests().unknown, before + 3);
    }

    #[test]
    fn a_link_is_counted_with_what_is_owed_and_since_when() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.say(1, "watch");
        realm.deliver(EntryKind::Private, "bob", "amy", "hello");
        realm.say(1, "sendrealm beta bob x");
        let now = |seconds: u64| Time(1_000_000 + seconds * 1000);
        let stats = realm.state.stats(now(7));
        let counted = (stats.accounts, stats.sessions, stats.watchers, stats.asking);
        assert_eq!(counted, (1, 1, 1, 0));
        let [link] = &stats.links[..] else { panic!("{stats:?}") };
        assert_eq!((link.realm.as_str(), link.up, link.lost), ("beta", true, 0));
        assert_eq!((link.owed, link.owed_age), (1, Duration::from_secs(7)));
        assert_eq!((link.received, link.delivered), (1, 0));
        // Its answer to what it was asked is no request.
        let unknown = realm.state.requests().unknown;
        assert_eq!((unknown, asked(&realm, "DELIVER")), (0, 1));
        realm.disconnect(BETA);
        let links = realm.state.stats(now(7)).links;
        assert_eq!((links[0].up, links[0].lost), (false, 1));
    }

    #[test]
    fn a_realm_that_was_just_made_has_nothing() {
        let state = State::new(Limits::default(), Policy::local(), []);
        let stats = state.stats(Time(0));
        assert_eq!((stats.accounts, stats.last_id, stats.links.len()), (0, 0, 0));
        assert_eq!(state.requests().by_verb.len(), commands::all().count());
    }
}
