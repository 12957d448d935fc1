//! What users here do to messages that went to a peer, or came from one: it is told there.
//!
//! What a message said before stays nowhere. So entries that say it, of which the peer may have had a part already,
//! say from then on what the message says now: the hash of the log is kept beside them, and told with them.

use super::{LinkKind, Peer};
use crate::{AccountId, Bug, Conversation, Event, PeerId, PlacedMessage, RequestContext};
use antar_types::{
    Away, Carried, Code, Emoji, Entry, EntryChange, EntryKind, EntryMore, EntryOrigin, Extras,
    Message, MessageRef, Name, Text, carried,
};

/// What somebody here does to a message.
#[derive(Clone, Debug)]
pub(crate) enum OwnChange {
    /// Its author gives it another text.
    Edit,
    /// It is taken away.
    Delete,
    /// A user reacts.
    React(Emoji),
    /// A user takes a reaction back.
    Unreact(Emoji),
}

/// Which message it is, for the peer with which its conversation is; none where that cannot be said.
pub(crate) fn named_there(message: &Message) -> Option<MessageRef> {
    let (id, time) = (message.id, message.time);
    match &message.realm {
        _ if message.notice.is_some() => None,
        Some(Away::To(_)) => Some(MessageRef { theirs: false, id, time }),
        Some(Away::FromAccount(_, identity)) => {
            Some(MessageRef { theirs: true, id: identity.id, time: message.sent() })
        }
        Some(Away::From(_) | Away::FromShown(..)) | None => None,
    }
}

impl RequestContext<'_> {
    /// Has the peer with which a message is shared told what `by` does to it; `message` is it as it is from then on.
    ///
    /// # Errors
    /// [`Code::LinkFull`], and what the disk has against it.
    pub(crate) fn owe_change(
        &mut self,
        before: &PlacedMessage,
        by: Option<AccountId>,
        change: OwnChange,
        message: &mut Message,
    ) -> Result<(), Code> {
        let Some(peer) = before.conversation.peer() else { return Ok(()) };
        let (Some(by), Some(of)) = (by, named_there(&before.message)) else { return Ok(()) };
        let is_rewritten = matches!(change, OwnChange::Edit | OwnChange::Delete);
        // What somebody there wrote is let go of here alone.
        if is_rewritten && of.theirs || self.state.is_planted(Bug::OmitsChanges) {
            return Ok(());
        }
        let text =
            if matches!(change, OwnChange::Delete) { Text::empty() } else { carried(message) };
        let carried = before.message.extras.as_ref().and_then(|extras| extras.carried);
        // First what may be refused: then nothing is done.
        self.owe_entry_of(before, (by, of), (change, &text), message)?;
        let keeps = !is_rewritten || self.state.is_planted(Bug::KeepsOwedText);
        match carried.filter(|_| !keeps) {
            Some(carried) => self.replace_owed(peer, carried, &text),
            None => Ok(()),
        }
    }

    /// Appends what tells of a change to what the peer is owed, where the link takes that or a text in its place.
    fn owe_entry_of(
        &mut self,
        before: &PlacedMessage,
        (by, of): (AccountId, MessageRef),
        (change, text): (OwnChange, &Text),
        message: &mut Message,
    ) -> Result<(), Code> {
        let Some(peer) = before.conversation.peer() else { return Ok(()) };
        let carried = before.message.extras.as_ref().and_then(|extras| extras.carried);
        let Some(known) = self.peer(peer).filter(|known| known.is_open()) else { return Ok(()) };
        let is_native = matches!(known.record.kind, LinkKind::Native(_));
        let takes = known.can.is_none_or(|can| can.kinds && can.origins && can.changes);
        let Some((kind, from, to)) = self.parties(before, by).filter(|_| is_native) else {
            return Ok(());
        };
        let (time, text) = (self.message_time(), text_of(&change, text.clone()));
        let last = self.peer(peer).map_or(0, |known| known.out.tip.seq) + 1;
        let entry = if takes {
            let origin = Some(EntryOrigin { id: of.id, account: by.0 });
            let change = Some(owed(of, change.clone()));
            let more = EntryMore { change, ..EntryMore::default() }.boxed();
            Entry { kind, time, from, to, text, origin, more }
        } else if matches!(change, OwnChange::Edit) {
            // There it is one more message.
            Entry { kind, time, from, to, text, origin: None, more: None }
        } else {
            return Ok(());
        };
        self.owe(peer, entry)?;
        if matches!(change, OwnChange::Edit) {
            let first = carried.map_or(last, |carried| carried.first);
            let extras = message.extras.take().map(|extras| *extras).unwrap_or_default();
            message.extras = Extras { carried: Some(Carried { first, last }), ..extras }.boxed();
        }
        Ok(())
    }

    /// Entries that say what a message said say what it says now, where the peer can take that.
    fn replace_owed(
        &mut self,
        peer: PeerId,
        Carried { first, last }: Carried,
        text: &Text,
    ) -> Result<(), Code> {
        let mut all = vec![first];
        all.extend(Some(last).filter(|last| *last != first));
        for seq in all {
            let Some(Peer { record, out, can, .. }) = self.peer(peer) else { return Ok(()) };
            let is_kept = (out.floor.seq + 1..=out.tip.seq).contains(&seq);
            // Nobody compares the hashes of a log that a plain peer is carried; what it has is not carried again.
            let may_be = match record.kind {
                LinkKind::Native(_) => can.is_some_and(|can| can.kinds && can.changes),
                LinkKind::Plain => seq <= out.acked.seq || !text.as_str().is_empty(),
            };
            if is_kept && may_be {
                let (text, upto) = (text.clone(), out.replaced.max(seq));
                self.emit(Event::OwedReplaced { peer, seq, text, upto })?;
            }
        }
        Ok(())
    }

    /// What an entry about a message is, from whom and to whom, where `by` has done something to it.
    fn parties(&self, placed: &PlacedMessage, by: AccountId) -> Option<(EntryKind, Name, Name)> {
        let erased = || self.state.durable.erasing.get(&by).cloned();
        let from = self.account(by).map(|account| account.record.name.clone()).or_else(erased)?;
        let message = &placed.message;
        match placed.conversation {
            Conversation::Peer(..) => {
                let is_own = matches!(message.realm, Some(Away::To(_)));
                let other = if is_own { &message.to } else { &message.from };
                Some((EntryKind::Private, from, other.clone()))
            }
            Conversation::GroupPeer(group, _) => {
                let group = self.state.durable.groups.get(&group)?;
                Some((EntryKind::Group, from, group.record.name.clone()))
            }
            Conversation::Private(..) | Conversation::Group(_) => None,
        }
    }

    /// Appends what carries a message to what a realm is owed; says where it is.
    pub(crate) fn owe_message(
        &mut self,
        peer: PeerId,
        kind: EntryKind,
        message: &mut Message,
        (author, answers): (AccountId, Option<MessageRef>),
    ) -> Result<(), Code> {
        self.owe(peer, Entry::of(kind, message, author.0, answers))?;
        let seq = self.peer(peer).map_or(0, |known| known.out.tip.seq);
        let extras = message.extras.take().map(|extras| *extras).unwrap_or_default();
        let carried = Some(Carried { first: seq, last: seq });
        message.extras = Extras { carried, ..extras }.boxed();
        Ok(())
    }
}

/// What an entry says of a change to who knows of texts alone.
fn text_of(change: &OwnChange, text: Text) -> Text {
    let said = |text: String| Text::parse(&text, usize::MAX).unwrap_or_else(|_| Text::empty());
    match change {
        OwnChange::Edit => text,
        OwnChange::Delete => said("(deleted a message)".into()),
        OwnChange::React(emoji) => said(emoji.as_str().into()),
        OwnChange::Unreact(emoji) => said(format!("(took back {})", emoji.as_str())),
    }
}

fn owed(of: MessageRef, change: OwnChange) -> EntryChange {
    match change {
        OwnChange::Edit => EntryChange::Edit(of),
        OwnChange::Delete => EntryChange::Delete(of),
        OwnChange::React(emoji) => EntryChange::React(of, emoji),
        OwnChange::Unreact(emoji) => EntryChange::Unreact(of, emoji),
    }
}
