//! How many conversations there are that a peer may have made up.

use crate::{AccountId, PeerId};
use std::collections::BTreeMap;

/// How many conversations there are with users of peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    of_account: BTreeMap<(PeerId, AccountId), usize>,
    of_peer: BTreeMap<PeerId, usize>,
    all: usize,
}

impl Counts {
    pub fn add(&mut self, account: AccountId, peer: PeerId) {
        *self.of_account.entry((peer, account)).or_default() += 1;
        *self.of_peer.entry(peer).or_default() += 1;
        self.all += 1;
    }

    pub fn forget(&mut self, peer: PeerId) {
        self.all -= self.of_peer.remove(&peer).unwrap_or_default();
        let (first, last) = ((peer, AccountId(0)), (peer, AccountId(u64::MAX)));
        let accounts: Vec<_> = self.of_account.range(first..=last).map(|(key, _)| *key).collect();
        for key in accounts {
            self.of_account.remove(&key);
        }
    }

    /// Of an account with a peer, with that peer, and in all.
    pub fn of(&self, account: AccountId, peer: PeerId) -> [usize; 3] {
        let of_account = self.of_account.get(&(peer, account)).copied().unwrap_or_default();
        [of_account, self.of_peer.get(&peer).copied().unwrap_or_default(), self.all]
    }
}
