//! A new password that an administrator gives.

use crate::{AccountRecord, Answer, Event, Interrupt, Outcome, RequestContext, Word};
use antar_types::Secret;

/// Gives a user a new password and ends the user's sessions.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// The user.
    pub user: Word,
    /// The new password.
    pub password: Secret<String>,
}

impl SetPassword {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, record) = cx.user(&self.user).map(|(id, a)| (id, a.record.clone()))?;
        let password = cx.hash(self.password.expose())?;
        cx.emit(Event::AccountSet(id, AccountRecord { password, ..record }))?;
        cx.end_sessions(id, None)?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Login, WhoAmI};
    use crate::testing::Realm;
    use antar_types::Code;

    fn set(user: &str) -> SetPassword {
        SetPassword { user: user.into(), password: Secret::new("new".into()) }
    }

    #[test]
    fn ends_every_session_of_the_user() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        assert_eq!(realm.does(1, set("bob")), Code::Forbidden.into());
        assert_eq!(realm.operator_does(set("bob")), Outcome::Done);
        assert_eq!(realm.does(1, WhoAmI), Code::NoSession.into());
        let login = Login { user: "bob".into(), password: Secret::new("new".into()) };
        assert!(matches!(realm.does(1, login), Outcome::Session(_)));
        assert_eq!(realm.operator_does(set("eve")), Code::UserNotFound.into());
    }
}
