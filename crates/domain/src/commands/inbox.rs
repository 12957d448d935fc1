//! Private messages received from users of this realm.

use crate::{Answer, Context, Interrupt, Mailbox, Page, Read, Source};

/// Asks for the private messages that the caller received from users of this realm.
#[derive(Clone, Copy, Debug)]
pub struct Inbox {
    /// How much of them.
    pub page: Page,
}

impl Inbox {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let source = Source::Mailbox(Mailbox::Private(cx.me()?));
        Ok(Answer::Read(Read::new(source, self.page)))
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn pages_both_ways() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        let ids: Vec<u64> = (0..5)
            .map(|n| realm.say(1, &format!("send amy m{n}"))["id"].as_u64().unwrap())
            .collect();
        assert_eq!(realm.texts(1, "INBOX limit=2"), ["m3", "m4"]);
        assert_eq!(realm.say(1, "INBOX limit=2")["more"], true);
        assert_eq!(realm.texts(1, &format!("INBOX before={} limit=2", ids[3])), ["m1", "m2"]);
        assert_eq!(realm.texts(1, &format!("INBOX after={} limit=2", ids[0])), ["m1", "m2"]);
        let between = format!("INBOX after={} before={}", ids[0], ids[3]);
        assert_eq!(realm.texts(1, &between), ["m1", "m2"]);
        assert!(realm.say(1, &between).get("more").is_none());
        assert_eq!(realm.texts(1, "INBOX"), ["m0", "m1", "m2", "m3", "m4"]);
        for bad in ["limit=0", "limit=1001", "limit=x", "after=-1", "frobnicate=1"] {
            let refused = realm.say(1, &format!("inbox {bad}"));
            assert_eq!(refused["code"], "bad_parameters", "{bad}");
            assert_eq!(refused["usage"], "inbox [after=ID] [before=ID] [limit=N]");
        }
    }

    #[test]
    fn lower_lists_by_sender() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "send bob é");
        realm.say(2, "send bob note");
        let inbox = realm.say(2, "inbox {}");
        assert_eq!(inbox["messages"]["amy"][0]["msg"], "é");
        assert_eq!(inbox["messages"]["bob"][0]["msg_to"], "bob");
    }
}
