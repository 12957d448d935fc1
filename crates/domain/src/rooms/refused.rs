//! Realms with which there are no rooms, since who administers this one does not want any.

use crate::state::OPERATOR;
use crate::{AccountId, Context, GroupId, Membership, PeerId, RoomRealms};
use antar_types::{Code, Name};

impl Context<'_> {
    /// Whether there are to be no rooms with a realm.
    pub(crate) fn refuses_rooms_with(&self, realm: &Name) -> bool {
        self.state.policy.refused_rooms.admits(realm)
    }

    /// Ends rooms with realms that are refused by now, one each time.
    pub(crate) fn end_refused_room(&mut self) -> Result<(), Code> {
        if self.state.policy.refused_rooms == RoomRealms::None {
            return Ok(());
        }
        let peers = self.state.durable.peers.iter();
        let refused = peers.filter(|(_, peer)| self.refuses_rooms_with(&peer.record.name));
        let refused: Vec<PeerId> = refused.map(|(peer, _)| *peer).collect();
        for peer in refused {
            let durable = &self.state.durable;
            if let Some(group) = durable.guests.rooms(peer).into_iter().find(|g| !self.is_copy(*g))
            {
                return self.expel_realm(group, peer);
            }
            let copies: Vec<GroupId> = durable.copies.of_peer(peer).collect();
            for copy in copies {
                let by = OPERATOR;
                let mut members = self.own_members(copy).into_iter().peekable();
                if members.peek().is_some() {
                    return members
                        .try_for_each(|id| self.remove_member(copy, Membership::Left, (id, by)));
                }
            }
        }
        Ok(())
    }

    /// The accounts of this realm that are in a group.
    pub(super) fn own_members(&self, group: GroupId) -> Vec<AccountId> {
        let members = self.state.durable.groups.get(&group).map(|group| group.members.keys());
        let own = |id: &AccountId| self.account(*id).is_some();
        members.into_iter().flatten().copied().filter(own).collect()
    }
}
