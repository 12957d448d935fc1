//! Peers that know only the two documents: a connection for each request, nothing to prove who
//! calls, and nobody who remembers for us (protocol section 6, *Plain links*).
//!
//! What groups here say is carried to them one message at a time, in order, until they have taken
//! it. Private messages wait here until they ask.

use super::notice_text;
use super::{Ask, Contact, Of, PlainRequest, Told};
use crate::Context;
use crate::{AskId, Bug, Mailbox, Mode, Output, PeerId};
use antar_types::{Away, Entry, Message, Notice};
use std::sync::Arc;

/// One group message on its way to a plain peer.
#[derive(Clone, Debug)]
pub(crate) struct PlainDelivery {
    pub ask: AskId,
    pub seq: u64,
    /// The message; none until it has been read.
    entry: Option<Arc<Entry>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fetch,
    /// `recvgrouprealm`.
    Carry,
    /// `remoteinboxgrouprealm`: an earlier attempt was not answered and may have arrived.
    Look,
    /// `ackrealm`: they have forgotten us.
    Remind,
}

impl Context<'_> {
    /// Carries the next group message to a plain peer, where it is time and none is under way.
    pub fn deliver_next(&mut self, peer: PeerId) {
        // While nothing can be kept, that a message was taken could not be: it would be carried again.
        if self.state.mode != Mode::Open {
            return;
        }
        let now = self.readings.uptime;
        let plain = self.peer(peer).filter(|known| known.key().is_none() && known.is_open());
        let Some(out) = plain.map(|known| &known.out) else { return };
        let (owed, seq) = (out.owed(), out.acked.seq + 1);
        let link = self.link(peer);
        if link.delivery.is_some() || link.meeting.is_some() || link.retry_at > now {
            return;
        }
        if !link.met {
            return self.meet(peer);
        }
        if owed == 0 {
            return;
        }
        let ask = AskId(self.links().next());
        let stage = Stage::Fetch;
        self.link(peer).delivery = Some(PlainDelivery { ask, seq, entry: None, stage });
        self.links().asks.insert(ask, peer);
        self.output(Output::Fetch { ask, peer, first: seq, last: seq });
    }

    /// What a realm is owed was read: a delivery's message, or some of what is given back.
    pub fn fetched(&mut self, ask: AskId, found: Result<Fetched, Unreadable>) {
        if self.links().given_back.is_some_and(|(_, own)| own == ask) {
            return self.read_to_give_back(found);
        }
        if self.links().told_of.is_some_and(|of| of.ask == ask) {
            return self.read_what_is_delivered(found);
        }
        let Some(peer) = self.delivery(ask) else { return };
        let entry = match found.map(|mut found| found.pop()) {
            Ok(Some((_, found))) => found,
            // It is not in the store any more; there is nothing left to carry.
            Ok(None) => return self.carried(peer),
            Err(Unreadable) => {
                let link = self.link(peer);
                link.delivery = None;
                link.error = Some("what is owed to it cannot be read".into());
                link.failed();
                return self.retry_later(peer);
            }
        };
        let looks = !self.state.is_planted(Bug::NoLook);
        let link = self.link(peer);
        let stage = if link.unsure && looks { Stage::Look } else { Stage::Carry };
        if let Some(delivery) = &mut link.delivery {
            delivery.entry = Some(entry);
        }
        self.ask_stage(peer, stage);
    }

    fn delivery(&mut self, ask: AskId) -> Option<PeerId> {
        let peer = self.links().asks.remove(&ask)?;
        self.link(peer)
            .delivery
            .as_ref()
            .is_some_and(|delivery| delivery.ask == ask)
            .then_some(peer)
    }

    /// Asks the peer what the delivery has come to.
    fn ask_stage(&mut self, peer: PeerId, stage: Stage) {
        let me = self.state.links.me.clone();
        let Some(record) = self.peer(peer).map(|known| known.record.clone()) else { return };
        let ask = AskId(self.links().next());
        let Some(delivery) = &mut self.link(peer).delivery else { return };
        (delivery.ask, delivery.stage) = (ask, stage);
        let (Some(address), Some(entry)) = (record.address, delivery.entry.clone()) else {
            return;
        };
        let request = match stage {
            Stage::Fetch => return,
            Stage::Carry => PlainRequest::Carry(entry),
            Stage::Look => PlainRequest::List(Of::Group(entry.to.clone())),
            Stage::Remind => introduction(&me),
        };
        let request = Ask { address, realm: record.name, request };
        self.links().asks.insert(ask, peer);
        self.output(Output::Ask(ask, request));
    }

    /// A plain peer has answered what it was asked, or has not.
    pub fn asked(&mut self, ask: AskId, answer: Result<Told, NotAsked>) {
        let Some(answer) = self.told_what_waits(ask, answer) else { return };
        let Some(answer) = self.met(ask, answer) else { return };
        let Some(peer) = self.delivery(ask) else { return };
        let now = self.readings.now;
        let link = self.link(peer);
        let Some(PlainDelivery { entry: Some(entry), stage, .. }) = link.delivery.clone() else {
            return;
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(not) => {
                // What was sent may have been taken, even if nobody says so.
                link.unsure |= not.sent && stage == Stage::Carry;
                return self.unanswered(peer, not.error);
            }
        };
        if !std::mem::replace(&mut link.answers, true) {
            link.since = now;
        }
        (link.failures, link.error) = (0, None);
        match stage {
            Stage::Fetch => {}
            Stage::Carry if answer.ok => self.taken(peer, &entry),
            Stage::Carry if answer.forgot && !link.reminded => {
                link.reminded = true;
                self.ask_stage(peer, Stage::Remind);
            }
            Stage::Carry => {
                self.refused(peer, &entry, &answer);
                self.carried(peer);
            }
            Stage::Look if link.common.is_more(&answer, &entry) => self.taken(peer, &entry),
            Stage::Look => self.ask_stage(peer, Stage::Carry),
            Stage::Remind => {
                self.introduced(peer);
                self.ask_stage(peer, Stage::Carry);
            }
        }
    }

    /// A plain peer does not answer: what was under way begins anew later.
    pub fn unanswered(&mut self, peer: PeerId, error: String) {
        let now = self.readings.now;
        let link = self.link(peer);
        (link.delivery, link.meeting, link.answers) = (None, None, false);
        if link.error.as_ref() != Some(&error) {
            (link.error, link.since) = (Some(error), now);
        }
        link.failed();
        self.retry_later(peer);
    }

    /// The peer has the message, and lists it.
    fn taken(&mut self, peer: PeerId, entry: &Entry) {
        self.link(peer).common.note(&entry.from, &entry.to, entry.text.as_str());
        self.carried(peer);
    }

    /// The peer has the message, or will never take it: on to the next.
    fn carried(&mut self, peer: PeerId) {
        let link = self.link(peer);
        let Some(delivery) = link.delivery.take() else { return };
        (link.unsure, link.reminded, link.retry_at) = (false, false, 0);
        let chain = self.peer(peer).map(|known| known.out.tip.chain).unwrap_or_default();
        // Nobody compares hashes on a plain link.
        let _ = self.acked(peer, super::Position { seq: delivery.seq, chain });
        self.deliver_next(peer);
    }

    /// Tells the sender that a message was not taken.
    fn refused(&mut self, peer: PeerId, entry: &Entry, answer: &Told) {
        let seq = self.link(peer).delivery.as_ref().map_or(0, |delivery| delivery.seq);
        let Some(account) = self.writer(peer, seq, entry) else { return };
        let notice = if answer.of_group { Notice::GroupNotFound } else { Notice::Refused };
        let (id, time) = (self.next_id(), self.message_time());
        let (from, to) = (entry.to.clone(), entry.from.clone());
        let text = notice_text(notice, entry.text.as_str());
        let message = Message {
            realm: self.peer(peer).map(|known| Away::From(known.record.name.clone())),
            notice: Some(notice),
            ..Message::new(id, time, from, to, text)
        };
        let mailbox = Mailbox::Realm(account, peer);
        let _ = self.post(mailbox, None, Arc::new(message));
    }
}

/// Entries of a log, in order.
pub(crate) type Fetched = Vec<(super::Position, Arc<Entry>)>;

/// Something on disk could not be read: whether it is there is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Why a plain peer did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsked {
    /// What happened, for people.
    pub error: String,
    /// The request was written: they may have done what it asks.
    pub sent: bool,
}

/// The request that tells a plain peer of this realm.
pub(crate) fn introduction(me: &Contact) -> PlainRequest {
    PlainRequest::Introduce { host: me.host.clone(), port: me.port }
}
