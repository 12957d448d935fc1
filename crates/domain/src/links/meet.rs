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
    /// How much of that was here when the list was asked for. What was brought since may not be in it.
    known: usize,
    /// What was known of the list that is being asked for.
    listing: Option<Listing>,
    /// Users who were asked about.
    asked: BTreeSet<AccountId>,
    /// One who has written there, and is to be asked about next.
    writer: Option<AccountId>,
    in_vain: usize,
}

impl Link {
    /// A plain peer has brought a message of a group: its list of that has it, and may have had it when it was
    /// asked for it before.
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
        let (at, known, listing, writer) = (None, 0, None, None);
        let meeting = Meeting { ask, left, at, known, listing, asked, writer, in_vain };
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
        (meeting.known, meeting.at) = (own.len(), Some((mailbox, own)));
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
        let known = meeting.known;
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
            (Some((mailbox, own)), Ok(answer)) => {
                match self.keep(peer, mailbox, own.split_at(known.min(own.len())), &answer) {
                    Ok(()) => self.visit(peer),
                    Err(code) => self.unanswered(peer, code.text().into()),
                }
            }
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

    /// Keeps what the peer is about to forget, of which some is here: from before it was asked, and brought since.
    fn keep(
        &mut self,
        peer: PeerId,
        mailbox: Mailbox,
        (own, brought): (&[Message], &[Message]),
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
        let formers = match mailbox.holder() {
            Some(holder) => self.formers(peer, holder, answer)?,
            None => 0,
        };
        let list = list.get(formers..).unwrap_or_default();
        let new = match mailbox {
            Mailbox::GroupRealm(..) if self.state.is_planted(Bug::NoMerge) => list.to_vec(),
            Mailbox::GroupRealm(..) => {
                let list = missing(list.to_vec(), brought);
                let there = may_be_listed(own, &list, owed, since);
                missing(list, &there)
            }
            Mailbox::Realm(..) => list[taken_over(own, list, since)..].to_vec(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Destination, How, LinkRealm, ReceiveGroup, SendGroupRealm};
    use crate::links::Listed;
    use crate::testing::{OPERATOR, Realm, group};
    use crate::{Draft, Input, Outcome};
    use antar_types::Text;
    use std::net::{IpAddr, Ipv4Addr};

    /// The one user, and the connection of the plain peer.
    const AMY: u64 = 1;
    const OLD: u64 = 9;

    const DONE: Told = Told {
        ok: true,
        said: String::new(),
        forgot: false,
        of_group: false,
        list: None,
        cut: false,
        numbered: false,
    };

    /// A realm that is linked with a plain peer, which has taken a message of amy's and has brought one.
    fn linked() -> Realm {
        let mut realm = Realm::with_users(&["amy"]);
        realm.policy().plain_peers = [IpAddr::V4(Ipv4Addr::LOCALHOST)].into_iter().collect();
        let port = 9.try_into().unwrap();
        let add =
            LinkRealm { name: "old".into(), host: "127.0.0.1".into(), port, how: Ok(How::Plain) };
        let asked = realm.begin(OPERATOR, add);
        let linked = realm.plain_answers(asked, DONE);
        assert!(realm.end(linked).refusal().is_none());
        realm.login(AMY, "amy");
        realm.does(AMY, group("staff"));
        let to = Ok(Destination::Named("staff".into(), Draft("hello".into())));
        let sent = realm.does(AMY, SendGroupRealm { realm: "old".into(), to });
        assert!(sent.refusal().is_none());
        realm.tick();
        let Some(Output::Fetch { ask, .. }) = realm.asked.pop() else { panic!("nothing is owed") };
        realm.tell(Input::Fetched(ask, Ok(Vec::new())));
        brings(&mut realm, "first");
        realm
    }

    fn brings(realm: &mut Realm, text: &str) {
        let (old, from, group) = ("old".into(), "lineker".into(), "staff".into());
        let brings = ReceiveGroup { realm: old, from, group, text: Draft(text.into()) };
        assert_eq!(realm.does(OLD, brings), Outcome::Done);
    }

    /// What the realm has of the group.
    fn kept(realm: &Realm) -> Vec<Message> {
        let posted = realm.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) => Some(Message::clone(&posted.message)),
            _ => None,
        });
        posted.collect()
    }

    /// A start of the realm, up to what it asks the peer first.
    fn asks_for_the_group(realm: &mut Realm) -> AskId {
        realm.state.links.links.values_mut().for_each(|link| link.met = false);
        realm.tick();
        let Some(Output::Tail { ask, .. }) = realm.asked.pop() else { panic!("it does not meet") };
        realm.tell(Input::Tailed(ask, Ok(kept(realm))));
        let Some(Output::Ask(ask, request)) = realm.asked.pop() else { panic!("nothing is asked") };
        assert!(matches!(request.request, PlainRequest::List(Of::Group(_))));
        ask
    }

    /// The list that it asks for was made before the peer brought one more, or after it; all that it has not brought
    /// is taken over.
    #[test]
    fn what_is_brought_while_a_list_is_asked_for_is_in_it_or_not() {
        let lists: [&[&str]; 4] = [
            &["hello", "first"],
            &["hello", "first", "second"],
            &["hello", "first", "unheard"],
            &["hello", "first", "unheard", "second"],
        ];
        let people = [["amy", "lineker"], ["Amy(127.0.0.1:1)", "Gary(127.0.0.1:2)"]];
        for (list, people) in lists.into_iter().flat_map(|list| people.map(|who| (list, who))) {
            let mut realm = linked();
            let ask = asks_for_the_group(&mut realm);
            brings(&mut realm, "second");
            let one = |text: &&str| Listed {
                from: people[usize::from(*text != "hello")].into(),
                to: "staff".into(),
                text: Text::parse(text, 99).unwrap(),
            };
            let told = Told { list: Some(list.iter().map(one).collect()), ..DONE };
            realm.tell(Input::Asked(ask, Ok(told)));
            let kept = kept(&realm);
            let texts: Vec<&str> = kept.iter().map(|message| message.text.as_str()).collect();
            let all = ["hello", "first", "second", "unheard"];
            let is_new = usize::from(list.contains(&"unheard"));
            assert_eq!(texts, all[..3 + is_new], "{list:?} of {people:?}");
        }
    }
}
