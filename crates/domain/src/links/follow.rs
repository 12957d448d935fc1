//! Following a peer's log: the batches it sends, and a past that is not the same.

use super::live::{Asked, Following};
use super::{CatchUp, Done, Epoch, Names, Of, PeerRequest, Position, Quote, Why, notice_text};
use crate::{
    Bug, ConnId, Context, Conversations, Event, ForkId, Interrupt, Job, JobResult, Mailbox, Output,
    PeerId, Posted, RequestContext, Source,
};
use antar_types::{
    Away, Chain, Code, Entry, EntryKind, EntryOrigin, Extras, IncomingEntry, Message, Name, Notice,
    RemoteIdentity,
};
use std::sync::Arc;

/// Entries of a peer's log, as it sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The log's epoch.
    pub epoch: Epoch,
    /// The number of the first.
    pub first: u64,
    /// The hash at the last.
    pub chain: Chain,
    /// The entries, in order.
    pub entries: Vec<IncomingEntry>,
}

/// Why entries of a peer's log are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeError {
    /// There is no such link.
    NotLinked,
    /// They could not be read.
    Unreadable,
    /// They were not asked for.
    NotAsked,
    /// They do not follow this realm's cursor.
    NotNext,
    /// The hash at their end is not the one that was told.
    OtherHash,
    /// Nothing can be kept at the moment.
    Unkept,
}

/// What is wrong, for people.
impl std::fmt::Display for TakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotLinked => "it sent entries and is not linked",
            Self::Unreadable => "it sent entries that cannot be read",
            Self::NotAsked => "it sent entries that were not asked for",
            Self::NotNext => "it sent entries that do not follow our cursor",
            Self::OtherHash => "it sent entries whose hash is not the one told",
            Self::Unkept => "nothing can be kept at the moment",
        })
    }
}

impl Context<'_> {
    /// A peer's log is followed along another course of it from here on.
    pub fn adopt(&mut self, peer: PeerId, epoch: Epoch, at: Position) -> Result<(), Code> {
        let fork = ForkId(self.state.durable.next_id());
        let left = self.peer(peer).map_or(0, |known| known.followed.cursor.seq);
        self.emit(Event::Followed { peer, fork, epoch, at, left })
    }

    /// Takes a batch of a peer's log: it becomes one event, with the cursor past it.
    ///
    /// # Errors
    /// What is wrong with it; then nothing of it is taken.
    pub fn take_batch(
        &mut self,
        conn: ConnId,
        peer: PeerId,
        brought: &Delivery,
        known: &[(Quote, bool)],
        names: &Names,
    ) -> Result<Done, TakeError> {
        let Delivery { epoch, first, chain, ref entries } = *brought;
        let following = self.conn(conn).map(|c| c.following.clone());
        let there = self.peer(peer).ok_or(TakeError::NotLinked)?;
        let (cursor, fork) = (there.followed.cursor, there.followed.fork());
        let Some(fork) = fork.filter(|_| following == Some(Following::On)) else {
            return Err(TakeError::NotAsked);
        };
        let anywhere = self.state.is_planted(Bug::NoCursorCheck);
        if (fork.epoch != epoch || first != cursor.seq + 1) && !anywhere {
            return Err(TakeError::NotNext);
        }
        if !entries.iter().all(|entry| self.understands(entry)) {
            return Err(TakeError::Unreadable);
        }
        let mut at = cursor.chain;
        let chains: Vec<Chain> = (entries.iter())
            .map(|entry| {
                at = entry.chain(at);
                at
            })
            .collect();
        if (at != chain && !anywhere) || entries.is_empty() {
            return Err(TakeError::OtherHash);
        }
        let cursor = Position { seq: cursor.seq + entries.len() as u64, chain };
        let (events, done) = self.deliver(peer, entries, known, names);
        let fork = fork.id;
        if self.state.is_planted(Bug::CursorApart) {
            let empty = Event::Received { peer, fork, cursor, chains, events: Vec::new() };
            let _ = self.emit(empty);
            self.output(Output::Request(conn, PeerRequest::Cursor(epoch, cursor)));
            self.state.planted_later.extend(events);
            return Ok(Done::default());
        }
        let posted = events.iter().filter_map(|event| match event {
            Event::Posted(posted) => Some(posted),
            _ => None,
        });
        let follow_ups = self.state.follow_ups(posted);
        // Where nothing can be kept the connection goes, and the cursor stays where it is.
        let received = Event::Received { peer, fork, cursor, chains, events };
        let mut all = [received].into_iter().chain(follow_ups);
        all.try_for_each(|event| self.emit(event)).map_err(|_| TakeError::Unkept)?;
        self.output(Output::Request(conn, PeerRequest::Cursor(epoch, cursor)));
        self.caught_up(peer);
        Ok(done)
    }

    /// Whether an entry is no more than this realm has said that it can take.
    fn understands(&self, entry: &IncomingEntry) -> bool {
        let can = self.state.links.me.can;
        match entry {
            IncomingEntry::Known(entry) => {
                let more = entry.more.as_deref().cloned().unwrap_or_default();
                let changes = more.change.is_some() || more.hash.is_some();
                let replies = more.kind.is_some() || more.reply.is_some() || more.file.is_some();
                (can.kinds || entry.origin.is_none())
                    && (can.changes || !changes)
                    && (can.replies || !replies)
                    && (entry.kind == EntryKind::Room) == more.room.is_some()
                    && (more.said.is_none() || more.room.is_some())
                    && (can.rooms || more.room.is_none())
            }
            IncomingEntry::Unknown(_) => can.kinds && !self.state.is_planted(Bug::RefusesUnknown),
        }
    }

    /// What a batch of entries leads to: messages, notices of those that cannot be delivered, and what
    /// is set apart; and what it does to messages.
    fn deliver(
        &mut self,
        peer: PeerId,
        entries: &[IncomingEntry],
        known: &[(Quote, bool)],
        names: &Names,
    ) -> (Vec<Event>, Done) {
        let mut done = Done::default();
        let Some(there) = self.peer(peer) else { return (Vec::new(), done) };
        let (epoch, first) = (there.followed.epoch(), there.followed.cursor.seq + 1);
        let (mut stands, mut apart) = ((there.out.tip, there.out.total()), there.apart);
        let mut id = self.state.durable.next_id();
        let (mut events, mut ahead) = (Vec::with_capacity(entries.len()), Conversations::default());
        let mut others = None;
        for (entry, seq) in entries.iter().zip(first..) {
            let entry = match entry {
                IncomingEntry::Known(entry) => entry,
                IncomingEntry::Unknown(_) if self.state.is_planted(Bug::DropsUnknown) => continue,
                IncomingEntry::Unknown(_) if self.state.is_planted(Bug::LosesAfterUnknown) => break,
                IncomingEntry::Unknown(entry) => {
                    self.tell_of_apart(peer, entry);
                    let others = *others.get_or_insert_with(|| self.apart_of_others(peer));
                    let at = (epoch, seq, id);
                    let (event, more) = super::apart::set_apart(peer, (apart, others), at, entry);
                    id += more.kept - apart.kept;
                    apart = more;
                    events.push(event);
                    continue;
                }
            };
            // What it says is done once the batch is taken.
            if entry.room().is_some() {
                continue;
            }
            if entry.change().is_some() {
                self.note_change(peer, entry, names, &mut events, &mut done);
                continue;
            }
            match self.place(peer, seq, entry, known) {
                Ok((mailbox, to)) => {
                    let reply = self.answered_here(peer, entry, names, &events);
                    let message = self.brought(peer, (id, reply), entry, to);
                    id += 1;
                    for event in self.posts(&ahead, mailbox, message) {
                        ahead.apply(&event);
                        events.push(event);
                    }
                }
                Err(notice) => {
                    let back = self.notice(entry, notice);
                    events.extend(back.and_then(|back| self.owe_notice(peer, &mut stands, back)));
                }
            }
        }
        (events, done)
    }

    /// What puts a message that came into its conversation.
    fn posts(
        &self,
        ahead: &Conversations,
        mailbox: Mailbox,
        message: Arc<Message>,
    ) -> impl Iterator<Item = Event> + use<> {
        let conversations = &self.state.durable.conversations;
        let planted = self.state.is_planted(Bug::ConversationsByName);
        let (new, mut posted) = match message.realm.clone().filter(|_| planted) {
            Some(Away::FromAccount(realm, _)) => {
                let unnumbered = Message { realm: Some(Away::From(realm)), ..(*message).clone() };
                let (new, posted) =
                    conversations.post_after(ahead, mailbox, None, Arc::new(unnumbered));
                (new, Posted { message, ..posted })
            }
            _ => conversations.post_after(ahead, mailbox, None, message),
        };
        self.state.keep_from_the_deaf(&mut posted);
        new.into_iter().chain([Event::Posted(posted)])
    }

    /// The message that an entry brings.
    fn brought(
        &self,
        peer: PeerId,
        (id, reply): (u64, Option<u64>),
        entry: &Entry,
        to: Name,
    ) -> Arc<Message> {
        let notice = match entry.kind {
            EntryKind::Notice(notice) => Some(notice),
            _ => None,
        };
        // What a notice tells of is no message of that realm.
        let origin = entry.origin.filter(|_| notice.is_none());
        let realm = self.peer(peer).map(|known| match origin {
            Some(EntryOrigin { id, account }) => {
                let forgotten = self.state.is_planted(Bug::ForgetsEpoch);
                let epoch = if forgotten { 0 } else { known.followed.epoch().0 };
                let identity = RemoteIdentity { epoch, id, account };
                Away::FromAccount(known.record.name.clone(), identity)
            }
            None => Away::From(known.record.name.clone()),
        });
        let (time, from, (kind, text)) = (self.message_time(), entry.from.clone(), entry.said());
        let sent = Some(entry.time);
        let file = entry.file().filter(|_| self.state.durable.files.take_from_elsewhere());
        let file = file.cloned().map(Box::new);
        let extras = Extras { kind, reply, sent, file, ..Extras::default() }.boxed();
        Arc::new(Message { realm, notice, extras, ..Message::new(id, time, from, to, text) })
    }

    /// Where an entry goes, and the name it is for as written here.
    fn place(
        &self,
        peer: PeerId,
        seq: u64,
        entry: &Entry,
        known: &[(Quote, bool)],
    ) -> Result<(Mailbox, Name), Notice> {
        let durable = &self.state.durable;
        // A notice is no longer than what it is about, and a little; nobody is told of its loss.
        let is_notice = matches!(entry.kind, EntryKind::Notice(_));
        if !is_notice && entry.said().1.as_str().len() > self.state.limits.message_bytes {
            return Err(Notice::Refused);
        }
        match entry.kind {
            EntryKind::Private | EntryKind::Notice(_) => {
                let mut id = durable.account_named(&entry.to).ok_or(Notice::UserNotFound)?;
                if self.state.is_planted(Bug::WrongMailbox) {
                    id = durable.accounts.keys().next().copied().unwrap_or(id);
                }
                let account = durable.accounts.get(&id).ok_or(Notice::UserNotFound)?;
                let is_for = match (entry.origin.filter(|_| is_notice), self.quote(peer, entry)) {
                    (Some(of), _) => {
                        of.account == id.0 || self.state.is_planted(Bug::NoticesByName)
                    }
                    (None, Some(quote)) => known.contains(&(quote, true)),
                    (None, None) => is_notice || !self.is_for_former(peer, id, seq, entry.time),
                };
                if !is_for && !self.state.is_planted(Bug::Inherits) {
                    return Err(Notice::UserNotFound);
                }
                Ok((Mailbox::Realm(id, peer), account.record.name.clone()))
            }
            EntryKind::Room => Err(Notice::Refused),
            EntryKind::Group => {
                let id = durable.group_named(&entry.to).ok_or(Notice::GroupNotFound)?;
                let group = durable.groups.get(&id).ok_or(Notice::GroupNotFound)?;
                if self.is_for_former(peer, id, seq, entry.time)
                    && !self.state.is_planted(Bug::Inherits)
                {
                    return Err(Notice::GroupNotFound);
                }
                Ok((Mailbox::GroupRealm(id, peer), group.record.name.clone()))
            }
        }
    }

    /// The answer to an entry that could not be delivered; none to a notice, or where who exists is
    /// not told.
    fn notice(&self, entry: &Entry, notice: Notice) -> Option<Entry> {
        let hidden = self.state.policy.hide_unknown_users && notice == Notice::UserNotFound
            || notice == Notice::GroupNotFound && self.state.is_planted(Bug::NoGroupNotice)
            || self.state.is_planted(Bug::NoNotice);
        if matches!(entry.kind, EntryKind::Notice(_)) || hidden {
            return None;
        }
        let text = notice_text(notice, entry.text.as_str());
        let (from, to, origin) = (entry.to.clone(), entry.from.clone(), entry.origin);
        let (kind, time) = (EntryKind::Notice(notice), self.readings.now);
        Some(Entry { kind, time, from, to, text, origin, more: None })
    }

    /// What appends a notice to what a realm is owed, after entries that are not applied yet. It decides how many there
    /// are: where it is owed all that it may be, it is told no more.
    fn owe_notice(
        &mut self,
        peer: PeerId,
        stands: &mut (Position, u64),
        notice: Entry,
    ) -> Option<Event> {
        let out = &self.peer(peer)?.out;
        if !super::has_room(&self.state.limits, out, *stands, &notice) {
            let name = self.name_of(peer);
            let text = format!(
                "link with {name}: it does not take what it is owed, and is not told of messages that cannot be delivered"
            );
            self.warn(peer, text);
            return None;
        }
        let event = super::owe_after(out, *stands, peer, notice);
        if let Event::Owed { tip, total, .. } = &event {
            *stands = (*tip, *total);
        }
        Some(event)
    }

    /// Wakes those who waited for what has come.
    pub fn caught_up(&mut self, peer: PeerId) {
        let seq = self.peer(peer).map_or(0, |known| known.followed.cursor.seq);
        let there: Vec<ConnId> = (self.links().waiting.iter())
            .filter(|(_, w)| match w.why {
                Why::CatchUp { peer: of, target: Some(target), .. } => of == peer && target <= seq,
                _ => false,
            })
            .map(|(conn, _)| *conn)
            .collect();
        there.into_iter().for_each(|conn| self.wake(conn, JobResult::CaughtUp { stale: false }));
    }

    /// The next step of the search for the last entry that both sides have: between what is common
    /// and what differs.
    pub fn search(&mut self, conn: ConnId, peer: PeerId) {
        let Some(c) = self.conn(conn) else { return };
        let Following::Searching { epoch, common, differs } = c.following else { return };
        // Most often the whole of the shorter log is common: so its end is looked at first.
        let probe = match std::mem::replace(&mut c.searched, true) {
            false => differs - 1,
            true => common.seq + (differs - common.seq) / 2,
        };
        if probe <= common.seq {
            let latest = self.state.is_planted(Bug::NamesLatestEpoch);
            // A log that has lost entries which came in its own epoch does not know it was put back.
            let was = self.peer(peer).map_or(Epoch(0), |known| match &known.followed {
                followed if followed.went_past(epoch, common.seq) && !latest => epoch,
                followed => followed.epoch(),
            });
            let asked_at = self.state.durable.next_id();
            self.conn(conn).into_iter().for_each(|c| c.asked_at = asked_at);
            return self.ask(conn, Asked::Rejoin(common), PeerRequest::Rejoin(was, common));
        }
        self.ask(conn, Asked::Chain(probe), PeerRequest::Chain(probe));
    }
}

impl RequestContext<'_> {
    /// The hashes of what a realm has sent at an entry, along every course that its log has taken.
    pub(crate) fn hashes_at(&self, peer: PeerId, seq: u64) -> Result<Vec<Chain>, Interrupt> {
        let Some(known) = self.state.durable.peers.get(&peer) else { return Ok(Vec::new()) };
        match known.followed.forks_at(seq).map(Source::Hashes).collect::<Vec<_>>() {
            none if none.is_empty() => Ok(Vec::new()),
            sources => self.looked_up(sources, seq),
        }
    }

    pub(super) fn looked_up(
        &self,
        sources: Vec<Source>,
        seq: u64,
    ) -> Result<Vec<Chain>, Interrupt> {
        let found = self.results.iter().find_map(|result| match result {
            JobResult::Chains(chains) => Some(Ok(chains.clone())),
            JobResult::Unreadable => Some(Err(Interrupt::from(Code::Unavailable))),
            _ => None,
        });
        found.unwrap_or(Err(Interrupt::Job(Job::Chains { sources, seq })))
    }

    /// Has a user's request wait until everything that a realm has for this one is here.
    pub(crate) fn catch_up(&mut self, peer: PeerId, of: Of) -> Result<bool, Interrupt> {
        let caught = self.results.iter().find_map(|result| match result {
            JobResult::CaughtUp { stale } => Some(*stale),
            _ => None,
        });
        if let Some(stale) = caught {
            return Ok(stale);
        }
        let Some(conn) = self.state.links.links.get(&peer).and_then(|link| link.conn) else {
            return Ok(true);
        };
        let (me, asker) = (self.state.durable.name.clone(), self.conn);
        let until = self.readings.uptime + super::keep::CATCH_UP;
        let Some(known) = self.peer(peer) else { return Ok(true) };
        let cursor = Some((known.followed.epoch(), known.followed.cursor));
        let request = PeerRequest::CatchUp(CatchUp { of, realm: me, cursor });
        self.ask(conn, Asked::CatchUp(asker, until), request);
        Err(Interrupt::Wait(Why::CatchUp { peer, target: None, until }))
    }
}
