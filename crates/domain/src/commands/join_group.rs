//! A user's way into a group.

use crate::{AccountId, Answer, GroupEntry, GroupRecord, Interrupt, Outcome, RequestContext, Word};
use antar_types::{Code, Secret};

/// Joins a group, with its password unless it is open; not one that takes only who is put into it. Who joins an
/// empty one owns it.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    /// The group.
    pub group: Word,
    /// The group's password. One that is given to an open group is not looked at.
    pub password: Option<Secret<String>>,
}

impl JoinGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if let (group, Some(realm)) = cx.split_realm(&self.group) {
            return cx.join_elsewhere((group, realm), self.password.as_ref());
        }
        let me = cx.me()?;
        let (id, group) = cx.any_group(&self.group)?;
        if group.members.contains_key(&me) {
            return Err(Code::AlreadyMember.into());
        }
        // Who does not know the password of a group that is not listed is told nothing of it.
        let is_shown = cx.is_shown(group);
        let refused = |code| if is_shown { code } else { Code::GroupNotFound };
        let record = group.record.clone();
        if is_shown && cx.state.durable.bans.contains(&(id, me)) {
            return Err(Code::Banned.into());
        }
        let subject = format!("group {}", &*record.name.folded());
        cx.expect_entry(&record, self.password.as_ref(), (subject, Some(me)), refused)?;
        cx.add_member(id, (me, me))?;
        cx.set_current_group(id);
        Ok(Outcome::Done.into())
    }
}

impl RequestContext<'_> {
    /// Whether somebody may come into a group by what it asks of those who do. Failed passwords are counted for the
    /// subject.
    pub(crate) fn expect_entry(
        &mut self,
        group: &GroupRecord,
        password: Option<&Secret<String>>,
        (subject, account): (String, Option<AccountId>),
        refused: impl Fn(Code) -> Code,
    ) -> Result<(), Interrupt> {
        match group.entry {
            GroupEntry::Open => Ok(()),
            GroupEntry::Invite => Err(refused(Code::InviteOnly).into()),
            GroupEntry::Password => {
                let given = password.ok_or(refused(Code::WrongPassword))?;
                match self.verify(given.expose(), Some(&group.password), subject, account)? {
                    true => Ok(()),
                    false => Err(refused(Code::WrongPassword).into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{CreateGroup, LeaveGroup};
    use crate::testing::{Realm, group};

    fn join(group: &str, password: &str) -> JoinGroup {
        JoinGroup { group: group.into(), password: Some(Secret::new(password.into())) }
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
    fn an_open_group_asks_for_no_password_and_any_other_does() {
        let mut realm = realm();
        realm.does(1, CreateGroup { group: "lobby".into(), password: None });
        let open = |group: &str| JoinGroup { group: group.into(), password: None };
        assert_eq!(realm.does(2, open("staff")), Code::WrongPassword.into());
        assert_eq!(realm.does(2, join("staff", "")), Code::WrongPassword.into());
        assert_eq!(realm.does(2, open("lobby")), Outcome::Done);
        realm.does(2, LeaveGroup { group: "lobby".into() });
        assert_eq!(realm.does(2, join("lobby", "anything")), Outcome::Done);
        realm.state.limits.members_per_group = 2;
        realm.add_user("cat");
        realm.login(3, "cat");
        assert_eq!(realm.does(3, open("lobby")), Code::LimitReached.into());
    }

    #[test]
    fn a_full_group_takes_nobody() {
        let mut realm = realm();
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.does(2, join("staff", "pw")), Code::LimitReached.into());
    }
}
