//! A private message to a user of this realm.

use crate::{
    AccountId, Answer, Conversation, Draft, Interrupt, Mailbox, Outcome, RequestContext, Word,
};
use antar_types::{Code, Extras, Message, Name};
use std::sync::Arc;

/// Sends a private message to a user of this realm.
#[derive(Clone, Debug)]
pub struct Send {
    /// The user.
    pub to: Word,
    /// What is said.
    pub text: Draft,
}

impl Send {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let to = cx.addressee(&self.to)?;
        let id = cx.send(to, &self.text, None)?;
        Ok(Outcome::Sent { id, group: None }.into())
    }
}

impl RequestContext<'_> {
    /// The user of this realm who has a name, as it was first written.
    pub(crate) fn addressee(&self, name: &str) -> Result<(AccountId, Name), Code> {
        self.user(name).map(|(id, account)| (id, account.record.name.clone()))
    }

    /// Sends a private message to a user of this realm, and returns its id.
    pub(crate) fn send(
        &mut self,
        (recipient, to): (AccountId, Name),
        text: &Draft,
        extras: Option<Box<Extras>>,
    ) -> Result<u64, Code> {
        let me = self.me()?;
        let text = self.draft(text)?;
        let (conversations, most) =
            (&self.state.durable.conversations, self.state.limits.conversations);
        if !conversations.has_room(Conversation::private(me, recipient), most) {
            return Err(Code::LimitReached);
        }
        let (id, time) = (self.next_id(), self.message_time());
        let from = self.my_account()?.record.name.clone();
        let message = Message::new(id, time, from, to, text);
        let message = Arc::new(Message { extras, ..message });
        self.post(Mailbox::Private(recipient), Some(me), message)?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Inbox, WhoAmI};
    use crate::testing::{Realm, caller};

    fn send(to: &str, text: &str) -> Send {
        Send { to: to.into(), text: text.into() }
    }

    #[test]
    fn begins_so_many_conversations() {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        realm.limits().conversations = 1;
        realm.login(1, "amy");
        realm.login(2, "bob");
        assert!(matches!(realm.does(1, send("bob", "hi")), Outcome::Sent { .. }));
        for to in ["cat", "amy"] {
            assert_eq!(realm.does(1, send(to, "hi")), Code::LimitReached.into());
        }
        // What was begun goes on.
        assert!(matches!(realm.does(2, send("amy", "hi")), Outcome::Sent { .. }));
        realm.limits().conversations = 2;
        assert!(matches!(realm.does(1, send("cat", "hi")), Outcome::Sent { .. }));
    }

    #[test]
    fn reaches_a_user_by_name_in_any_case() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        let Outcome::Sent { id: first, group: None } = realm.does(1, send("BOB", "hi")) else {
            panic!("it was not sent");
        };
        assert!(matches!(realm.does(1, send("bob", "x")), Outcome::Sent { id, .. } if id > first));
        assert_eq!(realm.does(1, send("eve", "hi")), Code::UserNotFound.into());
        assert_eq!(realm.reads(2, Inbox::default()), ["hi", "x"]);
        assert!(realm.reads(1, Inbox::default()).is_empty());
    }

    #[test]
    fn refuses_what_is_no_text_and_stores_nothing() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.state.limits.message_bytes = 4;
        assert_eq!(realm.does(1, send("amy", "abcde")), Code::TooLong.into());
        assert_eq!(realm.does(1, send("amy", "a\u{1}b")), Code::BadText.into());
        assert!(realm.reads(1, Inbox::default()).is_empty());
    }

    #[test]
    fn a_token_names_the_session_and_binds_a_free_connection() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let (amy, bob) = (realm.login(1, "amy"), realm.login(2, "bob"));
        assert_eq!(realm.does(9, send("bob", "hi")), Code::NoSession.into());
        assert_eq!(realm.does_as(9, &amy, send("bob", "hi")).refusal(), None);
        assert_eq!(caller(&realm.does(9, WhoAmI)), "amy");
        // For this one request only: the connection has a session already.
        assert_eq!(caller(&realm.does_as(9, &bob, WhoAmI)), "bob");
        assert_eq!(caller(&realm.does(9, WhoAmI)), "amy");
        // A token that is unknown is an error even where the connection is bound.
        let unknown = format!("~{}", "A".repeat(43));
        assert_eq!(realm.does_as(9, &unknown, send("bob", "hi")), Code::NoSession.into());
    }

    #[test]
    fn a_token_left_idle_too_long_is_no_session() {
        let mut realm = Realm::with_users(&["amy"]);
        let token = realm.login(1, "amy");
        for (conn, days) in [(2, 29), (3, 29)] {
            realm.disconnect(conn - 1);
            realm.pass(days * 24 * 3600);
            assert_eq!(caller(&realm.does_as(conn, &token, WhoAmI)), "amy");
        }
        realm.disconnect(3);
        realm.pass(31 * 24 * 3600);
        assert_eq!(realm.does_as(4, &token, WhoAmI), Code::NoSession.into());
    }
}
