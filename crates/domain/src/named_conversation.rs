//! What a conversation that a client names is here.

use crate::state::Durable;
use crate::{AccountId, Conversation, CorrespondentId, PeerId, RequestContext};
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
                let (group, shown) = self.group_of_mine_in(group, self.elsewhere(realm))?;
                let realm = self.home_of(group).and_then(|(peer, _)| self.peer(peer));
                let realm = realm.map(|known| known.record.name.as_str().into());
                let name = ConversationName::Group { group: (&*shown).into(), realm };
                Ok(NamedConversation { conversation: Conversation::Group(group), name })
            }
            ConversationName::Pair { group, realm } => {
                let (group, shown) = self.group_of_mine_here(group)?;
                let (peer, realm) = self.peer_known_as(realm)?;
                let conversation = Conversation::GroupPeer(group, peer);
                let (group, realm) = ((&*shown).into(), (&*realm).into());
                let name = ConversationName::Pair { group, realm };
                Ok(NamedConversation { conversation, name })
            }
        }
    }

    /// The conversation of a group that a client names, whether or not the caller is in it.
    pub(crate) fn conversation_of_any_group(
        &self,
        name: &ConversationName,
    ) -> Result<Conversation, Code> {
        match name {
            ConversationName::Group { group, realm } if self.elsewhere(realm).is_none() => {
                Ok(Conversation::Group(self.group(group)?.0))
            }
            ConversationName::Pair { group, realm } => {
                Ok(Conversation::GroupPeer(self.group(group)?.0, self.peer_known_as(realm)?.0))
            }
            _ => Err(Code::GroupNotFound),
        }
    }

    /// The realm that a conversation's name tells, unless it is this one.
    pub(crate) fn elsewhere<'a>(&self, realm: &'a Option<Box<str>>) -> Option<&'a str> {
        let here = |realm: &&str| Name::parse(realm).is_some_and(|name| self.state.is_named(&name));
        realm.as_deref().filter(|realm| !here(realm))
    }

    pub(crate) fn peer_known_as(&self, name: &str) -> Result<(PeerId, Name), Code> {
        self.known_peer(name).map(|(id, peer)| (id, peer.record.name.clone()))
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
        let conversation = Conversation::private(me, id);
        let known = accounts.formers.get(&id);
        let is_other = known.is_some_and(|name| !name.eq_ignore_ascii_case(user));
        if is_other || self.account(id).is_some() || !accounts.conversations.is_known(conversation)
        {
            return Err(Code::UserNotFound);
        }
        let name = accounts.former(id).unwrap_or_else(|| named(user, Some(id.0)));
        Ok(NamedConversation { conversation, name })
    }

    fn with_peer(
        &self,
        user: &str,
        former: Option<u64>,
        realm: &str,
    ) -> Result<NamedConversation, Code> {
        let (peer, _) = self.peer_known_as(realm)?;
        let (me, folded) = (self.me()?, user.to_ascii_lowercase());
        let conversations = &self.state.durable.conversations;
        let numbered = |number| {
            let id = CorrespondentId(number);
            let name = conversations.correspondent_name(peer, id)?.0;
            (spelled(name) == folded).then_some(id)
        };
        let found = match former {
            Some(number) => numbered(number),
            None => conversations.correspondent_named(peer, &folded),
        };
        let conversation = Conversation::Peer(me, peer, found.ok_or(Code::UserNotFound)?);
        if !conversations.is_known(conversation) {
            return Err(Code::UserNotFound);
        }
        let name =
            self.state.durable.conversation_name(me, conversation).ok_or(Code::UserNotFound)?;
        Ok(NamedConversation { conversation, name })
    }
}

impl Durable {
    /// How an account that was removed is addressed: with its number where the name was somebody else's
    /// later. None of one that an older version removed: its name is in messages only.
    fn former(&self, id: AccountId) -> Option<ConversationName> {
        let name = self.formers.get(&id)?;
        let is_last = self.account_named(name).is_none() && self.former_named(name) == Some(id);
        let former = (!is_last).then_some(id.0);
        Some(ConversationName::User { user: (&**name).into(), former, realm: None })
    }

    /// How an account addresses a conversation of its own; `None` where nobody can be addressed.
    pub(crate) fn conversation_name(
        &self,
        me: AccountId,
        conversation: Conversation,
    ) -> Option<ConversationName> {
        let group = |id| Some(self.groups.get(&id)?.record.name.as_str().into());
        let realm = |peer| Some(Box::<str>::from(self.peers.get(&peer)?.record.name.as_str()));
        Some(match conversation {
            Conversation::Private(one, other) => {
                let other = if one == me { other } else { one };
                match self.accounts.get(&other) {
                    Some(account) => ConversationName::User {
                        user: account.record.name.as_str().into(),
                        former: None,
                        realm: None,
                    },
                    None => self.former(other)?,
                }
            }
            Conversation::Group(id) => {
                let home = self.groups.get(&id)?.record.home;
                let realm = home.map(|home| realm(home.peer).ok_or(())).transpose().ok()?;
                ConversationName::Group { group: group(id)?, realm }
            }
            Conversation::GroupPeer(id, peer) => {
                ConversationName::Pair { group: group(id)?, realm: realm(peer)? }
            }
            Conversation::Peer(_, peer, id) => {
                let (name, is_last) = self.conversations.correspondent_name(peer, id)?;
                let is_word = Name::parse(name).is_some();
                let former = (!is_last || !is_word).then_some(id.0);
                let (user, realm) = (spelled(name).into(), Some(realm(peer)?));
                ConversationName::User { user, former, realm }
            }
        })
    }
}

/// What a user of a plain peer is called, which may be any text, as a word that can be asked for: with that
/// user's number it says who is meant.
pub(crate) fn spelled(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}
