//! Private messages received from users of this realm.

use crate::{Answer, Interrupt, Mailbox, MailboxRead, Page, RequestContext, Source};

/// Asks for the private messages that the caller received from users of this realm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inbox {
    /// How much of them.
    pub page: Page,
}

impl Inbox {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let source = Source::Mailbox(Mailbox::Private(cx.me()?));
        Ok(MailboxRead::new(source, self.page).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use crate::commands::Send;
    use crate::testing::Realm;

    #[test]
    fn pages_both_ways() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        let ids: Vec<u64> = (0..5)
            .map(|n| {
                let send = Send { to: "amy".into(), text: format!("m{n}").as_str().into() };
                match realm.does(1, send) {
                    Outcome::Sent { id, .. } => id,
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        let mut read = |after: Option<usize>, before: Option<usize>, limit| {
            let page = Page { after: after.map(|i| ids[i]), before: before.map(|i| ids[i]), limit };
            match realm.does(1, Inbox { page }) {
                Outcome::Messages(page) => {
                    let texts = page.found.iter().map(|m| m.text.as_str().to_owned());
                    (texts.collect::<Vec<_>>().join(" "), page.more)
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read(None, None, 2), ("m3 m4".into(), true));
        assert_eq!(read(None, Some(3), 2), ("m1 m2".into(), true));
        assert_eq!(read(Some(0), None, 2), ("m1 m2".into(), true));
        assert_eq!(read(Some(0), Some(3), 9), ("m1 m2".into(), false));
        assert_eq!(read(None, None, 9), ("m0 m1 m2 m3 m4".into(), false));
    }
}
