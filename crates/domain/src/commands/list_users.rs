//! The accounts of this realm.

use crate::{AccountRecord, Answer, Interrupt, Outcome, RequestContext, User};

/// Asks for all accounts, in the order in which they were made.
#[derive(Clone, Copy, Debug)]
pub struct ListUsers;

impl ListUsers {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let records = cx.state.durable.accounts.values().map(|account| &account.record);
        let user = |r: &AccountRecord| {
            let (name, admin, created, locked) = (r.name.clone(), r.admin, r.created, r.locked);
            User { name, admin, created, locked }
        };
        Ok(Outcome::Users(records.map(user).collect()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Realm;
    use antar_types::Code;

    #[test]
    fn tells_administrators_who_there_is() {
        let mut realm = Realm::with_users(&["bob", "amy"]);
        assert_eq!(realm.does(1, ListUsers), Code::NoSession.into());
        realm.login(1, "bob");
        assert_eq!(realm.does(1, ListUsers), Code::Forbidden.into());
        let Outcome::Users(users) = realm.operator_does(ListUsers) else { panic!("no list") };
        let named: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.admin)).collect();
        assert_eq!(named, [("bob", false), ("amy", false)]);
        assert!(users.iter().all(|user| user.created.0 == realm.time()));
    }
}
