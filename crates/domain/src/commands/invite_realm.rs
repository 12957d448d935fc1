//! A code with which another realm links.

use crate::links::{Invitation, InvitationRecord};
use crate::{Answer, Event, Interrupt, Outcome, RequestContext, Word};
use antar_types::{Code, Time, Token};

/// Makes a code with which another realm links, once.
#[derive(Clone, Debug)]
pub struct InviteRealm {
    /// Where this realm is called, unless that is where it says it is anyway.
    pub host: Option<Word>,
    /// The port there, unless that is the one it listens on.
    pub port: Option<Result<u16, Code>>,
}

/// Invitations that wait to be used.
const OPEN: usize = 1_000;

/// How long one is good for, in milliseconds.
const LASTS: u64 = 7 * 24 * 3_600_000;

impl InviteRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.state.links.me.clone();
        let host = match &self.host {
            Some(host) => host.to_string(),
            None => me.host.or(me.listens).ok_or(Code::BadParameters)?,
        };
        let port = self.port.unwrap_or(Ok(me.port))?;
        let key = me.key.ok_or(Code::Unavailable)?;
        let name = cx.state.durable.name.clone().ok_or(Code::Unavailable)?;
        let now = cx.readings.now;
        let invitations = &cx.state.durable.invitations;
        let old: Vec<u64> =
            invitations.iter().filter(|(_, i)| i.expires <= now).map(|(id, _)| *id).collect();
        if invitations.len() - old.len() >= OPEN {
            return Err(Code::LimitReached.into());
        }
        old.into_iter().try_for_each(|id| cx.emit(Event::InvitationEnded(id)))?;
        let secret = Token::new(cx.readings.entropy);
        let record = InvitationRecord { hash: secret.hash(), expires: Time(now.0 + LASTS) };
        let id = cx.next_id();
        cx.emit(Event::InvitationSet(id, record))?;
        let invitation = Invitation { name, host, port, key, secret };
        Ok(Outcome::Invitation(Box::new(invitation)).into())
    }
}
