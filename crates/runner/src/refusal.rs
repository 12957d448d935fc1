//! What becomes of what a batch promised that is not on disk, or may not be.

use crate::planted::{Bug, Planted};
use antar_domain::{JobResult, Outcome, Output};
use antar_types::Code;

/// The outputs that are left of batches that are not on disk, or may not be.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// To be released at once: refusals, and work that goes on.
    pub now: Vec<Output>,
    /// To be released once the state is back at what is on disk.
    pub later: Vec<Output>,
    pub planted: Planted,
}

impl Refusal {
    /// Adds the outputs of a batch that is not on disk: nothing of them happened.
    pub fn add(&mut self, outputs: Vec<Output>) {
        outputs.into_iter().for_each(|output| self.add_output(output, false));
    }

    /// Adds the outputs of a batch of which nobody knows whether it is on disk.
    pub fn add_unknown(&mut self, outputs: Vec<Output>) {
        outputs.into_iter().for_each(|output| self.add_output(output, true));
    }

    fn add_output(&mut self, output: Output, is_unknown: bool) {
        match output {
            // Its client has asked for nothing, and is told that the watch has ended.
            Output::Reply(conn, _, Outcome::CaughtUp { .. }) => {
                self.now.push(Output::NoReply(conn));
            }
            Output::Reply(conn, tag, outcome) => {
                let code = match is_unknown && !outcome.changes_nothing() {
                    true => Code::Unknown,
                    false => Code::Unavailable,
                };
                self.now.push(Output::Reply(conn, tag, code.into()));
            }
            Output::Read(conn, tag, _) => {
                self.now.push(Output::Reply(conn, tag, Code::Unavailable.into()));
            }
            // The request is decided again, against the state that is on disk. A connection that is
            // to be closed may be known to nobody any more.
            Output::Job { .. } | Output::NoReply(_) | Output::HangUp(_) => self.now.push(output),
            Output::Resume { conn, request, results } => {
                // It finds that nothing can be kept, or that the link it waited for may have been made.
                let is_linked = |result: &JobResult| matches!(result, JobResult::Linked(Ok(_)));
                let result = match is_unknown && results.iter().any(is_linked) {
                    true => JobResult::Unknown,
                    false => JobResult::Busy,
                };
                self.later.push(Output::Resume { conn, request, results: vec![result] });
            }
            Output::Notify(..) | Output::Spread(_) if self.planted.is(Bug::LeaksNotifications) => {
                self.now.push(output);
            }
            // All links end, and who waits for one is told so by the state.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_domain::links::PeerRequest;
    use antar_domain::{AskId, ConnId, Job, Request};
    use antar_domain::{Notification, Outcome, Tag};
    use antar_text::Door;
    use antar_text::Frame;
    use antar_types::{BoxKind, Message, Name, Text, Time};
    use std::sync::Arc;

    fn request() -> Box<Request> {
        Box::new(Door::default().read(Frame::Line("INBOX".into())).unwrap())
    }

    #[test]
    fn what_a_refused_batch_promised_is_refused_and_what_it_told_is_not_told() {
        let (conn, tag) = (ConnId(1), Tag::default());
        let name = || Name::parse("amy").unwrap();
        let (from, to, text) = (name(), name(), Text::empty());
        let (realm, notice) = (None, None);
        let message =
            Arc::new(Message { realm, notice, ..Message::new(1, Time(1), from, to, text) });
        let job = Box::new(Job::Chains { sources: Vec::new(), seq: 1 });
        let results = Vec::new;
        let mut refusal = Refusal::default();
        refusal.add(vec![
            Output::Reply(conn, tag, Outcome::from(Code::Forbidden)),
            Output::Notify(conn, tag, Notification::Message(BoxKind::Private, message)),
            Output::Job { conn, request: request(), results: results(), job },
            Output::Resume { conn, request: request(), results: results() },
            Output::Request(conn, PeerRequest::Removed),
            Output::Fetch { ask: AskId(1), peer: antar_domain::PeerId(1), first: 1, last: 1 },
            Output::Note { warning: false, text: "linked".into() },
            Output::NoReply(conn),
            Output::HangUp(conn),
            Output::Reply(conn, tag, Outcome::CaughtUp { all: Vec::new(), watch: 1, behind: None }),
        ]);
        let unavailable = |o: &Output| match o {
            Output::Reply(_, _, outcome) => outcome.refusal() == Some(Code::Unavailable),
            _ => false,
        };
        let [reply, job, no_reply, hang_up, unasked] = &refusal.now[..] else {
            panic!("{refusal:?}")
        };
        assert!(matches!(unasked, Output::NoReply(_)));
        assert!(unavailable(reply) && matches!(job, Output::Job { .. }));
        assert!(matches!(no_reply, Output::NoReply(_)) && matches!(hang_up, Output::HangUp(_)));
        let [Output::Resume { results, .. }] = &refusal.later[..] else { panic!("{refusal:?}") };
        assert_eq!(*results, [JobResult::Busy]);
    }

    #[test]
    fn of_what_may_be_on_disk_only_what_changes_something_is_unknown() {
        let (conn, tag) = (ConnId(1), Tag::default());
        let reply = |outcome| Output::Reply(conn, tag, outcome);
        let resume = |results| Output::Resume { conn, request: request(), results };
        let linked = |status| JobResult::Linked(Ok(status));
        let mut refusal = Refusal::default();
        refusal.add_unknown(vec![
            reply(Outcome::Sent { id: 1, group: None }),
            reply(Outcome::Done),
            reply(Outcome::RealmName(None)),
            reply(Outcome::from(Code::GroupExists)),
            resume(vec![linked(antar_domain::links::LinkStatus::Linked)]),
            resume(vec![JobResult::CaughtUp { stale: false }]),
        ]);
        let codes = refusal.now.iter().map(|output| match output {
            Output::Reply(_, _, outcome) => outcome.refusal(),
            _ => None,
        });
        let [unknown, unavailable] = [Code::Unknown, Code::Unavailable].map(Some);
        assert_eq!(codes.collect::<Vec<_>>(), [unknown, unknown, unavailable, unavailable]);
        let results = refusal.later.iter().map(|output| match output {
            Output::Resume { results, .. } => results.clone(),
            _ => Vec::new(),
        });
        let expected = [vec![JobResult::Unknown], vec![JobResult::Busy]];
        assert_eq!(results.collect::<Vec<_>>(), expected);
    }
}
