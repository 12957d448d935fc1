//! Accounts with which nobody logs in, and who administers the realm.

use super::Role;
use crate::{AccountRecord, Answer, Event, Interrupt, Outcome, RequestContext, Word};
use antar_types::Code;

/// Locks an account: its sessions end, and nobody logs in with it. What is written to its user still arrives.
#[derive(Clone, Debug)]
pub struct LockUser {
    /// The user.
    pub user: Word,
}

/// Lets a user log in again.
#[derive(Clone, Debug)]
pub struct UnlockUser {
    /// The user.
    pub user: Word,
}

/// Says whether a user administers the realm.
#[derive(Clone, Debug)]
pub struct SetUserRole {
    /// The user.
    pub user: Word,
    /// What the user may do; none where what was written is no role. That is told to administrators only.
    pub role: Option<Role>,
}

impl LockUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.change_account(&self.user, |record| record.locked = true)?;
        let (id, _) = cx.user(&self.user)?;
        cx.end_sessions(id, None)?;
        Ok(Outcome::Done.into())
    }
}

impl UnlockUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.change_account(&self.user, |record| record.locked = false)?;
        Ok(Outcome::Done.into())
    }
}

impl SetUserRole {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let role = self.role.ok_or(Code::BadParameters)?;
        cx.change_account(&self.user, |record| record.admin = role == Role::Admin)?;
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// Changes an account, where that is another then.
    fn change_account(
        &mut self,
        user: &str,
        change: impl FnOnce(&mut AccountRecord),
    ) -> Result<(), Code> {
        let (id, account) = self.user(user)?;
        let mut record = account.record.clone();
        change(&mut record);
        match record == account.record {
            true => Ok(()),
            false => self.emit(Event::AccountSet(id, record)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{ListUsers, Login, Send, WhoAmI};
    use crate::testing::Realm;
    use antar_types::Secret;

    fn login(password: &str) -> Login {
        Login { user: "bob".into(), password: Secret::new(password.into()) }
    }

    #[test]
    fn who_is_locked_out_has_no_session_and_gets_none() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let token = realm.login(2, "bob");
        let lock = LockUser { user: "BOB".into() };
        assert_eq!(realm.does(1, lock.clone()), Code::Forbidden.into());
        assert_eq!(realm.operator_does(lock.clone()), Outcome::Done);
        assert_eq!(realm.operator_does(lock), Outcome::Done);
        assert_eq!(realm.does(2, WhoAmI), Code::NoSession.into());
        assert_eq!(realm.does_as(3, &token, WhoAmI), Code::NoSession.into());
        // Only who knows the password is told why.
        assert_eq!(realm.does(2, login("wrong")), Code::WrongPassword.into());
        assert_eq!(realm.does(2, login("pw")), Code::Locked.into());
        assert!(realm.does(1, Send { to: "bob".into(), text: "x".into() }).refusal().is_none());
        let Outcome::Users(users) = realm.operator_does(ListUsers) else { panic!("no list") };
        assert_eq!(users.iter().map(|user| user.locked).collect::<Vec<_>>(), [false, true]);
        let unlock = UnlockUser { user: "bob".into() };
        assert_eq!(realm.does(1, unlock.clone()), Code::Forbidden.into());
        assert_eq!(realm.operator_does(unlock), Outcome::Done);
        assert!(matches!(realm.does(2, login("pw")), Outcome::Session(_)));
        let nobody = LockUser { user: "eve".into() };
        assert_eq!(realm.operator_does(nobody), Code::UserNotFound.into());
    }

    #[test]
    fn who_is_made_an_administrator_is_one_at_once() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        let role = |role| SetUserRole { user: "bob".into(), role };
        assert_eq!(realm.does(1, role(Some(Role::Admin))), Code::Forbidden.into());
        assert_eq!(realm.operator_does(role(None)), Code::BadParameters.into());
        assert_eq!(realm.operator_does(role(Some(Role::Admin))), Outcome::Done);
        assert!(matches!(realm.does(1, ListUsers), Outcome::Users(_)));
        assert_eq!(realm.operator_does(role(Some(Role::User))), Outcome::Done);
        assert_eq!(realm.does(1, ListUsers), Code::Forbidden.into());
    }
}
