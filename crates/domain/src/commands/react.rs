//! What people say of a message with a single picture.

use crate::links::OwnChange;
use crate::{Answer, Interrupt, Outcome, PlacedMessage, RequestContext, Rewriting};
use antar_types::{Code, ConversationName, Emoji, Message, Reactions, Reactor};

/// Reacts to a message: once with each kind, however often it is asked for.
#[derive(Clone, Debug)]
pub struct React {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
    /// How.
    pub emoji: Emoji,
}

/// Takes back what [`React`] has done.
#[derive(Clone, Debug)]
pub struct Unreact {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
    /// How the caller had reacted.
    pub emoji: Emoji,
}

impl React {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.reactor()?;
        let add = |all: &mut Reactions| all.add(&self.emoji, me);
        cx.react(&self.of, self.id, OwnChange::React(self.emoji.clone()), add)
    }
}

impl Unreact {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let Reactor { peer, account, .. } = cx.reactor()?;
        let remove = |all: &mut Reactions| Some(all.remove(&self.emoji, peer, account));
        cx.react(&self.of, self.id, OwnChange::Unreact(self.emoji.clone()), remove)
    }
}

impl RequestContext<'_> {
    /// The caller, as one who reacts: a user here, or of another realm.
    fn reactor(&self) -> Result<Reactor, Code> {
        let (me, durable) = (self.me()?, &self.state.durable);
        let name = durable.member_name(me).ok_or(Code::NoSession)?;
        let guest = durable.guests.get(me);
        let (peer, account) = guest.map_or((0, me.0), |guest| (guest.peer.0, guest.account));
        Ok(Reactor { peer, account, name })
    }

    /// Changes the reactions to a message, where `change` says that they are others then; it has nothing to say
    /// where there is no room.
    fn react(
        &mut self,
        of: &ConversationName,
        id: u64,
        what: OwnChange,
        change: impl FnOnce(&mut Reactions) -> Option<bool>,
    ) -> Result<Answer, Interrupt> {
        let (me, conversation) = (self.me()?, self.conversation(of)?.conversation);
        let placed = self.message_of(conversation, id)?;
        self.expect_shown(&placed)?;
        let PlacedMessage { message, .. } = &placed;
        if message.is_deleted() {
            return Err(Code::MessageNotFound.into());
        }
        let mut extras = message.extras.as_deref().cloned().unwrap_or_default();
        if change(&mut extras.reactions).ok_or(Code::LimitReached)? {
            let mut message = Message { extras: extras.boxed(), ..Message::clone(message) };
            self.owe_change(&placed, Some(me), what, &mut message)?;
            self.rewrite(Rewriting::Reactions, &placed, message)?;
        }
        Ok(Outcome::Done.into())
    }
}
