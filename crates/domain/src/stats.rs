//! What a realm amounts to at a moment, for whoever watches over it.
//!
//! None of it is durable and nothing is decided by it.

use crate::links::{Link, LinkState, LinkStatus};
use crate::{Mode, State};
use antar_types::{Name, Time};
use std::time::Duration;

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
    /// Users that connections follow, each as often as it is followed.
    pub followed: usize,
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

    /// Counts everything; takes time by the links and the users that watch.
    pub fn stats(&self, now: Time) -> Stats {
        let durable = &self.durable;
        let there = durable.peers.iter().filter(|(_, known)| !known.is_gone());
        let (asking, linked): (Vec<_>, Vec<_>) =
            there.partition(|(_, known)| known.record.status == LinkStatus::Asking);
        let none = Link::default();
        let links = linked.into_iter().map(|(peer, known)| {
            let link = self.links.links.get(peer).unwrap_or(&none);
            LinkStats {
                realm: known.record.name.clone(),
                up: link.state(&known.record) == LinkState::Up,
                owed: known.out.owed(),
                owed_bytes: known.out.owed_bytes(),
                owed_age: known.out.oldest().map_or(Duration::ZERO, |oldest| now.since(oldest)),
                delivered: known.out.delivered(),
                received: known.followed.cursor.seq,
                failed: link.failed,
                lost: link.lost,
            }
        });
        Stats {
            accounts: durable.accounts.len(),
            groups: durable.groups.len(),
            sessions: durable.sessions.len(),
            watchers: self.live.count_watchers(),
            followed: self.live.people.count_followed(),
            last_id: durable.next_id() - 1,
            asking: asking.len(),
            links: links.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Limits;
    use crate::commands::{FollowPresence, SendRealm, Watch};
    use crate::testing::{BETA, Realm};
    use crate::{Policy, State};
    use antar_types::{EntryKind, Time};
    use std::time::Duration;

    #[test]
    fn a_link_is_counted_with_what_is_owed_and_since_when() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, Watch::default());
        realm.does(1, FollowPresence { users: "amy amy nobody".into() });
        realm.deliver(EntryKind::Private, "bob", "amy", "hello");
        let (to, text) = ("bob".into(), "x".into());
        realm.does(1, SendRealm { realm: "beta".into(), to, text });
        let now = |seconds: u64| Time(1_000_000 + seconds * 1000);
        let stats = realm.state.stats(now(7));
        let counted =
            (stats.accounts, stats.sessions, stats.watchers, stats.followed, stats.asking);
        assert_eq!(counted, (1, 1, 1, 1, 0));
        let [link] = &stats.links[..] else { panic!("{stats:?}") };
        assert_eq!((link.realm.as_str(), link.up, link.lost), ("beta", true, 0));
        assert_eq!((link.owed, link.owed_age), (1, Duration::from_secs(7)));
        assert_eq!((link.received, link.delivered), (1, 0));
        realm.disconnect(BETA);
        let links = realm.state.stats(now(7)).links;
        assert_eq!((links[0].up, links[0].lost), (false, 1));
    }

    #[test]
    fn a_realm_that_was_just_made_has_nothing() {
        let state = State::new(Limits::default(), Policy::local(), []);
        let stats = state.stats(Time(0));
        assert_eq!((stats.accounts, stats.last_id, stats.links.len()), (0, 0, 0));
    }
}
