//! Users of peers, told apart.

use crate::CorrespondentId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A user of a peer whom somebody here has written to or heard from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correspondent {
    pub id: CorrespondentId,
    /// The number of the account there, where the peer has told it.
    pub account: Option<u64>,
}

/// Users of a peer, as far as they are in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Correspondents {
    /// By folded name, in the order of their numbers: the last has the name now, as far as is known.
    pub by_name: BTreeMap<Arc<str>, Vec<Correspondent>>,
    /// The name of each.
    pub names: BTreeMap<CorrespondentId, Arc<str>>,
    /// How many there are.
    pub count: usize,
}

impl Correspondents {
    /// Notes one that is new, or what was learnt of one.
    pub fn set(&mut self, name: &str, correspondent: Correspondent) {
        let shared = match self.by_name.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => name.into(),
        };
        self.names.insert(correspondent.id, shared.clone());
        let named = self.by_name.entry(shared).or_default();
        match named.binary_search_by_key(&correspondent.id, |known| known.id) {
            Ok(at) => named[at] = correspondent,
            Err(at) => {
                named.insert(at, correspondent);
                self.count += 1;
            }
        }
    }
}
