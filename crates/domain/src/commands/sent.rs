//! Private messages that the caller sent.

use crate::{Answer, Interrupt, Mailbox, MailboxRead, Page, RequestContext, Source, Word};

/// Asks for the private messages that the caller sent to users of this realm, or of another.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The other realm.
    pub realm: Option<Word>,
    /// How much of them.
    pub page: Page,
}

impl Sent {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let source = match &self.realm {
            Some(name) => Source::Mailbox(Mailbox::SentRealm(cx.me()?, cx.known_peer(name)?.0)),
            None => Source::Sent(cx.me()?),
        };
        Ok(MailboxRead::new(source, self.page).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use crate::commands::Send;
    use crate::testing::Realm;
    use antar_types::Code;

    #[test]
    fn shows_each_message_under_the_id_it_has_in_the_inbox() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        let send = |to: &str, text: &str| Send { to: to.into(), text: text.into() };
        let Outcome::Sent { id, .. } = realm.does(1, send("bob", "one")) else {
            panic!("it was not sent");
        };
        realm.does(2, send("amy", "back"));
        realm.does(1, send("amy", "self"));
        let Outcome::Messages(sent) = realm.does(1, Sent::default()) else { panic!("no history") };
        assert_eq!(sent.found[0].id, id);
        assert_eq!(realm.reads(1, Sent::default()), ["one", "self"]);
        let page = Page { limit: 1, ..Page::default() };
        assert_eq!(realm.reads(1, Sent { page, ..Sent::default() }), ["self"]);
        let there = Sent { realm: Some("beta".into()), ..Sent::default() };
        assert_eq!(realm.does(1, there), Code::RealmNotFound.into());
    }
}
