//! A peer has ended the link.

use crate::links::LinkStatus;
use crate::{Answer, Interrupt, RequestContext};

/// Tells that the link was ended.
#[derive(Clone, Copy, Debug)]
pub struct LinkEnded;

impl LinkEnded {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let peer = cx.linked()?;
        let conn = cx.conn;
        cx.set_status(peer, LinkStatus::RemovedThere);
        cx.hang_up(conn, "the other realm has ended the link");
        Ok(Answer::NoReply)
    }
}
