//! Who is connected. Nothing here outlives the process.

use super::pace::Pace;
use crate::{AccountId, ConnId, GroupId, Origin, SessionId, Tag};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Conn {
    origin: Origin,
    session: Option<SessionId>,
    /// Whose the latest request was that had a session, be it by a token.
    account: Option<AccountId>,
    watch: Option<Watch>,
}

/// A connection's WATCH: the session that asked for it may differ from the one it is bound to.
#[derive(Clone, Copy, Debug)]
struct Watch {
    session: SessionId,
    account: AccountId,
    /// What its door wants to have back with each notification.
    tag: Tag,
}

/// Connections, what they are bound to and what they watch.
#[derive(Debug, Default)]
pub(crate) struct Live {
    conns: BTreeMap<ConnId, Conn>,
    /// The connections bound to a session or watching for it.
    connected: BTreeMap<SessionId, BTreeSet<ConnId>>,
    watching: BTreeMap<AccountId, BTreeSet<ConnId>>,
    /// Where a `group send` without an address goes.
    pub current_groups: BTreeMap<SessionId, GroupId>,
    /// What users signal that is not stored.
    pub signals: Pace,
}

impl Live {
    pub fn connected(&mut self, conn: ConnId, origin: Origin) {
        self.conns.insert(conn, Conn { origin, session: None, account: None, watch: None });
    }

    pub fn disconnected(&mut self, conn: ConnId) {
        self.unwatch(conn);
        self.unbind(conn);
        self.conns.remove(&conn);
    }

    /// Where a connection comes from; `None` where it is gone.
    pub fn origin(&self, conn: ConnId) -> Option<Origin> {
        Some(self.conns.get(&conn)?.origin)
    }

    /// Notes whose a request is.
    pub fn acts(&mut self, conn: ConnId, account: AccountId) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.account = Some(account);
        }
    }

    pub fn account(&self, conn: ConnId) -> Option<AccountId> {
        self.conns.get(&conn)?.account
    }

    pub fn session(&self, conn: ConnId) -> Option<SessionId> {
        self.conns.get(&conn)?.session
    }

    pub fn is_connected(&self, session: SessionId) -> bool {
        self.connected.contains_key(&session)
    }

    pub fn bind(&mut self, conn: ConnId, session: SessionId) {
        self.unbind(conn);
        if let Some(c) = self.conns.get_mut(&conn) {
            c.session = Some(session);
            self.connected.entry(session).or_default().insert(conn);
        }
    }

    fn unbind(&mut self, conn: ConnId) {
        if let Some(session) = self.conns.get_mut(&conn).and_then(|c| c.session.take()) {
            self.forget(conn, session);
        }
    }

    pub fn watch(&mut self, conn: ConnId, session: SessionId, account: AccountId, tag: Tag) {
        self.unwatch(conn);
        if let Some(c) = self.conns.get_mut(&conn) {
            c.watch = Some(Watch { session, account, tag });
            self.connected.entry(session).or_default().insert(conn);
            self.watching.entry(account).or_default().insert(conn);
        }
    }

    pub fn unwatch(&mut self, conn: ConnId) {
        let Some(watch) = self.conns.get_mut(&conn).and_then(|c| c.watch.take()) else {
            return;
        };
        remove(&mut self.watching, watch.account, conn);
        self.forget(conn, watch.session);
    }

    /// After a new login: a WATCH goes on under the new session if it is the same user's, and ends
    /// if it is not.
    pub fn rebind_watch(&mut self, conn: ConnId, session: SessionId, account: AccountId) {
        match self.conns.get(&conn).and_then(|c| c.watch) {
            Some(watch) if watch.account == account => {
                self.watch(conn, session, account, watch.tag);
            }
            _ => self.unwatch(conn),
        }
    }

    /// A connection stays listed under a session while it is bound to it or watches for it.
    fn forget(&mut self, conn: ConnId, session: SessionId) {
        let still = self.conns.get(&conn).is_some_and(|c| {
            c.session == Some(session) || c.watch.is_some_and(|w| w.session == session)
        });
        if !still {
            remove(&mut self.connected, session, conn);
        }
    }

    pub fn session_ended(&mut self, session: SessionId) {
        self.current_groups.remove(&session);
        for conn in self.connected.get(&session).cloned().unwrap_or_default() {
            let Some(c) = self.conns.get(&conn) else {
                continue;
            };
            if c.watch.is_some_and(|w| w.session == session) {
                self.unwatch(conn);
            }
            if self.session(conn) == Some(session) {
                self.unbind(conn);
            }
        }
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
    pub fn watchers(&self, account: AccountId, mut tell: impl FnMut(ConnId, Tag)) {
        for conn in self.watching.get(&account).into_iter().flatten() {
            if let Some(watch) = self.conns.get(conn).and_then(|c| c.watch) {
                tell(*conn, watch.tag);
            }
        }
    }

    /// Connections that watch.
    pub fn count_watchers(&self) -> usize {
        self.watching.values().map(BTreeSet::len).sum()
    }

    /// Calls `tell` for each connection that watches for one of the users: whichever are fewer,
    /// members or watched users, are gone through.
    pub fn watchers_among<T>(
        &self,
        members: &BTreeMap<AccountId, T>,
        mut tell: impl FnMut(ConnId, Tag),
    ) {
        if members.len() < self.watching.len() {
            members.keys().for_each(|account| self.watchers(*account, &mut tell));
        } else {
            let watched = self.watching.keys().filter(|account| members.contains_key(account));
            watched.for_each(|account| self.watchers(*account, &mut tell));
        }
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
