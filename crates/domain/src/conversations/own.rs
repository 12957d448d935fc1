//! The conversations of one account, in the order of their last messages.

use crate::{AccountId, Conversation, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// The most that are kept in a list. Whoever writes to few people has them at its end, so a message moves few of
/// them; of more it would move too many.
const FEW: usize = 256;

/// Is before every conversation.
const LEAST: Conversation = Conversation::Private(AccountId(0), AccountId(0));

/// The conversations that an account has with another account, or with a user of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    by_last: ByLast,
    /// The id of the last message to or from another here, 0 where there is none.
    here: u64,
    /// The same of users of each peer.
    peers: BTreeMap<PeerId, u64>,
}

/// Conversations by the id of the last message of each. Which of the two it is follows from how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ByLast {
    Few(Vec<(u64, Conversation)>),
    Many(BTreeSet<(u64, Conversation)>),
}

impl Default for ByLast {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Own {
    /// A conversation's last message is another than before, where there was one.
    pub fn moved(&mut self, conversation: Conversation, before: Option<u64>, last: u64) {
        let latest = match conversation.peer() {
            Some(peer) => self.peers.entry(peer).or_default(),
            None => &mut self.here,
        };
        *latest = last.max(*latest);
        before.into_iter().for_each(|before| self.by_last.remove((before, conversation)));
        self.by_last.insert((last, conversation));
    }

    /// A conversation with a user of a peer is gone.
    pub fn forget(&mut self, peer: PeerId, conversation: Conversation, last: u64) {
        self.peers.remove(&peer);
        self.by_last.remove((last, conversation));
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those whose last message has a smaller id, each with that id, the latest first.
    pub fn before(&self, id: u64) -> impl Iterator<Item = (u64, Conversation)> {
        let (few, many) = match &self.by_last {
            ByLast::Few(all) => (&all[..all.partition_point(|(last, _)| *last < id)], None),
            ByLast::Many(all) => (&[][..], Some(all.range(..(id, LEAST)))),
        };
        few.iter().rev().chain(many.into_iter().flatten().rev()).copied()
    }

    /// With whom there were messages, and the id of the last with each: with others here, or with users of a peer.
    pub fn latest(&self) -> impl Iterator<Item = (Option<PeerId>, u64)> {
        let here = (self.here > 0).then_some((None, self.here));
        here.into_iter().chain(self.peers.iter().map(|(peer, id)| (Some(*peer), *id)))
    }
}

impl ByLast {
    fn insert(&mut self, own: (u64, Conversation)) {
        match self {
            Self::Few(all) => {
                let at = all.partition_point(|other| *other < own);
                all.insert(at, own);
                if all.len() > FEW {
                    *self = Self::Many(all.drain(..).collect());
                }
            }
            Self::Many(all) => drop(all.insert(own)),
        }
    }

    fn remove(&mut self, own: (u64, Conversation)) {
        match self {
            Self::Few(all) => {
                if let Ok(at) = all.binary_search(&own) {
                    all.remove(at);
                }
            }
            Self::Many(all) => {
                all.remove(&own);
                if all.len() <= FEW {
                    *self = Self::Few(std::mem::take(all).into_iter().collect());
                }
            }
        }
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
            own.moved(conversation, last.insert(conversation, id), id);
            if id % 97 > 0 {
                continue;
            }
            let mut expected: Vec<_> = last.iter().map(|(of, last)| (*last, *of)).collect();
            expected.sort();
            expected.reverse();
            assert_eq!(own.before(u64::MAX).collect::<Vec<_>>(), expected);
            let from =
                expected.iter().position(|(last, _)| *last < id / 2).unwrap_or(expected.len());
            assert_eq!(own.before(id / 2).collect::<Vec<_>>(), expected[from..]);
        }
        assert!(last.len() > FEW && matches!(own.by_last, ByLast::Many(_)));
        let latest: Vec<_> = own.latest().collect();
        assert_eq!(latest, [(None, 3_999), (Some(PeerId(1)), 3_997), (Some(PeerId(2)), 3_998)]);
        // What is left is as if there had never been more.
        let mut left = Own::default();
        for (id, of) in own.clone().before(u64::MAX).collect::<Vec<_>>().into_iter().rev() {
            match of.peer() {
                Some(peer) => own.forget(peer, of, id),
                None => left.moved(of, None, id),
            }
        }
        assert_eq!(own, left);
    }
}
