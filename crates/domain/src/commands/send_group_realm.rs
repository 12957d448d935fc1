//! A message to the group of the same name in another realm.

use super::{Destination, Said};
use crate::{Answer, Draft, GroupId, Interrupt, Mailbox, Outcome, PeerId, RequestContext, Word};
use antar_types::{Away, Code, EntryKind, Message, Name};
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
        let peer = cx.open_peer(&self.realm)?;
        let (group, text) = self.to.as_ref().map_err(|code| *code)?.find(cx)?;
        let (id, name) = cx.send_to_pair(group, peer, &text, Said::default())?;
        Ok(Outcome::Sent { id, group: Some(name.shared()) }.into())
    }
}

impl RequestContext<'_> {
    /// Sends a message to a group that the caller is in and to that of another realm; returns its id and the
    /// group's name.
    pub(crate) fn send_to_pair(
        &mut self,
        group: GroupId,
        peer: PeerId,
        text: &Draft,
        Said { extras, answers }: Said,
    ) -> Result<(u64, Name), Code> {
        // A group of another realm is said things to there, by all its members.
        if self.is_copy(group) {
            return Err(Code::GroupNotFound);
        }
        self.expect_to_write(group)?;
        let (me, text) = (self.me()?, self.draft(text)?);
        let to = self.state.durable.groups.get(&group).map(|g| g.record.name.clone());
        let to = to.ok_or(Code::GroupNotFound)?;
        let from = self.my_account()?.record.name.clone();
        let (id, time) = (self.next_id(), self.message_time());
        let away = self.peer(peer).ok_or(Code::RealmNotFound)?.record.name.clone();
        let (away, name) = (Some(Away::To(away)), to.clone());
        let (realm, extras) = (away, extras.boxed());
        let mut message = Message { realm, extras, ..Message::new(id, time, from, to, text) };
        self.owe_message(peer, EntryKind::Group, &mut message, (me, answers))?;
        self.post(Mailbox::GroupRealm(group, peer), Some(me), Arc::new(message))?;
        self.deliver_next(peer);
        Ok((id, name))
    }
}
