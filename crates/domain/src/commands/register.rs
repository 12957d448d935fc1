//! A new account of one's own.

use crate::{AccountId, AccountRecord, Answer, Event, Interrupt, Outcome, RequestContext, Word};
use antar_types::{Code, Name, Secret};

/// Makes an account and logs in to it at once.
#[derive(Clone, Debug)]
pub struct Register {
    /// The user's name.
    pub user: Word,
    /// The user's password.
    pub password: Secret<String>,
}

impl Register {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if !cx.state.policy.open_registration && !cx.is_admin() {
            return Err(Code::Forbidden.into());
        }
        let account = create(cx, &self.user, &self.password, false)?;
        Ok(Outcome::Session(cx.open_session(account)?).into())
    }
}

/// Makes an account.
pub(super) fn create(
    cx: &mut RequestContext<'_>,
    name: &Word,
    password: &Secret<String>,
    admin: bool,
) -> Result<AccountId, Interrupt> {
    let name = cx.new_name(name)?;
    create_named(cx, name, password, admin)
}

/// Makes an account of a name that may be given.
pub(super) fn create_named(
    cx: &mut RequestContext<'_>,
    name: Name,
    password: &Secret<String>,
    admin: bool,
) -> Result<AccountId, Interrupt> {
    cx.expect_free(name.as_str())?;
    let password = cx.hash_for(password.expose(), !cx.is_admin())?;
    let id = AccountId(cx.next_id());
    let created = cx.readings.now;
    let record = AccountRecord { name: name.clone(), password, admin, created, locked: false };
    cx.emit(Event::AccountSet(id, record))?;
    cx.take_name(id, &name)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Login, WhoAmI};
    use crate::testing::{Realm, caller};

    fn register(user: &str, password: &str) -> Register {
        Register { user: user.into(), password: Secret::new(password.into()) }
    }

    #[test]
    fn makes_an_account_once() {
        let mut realm = Realm::with_users(&[]);
        assert!(matches!(realm.does(1, register("Bob", "pw")), Outcome::Session(_)));
        assert_eq!(caller(&realm.does(1, WhoAmI)), "Bob");
        assert_eq!(realm.does(2, register("bob", "x")), Code::UserExists.into());
        assert_eq!(realm.does(2, register("-x", "pw")), Code::BadName.into());
        assert_eq!(realm.does(2, register("x", &"p".repeat(257))), Code::BadPassword.into());
        assert_eq!(realm.does(2, register("x", "")), Code::BadPassword.into());
    }

    #[test]
    fn closed_realms_take_users_from_administrators_only() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.state.policy.open_registration = false;
        realm.login(1, "bob");
        assert_eq!(realm.does(1, register("x", "pw")), Code::Forbidden.into());
        assert_eq!(realm.operator_does(register("x", "pw")).refusal(), None);
    }

    #[test]
    fn two_at_once_for_one_name_make_one_account() {
        let mut realm = Realm::with_users(&[]);
        let first = realm.begin(1, register("bob", "one"));
        let second = realm.begin(2, register("bob", "two"));
        assert!(matches!(realm.end(first), Outcome::Session(_)));
        assert_eq!(realm.end(second), Code::UserExists.into());
        let login = Login { user: "bob".into(), password: Secret::new("one".into()) };
        assert!(matches!(realm.does(3, login), Outcome::Session(_)));
    }
}
