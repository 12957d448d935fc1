//! The calling user.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Asks who the caller is, where, and whether they administer the realm.
#[derive(Clone, Copy, Debug)]
pub struct WhoAmI;

impl WhoAmI {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = &cx.my_account()?.record;
        let (user, admin, realm) = (me.name.clone(), me.admin, cx.state.name().cloned());
        Ok(Outcome::Caller { user, realm, admin }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Realm;
    use antar_types::{Code, Name};

    #[test]
    fn tells_who_and_where() {
        let mut realm = Realm::with_users(&["Bob"]);
        assert_eq!(realm.does(1, WhoAmI), Code::NoSession.into());
        realm.login(1, "bob");
        let (user, alpha) = (Name::parse("Bob").unwrap(), Name::parse("alpha"));
        assert_eq!(realm.does(1, WhoAmI), Outcome::Caller { user, realm: alpha, admin: false });
    }
}
