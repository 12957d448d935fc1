//! The end of an account.

use crate::{Answer, ChangeList, Event, Interrupt, Membership, Outcome, RequestContext, Word};

/// Removes an account, its sessions and memberships. The user's messages stay where others can read
/// them: in the recipients' inboxes and in groups.
#[derive(Clone, Debug)]
pub struct RemoveUser {
    /// The user.
    pub user: Word,
}

impl RemoveUser {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, groups) = cx.user(&self.user).map(|(id, a)| (id, a.groups.clone()))?;
        cx.end_sessions(id, None)?;
        let mut groups = groups.into_iter();
        groups.try_for_each(|group| cx.remove_member(group, Membership::Left, (id, id)))?;
        cx.forget_in_groups(id)?;
        cx.leave_name(id)?;
        let own: Vec<_> = cx.state.durable.conversations.of_account(id).collect();
        cx.end_markers(id, own)?;
        cx.end_blocks(id)?;
        let others = cx.state.durable.personal.conversations(id);
        cx.end_markers(id, others)?;
        cx.end_files(id)?;
        if cx.state.durable.personal.has_profile(id) {
            cx.emit(Event::ProfileEnded(id))?;
        }
        let name = cx.account(id).map(|account| account.record.name.clone());
        name.map_or(Ok(()), |name| cx.emit(Event::FormerSet(id, name)))?;
        cx.emit(Event::ChangesEnded(ChangeList::Account(id)))?;
        cx.emit(Event::AccountRemoved(id))?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Inbox, JoinGroup, ListMembers, Register, Send, Sent, WhoAmI};
    use crate::testing::{Realm, group};
    use antar_types::{Code, Secret};

    #[test]
    fn frees_the_name_and_leaves_what_others_can_read() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        let password = Secret::new("pw".into());
        realm.does(2, JoinGroup { group: "staff".into(), password: Some(password.clone()) });
        realm.does(1, Send { to: "bob".into(), text: "bye".into() });
        realm.does(2, Send { to: "amy".into(), text: "secret".into() });
        let remove = RemoveUser { user: "amy".into() };
        assert_eq!(realm.does(2, remove.clone()), Code::Forbidden.into());
        assert_eq!(realm.operator_does(remove.clone()), Outcome::Done);
        assert_eq!(realm.operator_does(remove), Code::UserNotFound.into());
        assert_eq!(realm.does(1, WhoAmI), Code::NoSession.into());
        let members = realm.does(2, ListMembers { group: "staff".into() });
        assert!(matches!(members, Outcome::Members { owner: Some(owner), .. } if &*owner == "bob"));
        assert_eq!(realm.reads(2, Inbox::default()), ["bye"]);
        realm.does(3, Register { user: "amy".into(), password });
        assert!(realm.reads(3, Inbox::default()).is_empty());
        assert_eq!(realm.reads(2, Sent::default()), ["secret"]);
    }
}
