//! The conversation of a group between this realm and another.

use crate::links::{LinkKind, Of};
use crate::{Answer, Interrupt, Mailbox, MailboxRead, Page, RequestContext, Source, Word};

/// Asks for the conversation of a group between this realm and another, both sides.
#[derive(Clone, Debug)]
pub struct InboxGroupRealm {
    /// The other realm.
    pub realm: Word,
    /// The group, which has the same name there.
    pub group: Word,
    /// How much of it.
    pub page: Page,
}

impl InboxGroupRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, known) = cx.known_peer(&self.realm)?;
        let (plain, linked) = (known.record.kind == LinkKind::Plain, known.is_open());
        let (group, name) = cx.group_of_mine_here(&self.group)?;
        cx.set_current_group(group);
        let own = Mailbox::GroupRealm(group, peer);
        if plain && linked {
            return cx.pass_on(peer, Of::Group(name), self.page, own);
        }
        let stale = !linked || cx.catch_up(peer, Of::Group(name))?;
        let read = MailboxRead::new(Source::Mailbox(own), self.page);
        Ok(MailboxRead { stale, ..read }.without(cx.my_blocks()?).into())
    }
}
