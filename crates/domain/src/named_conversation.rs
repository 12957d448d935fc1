//! What a conversation that a client names is here.

use crate::{AccountId, Conversation, GroupId, PeerId, RequestContext};
use antar_types::{Code, ConversationName, Name};

/// A conversation that somebody here may read, and how that user addresses it.
pub(crate) struct NamedConversation {
    pub conversation: Conversation,
    /// Each name as it was first written; this realm's is left off.
    pub name: ConversationName,
}

impl RequestContext<'_> {
    /// The conversation that a client names, as far as there is one: with somebody who was removed, too, and
    /// with users of a realm that was.
    pub(crate) fn conversation(&self, name: &ConversationName) -> Result<NamedConversation, Code> {
        match name {
            ConversationName::User { user, former, realm } => match self.elsewhere(realm) {
                None => self.private(user, *former),
                Some(realm) => self.with_peer(user, *former, realm),
            },
            ConversationName::Group { group, realm } => {
                // Nobody here is in a group of another realm.
                if self.elsewhere(realm).is_some() {
                    return Err(Code::GroupNotFound);
                }
                let (group, shown) = self.group_of_mine(group)?;
                let name = ConversationName::Group { group: (&*shown).into(), realm: None };
                Ok(NamedConversation { conversation: Conversation::Group(group), name })
            }
            ConversationName::Pair { group, realm } => {
                let (group, shown) = self.group_of_mine(group)?;
                let (peer, realm) = self.peer_known_as(realm)?;
                let conversation = Conversation::GroupPeer(group, peer);
                let (group, realm) = ((&*shown).into(), (&*realm).into());
                let name = ConversationName::Pair { group, realm };
                Ok(NamedConversation { conversation, name })
            }
        }
    }

    /// The realm that a conversation's name tells, unless it is this one.
    pub(crate) fn elsewhere<'a>(&self, realm: &'a Option<Box<str>>) -> Option<&'a str> {
        let here = |realm: &&str| Name::parse(realm).is_some_and(|name| self.state.is_named(&name));
        realm.as_deref().filter(|realm| !here(realm))
    }

    /// A group that the caller is in. It does not become the session's current one: a client that looks at
    /// several conversations at once does not choose one by that.
    pub(crate) fn group_of_mine(&self, name: &str) -> Result<(GroupId, Name), Code> {
        let (id, group) = self.group(name)?;
        match group.members.contains_key(&self.me()?) {
            true => Ok((id, group.record.name.clone())),
            false => Err(Code::NotMember),
        }
    }

    fn peer_known_as(&self, name: &str) -> Result<(PeerId, Name), Code> {
        self.known_realm(name).map(|(id, peer)| (id, peer.record.name.clone()))
    }

    fn private(&self, user: &str, former: Option<u64>) -> Result<NamedConversation, Code> {
        let (me, accounts) = (self.me()?, &self.state.durable);
        let named = |user: &str, former| {
            let user = user.into();
            ConversationName::User { user, former, realm: None }
        };
        let present = accounts.account_named(user).filter(|id| former.is_none_or(|n| id.0 == n));
        if let Some(account) = present.and_then(|id| Some((id, self.account(id)?))) {
            let (id, account) = account;
            let name = named(&account.record.name, None);
            return Ok(NamedConversation { conversation: Conversation::private(me, id), name });
        }
        // Whoever had the name last and was removed, or the one who had that number.
        let id = former.map(AccountId).or(accounts.former_named(user)).ok_or(Code::UserNotFound)?;
        let shown = accounts.formers.get(&id).filter(|name| name.eq_ignore_ascii_case(user));
        let conversation = Conversation::private(me, id);
        let shown = shown.filter(|_| accounts.conversations.is_known(conversation));
        let shown = shown.ok_or(Code::UserNotFound)?;
        // Where nobody else has the name, nor had it later, it says who is meant.
        let is_plain =
            accounts.account_named(user).is_none() && accounts.former_named(user) == Some(id);
        let name = named(shown, (!is_plain).then_some(id.0));
        Ok(NamedConversation { conversation, name })
    }

    fn with_peer(
        &self,
        user: &str,
        former: Option<u64>,
        realm: &str,
    ) -> Result<NamedConversation, Code> {
        let (peer, realm) = self.peer_known_as(realm)?;
        let (me, folded) = (self.me()?, user.to_ascii_lowercase());
        let conversations = &self.state.durable.conversations;
        let ids = conversations.correspondents_named(peer, &folded);
        let found = match former {
            Some(number) => ids.clone().find(|id| id.0 == number),
            None => ids.clone().next_back(),
        };
        let conversation = Conversation::Peer(me, peer, found.ok_or(Code::UserNotFound)?);
        if !conversations.is_known(conversation) {
            return Err(Code::UserNotFound);
        }
        let former = former.filter(|_| found != ids.clone().next_back());
        let (user, realm) = ((&*folded).into(), Some((&*realm).into()));
        let name = ConversationName::User { user, former, realm };
        Ok(NamedConversation { conversation, name })
    }
}
