//! A password for a token.

use crate::{Answer, Interrupt, Outcome, RequestContext, Word};
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
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let name = &*self.user;
        let user = cx.user(name).map(|(id, account)| (id, account.record.password.clone()));
        let hidden = cx.state.policy.hide_unknown_users;
        let (account, hash) = match user {
            Ok((id, hash)) => (Some(id), Some(hash)),
            Err(_) if hidden => (None, None),
            Err(code) => {
                cx.audit_failed_login(name);
                return Err(code.into());
            }
        };
        // Who has a session of this very user is no stranger.
        let by = cx.caller.filter(|caller| account == Some(*caller));
        let subject = if by.is_some() { guessed_at_by_itself(name) } else { guessed_at(name) };
        let password = self.password.expose();
        match (cx.verify(password, hash.as_ref(), subject, by)?, account) {
            // Who does not know the password is not told.
            (true, Some(account)) if cx.account(account).is_some_and(|a| a.record.locked) => {
                cx.audit_failed_login(name);
                Err(Code::Locked.into())
            }
            (true, Some(account)) => Ok(Outcome::Session(cx.open_session(account)?).into()),
            _ => {
                cx.audit_failed_login(name);
                Err(Code::WrongPassword.into())
            }
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
    use super::*;
    use crate::testing::{Realm, caller};

    fn login(user: &str, password: &str) -> Login {
        Login { user: user.into(), password: Secret::new(password.into()) }
    }

    #[test]
    fn tells_an_unknown_user_from_a_wrong_password_unless_told_not_to() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.does(1, login("bob", "wrong")), Code::WrongPassword.into());
        assert_eq!(realm.does(1, login("eve", "x")), Code::UserNotFound.into());
        realm.state.policy.hide_unknown_users = true;
        assert_eq!(realm.does(1, login("eve", "x")), Code::WrongPassword.into());
    }

    #[test]
    fn binds_the_connection_anew_and_a_failure_changes_nothing() {
        let mut realm = Realm::with_users(&["bob", "amy"]);
        realm.does(1, login("bob", "pw"));
        realm.does(1, login("amy", "wrong"));
        assert_eq!(caller(&realm.does(1, crate::commands::WhoAmI)), "bob");
        realm.does(1, login("AMY", "pw"));
        assert_eq!(caller(&realm.does(1, crate::commands::WhoAmI)), "amy");
    }

    #[test]
    fn sessions_past_the_limit_end_the_one_idle_longest() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.state.limits.sessions_per_user = 2;
        let first = realm.login(1, "bob");
        realm.disconnect(1);
        let second = realm.login(2, "bob");
        realm.login(3, "bob");
        let whoami = crate::commands::WhoAmI;
        assert_eq!(realm.does_as(4, &first, whoami), Code::NoSession.into());
        assert_eq!(caller(&realm.does_as(4, &second, whoami)), "bob");
        // Both are connected now: neither is taken away from its user.
        assert_eq!(realm.does(5, login("bob", "pw")), Code::LimitReached.into());
    }
}
