//! Messages as they arrive.

use crate::{Answer, Context, Interrupt, Outcome};

/// Has the connection receive messages as they arrive, from now on.
#[derive(Clone, Copy, Debug)]
pub struct Watch;

/// Ends [`Watch`] on the connection.
#[derive(Clone, Copy, Debug)]
pub struct Unwatch;

impl Watch {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let (session, me) = (cx.my_session()?, cx.me()?);
        cx.state.live.watch(cx.conn, session, me, cx.tag);
        Ok(Outcome::Done.into())
    }
}

impl Unwatch {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        cx.state.live.unwatch(cx.conn);
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_every_connection_that_watches_what_its_user_receives() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let token = realm.login(2, "bob");
        realm.login(3, "bob");
        realm.expect(2, "WATCH", r#"{"status":"OK","data":"Watch dimulai"}"#);
        realm.say(3, &format!("watch {token}"));
        realm.say(1, "send bob é");
        realm.say(1, "send amy not for bob");
        let id = realm.say(2, "INBOX")["data"][0]["id"].clone();
        let event = realm.events(2).remove(0);
        assert_eq!(event["event"], "message");
        assert_eq!(event["box"], "private");
        assert_eq!(event["id"], id);
        assert_eq!(event["message"], "é");
        let ascii = realm.raw_events(3);
        assert_eq!(ascii.len(), 1);
        assert!(ascii[0].is_ascii() && ascii[0].contains("\"from\":\"amy\""));
        // The caller's own group messages too.
        realm.say(2, "group add staff pw");
        realm.say(2, "group send hi");
        assert_eq!(realm.events(2)[0]["box"], "group");
    }

    #[test]
    fn nothing_follows_unwatch() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        realm.say(1, "watch");
        realm.say(1, "send bob one");
        realm.expect(1, "unwatch", r#"{"status":"OK","message":"Watch selesai"}"#);
        realm.say(1, "send bob two");
        assert_eq!(realm.events(1).len(), 1);
    }

    #[test]
    fn a_new_login_takes_the_watch_along_or_ends_it() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let first = realm.login(1, "amy");
        realm.say(1, "watch");
        realm.login(1, "amy");
        realm.say(2, &format!("logout {first}"));
        realm.say(1, "send amy one");
        assert_eq!(realm.events(1).len(), 1);
        realm.login(1, "bob");
        realm.say(1, "send amy two");
        assert!(realm.events(1).is_empty());
    }

    #[test]
    fn watching_for_another_session_ends_with_that_session() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let amy = realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(2, &format!("watch {amy}"));
        realm.say(1, "send amy one");
        realm.say(1, "logout");
        realm.say(2, "send amy two");
        assert_eq!(realm.events(2).len(), 1);
        assert_eq!(realm.say(2, "whoami")["message"], "bob");
    }
}
