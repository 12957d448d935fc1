//! Who is here, and who is told of it. Nothing of it outlives the process.

use crate::{AccountId, Availability, ConnId};
use antar_types::{Text, Time};
use std::collections::{BTreeMap, BTreeSet};

/// For how many milliseconds a user whose last connection is lost still counts as here: phones change networks.
const LINGERS: u64 = 10_000;

/// How many users a connection may follow, those of an account and all of them: each takes some 60 bytes.
const FOLLOWED: (usize, usize, usize) = (1_000, 5_000, 500_000);

/// What is known of a user who is here, or was since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub availability: Availability,
    pub since: Option<Time>,
    /// What the user says of being away, while that is so.
    pub away: Option<Option<Text>>,
    /// Sessions that somebody is connected with.
    sessions: usize,
    /// Where there is none: when the user counts as gone, in milliseconds of uptime, and when the last was lost.
    leaves: Option<(u64, Time)>,
    /// What those who follow the user were told last.
    told: Option<(Availability, Option<Option<Text>>)>,
}

/// Users, who follows them, and what is to be told.
#[derive(Debug, Default)]
pub(crate) struct People {
    known: BTreeMap<AccountId, Person>,
    followers: BTreeSet<(AccountId, ConnId)>,
    follows: BTreeSet<(ConnId, AccountId)>,
    /// How many users the connections of an account follow.
    counts: BTreeMap<AccountId, usize>,
    /// Users of whom something may have changed since the last [`People::settle`].
    changed: BTreeSet<AccountId>,
    /// Users whose last connection is lost and who count as here still.
    leaving: BTreeSet<AccountId>,
}

impl People {
    /// What is known of a user.
    pub fn get(&self, account: AccountId) -> Option<&Person> {
        self.known.get(&account)
    }

    /// Somebody is connected with a session of the user.
    pub fn connected(&mut self, account: AccountId) {
        self.known.entry(account).or_default().sessions += 1;
        self.changed.insert(account);
    }

    /// Nobody is connected with that session any more.
    pub fn disconnected(&mut self, account: AccountId) {
        if let Some(person) = self.known.get_mut(&account) {
            person.sessions = person.sessions.saturating_sub(1);
            self.changed.insert(account);
        }
    }

    /// A user says to be away, or not to be any more.
    pub fn say_away(&mut self, account: AccountId, away: Option<Option<Text>>) {
        if let Some(person) = self.known.get_mut(&account)
            && person.away != away
        {
            person.away = away;
            self.changed.insert(account);
        }
    }

    /// Something of an account has changed.
    pub fn touch(&mut self, account: AccountId) {
        self.changed.insert(account);
    }

    /// What those who follow users were told may never have come to them.
    pub fn touch_followed(&mut self) {
        for (account, _) in &self.followers {
            if let Some(person) = self.known.get_mut(account) {
                person.told = None;
                self.changed.insert(*account);
            }
        }
    }

    /// Whether the next step or time will change something.
    pub fn is_unsettled(&self) -> bool {
        !self.changed.is_empty() || !self.leaving.is_empty()
    }

    /// Time goes by: those who are gone by now are to be settled.
    pub fn note_the_gone(&mut self, uptime: u64) {
        let known = &self.known;
        let leaves = |account: &AccountId| known.get(account).and_then(|person| person.leaves);
        let gone = self.leaving.iter().filter(|id| leaves(id).is_some_and(|(at, _)| at <= uptime));
        self.changed.extend(gone);
    }

    /// Those of whom something may have changed, each of whom is to be settled.
    pub fn take_changed(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.changed)
    }

    /// Whether there is any of those.
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Takes note of what has changed of a user, and says whether those who follow them are to be told.
    pub fn settle(&mut self, account: AccountId, uptime: u64, now: Time) -> bool {
        let Some(person) = self.known.get_mut(&account) else { return false };
        let before = person.availability;
        let (availability, since) = match (person.sessions, &person.away, person.leaves) {
            (0, _, Some((at, lost))) if at <= uptime => (Availability::Offline, lost),
            (0, ..) => (before, now),
            (_, None, _) => (Availability::Online, now),
            (_, Some(_), _) => (Availability::Away, now),
        };
        if availability != before {
            (person.availability, person.since) = (availability, Some(since));
        }
        person.leaves = match availability {
            _ if person.sessions > 0 => None,
            Availability::Offline => None,
            _ => person.leaves.or(Some((uptime + LINGERS, now))),
        };
        match person.leaves {
            Some(_) => self.leaving.insert(account),
            None => self.leaving.remove(&account),
        };
        if availability == Availability::Offline {
            person.away = None;
        }
        let told = Some((availability, person.away.clone()));
        std::mem::replace(&mut person.told, told.clone()) != told
    }

    /// The account is gone; whether that is news to those who follow the user.
    pub fn forget(&mut self, account: AccountId) -> bool {
        self.leaving.remove(&account);
        let person = self.known.remove(&account);
        person.is_some_and(|person| person.availability != Availability::Offline)
    }

    /// Has a connection of an account follow these users too; whether there is room for that.
    pub fn follow(
        &mut self,
        conn: ConnId,
        account: AccountId,
        mut users: BTreeSet<AccountId>,
    ) -> bool {
        let own = self.follows.range((conn, AccountId(0))..=(conn, AccountId(u64::MAX))).count();
        users.retain(|user| !self.follows.contains(&(conn, *user)));
        let more = users.len();
        let count = self.counts.get(&account).copied().unwrap_or_default();
        let (most, of_account, all) = FOLLOWED;
        if own + more > most || count + more > of_account || self.follows.len() + more > all {
            return false;
        }
        if more > 0 {
            self.counts.insert(account, count + more);
        }
        self.followers.extend(users.iter().map(|user| (*user, conn)));
        self.follows.extend(users.into_iter().map(|user| (conn, user)));
        true
    }

    /// A connection of an account follows nobody any more.
    pub fn unfollow(&mut self, conn: ConnId, account: AccountId) {
        let own = (conn, AccountId(0))..=(conn, AccountId(u64::MAX));
        let users: Vec<AccountId> = self.follows.range(own).map(|(_, user)| *user).collect();
        for user in &users {
            self.follows.remove(&(conn, *user));
            self.followers.remove(&(*user, conn));
        }
        if let Some(count) = self.counts.get_mut(&account) {
            *count = count.saturating_sub(users.len());
            if *count == 0 {
                self.counts.remove(&account);
            }
        }
    }

    /// How many users are followed, each as often as it is.
    pub fn count_followed(&self) -> usize {
        self.follows.len()
    }

    /// The connections that follow a user.
    pub fn followers(&self, account: AccountId) -> impl Iterator<Item = ConnId> {
        let all = (account, ConnId(0))..=(account, ConnId(u64::MAX));
        self.followers.range(all).map(|(_, conn)| *conn)
    }
}
