//! Every pair is read, and leads where it should.

use super::known::Known;
use super::lists::Lists;
use super::{Checked, Found, Tell, note_file};
use crate::engine::{self, Direction, Key};
use crate::layout::{FORMAT, FORMAT_KEY, HERE, KINDS, List, RECORDS, TIP_KEY, Timeline, Tip, hex};
use crate::pair::{self, Pair};
use crate::projection::highest_id;
use crate::records::codec::decode;
use crate::records::{Listed, Record, records};
use crate::{Engine, StoreError, v1};
use antar_domain::{Conversation, ConversationTip};
use serde::de::DeserializeOwned;
use std::ops::{ControlFlow, Range};

/// Pairs and bytes of them that are in memory at once.
const STRETCH: (usize, usize) = (512, 1 << 20);

/// Checks what an engine holds.
pub fn check<'a>(engine: &dyn Engine, tell: &'a mut Tell<'a>) -> Checked {
    let mut found = Found::new(tell);
    check_engine(engine, engine.acknowledged(), &mut found);
    found.checked
}

/// The same, where so many batches were acknowledged.
pub fn check_engine(engine: &dyn Engine, acknowledged: u64, found: &mut Found<'_>) {
    let mut check = Check {
        engine,
        known: Known::default(),
        records_whole: false,
        lists: Lists::default(),
        last: None,
        come_to: None,
        not_followed: 0,
    };
    if check.begin(acknowledged, found) == Some(v1::FORMAT) {
        return check.scan_old(found);
    }
    check.records_whole = check.scan(vec![RECORDS]..vec![RECORDS + 1], found);
    if check.records_whole {
        check.known.fit(found);
    }
    // Kind by kind: where one cannot be read to its end, the others are read all the same.
    let mut whole = check.records_whole;
    for kind in KINDS.into_iter().filter(|kind| *kind != RECORDS) {
        let all = check.scan(vec![kind]..vec![kind + 1], found);
        if kind == b'M' {
            let last = check.come_to.take();
            if all && check.records_whole {
                check.ends(last, found);
                check.finish_conversations(found);
            }
        }
        whole &= all;
    }
    check.scan_others(found);
    if whole {
        check.lists.end(&check.known, found);
        check.lists.finish(&check.known, found);
    }
    if check.not_followed > 0 {
        let what = format!("{} entries lead to what cannot be read", check.not_followed);
        found.damage("timelines", what);
    }
    found.progress();
}

pub(super) struct Check<'a> {
    pub engine: &'a dyn Engine,
    pub known: Known,
    /// All records could be read: what is not among them does not exist.
    pub records_whole: bool,
    lists: Lists,
    /// The list that is being read, and the last id in it.
    last: Option<(List, u64)>,
    /// The conversation that is being read, and how far.
    pub come_to: Option<(Conversation, ConversationTip)>,
    /// Entries of timelines that lead to where nothing can be read.
    pub not_followed: u64,
}

impl Check<'_> {
    /// How far the data go, and in which format.
    fn begin(&mut self, acknowledged: u64, found: &mut Found<'_>) -> Option<u32> {
        let tip = self.single::<Tip>(TIP_KEY, "how far the data go", found);
        let format = self.single::<u32>(FORMAT_KEY, "the version of the data", found);
        match (tip, format) {
            (_, Some(Some(format))) if format != FORMAT && format != v1::FORMAT => {
                let what = format!("is {format}, and this program knows {FORMAT}");
                found.damage("the version of the data", what);
            }
            (Some(Some(_)), Some(None)) => found.damage("the version of the data", "is missing"),
            (Some(None), Some(Some(_))) => found.damage("how far the data go", "is missing"),
            _ => {}
        }
        self.known.tip = tip.flatten();
        let batch = tip.map(|tip| tip.map_or(0, |tip| tip.batch));
        if let Some(lost) = batch.and_then(|batch| acknowledged.checked_sub(batch + 1)) {
            let what = format!("the last {} of {acknowledged} batches are missing", lost + 1);
            found.damage("the end of the data", what);
        }
        found.checked.format = format.flatten();
        found.checked.format
    }

    /// Reads the pairs of the first format, each by itself. What a migration has written beside them by
    /// then counts for nothing.
    fn scan_old(&mut self, found: &mut Found<'_>) {
        for kind in v1::KINDS {
            let mut range = vec![kind]..vec![kind + 1];
            while self.stretch(&mut range, v1::read, Self::old_pair, found).is_none() {}
        }
    }

    fn old_pair(&mut self, key: &[u8], pair: v1::Pair, found: &mut Found<'_>) {
        let checked = &mut found.checked;
        let last_id = match pair {
            v1::Pair::Record(event) => {
                checked.records += 1;
                records(&[event]).iter().map(highest_id).max().unwrap_or(0)
            }
            v1::Pair::Messages(_, run) => {
                checked.messages += run.len() as u64;
                run.last().map_or(0, |message| message.id)
            }
            v1::Pair::Sent(_, run) => {
                checked.sent += run.len() as u64;
                run.last().map_or(0, |pointer| pointer.id)
            }
            v1::Pair::Owed(_, run) => {
                checked.owed += run.len() as u64;
                0
            }
            v1::Pair::Marks(_, run) => {
                checked.hashes += run.len() as u64;
                0
            }
        };
        self.within(last_id, || place(key), found);
    }

    /// What there is once, if it is there; nothing where that cannot be told.
    fn single<T: DeserializeOwned>(
        &self,
        key: &[u8],
        place: &str,
        found: &mut Found<'_>,
    ) -> Option<Option<T>> {
        let read = self.engine.read(key);
        let read = read.and_then(|value| value.map(|v| decode(key, &v)).transpose());
        read.map_err(|error| found.damage(place, said(error))).ok()
    }

    /// Reads the pairs of a range, a stretch at a time: what one leads to is looked up in between.
    /// Whether it was read to its end.
    fn scan(&mut self, mut range: Range<Key>, found: &mut Found<'_>) -> bool {
        loop {
            if let Some(whole) = self.stretch(&mut range, pair::read, Self::pair, found) {
                return whole;
            }
        }
    }

    /// Reads the next stretch of a range; at its end, whether it could be read up to there.
    fn stretch<T>(
        &mut self,
        range: &mut Range<Key>,
        read: fn(&[u8], &[u8]) -> Result<T, StoreError>,
        take: fn(&mut Self, &[u8], T, &mut Found<'_>),
        found: &mut Found<'_>,
    ) -> Option<bool> {
        let (mut stretch, mut bytes) = (Vec::new(), 0);
        let scanned = self.engine.scan(range.clone(), Direction::Up, &mut |key, value| {
            bytes += key.len() + value.len();
            stretch.push((key.to_vec(), value.to_vec()));
            let full = stretch.len() >= STRETCH.0 || bytes >= STRETCH.1;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        for (key, value) in &stretch {
            match read(key, value) {
                Ok(pair) => take(self, key, pair, found),
                Err(error) => found.damage(place(key), said(error)),
            }
        }
        found.progress();
        let Some((last, _)) = stretch.pop() else {
            return Some(told(scanned, &range.start, found));
        };
        if scanned.is_err() {
            return Some(told(scanned, &last, found));
        }
        // The least key after it.
        range.start = [&last[..], &[0]].concat();
        None
    }

    /// Keys of no kind that there is. Those of format 1 are being removed.
    fn scan_others(&mut self, found: &mut Found<'_>) {
        let mut start = engine::everything().start;
        let known = |kind: u8| {
            KINDS.contains(&kind)
                || v1::KINDS.contains(&kind)
                || kind == FORMAT_KEY[0]
                || kind == TIP_KEY[0]
        };
        while let Some(from) = (start[0]..u8::MAX).find(|kind| !known(*kind)) {
            let to = (from..u8::MAX).find(|kind| known(*kind)).unwrap_or(u8::MAX);
            self.scan(vec![from]..vec![to], found);
            start = vec![to];
        }
    }

    fn pair(&mut self, key: &[u8], pair: Pair, found: &mut Found<'_>) {
        match pair {
            // Read before.
            Pair::Tip(_) | Pair::Format(_) => {}
            Pair::Record(record) => {
                let is_beside = matches!(
                    record,
                    Record::ConversationReached(_)
                        | Record::MarkerSet(_)
                        | Record::SkippedSet(_)
                        | Record::LetGo(_)
                        | Record::FileNamed(_)
                );
                if !is_beside {
                    found.checked.records += 1;
                }
                self.within(highest_id(&record), || place(key), found);
                if let Some(event) = record.event() {
                    note_file(Some(&event), &mut found.files);
                    self.known.take(event, found);
                }
            }
            Pair::Messages(conversation, run) => {
                found.checked.messages += run.len() as u64;
                let list = List::Messages(conversation);
                let first = self.grows(list, &run, || place(key), found);
                self.counts(conversation, &run, first, found);
                if first && self.records_whole {
                    self.conversation(conversation, found);
                }
            }
            Pair::Referred(named, stored) => self.refers(&named, &stored, || place(key), found),
            Pair::Pointers(timeline, run) => {
                found.checked.sent += match timeline {
                    Timeline::Outgoing(_, HERE) => run.len() as u64,
                    _ => 0,
                };
                self.grows(List::Timeline(timeline), &run, || place(key), found);
                self.lead(timeline, &run, found);
            }
            Pair::Changes(list, run) => {
                self.grows(List::Changes(list), &run, || place(key), found);
                self.lists.changes(list, &run);
            }
            Pair::Owed(realm, run) => {
                found.checked.owed += run.len() as u64;
                if self.records_whole {
                    self.lists.owed(realm.0, &run, &self.known, found);
                }
            }
            Pair::Marks(fork, run) => {
                found.checked.hashes += run.len() as u64;
                if self.records_whole {
                    self.lists.marks(fork.0, &run, &self.known, found);
                }
            }
            Pair::Apart(peer, run) => {
                self.grows(List::Apart(peer), &run, || place(key), found);
                self.lists.apart(peer.0, &run);
            }
        }
    }

    fn within(&self, id: u64, place: impl Fn() -> String, found: &mut Found<'_>) {
        let last = self.known.tip.map_or(u64::MAX, |tip| tip.last_id);
        if id > last {
            found.damage(
                place(),
                format!("has the number {id}, and {last} is the highest there is"),
            );
        }
    }

    /// Notes a run of a list; whether it is the first of it.
    fn grows<T: Listed>(
        &mut self,
        list: List,
        run: &[T],
        place: impl Fn() -> String,
        found: &mut Found<'_>,
    ) -> bool {
        let (first, last) = (run.first().map_or(0, T::id), run.last().map_or(0, T::id));
        self.within(last, &place, found);
        let before = self.last.replace((list, last));
        match before {
            Some((of, before)) if of == list => {
                if before >= first {
                    found.damage(place(), format!("message {first} comes after message {before}"));
                }
                false
            }
            _ => true,
        }
    }
}

/// Notes that a range could not be read to its end, if so; whether it was.
fn told(scanned: Result<(), StoreError>, after: &[u8], found: &mut Found<'_>) -> bool {
    let Err(error) = scanned else { return true };
    let what = format!("what follows could not be checked: {}", said(error));
    found.damage(place(after), what);
    false
}

/// A key as the place of a damage.
fn place(key: &[u8]) -> String {
    let kind = match key {
        [RECORDS, b'a', ..] => "accounts",
        [RECORDS, b'b', ..] => "bans",
        [RECORDS, b'c', ..] => "conversations",
        [RECORDS, b'g', ..] => "groups",
        [RECORDS, b'm', ..] => "members of groups",
        [RECORDS, b's', ..] => "sessions",
        [RECORDS, b'l', ..] => "links",
        [RECORDS, ..] => "records",
        [b'M', ..] => "messages",
        [b'C', ..] => "changes",
        [b'F', ..] => "what messages are called",
        [b'T', ..] => "timelines",
        [b'O', ..] => "what is owed",
        [b'H', ..] => "hashes of what came",
        [b'A', ..] => "what came and is not known here",
        _ => "the store",
    };
    format!("{kind}, key {}", hex(key))
}

/// What an error says, without what to do about it.
fn said(error: StoreError) -> String {
    match error {
        StoreError::Corrupt(what) => what,
        error => error.to_string(),
    }
}
