//! A private message to a user of another realm.

use crate::links::{LONGEST_TEXT, LinkKind, LinkStatus, has_room, owe};
use crate::{Answer, Draft, Event, Interrupt, Mailbox, Outcome, PeerId, RequestContext, Word};
use antar_types::{Away, Code, Entry, EntryKind, Extras, Message, MessageRef, Name};
use std::sync::Arc;

/// Sends a private message to a user of another realm: it is done once the message is on disk here.
#[derive(Clone, Debug)]
pub struct SendRealm {
    /// The other realm.
    pub realm: Word,
    /// The user there.
    pub to: Word,
    /// What is said.
    pub text: Draft,
}

/// What a message to another realm has besides its text.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What is kept of it here.
    pub extras: Extras,
    /// The message that it answers, as both realms know it.
    pub answers: Option<MessageRef>,
}

/// Users of one plain realm that can be written to.
const ABROAD: usize = 10_000;

impl SendRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let id = cx.send_to_peer(&self.realm, &self.to, &self.text, Said::default())?;
        Ok(Outcome::Sent { id, group: None }.into())
    }
}

impl RequestContext<'_> {
    /// Sends a private message to a user of another realm, and returns its id.
    pub(crate) fn send_to_peer(
        &mut self,
        realm: &str,
        to: &str,
        text: &Draft,
        Said { extras, answers }: Said,
    ) -> Result<u64, Code> {
        let me = self.me()?;
        let peer = self.open_peer(realm)?;
        let to = Name::parse(to).ok_or(Code::BadName)?;
        let text = self.draft(text)?;
        let (from, time) = (self.my_account()?.record.name.clone(), self.message_time());
        let known = &self.peer(peer).ok_or(Code::RealmNotFound)?.record;
        let (away, plain) = (Some(Away::To(known.name.clone())), known.kind == LinkKind::Plain);
        let waits = plain.then(|| number(self, peer, &to)).transpose()?;
        let id = self.next_id();
        let (realm, extras) = (away, extras.boxed());
        let mut message = Message { realm, extras, ..Message::new(id, time, from, to, text) };
        if !plain {
            self.owe_message(peer, EntryKind::Private, &mut message, (me, answers))?;
        }
        // To a plain peer it waits here until they ask for it.
        let mailbox =
            waits.map_or(Mailbox::SentRealm(me, peer), |number| Mailbox::Plain(peer, number));
        self.post(mailbox, Some(me), Arc::new(message))?;
        Ok(id)
    }
}

/// The number under which what is for a user of a plain realm waits.
fn number(cx: &mut RequestContext<'_>, peer: PeerId, to: &Name) -> Result<u64, Code> {
    let plain_mailboxes = &cx.peer(peer).ok_or(Code::RealmNotFound)?.plain_mailboxes;
    if let Some(number) = plain_mailboxes.get(&*to.folded()) {
        return Ok(*number);
    }
    if plain_mailboxes.len() >= ABROAD {
        return Err(Code::LinkFull);
    }
    let number = cx.next_id();
    cx.emit(Event::PlainMailboxSet(peer, number, to.clone()))?;
    Ok(number)
}

impl RequestContext<'_> {
    /// A peer by name that can be written to.
    pub(crate) fn open_peer(&self, name: &str) -> Result<PeerId, Code> {
        let (peer, known) = self.current_peer(name)?;
        match known.record.status {
            LinkStatus::Linked | LinkStatus::Asked => Ok(peer),
            LinkStatus::RemovedThere => Err(Code::RealmUnreachable),
            LinkStatus::Asking | LinkStatus::Removed | LinkStatus::Former => {
                Err(Code::RealmNotFound)
            }
        }
    }

    /// Appends to what a realm is owed, within its limit.
    pub(crate) fn owe(&mut self, peer: PeerId, entry: Entry) -> Result<(), Code> {
        if entry.text.as_str().len() > LONGEST_TEXT {
            return Err(Code::TooLong);
        }
        let (limits, out) = (&self.state.limits, &self.peer(peer).ok_or(Code::RealmNotFound)?.out);
        if !has_room(limits, out, (out.tip, out.total()), &entry) {
            return Err(Code::LinkFull);
        }
        let event = owe(out, peer, entry);
        self.emit(event)
    }
}
