//! The messages of a group.

use crate::{Answer, Interrupt, Mailbox, MailboxRead, Page, RequestContext, Source, Word};

/// Asks for the messages of a group that the caller is in, the caller's own too.
#[derive(Clone, Debug)]
pub struct GroupInbox {
    /// The group.
    pub group: Word,
    /// How much of them.
    pub page: Page,
}

impl GroupInbox {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let group = cx.enter(&self.group)?;
        let read = MailboxRead::new(Source::Mailbox(Mailbox::Group(group)), self.page);
        let read = MailboxRead { group: cx.state.durable.group_elsewhere(group), ..read };
        Ok(read.without(cx.my_blocks()?).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Destination, JoinGroup, SendToGroup};
    use crate::testing::{Realm, group};
    use antar_types::{Code, Secret};

    fn inbox(group: &str) -> GroupInbox {
        GroupInbox { group: group.into(), page: Page::default() }
    }

    #[test]
    fn members_read_all_of_it() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        assert_eq!(realm.does(2, inbox("staff")), Code::NotMember.into());
        assert_eq!(realm.does(2, inbox("x")), Code::GroupNotFound.into());
        realm
            .does(2, JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) });
        realm.does(1, SendToGroup { to: Destination::NamedOrCurrent("one".into()) });
        realm.does(2, SendToGroup { to: Destination::NamedOrCurrent("two".into()) });
        assert_eq!(realm.reads(1, inbox("STAFF")), ["one", "two"]);
        assert_eq!(realm.reads(2, inbox("staff")), ["one", "two"]);
    }
}
