//! Telling a plain peer that this realm has started anew.
//!
//! Its connection to us ended with the process before, and it makes another only when it is told to.
//! Being told makes it forget what waits for our users and what was said in groups: so that is asked
//! for first, and kept here (protocol section 6).

use super::common::{Common, may_be_listed, missing, taken_over};
use super::plain::introduction;
use super::{Ask, Link, Listing, NotAsked, Of, PeerRecord, PlainRequest, Told, Unreadable};
use crate::{AccountId, AskId, Bug, Context, Event, Mailbox, Output, PeerId, Source};
use antar_types::{Code, Message, Name};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Mailboxes looked at, so that a large realm does not keep a peer waiting.
const LOOKED_AT: usize = 10_000;

/// Users asked about in vain: the peer hangs on those it does not know.
const IN_VAIN: usize = 10;

/// What is asked of a plain peer before it is told of us.
#[derive(Debug)]
pub(crate) struct Meeting {
    ask: AskId,
    /// Whose messages are still to be asked for, the last first.
    left: Vec<Mailbox>,
    /// What is being asked for, and the newest of what is here; none once the peer is told of us.
    at: Option<(Mailbox, Vec<Message>)>,
    /// What was known of the list that is being asked for.
    listing: Option<Listing>,
    /// Users who were asked about.
    asked: BTreeSet<AccountId>,
    /// One who has written there, and is to be asked about next.
    writer: Option<AccountId>,
    in_vain: usize,
}

impl Link {
    /// A plain peer has brought a message of a group: its list of that has it, also where it was asked for
    /// it before.
    pub fn brought(&mut self, mailbox: Mailbox, message: &Message) {
        self.common.note(&message.from, &message.to, message.text.as_str());
        if let Some((_, own)) =
            self.meeting.iter_mut().filter_map(|m| m.at.as_mut()).find(|(of, _)| *of == mailbox)
        {
            own.push(message.clone());
        }
    }
}

impl Context<'_> {
    /// Begins where it has not been done since the process started.
    pub fn meet(&mut self, peer: PeerId) {
        let durable = &self.state.durable;
        let groups = durable.groups.keys().map(|group| Mailbox::GroupRealm(*group, peer));
        // Those who have written there may well be known there; after them anyone.
        let writers = durable.accounts.keys().map(|user| Mailbox::SentRealm(*user, peer));
        let users = durable.accounts.keys().map(|user| Mailbox::Realm(*user, peer));
        let mut left: Vec<Mailbox> = groups.chain(writers).chain(users).take(LOOKED_AT).collect();
        left.reverse();
        if self.state.is_planted(Bug::NoFetch) {
            left.clear();
        }
        let (ask, asked, in_vain) = (AskId(0), BTreeSet::new(), 0);
        let (at, listing, writer) = (None, None, None);
        let meeting = Meeting { ask, left, at, listing, asked, writer, in_vain };
        self.link(peer).meeting = Some(meeting);
        self.visit(peer);
    }

    /// Looks at the next mailbox; after the last the peer is told of us.
    fn visit(&mut self, peer: PeerId) {
        let ask = AskId(self.links().next());
        let Some(meeting) = &mut self.link(peer).meeting else { return };
        meeting.ask = ask;
        while let Some(Mailbox::Realm(user, _)) = meeting.left.last()
            && (meeting.in_vain >= IN_VAIN || meeting.asked.contains(user))
        {
            meeting.left.pop();
        }
        let writer = meeting.writer.take().map(|user| Mailbox::Realm(user, peer));
        let next = writer.or_else(|| meeting.left.pop());
        meeting.at = next.map(|mailbox| (mailbox, Vec::new()));
        self.links().asks.insert(ask, peer);
        match next {
            Some(mailbox) => self.output(Output::Tail { ask, source: Source::Mailbox(mailbox) }),
            None => {
                let me = self.state.links.me.clone();
                let record = self.peer(peer).map(|known| known.record.clone());
                if let Some((record, address)) = record.and_then(|r| Some((r.clone(), r.address?)))
                {
                    let request = introduction(&me);
                    let request = Ask { address, realm: record.name, request };
                    self.output(Output::Ask(ask, request));
                }
            }
        }
    }

    fn meeting(&mut self, ask: AskId) -> Option<(PeerId, &mut Meeting)> {
        let peer = *self.state.links.asks.get(&ask)?;
        let meeting = self.state.links.links.get_mut(&peer)?.meeting.as_mut();
        meeting.filter(|meeting| meeting.ask == ask).map(|meeting| (peer, meeting))
    }

    /// The newest of what is in a mailbox here was read: where there is anything, the peer is asked
    /// for its own.
    pub fn tailed(&mut self, ask: AskId, own: Result<Vec<Message>, Unreadable>) {
        let Some((peer, meeting)) = self.meeting(ask) else { return };
        let Some((mailbox, brought)) = meeting.at.take() else { return };
        let mut own = match (mailbox, own) {
            (_, Ok(own)) => own,
            // Rather taken over twice than not at all.
            (Mailbox::Realm(..), Err(Unreadable)) => Vec::new(),
            (_, Err(Unreadable)) => {
                // What the peer has could not be told from what is here.
                self.links().asks.remove(&ask);
                return self.visit(peer);
            }
        };
        // What was brought since it was asked for is not durable yet, or was not when it was read.
        let newest = own.last().map_or(0, |message| message.id);
        own.extend(brought.into_iter().filter(|message| message.id > newest));
        let wanted = match mailbox {
            Mailbox::SentRealm(user, _) => {
                meeting.writer =
                    (!own.is_empty() && !meeting.asked.contains(&user)).then_some(user);
                false
            }
            Mailbox::Realm(user, _) => meeting.asked.insert(user),
            _ => !own.is_empty(),
        };
        meeting.at = Some((mailbox, own));
        let listing = self.listing(peer, mailbox);
        self.link(peer).meeting.iter_mut().for_each(|meeting| meeting.listing = listing);
        let what = self.whose(mailbox);
        let known = self.peer(peer).map(|known| &known.record);
        let request = what.filter(|_| wanted).zip(known).and_then(|(name, known)| {
            let of = match mailbox {
                Mailbox::GroupRealm(..) => Of::Group(name),
                _ => Of::User(name),
            };
            let (address, realm) = (known.address.clone()?, known.name.clone());
            Some(Ask { address, realm, request: PlainRequest::List(of) })
        });
        match request {
            Some(request) => self.output(Output::Ask(ask, request)),
            None => {
                self.links().asks.remove(&ask);
                self.visit(peer);
            }
        }
    }

    /// The user or the group that a mailbox belongs to.
    fn whose(&self, mailbox: Mailbox) -> Option<Name> {
        let durable = &self.state.durable;
        match mailbox {
            Mailbox::GroupRealm(group, _) => {
                durable.groups.get(&group).map(|g| g.record.name.clone())
            }
            Mailbox::SentRealm(user, _) | Mailbox::Realm(user, _) => {
                durable.accounts.get(&user).map(|a| a.record.name.clone())
            }
            _ => None,
        }
    }

    /// The peer answers, or does not; `answer` comes back where it is not about a meeting.
    pub fn met(
        &mut self,
        ask: AskId,
        answer: Result<Told, NotAsked>,
    ) -> Option<Result<Told, NotAsked>> {
        let Some((peer, meeting)) = self.meeting(ask) else { return Some(answer) };
        let (at, listing) = (meeting.at.take(), meeting.listing.take());
        let is_user = at.as_ref().is_some_and(|(m, _)| !matches!(m, Mailbox::GroupRealm(..)));
        if is_user && answer.as_ref().is_err_and(|not| not.sent) {
            meeting.in_vain += 1;
        }
        self.links().asks.remove(&ask);
        if let Some((mailbox, _)) = at.as_ref().filter(|(of, _)| self.listing(peer, *of) != listing)
        {
            self.ask_again(peer, *mailbox);
            return None;
        }
        match (at, answer) {
            (Some(_), Ok(answer)) if is_user && answer.cut => {
                // What was not read would be forgotten there.
                let error = "more waits there for a user than can be taken over at once";
                self.unanswered(peer, error.into());
            }
            (Some((mailbox, own)), Ok(answer)) => match self.keep(peer, mailbox, &own, &answer) {
                Ok(()) => self.visit(peer),
                Err(code) => self.unanswered(peer, code.text().into()),
            },
            (Some(_), Err(not)) if is_user && not.sent => self.visit(peer),
            (_, Err(not)) => self.unanswered(peer, not.error),
            (None, Ok(answer)) => {
                self.introduced(peer);
                // One that will not hear of it may take messages all the same.
                self.link(peer).error = (!answer.ok).then_some(answer.said);
                self.deliver_next(peer);
            }
        }
        None
    }

    /// What is known of a list has changed since it was asked for: it is asked for again.
    fn ask_again(&mut self, peer: PeerId, mailbox: Mailbox) {
        let Some(meeting) = &mut self.link(peer).meeting else { return };
        if let Mailbox::Realm(user, _) = mailbox {
            meeting.asked.remove(&user);
        }
        meeting.left.push(mailbox);
        self.visit(peer);
    }

    /// Keeps what the peer is about to forget.
    fn keep(
        &mut self,
        peer: PeerId,
        mailbox: Mailbox,
        own: &[Message],
        answer: &Told,
    ) -> Result<(), Code> {
        let to = self.whose(mailbox);
        let (Some(known), Some(to)) = (self.peer(peer), to) else { return Ok(()) };
        let (name, since) = (known.record.name.clone(), known.record.since);
        // No more of them than this are looked at here.
        let owed = usize::try_from(known.out.owed()).map_or(own.len(), |owed| owed.min(own.len()));
        // A server that numbers its messages does not forget.
        if answer.numbered {
            return Ok(());
        }
        let list = answer.list().unwrap_or_default();
        let list: Vec<Message> = list.iter().map(|m| m.message(&name, &to)).collect();
        let formers = match mailbox {
            Mailbox::Realm(user, _) => self.formers(peer, user, answer)?,
            _ => 0,
        };
        let new = match mailbox {
            Mailbox::GroupRealm(..) if self.state.is_planted(Bug::NoMerge) => list,
            Mailbox::GroupRealm(..) => {
                let there = may_be_listed(own, &list, owed, since);
                missing(list, &there)
            }
            Mailbox::Realm(..) => {
                let list = list.get(formers..).unwrap_or_default();
                list[taken_over(own, list, since)..].to_vec()
            }
            _ => return Ok(()),
        };
        for message in new {
            let (id, time) = (self.next_id(), self.message_time());
            let message = Arc::new(Message { id, time, ..message });
            self.post(mailbox, None, message)?;
        }
        Ok(())
    }

    /// A plain peer has been told of us, or has told us of itself: it remembers nothing that was said
    /// on the link before.
    pub fn introduced(&mut self, peer: PeerId) {
        // What was said later has a later time, or this one.
        let since = self.message_time();
        if let Some(record) = self.peer(peer).map(|known| known.record.clone()) {
            let _ = self.emit(Event::PeerSet(peer, PeerRecord { since, ..record }));
        }
        self.nothing_waits(peer);
        let link = self.link(peer);
        (link.met, link.meeting, link.common) = (true, None, Common::default());
        (link.answers, link.error, link.failures, link.retry_at) = (true, None, 0, 0);
    }
}
