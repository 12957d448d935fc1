//! What is a user's in a stretch of a conversation.

use crate::StoreError;
use crate::engine::Pairs;
use crate::history::entries;
use crate::layout::List;
use crate::records::Message;
use antar_domain::{ConversationTip, ERASED, FoundOwn, MAX_PAGE_BYTES, OwnQuery, PlacedMessage};
use std::sync::Arc;

/// The messages, as far as they are looked at in one go.
pub fn find(tree: &dyn Pairs, query: &OwnQuery) -> Result<FoundOwn, StoreError> {
    let (list, conversation) = (List::Messages(query.conversation), query.conversation);
    let (all, mut more) = entries::<Message>(tree, list, query.page, MAX_PAGE_BYTES)?;
    let (mut own, mut upto) = (Vec::new(), None);
    for message in all {
        if own.len() == ERASED {
            more = true;
            break;
        }
        let (ordinal, message) = (message.ordinal, message.read());
        upto = Some(ConversationTip { ordinal, id: message.id });
        if query.is_in(&message) {
            own.push(PlacedMessage { conversation, ordinal, message: Arc::new(message) });
        }
    }
    Ok(FoundOwn { own, upto, more })
}
