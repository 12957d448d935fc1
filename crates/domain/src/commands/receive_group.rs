//! A plain peer brings a group message.

use crate::{Answer, Draft, Interrupt, Mailbox, Outcome, RequestContext, Word};
use antar_types::{Away, Code, Message, Name};
use std::sync::Arc;

/// Brings what somebody said in a group of a realm on a plain link.
#[derive(Clone, Debug)]
pub struct ReceiveGroup {
    /// The name that both sides use for that realm.
    pub realm: Word,
    /// Who said it there.
    pub from: Word,
    /// The group, which has the same name here.
    pub group: Word,
    /// What was said.
    pub text: Draft,
}

impl ReceiveGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let peer = cx.plain_peer(&self.realm)?;
        let from = Name::parse(&self.from).ok_or(Code::BadName)?;
        let (group, to) =
            cx.group_of(&self.group, None).map(|(id, g)| (id, g.record.name.clone()))?;
        let text = cx.draft(&self.text)?;
        let (id, time) = (cx.next_id(), cx.message_time());
        let away = Some(Away::From(cx.peer(peer).ok_or(Code::RealmNotFound)?.record.name.clone()));
        let message = Arc::new(Message { realm: away, ..Message::new(id, time, from, to, text) });
        let mailbox = Mailbox::GroupRealm(group, peer);
        cx.post(mailbox, None, message.clone())?;
        cx.link(peer).brought(mailbox, &message);
        Ok(Outcome::Done.into())
    }
}
