//! What happens, as it happens.

use crate::state::{Watch as Watching, Watched};
use crate::{Answer, Bug, Interrupt, Notification, Outcome, Output, RequestContext};
use antar_types::{Code, SyncCursor};

/// Has the connection told messages as they arrive, or everything that changes, from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Since when changes are told; none where it is messages as they arrive.
    pub after: Option<Since>,
}

/// Since when changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// Since whoever asks was told everything; none where it is no cursor.
    Cursor(Option<SyncCursor>),
}

/// Tells a watch the next of what has happened before it was in step. A door asks for it, see
/// [`Outcome::goes_on`].
#[derive(Clone, Copy, Debug)]
pub struct CatchUp {
    /// The number of the watch.
    pub watch: u64,
    /// As far as it was told.
    pub after: SyncCursor,
}

/// Ends [`Watch`] on the connection, and whatever else it asked to be told of.
#[derive(Clone, Copy, Debug)]
pub struct Unwatch;

impl Watch {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (session, account, tag, conn) = (cx.my_session()?, cx.me()?, cx.tag, cx.conn);
        let number = cx.state.live.next_watch();
        let (what, outcome) = match self.after {
            None => (Watched::Messages, Outcome::Done),
            Some(since) => {
                let cursor = match since {
                    Since::Now => cx.now_in_step(),
                    Since::Cursor(cursor) => cx.cursor_of(account, cursor)?,
                };
                let behind = !cx.news(account, cursor.id).is_empty();
                (Watched::Changes { behind }, Outcome::Watching { cursor, watch: number, behind })
            }
        };
        let before = cx.state.live.watch_of(conn).filter(|watch| watch.what != Watched::Messages);
        if let (Watched::Messages, Some(before)) = (what, before) {
            let told = Notification::WatchEnded(Code::Replaced);
            cx.output(Output::Notify(conn, before.tag, told));
        }
        cx.state.live.watch(conn, Watching { session, account, tag, what, number });
        Ok(outcome.into())
    }
}

impl CatchUp {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let conn = cx.conn;
        let watch = cx.state.live.watch_of(conn);
        let is_behind = |watch: &Watching| watch.what == Watched::Changes { behind: true };
        // It has ended, or there is another by now.
        let Some(watch) = watch.filter(|watch| is_behind(watch) && watch.number == self.watch)
        else {
            return Ok(Answer::NoReply);
        };
        match self.next(cx, &watch) {
            Ok(outcome) => Ok(outcome.into()),
            Err(Interrupt::Refused(refused)) => {
                cx.state.live.unwatch(conn);
                let told = Notification::WatchEnded(refused.code);
                cx.output(Output::Notify(conn, watch.tag, told));
                Ok(Answer::NoReply)
            }
            Err(waits) => Err(waits),
        }
    }

    fn next(&self, cx: &mut RequestContext<'_>, watch: &Watching) -> Result<Outcome, Interrupt> {
        let account = watch.account;
        let cursor = cx.cursor_of(account, Some(self.after))?;
        let (found, reached) = cx.look_up_news(account, cursor, crate::MAX_PAGE)?;
        let all = found.into_iter().map(|(id, told)| cx.state.told_at(id, told)).collect();
        let is_behind = !cx.news(account, reached.id).is_empty();
        let behind = is_behind && !cx.state.is_planted(Bug::InStepTooSoon);
        if !behind {
            let conn = cx.conn;
            cx.state.live.in_step(conn);
        }
        Ok(Outcome::CaughtUp { all, watch: self.watch, behind: behind.then_some(reached) })
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
        assert_eq!(realm.does(2, Watch::default()), Outcome::Done);
        assert_eq!(realm.does_as(3, &token, Watch::default()), Outcome::Done);
        realm.does(1, send("bob"));
        realm.does(1, send("amy"));
        assert_eq!((realm.notifications(2).len(), realm.notifications(3).len()), (1, 1));
    }

    #[test]
    fn nothing_follows_unwatch() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        realm.does(1, Watch::default());
        realm.does(1, send("bob"));
        assert_eq!(realm.does(1, Unwatch), Outcome::Done);
        realm.does(1, send("bob"));
        assert_eq!(realm.notifications(1).len(), 1);
    }

    #[test]
    fn a_new_login_takes_the_watch_along_or_ends_it() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let first = realm.login(1, "amy");
        realm.does(1, Watch::default());
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
        realm.does_as(2, &amy, Watch::default());
        realm.does(1, send("amy"));
        realm.does(1, Logout);
        realm.does(2, send("amy"));
        assert_eq!(realm.notifications(2).len(), 1);
        assert_eq!(caller(&realm.does(2, WhoAmI)), "bob");
    }
}
