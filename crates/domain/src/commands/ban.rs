//! Who may not join a group.

use crate::{
    AccountId, Answer, Change, ChangeList, Event, GroupId, Interrupt, MemberChange, Membership,
    Outcome, RequestContext, Word,
};
use antar_types::Code;
use std::sync::Arc;

/// Keeps a user out of a group: a member is taken out of it, and nobody may put them in.
#[derive(Clone, Debug)]
pub struct Ban {
    /// The group.
    pub group: Word,
    /// The user.
    pub user: Word,
}

/// Lets a user join a group again.
#[derive(Clone, Debug)]
pub struct Unban {
    /// The group.
    pub group: Word,
    /// The user.
    pub user: Word,
}

/// Asks who may not join a group, in the order in which their accounts were made.
#[derive(Clone, Debug)]
pub struct ListBans {
    /// The group.
    pub group: Word,
}

impl ListBans {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, _) = cx.group_to_moderate(&self.group)?;
        let all = (id, AccountId(0))..=(id, AccountId(u64::MAX));
        let banned = cx.state.durable.bans.range(all);
        let names = banned.filter_map(|(_, user)| cx.state.durable.member_name(*user));
        Ok(Outcome::Names(names.map(Arc::from).collect()).into())
    }
}

impl Ban {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_moderate(&self.group)?;
        let user = cx.person(&self.user)?;
        let is_in = group.members.contains_key(&user);
        cx.expect_below(id, user)?;
        let bans = &cx.state.durable.bans;
        if bans.contains(&(id, user)) {
            return Ok(Outcome::Done.into());
        }
        let all = bans.range((id, AccountId(0))..=(id, AccountId(u64::MAX)));
        if all.count() >= cx.state.limits.members_per_group {
            return Err(Code::LimitReached.into());
        }
        cx.emit(Event::Banned(id, user))?;
        match is_in {
            true => cx.remove_member(id, Membership::Banned, (user, me))?,
            false => cx.tell_banned(id, (user, me))?,
        }
        Ok(Outcome::Done.into())
    }
}

impl Unban {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, _) = cx.group_to_moderate(&self.group)?;
        let user = cx.person(&self.user)?;
        if cx.state.durable.bans.contains(&(id, user)) {
            cx.emit(Event::Unbanned(id, user))?;
            cx.forget_guest(user)?;
        }
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// Tells a group's members that somebody was banned who was not one of them, and is told nothing.
    fn tell_banned(
        &mut self,
        group: GroupId,
        (user, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        let shown = self.state.durable.group_shown(group).ok_or(Code::GroupNotFound)?;
        self.tell_member(group, Membership::Banned, (user, by))?;
        let (user, by) = (self.doer(user), self.doer(by));
        let (user, by) = (user.ok_or(Code::UserNotFound)?, by.ok_or(Code::NoSession)?);
        let (group_name, what) = (shown, Membership::Banned);
        let change = Change::Member(MemberChange { group: group_name, what, user, by });
        self.change(ChangeList::Group(group), change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupRole;
    use crate::commands::{GroupInbox, Invite, JoinGroup, Kick, RemoveUser, SetRole};
    use crate::testing::{Realm, staffed};
    use antar_types::Secret;

    fn ban(user: &str) -> Ban {
        Ban { group: "staff".into(), user: user.into() }
    }

    fn unban(user: &str) -> Unban {
        Unban { group: "staff".into(), user: user.into() }
    }

    fn join(realm: &mut Realm, conn: u64) -> Outcome {
        let password = Some(Secret::new("pw".into()));
        realm.does(conn, JoinGroup { group: "staff".into(), password })
    }

    #[test]
    fn who_is_banned_is_out_and_stays_out() {
        let mut realm = staffed();
        assert_eq!(realm.does(3, ban("bob")), Code::Forbidden.into());
        assert_eq!(realm.does(4, ban("bob")), Code::NotMember.into());
        assert_eq!(realm.does(2, ban("x")), Code::UserNotFound.into());
        let (member, banned) = (realm.cursor(1), realm.cursor(3));
        assert_eq!(realm.does(2, ban("Cat")), Outcome::Done);
        assert_eq!(realm.does(2, ban("cat")), Outcome::Done);
        let told = ["banned #staff cat by bob"];
        assert_eq!(
            (realm.group_news(1, member), realm.group_news(3, banned)),
            (told.map(String::from).into(), told.map(String::from).into())
        );
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert_eq!(realm.does(3, inbox), Code::NotMember.into());
        assert_eq!(join(&mut realm, 3), Code::Banned.into());
        let invite = Invite { group: "staff".into(), user: "cat".into() };
        assert_eq!(realm.does(1, invite.clone()), Code::Banned.into());
        assert_eq!(realm.does(3, unban("cat")), Code::NotMember.into());
        assert_eq!(realm.does(2, unban("cat")), Outcome::Done);
        assert_eq!(realm.does(2, unban("cat")), Outcome::Done);
        assert_eq!(join(&mut realm, 3), Outcome::Done);
        // One may be banned who never was in it, and is told nothing.
        let (member, banned) = (realm.cursor(1), realm.cursor(4));
        assert_eq!(realm.does(2, ban("dan")), Outcome::Done);
        assert_eq!(realm.group_news(1, member), ["banned #staff dan by bob"]);
        assert!(realm.group_news(4, banned).is_empty());
        assert_eq!(join(&mut realm, 4), Code::Banned.into());
    }

    #[test]
    fn moderators_act_against_neither_the_owner_nor_each_other() {
        let mut realm = staffed();
        let role = GroupRole::Moderator;
        realm.does(1, SetRole { group: "staff".into(), user: "cat".into(), role });
        for user in ["amy", "bob", "cat"] {
            assert_eq!(realm.does(2, ban(user)), Code::Forbidden.into(), "{user}");
            let kick = Kick { group: "staff".into(), user: user.into() };
            assert_eq!(realm.does(2, kick), Code::Forbidden.into(), "{user}");
        }
        for conn in [1, 5] {
            assert_eq!(realm.does(conn, ban("amy")), Code::Forbidden.into());
        }
        assert_eq!(realm.does(1, ban("bob")), Outcome::Done);
        assert_eq!(realm.does(5, ban("cat")), Outcome::Done);
    }

    #[test]
    fn as_many_are_banned_as_may_be_members_and_who_is_removed_is_forgotten() {
        let mut realm = staffed();
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.does(1, ban("cat")), Outcome::Done);
        assert_eq!(realm.does(1, ban("dan")), Code::LimitReached.into());
        realm.operator_does(RemoveUser { user: "cat".into() });
        assert!(realm.state.durable.bans.is_empty());
        assert_eq!(realm.does(1, ban("dan")), Outcome::Done);
    }
}
