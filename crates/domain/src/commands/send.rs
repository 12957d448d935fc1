//! A private message to a user of this realm.

use crate::{Answer, Context, Draft, Interrupt, Mailbox, Outcome, Word};
use antar_types::Message;
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
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let (recipient, to) = cx.user(&self.to).map(|(id, a)| (id, a.record.name.clone()))?;
        let text = cx.draft(&self.text)?;
        let (id, time) = (cx.next_id(), cx.readings.now);
        let from = cx.my_account()?.record.name.clone();
        let message = Arc::new(Message { id, time, from, to, text, realm: None, notice: None });
        cx.post(Mailbox::Private(recipient), Some(me), message)?;
        Ok(Outcome::Sent { id, group: None }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn answers_with_the_documents_texts() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let sent = realm.say(1, "send BOB hello  there ");
        assert_eq!((&sent["status"], &sent["message"]), (&"OK".into(), &"Message Sent".into()));
        assert_eq!(realm.say(1, "SEND bob hi")["data"], "Message sent");
        assert!(realm.say(1, "SEND bob x")["id"].as_u64() > sent["id"].as_u64());
        realm.expect(
            1,
            "send eve hi",
            r#"{"status":"ERROR","message":"User tidak ada","code":"user_not_found"}"#,
        );
        realm.expect(1, "SEND bob ", r#"{"status":"ERROR","data":"protokol tidak benar","code":"bad_parameters","usage":"SEND U MSG"}"#);
        assert_eq!(realm.texts(1, "inbox"), Vec::<String>::new());
        realm.login(2, "bob");
        assert_eq!(realm.texts(2, "INBOX"), ["hello  there", "hi", "x"]);
    }

    #[test]
    fn refuses_what_is_no_text_and_stores_nothing() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.state.limits.message_bytes = 4;
        assert_eq!(realm.say(1, "send amy abcde")["code"], "too_long");
        assert_eq!(realm.say(1, "send amy a\u{1}b")["code"], "bad_text");
        assert_eq!(realm.texts(1, "INBOX"), Vec::<String>::new());
    }

    #[test]
    fn a_token_in_front_names_the_session_and_binds_a_free_connection() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let (amy, bob) = (realm.login(1, "amy"), realm.login(2, "bob"));
        assert_eq!(realm.say(9, "send bob hi")["code"], "no_session");
        assert_eq!(realm.say(9, &format!("send {amy} bob hi"))["status"], "OK");
        assert_eq!(realm.say(9, "whoami")["message"], "amy");
        // For this one request only: the connection has a session already.
        assert_eq!(realm.say(9, &format!("whoami {bob}"))["message"], "bob");
        assert_eq!(realm.say(9, "whoami")["message"], "amy");
        // A token that is unknown is an error even where the connection is bound.
        let unknown = format!("~{}", "A".repeat(43));
        assert_eq!(realm.say(9, &format!("send {unknown} bob hi"))["code"], "no_session");
    }

    #[test]
    fn a_token_left_idle_too_long_is_no_session() {
        let mut realm = Realm::with_users(&["amy"]);
        let token = realm.login(1, "amy");
        realm.disconnect(1);
        realm.pass(29 * 24 * 3600);
        assert_eq!(realm.say(2, &format!("whoami {token}"))["status"], "OK");
        realm.disconnect(2);
        realm.pass(29 * 24 * 3600);
        assert_eq!(realm.say(3, &format!("whoami {token}"))["status"], "OK");
        realm.disconnect(3);
        realm.pass(31 * 24 * 3600);
        assert_eq!(realm.say(4, &format!("whoami {token}"))["code"], "no_session");
    }
}
