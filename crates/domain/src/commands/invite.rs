//! A user's way into a group that others choose.

use crate::{Answer, Interrupt, Outcome, RequestContext, Word};
use antar_types::Code;

/// Puts a user into a group, who need not know its password.
#[derive(Clone, Debug)]
pub struct Invite {
    /// The group.
    pub group: Word,
    /// The user.
    pub user: Word,
}

impl Invite {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_moderate(&self.group)?;
        let (user, _) = cx.user(&self.user)?;
        if group.members.contains_key(&user) {
            return Err(Code::AlreadyMember.into());
        }
        cx.add_member(id, (user, me))?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Told;
    use crate::commands::{
        AddUser, Destination, GroupInbox, LeaveGroup, ListMembers, Role, SendToGroup, Sync,
    };
    use crate::testing::{Realm, group};
    use antar_types::Secret;

    fn invite(group: &str, user: &str) -> Invite {
        Invite { group: group.into(), user: user.into() }
    }

    /// A realm where amy owns a group; the administrator eve is not in it.
    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        let (user, role, password) = ("eve".into(), Some(Role::Admin), Secret::new("pw".into()));
        realm.operator_does(AddUser { user, role, password });
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat"), (5, "eve")] {
            realm.login(conn, user);
        }
        realm.does(1, group("staff"));
        realm
    }

    #[test]
    fn the_owner_and_administrators_put_users_in() {
        let mut realm = realm();
        assert_eq!(realm.does(1, invite("none", "bob")), Code::GroupNotFound.into());
        assert_eq!(realm.does(1, invite("staff", "nobody")), Code::UserNotFound.into());
        assert_eq!(realm.does(1, invite("staff", "amy")), Code::AlreadyMember.into());
        assert_eq!(realm.does(2, invite("staff", "bob")), Code::NotMember.into());
        assert_eq!(realm.does(1, invite("Staff", "Bob")), Outcome::Done);
        assert_eq!(realm.does(2, invite("staff", "cat")), Code::Forbidden.into());
        assert_eq!(realm.does(5, invite("staff", "cat")), Outcome::Done);
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert!(realm.reads(3, inbox).is_empty());
    }

    #[test]
    fn a_full_group_takes_nobody_and_who_is_in_many_joins_none() {
        let mut realm = realm();
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.does(1, invite("staff", "bob")), Code::LimitReached.into());
        realm.state.limits.members_per_group = 9;
        // Whose groups count are the one's who is put in, not those of who does it.
        realm.does(2, group("bobs"));
        realm.state.limits.groups_per_user = 1;
        assert_eq!(realm.does(1, invite("staff", "bob")), Code::LimitReached.into());
        assert_eq!(realm.does(1, invite("staff", "cat")), Outcome::Done);
    }

    #[test]
    fn who_is_put_in_is_told_by_whom_and_their_current_group_stays() {
        let mut realm = realm();
        realm.does(2, group("bobs"));
        let Outcome::InStep(start) = realm.does(2, Sync::default()) else { panic!("a cursor") };
        realm.does(1, invite("staff", "bob"));
        match realm.does(2, Sync { after: Some(Some(start)), limit: 9 }) {
            Outcome::Changes { all, .. } => match &all[..] {
                [Told::Member(change)] => {
                    assert_eq!((change.what.as_str(), &*change.group), ("joined", "staff"));
                    assert_eq!((&*change.user, &*change.by), ("bob", "amy"));
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
        realm.does(2, SendToGroup { to: Destination::NamedOrCurrent("hello".into()) });
        let inbox = GroupInbox { group: "bobs".into(), page: Default::default() };
        assert_eq!(realm.reads(2, inbox), ["hello"]);
    }

    #[test]
    fn who_is_put_into_an_empty_group_owns_it() {
        let mut realm = realm();
        realm.does(1, LeaveGroup { group: "staff".into() });
        assert_eq!(realm.does(1, invite("staff", "bob")), Code::NotMember.into());
        assert_eq!(realm.does(5, invite("staff", "bob")), Outcome::Done);
        let members = realm.does(2, ListMembers { group: "staff".into() });
        assert!(matches!(members, Outcome::Members { owner: Some(owner), .. } if &*owner == "bob"));
    }
}
