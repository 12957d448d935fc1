//! What is read for a driver's outputs, beside a page of a list.

use antar_domain::{Mailbox, Page, Source};
use antar_types::Message;

/// Pages of a conversation that are compared with what a plain peer has of it.
const PAGES: usize = 10;

/// The newest messages of a list, for [`Output::Tail`](antar_domain::Output::Tail): a page of them, or
/// several of a conversation, of which another side has a list as well. `read` gives one page, and
/// whether more is left before it.
///
/// # Errors
/// What `read` returns.
pub fn tail<E>(
    source: Source,
    mut read: impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
) -> Result<Vec<Message>, E> {
    let conversation = matches!(source, Source::Mailbox(Mailbox::GroupRealm(..)));
    let (mut newest, mut page) = (Vec::new(), Page::default());
    for _ in 0..if conversation { PAGES } else { 1 } {
        let (mut older, more) = read(source, page)?;
        page.before = older.first().map(|message| message.id);
        older.append(&mut newest);
        newest = older;
        if !more || page.before.is_none() {
            break;
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_domain::{AccountId, GroupId, PeerId};
    use antar_types::{Name, Text, Time};

    fn message(id: u64) -> Message {
        let (from, to) = (Name::parse("amy").unwrap(), Name::parse("bob").unwrap());
        Message::new(id, Time(id), from, to, Text::empty())
    }

    #[test]
    fn a_conversation_is_read_further_back_than_a_mailbox() {
        let read = |_, page: Page| {
            let past = page.before.unwrap_or(35);
            let first = past.saturating_sub(3).max(1);
            Ok::<_, ()>(((first..past).map(message).collect(), first > 1))
        };
        let ids = |source| {
            let found: Vec<u64> = tail(source, read).unwrap().iter().map(|m| m.id).collect();
            assert!(found.is_sorted());
            (found.first().copied(), found.last().copied())
        };
        let (group, peer) = (GroupId(1), PeerId(2));
        assert_eq!(ids(Source::Mailbox(Mailbox::GroupRealm(group, peer))), (Some(5), Some(34)));
        let own = Mailbox::Realm(AccountId(1), peer);
        assert_eq!(ids(Source::Mailbox(own)), (Some(32), Some(34)));
    }
}
