//! A message to the group of the same name in another realm.

use super::Destination;
use crate::{Answer, Interrupt, Mailbox, Outcome, RequestContext, Word};
use antar_types::{Away, Code, Entry, EntryKind, Message};
use std::sync::Arc;

/// Sends a message to the group of the same name in another realm.
#[derive(Clone, Debug)]
pub struct SendGroupRealm {
    /// The other realm.
    pub realm: Word,
    /// The group, and what is said.
    pub to: Result<Destination, Code>,
}

impl SendGroupRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let realm = cx.open_realm(&self.realm)?;
        let (group, text) = self.to.as_ref().map_err(|code| *code)?.find(cx)?;
        let text = cx.draft(&text)?;
        let to = cx.state.durable.groups.get(&group).map(|g| g.record.name.clone());
        let to = to.ok_or(Code::GroupNotFound)?;
        let from = cx.my_account()?.record.name.clone();
        let (id, time) = (cx.next_id(), cx.readings.now);
        let away = Some(Away::To(cx.peer(realm).ok_or(Code::RealmNotFound)?.record.name.clone()));
        let message = Message { id, time, from, to, text, realm: away, notice: None };
        cx.owe(realm, Entry::of(EntryKind::Group, &message, cx.me()?.0))?;
        let name = Some(message.to.clone());
        cx.post(Mailbox::GroupRealm(group, realm), None, Arc::new(message))?;
        cx.deliver_next(realm);
        Ok(Outcome::Sent { id, group: name }.into())
    }
}
