//! Every pair is read, and leads where it should.

use super::known::Known;
use super::lists::Lists;
use super::{Checked, Found, Tell};
use crate::engine::{self, Direction, Key};
use crate::layout::{self, FORMAT, FORMAT_KEY, RECORDS, TIP_KEY, Tip};
use crate::pair::{self, Pair};
use crate::records::v1;
use crate::{Engine, StoreError};
use antar_domain::{Mailbox, Source};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
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
        not_followed: 0,
    };
    check.begin(acknowledged, found);
    check.records_whole = check.scan(vec![RECORDS]..vec![RECORDS + 1], found);
    if check.records_whole {
        check.known.fit(found);
    }
    // Kind by kind: where one cannot be read to its end, the others are read all the same.
    let all = engine::everything();
    let (mut start, mut whole) = (all.start, check.records_whole);
    for kind in [b'k', b'm', b'o', RECORDS] {
        whole &= check.scan(start..vec![kind], found);
        start = vec![kind];
    }
    whole &= check.scan(vec![RECORDS + 1]..all.end, found);
    if whole {
        check.lists.end(&check.known, found);
        check.lists.finish(&check.known, found);
    }
    if check.not_followed > 0 {
        let what = format!("{} entries lead to what cannot be read", check.not_followed);
        found.damage("SENT lists", what);
    }
    found.progress();
}

struct Check<'a> {
    engine: &'a dyn Engine,
    known: Known,
    /// All records could be read: what is not among them does not exist.
    records_whole: bool,
    lists: Lists,
    /// The list that is being read, and the last id in it.
    last: Option<(Source, u64)>,
    /// Entries of SENT lists that lead to where nothing can be read.
    not_followed: u64,
}

impl Check<'_> {
    /// How far the data go.
    fn begin(&mut self, acknowledged: u64, found: &mut Found<'_>) {
        let tip = self.single::<Tip>(TIP_KEY, "how far the data go", found);
        let format = self.single::<u32>(FORMAT_KEY, "the version of the data", found);
        match (tip, format) {
            (_, Some(Some(format))) if format != FORMAT => {
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
    }

    /// What there is once, if it is there; nothing where that cannot be told.
    fn single<T: DeserializeOwned>(
        &self,
        key: &[u8],
        place: &str,
        found: &mut Found<'_>,
    ) -> Option<Option<T>> {
        let read = self.engine.read(key);
        let read = read.and_then(|value| value.map(|v| layout::decode(key, &v)).transpose());
        read.map_err(|error| found.damage(place, said(error))).ok()
    }

    /// Reads the pairs of a range, a stretch at a time: what one leads to is looked up in between.
    /// Whether it was read to its end.
    fn scan(&mut self, mut range: Range<Key>, found: &mut Found<'_>) -> bool {
        loop {
            let (mut stretch, mut bytes) = (Vec::new(), 0);
            let scanned = self.engine.scan(range.clone(), Direction::Up, &mut |key, value| {
                bytes += key.len() + value.len();
                stretch.push((key.to_vec(), value.to_vec()));
                let full = stretch.len() >= STRETCH.0 || bytes >= STRETCH.1;
                Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            for (key, value) in &stretch {
                match pair::read(key, value) {
                    Ok(pair) => self.pair(key, pair, found),
                    Err(error) => found.damage(place(key), said(error)),
                }
            }
            found.progress();
            let Some((last, _)) = stretch.pop() else { return told(scanned, &range.start, found) };
            if scanned.is_err() {
                return told(scanned, &last, found);
            }
            // The least key after it.
            range.start = [&last[..], &[0]].concat();
        }
    }

    fn pair(&mut self, key: &[u8], pair: Pair, found: &mut Found<'_>) {
        match pair {
            // Read before.
            Pair::Tip(_) | Pair::Format(_) => {}
            Pair::Record(event) => {
                found.checked.records += 1;
                let last_id = layout::write(std::slice::from_ref(&event)).map_or(0, |(_, id)| id);
                self.within(last_id, || place(key), found);
                self.known.take(event, found);
            }
            Pair::Messages(mailbox, run) => {
                found.checked.messages += run.len() as u64;
                let ids = (run.first().map_or(0, |m| m.id), run.last().map_or(0, |m| m.id));
                let first = self.grows(Source::Mailbox(mailbox), ids, || place(key), found);
                if first && self.records_whole {
                    self.mailbox(mailbox, found);
                }
            }
            Pair::Sent(account, run) => {
                found.checked.sent += run.len() as u64;
                let ids = (run.first().map_or(0, |p| p.0), run.last().map_or(0, |p| p.0));
                self.grows(Source::Sent(account), ids, || place(key), found);
                self.lead(account.0, &run, found);
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
    fn grows(
        &mut self,
        source: Source,
        (first, last): (u64, u64),
        place: impl Fn() -> String,
        found: &mut Found<'_>,
    ) -> bool {
        self.within(last, &place, found);
        let before = self.last.replace((source, last));
        match before {
            Some((of, before)) if of == source => {
                if before >= first {
                    found.damage(place(), format!("message {first} comes after message {before}"));
                }
                false
            }
            _ => true,
        }
    }

    /// Groups are never removed; users may be, and realms may be forgotten, and their messages stay.
    fn mailbox(&self, mailbox: Mailbox, found: &mut Found<'_>) {
        let (group, realm, user) = match mailbox {
            Mailbox::Private(_) => (None, None, None),
            Mailbox::Group(group) => (Some(group), None, None),
            Mailbox::Realm(_, realm) | Mailbox::SentRealm(_, realm) => (None, Some(realm), None),
            Mailbox::GroupRealm(group, realm) => (Some(group), Some(realm), None),
            Mailbox::Plain(realm, user) => (None, Some(realm), Some(user)),
        };
        let known = &self.known;
        if realm.is_some_and(|realm| known.forgotten.contains(&realm.0)) {
            return;
        }
        let is = realm.map(|realm| known.realms.get(&realm.0).filter(|realm| realm.named));
        let what = if group.is_some_and(|group| !known.groups.contains_key(&group.0)) {
            "there is no such group"
        } else if is.as_ref().is_some_and(|realm| realm.is_none()) {
            "there is no such realm"
        } else if user
            .is_some_and(|user| is.flatten().is_none_or(|r| !r.plain_mailboxes.contains(&user)))
        {
            "there is no such user of that realm"
        } else {
            return;
        };
        found.damage(format!("mailbox {mailbox:?}"), what);
    }

    /// Every entry of a SENT list leads to a message.
    fn lead(&mut self, account: u64, run: &[(u64, Mailbox)], found: &mut Found<'_>) {
        let mut runs: BTreeMap<Mailbox, Vec<u64>> = BTreeMap::new();
        for (id, mailbox) in run {
            let ids = runs.entry(*mailbox).or_default();
            if ids.binary_search(id).is_ok() {
                continue;
            }
            match self.run_holding(*mailbox, *id) {
                Ok(held) => *ids = held,
                Err(_) => {
                    self.not_followed += 1;
                    continue;
                }
            }
            if ids.binary_search(id).is_err() {
                let what = format!("message {id} is gone from mailbox {mailbox:?}");
                found.damage(format!("SENT of account {account}"), what);
            }
        }
    }

    /// The ids in the run that holds a message, or would.
    fn run_holding(&self, mailbox: Mailbox, id: u64) -> Result<Vec<u64>, StoreError> {
        let source = Source::Mailbox(mailbox);
        let range = layout::entry(source, 0)..layout::entry(source, id.saturating_add(1));
        let mut held = Vec::new();
        self.engine.scan(range, Direction::Down, &mut |key, value| {
            // One that is unreadable has been told of where it is.
            let run: Vec<v1::Message> = layout::decode_run(key, value).unwrap_or_default();
            held = run.iter().map(|message| message.id).collect();
            Ok(ControlFlow::Break(()))
        })?;
        Ok(held)
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
        [b'r', b'a', ..] => "accounts",
        [b'r', b'g', ..] => "groups",
        [b'r', b'm', ..] => "members of groups",
        [b'r', b's', ..] => "sessions",
        [b'r', b'l', ..] => "links",
        [b'r', ..] => "records",
        [b'm', ..] => "messages",
        [b's', ..] => "SENT lists",
        [b'o', ..] => "what is owed",
        [b'k', ..] => "hashes of what came",
        _ => "the store",
    };
    format!("{kind}, key {}", layout::hex(key))
}

/// What an error says, without what to do about it.
fn said(error: StoreError) -> String {
    match error {
        StoreError::Corrupt(what) => what,
        error => error.to_string(),
    }
}
