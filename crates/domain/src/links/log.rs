//! The two logs of a link, as far as they are in memory: what a realm is owed, and how far it was
//! followed.

use super::{Epoch, Lost, Position};
use crate::{ForkId, GroupId, PeerId};
use antar_types::{Entry, Message, RoomEntry, Text, Time};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What another realm is owed: a log, followed from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pub epoch: Epoch,
    pub tip: Position,
    /// Entries up to here are gone.
    pub floor: Position,
    /// Entries up to here are durable there.
    pub acked: Position,
    /// Of these, so many were let go of undelivered.
    pub dropped: u64,
    /// Which those are.
    pub lost: Lost,
    /// Who wrote them has been told that they are there, up to this entry.
    pub told: u64,
    /// No entry past this one says anything else than when it was written.
    pub replaced: u64,
    /// Bytes appended so far, and up to `acked`.
    total: u64,
    acked_total: u64,
    /// How far the other side was at some hour: lets go of entries after a grace.
    pub acks: BTreeMap<u64, Position>,
    /// Some of the entries that are owed, oldest first: when they were written, and the bytes
    /// before them.
    points: VecDeque<Point>,
    /// The latest entries, so that those that follow need not wait for the disk to be read.
    recent: VecDeque<(Position, Arc<Entry>)>,
    recent_bytes: u64,
}

/// Bytes of the latest entries kept at hand for each realm.
const RECENT: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    seq: u64,
    before: u64,
    time: Time,
}

/// Points kept at most; past it every other one is forgotten.
const POINTS: usize = 1024;

/// What `points` leave out between two, in milliseconds.
const POINT_EVERY: u64 = 1_000;

/// `points` are a summary, which a restart makes coarser, and `recent` a convenience.
impl PartialEq for Outbox {
    fn eq(&self, other: &Self) -> bool {
        let durable = |log: &Self| {
            (
                log.epoch,
                log.tip,
                log.floor,
                log.acked,
                log.dropped,
                log.replaced,
                log.total,
                log.told,
            )
        };
        durable(self) == durable(other) && self.acks == other.acks && self.lost == other.lost
    }
}

impl Eq for Outbox {}

impl Outbox {
    /// Messages owed.
    pub fn owed(&self) -> u64 {
        self.tip.seq.saturating_sub(self.acked.seq)
    }

    /// Messages that are on disk there.
    pub fn delivered(&self) -> u64 {
        self.acked.seq.saturating_sub(self.dropped)
    }

    /// Bytes owed, to within what was written in a second.
    pub fn owed_bytes(&self) -> u64 {
        self.total.saturating_sub(self.acked_total)
    }

    /// Bytes ever appended.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The entries of a range where all of them are in memory, and none otherwise.
    pub fn recent(&self, first: u64, last: u64) -> Vec<(Position, Arc<Entry>)> {
        let oldest = self.recent.front().map_or(u64::MAX, |(at, _)| at.seq);
        let (Some(from), Some(to)) = (first.checked_sub(oldest), last.checked_sub(oldest)) else {
            return Vec::new();
        };
        let range = from as usize..to as usize + 1;
        if range.end > self.recent.len() {
            Vec::new()
        } else {
            self.recent.range(range).cloned().collect()
        }
    }

    /// When the oldest entry owed was written.
    pub fn oldest(&self) -> Option<Time> {
        (self.owed() > 0).then(|| self.points.front().map(|p| p.time))?
    }

    pub fn append(&mut self, tip: Position, total: u64, entry: &Arc<Entry>) {
        let time = entry.time;
        self.recent.push_back((tip, entry.clone()));
        self.recent_bytes += entry.size();
        while self.recent_bytes > RECENT
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.recent_bytes -= oldest.size();
        }
        let recent = self.points.back().is_some_and(|p| time.0 < p.time.0 + POINT_EVERY);
        if self.owed() == 0 || !recent {
            self.points.push_back(Point { seq: tip.seq, before: self.total, time });
        }
        if self.points.len() > POINTS {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
        }
        (self.tip, self.total) = (tip, total);
    }

    /// An entry says something else from here on.
    pub fn replace(&mut self, seq: u64, text: &Text) {
        for (at, entry) in self.recent.iter_mut().filter(|(at, _)| at.seq == seq) {
            self.recent_bytes -= entry.size();
            *entry = Arc::new(entry.saying(text.clone(), at.chain));
            self.recent_bytes += entry.size();
        }
    }

    /// A message of a room is another than it was.
    pub fn retell(&mut self, peer: PeerId, room: GroupId, message: &Message) {
        let is_of = |entry: &Entry| {
            let told = entry.room().filter(|told| told.room == room.0);
            told.and_then(RoomEntry::message) == Some(message.id)
        };
        for (_, entry) in self.recent.iter_mut().filter(|(_, entry)| is_of(entry)) {
            self.recent_bytes -= entry.size();
            *entry = Arc::new(entry.telling(message, peer.0));
            self.recent_bytes += entry.size();
        }
    }

    /// As loaded: where the log stands, and when the oldest entry owed was written.
    pub fn reached(&mut self, tip: Position, total: u64, since: Time) {
        (self.tip, self.total) = (tip, total);
        self.points = VecDeque::from([Point { seq: 0, before: 0, time: since }]);
    }

    /// Bytes appended up to an entry, to within what was written in a second.
    pub fn total_at(&self, seq: u64) -> u64 {
        if seq >= self.tip.seq {
            return self.total;
        }
        let before = self.points.iter().rev().find(|p| p.seq <= seq + 1).map_or(0, |p| p.before);
        before.max(self.acked_total)
    }

    pub fn ack(&mut self, acked: Position, total: u64) {
        (self.acked, self.acked_total) = (acked, total);
        while self.points.get(1).is_some_and(|next| next.seq <= acked.seq + 1) {
            self.points.pop_front();
        }
        if acked.seq >= self.tip.seq {
            self.points.clear();
        }
    }

    pub fn trim(&mut self, floor: Position) {
        self.floor = floor;
        if self.acked.seq < floor.seq {
            self.ack(floor, self.total_at(floor.seq));
        }
        // What is gone is told of no more.
        self.told = self.told.max(floor.seq);
    }
}

/// What another realm has sent: how far its log was followed, and along which of its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    pub cursor: Position,
    /// The courses that the log has taken, each from some entry on: the last is being followed. Those
    /// that were left are kept, since a log can come back to one of them.
    forks: Vec<Fork>,
}

/// Where the log took another course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fork {
    /// Under which the hashes of what came since are kept.
    pub id: ForkId,
    pub epoch: Epoch,
    /// The last entry before it.
    pub from: u64,
    /// The last entry of it that came, once it was left.
    pub to: u64,
}

/// Courses remembered; the hashes of the oldest are not looked up any more.
const FORKS: usize = 32;

impl Followed {
    /// The life that is being followed; zero before the first.
    pub fn epoch(&self) -> Epoch {
        self.forks.last().map_or(Epoch(0), |fork| fork.epoch)
    }

    pub fn fork(&self) -> Option<Fork> {
        self.forks.last().copied()
    }

    /// Under which forks a hash of an entry with this number is kept.
    pub fn forks_at(&self, seq: u64) -> impl Iterator<Item = ForkId> {
        let last = self.forks.len().wrapping_sub(1);
        let there = move |(i, fork): &(usize, &Fork)| {
            let to = if *i == last { self.cursor.seq } else { fork.to };
            (fork.from + 1..=to).contains(&seq)
        };
        self.forks.iter().enumerate().filter(there).map(|(_, fork)| fork.id)
    }

    /// Whether entries past this one have come in some course of an epoch.
    pub fn went_past(&self, epoch: Epoch, seq: u64) -> bool {
        let is_last = |i: usize| i + 1 == self.forks.len();
        let to = |i, fork: &Fork| if is_last(i) { self.cursor.seq } else { fork.to };
        let mut forks = self.forks.iter().enumerate();
        forks.any(|(i, fork)| fork.epoch == epoch && to(i, fork) > seq)
    }

    /// The highest number that an entry ever had here.
    pub fn top(&self) -> u64 {
        self.forks.iter().map(|fork| fork.to).max().unwrap_or(0).max(self.cursor.seq)
    }

    pub fn follow(&mut self, id: ForkId, epoch: Epoch, at: Position, left: u64) {
        if let Some(last) = self.forks.last_mut() {
            last.to = left;
        }
        if self.forks.len() >= FORKS {
            self.forks.remove(0);
        }
        self.forks.push(Fork { id, epoch, from: at.seq, to: at.seq });
        self.cursor = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::{Chain, Name};

    fn entry(time: u64) -> Arc<Entry> {
        let name = |n| Name::parse(n).unwrap();
        let (kind, text) = (antar_types::EntryKind::Private, antar_types::Text::empty());
        let (time, origin, more) = (Time(time), None, None);
        Arc::new(Entry { kind, time, from: name("amy"), to: name("bob"), text, origin, more })
    }

    #[test]
    fn the_latest_entries_are_at_hand() {
        let mut log = Outbox::default();
        let at = |seq| Position { seq, chain: Chain::START };
        (1..=20_000).for_each(|n| log.append(at(n), n, &entry(n)));
        let recent = log.recent(19_990, 20_000);
        assert_eq!((recent.len(), recent[0].0.seq, recent[10].1.time), (11, 19_990, Time(20_000)));
        assert_eq!(log.recent(1, 20_000).len(), 0);
        assert_eq!(log.recent(20_000, 20_001).len(), 0);
    }

    #[test]
    fn what_is_owed_is_counted_in_messages_and_bytes() {
        let mut log = Outbox::default();
        let at = |seq| Position { seq, chain: Chain::START };
        (1..=10).for_each(|n| log.append(at(n), n * 100, &entry(n * 2_000)));
        assert_eq!((log.owed(), log.owed_bytes(), log.oldest()), (10, 1_000, Some(Time(2_000))));
        log.ack(at(4), log.total_at(4));
        assert_eq!((log.owed(), log.owed_bytes(), log.oldest()), (6, 600, Some(Time(10_000))));
        log.ack(at(10), log.total_at(10));
        assert_eq!((log.owed(), log.owed_bytes(), log.oldest()), (0, 0, None));
        log.append(at(11), 1_100, &entry(20_001));
        assert_eq!((log.owed_bytes(), log.oldest()), (100, Some(Time(20_001))));
    }

    #[test]
    fn hashes_are_found_along_the_forks() {
        let mut log = Followed::default();
        let at = |seq| Position { seq, chain: Chain::START };
        log.follow(ForkId(7), Epoch(1), at(0), 0);
        log.cursor = at(80);
        log.follow(ForkId(8), Epoch(2), at(50), 80);
        log.cursor = at(60);
        let forks = |log: &Followed, seq| log.forks_at(seq).map(|fork| fork.0).collect::<Vec<_>>();
        assert_eq!((forks(&log, 50), forks(&log, 55)), (vec![7], vec![7, 8]));
        assert_eq!((forks(&log, 70), forks(&log, 81), log.top()), (vec![7], vec![], 80));
        log.follow(ForkId(9), Epoch(3), at(70), 60);
        log.cursor = at(75);
        assert_eq!((forks(&log, 60), forks(&log, 75)), (vec![7, 8], vec![7, 9]));
        assert_eq!(log.epoch(), Epoch(3));
        let went_past = |epoch, seq| log.went_past(Epoch(epoch), seq);
        assert!(went_past(1, 79) && !went_past(1, 80) && went_past(2, 59) && !went_past(2, 60));
        assert!(went_past(3, 74) && !went_past(3, 75) && !went_past(4, 0));
    }
}
