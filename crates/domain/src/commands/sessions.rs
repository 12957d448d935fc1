//! Where the caller is logged in.

use crate::{
    Answer, Draft, Interrupt, OpenSession, Outcome, RequestContext, SessionId, SessionRecord,
};
use antar_types::{Code, Text, TextError};

/// The longest name of a client, in bytes.
const MOST: usize = 128;

/// Asks for the caller's sessions, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct ListSessions;

/// Ends one of the caller's sessions, as [`Logout`](super::Logout) does with its own.
#[derive(Clone, Copy, Debug)]
pub struct RevokeSession {
    /// The session.
    pub session: SessionId,
}

/// Says what the client of the caller's session is called.
#[derive(Clone, Debug)]
pub struct NameClient {
    /// The name.
    pub name: Draft,
}

impl ListSessions {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let sessions = cx.my_account()?.sessions.iter();
        let shown = sessions.filter_map(|id| cx.open_session_shown(*id)).collect();
        Ok(Outcome::Sessions(shown).into())
    }
}

impl RevokeSession {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if !cx.my_account()?.sessions.contains(&self.session) {
            return Err(Code::SessionNotFound.into());
        }
        cx.end_session(self.session)?;
        Ok(Outcome::Done.into())
    }
}

impl NameClient {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let id = cx.my_session()?;
        let name = Text::new(self.name.0.clone(), MOST).map_err(|error| match error {
            TextError::TooLong => Code::TooLong,
            TextError::Control => Code::BadText,
        })?;
        let record = cx.state.durable.sessions.get(&id).ok_or(Code::NoSession)?;
        if record.client.as_ref() != Some(&name) {
            let record = SessionRecord { client: Some(name), ..record.clone() };
            cx.set_session(id, record)?;
        }
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    pub(super) fn open_session_shown(&self, id: SessionId) -> Option<OpenSession> {
        let record = self.state.durable.sessions.get(&id)?;
        let current = self.session == Some(id);
        let noted = (record.used, record.address);
        // What is noted may be an hour old.
        let seen = match current {
            true => Some((self.readings.now, self.origin.address())),
            false => self.state.live.last_use(id),
        };
        let (used, address) = seen.filter(|(used, _)| *used >= noted.0).unwrap_or(noted);
        let (client, since) = (record.client.clone(), record.since);
        Some(OpenSession { id, client, address, since, used, current })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;
    use crate::commands::{Watch, WhoAmI};
    use crate::testing::{Realm, caller};
    use antar_types::Time;
    use std::net::{IpAddr, Ipv4Addr};

    fn address(n: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, n))
    }

    fn list(realm: &mut Realm, conn: u64) -> Vec<OpenSession> {
        match realm.does(conn, ListSessions) {
            Outcome::Sessions(all) => all,
            other => panic!("{other:?}"),
        }
    }

    fn login_from(realm: &mut Realm, conn: u64, n: u8) -> String {
        realm.connect_from(conn, Origin::Client(address(n)));
        realm.login(conn, "amy")
    }

    #[test]
    fn are_listed_with_what_is_known_of_each() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let first = Time(realm.time());
        login_from(&mut realm, 1, 1);
        realm.login(9, "bob");
        realm.pass(60);
        let second = Time(realm.time());
        login_from(&mut realm, 2, 2);
        assert_eq!(realm.does(2, NameClient { name: "phone".into() }), Outcome::Done);
        realm.pass(60);
        realm.does(1, WhoAmI);
        let [one, two] = &list(&mut realm, 2)[..] else { panic!("two sessions") };
        let now = Time(realm.time());
        assert_eq!((one.since, one.used, one.address), (first, now, Some(address(1))));
        assert_eq!((two.since, two.used, two.address), (second, now, Some(address(2))));
        assert_eq!((one.current, two.current, one.client.clone()), (false, true, None));
        assert_eq!(two.client.as_ref().map(Text::as_str), Some("phone"));
        assert!(one.id < two.id);
    }

    #[test]
    fn of_who_is_not_connected_it_is_known_to_within_an_hour() {
        let mut realm = Realm::with_users(&["amy"]);
        let token = login_from(&mut realm, 1, 1);
        realm.login(9, "amy");
        let noted = |realm: &mut Realm| {
            let session = list(realm, 9).remove(0);
            (session.used, session.address)
        };
        let opened = Time(realm.time());
        realm.pass(3_000);
        realm.does(1, WhoAmI);
        realm.disconnect(1);
        assert_eq!(noted(&mut realm), (opened, Some(address(1))));
        // Another address is noted after a minute, and the time after an hour.
        realm.connect_from(2, Origin::Client(address(2)));
        realm.does_as(2, &token, WhoAmI);
        realm.disconnect(2);
        let second = (Time(realm.time()), Some(address(2)));
        assert_eq!(noted(&mut realm), second);
        realm.pass(30);
        realm.connect_from(3, Origin::Client(address(3)));
        realm.does_as(3, &token, WhoAmI);
        realm.disconnect(3);
        assert_eq!(noted(&mut realm), second);
        realm.pass(3_600);
        realm.connect_from(4, Origin::Client(address(2)));
        realm.does_as(4, &token, WhoAmI);
        realm.disconnect(4);
        assert_eq!(noted(&mut realm), (Time(realm.time()), Some(address(2))));
    }

    #[test]
    fn a_request_writes_no_session_most_often() {
        let mut realm = Realm::with_users(&["amy"]);
        login_from(&mut realm, 1, 1);
        let before = realm.state.durable.sessions.clone();
        for _ in 0..59 {
            realm.pass(60);
            realm.does(1, WhoAmI);
        }
        realm.does(1, NameClient { name: "x".into() });
        realm.does(1, NameClient { name: "x".into() });
        let after: Vec<_> = realm.state.durable.sessions.values().map(|s| s.used).collect();
        assert_eq!(before.values().map(|s| s.used).collect::<Vec<_>>(), after);
    }

    #[test]
    fn revoke_ends_the_token_the_bindings_and_what_is_told() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let token = login_from(&mut realm, 1, 1);
        realm.does_as(3, &token, Watch::default());
        login_from(&mut realm, 2, 2);
        let bobs = {
            realm.login(9, "bob");
            list(&mut realm, 9)[0].id
        };
        let ids: Vec<_> = list(&mut realm, 2).iter().map(|session| session.id).collect();
        let revoke = |session| RevokeSession { session };
        assert_eq!(realm.does(2, revoke(bobs)), Code::SessionNotFound.into());
        assert_eq!(realm.does(2, revoke(ids[0])), Outcome::Done);
        assert_eq!(realm.does(2, revoke(ids[0])), Code::SessionNotFound.into());
        for conn in [1, 3] {
            assert_eq!(realm.does(conn, WhoAmI), Code::NoSession.into());
        }
        assert_eq!(realm.does_as(4, &token, WhoAmI), Code::NoSession.into());
        assert_eq!(caller(&realm.does(9, WhoAmI)), "bob");
        // One's own, too.
        assert_eq!(realm.does(2, revoke(ids[1])), Outcome::Done);
        assert_eq!(realm.does(2, ListSessions), Code::NoSession.into());
    }

    #[test]
    fn the_name_of_a_client_is_a_short_text() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        let name = |name: &str| NameClient { name: name.into() };
        assert_eq!(realm.does(1, name(&"x".repeat(129))), Code::TooLong.into());
        assert_eq!(realm.does(1, name("a\u{1}")), Code::BadText.into());
        assert_eq!(list(&mut realm, 1)[0].client, None);
        assert_eq!(realm.does(2, name("x")), Code::NoSession.into());
    }
}
