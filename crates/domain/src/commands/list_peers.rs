//! How it stands with links.

use crate::links::{Link, LinkStatus, Peer, PeerStatus};
use crate::{Answer, Interrupt, Outcome, RequestContext};
use antar_types::{Capabilities, Name, Time};

/// Asks for the linked realms and how it stands with each link.
#[derive(Clone, Copy, Debug)]
pub struct ListPeers;

impl ListPeers {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (state, now) = (&cx.state, cx.readings.now);
        let is_gone_here = |status| matches!(status, LinkStatus::Removed | LinkStatus::Former);
        let peers = state.durable.peers.iter().filter(|(_, p)| !is_gone_here(p.record.status));
        let none = Link::default();
        let described = peers.map(|(peer, known)| {
            let link = state.links.links.get(peer).unwrap_or(&none);
            let former = state.durable.formers(&known.record.name).cloned().collect();
            let conn = link.conn.and_then(|conn| state.links.conns.get(&conn));
            let can = conn.map_or(Capabilities::NONE, |conn| conn.can);
            describe(known, link, can, former, now)
        });
        let described = described.collect();
        Ok(Outcome::Peers(cx.state.peers(described)).into())
    }
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
    }
}
