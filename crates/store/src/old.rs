//! Messages that are older than is kept: a conversation is looked through from its beginning, until one is not old.
//!
//! The time of a message that an earlier version took from another realm is that realm's: such a one goes with an old
//! one after it, if it is not old by itself.

use crate::StoreError;
use crate::engine::{Direction, Pairs};
use crate::layout::List;
use crate::records::Message;
use crate::records::codec::decode_run;
use antar_domain::{ConversationTip, FoundOld, LET_GO, OldIn, OldQuery};
use std::ops::ControlFlow;

/// What is old in each of the conversations that are asked about, up to where enough is found.
pub fn find(tree: &dyn Pairs, query: &OldQuery) -> Result<Vec<Option<FoundOld>>, StoreError> {
    let (mut found, mut left) = (Vec::new(), LET_GO);
    for asked in &query.all {
        if left == 0 {
            break;
        }
        found.push(find_in(tree, asked, &mut left)?);
    }
    Ok(found)
}

/// Looks through one; not through more than so many messages.
fn find_in(
    tree: &dyn Pairs,
    asked: &OldIn,
    left: &mut usize,
) -> Result<Option<FoundOld>, StoreError> {
    let (list, mut found) = (List::Messages(asked.conversation), asked.nothing());
    // What is counted up to a message which may be old if a later one is.
    let mut uncounted = found.uncounted.clone();
    tree.scan(list.keys(0, u64::MAX), Direction::Up, &mut |key, value| {
        for message in decode_run::<Message>(key, value)? {
            let (ordinal, message) = (message.ordinal, message.read());
            if *left == 0 {
                found.more = true;
                return Ok(ControlFlow::Break(()));
            }
            *left -= 1;
            let is_old = message.time < asked.before;
            if !is_old && message.is_timed_here() {
                return Ok(ControlFlow::Break(()));
            }
            asked.pass(ordinal, &message, &mut uncounted);
            if is_old {
                found.upto = ConversationTip { ordinal, id: message.id };
                found.uncounted.clone_from(&uncounted);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((found.upto.id > asked.gone.id).then_some(found))
}
