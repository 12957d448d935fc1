//! A code with which somebody makes an account of a given name.

use crate::{Answer, Event, Interrupt, Outcome, RequestContext, UserInvitation, Word};
use antar_types::{Code, Time, Token};

/// Invites a user: who shows the code chooses a password and has the account, once.
#[derive(Clone, Debug)]
pub struct InviteUser {
    /// The name of the account.
    pub user: Word,
}

/// Invitations that wait to be used.
const OPEN: usize = 1_000;

/// How long one is good for, in milliseconds.
const LASTS: u64 = 7 * 24 * 3_600_000;

impl InviteUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let name = cx.new_name(&self.user)?;
        cx.expect_free(name.as_str())?;
        let now = cx.readings.now;
        // Of one name the latest counts, so that a link that got lost or into wrong hands can be replaced.
        let is_over =
            |one: &UserInvitation| one.expires <= now || *one.name.folded() == *name.folded();
        let invitations = &cx.state.durable.user_invitations;
        let over: Vec<u64> =
            invitations.iter().filter(|(_, one)| is_over(one)).map(|(id, _)| *id).collect();
        if invitations.len() - over.len() >= OPEN {
            return Err(Code::LimitReached.into());
        }
        over.into_iter().try_for_each(|id| cx.emit(Event::UserInvitationEnded(id)))?;
        let secret = Token::new(cx.readings.entropy);
        let expires = Time(now.0 + LASTS);
        let record = UserInvitation { name: name.clone(), hash: secret.hash(), expires };
        let id = cx.next_id();
        cx.emit(Event::UserInvited(id, record))?;
        Ok(Outcome::UserInvited(Box::new((name, secret))).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Redeem, WhoAmI};
    use crate::testing::{Realm, caller};
    use antar_types::Secret;

    fn invite(user: &str) -> InviteUser {
        InviteUser { user: user.into() }
    }

    fn redeem(secret: &Token, password: &str) -> Redeem {
        Redeem { secret: secret.clone(), password: Secret::new(password.into()) }
    }

    fn secret(outcome: Outcome) -> Token {
        match outcome {
            Outcome::UserInvited(invited) => invited.1,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_is_invited_has_the_account_once_though_registration_is_closed() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.state.policy.open_registration = false;
        realm.login(1, "bob");
        assert_eq!(realm.does(1, invite("amy")), Code::Forbidden.into());
        let amy = secret(realm.operator_does(invite("Amy")));
        assert_eq!(realm.does(2, redeem(&amy, "")), Code::BadPassword.into());
        assert_eq!(realm.does(2, redeem(&Token::new([9; 32]), "pw")), Code::BadInvitation.into());
        assert!(matches!(realm.does(2, redeem(&amy, "pw")), Outcome::Session(_)));
        assert_eq!(caller(&realm.does(2, WhoAmI)), "Amy");
        assert_eq!(realm.does(3, redeem(&amy, "pw")), Code::BadInvitation.into());
        assert_eq!(realm.operator_does(invite("amy")), Code::UserExists.into());
        assert_eq!(realm.operator_does(invite("-")), Code::BadName.into());
    }

    #[test]
    fn the_latest_of_a_name_counts_and_none_for_ever() {
        let mut realm = Realm::with_users(&[]);
        let old = secret(realm.operator_does(invite("amy")));
        let new = secret(realm.operator_does(invite("AMY")));
        assert_eq!(realm.does(1, redeem(&old, "pw")), Code::BadInvitation.into());
        realm.pass(LASTS / 1_000 - 1);
        let first = realm.begin(1, redeem(&new, "one"));
        let second = realm.begin(2, redeem(&new, "two"));
        assert!(matches!(realm.end(first), Outcome::Session(_)));
        assert_eq!(realm.end(second), Code::BadInvitation.into());
        let late = secret(realm.operator_does(invite("cat")));
        realm.pass(LASTS / 1_000);
        assert_eq!(realm.does(1, redeem(&late, "pw")), Code::BadInvitation.into());
        // It makes room for others.
        realm.operator_does(invite("dan"));
        assert_eq!(realm.state.durable.user_invitations.len(), 1);
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_its_owners() {
        let mut realm = Realm::with_users(&[]);
        let amy = secret(realm.operator_does(invite("amy")));
        realm.operator_does(crate::commands::Register {
            user: "amy".into(),
            password: Secret::new("pw".into()),
        });
        assert_eq!(realm.does(2, redeem(&amy, "x")), Code::UserExists.into());
    }
}
