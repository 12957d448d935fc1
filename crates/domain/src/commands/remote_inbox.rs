//! What a peer has not got.
//!
//! On a native link everything is on its way anyway, in order: the answer says how far that goes. A
//! plain peer is given the messages themselves.

use crate::{
    Answer, Interrupt, Mailbox, MailboxRead, Messages, Outcome, Page, PeerId, RequestContext,
    Source, Word,
};
use antar_types::{Code, Folded};

/// Asks for the messages to a user, or of a group, that the asking realm has not got.
#[derive(Clone, Debug)]
pub struct RemoteInbox {
    /// Whose they are.
    pub of: Whose,
    /// On a plain link, the name that both sides use for the realm that asks.
    pub realm: Word,
    /// How much of them.
    pub page: Result<Page, Code>,
}

/// Whose messages a peer asks for.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Those to this user of the realm that asks.
    User(Word),
    /// Those of the group of this name.
    Group(Word),
}

impl RemoteInbox {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if cx.state.links.conns.contains_key(&cx.conn) {
            let peer = cx.linked()?;
            return Ok(Outcome::Tip(cx.peer(peer).ok_or(Code::RealmNotFound)?.out.tip.seq).into());
        }
        let peer = cx.plain_peer(&self.realm)?;
        let mailbox = match &self.of {
            Whose::User(user) => {
                let waits = &cx.peer(peer).ok_or(Code::RealmNotFound)?.plain_mailboxes;
                let waits = Folded::new(user).and_then(|name| waits.get(&*name).copied());
                match waits {
                    Some(number) => Mailbox::Plain(peer, number),
                    None => return Ok(Outcome::Messages(Messages::default()).into()),
                }
            }
            Whose::Group(group) => Mailbox::GroupRealm(cx.group_of(group, None)?.0, peer),
        };
        Ok(MailboxRead::new(Source::Mailbox(mailbox), self.page?).into())
    }
}

impl RequestContext<'_> {
    /// The realm of a plain link whose other end is calling.
    pub(crate) fn plain_peer(&self, name: &str) -> Result<PeerId, Code> {
        let ip = self.plain_caller()?;
        let (peer, known) = self.current_peer(name)?;
        // A realm that can prove who it is does not speak without doing so; nor does one whose name is
        // another's by now.
        let speaks = known.key().is_none() && !known.is_gone();
        let address = known.record.address.as_ref().filter(|_| speaks);
        let own = address.is_some_and(|a| a.host.parse() == Ok(ip));
        own.then_some(peer).ok_or(Code::Forbidden)
    }
}
