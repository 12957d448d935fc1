//! A message that nobody is to read any more.

use crate::links::OwnChange;
use crate::{Answer, Bug, Conversation, Interrupt, Outcome, RequestContext, Rewriting};
use antar_types::{Code, ConversationName, Extras, Message, Text};

/// Takes the text of a message away: of the caller's own, or of anybody's where the caller runs the group or
/// administers the realm.
#[derive(Clone, Debug)]
pub struct DeleteMessage {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
}

impl DeleteMessage {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let conversation = self.conversation(cx)?;
        let placed = cx.message_of(conversation, self.id)?;
        let message = &placed.message;
        let is_own = cx.reader()?.wrote(message);
        // What the system says is nobody's, and counts for nobody.
        if !is_own && (message.notice.is_some() || !cx.may_delete_of_others(&placed)?) {
            return Err(Code::Forbidden.into());
        }
        if !message.is_deleted() {
            let extras = message.extras.as_deref().cloned().unwrap_or_default();
            // Whoever posts it again is told that it was posted.
            let Extras { reference, sent, file, .. } = extras;
            let file = file.filter(|_| cx.state.is_planted(Bug::NamesAfterDeletion));
            let extras =
                Extras { reference, sent, file, deleted: true, ..Extras::default() }.boxed();
            let author = cx.state.durable.author(message);
            let before = Message::clone(message);
            let mut message = Message { text: Text::empty(), extras, ..before };
            cx.owe_change(&placed, author, OwnChange::Delete, &mut message)?;
            cx.rewrite(Rewriting::Deleted, &placed, message)?;
            cx.end_file_of(&placed.message)?;
            if !is_own {
                cx.audit_as(&format!("delete {} {}", self.of, self.id));
            }
        }
        Ok(Outcome::Done.into())
    }

    /// The conversation: an administrator's hand reaches into every group.
    fn conversation(&self, cx: &RequestContext<'_>) -> Result<Conversation, Code> {
        match cx.conversation(&self.of) {
            Err(Code::NotMember | Code::GroupNotFound) if cx.is_admin() => {
                cx.conversation_of_any_group(&self.of)
            }
            found => found.map(|found| found.conversation),
        }
    }
}
