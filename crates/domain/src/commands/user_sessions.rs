//! Where other users are logged in, and the end of that: for administrators.

use crate::{Answer, Interrupt, Outcome, Output, RequestContext, SessionId, Word};
use antar_types::Code;

/// Asks for a user's sessions, the oldest first.
#[derive(Clone, Debug)]
pub struct ListUserSessions {
    /// The user.
    pub user: Word,
}

/// Ends one of a user's sessions.
#[derive(Clone, Debug)]
pub struct RevokeUserSession {
    /// The user.
    pub user: Word,
    /// The session.
    pub session: SessionId,
}

/// Ends all sessions of a user, and closes the connections that were bound to them.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// The user.
    pub user: Word,
}

impl ListUserSessions {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (_, account) = cx.user(&self.user)?;
        let shown = account.sessions.iter().filter_map(|id| cx.open_session_shown(*id));
        Ok(Outcome::Sessions(shown.collect()).into())
    }
}

impl RevokeUserSession {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (_, account) = cx.user(&self.user)?;
        if !account.sessions.contains(&self.session) {
            return Err(Code::SessionNotFound.into());
        }
        cx.end_session(self.session)?;
        Ok(Outcome::Done.into())
    }
}

impl Disconnect {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, account) = cx.user(&self.user)?;
        let bound = account.sessions.iter().flat_map(|id| cx.state.live.conns_of(*id));
        // Whoever ends their own is still answered.
        let bound: Vec<_> = bound.filter(|conn| *conn != cx.conn).collect();
        cx.end_sessions(id, None)?;
        bound.into_iter().for_each(|conn| cx.output(Output::HangUp(conn)));
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{ListSessions, WhoAmI};
    use crate::testing::Realm;

    #[test]
    fn an_operator_sees_and_ends_sessions_of_one_user() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "bob")] {
            realm.login(conn, user);
        }
        let list = ListUserSessions { user: "bob".into() };
        assert_eq!(realm.does(1, list.clone()), Code::Forbidden.into());
        let Outcome::Sessions(bobs) = realm.operator_does(list) else { panic!("no list") };
        assert_eq!(bobs.len(), 2);
        let Outcome::Sessions(amys) = realm.does(1, ListSessions) else { panic!("no list") };
        let revoke = |session| RevokeUserSession { user: "bob".into(), session };
        assert_eq!(realm.operator_does(revoke(amys[0].id)), Code::SessionNotFound.into());
        assert_eq!(realm.operator_does(revoke(bobs[0].id)), Outcome::Done);
        assert_eq!(realm.does(2, WhoAmI), Code::NoSession.into());
        assert!(realm.does(3, WhoAmI).refusal().is_none());
    }

    #[test]
    fn connections_of_one_user_are_closed() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "bob")] {
            realm.login(conn, user);
        }
        realm.asked.clear();
        assert_eq!(realm.operator_does(Disconnect { user: "bob".into() }), Outcome::Done);
        let closed = realm.asked.extract_if(.., |output| matches!(output, Output::HangUp(_)));
        let closed: Vec<u64> = closed
            .map(|output| match output {
                Output::HangUp(conn) => conn.0,
                _ => 0,
            })
            .collect();
        assert_eq!(closed, [2, 3]);
        assert!(realm.does(1, WhoAmI).refusal().is_none());
    }
}
