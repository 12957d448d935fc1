//! Another name for this realm.

use crate::{Answer, ConnId, Event, Interrupt, Outcome, PeerId, RequestContext, Word};
use antar_types::Code;

/// Gives this realm another name.
#[derive(Clone, Debug)]
pub struct RenameRealm {
    /// The name.
    pub name: Word,
}

impl RenameRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let name = cx.new_name(&self.name)?;
        let before = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
        if cx.peer_named(&name).is_some_and(|(_, known)| !known.is_gone() && !known.is_asking()) {
            return Err(Code::RealmExists.into());
        }
        let peers = cx.state.durable.peers.iter();
        let linked =
            peers.filter(|(_, p)| p.is_open() && p.key().is_some() && p.known_as.is_none());
        let linked: Vec<PeerId> = linked.map(|(peer, _)| *peer).collect();
        for peer in linked.into_iter().filter(|_| *before.folded() != *name.folded()) {
            cx.emit(Event::KnownAs(peer, Some(before.clone())))?;
        }
        cx.emit(Event::RealmNamed(name.clone()))?;
        // They are told when they are greeted next, which is at once.
        let greeted = cx.state.links.conns.iter().filter(|(_, c)| c.greeted).map(|(conn, _)| *conn);
        for conn in greeted.collect::<Vec<ConnId>>() {
            cx.hang_up(conn, "this realm has another name from now on");
        }
        Ok(Outcome::Renamed(name).into())
    }
}
