//! A user of a peer who wants to be in a group.

use crate::links::RoomJoin;
use crate::{Answer, Interrupt, Outcome, RequestContext};
use antar_types::Code;

/// Asks that a user of the peer may be in a group of this realm. The answer tells up to which entry of what the peer is
/// owed it is told that this is so.
#[derive(Clone, Debug)]
pub struct JoinRoom {
    /// Who, and which group; none where that could not be read.
    pub join: Option<Box<RoomJoin>>,
}

impl JoinRoom {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let peer = cx.linked()?;
        let join = self.join.as_ref().ok_or(Code::BadParameters)?;
        cx.admit(peer, join)?;
        Ok(Outcome::Tip(cx.peer(peer).ok_or(Code::RealmNotFound)?.out.tip.seq).into())
    }
}
