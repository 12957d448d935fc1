//! LOGOUT: ends the session everywhere.

use super::{ROW, Verb};
use crate::{Answer, Args, Context, Event, Interrupt};
use antar_types::{Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "LOGOUT",
    help: "Ends the session: its token, its other connections and their WATCH.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let session = cx.my_session()?;
    cx.emit(Event::SessionEnded(session))?;
    Ok(Reply::done(Phrase::same("Logout berhasil")).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn ends_the_token_the_bindings_and_the_watches() {
        let mut realm = Realm::with_users(&["bob"]);
        let token = realm.login(1, "bob");
        realm.say(2, &format!("watch {token}"));
        assert_eq!(realm.say(1, "logout")["message"], "Logout berhasil");
        for (conn, line) in [(1, "whoami"), (2, "whoami"), (3, &*format!("whoami {token}"))] {
            realm.expect(
                conn,
                line,
                r#"{"status":"ERROR","message":"Session tidak ditemukan","code":"no_session"}"#,
            );
        }
        realm.login(1, "bob");
        realm.say(1, "send bob hi");
        assert!(realm.events(2).is_empty());
    }
}
