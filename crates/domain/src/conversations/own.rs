//! The conversations of one account, in the order of their last messages.

use crate::{AccountId, Conversation, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// The most that are put in order when they are asked for. Nearly every account has fewer, and then a message moves
/// none of them.
const FEW: usize = 256;

/// Is before every conversation.
const LEAST: Conversation = Conversation::Private(AccountId(0), AccountId(0));

/// The id of the last message of a conversation.
pub(super) type Last<'a> = &'a dyn Fn(Conversation) -> u64;

/// The conversations that an account has with another account, or with a user of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    all: All,
    /// The id of the last message to or from another here, 0 where there is none.
    here: u64,
    /// The same of users of each peer.
    peers: BTreeMap<PeerId, u64>,
}

/// Conversations. Which of the two it is follows from how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum All {
    /// In no order that means anything, and the same however they came.
    Few(Vec<Conversation>),
    /// By the id of the last message of each.
    Many(BTreeSet<(u64, Conversation)>),
}

impl Default for All {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Own {
    /// A conversation's last message is another than before, where there was one. `last` knows the others'.
    pub fn moved(
        &mut self,
        conversation: Conversation,
        before: Option<u64>,
        (id, last): (u64, Last<'_>),
    ) {
        let latest = match conversation.peer() {
            Some(peer) => self.peers.entry(peer).or_default(),
            None => &mut self.here,
        };
        *latest = id.max(*latest);
        match &mut self.all {
            All::Few(_) if before.is_some() => {}
            All::Few(few) => {
                if let Err(at) = few.binary_search(&conversation) {
                    few.insert(at, conversation);
                }
                if few.len() > FEW {
                    self.all = All::Many(few.iter().map(|own| (last(*own), *own)).collect());
                }
            }
            All::Many(many) => {
                if let Some(before) = before {
                    many.remove(&(before, conversation));
                }
                many.insert((id, conversation));
            }
        }
    }

    /// A conversation with a user of a peer is gone.
    pub fn forget(&mut self, peer: PeerId, conversation: Conversation, last: u64) {
        self.peers.remove(&peer);
        match &mut self.all {
            All::Few(few) => few.retain(|own| *own != conversation),
            All::Many(many) => {
                many.remove(&(last, conversation));
                if many.len() <= FEW {
                    let mut few: Vec<_> = many.iter().map(|(_, own)| *own).collect();
                    few.sort_unstable();
                    self.all = All::Few(few);
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those whose last message has a smaller id, each with that id, the latest first.
    pub fn before(
        &self,
        id: u64,
        last: impl Fn(Conversation) -> u64,
    ) -> impl Iterator<Item = (u64, Conversation)> {
        let (few, many) = match &self.all {
            All::Few(few) => {
                let few = few.iter().map(|own| (last(*own), *own));
                let mut few: Vec<_> = few.filter(|(last, _)| *last < id).collect();
                few.sort_unstable();
                (few, None)
            }
            All::Many(many) => (Vec::new(), Some(many.range(..(id, LEAST)))),
        };
        few.into_iter().rev().chain(many.into_iter().flatten().rev().copied())
    }

    /// With whom there were messages, and the id of the last with each: with others here, or with users of a peer.
    pub fn latest(&self) -> impl Iterator<Item = (Option<PeerId>, u64)> {
        let here = (self.here > 0).then_some((None, self.here));
        here.into_iter().chain(self.peers.iter().map(|(peer, id)| (Some(*peer), *id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CorrespondentId;

    fn with(peer: u64, user: u64) -> Conversation {
        match peer {
            0 => Conversation::Private(AccountId(1), AccountId(user)),
            _ => Conversation::Peer(AccountId(1), PeerId(peer), CorrespondentId(user)),
        }
    }

    #[test]
    fn are_in_the_order_of_their_last_messages_however_many() {
        let (mut own, mut last) = (Own::default(), BTreeMap::new());
        for id in 1..4_000_u64 {
            // Ever more of them, in no order.
            let conversation = with(id % 3, id * 7_919 % (1 + id / 4));
            let before = last.insert(conversation, id);
            own.moved(conversation, before, (id, &|of| last[&of]));
            if id % 97 > 0 {
                continue;
            }
            let mut expected: Vec<_> = last.iter().map(|(of, last)| (*last, *of)).collect();
            expected.sort();
            expected.reverse();
            assert_eq!(own.before(u64::MAX, |of| last[&of]).collect::<Vec<_>>(), expected);
            let from =
                expected.iter().position(|(last, _)| *last < id / 2).unwrap_or(expected.len());
            assert_eq!(own.before(id / 2, |of| last[&of]).collect::<Vec<_>>(), expected[from..]);
        }
        assert!(last.len() > FEW && matches!(own.all, All::Many(_)));
        let latest: Vec<_> = own.latest().collect();
        assert_eq!(latest, [(None, 3_999), (Some(PeerId(1)), 3_997), (Some(PeerId(2)), 3_998)]);
        // What is left is as if there had never been more.
        let mut left = Own::default();
        let all: Vec<_> = own.before(u64::MAX, |of| last[&of]).collect();
        for (id, of) in all.into_iter().rev() {
            match of.peer() {
                Some(peer) => own.forget(peer, of, id),
                None => left.moved(of, None, (id, &|of| last[&of])),
            }
        }
        assert_eq!(own, left);
    }
}
