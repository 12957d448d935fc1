//! The name of this realm.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Asks for this realm's name.
#[derive(Clone, Copy, Debug)]
pub struct WhichRealm;

impl WhichRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        Ok(Outcome::RealmName(cx.state.name().cloned()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Realm;

    #[test]
    fn tells_the_name_without_a_session() {
        let mut realm = Realm::with_users(&[]);
        assert_eq!(
            realm.does(1, WhichRealm),
            Outcome::RealmName(antar_types::Name::parse("alpha"))
        );
    }
}
