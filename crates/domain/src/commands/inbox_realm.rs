//! Private messages received from users of another realm.

use crate::links::{Ask, LinkKind, Listed, Of, PlainRequest, Told};
use crate::{
    Answer, Interrupt, Job, JobResult, MAX_PAGE_BYTES, Mailbox, MailboxRead, Page, PeerId,
    RequestContext, Source, Word,
};
use antar_types::Code;

/// Asks for the private messages that the caller received from users of another realm.
#[derive(Clone, Debug)]
pub struct InboxRealm {
    /// The other realm.
    pub realm: Word,
    /// How much of them.
    pub page: Page,
}

impl InboxRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, known) = cx.known_realm(&self.realm)?;
        let (plain, linked) = (known.record.kind == LinkKind::Plain, known.is_open());
        let user = cx.my_account()?.record.name.clone();
        if plain && linked {
            let own = Mailbox::Realm(cx.me()?, peer);
            return cx.pass_on(peer, Of::User(user), self.page, own);
        }
        let stale = !linked || cx.catch_up(peer, Of::User(user))?;
        let source = Source::Mailbox(Mailbox::Realm(cx.me()?, peer));
        Ok(MailboxRead { stale, ..MailboxRead::new(source, self.page) }.into())
    }
}

impl RequestContext<'_> {
    /// Asks a plain peer and passes its list on after what is here: notices, and what it has forgotten.
    pub(crate) fn pass_on(
        &mut self,
        peer: PeerId,
        of: Of,
        page: Page,
        own: Mailbox,
    ) -> Result<Answer, Interrupt> {
        let known = self.peer(peer).ok_or(Code::RealmNotFound)?;
        let (name, address) = (known.record.name.clone(), known.record.address.clone());
        let answer = self.results.iter().find_map(|result| match result {
            JobResult::Asked(answer) => Some(answer.clone()),
            _ => None,
        });
        let told = match (answer, address) {
            (None, Some(address)) => {
                let (realm, request) = (name, PlainRequest::List(of));
                return Err(Interrupt::Job(Job::Ask(Ask { address, realm, request })));
            }
            (Some(Ok((told, _))), _) => told,
            _ => Told::default(),
        };
        let stale = told.list().is_none();
        // What a plain peer tells has no ids: it is the newest, whatever the page.
        let list = told.list().filter(|_| page.before.is_none()).unwrap_or_default();
        let list = match own {
            Mailbox::Realm(account, _) if told.list().is_some() && page.before.is_none() => {
                let formers = self.formers(peer, account, list.len())?;
                list.get(formers..).unwrap_or_default()
            }
            _ => list,
        };
        let (newest, cut) = newest(list, page.limit);
        let (Of::User(to) | Of::Group(to)) = &of;
        let also = newest.iter().map(|listed| listed.message(&name, to)).collect();
        let read = MailboxRead::new(Source::Mailbox(own), page);
        Ok(MailboxRead { stale, also, cut: cut || told.cut, ..read }.into())
    }
}

/// Of a list as much as a page may hold, and whether there is more.
fn newest(list: &[Listed], limit: usize) -> (&[Listed], bool) {
    let mut bytes = 0;
    let fits = list.iter().rev().take(limit).take_while(|listed| {
        bytes += listed.text.as_str().len();
        bytes <= MAX_PAGE_BYTES
    });
    let newest = &list[list.len() - fits.count()..];
    (newest, newest.len() < list.len())
}
