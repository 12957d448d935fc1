//! Who may do what in a group.

use super::State;
use crate::{AccountId, GroupId, GroupRole};

/// Stands for the realm's operator where somebody acts on a group: no account has this number.
pub(crate) const OPERATOR: AccountId = AccountId(0);

/// How members of a group are told that it was the operator: no user has such a name.
pub(crate) const OPERATOR_SHOWN: &str = "@operator";

impl State {
    /// What a user is in a group; `None` where the user is not in it.
    pub(crate) fn role(&self, group: GroupId, account: AccountId) -> Option<GroupRole> {
        self.durable.groups.get(&group)?.role(account)
    }

    /// Whether a user may do all that a group's owner may: as its owner, or as an administrator of the realm. The
    /// operator may.
    pub(crate) fn may_run(&self, group: GroupId, account: AccountId) -> bool {
        let administers =
            self.durable.accounts.get(&account).is_some_and(|known| known.record.admin);
        // What is decided elsewhere nobody here decides.
        let is_copy = self.durable.groups.get(&group).is_some_and(|g| g.record.home.is_some());
        (account == OPERATOR || administers) && !is_copy
            || self.role(group, account) == Some(GroupRole::Owner)
    }

    /// Whether a user may keep order in a group: as its owner or moderator, or as an administrator of the realm.
    pub(crate) fn may_moderate(&self, group: GroupId, account: AccountId) -> bool {
        self.may_run(group, account) || self.role(group, account) == Some(GroupRole::Moderator)
    }

    /// Whether a user may keep order in a group where it concerns another user, who need not be in it. Moderators
    /// may not, where that is the owner or one of them.
    pub(crate) fn may_moderate_user(
        &self,
        group: GroupId,
        account: AccountId,
        other: AccountId,
    ) -> bool {
        let is_above =
            matches!(self.role(group, other), Some(GroupRole::Owner | GroupRole::Moderator));
        self.may_run(group, account) || self.may_moderate(group, account) && !is_above
    }
}
