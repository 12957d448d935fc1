//! Two calls that cross: each side has called the other, and one of the connections stays.

use super::{Address, Caller, Failure, Greeting, LinkStatus, Why};
use crate::{Bug, ConnId, Context, DialId, Interrupt, JobResult, Output, RequestContext};
use antar_types::Code;

/// A call of ours to the name of whoever calls, under way.
pub(super) struct Crossing {
    pub dial: DialId,
    /// Whose ADDREALM it is.
    pub asker: Option<ConnId>,
    /// Our call has got there and waits for its answer.
    reached: bool,
    /// Whoever calls has the key that was given, or that has answered at the address that was given.
    /// Nothing else is a proof: anybody can say this name just now.
    pub proven: bool,
    /// Where it answered with this key.
    address: Option<Address>,
}

impl RequestContext<'_> {
    /// Our own call to the name of whoever calls, if there is one under way.
    pub(super) fn crossing(&self, greeting: &Greeting<'_>) -> Result<Option<Crossing>, Interrupt> {
        let (from, key) = (greeting.from.folded(), Some(greeting.key));
        let is_linked = self.peer_named(&greeting.from).is_some_and(|(_, p)| p.is_open());
        let calls = &self.state.links.calls;
        // One that is linked needs nobody's word: a call of a user only asks whether it has moved.
        let ours = calls.iter().find(|(_, call)| {
            *call.name.folded() == *from && !(is_linked && matches!(call.caller, Caller::User(_)))
        });
        let Some((dial, call)) = ours else { return Ok(None) };
        let asker = match call.caller {
            Caller::User(conn) => Some(conn),
            Caller::Link(_) => None,
        };
        // Somebody here has said which key it must have, and it is another.
        if asker.is_some() && call.pin.is_some_and(|pin| Some(pin) != key) {
            return Err(Code::RealmKey.into());
        }
        let answered = call.key == key;
        let proven = answered || call.pin == key || self.state.is_planted(Bug::AnyoneCrosses);
        let address = (answered && asker.is_some()).then(|| call.address.clone());
        let reached = call.conn.is_some();
        Ok(Some(Crossing { dial: *dial, asker, reached, proven, address }))
    }

    /// Where both realms call each other at once, the call of the one whose name comes first stays.
    /// Where that is theirs, ours ends, and whoever asked for it has what was asked for. Returns the
    /// address that somebody here gave.
    pub(super) fn give_way(
        &mut self,
        greeting: &Greeting<'_>,
        crossing: Crossing,
    ) -> Result<Option<Address>, Interrupt> {
        let Crossing { dial, asker, reached, address, .. } = crossing;
        let me = self.state.durable.name.as_ref().map(|me| me.folded().to_string());
        // One that has not even reached the other side cannot be what the other side waits for.
        if reached && me.is_some_and(|me| *me < *greeting.from.folded()) {
            return Err(Code::RealmCrossed.into());
        }
        match asker {
            Some(conn) => {
                self.end_call(dial);
                self.wake(conn, JobResult::Linked(Ok(LinkStatus::Linked)));
            }
            None => {
                let (code, error) = (Code::RealmCrossed, "their call was first".into());
                self.call_failed(dial, Failure { code, error, realm: None, plain: None });
            }
        }
        Ok(address)
    }
}

impl Context<'_> {
    /// Whoever answered has called us at the same time, and that call stays. So the two are linked:
    /// somebody on each side has asked for it, and its key is known from our own call.
    pub fn crossed(&mut self, dial: DialId) {
        let Some(call) = self.state.links.calls.get_mut(&dial) else { return };
        let (name, ended) = (call.name.clone(), call.conn.take());
        if let Some(conn) = ended {
            self.links().conns.remove(&conn);
            self.output(Output::HangUp(conn));
        }
        match self.settle(dial, name, LinkStatus::Linked) {
            // Their call may have come before that key was known: then they call again, or are called.
            Ok(peer) => {
                self.retry_later(peer);
                self.call_again(peer);
            }
            Err(code) => {
                let error = code.text().into();
                self.call_failed(dial, Failure { code, error, realm: None, plain: None });
            }
        }
    }

    /// Something has come of a call: realms that called under its name meanwhile are judged again.
    pub(super) fn judge_crossing(&mut self, dial: DialId) {
        let waiting: Vec<ConnId> = (self.state.links.waiting.iter())
            .filter(|(_, w)| w.why == Why::Crossing(dial))
            .map(|(conn, _)| *conn)
            .collect();
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::Crossed));
    }
}
