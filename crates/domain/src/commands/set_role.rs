//! What somebody is in a group.

use crate::{Answer, Event, GroupRole, Interrupt, Member, Outcome, RequestContext, Word};
use antar_types::Code;

/// Gives a member another role. A group that is handed over keeps its former owner as a moderator.
#[derive(Clone, Debug)]
pub struct SetRole {
    /// The group.
    pub group: Word,
    /// The member.
    pub user: Word,
    /// The role.
    pub role: GroupRole,
}

impl SetRole {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_run(&self.group)?;
        let user = cx.person(&self.user)?;
        let before = group.role(user).ok_or(Code::NotMember)?;
        let owner = group.record.owner;
        match (before, self.role) {
            (before, role) if before == role => {}
            // The owner hands the group over, and does not leave it without one.
            (GroupRole::Owner, _) => return Err(Code::Forbidden.into()),
            (_, GroupRole::Owner) => {
                cx.set_owner(id, user, me)?;
                if let Some(former) = owner {
                    cx.set_moderator(id, former, true)?;
                    cx.role_changed(id, (former, GroupRole::Moderator), me)?;
                }
            }
            (_, role) => {
                cx.set_moderator(id, user, role == GroupRole::Moderator)?;
                cx.role_changed(id, (user, role), me)?;
                if role == GroupRole::Moderator {
                    cx.end_silence(id, (user, me))?;
                }
            }
        }
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    fn set_moderator(
        &mut self,
        group: crate::GroupId,
        user: crate::AccountId,
        moderator: bool,
    ) -> Result<(), Code> {
        let known = self.state.durable.groups.get(&group).ok_or(Code::GroupNotFound)?;
        let member = *known.members.get(&user).ok_or(Code::NotMember)?;
        self.emit(Event::MemberSet(group, user, Member { moderator, ..member }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{LeaveGroup, ListConversations, SilenceMember};
    use crate::testing::{Realm, staffed};

    fn role(user: &str, role: GroupRole) -> SetRole {
        SetRole { group: "staff".into(), user: user.into(), role }
    }

    fn roles(realm: &Realm) -> [Option<&'static str>; 4] {
        let group = realm.group_id("staff");
        let of = |user| realm.state.role(group, realm.id(user)).map(GroupRole::as_str);
        ["amy", "bob", "cat", "dan"].map(of)
    }

    #[test]
    fn the_owner_and_administrators_give_roles() {
        let mut realm = staffed();
        assert_eq!(roles(&realm), [Some("owner"), Some("moderator"), Some("member"), None]);
        for conn in [2, 3] {
            assert_eq!(realm.does(conn, role("cat", GroupRole::Moderator)), Code::Forbidden.into());
        }
        assert_eq!(realm.does(4, role("cat", GroupRole::Moderator)), Code::NotMember.into());
        assert_eq!(realm.does(1, role("dan", GroupRole::Moderator)), Code::NotMember.into());
        assert_eq!(realm.does(1, role("x", GroupRole::Moderator)), Code::UserNotFound.into());
        assert_eq!(realm.does(5, role("cat", GroupRole::Moderator)), Outcome::Done);
        assert_eq!(realm.does(1, role("bob", GroupRole::Member)), Outcome::Done);
        assert_eq!(roles(&realm), [Some("owner"), Some("member"), Some("moderator"), None]);
        let Outcome::Conversations { all, .. } = realm.does(3, ListConversations::default()) else {
            panic!("no list")
        };
        assert_eq!(all[0].role, Some(GroupRole::Moderator));
    }

    #[test]
    fn who_hands_a_group_over_is_a_moderator_in_it() {
        let mut realm = staffed();
        for role in [role("amy", GroupRole::Member), role("amy", GroupRole::Moderator)] {
            assert_eq!(realm.does(1, role), Code::Forbidden.into());
        }
        assert_eq!(realm.does(1, role("amy", GroupRole::Owner)), Outcome::Done);
        let from = realm.cursor(3);
        assert_eq!(realm.does(1, role("cat", GroupRole::Owner)), Outcome::Done);
        assert_eq!(roles(&realm), [Some("moderator"), Some("moderator"), Some("owner"), None]);
        assert_eq!(realm.does(1, role("bob", GroupRole::Member)), Code::Forbidden.into());
        let told = ["role #staff cat owner by amy", "role #staff amy moderator by amy"];
        assert_eq!(realm.group_news(3, from), told);
        // An administrator may take it from its owner.
        assert_eq!(realm.does(5, role("bob", GroupRole::Owner)), Outcome::Done);
        assert_eq!(roles(&realm), [Some("moderator"), Some("owner"), Some("moderator"), None]);
    }

    #[test]
    fn who_is_made_a_moderator_or_the_owner_may_write_again() {
        let mut realm = staffed();
        let silence =
            |user: &str| SilenceMember { group: "staff".into(), user: user.into(), minutes: None };
        realm.does(1, silence("cat"));
        let from = realm.cursor(3);
        realm.does(1, role("cat", GroupRole::Moderator));
        let told = ["role #staff cat moderator by amy", "silenced #staff cat Ended by amy"];
        assert_eq!(realm.group_news(3, from), told);
        realm.does(1, silence("bob"));
        realm.does(1, role("bob", GroupRole::Owner));
        assert!(realm.state.durable.silences.is_empty());
    }

    #[test]
    fn who_inherits_a_group_is_told() {
        let mut realm = staffed();
        let from = realm.cursor(3);
        realm.does(1, LeaveGroup { group: "staff".into() });
        assert_eq!(roles(&realm), [None, Some("owner"), Some("member"), None]);
        let told = ["left #staff amy by amy", "role #staff bob owner by amy"];
        assert_eq!(realm.group_news(3, from), told);
    }
}
