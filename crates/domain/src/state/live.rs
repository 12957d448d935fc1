//! Who is connected. Nothing here outlives the process.

use super::pace::Pace;
use super::people::People;
use super::spread::{Audience, Audiences};
use crate::links::Said;
use crate::{AccountId, ConnId, GroupId, Origin, SessionId, Tag};
use antar_types::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

#[derive(Debug)]
struct Conn {
    origin: Origin,
    session: Option<SessionId>,
    /// Whose the latest request was that had a session, be it by a token.
    account: Option<AccountId>,
    /// When there was one for the session that it is bound to.
    used: Time,
    watch: Option<Watch>,
    /// Follows users: see [`People`].
    follow: Option<Follow>,
}

/// A connection's WATCH: the session that asked for it may differ from the one it is
/// bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub session: SessionId,
    pub account: AccountId,
    /// What its door wants to have back with each notification.
    pub tag: Tag,
    pub what: Watched,
    /// Tells it from those before it on its connection.
    pub number: u64,
}

/// That a connection follows users.
#[derive(Clone, Copy, Debug)]
struct Follow {
    session: SessionId,
    account: AccountId,
    /// What its door wants to have back with each notification.
    tag: Tag,
}

/// What a connection watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Messages as they arrive.
    Messages,
    /// All changes. One that is behind is not told what happens before it was told what has happened.
    Changes { behind: bool },
}

/// The connections bound to a session, watching or following users for it.
#[derive(Debug)]
struct Connected {
    account: AccountId,
    conns: BTreeSet<ConnId>,
}

/// Connections, what they are bound to and what they watch.
#[derive(Debug, Default)]
pub(crate) struct Live {
    conns: BTreeMap<ConnId, Conn>,
    connected: BTreeMap<SessionId, Connected>,
    watching: BTreeMap<AccountId, BTreeSet<ConnId>>,
    /// Who watches groups.
    pub audiences: Audiences,
    /// How many watches there were.
    watches: u64,
    /// How many of those watch changes.
    change_watchers: usize,
    /// Those that watched changes and do not any more, though they did not ask for that.
    ended: Vec<(ConnId, Tag)>,
    /// Where a `group send` without an address goes.
    pub current_groups: BTreeMap<SessionId, GroupId>,
    /// What users signal that is not stored.
    pub signals: Pace,
    /// Who is here.
    pub people: People,
    /// How much was said in the log of log-ins that failed, and of what owners and moderators did.
    pub said_of_logins: Said,
    pub said_of_groups: Said,
}

impl Live {
    pub fn connected(&mut self, conn: ConnId, origin: Origin) {
        let (session, account, watch, follow) = (None, None, None, None);
        let used = Time::default();
        self.conns.insert(conn, Conn { origin, session, account, used, watch, follow });
    }

    pub fn disconnected(&mut self, conn: ConnId) {
        self.unwatch(conn);
        self.unfollow(conn);
        self.unbind(conn);
        self.conns.remove(&conn);
    }

    /// Where a connection comes from, and the session that it is bound to; `None` where it is gone.
    pub fn origin(&self, conn: ConnId) -> Option<(Origin, Option<SessionId>)> {
        let conn = self.conns.get(&conn)?;
        Some((conn.origin, conn.session))
    }

    /// Notes whose a request is, and when it came.
    pub fn acts(&mut self, conn: ConnId, (session, account): (SessionId, AccountId), now: Time) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.account = Some(account);
            if conn.session == Some(session) {
                conn.used = now;
            }
        }
    }

    /// When a session with which somebody is connected was last used, and from where.
    pub fn last_use(&self, session: SessionId) -> Option<(Time, Option<IpAddr>)> {
        let conns = self.connected.get(&session)?.conns.iter();
        let bound = conns.filter_map(|conn| self.conns.get(conn));
        let bound = bound.filter(|conn| conn.session == Some(session));
        bound.map(|conn| (conn.used, conn.origin.address())).max()
    }

    pub fn account(&self, conn: ConnId) -> Option<AccountId> {
        self.conns.get(&conn)?.account
    }

    pub fn session(&self, conn: ConnId) -> Option<SessionId> {
        self.conns.get(&conn)?.session
    }

    /// The connections bound to a session.
    pub fn conns_of(&self, session: SessionId) -> impl Iterator<Item = ConnId> {
        self.connected.get(&session).into_iter().flat_map(|known| &known.conns).copied()
    }

    pub fn is_connected(&self, session: SessionId) -> bool {
        self.connected.contains_key(&session)
    }

    pub fn bind(&mut self, conn: ConnId, session: SessionId, account: AccountId) {
        self.unbind(conn);
        if let Some(c) = self.conns.get_mut(&conn) {
            c.session = Some(session);
            self.attach(conn, session, account);
        }
    }

    fn attach(&mut self, conn: ConnId, session: SessionId, account: AccountId) {
        let new = || Connected { account, conns: BTreeSet::new() };
        let connected = self.connected.entry(session).or_insert_with(new);
        if connected.conns.is_empty() {
            self.people.connected(account);
        }
        connected.conns.insert(conn);
    }

    fn unbind(&mut self, conn: ConnId) {
        if let Some(session) = self.conns.get_mut(&conn).and_then(|c| c.session.take()) {
            self.forget(conn, session);
        }
    }

    /// The number of the next watch.
    pub fn next_watch(&mut self) -> u64 {
        self.watches += 1;
        self.watches
    }

    pub fn watch(&mut self, conn: ConnId, watch: Watch) {
        self.unwatch(conn);
        self.audiences.forget();
        let Watch { session, account, what, .. } = watch;
        if let Some(c) = self.conns.get_mut(&conn) {
            c.watch = Some(watch);
            self.change_watchers += usize::from(what != Watched::Messages);
            self.attach(conn, session, account);
            self.watching.entry(account).or_default().insert(conn);
        }
    }

    pub fn unwatch(&mut self, conn: ConnId) {
        let Some(watch) = self.conns.get_mut(&conn).and_then(|c| c.watch.take()) else {
            return;
        };
        self.audiences.forget();
        remove(&mut self.watching, watch.account, conn);
        self.change_watchers -= usize::from(watch.what != Watched::Messages);
        self.forget(conn, watch.session);
    }

    /// Has a connection be told of users; whether there is room for that.
    pub fn follow(
        &mut self,
        conn: ConnId,
        (session, account, tag): (SessionId, AccountId, Tag),
        users: BTreeSet<AccountId>,
    ) -> bool {
        // For another user it begins anew.
        let before = self.conns.get(&conn).and_then(|c| c.follow);
        if before.is_some_and(|follow| follow.account != account) {
            self.unfollow(conn);
        }
        if !self.people.follow(conn, account, users) {
            return false;
        }
        self.follow_for(conn, Follow { session, account, tag });
        true
    }

    fn follow_for(&mut self, conn: ConnId, follow: Follow) {
        let Some(c) = self.conns.get_mut(&conn) else { return };
        let before = c.follow.replace(follow);
        self.attach(conn, follow.session, follow.account);
        if let Some(before) = before {
            self.forget(conn, before.session);
        }
    }

    pub fn unfollow(&mut self, conn: ConnId) {
        let Some(follow) = self.conns.get_mut(&conn).and_then(|c| c.follow.take()) else {
            return;
        };
        self.people.unfollow(conn, follow.account);
        self.forget(conn, follow.session);
    }

    /// Calls `tell` for each connection that follows a user, with the user who asked for it.
    pub fn followers(&self, account: AccountId, mut tell: impl FnMut(ConnId, AccountId, Tag)) {
        for conn in self.people.followers(account) {
            if let Some(follow) = self.conns.get(&conn).and_then(|c| c.follow) {
                tell(conn, follow.account, follow.tag);
            }
        }
    }

    /// After a new login: what the connection is told of goes on under the new session if it is the same
    /// user's, and ends if it is not.
    pub fn rebind_watch(&mut self, conn: ConnId, session: SessionId, account: AccountId) {
        match self.conns.get(&conn).and_then(|c| c.watch) {
            Some(watch) if watch.account == account => self.watch(conn, Watch { session, ..watch }),
            _ => self.end_watch(conn),
        }
        match self.conns.get(&conn).and_then(|c| c.follow) {
            Some(follow) if follow.account == account => {
                self.follow_for(conn, Follow { session, ..follow });
            }
            _ => self.unfollow(conn),
        }
    }

    /// What a connection watches, if it does.
    pub fn watch_of(&self, conn: ConnId) -> Option<Watch> {
        self.conns.get(&conn)?.watch
    }

    /// A watch was told everything that has happened, and is told from now on what happens.
    pub fn in_step(&mut self, conn: ConnId) {
        if let Some(watch) = self.conns.get_mut(&conn).and_then(|c| c.watch.as_mut()) {
            watch.what = Watched::Changes { behind: false };
            self.audiences.forget();
        }
    }

    /// Ends a watch that its connection did not ask to end.
    pub fn end_watch(&mut self, conn: ConnId) {
        if let Some(watch) = self.watch_of(conn) {
            self.unwatch(conn);
            let is_told = watch.what != Watched::Messages;
            self.ended.extend(is_told.then_some((conn, watch.tag)));
        }
    }

    /// Ends every watch of changes: they may have missed some.
    pub fn end_change_watches(&mut self) {
        let conns = self.watching.values().flatten().copied();
        let follows = |conn: &ConnId| self.watch_of(*conn).is_some_and(Watch::is_told_changes);
        let all: Vec<ConnId> = conns.filter(follows).collect();
        all.into_iter().for_each(|conn| self.end_watch(conn));
    }

    /// The watches of changes that ended since the last look without being asked to.
    pub fn take_ended(&mut self) -> Vec<(ConnId, Tag)> {
        std::mem::take(&mut self.ended)
    }

    /// A connection stays listed under a session while it is bound to it, or is told something for it.
    fn forget(&mut self, conn: ConnId, session: SessionId) {
        let still = self.conns.get(&conn).is_some_and(|c| {
            let watches = c.watch.is_some_and(|watch| watch.session == session);
            let follows = c.follow.is_some_and(|follow| follow.session == session);
            c.session == Some(session) || watches || follows
        });
        let Some(connected) = self.connected.get_mut(&session).filter(|_| !still) else { return };
        connected.conns.remove(&conn);
        if connected.conns.is_empty() {
            let account = connected.account;
            self.connected.remove(&session);
            self.people.disconnected(account);
        }
    }

    pub fn session_ended(&mut self, session: SessionId) {
        self.current_groups.remove(&session);
        let conns = self.connected.get(&session).map(|connected| connected.conns.clone());
        for conn in conns.unwrap_or_default() {
            let Some(c) = self.conns.get(&conn) else {
                continue;
            };
            let (watch, follow) = (c.watch, c.follow);
            if watch.is_some_and(|w| w.session == session) {
                self.end_watch(conn);
            }
            if follow.is_some_and(|f| f.session == session) {
                self.unfollow(conn);
            }
            if self.session(conn) == Some(session) {
                self.unbind(conn);
            }
        }
    }

    pub fn account_removed(&mut self, account: AccountId) {
        self.signals.forget(account);
        self.people.touch(account);
    }

    /// A user left a group: it is no session's current one any more.
    pub fn left(&mut self, group: GroupId, sessions: impl Iterator<Item = SessionId>) {
        for session in sessions {
            if self.current_groups.get(&session) == Some(&group) {
                self.current_groups.remove(&session);
            }
        }
    }

    /// Ends every session that is not to be kept.
    pub fn keep_sessions(&mut self, keep: impl Fn(SessionId) -> bool) {
        let gone: Vec<SessionId> =
            self.connected.keys().copied().filter(|session| !keep(*session)).collect();
        gone.into_iter().for_each(|session| self.session_ended(session));
    }

    /// Forgets current groups that are not to be kept.
    pub fn keep_groups(&mut self, keep: impl Fn(SessionId, GroupId) -> bool) {
        self.current_groups.retain(|session, group| keep(*session, *group));
    }

    /// Calls `tell` for each connection that watches for a user.
    pub fn watchers(&self, account: AccountId, mut tell: impl FnMut(ConnId, Watch)) {
        for conn in self.watching.get(&account).into_iter().flatten() {
            if let Some(watch) = self.watch_of(*conn) {
                tell(*conn, watch);
            }
        }
    }

    /// Whether anybody watches changes.
    pub fn tells_changes(&self) -> bool {
        self.change_watchers > 0
    }

    /// Connections that watch.
    pub fn count_watchers(&self) -> usize {
        self.watching.values().map(BTreeSet::len).sum()
    }

    /// All who watch for one of a group's members.
    pub fn audience<T>(&mut self, group: GroupId, members: &BTreeMap<AccountId, T>) -> Audience {
        self.audiences.get(group).unwrap_or_else(|| {
            let mut all = Vec::new();
            self.watchers_among(members, |conn, watch| all.push((conn, watch)));
            self.audiences.keep(group, all)
        })
    }

    /// Calls `tell` for each connection that watches for one of the users: whichever are fewer,
    /// members or watched users, are gone through.
    pub fn watchers_among<T>(
        &self,
        members: &BTreeMap<AccountId, T>,
        mut tell: impl FnMut(ConnId, Watch),
    ) {
        if members.len() < self.watching.len() {
            members.keys().for_each(|account| self.watchers(*account, &mut tell));
        } else {
            let watched = self.watching.keys().filter(|account| members.contains_key(account));
            watched.for_each(|account| self.watchers(*account, &mut tell));
        }
    }
}

impl Watch {
    fn is_told_changes(self) -> bool {
        !self.is_of_messages()
    }

    /// Whether it is told messages as they arrive.
    pub fn is_of_messages(&self) -> bool {
        self.what == Watched::Messages
    }

    /// Whether it is told changes as they happen.
    pub fn is_in_step(&self) -> bool {
        self.what == Watched::Changes { behind: false }
    }
}

/// Takes a connection off a list, and the list with its last connection.
fn remove<K: Ord>(lists: &mut BTreeMap<K, BTreeSet<ConnId>>, key: K, conn: ConnId) {
    if let Some(list) = lists.get_mut(&key) {
        list.remove(&conn);
        if list.is_empty() {
            lists.remove(&key);
        }
    }
}
