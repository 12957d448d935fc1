//! Ending a link.

use crate::links::{LinkStatus, PeerRecord, PeerRequest};
use crate::{Answer, Event, Interrupt, Outcome, Refused, RequestContext, Word};
use antar_types::Code;

/// Ends the link with a realm.
#[derive(Clone, Debug)]
pub struct UnlinkRealm {
    /// The other realm.
    pub realm: Word,
    /// Also where messages are still owed to it.
    pub force: bool,
}

impl UnlinkRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.may_link()?;
        let (peer, known) = cx.current_peer(&self.realm)?;
        let (owed, record) = (known.out.owed(), known.record.clone());
        if owed > 0 && !self.force && !known.gives_back() {
            return Ok(Refused { owed: Some(owed), ..Code::RealmOwed.into() }.into());
        }
        let since = cx.readings.now;
        cx.emit(Event::PeerSet(peer, PeerRecord { status: LinkStatus::Removed, since, ..record }))?;
        cx.end_rooms(peer)?;
        if owed == 0 {
            cx.end_log(peer)?;
        }
        // Best told at once; a peer that is away hears it when it calls.
        cx.sever(peer, Some(PeerRequest::Removed), "the link was ended here");
        // Who wrote what is still owed is told bit by bit, however much it is.
        cx.give_back();
        Ok(Outcome::Done.into())
    }
}
