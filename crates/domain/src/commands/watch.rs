//! Messages as they arrive.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Has the connection receive messages as they arrive, from now on.
#[derive(Clone, Copy, Debug)]
pub struct Watch;

/// Ends [`Watch`] on the connection, and whatever else it asked to be told of.
#[derive(Clone, Copy, Debug)]
pub struct Unwatch;

impl Watch {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (session, me) = (cx.my_session()?, cx.me()?);
        cx.context.state.live.watch(cx.conn, session, me, cx.tag);
        Ok(Outcome::Done.into())
    }
}

impl Unwatch {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.context.state.live.unwatch(cx.conn);
        cx.context.state.live.unfollow(cx.conn);
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Logout, Send, WhoAmI};
    use crate::testing::{Realm, caller};

    fn send(to: &str) -> Send {
        Send { to: to.into(), text: "hi".into() }
    }

    #[test]
    fn tells_every_connection_that_watches_what_its_user_receives() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let token = realm.login(2, "bob");
        realm.login(3, "bob");
        assert_eq!(realm.does(2, Watch), Outcome::Done);
        assert_eq!(realm.does_as(3, &token, Watch), Outcome::Done);
        realm.does(1, send("bob"));
        realm.does(1, send("amy"));
        assert_eq!((realm.notifications(2).len(), realm.notifications(3).len()), (1, 1));
    }

    #[test]
    fn nothing_follows_unwatch() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        realm.does(1, Watch);
        realm.does(1, send("bob"));
        assert_eq!(realm.does(1, Unwatch), Outcome::Done);
        realm.does(1, send("bob"));
        assert_eq!(realm.notifications(1).len(), 1);
    }

    #[test]
    fn a_new_login_takes_the_watch_along_or_ends_it() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let first = realm.login(1, "amy");
        realm.does(1, Watch);
        realm.login(1, "amy");
        realm.does_as(2, &first, Logout);
        realm.does(1, send("amy"));
        assert_eq!(realm.notifications(1).len(), 1);
        realm.login(1, "bob");
        realm.does(1, send("amy"));
        assert!(realm.notifications(1).is_empty());
    }

    #[test]
    fn watching_for_another_session_ends_with_that_session() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let amy = realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does_as(2, &amy, Watch);
        realm.does(1, send("amy"));
        realm.does(1, Logout);
        realm.does(2, send("amy"));
        assert_eq!(realm.notifications(2).len(), 1);
        assert_eq!(caller(&realm.does(2, WhoAmI)), "bob");
    }
}
