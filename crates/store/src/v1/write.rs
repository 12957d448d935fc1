//! What the first version would have written, for tests of the migration.

use super::records::{self, Record};
use super::{List, Pointer, record_key};
use crate::engine::Ops;
use crate::records::alike::Alike;
use crate::records::codec::encode;
use antar_domain::{AccountId, Event, Mailbox};
use std::collections::BTreeMap;

/// A message, where it was put, and whose SENT showed it.
pub type Put = (Mailbox, Option<AccountId>, antar_types::Message);

/// Pairs of a batch.
pub fn write(events: &[Event], messages: &[Put], ops: &mut Ops) {
    for event in events {
        let record = match event.clone() {
            Event::RealmNamed(name) => Record::RealmNamed(name),
            Event::AccountSet(id, account) => Record::AccountSet(id, account.alike()),
            Event::PeerSet(id, peer) => Record::PeerSet(id, peer.alike()),
            Event::PlainMailboxSet(peer, id, name) => Record::PlainMailboxSet(peer, id, name),
            event => panic!("{event:?}"),
        };
        ops.put(&record_key(event).unwrap(), |value| encode(&record, value)).unwrap();
    }
    let mut runs: BTreeMap<List, (u64, Vec<u8>)> = BTreeMap::new();
    for (mailbox, sender, message) in messages {
        let id = message.id;
        let (_, value) = runs.entry(List::Mailbox(*mailbox)).or_insert((id, Vec::new()));
        let stored: records::Message = message.clone().alike();
        encode(&stored, value).unwrap();
        if let Some(sender) = sender {
            let (_, value) = runs.entry(List::Sent(*sender)).or_insert((id, Vec::new()));
            encode(&Pointer { id, mailbox: mailbox.alike() }, value).unwrap();
        }
    }
    for (list, (first, run)) in runs {
        let append = |value: &mut Vec<u8>| {
            value.extend_from_slice(&run);
            Ok(())
        };
        ops.put(&list.key(first), append).unwrap();
    }
}
