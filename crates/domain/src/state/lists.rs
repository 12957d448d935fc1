//! Lists that many ask for.

use super::durable::{Durable, Group};
use crate::links::PeerStatus;
use crate::{AccountId, Event, GroupId, GroupRole};
use antar_types::List;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of groups and of their members: made when somebody asks, shared by all replies, and made
/// anew after a change. Who asks over and over, and does not read, costs next to nothing.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    groups: Option<Groups>,
    members: BTreeMap<GroupId, List>,
    moderators: BTreeMap<GroupId, List>,
    /// How it stood with links when somebody last asked.
    peers: Arc<[PeerStatus]>,
}

/// All groups that are listed, in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    ids: Arc<[GroupId]>,
    pub names: List,
}

impl Groups {
    /// Where a group is among them.
    pub fn place(&self, group: GroupId) -> Option<usize> {
        self.ids.binary_search(&group).ok()
    }
}

impl Lists {
    /// Forgets what an event changes.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::GroupSet(group, _) => {
                self.groups = None;
                // It may have another owner.
                self.moderators.remove(group);
            }
            Event::MemberSet(group, ..) | Event::MemberRemoved(group, _) => {
                self.members.remove(group);
                self.moderators.remove(group);
            }
            // A guest may be called otherwise.
            Event::GuestSet(..) => self.members.clear(),
            Event::GroupClosed(group, _) => {
                self.groups = None;
                self.members.remove(group);
                self.moderators.remove(group);
            }
            Event::Received { events, .. } => events.iter().for_each(|event| self.apply(event)),
            _ => {}
        }
    }

    /// How it stands with links: shared with those who were told just that before.
    pub fn peers(&mut self, peers: Vec<PeerStatus>) -> Arc<[PeerStatus]> {
        if *self.peers != *peers {
            self.peers = peers.into();
        }
        self.peers.clone()
    }

    pub fn groups(&mut self, durable: &Durable) -> Groups {
        let is_listed = |group: &Group| group.record.listed && group.record.home.is_none();
        let listed = || durable.groups.iter().filter(|(_, group)| is_listed(group));
        let make = || Groups {
            ids: listed().map(|(id, _)| *id).collect(),
            names: listed().map(|(_, group)| group.record.name.shared()).collect(),
        };
        self.groups.get_or_insert_with(make).clone()
    }

    /// A group's members, in the order they joined.
    pub fn members(&mut self, durable: &Durable, group: GroupId) -> List {
        let make = || names(durable, group, |_| true);
        self.members.entry(group).or_insert_with(make).clone()
    }

    /// Those of them who are moderators.
    pub fn moderators(&mut self, durable: &Durable, group: GroupId) -> List {
        let make = || names(durable, group, |role| role == GroupRole::Moderator);
        self.moderators.entry(group).or_insert_with(make).clone()
    }
}

/// The names of those in a group that have some role, in the order they joined.
fn names(durable: &Durable, group: GroupId, lists: impl Fn(GroupRole) -> bool) -> List {
    let Some(group) = durable.groups.get(&group) else { return List::default() };
    let mut members: Vec<_> = group.members.iter().collect();
    members.retain(|(id, _)| group.role(**id).is_some_and(&lists));
    members.sort_unstable_by_key(|(_, member)| member.since);
    let name = |id: &AccountId| match durable.accounts.get(id) {
        Some(account) => Some(account.record.name.shared()),
        None => durable.member_name(*id).map(Arc::from),
    };
    members.into_iter().filter_map(|(id, _)| name(id)).collect()
}

#[cfg(test)]
mod tests {
    use crate::Outcome;
    use crate::commands::{JoinGroup, LeaveGroup, ListPeers, SendRealm};
    use crate::testing::{Realm, group};
    use antar_types::Secret;
    use std::sync::Arc;

    #[test]
    fn a_list_is_shared_until_what_it_lists_changes() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        let id = realm.state.durable.group_named("staff").unwrap();
        let (members, groups) = (realm.state.members(id), realm.state.groups());
        assert!(Arc::ptr_eq(&members, &realm.state.members(id)));
        assert!(Arc::ptr_eq(&groups.names, &realm.state.groups().names));
        let password = Some(Secret::new("pw".into()));
        realm.does(2, JoinGroup { group: "staff".into(), password });
        assert_eq!(&*realm.state.members(id), [Arc::from("amy"), "bob".into()]);
        realm.does(2, group("other"));
        assert_eq!(&*realm.state.groups().names, [Arc::from("staff"), "other".into()]);
        realm.does(1, LeaveGroup { group: "staff".into() });
        assert_eq!(&*realm.state.members(id), [Arc::from("bob")]);
        // Who had one before keeps it.
        assert_eq!((&*members, groups.names.len()), (&[Arc::from("amy")][..], 1));
    }

    #[test]
    fn how_it_stands_with_links_is_shared_until_that_changes() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, ListPeers);
        let told = realm.state.lists.peers.clone();
        realm.does(1, ListPeers);
        assert!(Arc::ptr_eq(&told, &realm.state.lists.peers));
        let all = Outcome::Peers(told.clone()).memory();
        let many: Vec<Outcome> = (0..99).map(|_| Outcome::Peers(told.clone())).collect();
        assert!(many.iter().map(Outcome::memory).sum::<usize>() <= 2 * all);
        let (to, text) = ("bob".into(), "x".into());
        realm.does(1, SendRealm { realm: "beta".into(), to, text });
        realm.does(1, ListPeers);
        assert_eq!((told[0].owed, realm.state.lists.peers[0].owed), (0, 1));
    }
}
