//! Another text for a message.

use crate::links::OwnChange;
use crate::{
    Answer, Conversation, Draft, Interrupt, Outcome, PlacedMessage, RequestContext, Rewriting,
};
use antar_types::{Code, ConversationName, Message};

/// Gives a message of the caller's another text.
#[derive(Clone, Debug)]
pub struct EditMessage {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
    /// What it is to say.
    pub text: Draft,
}

impl EditMessage {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let conversation = cx.conversation(&self.of)?.conversation;
        let text = cx.draft(&self.text)?;
        let placed = cx.message_of(conversation, self.id)?;
        let PlacedMessage { message, .. } = &placed;
        if !cx.reader()?.wrote(message) {
            return Err(Code::Forbidden.into());
        }
        if message.is_deleted() {
            return Err(Code::MessageNotFound.into());
        }
        // Who may not write may not say something else either.
        if let Conversation::Group(group) | Conversation::GroupPeer(group, _) = conversation {
            cx.expect_to_write(group)?;
        }
        if let Conversation::Group(group) = conversation {
            cx.expect_carried(group, &text)?;
        }
        if message.text != text {
            let mut extras = message.extras.as_deref().cloned().unwrap_or_default();
            extras.edited = Some(cx.message_time());
            let before = Message::clone(message);
            let mut message = Message { text, extras: extras.boxed(), ..before };
            let me = Some(cx.me()?);
            cx.owe_change(&placed, me, OwnChange::Edit, &mut message)?;
            cx.rewrite(Rewriting::Edited, &placed, message)?;
        }
        Ok(Outcome::Done.into())
    }
}
