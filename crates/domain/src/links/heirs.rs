//! Accounts and groups whose names were those of others before.
//!
//! Realms write to names, and a message may be on its way for long. What was written to whoever had a
//! name before, and what is told back of what that one wrote, is not for who has it now. Other realms
//! need not know of this: it is decided here, where accounts and groups are. Of what a plain peer brings
//! to a group nobody knows when it was written, so the group there is now has it.

use super::live::Asked;
use super::notice_text;
use super::{Ask, CatchUp, Heir, Holder, Listed, NotAsked, Of, PeerRequest, PlainRequest, Told};
use crate::Context;
use crate::{AccountId, AskId, Event, GroupId, Mailbox, Output, PeerId};
use antar_types::{
    Away, Chain, Code, Entry, EntryKind, Message, Name, Notice, Text, Time, carried,
};

/// Names remembered that accounts had and nobody has now, and as many of groups. Past it every new account,
/// or group, is taken to have a name that was another's.
const LEFT: usize = 10_000;

/// How far two clocks may be apart, in milliseconds, for the time of one to mean something to the other:
/// those that are further apart have jumped, or will.
const AGREE: u64 = 2_000;

/// What a notice tells of, to be looked up among what an account wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where it is, if it was written by that account: in one of these.
    pub lists: Vec<Mailbox>,
    /// The account: what it wrote has higher ids.
    pub account: AccountId,
    /// Why it came back.
    pub notice: Notice,
    /// Who wrote it.
    pub from: Name,
    /// To whom.
    pub to: Name,
    /// What the notice says.
    pub text: Text,
}

impl Quote {
    /// Whether a message in one of the lists is the one that the notice tells of.
    pub fn is(&self, message: &Message) -> bool {
        let same = |a: &Name, b: &Name| *a.folded() == *b.folded();
        message.id > self.account.0
            && matches!(message.realm, Some(Away::To(_)))
            && same(&message.from, &self.from)
            && same(&message.to, &self.to)
            && notice_text(self.notice, carried(message).as_str()) == self.text
    }
}

/// What is known of the list that a plain peer has for a mailbox here. What it listed before this changed may
/// all be a former's, or be here already: it is of no use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    mailbox: Mailbox,
    /// When the peer was last told of this realm.
    since: Time,
    /// How much of the list is a former's.
    heir: Option<Heir>,
}

impl Heir {
    /// The same once a plain peer has listed what waits there. Its list grows at its end until all of it is
    /// forgotten, and its answer to what made it forget may never have come: then it has fewer than there
    /// were, or begins with others.
    fn once_listed(self, told: &Told) -> Self {
        // The oldest are not known of a list that was cut.
        let Some(list) = told.list().filter(|_| !told.cut) else { return self };
        let upto = self.upto.map_or(list.len(), |upto| usize::try_from(upto).unwrap_or(usize::MAX));
        let formers = list.get(..upto).unwrap_or_default();
        // A server that numbers its messages forgets nothing, and may list the newest only.
        let tells = !told.numbered && !formers.is_empty();
        let said = tells.then(|| said(formers));
        let others = self.said.zip(said).is_some_and(|(before, now)| before != now);
        match formers.len() < upto || others {
            true => Self { upto: Some(0), said: None, ..self },
            false => Self { upto: Some(upto as u64), said, ..self },
        }
    }
}

/// The hash of what listed messages say, but for blanks. What their senders are called may change.
fn said(list: &[Listed]) -> Chain {
    list.iter().fold(Chain::START, |before, listed| {
        let words: Vec<&str> = listed.text.as_str().split_whitespace().collect();
        before.with_fields("listed", Time(0), ["", "", &words.join(" ")])
    })
}

impl Context<'_> {
    /// What is known now of the list that a plain peer has for a mailbox.
    pub fn listing(&self, peer: PeerId, mailbox: Mailbox) -> Option<Listing> {
        let known = self.peer(peer)?;
        let heir = mailbox.holder().and_then(|holder| known.heirs.get(&holder).copied());
        Some(Listing { mailbox, since: known.record.since, heir })
    }

    /// An account is about to go: its name is remembered where others may still write to it.
    pub fn leave_name(&mut self, account: AccountId) -> Result<(), Code> {
        self.end_heir(account.into())?;
        let durable = &self.state.durable;
        let name = durable.accounts.get(&account).map(|account| account.record.name.clone());
        let remembered = !durable.peers.is_empty() && durable.left_names.len() < LEFT;
        match name.filter(|_| remembered) {
            Some(name) => self.emit(Event::NameLeft(account, name)),
            None => Ok(()),
        }
    }

    /// The same of a group. Others write to a copy of another realm's group by its number, not by its name.
    pub fn leave_group_name(&mut self, group: GroupId) -> Result<(), Code> {
        self.end_heir(group.into())?;
        let durable = &self.state.durable;
        let record = durable.groups.get(&group).map(|group| &group.record);
        let name = record.filter(|record| record.home.is_none()).map(|record| record.name.clone());
        let remembered = !durable.peers.is_empty() && durable.left_group_names.len() < LEFT;
        match name.filter(|_| remembered) {
            Some(name) => self.emit(Event::GroupNameLeft(group, name)),
            None => Ok(()),
        }
    }

    fn end_heir(&mut self, holder: Holder) -> Result<(), Code> {
        let peers = self.state.durable.peers.iter();
        let heir_of = peers.filter(|(_, known)| known.heirs.contains_key(&holder));
        let heir_of: Vec<PeerId> = heir_of.map(|(peer, _)| *peer).collect();
        heir_of.into_iter().try_for_each(|peer| self.emit(Event::HeirEnded(peer, holder)))
    }

    /// An account was made. Where its name was another's, each realm that is known is asked how far its
    /// log goes: what it wrote before may be for the other.
    pub fn take_name(&mut self, account: AccountId, name: &Name) -> Result<(), Code> {
        let left = &self.state.durable.left_names;
        let before = left.get(&*name.folded()).copied();
        if before.is_none() && left.len() < LEFT {
            return Ok(());
        }
        before.map_or(Ok(()), |before| self.emit(Event::NameTaken(before)))?;
        self.begin_heir(account.into(), &Of::User(name.clone()))
    }

    /// The same of a group.
    pub fn take_group_name(&mut self, group: GroupId, name: &Name) -> Result<(), Code> {
        let left = &self.state.durable.left_group_names;
        let before = left.get(&*name.folded()).copied();
        if before.is_none() && left.len() < LEFT {
            return Ok(());
        }
        before.map_or(Ok(()), |before| self.emit(Event::GroupNameTaken(before)))?;
        self.begin_heir(group.into(), &Of::Group(name.clone()))
    }

    fn begin_heir(&mut self, holder: Holder, of: &Of) -> Result<(), Code> {
        let peers = self.state.durable.peers.iter();
        let peers: Vec<(PeerId, u64)> = peers.map(|(id, known)| (*id, known.out.tip.seq)).collect();
        for (peer, owed) in peers {
            self.emit(Event::HeirSet(peer, holder, Heir { owed, upto: None, said: None }))?;
            let me = self.state.durable.name.clone();
            let conn = self.state.links.links.get(&peer).and_then(|link| link.conn);
            let Some(known) = self.peer(peer).filter(|known| known.is_open()) else { continue };
            if known.key().is_none() {
                self.ask_what_waits(peer, holder, of.clone());
            } else if let (Some(conn), Some(me)) = (conn, me) {
                self.ask_clock(peer);
                let asked = Asked::Tip(self.state.durable.next_id());
                let (of, realm, cursor) = (of.clone(), Some(me), None);
                let request = CatchUp { of, realm, cursor };
                self.ask(conn, asked, PeerRequest::CatchUp(request));
            }
        }
        Ok(())
    }

    /// Asks a plain peer how much of what it lists for a holder is the former's.
    fn ask_what_waits(&mut self, peer: PeerId, holder: Holder, of: Of) {
        let Some(record) = self.peer(peer).map(|known| known.record.clone()) else { return };
        let Some(address) = record.address else { return };
        let ask = AskId(self.links().next());
        self.links().asks_for_heirs.insert(ask, (peer, holder));
        let request = PlainRequest::List(of);
        self.output(Output::Ask(ask, Ask { address, realm: record.name, request }));
    }

    /// Takes the answer to `ask_what_waits`; one to anything else is handed back.
    pub fn told_what_waits(
        &mut self,
        ask: AskId,
        answer: Result<Told, NotAsked>,
    ) -> Option<Result<Told, NotAsked>> {
        let Some((peer, holder)) = self.links().asks_for_heirs.remove(&ask) else {
            return Some(answer);
        };
        // Where it was told meanwhile, by a later list perhaps, this one is too old.
        let heir = self.peer(peer).and_then(|known| known.heirs.get(&holder));
        let open = heir.is_some_and(|heir| heir.upto.is_none());
        if let Some(told) = answer.ok().filter(|told| open && told.list().is_some()) {
            let _ = self.formers(peer, holder, &told);
        }
        None
    }

    /// How many of the messages that a plain peer lists for a holder are for the one that had its name
    /// before: the oldest, as many as there were when the peer was first asked. It numbers nothing, and
    /// tells no time. Its list of a group also has what was said in that one here, once it is carried.
    pub fn formers(&mut self, peer: PeerId, holder: Holder, told: &Told) -> Result<usize, Code> {
        let known = self.peer(peer).and_then(|known| known.heirs.get(&holder)).copied();
        let Some(before) = known else { return Ok(0) };
        if self.is_carried_for_former(peer, holder, before) {
            return Ok(usize::MAX);
        }
        let heir = before.once_listed(told);
        if heir != before {
            self.emit(Event::HeirSet(peer, holder, heir))?;
        }
        // While nobody knows how many, all of them are.
        Ok(heir.upto.and_then(|upto| usize::try_from(upto).ok()).unwrap_or(usize::MAX))
    }

    /// Whether something said in a group that is closed may still be carried to a plain peer.
    fn is_carried_for_former(&self, peer: PeerId, holder: Holder, heir: Heir) -> bool {
        let is_group = self.state.durable.groups.contains_key(&GroupId(holder.0));
        is_group && self.peer(peer).is_some_and(|known| known.out.acked.seq < heir.owed)
    }

    /// A plain peer has forgotten what waited there: what waits from now on is for who is here now.
    pub fn nothing_waits(&mut self, peer: PeerId) {
        let Some(known) = self.peer(peer) else { return };
        let heirs: Vec<(Holder, Heir)> =
            known.heirs.iter().map(|(id, heir)| (*id, *heir)).collect();
        for (holder, heir) in heirs {
            let upto = (!self.is_carried_for_former(peer, holder, heir)).then_some(0);
            if heir.upto != upto {
                let heir = Heir { upto, said: None, ..heir };
                let _ = self.emit(Event::HeirSet(peer, holder, heir));
            }
        }
    }

    /// Asks a realm for its clock where the time of what it sends next will matter.
    pub fn ask_clock(&mut self, peer: PeerId) {
        let now = self.readings.uptime;
        let Some(known) = self.peer(peer) else { return };
        let cursor = known.followed.cursor.seq;
        let matters = known.heirs.values().any(|heir| heir.upto.is_none_or(|upto| upto > cursor));
        let link = self.link(peer);
        if let (true, Some(conn)) = (matters, link.conn) {
            link.clock_most = None;
            self.ask(conn, Asked::Ping(now), PeerRequest::Ping);
        }
    }

    /// A realm has told how far its log goes: what follows is written after it was asked. Holders that
    /// were made since are none of those that this is about.
    pub fn told_tip(&mut self, peer: PeerId, tip: Option<u64>, asked_at: u64) {
        let (Some(tip), Some(known)) = (tip, self.peer(peer)) else { return };
        let later = known.heirs.iter().filter(|(holder, heir)| {
            holder.0 < asked_at && heir.upto.is_none_or(|upto| upto > tip)
        });
        let later: Vec<(Holder, Heir)> = later.map(|(id, heir)| (*id, *heir)).collect();
        for (holder, heir) in later {
            // Where nothing can be kept it is told again with the next connection.
            let _ = self.emit(Event::HeirSet(peer, holder, Heir { upto: Some(tip), ..heir }));
        }
    }

    /// Whether an entry of a realm's log, from that time, was written to whoever had a holder's name
    /// before. In doubt it was: its sender hears of it.
    pub fn is_for_former(
        &self,
        peer: PeerId,
        holder: impl Into<Holder>,
        seq: u64,
        time: Time,
    ) -> bool {
        let holder = holder.into();
        let heir = self.peer(peer).and_then(|known| known.heirs.get(&holder));
        if heir.is_none_or(|heir| heir.upto.is_some_and(|upto| seq > upto)) {
            return false;
        }
        let clock = self.state.links.links.get(&peer).and_then(|link| link.clock_most);
        let clock = clock.filter(|ahead| ahead.unsigned_abs() <= AGREE);
        let durable = &self.state.durable;
        let account = durable.accounts.get(&AccountId(holder.0)).map(|a| a.record.created);
        let group = durable.groups.get(&GroupId(holder.0)).map(|group| group.record.created);
        let made = account.or(group);
        let (Some(ahead), Some(made)) = (clock, made) else { return true };
        time.0.saturating_add_signed(-ahead) <= made.0
    }

    /// What must be looked up before a batch can be taken: notices to accounts with such a name.
    pub fn quotes<'e>(&self, peer: PeerId, entries: impl Iterator<Item = &'e Entry>) -> Vec<Quote> {
        entries.filter_map(|entry| self.quote(peer, entry)).collect()
    }

    /// What must be looked up of one entry: a notice says itself of whose message it tells, where the
    /// other realm was told.
    pub fn quote(&self, peer: PeerId, entry: &Entry) -> Option<Quote> {
        let EntryKind::Notice(notice) = entry.kind else { return None };
        if entry.origin.is_some() {
            return None;
        }
        let known = self.peer(peer).filter(|known| !known.heirs.is_empty())?;
        let durable = &self.state.durable;
        let account = durable.account_named(&entry.to)?;
        known.heirs.get(&account.into())?;
        let group = durable.group_named(&entry.from);
        let group = group.map(|group| Mailbox::GroupRealm(group, peer));
        let lists = [Some(Mailbox::SentRealm(account, peer)), group].into_iter().flatten();
        let (from, to, text) = (entry.to.clone(), entry.from.clone(), entry.text.clone());
        Some(Quote { lists: lists.collect(), account, notice, from, to, text })
    }

    /// The account that wrote an entry which a realm was owed, where it is still there.
    pub fn writer(&self, peer: PeerId, seq: u64, entry: &Entry) -> Option<AccountId> {
        if let Some(origin) = entry.origin {
            let account = AccountId(origin.account);
            return self.state.durable.accounts.contains_key(&account).then_some(account);
        }
        let account = self.state.durable.account_named(&entry.from)?;
        let heir = self.peer(peer).and_then(|known| known.heirs.get(&account.into()));
        heir.is_none_or(|heir| seq > heir.owed).then_some(account)
    }
}
