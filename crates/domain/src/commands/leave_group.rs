//! A user's way out of a group.

use crate::{Answer, Interrupt, Membership, Outcome, RequestContext, Word};
use antar_types::Code;

/// Leaves a group. The member of longest standing inherits it.
#[derive(Clone, Debug)]
pub struct LeaveGroup {
    /// The group.
    pub group: Word,
}

impl LeaveGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let (id, group) = cx.group(&self.group)?;
        if !group.members.contains_key(&me) {
            return Err(Code::NotMember.into());
        }
        cx.expect_to_tell_host(id, me)?;
        cx.remove_member(id, Membership::Left, (me, me))?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Destination, GroupInbox, JoinGroup, ListMembers, SendToGroup};
    use crate::testing::{Realm, group};
    use antar_types::Secret;

    fn leave() -> LeaveGroup {
        LeaveGroup { group: "staff".into() }
    }

    fn join(realm: &mut Realm, conn: u64) {
        let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
        assert_eq!(realm.does(conn, join), Outcome::Done);
    }

    #[track_caller]
    fn owner(realm: &mut Realm, conn: u64) -> String {
        match realm.does(conn, ListMembers { group: "staff".into() }) {
            Outcome::Members { owner: Some(owner), .. } => owner.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_member_of_longest_standing_inherits() {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat")] {
            realm.login(conn, user);
        }
        realm.does(1, group("staff"));
        join(&mut realm, 3);
        join(&mut realm, 2);
        assert_eq!(realm.does(1, leave()), Outcome::Done);
        assert_eq!(owner(&mut realm, 2), "cat");
        assert_eq!(realm.does(1, leave()), Code::NotMember.into());
        // The current group is cleared with the membership.
        let send = SendToGroup { to: Destination::NamedOrCurrent("hello".into()) };
        assert_eq!(realm.does(1, send), Code::NoGroup.into());
    }

    #[test]
    fn a_group_nobody_is_left_in_belongs_to_the_next_who_joins() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        realm.does(1, SendToGroup { to: Destination::NamedOrCurrent("kept".into()) });
        realm.does(1, leave());
        join(&mut realm, 2);
        assert_eq!(owner(&mut realm, 2), "bob");
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert_eq!(realm.reads(2, inbox), ["kept"]);
    }
}
