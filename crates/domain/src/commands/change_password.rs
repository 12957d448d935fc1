//! A new password of one's own.

use super::login::guessed_at_by_itself;
use crate::{AccountRecord, Answer, Event, Interrupt, Outcome, RequestContext};
use antar_types::{Code, Secret};

/// Changes the caller's password and ends every other session of theirs.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The password until now.
    pub old: Secret<String>,
    /// The password from now on.
    pub new: Secret<String>,
}

impl ChangePassword {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let record = cx.my_account()?.record.clone();
        let subject = guessed_at_by_itself(&record.name);
        if !cx.verify(self.old.expose(), Some(&record.password), subject, Some(me))? {
            return Err(Code::WrongPassword.into());
        }
        let password = cx.hash(self.new.expose())?;
        cx.emit(Event::AccountSet(me, AccountRecord { password, ..record }))?;
        cx.end_sessions(me, Some(cx.my_session()?))?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Login, WhoAmI};
    use crate::testing::{Realm, caller};

    fn change(old: &str, new: &str) -> ChangePassword {
        ChangePassword { old: Secret::new(old.into()), new: Secret::new(new.into()) }
    }

    fn login(password: &str) -> Login {
        Login { user: "bob".into(), password: Secret::new(password.into()) }
    }

    #[test]
    fn changes_the_password_and_ends_other_sessions() {
        let mut realm = Realm::with_users(&["bob"]);
        let mine = realm.login(1, "bob");
        let other = realm.login(2, "bob");
        assert_eq!(realm.does(1, change("wrong", "new")), Code::WrongPassword.into());
        assert_eq!(realm.does(1, change("pw", "")), Code::BadPassword.into());
        assert_eq!(realm.does(1, change("pw", "new one")), Outcome::Done);
        assert_eq!(realm.does(2, WhoAmI), Code::NoSession.into());
        assert_eq!(realm.does_as(3, &other, WhoAmI), Code::NoSession.into());
        assert_eq!(caller(&realm.does_as(3, &mine, WhoAmI)), "bob");
        assert_eq!(realm.does(4, login("pw")), Code::WrongPassword.into());
        assert!(matches!(realm.does(4, login("new one")), Outcome::Session(_)));
    }
}
