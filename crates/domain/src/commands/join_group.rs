//! A user's way into a group.

use crate::{
    AccountId, Answer, Event, GroupId, GroupRecord, Interrupt, Marker, Membership, Outcome,
    RequestContext, Word,
};
use antar_types::{Code, Secret};

/// Joins a group with its password. Who joins an empty one owns it.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    /// The group.
    pub group: Word,
    /// The group's password.
    pub password: Secret<String>,
}

impl JoinGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let (id, group) = cx.group(&self.group)?;
        if group.members.contains_key(&me) {
            return Err(Code::AlreadyMember.into());
        }
        let (record, members) = (group.record.clone(), group.members.len());
        let subject = format!("group {}", &*record.name.folded());
        if !cx.verify(self.password.expose(), Some(&record.password), subject, Some(me))? {
            return Err(Code::WrongPassword.into());
        }
        let limits = &cx.state.limits;
        let full = members >= limits.members_per_group
            || cx.my_account()?.groups.len() >= limits.groups_per_user;
        if full {
            return Err(Code::LimitReached.into());
        }
        let since = cx.next_id();
        cx.emit(Event::MemberAdded(id, me, since))?;
        if record.owner.is_none() {
            cx.emit(Event::GroupSet(id, GroupRecord { owner: Some(me), ..record }))?;
        }
        cx.member_changed(id, Membership::Joined, (me, me))?;
        cx.has_read_all_of(id, me)?;
        cx.set_current_group(id);
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// Who joins a group has read what was said in it before.
    fn has_read_all_of(&mut self, group: GroupId, account: AccountId) -> Result<(), Code> {
        let conversations = &self.state.durable.conversations;
        let all = conversations.of_group(group).map(|each| (each, conversations.tip(each)));
        let all: Vec<_> = all.filter(|(_, tip)| tip.id > 0).collect();
        all.into_iter().try_for_each(|(conversation, tip)| {
            let marker = Marker::at(tip);
            self.emit(Event::MarkerSet { account, conversation, marker })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Realm, group};

    fn join(group: &str, password: &str) -> JoinGroup {
        JoinGroup { group: group.into(), password: Secret::new(password.into()) }
    }

    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        realm
    }

    #[test]
    fn joins_once_with_the_password() {
        let mut realm = realm();
        assert_eq!(realm.does(2, join("none", "x")), Code::GroupNotFound.into());
        assert_eq!(realm.does(2, join("staff", "x")), Code::WrongPassword.into());
        assert_eq!(realm.does(2, join("Staff", "pw")), Outcome::Done);
        assert_eq!(realm.does(2, join("staff", "x")), Code::AlreadyMember.into());
    }

    #[test]
    fn a_full_group_takes_nobody() {
        let mut realm = realm();
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.does(2, join("staff", "pw")), Code::LimitReached.into());
    }
}
