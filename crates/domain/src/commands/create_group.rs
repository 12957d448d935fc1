//! A new group.

use crate::{
    Answer, Event, GroupId, GroupRecord, Interrupt, Member, Membership, Outcome, PasswordHash,
    RequestContext, Word,
};
use antar_types::{Code, Secret};

/// Makes a group, whose owner and first member is the caller.
#[derive(Clone, Debug)]
pub struct CreateGroup {
    /// The group's name.
    pub group: Word,
    /// The password with which others join; without one anybody joins.
    pub password: Option<Secret<String>>,
}

impl CreateGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let name = cx.new_name(&self.group)?;
        if cx.any_group(name.as_str()).is_ok() {
            return Err(Code::GroupExists.into());
        }
        let (limit, account) = (cx.state.limits.groups_per_user, cx.my_account()?);
        if account.groups.len() >= limit || account.created >= limit {
            return Err(Code::LimitReached.into());
        }
        let password = match &self.password {
            Some(password) => cx.hash(password.expose())?,
            None => PasswordHash::NONE,
        };
        let (group, created) = (GroupId(cx.next_id()), cx.readings.now);
        let record = GroupRecord::new(name.clone(), password, me, created);
        cx.emit(Event::GroupSet(group, record))?;
        cx.take_group_name(group, &name)?;
        let member = Member { since: cx.next_id(), moderator: false };
        cx.emit(Event::MemberSet(group, me, member))?;
        cx.member_changed(group, Membership::Joined, (me, me))?;
        cx.set_current_group(group);
        Ok(Outcome::Done.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome;
    use crate::testing::{Realm, group};
    use antar_types::Code;

    #[test]
    fn makes_a_group_once_and_so_many() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        assert_eq!(realm.does(1, group("staff")), Outcome::Done);
        assert_eq!(realm.does(1, group("ops")), Outcome::Done);
        assert_eq!(realm.does(1, group("STAFF")), Code::GroupExists.into());
        assert_eq!(realm.does(1, group("~x")), Code::BadName.into());
        realm.state.limits.groups_per_user = 2;
        assert_eq!(realm.does(1, group("third")), Code::LimitReached.into());
    }
}
