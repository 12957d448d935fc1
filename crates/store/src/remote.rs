//! Messages that a peer names by the number that they have there.
//!
//! In a conversation those that came from a peer have numbers of the peer that grow, as their ids here do; only where the
//! peer's data were put back by hand a few do not. So the newest are looked through, and among the others it is searched by
//! halving: no index is kept for what is seldom asked.

use crate::StoreError;
use crate::engine::Pairs;
use crate::history::{self, entries};
use crate::layout::List;
use crate::records::Message;
use antar_domain::links::{InRoom, NamedMessage};
use antar_domain::{Conversation, MAX_PAGE, MAX_PAGE_BYTES, Page, PlacedMessage};
use antar_types::Away;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Conversations whose newest messages are in memory at once.
const CONVERSATIONS: usize = 16;

/// Steps of a search at most: ids are numbers of 64 bits.
const STEPS: usize = 64;

/// The messages that are named, each in one of its conversations.
pub fn find(
    tree: &dyn Pairs,
    all: &[NamedMessage],
) -> Result<Vec<Option<PlacedMessage>>, StoreError> {
    let mut newest = BTreeMap::new();
    all.iter().map(|named| find_one(tree, named, &mut newest)).collect()
}

/// The newest messages of conversations, and whether there are more: most of what is named is there, and several
/// messages of one are.
type Newest = BTreeMap<Conversation, (Vec<Found>, bool)>;

fn find_one(
    tree: &dyn Pairs,
    named: &NamedMessage,
    newest: &mut Newest,
) -> Result<Option<PlacedMessage>, StoreError> {
    for conversation in &named.conversations {
        let place = |found: &Found| {
            let (conversation, ordinal) = (*conversation, found.ordinal);
            PlacedMessage { conversation, ordinal, message: found.message.clone() }
        };
        let found = match named.of.theirs {
            true => history::message(tree, *conversation, named.of.id)?
                .map(Found::of)
                .filter(|found| named.is(&found.message)),
            false => {
                let (latest, more) = newest_of(tree, *conversation, newest)?;
                let known = latest.iter().rev().find(|found| named.is(&found.message));
                if let Some(known) = known {
                    return Ok(Some(place(known)));
                }
                let before = latest.first().map_or(0, |first| first.message.id);
                // By the number of another realm nothing can be searched.
                let goes_on = *more && matches!(named.in_room, None | Some(InRoom::Placed));
                if goes_on { search(tree, *conversation, named, before)? } else { None }
            }
        };
        if let Some(found) = found {
            return Ok(Some(place(&found)));
        }
    }
    Ok(None)
}

fn newest_of<'a>(
    tree: &dyn Pairs,
    conversation: Conversation,
    known: &'a mut Newest,
) -> Result<&'a (Vec<Found>, bool), StoreError> {
    // They come by conversation, so few are needed again.
    if known.len() >= CONVERSATIONS && !known.contains_key(&conversation) {
        known.clear();
    }
    Ok(match known.entry(conversation) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => {
            let page = Page { after: None, before: None, limit: MAX_PAGE };
            let list = List::Messages(conversation);
            let (found, more) = entries::<Message>(tree, list, page, MAX_PAGE_BYTES)?;
            unknown.insert((found.into_iter().map(Found::of).collect(), more))
        }
    })
}

struct Found {
    ordinal: u64,
    message: Arc<antar_types::Message>,
}

impl Found {
    fn of(message: Message) -> Self {
        Self { ordinal: message.ordinal, message: Arc::new(message.read()) }
    }

    fn place(&self) -> Option<u64> {
        self.message.extras.as_ref()?.place
    }

    /// The number that the message has at the peer, if it came from there.
    fn number(&self) -> Option<u64> {
        match &self.message.realm {
            // All messages of a copy have a number of its host's.
            _ if self.place().is_some() => self.place(),
            Some(Away::FromAccount(_, identity)) => Some(identity.id),
            _ => None,
        }
    }
}

/// Searches among those before an id.
fn search(
    tree: &dyn Pairs,
    conversation: Conversation,
    named: &NamedMessage,
    before: u64,
) -> Result<Option<Found>, StoreError> {
    let list = List::Messages(conversation);
    let (mut low, mut high) = (0, before);
    for _ in 0..STEPS {
        if low >= high {
            break;
        }
        let middle = low + (high - low) / 2;
        let Some((first, run)) = history::run_of(tree, conversation, middle)? else {
            low = middle + 1;
            continue;
        };
        let last = run.last().map_or(first, |last| last.id);
        let mut came = run.into_iter().map(Found::of).collect::<Vec<_>>();
        if let Some(at) = came.iter().position(|found| named.is(&found.message)) {
            return Ok(Some(came.swap_remove(at)));
        }
        match side(tree, list, &came, last, named.of.id)? {
            Ordering::Less => high = first.min(middle),
            Ordering::Greater => low = last.max(middle) + 1,
            Ordering::Equal => break,
        }
    }
    Ok(None)
}

/// On which side of a run a number is: of its messages, or of the first that came after it from the peer.
fn side(
    tree: &dyn Pairs,
    list: List,
    run: &[Found],
    last: u64,
    number: u64,
) -> Result<Ordering, StoreError> {
    let numbers = || run.iter().filter_map(Found::number);
    if let (Some(least), Some(most)) = (numbers().min(), numbers().max()) {
        return Ok(match number {
            less if less < least => Ordering::Less,
            more if more > most => Ordering::Greater,
            _ => Ordering::Equal,
        });
    }
    // Only messages of this realm: what follows says it.
    let next = Page { after: Some(last), before: None, limit: MAX_PAGE };
    let (found, _) = entries::<Message>(tree, list, next, MAX_PAGE_BYTES)?;
    let next = found.into_iter().map(Found::of).find_map(|found| found.number());
    Ok(match next {
        Some(next) if number >= next => Ordering::Greater,
        _ => Ordering::Less,
    })
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::{MemoryEngine, Store};
    use antar_domain::links::NamedMessage;
    use antar_domain::{Conversation, Conversations, Event, GroupId, Mailbox, PeerId};
    use antar_types::{Away, Extras, Message, MessageRef, Name, RemoteIdentity, Text, Time};
    use std::sync::Arc;

    const GROUP: GroupId = GroupId(2);
    const PEER: PeerId = PeerId(3);

    /// Every third thousand of messages is this realm's; the peer's numbers leave some out, and go by a time of theirs.
    fn message(id: u64) -> Message {
        let name = |name| Name::parse(name).unwrap();
        let beta = name("beta");
        let is_own = id / 1_000 % 3 == 2;
        let identity = RemoteIdentity { epoch: 1, id: 7 * id, account: 5 };
        let realm = if is_own { Away::To(beta) } else { Away::FromAccount(beta, identity) };
        let sent = (!is_own).then_some(Time(9 * id));
        let extras = Extras { sent, ..Extras::default() }.boxed();
        let text = Text::parse("hi", 9).unwrap();
        let message = Message::new(id, Time(id), name("amy"), name("staff"), text);
        Message { realm: Some(realm), extras, ..message }
    }

    #[test]
    fn a_message_is_found_however_long_ago_it_came() {
        let engine = MemoryEngine::default();
        let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
        let mailbox = Mailbox::GroupRealm(GROUP, PEER);
        for from in (1..=9_000).step_by(300) {
            let posted = |id| {
                let message = Arc::new(message(id));
                Event::Posted(Conversations::default().post(mailbox, None, message).1)
            };
            store.commit(&(from..from + 300).map(posted).collect::<Vec<_>>()).unwrap();
        }
        let named = |theirs, id, time| NamedMessage {
            conversations: vec![Conversation::GroupPeer(GROUP, PEER)],
            of: MessageRef { theirs, id, time: Time(time) },
            in_room: None,
        };
        let found = |all: Vec<NamedMessage>| {
            let found = super::find(&*engine.view().unwrap(), &all).unwrap();
            found.iter().map(|found| found.as_ref().map(|it| it.message.id)).collect::<Vec<_>>()
        };
        let ids = || (1..=9_000).step_by(37);
        let is_own = |id: u64| id / 1_000 % 3 == 2;
        let all = ids().map(|id| match is_own(id) {
            true => named(true, id, id),
            false => named(false, 7 * id, 9 * id),
        });
        assert_eq!(found(all.collect()), ids().map(Some).collect::<Vec<_>>());
        // None has such a number, or it was another at that time.
        let none =
            [named(false, 8, 9), named(false, 7, 8), named(false, 70_000, 9), named(true, 1, 1)];
        assert_eq!(found(none.into()), [None; 4]);
    }
}
