//! A user's way out of a group that others choose.

use crate::{Answer, Interrupt, Membership, Outcome, RequestContext, Word};
use antar_types::Code;

/// Takes a member out of a group. The owner stays in it, whoever asks, and moderators do, unless the owner or an
/// administrator asks.
#[derive(Clone, Debug)]
pub struct Kick {
    /// The group.
    pub group: Word,
    /// The member.
    pub user: Word,
}

impl Kick {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_moderate(&self.group)?;
        let user = cx.person(&self.user)?;
        if !group.members.contains_key(&user) {
            return Err(Code::NotMember.into());
        }
        cx.expect_below(id, user)?;
        cx.remove_member(id, Membership::Kicked, (user, me))?;
        cx.forget_guest(user)?;
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        AddUser, Destination, GroupInbox, JoinGroup, Role, SendToGroup, Since, Sync, Watch,
    };
    use crate::testing::{Realm, group};
    use crate::{Told, ToldAt};
    use antar_types::Secret;

    fn kick(group: &str, user: &str) -> Kick {
        Kick { group: group.into(), user: user.into() }
    }

    /// A realm where amy owns a group that bob and cat are in; dan and the administrator eve are not.
    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob", "cat", "dan"]);
        let (user, role, password) = ("eve".into(), Some(Role::Admin), Secret::new("pw".into()));
        realm.operator_does(AddUser { user, role, password });
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat"), (4, "dan"), (5, "eve")] {
            realm.login(conn, user);
        }
        realm.does(1, group("staff"));
        let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
        assert_eq!(realm.does(2, join.clone()), Outcome::Done);
        assert_eq!(realm.does(3, join), Outcome::Done);
        realm
    }

    fn shown(told: &Told) -> String {
        match told {
            Told::Member(change) => {
                let (what, group) = (change.what.as_str(), &*change.group);
                format!("{what} #{group} {} by {}", change.user, change.by)
            }
            other => panic!("{other:?}"),
        }
    }

    fn live(realm: &mut Realm, conn: u64) -> Vec<String> {
        let told = realm.changes(conn).into_iter();
        told.map(|at| at.map(|at| shown(&ToldAt::clone(&at).told)).unwrap()).collect()
    }

    #[test]
    fn the_owner_and_administrators_take_members_out() {
        let mut realm = realm();
        assert_eq!(realm.does(1, kick("none", "bob")), Code::GroupNotFound.into());
        assert_eq!(realm.does(1, kick("staff", "nobody")), Code::UserNotFound.into());
        assert_eq!(realm.does(1, kick("staff", "dan")), Code::NotMember.into());
        assert_eq!(realm.does(4, kick("staff", "bob")), Code::NotMember.into());
        for user in ["amy", "bob", "cat"] {
            assert_eq!(realm.does(2, kick("staff", user)), Code::Forbidden.into(), "{user}");
        }
        for conn in [1, 5] {
            assert_eq!(realm.does(conn, kick("staff", "amy")), Code::Forbidden.into());
        }
        assert_eq!(realm.does(1, kick("Staff", "Bob")), Outcome::Done);
        assert_eq!(realm.does(1, kick("staff", "bob")), Code::NotMember.into());
        assert_eq!(realm.does(5, kick("staff", "cat")), Outcome::Done);
    }

    #[test]
    fn who_was_kicked_neither_reads_nor_writes_and_may_come_back() {
        let mut realm = realm();
        let send = || SendToGroup { to: Destination::NamedOrCurrent("hello".into()) };
        assert!(realm.does(2, send()).refusal().is_none());
        realm.does(1, kick("staff", "bob"));
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert_eq!(realm.does(2, inbox), Code::NotMember.into());
        assert_eq!(realm.does(2, send()), Code::NoGroup.into());
        let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
        assert_eq!(realm.does(2, join), Outcome::Done);
    }

    #[test]
    fn members_and_who_was_kicked_are_told_once() {
        let mut realm = realm();
        let Outcome::InStep(start) = realm.does(2, Sync::default()) else { panic!("a cursor") };
        for conn in [1, 2, 4] {
            realm.does(conn, Watch { after: Some(Since::Now) });
        }
        realm.does(5, kick("staff", "bob"));
        let of_bob = ["kicked #staff bob by eve"];
        assert_eq!(live(&mut realm, 1), of_bob);
        assert_eq!(live(&mut realm, 2), of_bob);
        realm.does(1, kick("staff", "cat"));
        assert_eq!(live(&mut realm, 1), ["kicked #staff cat by amy"]);
        assert!(live(&mut realm, 2).is_empty() && live(&mut realm, 4).is_empty());
        match realm.does(2, Sync { after: Some(Some(start)), limit: 9 }) {
            Outcome::Changes { all, .. } => {
                assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), of_bob);
            }
            other => panic!("{other:?}"),
        }
    }
}
