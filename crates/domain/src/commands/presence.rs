//! Who is here.

use crate::{Answer, Interrupt, Outcome, Presence, RequestContext};
use antar_types::{Code, ConversationName, words};
use std::collections::BTreeSet;

/// Users in one request: as many as a connection may follow.
const MOST: usize = 1_000;

/// Asks whether users are here, and has the connection be told of each change from now on.
#[derive(Clone, Debug)]
pub struct FollowPresence {
    /// The users, as they were written.
    pub users: Box<str>,
}

impl FollowPresence {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (session, me) = (cx.my_session()?, cx.me()?);
        let (mut shown, mut followed) = (Vec::new(), BTreeSet::new());
        for word in words::all(&self.users) {
            if shown.len() == MOST {
                return Err(Code::LimitReached.into());
            }
            let name = ConversationName::parse(word).ok_or(Code::BadParameters)?;
            let ConversationName::User { user, former, realm } = name else {
                return Err(Code::BadParameters.into());
            };
            // Nobody here knows more of users of other realms, and of who is nobody's acquaintance.
            let here = former.is_none() && cx.elsewhere(&realm).is_none();
            let account = cx.state.durable.account_named(&user).filter(|_| here);
            let known = account.filter(|account| cx.state.durable.is_shown(me, *account));
            shown.push(match known.and_then(|account| cx.state.presence(account)) {
                Some(presence) => presence,
                None => Presence::of_stranger(word),
            });
            followed.extend(account);
        }
        let tag = cx.tag;
        if !cx.context.state.live.follow(cx.conn, (session, me, tag), followed) {
            return Err(Code::LimitReached.into());
        }
        Ok(Outcome::Presences(shown).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{JoinGroup, LeaveGroup, Logout, RemoveUser, Send, Watch};
    use crate::testing::{Realm, group};
    use crate::{Event, Notification};
    use antar_types::{Secret, Time};

    fn ask(users: &str) -> FollowPresence {
        FollowPresence { users: users.into() }
    }

    fn shown(presence: &Presence) -> String {
        format!("{} {}", presence.user, presence.availability.as_str())
    }

    /// What a connection is answered.
    fn asks(realm: &mut Realm, conn: u64, users: &str) -> Vec<String> {
        match realm.does(conn, ask(users)) {
            Outcome::Presences(all) => all.iter().map(shown).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// What a connection was told since the last look.
    fn told(realm: &mut Realm, conn: u64) -> Vec<String> {
        let presence = |told| match told {
            Notification::Presence(presence) => shown(&presence),
            other => panic!("{other:?}"),
        };
        realm.notifications(conn).into_iter().map(|(_, told)| presence(told)).collect()
    }

    fn send(realm: &mut Realm, conn: u64, to: &str) {
        realm.does(conn, Send { to: to.into(), text: "hi".into() });
    }

    fn ticks(realm: &mut Realm, seconds: u64) {
        (0..4 * seconds).for_each(|_| realm.tick());
    }

    /// Amy on 1, who has written to Bob; nobody else is here.
    fn realm() -> Realm {
        let mut realm = Realm::linked(&["amy", "Bob", "eve"]);
        realm.login(1, "amy");
        send(&mut realm, 1, "bob");
        realm
    }

    #[test]
    fn is_told_of_acquaintances_as_they_come_and_ten_seconds_after_they_went() {
        let mut realm = realm();
        assert_eq!(asks(&mut realm, 1, "BOB amy"), ["Bob offline", "amy online"]);
        realm.login(2, "bob");
        realm.login(3, "bob");
        assert_eq!(told(&mut realm, 1), ["Bob online"]);
        realm.disconnect(3);
        ticks(&mut realm, 20);
        assert!(told(&mut realm, 1).is_empty());
        let lost = realm.time();
        realm.disconnect(2);
        ticks(&mut realm, 9);
        assert!(told(&mut realm, 1).is_empty() && realm.state.is_busy());
        ticks(&mut realm, 2);
        let [(_, Notification::Presence(gone))] = &realm.notifications(1)[..] else { panic!() };
        assert_eq!((shown(gone), gone.since), ("Bob offline".into(), Some(Time(lost))));
        // Who comes back in time never went.
        realm.login(2, "bob");
        realm.disconnect(2);
        ticks(&mut realm, 9);
        realm.login(2, "bob");
        ticks(&mut realm, 20);
        assert_eq!(told(&mut realm, 1), ["Bob online"]);
    }

    #[test]
    fn a_stranger_is_offline_and_so_is_whoever_is_elsewhere_or_nobody() {
        let mut realm = realm();
        realm.login(3, "eve");
        let Outcome::Presences(all) = realm.does(1, ask("EVE nobody bob@beta bob~7")) else {
            panic!()
        };
        let expected = ["EVE offline", "nobody offline", "bob@beta offline", "bob~7 offline"];
        assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), expected);
        assert!(all.iter().all(|each| each.since.is_none()));
        realm.does(3, Logout);
        ticks(&mut realm, 11);
        assert!(told(&mut realm, 1).is_empty());
        // Once they are in a conversation she hears of the next change.
        realm.login(3, "eve");
        send(&mut realm, 3, "amy");
        realm.disconnect(3);
        ticks(&mut realm, 11);
        assert_eq!(told(&mut realm, 1), ["eve offline"]);
        for users in ["#staff", "bob @"] {
            assert_eq!(realm.does(1, ask(users)), Code::BadParameters.into(), "{users}");
        }
        assert_eq!(realm.does(9, ask("bob")), Code::NoSession.into());
    }

    #[test]
    fn members_of_a_group_are_acquainted_as_long_as_both_are_in_it() {
        let mut realm = realm();
        realm.login(3, "eve");
        realm.does(1, group("staff"));
        let password = || Secret::new("pw".into());
        realm.does(3, JoinGroup { group: "staff".into(), password: Some(password()) });
        assert_eq!(asks(&mut realm, 1, "eve"), ["eve online"]);
        realm.does(3, LeaveGroup { group: "staff".into() });
        realm.disconnect(3);
        ticks(&mut realm, 11);
        assert!(told(&mut realm, 1).is_empty());
        assert_eq!(asks(&mut realm, 1, "eve"), ["eve offline"]);
    }

    #[test]
    fn following_ends_with_its_session_and_its_connection() {
        let mut realm = realm();
        let token = realm.login(4, "amy");
        assert_eq!(realm.does_as(3, &token, ask("bob")).refusal(), None);
        realm.does(1, ask("bob"));
        realm.login(2, "bob");
        assert_eq!((told(&mut realm, 1).len(), told(&mut realm, 3).len()), (1, 1));
        realm.does_as(4, &token, Logout);
        realm.does(2, Logout);
        ticks(&mut realm, 11);
        assert_eq!((told(&mut realm, 1).len(), told(&mut realm, 3).len()), (1, 0));
        // A login of the same user takes it along, one of another ends it.
        realm.login(1, "amy");
        realm.login(2, "bob");
        assert_eq!(told(&mut realm, 1), ["Bob online"]);
        realm.login(1, "eve");
        realm.does(2, Logout);
        ticks(&mut realm, 11);
        assert!(told(&mut realm, 1).is_empty());
    }

    #[test]
    fn who_is_removed_is_gone_at_once() {
        let mut realm = realm();
        realm.login(2, "bob");
        realm.does(1, ask("bob"));
        realm.operator_does(RemoveUser { user: "bob".into() });
        assert_eq!(told(&mut realm, 1), ["Bob offline"]);
        realm.add_user("bob");
        realm.login(2, "bob");
        assert!(told(&mut realm, 1).is_empty());
        assert_eq!(asks(&mut realm, 1, "bob"), ["bob offline"]);
    }

    #[test]
    fn a_connection_follows_so_many_and_keeps_what_it_has() {
        let mut realm = realm();
        let users = |n| (0..n).map(|n| format!("u{n} ")).collect::<String>();
        (0..1_001).for_each(|n| realm.add_user(&format!("u{n}")));
        assert_eq!(realm.does(1, ask(&users(1_001))), Code::LimitReached.into());
        assert_eq!(asks(&mut realm, 1, &users(1_000)).len(), 1_000);
        assert_eq!(asks(&mut realm, 1, &users(1_000)).len(), 1_000);
        assert_eq!(realm.does(1, ask("bob")), Code::LimitReached.into());
        // So many of an account, whatever its connections; what one lets go of another may have.
        for conn in 11..15 {
            realm.login(conn, "amy");
            assert_eq!(realm.does(conn, ask(&users(1_000))).refusal(), None);
        }
        realm.login(15, "amy");
        assert_eq!(realm.does(15, ask("bob")), Code::LimitReached.into());
        realm.disconnect(11);
        assert_eq!(realm.does(15, ask("bob")).refusal(), None);
        realm.does(15, Watch::default());
    }

    #[test]
    fn what_may_not_have_come_to_those_who_follow_is_told_anew() {
        let mut realm = realm();
        realm.login(2, "bob");
        realm.does(1, ask("bob"));
        let durable = &realm.state.durable;
        let accounts =
            durable.accounts.iter().map(|(id, a)| Event::AccountSet(*id, a.record.clone()));
        let sessions = durable.sessions.iter().map(|(id, s)| Event::SessionSet(*id, s.clone()));
        let tips = durable.conversations.all().map(|(c, tip)| Event::ConversationReached(c, tip));
        let events: Vec<Event> = accounts.chain(sessions).chain(tips).collect();
        realm.state.reload(events, crate::Mode::Open, &mut Vec::new());
        realm.tick();
        assert_eq!(told(&mut realm, 1), ["Bob online"]);
        realm.tick();
        assert!(told(&mut realm, 1).is_empty());
    }
}
