//! The calling user.

use crate::{Answer, Context, Interrupt, Outcome};

/// Asks who the caller is, where, and whether they administer the realm.
#[derive(Clone, Copy, Debug)]
pub struct WhoAmI;

impl WhoAmI {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let me = &cx.my_account()?.record;
        let (user, admin, realm) = (me.name.clone(), me.admin, cx.state.name().cloned());
        Ok(Outcome::Caller { user, realm, admin }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_who_and_where() {
        let mut realm = Realm::with_users(&["Bob"]);
        realm.login(1, "bob");
        realm.expect(1, "WHOAMI", r#"{"status":"OK","data":"Bob","realm":"alpha","admin":false}"#);
    }
}
