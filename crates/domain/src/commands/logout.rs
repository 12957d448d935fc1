//! The end of a session.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Ends the caller's session everywhere: its token, its other connections and what they watch.
#[derive(Clone, Copy, Debug)]
pub struct Logout;

impl Logout {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let session = cx.my_session()?;
        cx.end_session(session)?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Send, Watch, WhoAmI};
    use crate::testing::Realm;
    use antar_types::Code;

    #[test]
    fn ends_the_token_the_bindings_and_the_watches() {
        let mut realm = Realm::with_users(&["bob"]);
        let token = realm.login(1, "bob");
        realm.does_as(2, &token, Watch::default());
        assert_eq!(realm.does(1, Logout), Outcome::Done);
        assert_eq!(realm.does(1, WhoAmI), Code::NoSession.into());
        assert_eq!(realm.does(2, WhoAmI), Code::NoSession.into());
        assert_eq!(realm.does_as(3, &token, WhoAmI), Code::NoSession.into());
        realm.login(1, "bob");
        realm.does(1, Send { to: "bob".into(), text: "hi".into() });
        assert!(realm.notifications(2).is_empty());
    }
}
