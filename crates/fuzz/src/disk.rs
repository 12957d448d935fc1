//! What is read back from disk: the commit log, values, backups.

use crate::choices::Choices;
use crate::{Draw, Target};
use antar_domain::{Limits, Policy, State};
use antar_store::bytes::{self, LogRecord, PAGE, Pair, Record};
use antar_store::{Batch, MemoryEngine, Ops, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

pub const LOG: Target = Target {
    name: "log",
    about: "a segment of the commit log: what is damaged is an error or a torn end, and what is \
            replayed is what was written, up to the damage",
    run: log,
    draw: draw_log,
};

pub const VALUES: Target = Target {
    name: "values",
    about: "pairs of the store, batches and the mark: anything can be read or is refused, and what is \
            written reads as it was",
    run: values,
    draw: draw_values,
};

pub const BACKUP: Target = Target {
    name: "backup",
    about: "a backup: it is taken whole or refused, and a realm can be made of what is taken",
    run: backup,
    draw: draw_backup,
};

/// First byte: whether the rest is a segment as it is, or choices of what was written to one and how it
/// was damaged.
fn log(input: &[u8]) {
    let mut choices = Choices(input);
    let first = 1 + choices.below(3) as u64;
    if choices.byte().is_multiple_of(8) {
        let mut next = first;
        let count = |number, payload: &[u8]| {
            assert_eq!(number, next, "batches are replayed in order");
            next += 1;
            batch(payload);
            Ok(())
        };
        let end = bytes::read_segment(choices.0, first..u64::MAX, &mut { count });
        return assert!(end.is_err() || end.is_ok_and(|end| end == next));
    }
    let (mut segment, mut ends, mut record) = (Vec::new(), vec![0], LogRecord::default());
    let batches = 1 + choices.below(4) as u64;
    for number in first..first + batches {
        let length = choices.below(256) * [0, 1, 20, 40][choices.below(4)];
        let payload = vec![choices.byte(); length];
        record.write(number, &payload);
        segment.extend_from_slice(record.bytes());
        ends.push(segment.len());
    }
    // What an earlier use of the file left behind, or zeros.
    for number in 0..choices.below(3) as u64 {
        match choices.below(2) {
            0 => segment.resize(segment.len() + PAGE, 0),
            _ => {
                record.write(number % first, b"old");
                segment.extend_from_slice(record.bytes());
            }
        }
    }
    let whole = segment.clone();
    let at = damage(&mut segment, &mut choices);
    let intact = ends.windows(2).take_while(|record| record[1] <= at).count() as u64;
    let mut replayed = first;
    let end = bytes::read_segment(&segment, first..u64::MAX, &mut |number, payload: &[u8]| {
        assert_eq!(number, replayed);
        let at = ends[(number - first) as usize] + 20;
        assert!(whole[at..].starts_with(payload), "batch {number} is another");
        batch(payload);
        replayed += 1;
        Ok(())
    });
    assert!(replayed >= first + intact, "{replayed} of {intact} intact batches after {first}");
    match end {
        Ok(end) => assert_eq!(end, replayed),
        // Only where something whole follows the damage.
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)) && intact < batches),
    }
}

/// A batch that can be read is written as it was.
fn batch(payload: &[u8]) {
    let batch = Batch::read(payload);
    let Ok(records) = batch.records(1) else { return };
    if records.is_empty() {
        return;
    }
    let again = Batch::of_records(&records).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.records(1).unwrap_or_else(|error| panic!("{error}")), records);
}

/// Damages a segment; returns the first byte that may differ.
fn damage(segment: &mut Vec<u8>, choices: &mut Choices<'_>) -> usize {
    let at = (choices.below(256) << 8 | choices.below(256)) % segment.len();
    match choices.below(5) {
        0 => return segment.len(),
        1 => segment.truncate(at),
        2 => segment[at] ^= 1 << choices.below(8),
        3 => {
            let page = at / PAGE * PAGE;
            let end = (page + PAGE).min(segment.len());
            segment[page..end].fill(0);
            return page;
        }
        _ => {
            let end = (at + choices.below(64)).min(segment.len());
            segment[at..end].fill(choices.byte());
        }
    }
    at
}

fn draw_log(draw: &mut Draw, out: &mut Vec<u8>) {
    draw.bytes(2, out);
    if out[1].is_multiple_of(8) {
        let (mut record, mut segment) = (LogRecord::default(), Vec::new());
        for number in 1..1 + draw.below(3) as u64 {
            record.write(number, b"payload");
            segment.extend_from_slice(record.bytes());
        }
        draw.spoil(&mut segment);
        return out.append(&mut segment);
    }
    draw.bytes(24, out);
}

/// First byte: whether a key and a value follow as they are, or choices of events to be written.
fn values(input: &[u8]) {
    let mut choices = Choices(input);
    match choices.below(4) {
        0 => written(&mut choices),
        1 => {
            let ops = Ops::from_bytes(choices.0);
            let mut size = 0;
            for (key, value) in ops.iter() {
                let value = value.unwrap_or_default();
                size += 5 + key.len() + value.len();
                assert_eq!(read(key, value), read(key, value));
                let _ = bytes::read_old_pair(key, value);
            }
            assert!(size <= ops.as_bytes().len() * 2, "more was read than is there");
            batch(choices.0);
            if let Some(number) = bytes::read_mark(choices.0) {
                assert!(choices.0.starts_with(&bytes::written_mark(number)));
            }
        }
        _ => {
            let length = choices.below(40);
            let key = choices.take(length);
            let _ = bytes::read_old_pair(key, choices.0);
            if let Some(Pair::Record(record)) = read(key, choices.0) {
                assert_eq!(record.key().as_deref(), Some(key));
                let (mut again, tree) = (Vec::new(), MemoryEngine::default());
                record.encode(&mut again).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(Record::take(&again), Some((record.clone(), &[][..])));
                let _ =
                    Batch::of_records(&[record]).and_then(|batch| bytes::project(&tree, 1, &batch));
            }
        }
    }
}

fn read(key: &[u8], value: &[u8]) -> Option<Pair> {
    bytes::read_pair(key, value).ok()
}

/// What events are written as reads as them, and so does the batch of them.
fn written(choices: &mut Choices<'_>) {
    let records = drawn(choices, 5);
    let whole = Batch::of_records(&records).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(whole.records(1).unwrap_or_else(|error| panic!("{error}")), records);
    let ops = bytes::project(&MemoryEngine::default(), 1, &whole);
    let ops = ops.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Ops::from_bytes(ops.as_bytes()), ops);
    let (mut messages, mut kept) = (BTreeSet::new(), Vec::new());
    for (key, value) in ops.iter() {
        let Some(value) = value else { continue };
        match bytes::read_pair(key, value).unwrap_or_else(|error| panic!("{error}: {records:?}")) {
            Pair::Messages(_, run) => messages.extend(run.iter().map(|m| m.id)),
            Pair::Record(record) => kept.push(record),
            _ => {}
        }
    }
    let closes = records.iter().any(|record| matches!(record, Record::GroupClosed(_)));
    for record in &records {
        match record {
            // What is said in a group that is closed after it is put nowhere.
            Record::Posted(posted) => assert!(messages.contains(&posted.message.id) || closes),
            record if record.key().is_none() => {}
            // The last under its key is kept, unless something took it away.
            record => {
                let last = records.iter().rfind(|other| other.key() == record.key());
                assert!(kept.contains(record) || last != Some(record) || takes_away(&records));
            }
        }
    }
}

/// Whether any of these removes what others write.
fn takes_away(records: &[Record]) -> bool {
    records.iter().any(|record| {
        matches!(
            record,
            Record::PeerForgotten(_)
                | Record::Trimmed(_)
                | Record::AddressTold(_)
                | Record::KnownAs(_)
                | Record::Silenced(_)
                | Record::UnshownSet(_)
                | Record::MentionsSet(_)
                | Record::GroupClosed(_)
                | Record::Followed(_)
                | Record::Owed(_)
                | Record::Rewritten(_)
                | Record::Received(_)
                | Record::Posted(_)
        ) || record.key().is_none()
    })
}

/// Records of events out of choices, each of a kind and, but for the ids of messages, of any values.
fn drawn(choices: &mut Choices<'_>, most: usize) -> Vec<Record> {
    let (mut id, count) = (choices.number() >> 2, 1 + choices.below(most));
    let mut draw = || choices.number();
    let mut records = Vec::new();
    for _ in 0..count {
        let tag = Record::TAGS[draw() as usize % Record::TAGS.len()];
        id += 1 + draw() % 200;
        records.extend(Record::sample(tag, &mut draw).map(|record| in_order(record, id)));
    }
    records
}

/// Ids of messages grow, and so does what is in the logs of links.
fn in_order(mut record: Record, id: u64) -> Record {
    match &mut record {
        Record::Posted(posted) => posted.message.id = id,
        Record::Owed(owed) => owed.tip.seq = id,
        Record::Received(received) => received.cursor.seq = id << 8,
        _ => {}
    }
    record
}

fn draw_values(draw: &mut Draw, out: &mut Vec<u8>) {
    out.push(draw.byte());
    if out[0].is_multiple_of(4) {
        let n = 40 + draw.below(200);
        return draw.bytes(n, out);
    }
    let ops = drawn_pairs(draw);
    if out[0] % 4 == 1 {
        out.extend_from_slice(ops.as_bytes());
    } else if let Some((key, value)) = ops.iter().find(|(_, value)| value.is_some()) {
        out.push(key.len() as u8);
        out.extend_from_slice(key);
        out.extend_from_slice(value.unwrap_or_default());
    }
    if !draw.once_in(8) {
        draw.spoil(out);
    }
}

/// Pairs that may be in a store.
fn drawn_pairs(draw: &mut Draw) -> Ops {
    let mut random = Vec::new();
    draw.bytes(600, &mut random);
    let records = drawn(&mut Choices(&random), 4);
    let batch = Batch::of_records(&records);
    batch.and_then(|b| bytes::project(&MemoryEngine::default(), 1, &b)).unwrap_or_default()
}

/// First byte: whether a stream follows as it is, or frames whose checksums are right: each a byte of
/// kind, two of length and a payload.
fn backup(input: &[u8]) {
    let mut choices = Choices(input);
    if choices.byte().is_multiple_of(4) {
        return import(choices.0);
    }
    let mut frames = Vec::new();
    while !choices.is_empty() {
        let kind = choices.byte();
        let length = choices.below(256) << 8 | choices.below(256);
        frames.push((kind, choices.take(length)));
    }
    import(&bytes::frames(&frames));
}

fn import(stream: &[u8]) {
    let Ok((store, events, taken)) = Store::import(Box::new(MemoryEngine::default()), stream)
    else {
        return;
    };
    assert_eq!(taken.bytes, stream.len() as u64);
    let state = State::new(Limits::default(), Policy::public(), events);
    let mut again = Vec::new();
    let (written, _) = store.export(&mut again).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (written.pairs, written.messages, written.last_id),
        (taken.pairs, taken.messages, taken.last_id)
    );
    let again = Store::import(Box::new(MemoryEngine::default()), &again[..]);
    let (_, events, _) = again.unwrap_or_else(|error| panic!("{error}"));
    assert!(State::new(Limits::default(), Policy::public(), events).is_durably(&state));
}

fn draw_backup(draw: &mut Draw, out: &mut Vec<u8>) {
    let pairs = sorted(&drawn_pairs(draw), &drawn_pairs(draw));
    let end = end_of(&pairs, draw.once_in(8));
    let mut frames: Vec<(u8, &[u8])> = pairs.iter().map(|ops| (b'p', ops.as_bytes())).collect();
    frames.push((b'e', &end));
    if draw.once_in(2) {
        out.push(0);
        out.extend_from_slice(&bytes::frames(&frames));
    } else {
        out.push(1);
        for (kind, payload) in frames {
            out.push(kind);
            out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            out.extend_from_slice(payload);
        }
    }
    if !draw.once_in(3) {
        draw.spoil(out);
    }
}

/// Pairs as a scan gives them, in two frames.
fn sorted(one: &Ops, other: &Ops) -> [Ops; 2] {
    let mut all: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    let both = one.iter().chain(other.iter()).filter_map(|(key, value)| Some((key, value?)));
    // How far the data go and in which format is told elsewhere.
    all.extend(both.filter(|(key, _)| key[0] < b'a'));
    let mut frames = [Ops::default(), Ops::default()];
    for (i, (key, value)) in all.iter().enumerate() {
        let _ = frames[i * 2 / all.len()].put(key, |copy| {
            copy.extend_from_slice(value);
            Ok(())
        });
    }
    frames
}

/// The frame that ends these pairs, unless it is to say something else: batch, highest id, pairs,
/// messages, records.
fn end_of(pairs: &[Ops], wrong: bool) -> Vec<u8> {
    let (mut all, mut messages, mut records) = (0, 0, 0);
    for (key, value) in pairs.iter().flat_map(Ops::iter) {
        all += 1;
        records += u64::from(key.starts_with(b"R") && !key.starts_with(b"Rc"));
        if let Some(Pair::Messages(_, run)) = read(key, value.unwrap_or_default()) {
            messages += run.len() as u64;
        }
    }
    let mut end = Vec::new();
    let _ =
        bytes::encode(&(1_u64, u64::MAX >> 1, all + u64::from(wrong), messages, records), &mut end);
    end
}
