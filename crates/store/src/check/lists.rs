//! The logs of links: what is owed, and the hashes of what came. Both are without gaps.

use super::Found;
use super::known::Known;
use crate::records::alike::Alike;
use crate::records::{self, ApartEntry, ChangeEntry, Outgoing};
use antar_domain::ChangeList;
use antar_domain::links::Position;
use antar_types::Chain;
use std::collections::{BTreeMap, BTreeSet};

/// How far each log was found to go.
#[derive(Default)]
pub struct Lists {
    at: Option<Position>,
    owed: BTreeSet<u64>,
    marked: BTreeSet<u64>,
    /// Entries of each realm that are not known here, and bytes of them.
    apart: BTreeMap<u64, (u64, u64)>,
    /// The last change of each list.
    changed: BTreeMap<ChangeList, u64>,
    /// The realm or the fork that is being read.
    reading: Option<(bool, u64)>,
}

impl Lists {
    /// A run of what a realm is owed.
    pub fn owed(&mut self, realm: u64, run: &[Outgoing], known: &Known, found: &mut Found<'_>) {
        let place = || format!("what realm {realm} is owed");
        let Some(is) = known.realms.get(&realm) else {
            return found.damage(place(), "there is no such realm");
        };
        if self.begin((false, realm), known, found) {
            self.owed.insert(realm);
            let first = run.first().map_or(0, |owed| owed.at.seq);
            if first > is.floor.seq + 1 {
                let what = format!("entries {} to {} are missing", is.floor.seq + 1, first - 1);
                found.damage(place(), what);
            }
        }
        for (at, entry) in run.iter().cloned().map(Outgoing::read) {
            if let Some(before) = self.at {
                self.follows(before, at, place, found);
                if before.seq + 1 == at.seq && before.chain.with(&entry) != at.chain {
                    let what = format!("the hash of entry {} is another", at.seq);
                    found.damage(place(), what);
                }
            }
            self.at = Some(at);
        }
    }

    /// A run of the hashes of what came.
    pub fn marks(
        &mut self,
        fork: u64,
        run: &[records::Position],
        known: &Known,
        found: &mut Found<'_>,
    ) {
        let place = || format!("what came in life {fork} of a realm's log");
        let realm = known.forks.get(&fork).and_then(|realm| known.realms.get(realm));
        let Some(is) = realm.and_then(|realm| realm.forks.get(&fork)) else {
            return found.damage(place(), "no such life was followed");
        };
        if self.begin((true, fork), known, found) {
            self.marked.insert(fork);
            self.at = Some(is.at);
        }
        for at in run {
            let at: Position = at.alike();
            if let Some(before) = self.at {
                self.follows(before, at, place, found);
            }
            self.at = Some(at);
        }
    }

    /// A run of what a realm has sent that is not known here.
    pub fn apart(&mut self, realm: u64, run: &[ApartEntry]) {
        let (kept, bytes) = self.apart.entry(realm).or_default();
        *kept += run.len() as u64;
        *bytes += run.iter().map(|entry| entry.fields.len() as u64).sum::<u64>();
    }

    /// A run of a list of changes.
    pub fn changes(&mut self, list: ChangeList, run: &[ChangeEntry]) {
        self.changed.extend(run.last().map(|last| (list, last.id)));
    }

    fn follows(
        &self,
        before: Position,
        at: Position,
        place: impl Fn() -> String,
        found: &mut Found<'_>,
    ) {
        if at.seq != before.seq.wrapping_add(1) {
            let what = format!("entry {} follows entry {}", at.seq, before.seq);
            found.damage(place(), what);
        }
    }

    /// Notes which log is being read; whether it is another than before.
    fn begin(&mut self, log: (bool, u64), known: &Known, found: &mut Found<'_>) -> bool {
        if self.reading == Some(log) {
            return false;
        }
        self.end(known, found);
        self.reading = Some(log);
        true
    }

    /// The log that was read ends where it should.
    pub fn end(&mut self, known: &Known, found: &mut Found<'_>) {
        let (Some((marks, id)), Some(at)) = (self.reading.take(), self.at.take()) else { return };
        match marks {
            false => {
                let tip = known.realms.get(&id).map_or(at, |realm| realm.tip);
                ends(at, (tip.seq, Some(tip.chain)), || format!("what realm {id} is owed"), found);
            }
            true => {
                let should = end_of(known, id).unwrap_or((at.seq, None));
                ends(at, should, || format!("what came in life {id} of a realm's log"), found);
            }
        }
    }

    /// Logs of which nothing was found end where they begin.
    pub fn finish(&self, known: &Known, found: &mut Found<'_>) {
        let reached: BTreeMap<_, _> =
            known.changes.iter().map(|(list, tip)| (*list, tip.id)).collect();
        for list in reached.keys().chain(self.changed.keys()).collect::<BTreeSet<_>>() {
            let [noted, found_at] = [&reached, &self.changed].map(|ends| ends.get(list));
            if noted != found_at {
                let what = format!("the last is {found_at:?}, and should be {noted:?}");
                found.damage(format!("changes of {list:?}"), what);
            }
        }
        for (id, realm) in &known.realms {
            let noted = (realm.apart.kept, realm.apart.bytes);
            if self.apart.get(id).copied().unwrap_or_default() != noted {
                let place = format!("what realm {id} has sent that is not known here");
                found.damage(place, format!("it should be {} entries", noted.0));
            }
        }
        if let Some(id) = self.apart.keys().find(|id| !known.realms.contains_key(id)) {
            let place = format!("what realm {id} has sent that is not known here");
            found.damage(place, "there is no such realm");
        }
        for (id, realm) in &known.realms {
            if realm.tip.seq > 0 && !self.owed.contains(id) {
                found.damage(format!("what realm {id} is owed"), "all entries are missing");
            }
            for (fork, life) in &realm.forks {
                let should = end_of(known, *fork).map_or(0, |(seq, _)| seq);
                if !self.marked.contains(fork) && should != life.at.seq {
                    let place = format!("what came in life {fork} of a realm's log");
                    found.damage(place, "all hashes are missing");
                }
            }
        }
    }
}

fn ends(
    at: Position,
    (seq, chain): (u64, Option<Chain>),
    place: impl Fn() -> String,
    found: &mut Found<'_>,
) {
    if at.seq != seq {
        found.damage(place(), format!("the last entry is {}, and should be {seq}", at.seq));
    } else if chain.is_some_and(|chain| chain != at.chain) {
        found.damage(place(), format!("the hash of entry {seq} is another"));
    }
}

/// Where a life of a log ends: at the cursor, or where the next one was begun; the hash there is not
/// noted elsewhere.
fn end_of(known: &Known, fork: u64) -> Option<(u64, Option<Chain>)> {
    let realm = known.realms.get(known.forks.get(&fork)?)?;
    match realm.forks.range(fork + 1..).next() {
        Some((_, next)) => Some((next.left, None)),
        None => Some((realm.cursor.seq, Some(realm.cursor.chain))),
    }
}
