//! An account that an administrator makes.

use super::register::create;
use crate::{Answer, Interrupt, Outcome, RequestContext, Word};
use antar_types::{Code, Secret};

/// Makes an account for somebody else.
#[derive(Clone, Debug)]
pub struct AddUser {
    /// The user's name.
    pub user: Word,
    /// What the user may do; none where what was written is no role. That is told to administrators only.
    pub role: Option<Role>,
    /// The user's password.
    pub password: Secret<String>,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What everybody may.
    User,
    /// Administer the realm, too.
    Admin,
}

impl AddUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let role = self.role.ok_or(Code::BadParameters)?;
        create(cx, &self.user, &self.password, role == Role::Admin)?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{ListUsers, WhoAmI};
    use crate::testing::Realm;

    fn add(user: &str, role: Option<Role>) -> AddUser {
        AddUser { user: user.into(), role, password: Secret::new("pw".into()) }
    }

    #[test]
    fn for_the_operator_and_administrators_only() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.does(1, add("amy", Some(Role::User))), Code::NoSession.into());
        realm.login(1, "bob");
        assert_eq!(realm.does(1, add("amy", Some(Role::User))), Code::Forbidden.into());
        assert_eq!(realm.does(1, add("amy", None)), Code::Forbidden.into());
        assert_eq!(realm.operator_does(add("root", Some(Role::Admin))), Outcome::Done);
        realm.login(2, "root");
        assert!(matches!(realm.does(2, WhoAmI), Outcome::Caller { admin: true, .. }));
        assert_eq!(realm.does(2, add("amy", Some(Role::User))), Outcome::Done);
        assert_eq!(realm.does(2, add("Amy", Some(Role::User))), Code::UserExists.into());
        assert_eq!(realm.does(2, add("x", None)), Code::BadParameters.into());
        let Outcome::Users(users) = realm.does(2, ListUsers) else { panic!("no list") };
        assert_eq!(users.len(), 3);
    }
}
