//! HELP, and whatever else a door answers by itself.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Does nothing: its answer is the door's, and this keeps the place of it among the others.
#[derive(Clone, Copy, Debug)]
pub struct Noop;

impl Noop {
    pub(crate) fn decide(&self, _: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        Ok(Outcome::Noop.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BETA, Realm};
    use antar_types::Code;

    #[test]
    fn anyone_may_ask_for_it_but_another_realm() {
        let mut realm = Realm::linked(&[]);
        assert_eq!(realm.does(1, Noop), Outcome::Noop);
        assert_eq!(realm.does(BETA, Noop), Code::Forbidden.into());
    }
}
