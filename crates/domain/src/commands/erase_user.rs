//! The end of an account, and of all that its user wrote.

use super::RemoveUser;
use crate::{AccountId, Answer, Event, Interrupt, Outcome, RequestContext, Word};
use antar_types::Code;

/// Removes an account as [`RemoveUser`] does, and then what its user wrote, and what only that user had. The name is
/// free once that is done. Of a user who was removed already, whose name nobody has had since, it removes the rest.
#[derive(Clone, Debug)]
pub struct EraseUser {
    /// The user.
    pub user: Word,
}

impl EraseUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, name) = match cx.user(&self.user) {
            Ok((id, account)) => (id, account.record.name.clone()),
            Err(unknown) => {
                let durable = &cx.state.durable;
                let id = durable.former_named(&self.user).ok_or(unknown)?;
                (id, durable.formers.get(&id).cloned().ok_or(unknown)?)
            }
        };
        if cx.account(id).is_some() {
            RemoveUser { user: self.user.clone() }.decide(cx)?;
        }
        if !cx.state.durable.erasing.contains_key(&id) {
            cx.emit(Event::Erasing(id, name))?;
        }
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// Whether a name may be given to somebody: nobody has it, and nothing is left of who had it and is erased.
    ///
    /// # Errors
    /// [`Code::UserExists`] where it may not.
    pub(crate) fn expect_free(&self, name: &str) -> Result<(), Code> {
        let guests = &self.state.durable.guests;
        let is_left = |(id, of): (&AccountId, &antar_types::Name)| {
            of.eq_ignore_ascii_case(name) && guests.get(*id).is_none()
        };
        let is_erased = self.state.durable.erasing.iter().any(is_left);
        if is_erased || self.user(name).is_ok() { Err(Code::UserExists) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
