//! What was owed on a link that was ended here: who wrote it is told that it was not delivered.
//!
//! It may be much, and is on disk. So it is read off the domain's thread, so many entries at a time; their
//! notices and how far that has come are of one batch. After a crash it goes on from there.

use super::notice_text;
use super::{Fetched, LinkContext, Peer, Unreadable};
use crate::{AskId, Event, Mailbox, Output, PeerId};
use antar_types::{Away, Code, Entry, EntryKind, Message, Notice};
use std::sync::Arc;

/// Entries that are read at a time.
const EACH: u64 = 64;

impl LinkContext<'_> {
    /// Has the next of what is to be given back read, where none is being read.
    pub fn give_back(&mut self) {
        let now = self.readings.uptime;
        let links = &self.state.links;
        let due = |realm: &PeerId| links.links.get(realm).is_none_or(|link| link.retry_at <= now);
        let mut peers = self.state.durable.peers.iter();
        let next = peers.find(|(realm, peer)| peer.gives_back() && due(realm));
        let Some((realm, out)) = next.map(|(realm, peer)| (*realm, &peer.out)) else { return };
        let first = out.acked.seq + 1;
        let last = out.tip.seq.min(out.acked.seq + EACH);
        if links.given_back.is_some() {
            return;
        }
        let ask = AskId(self.links().next());
        self.links().given_back = Some((realm, ask));
        self.output(Output::Fetch { ask, realm, first, last });
    }

    /// It was read.
    pub fn read_to_give_back(&mut self, found: Result<Fetched, Unreadable>) {
        let Some((realm, _)) = self.links().given_back.take() else { return };
        // It may have been linked again meanwhile, and have what it is owed.
        if !self.peer(realm).is_some_and(Peer::gives_back) {
            return self.give_back();
        }
        let told = found.is_ok_and(|entries| self.told_writers(realm, entries).is_ok());
        if !told {
            self.link(realm).failed();
            self.retry_later(realm);
        } else if !self.peer(realm).is_some_and(Peer::gives_back) {
            self.links().links.remove(&realm);
        }
        self.give_back();
    }

    fn told_writers(&mut self, realm: PeerId, mut entries: Fetched) -> Result<(), Code> {
        let Some(out) = self.peer(realm).map(|peer| &peer.out) else { return Ok(()) };
        let (acked, tip, dropped) = (out.acked, out.tip, out.dropped);
        entries.retain(|(at, _)| (acked.seq + 1..=tip.seq).contains(&at.seq));
        // What is not in the store any more cannot be given back.
        let floor = entries.last().map_or(tip, |(at, _)| *at);
        for (at, entry) in &entries {
            self.tell_writer(realm, at.seq, entry)?;
        }
        self.emit(Event::Dropped(realm, dropped + floor.seq - acked.seq))?;
        match floor.seq < tip.seq {
            true => self.emit(Event::Trimmed { realm, floor, hour: None }),
            false => self.end_log(realm),
        }
    }

    fn tell_writer(&mut self, realm: PeerId, seq: u64, entry: &Entry) -> Result<(), Code> {
        // A notice is about what somebody there has written.
        if matches!(entry.kind, EntryKind::Notice(_)) {
            return Ok(());
        }
        let Some(account) = self.writer(realm, seq, entry) else { return Ok(()) };
        let notice = Notice::RealmRemoved;
        let message = Message {
            id: self.state.durable.next_id(),
            time: self.readings.now,
            from: entry.to.clone(),
            to: entry.from.clone(),
            text: notice_text(notice, entry.text.as_str()),
            realm: self.peer(realm).map(|peer| Away::From(peer.record.name.clone())),
            notice: Some(notice),
        };
        let mailbox = Mailbox::Realm(account, realm);
        self.post(mailbox, None, Arc::new(message))
    }

    /// Nothing is owed on a link that was ended any more, nor kept for a peer that was put back.
    pub fn end_log(&mut self, realm: PeerId) -> Result<(), Code> {
        let Some(out) = self.peer(realm).map(|peer| &peer.out) else { return Ok(()) };
        let floor = out.tip;
        let hours: Vec<u64> = out.acks.keys().copied().collect();
        let hours = hours.into_iter().map(Some).chain([None]);
        hours.map(|hour| Event::Trimmed { realm, floor, hour }).try_for_each(|e| self.emit(e))
    }
}

#[cfg(test)]
mod tests {
    use super::EACH;
    use crate::commands::testing::{BETA, Realm};
    use crate::links::Position;
    use crate::{AskId, Input, Output};
    use antar_types::{Chain, Entry, EntryKind, Name, Text, Time, Value};
    use std::sync::Arc;

    /// The realm has some of what was owed read: from where to where.
    fn asked(realm: &mut Realm) -> Option<(AskId, u64, u64)> {
        let fetch = |output: &Output| matches!(output, Output::Fetch { .. });
        let at = realm.asked.iter().position(fetch)?;
        match realm.asked.remove(at) {
            Output::Fetch { ask, first, last, .. } => Some((ask, first, last)),
            _ => None,
        }
    }

    fn entry(n: u64) -> Arc<Entry> {
        let name = |word| Name::parse(word).unwrap();
        let kind = if n.is_multiple_of(2) { EntryKind::Group } else { EntryKind::Private };
        let (time, text) = (Time(2_000_000), Text::parse(&format!("m{n}"), 9).unwrap());
        Arc::new(Entry { kind, time, from: name("amy"), to: name("bob"), text })
    }

    fn read(realm: &mut Realm, (ask, first, last): (AskId, u64, u64)) {
        let at = |seq| (Position { seq, chain: Chain::START }, entry(seq));
        realm.tell(Input::Fetched(ask, Ok((first..=last).map(at).collect())));
    }

    /// Alpha, with so much owed to beta when the link is ended.
    fn ended(owed: u64) -> Realm {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.disconnect(BETA);
        (1..=owed).for_each(|n| drop(realm.say(1, &format!("sendrealm beta bob m{n}"))));
        assert_eq!(realm.say(1, "REMOVEREALM beta")["owed"], owed);
        assert_eq!(realm.say(1, "REMOVEREALM beta force")["status"], "OK");
        realm
    }

    #[test]
    fn each_writer_is_told_bit_by_bit() {
        let owed = EACH + 2;
        let mut realm = ended(owed);
        let first = asked(&mut realm).unwrap();
        assert_eq!((first.1, first.2, asked(&mut realm)), (1, EACH, None));
        // It cannot be read at first.
        realm.tell(Input::Fetched(first.0, Err(crate::links::Unreadable)));
        assert_eq!(asked(&mut realm), None);
        assert!(realm.state.is_busy());
        realm.pass(60);
        realm.tick();
        let first = asked(&mut realm).unwrap();
        read(&mut realm, first);
        let rest = asked(&mut realm).unwrap();
        assert_eq!((rest.1, rest.2), (EACH + 1, owed));
        read(&mut realm, rest);
        assert_eq!((asked(&mut realm), realm.state.is_busy()), (None, false));
        let told = realm.say(1, "INBOXREALM beta")["data"].clone();
        let told = told.as_array().unwrap();
        assert_eq!(told.len() as u64, owed);
        for (n, notice) in (1..).zip(told) {
            let text = format!("Pesan tidak terkirim (Realm sudah dihapus): m{n}");
            assert_eq!(
                (&notice["message"], &notice["notice"], &notice["from"]),
                (&Value::from(text), &"realm_removed".into(), &"bob".into())
            );
        }
        assert_eq!(realm.texts(1, "SENT realm=beta").len() as u64, owed);
        // Linked again: nothing of it was ever delivered.
        realm.link_beta(20, 0, Chain::START);
        let link = realm.say(1, "CHECKREALM")["data"][0].clone();
        assert_eq!((&link["sent"], &link["owed"]), (&0.into(), &0.into()));
        assert_eq!(realm.state.stats(Time(9)).links[0].delivered, 0);
    }

    #[test]
    fn what_is_linked_again_meanwhile_is_owed() {
        let mut realm = ended(3);
        let first = asked(&mut realm).unwrap();
        realm.link_beta(20, 0, Chain::START);
        read(&mut realm, first);
        let link = realm.say(1, "CHECKREALM")["data"][0].clone();
        assert_eq!((&link["sent"], &link["owed"]), (&0.into(), &3.into()));
        assert_eq!(realm.texts(1, "INBOXREALM beta").len(), 0);
    }
}
