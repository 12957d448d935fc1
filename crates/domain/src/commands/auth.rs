//! A password for a token.

use crate::{Answer, Context, Interrupt, Outcome, Word};
use antar_types::{Code, Secret};

/// Logs in: opens a session and binds the connection to it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: Word,
    /// The user's password.
    pub password: Secret<String>,
}

impl Login {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let name = &*self.user;
        let user = cx.user(name).map(|(id, account)| (id, account.record.password.clone()));
        let hidden = cx.state.policy.hide_unknown_users;
        let (account, hash) = match user {
            Ok((id, hash)) => (Some(id), Some(hash)),
            Err(_) if hidden => (None, None),
            Err(code) => return Err(code.into()),
        };
        // Who has a session of this very user is no stranger.
        let by = cx.caller.filter(|caller| account == Some(*caller));
        let subject = if by.is_some() { guessed_at_by_itself(name) } else { guessed_at(name) };
        let password = self.password.expose();
        match (cx.verify(password, hash.as_ref(), subject, by)?, account) {
            (true, Some(account)) => Ok(Outcome::Session(cx.open_session(account)?).into()),
            _ => Err(Code::WrongPassword.into()),
        }
    }
}

/// What failed guesses at a user's password count against.
pub(crate) fn guessed_at(user: &str) -> String {
    format!("user {}", user.to_ascii_lowercase())
}

/// The same of a user who shows a session of the account: apart, so that nobody else's failures are in
/// the way.
pub(super) fn guessed_at_by_itself(user: &str) -> String {
    format!("{} by itself", guessed_at(user))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_an_unknown_user_from_a_wrong_password_unless_told_not_to() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.expect(
            1,
            "auth bob wrong",
            r#"{"status":"ERROR","message":"Password salah","code":"wrong_password"}"#,
        );
        realm.expect(
            1,
            "AUTH eve x",
            r#"{"status":"ERROR","data":"User tidak ada","code":"user_not_found"}"#,
        );
        realm.state.policy.hide_unknown_users = true;
        realm.expect(
            1,
            "AUTH eve x",
            r#"{"status":"ERROR","data":"Password salah","code":"wrong_password"}"#,
        );
    }

    #[test]
    fn binds_the_connection_anew_and_a_failure_changes_nothing() {
        let mut realm = Realm::with_users(&["bob", "amy"]);
        realm.login(1, "bob");
        realm.say(1, "auth amy wrong");
        assert_eq!(realm.say(1, "whoami")["message"], "bob");
        realm.login(1, "AMY");
        assert_eq!(realm.say(1, "whoami")["message"], "amy");
    }

    #[test]
    fn the_password_is_the_rest_of_the_line() {
        let mut realm = Realm::with_users(&[]);
        realm.say(1, "register bob two  words ");
        assert_eq!(realm.say(2, "auth bob two  words")["status"], "OK");
        assert_eq!(realm.say(2, "auth bob two words")["code"], "wrong_password");
    }

    #[test]
    fn sessions_past_the_limit_end_the_one_idle_longest() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.state.limits.sessions_per_user = 2;
        let first = realm.login(1, "bob");
        realm.disconnect(1);
        let second = realm.login(2, "bob");
        realm.login(3, "bob");
        assert_eq!(realm.say(4, &format!("whoami {first}"))["code"], "no_session");
        assert_eq!(realm.say(4, &format!("whoami {second}"))["status"], "OK");
        // Both are connected now: neither is taken away from its user.
        assert_eq!(realm.say(5, "auth bob pw")["code"], "limit_reached");
    }
}
