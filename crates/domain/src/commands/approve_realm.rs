//! Allowing a link that was asked for.

use crate::{Answer, Interrupt, Outcome, Refused, RequestContext, Word};
use antar_types::{Code, Fingerprint};

/// Allows a realm that asked for it to link.
#[derive(Clone, Debug)]
pub struct ApproveRealm {
    /// The realm that waits.
    pub realm: Word,
    /// The key that it must have.
    pub key: Option<Result<Fingerprint, Code>>,
}

impl ApproveRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let expected = self.key.transpose()?;
        let (peer, known) = cx.current_peer(&self.realm)?;
        let Some(key) = known.key().filter(|_| known.is_asking()) else {
            return Err(Code::RealmExists.into());
        };
        // Whoever waits may have changed since the operator looked.
        if expected.is_some_and(|expected| expected != key) {
            let error = format!("the one that waits has the key {key}");
            return Ok(Refused::from(Code::RealmKey).because(error).into());
        }
        if cx.state.durable.links() >= cx.state.limits.links {
            return Err(Code::LimitReached.into());
        }
        cx.approve(peer)?;
        Ok(Outcome::Approved(key).into())
    }
}
