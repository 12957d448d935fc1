//! The groups of this realm.

use crate::{Answer, Interrupt, Outcome, RequestContext};

/// Asks for the groups that there are.
#[derive(Clone, Copy, Debug)]
pub struct ListGroups {
    /// The members as well, of those groups that the caller is in.
    pub with_members: bool,
}

impl ListGroups {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let groups = cx.state.groups();
        if !self.with_members {
            return Ok(Outcome::Names(groups.names).into());
        }
        // Who is in a group is its members' business, as in `ListMembers`.
        let mine = cx.my_account()?.groups.clone();
        let of = |id| Some((groups.place(id)?, cx.state.members(id)));
        let members = mine.into_iter().filter_map(of).collect();
        Ok(Outcome::Groups { names: groups.names, members }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Realm, group};
    use std::sync::Arc;

    #[test]
    fn members_are_shown_to_members() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, group("Ops"));
        realm.does(1, group("Staff"));
        let names: antar_types::List = [Arc::from("Ops"), "Staff".into()].into();
        let plain = ListGroups { with_members: false };
        assert_eq!(realm.does(1, plain), Outcome::Names(names.clone()));
        let members = vec![(1, [Arc::from("amy")].into())];
        let all = ListGroups { with_members: true };
        assert_eq!(realm.does(1, all), Outcome::Groups { names, members });
    }
}
