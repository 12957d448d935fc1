//! What others need to know of this realm.

use crate::{Answer, Interrupt, Outcome, RequestContext};
use antar_types::Code;

/// Asks for this realm's name, address and key.
#[derive(Clone, Copy, Debug)]
pub struct ShowRealm;

impl ShowRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = &cx.state.links.me;
        let name = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
        let host = me.host.as_ref().or(me.listens.as_ref()).cloned();
        Ok(Outcome::ThisRealm { name, host, port: me.port, key: me.key }.into())
    }
}
