//! A sign of life.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Asks whether anyone is there.
#[derive(Clone, Copy, Debug)]
pub struct Ping;

impl Ping {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        // Realms tell each other how their clocks differ.
        let clock = cx.state.links.conns.contains_key(&cx.conn).then_some(cx.readings.now);
        Ok(Outcome::Pong { clock }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::WhoAmI;
    use crate::testing::{BETA, Realm, caller};

    #[test]
    fn needs_no_session_and_binds_one_it_is_given() {
        let mut realm = Realm::with_users(&["bob"]);
        let token = realm.login(1, "bob");
        assert_eq!(realm.does(2, Ping), Outcome::Pong { clock: None });
        assert_eq!(realm.does_as(2, &token, Ping), Outcome::Pong { clock: None });
        assert_eq!(caller(&realm.does(2, WhoAmI)), "bob");
    }

    #[test]
    fn a_realm_is_told_the_time() {
        let mut realm = Realm::linked(&[]);
        let clock = Some(antar_types::Time(realm.time()));
        assert_eq!(realm.does(BETA, Ping), Outcome::Pong { clock });
    }
}
