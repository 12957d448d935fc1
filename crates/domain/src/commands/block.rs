//! Users who are not heard.

use crate::{
    AccountId, Answer, Block, BlockSpan, Blocked, Change, ChangeList, Conversation, Event,
    Interrupt, Outcome, RequestContext,
};
use antar_types::{Code, ConversationName, Name};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Users whom one may have blocked, those of before included.
const MOST: usize = 1_000;

/// Blocks a user of this realm or of another: what that user writes from now on is never shown to the caller.
/// Nobody else is told.
#[derive(Clone, Debug)]
pub struct BlockUser {
    /// The user, as the conversation with that user is called.
    pub whom: Box<ConversationName>,
}

/// Ends [`BlockUser`]. What was written meanwhile stays hidden.
#[derive(Clone, Debug)]
pub struct UnblockUser {
    /// The user, as the conversation with that user is called.
    pub whom: Box<ConversationName>,
}

/// Asks whom the caller has blocked, as each is addressed.
#[derive(Clone, Copy, Debug)]
pub struct ListBlocked;

impl ListBlocked {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let list = cx.my_blocks()?;
        let open = list.iter().flat_map(|list| list.all()).filter(|block| block.is_open());
        let names: BTreeSet<Arc<str>> = open.map(|block| cx.shown_blocked(&block.whom)).collect();
        Ok(Outcome::Names(names.into_iter().collect()).into())
    }
}

impl BlockUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, (whom, shown)) = (cx.me()?, cx.user_to_block(&self.whom)?);
        if let Blocked::Here(account, _) = whom {
            if account == me {
                return Err(Code::Forbidden.into());
            }
            // Who was removed has nothing more to say, and whoever has the name by now is somebody else.
            if cx.account(account).is_none() {
                return Ok(Outcome::Done.into());
            }
        }
        let known = cx.blocks_of(me, &whom);
        if known.iter().any(Block::is_open) {
            return Ok(Outcome::Done.into());
        }
        let count = cx.state.durable.blocks.of(me).map_or(0, |list| list.all().count());
        let number = cx.next_id();
        let span = BlockSpan { after: number, upto: None };
        let block = match known.into_iter().find(|block| block.whom == whom) {
            Some(block) if block.spans.len() >= Block::SPANS => {
                return Err(Code::LimitReached.into());
            }
            Some(mut block) => {
                block.spans.push(span);
                block
            }
            None if count >= MOST => return Err(Code::LimitReached.into()),
            None => Block { number, whom, spans: vec![span] },
        };
        cx.emit(Event::BlockSet { account: me, block })?;
        cx.change(ChangeList::Account(me), Change::Blocked(shown, true))?;
        Ok(Outcome::Done.into())
    }
}

impl UnblockUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, (whom, shown)) = (cx.me()?, cx.user_to_block(&self.whom)?);
        let open: Vec<_> = cx.blocks_of(me, &whom).into_iter().filter(Block::is_open).collect();
        if open.is_empty() {
            return Ok(Outcome::Done.into());
        }
        let upto = cx.state.durable.last_id();
        for block in open {
            cx.emit(Event::BlockSet { account: me, block: block.closed(upto) })?;
        }
        cx.change(ChangeList::Account(me), Change::Blocked(shown, false))?;
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// A user whom one may block, and how that user is addressed. One of another realm need not have written yet:
    /// some write in groups only.
    fn user_to_block(&self, name: &ConversationName) -> Result<(Blocked, Box<str>), Code> {
        let ConversationName::User { user, former, realm } = name else {
            return Err(Code::BadParameters);
        };
        let elsewhere = self.elsewhere(realm);
        if let (Some(realm), None) = (elsewhere, former) {
            let (peer, known) = self.known_peer(realm)?;
            let name = Box::<str>::from(user.to_ascii_lowercase());
            let conversations = &self.state.durable.conversations;
            let correspondent = conversations.correspondent_named(peer, &name);
            if correspondent.is_none() && Name::parse(user).is_none() {
                return Err(Code::UserNotFound);
            }
            let account = correspondent.and_then(|id| conversations.account_there(peer, id));
            let shown = format!("{name}@{}", known.record.name.as_str()).into();
            return Ok((Blocked::There { peer, name, account }, shown));
        }
        if let (None, None) = (elsewhere, former)
            && let Ok((id, account)) = self.user(user)
        {
            let name = account.record.name.clone();
            let shown = name.as_str().into();
            return Ok((Blocked::Here(id, name), shown));
        }
        let (me, found) = (self.me()?, self.conversation(name)?);
        let whom = self.other_in(me, found.conversation).ok_or(Code::UserNotFound)?;
        Ok((whom, found.name.to_string().into()))
    }

    /// How somebody is addressed who is blocked.
    fn shown_blocked(&self, whom: &Blocked) -> Arc<str> {
        match whom {
            Blocked::Here(account, name) => match self.account(*account) {
                Some(known) => known.record.name.as_str().into(),
                // Somebody else may have the name by now.
                None => format!("{}~{}", name.as_str(), account.0).into(),
            },
            Blocked::There { peer, name, .. } => match self.peer(*peer) {
                Some(known) => format!("{name}@{}", known.record.name.as_str()).into(),
                None => name.to_string().into(),
            },
        }
    }

    /// With whom a conversation is that is of two.
    fn other_in(&self, me: AccountId, conversation: Conversation) -> Option<Blocked> {
        let durable = &self.state.durable;
        match conversation {
            Conversation::Private(one, other) => {
                let other = if one == me { other } else { one };
                let name = match durable.accounts.get(&other) {
                    Some(account) => &account.record.name,
                    None => durable.formers.get(&other)?,
                };
                Some(Blocked::Here(other, name.clone()))
            }
            Conversation::Peer(_, peer, id) => {
                let name = durable.conversations.correspondent_name(peer, id)?.0.into();
                let account = durable.conversations.account_there(peer, id);
                Some(Blocked::There { peer, name, account })
            }
            Conversation::Group(_) | Conversation::GroupPeer(..) => None,
        }
    }

    /// What is kept of a user whom another has blocked.
    fn blocks_of(&self, me: AccountId, whom: &Blocked) -> Vec<Block> {
        let list = self.state.durable.blocks.of(me);
        let all = list.into_iter().flat_map(|list| list.all());
        all.filter(|block| block.whom.may_be(whom)).cloned().collect()
    }

    /// Lets go of whom a user has blocked, who is about to go, and ends that others have blocked that user: who has
    /// the name next is somebody else.
    pub(crate) fn end_blocks(&mut self, account: AccountId) -> Result<(), Code> {
        let durable = &self.state.durable;
        let own = durable.blocks.of(account).into_iter().flat_map(|list| list.all());
        let own: Vec<u64> = own.map(|block| block.number).collect();
        let Some(name) = durable.accounts.get(&account).map(|known| known.record.name.clone())
        else {
            return Ok(());
        };
        let (others, upto) = (durable.blocks.blockers(account, &name), durable.last_id());
        for number in own {
            self.emit(Event::BlockEnded { account, number })?;
        }
        for (account, block) in others {
            self.emit(Event::BlockSet { account, block: block.closed(upto) })?;
        }
        Ok(())
    }

    /// Whether the caller has blocked whoever a conversation is with.
    pub(crate) fn is_blocked(&self, me: AccountId, conversation: Conversation) -> bool {
        if self.state.durable.blocks.of(me).is_none() {
            return false;
        }
        let whom = self.other_in(me, conversation);
        whom.is_some_and(|whom| self.blocks_of(me, &whom).iter().any(Block::is_open))
    }
}

#[cfg(test)]
mod tests;
