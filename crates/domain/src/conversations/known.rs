//! What is in memory of each conversation.

use crate::{AccountId, Conversation, ConversationTip, Marker, PeerId};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// What is in memory of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub tip: ConversationTip,
    /// The last message that is gone.
    pub floor: ConversationTip,
    /// How far those have read it whose conversation it is: see [`Conversation::side`].
    pub markers: [Option<Marker>; 2],
}

/// What is in memory of each conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AllKnown {
    /// Of two accounts here: each message looks there, and a key of numbers is soon found.
    private: BTreeMap<(AccountId, AccountId), Known>,
    /// All others, by the peer that takes part, if one does: what is known of a peer may be forgotten.
    pub(super) others: BTreeMap<(Option<PeerId>, Conversation), Known>,
}

impl AllKnown {
    /// How many there are of two accounts here.
    pub fn private(&self) -> usize {
        self.private.len()
    }

    pub fn get(&self, conversation: Conversation) -> Option<&Known> {
        match conversation {
            Conversation::Private(one, other) => self.private.get(&(one, other)),
            _ => self.others.get(&(conversation.peer(), conversation)),
        }
    }

    pub fn get_mut(&mut self, conversation: Conversation) -> Option<&mut Known> {
        match conversation {
            Conversation::Private(one, other) => self.private.get_mut(&(one, other)),
            _ => self.others.get_mut(&(conversation.peer(), conversation)),
        }
    }

    pub fn insert(&mut self, conversation: Conversation, known: Known) {
        match conversation {
            Conversation::Private(one, other) => self.private.insert((one, other), known),
            _ => self.others.insert((conversation.peer(), conversation), known),
        };
    }

    pub fn remove(&mut self, conversation: Conversation) {
        match conversation {
            Conversation::Private(one, other) => self.private.remove(&(one, other)),
            _ => self.others.remove(&(conversation.peer(), conversation)),
        };
    }

    pub fn iter(&self) -> impl Iterator<Item = (Conversation, &Known)> {
        let private = self.private.iter();
        let private =
            private.map(|((one, other), known)| (Conversation::Private(*one, *other), known));
        private.chain(self.others.iter().map(|((_, conversation), known)| (*conversation, known)))
    }

    /// Those that come after one in the order in which [`Self::iter`] has them.
    pub fn after(
        &self,
        conversation: Option<Conversation>,
    ) -> impl Iterator<Item = (Conversation, &Known)> {
        let (private, others) = match conversation {
            None => (Some(Unbounded), Unbounded),
            Some(Conversation::Private(one, other)) => (Some(Excluded((one, other))), Unbounded),
            Some(other) => (None, Excluded((other.peer(), other))),
        };
        let private = private.into_iter().flat_map(|from| self.private.range((from, Unbounded)));
        let private =
            private.map(|((one, other), known)| (Conversation::Private(*one, *other), known));
        let others = self.others.range((others, Unbounded));
        private.chain(others.map(|((_, conversation), known)| (*conversation, known)))
    }

    /// Lets go of the conversations in which a peer takes part, and returns them with how far each has come.
    pub fn forget(&mut self, peer: PeerId) -> Vec<(Conversation, ConversationTip)> {
        let nobody = Conversation::Private(AccountId(0), AccountId(0));
        let all = (Some(peer), nobody)..(Some(PeerId(peer.0.saturating_add(1))), nobody);
        let gone: Vec<_> = self.others.range(all).map(|(key, known)| (*key, known.tip)).collect();
        for (key, _) in &gone {
            self.others.remove(key);
        }
        gone.into_iter().map(|((_, conversation), tip)| (conversation, tip)).collect()
    }
}
