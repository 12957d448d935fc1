//! An account of one's own, by invitation.

use super::register::create_named;
use crate::{Answer, Event, Interrupt, Outcome, RequestContext};
use antar_types::{Code, Secret, Token};

/// Makes the account that an invitation is for, and logs in to it at once. Who may register otherwise does not
/// matter.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// The secret of the invitation.
    pub secret: Token,
    /// The password that the user chooses.
    pub password: Secret<String>,
}

impl Redeem {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (hash, now) = (self.secret.hash(), cx.readings.now);
        let invitations = &cx.state.durable.user_invitations;
        let found = invitations.iter().find(|(_, one)| one.hash == hash && one.expires > now);
        let Some((id, name)) = found.map(|(id, one)| (*id, one.name.clone())) else {
            cx.audit_failed_login("(invitation)");
            return Err(Code::BadInvitation.into());
        };
        let account = create_named(cx, name, &self.password, false)?;
        cx.emit(Event::UserInvitationEnded(id))?;
        Ok(Outcome::Session(cx.open_session(account)?).into())
    }
}
