//! The members of a group.

use crate::{Answer, Interrupt, Outcome, RequestContext, Word};
use antar_types::Code;

/// Asks for a group's members, in the order in which they joined, its owner and its moderators. Members are told only, and
/// who administers the realm.
#[derive(Clone, Debug)]
pub struct ListMembers {
    /// The group.
    pub group: Word,
}

impl ListMembers {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (id, group) = cx.group(&self.group)?;
        if !group.members.contains_key(&cx.actor()?) && !cx.is_admin() {
            return Err(Code::NotMember.into());
        }
        let owner = group.record.owner.and_then(|id| cx.state.durable.member_name(id));
        let (names, moderators) = (cx.state.members(id), cx.state.moderators(id));
        Ok(Outcome::Members { names, owner, moderators }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{JoinGroup, LeaveGroup};
    use crate::testing::{Realm, group};
    use antar_types::Secret;
    use std::sync::Arc;

    #[test]
    fn members_only() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, group("staff"));
        let list = ListMembers { group: "staff".into() };
        assert_eq!(realm.does(1, list.clone()), Code::NotMember.into());
        realm
            .does(1, JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) });
        let (bob, owner) = (Arc::from("bob"), Some(Box::from("bob")));
        let both = [Arc::clone(&bob), "amy".into()].into();
        let moderators = antar_types::List::default;
        let told = Outcome::Members { names: both, owner: owner.clone(), moderators: moderators() };
        assert_eq!(realm.does(1, list.clone()), told);
        realm.does(1, LeaveGroup { group: "staff".into() });
        let told = Outcome::Members { names: [bob].into(), owner, moderators: moderators() };
        assert_eq!(realm.does(2, list), told);
        let none = ListMembers { group: "none".into() };
        assert_eq!(realm.does(1, none), Code::GroupNotFound.into());
    }
}
