//! How it stands with links.

use crate::links::{Link, LinkStatus, Peer, PeerRoom, PeerStatus, ROOMS_TOLD};
use crate::state::Durable;
use crate::{Answer, GroupId, Interrupt, Outcome, PeerId, RequestContext};
use antar_types::{Capabilities, Name, Time};
use std::collections::BTreeMap;

/// Asks for the linked realms and how it stands with each link. Who administers this one is told which groups have
/// members of both, listed or not.
#[derive(Clone, Copy, Debug)]
pub struct ListPeers;

impl ListPeers {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (state, now) = (&cx.state, cx.readings.now);
        let is_gone_here = |status| matches!(status, LinkStatus::Removed | LinkStatus::Former);
        let peers = state.durable.peers.iter().filter(|(_, p)| !is_gone_here(p.record.status));
        let none = Link::default();
        let mut rooms = match cx.is_admin() {
            true => rooms(&state.durable),
            false => BTreeMap::new(),
        };
        let described = peers.map(|(peer, known)| {
            let link = state.links.links.get(peer).unwrap_or(&none);
            let former = state.durable.formers(&known.record.name).cloned().collect();
            let conn = link.conn.and_then(|conn| state.links.conns.get(&conn));
            let can = conn.map_or(Capabilities::NONE, |conn| conn.can);
            let mut status = describe(known, link, can, former, now);
            status.rooms = rooms.remove(peer).unwrap_or_default();
            status.more_rooms = status.rooms.len().saturating_sub(ROOMS_TOLD);
            status.rooms.truncate(ROOMS_TOLD);
            status
        });
        let described = described.collect();
        Ok(Outcome::Peers(cx.state.peers(described)).into())
    }
}

/// The rooms of each realm: groups here that have members of it, and groups of it that have members here.
fn rooms(durable: &Durable) -> BTreeMap<PeerId, Vec<PeerRoom>> {
    let mut rooms: BTreeMap<PeerId, Vec<PeerRoom>> = BTreeMap::new();
    let mut add = |peer: PeerId, group: GroupId, members: usize| {
        let name = durable.group_shown(group);
        rooms.entry(peer).or_default().extend(name.map(|name| PeerRoom { name, members }));
    };
    let guests = &durable.guests;
    let is_copy = |group: GroupId| {
        durable.groups.get(&group).is_some_and(|known| known.record.home.is_some())
    };
    for (group, peers) in guests.by_group().filter(|(group, _)| !is_copy(*group)) {
        peers.iter().for_each(|(peer, members)| add(*peer, group, *members));
    }
    for (peer, group) in durable.copies.all() {
        let members = durable.groups.get(&group).map_or(0, |known| known.members.len());
        add(peer, group, members.saturating_sub(guests.told_of(group, peer)));
    }
    rooms
}

fn describe(
    peer: &Peer,
    link: &Link,
    can: Capabilities,
    former: Vec<Name>,
    now: Time,
) -> PeerStatus {
    let record = &peer.record;
    PeerStatus {
        name: record.name.clone(),
        address: record.address.clone(),
        state: link.state(record),
        since: if link.since > record.since { link.since } else { record.since },
        owed: peer.out.owed(),
        epoch: peer.followed.epoch(),
        cursor: peer.followed.cursor,
        sent: peer.out.delivered(),
        apart: peer.apart,
        can,
        asks: peer.is_asking(),
        calls_itself: link.calls_itself.clone(),
        told: peer.told.clone(),
        error: link.error.as_deref().map(Into::into),
        former,
        oldest: peer.out.oldest().map(|oldest| now.since(oldest).as_secs()),
        clock: link.clock,
        kind: record.kind.clone(),
        rooms: Vec::new(),
        more_rooms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Realm, group};
    use crate::{AccountId, Event, Guest, Member};

    #[test]
    fn rooms_of_a_link_are_told_up_to_a_number_and_counted_past_it() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        let durable = &mut realm.state.durable;
        let (peer, name) = (durable.peer_named("beta").unwrap(), Name::parse("zoe").unwrap());
        let record = durable.groups[&durable.group_named("staff").unwrap()].record.clone();
        let guest = AccountId(1_000_000);
        durable.apply(&Event::GuestSet(guest, Guest { peer, realm: None, account: 7, name }));
        for id in 0..=ROOMS_TOLD as u64 {
            let (id, name) = (GroupId(2_000_000 + id), Name::parse(&format!("g{id}")).unwrap());
            let member = Member { since: 1, moderator: false };
            durable.apply(&Event::GroupSet(id, crate::GroupRecord { name, ..record.clone() }));
            durable.apply(&Event::MemberSet(id, guest, member));
        }
        let Outcome::Peers(all) = realm.operator_does(ListPeers) else { panic!("no links") };
        assert_eq!((all[0].rooms.len(), all[0].more_rooms), (ROOMS_TOLD, 1));
        assert_eq!((&*all[0].rooms[0].name, all[0].rooms[0].members), ("g0", 1));
        let Outcome::Peers(all) = realm.does(1, ListPeers) else { panic!("no links") };
        assert_eq!((all[0].rooms.len(), all[0].more_rooms), (0, 0));
    }
}
