//! A peer has ended the link.

use crate::links::Status;
use crate::{Answer, Context, Interrupt};

/// Tells that the link was ended.
#[derive(Clone, Copy, Debug)]
pub struct LinkEnded;

impl LinkEnded {
    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        let realm = cx.linked()?;
        let conn = cx.conn;
        let mut step = cx.step();
        step.set_status(realm, Status::RemovedThere);
        step.hang_up(conn, "the other realm has ended the link");
        Ok(Answer::NoReply)
    }
}
