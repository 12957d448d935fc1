use super::*;
use crate::layout::{KINDS, List};
use crate::pair::{Pair, read};
use crate::projection::project;
use crate::{Batch, MemoryEngine};
use codec::{decode_run, encode_run};
use proptest::prelude::*;

/// Numbers out of one, the same each time.
fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 13
    }
}

fn run<T: Listed + Sample + PartialEq + std::fmt::Debug>(seed: u64) {
    let mut draw = numbers(seed);
    let run: Vec<T> = (0..=draw() % 4).map(|_| T::sample(&mut draw)).collect();
    let mut bytes = Vec::new();
    encode_run(&run, &mut bytes).unwrap();
    assert_eq!(decode_run::<T>(b"", &bytes).unwrap(), run);
    // One of another version is not misread.
    bytes[0] += 1;
    assert!(decode_run::<T>(b"", &bytes).is_err());
}

proptest! {
    #[test]
    fn every_record_reads_as_it_was_written(seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
        let mut draw = numbers(seed);
        for tag in Record::TAGS {
            let record = Record::sample(*tag, &mut draw).unwrap();
            let mut bytes = Vec::new();
            record.encode(&mut bytes).unwrap();
            prop_assert_eq!(Record::take(&bytes), Some((record.clone(), &[][..])));
            prop_assert!(Record::take(&bytes[..cut.index(bytes.len())]).is_none());
            // As an event, and back.
            if let Some(event) = record.clone().event() {
                prop_assert_eq!(records(&[event]), vec![record.clone()]);
            }
            // Under its own key, and under no other.
            let Some(key) = record.key() else { continue };
            prop_assert_eq!(read(&key, &bytes).unwrap(), Pair::Record(record));
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 1;
                prop_assert!(read(&other, &bytes).is_err());
            }
        }
    }

    #[test]
    fn a_message_is_the_same_whichever_way_it_is_read(seed in any::<u64>()) {
        let mut draw = numbers(seed);
        let [message, other] = [(); 2].map(|()| Message::sample(&mut draw));
        let mut bytes = Vec::new();
        codec::encode(&message, &mut bytes).unwrap();
        let whole = message.read();
        for like in [None, Some(&whole), Some(&other.read())] {
            prop_assert_eq!(read_message(Posted::VERSION, &bytes, like), Some(whole.clone()));
        }
        prop_assert_eq!(read_message(Posted::VERSION + 1, &bytes, None), None);
    }

    #[test]
    fn every_run_reads_as_it_was_written(seed in any::<u64>()) {
        run::<Message>(seed);
        run::<Pointer>(seed);
        run::<Outgoing>(seed);
        run::<Position>(seed);
        run::<ApartEntry>(seed);
    }

    #[test]
    fn messages_of_version_1_are_read_in_runs_of_it_and_join_those_of_now(seed in any::<u64>()) {
        let mut draw = numbers(seed);
        let mut old: Vec<Posted> = (1..4).map(|id| {
            let mut posted = Posted::sample(&mut draw);
            posted.conversation = Conversation::Group(GroupId(7));
            (posted.message.id, posted.message.extras) = (id, Extras::default());
            posted
        }).collect();
        let new = Posted { message: Message { id: 4, ..Message::sample(&mut draw) }, ..old[0].clone() };
        // A run that an earlier version put into the tree.
        let mut run = vec![1];
        for posted in &old {
            encode(&posted.message, &mut run).unwrap();
            prop_assert_eq!(run.pop(), Some(NO_EXTRAS));
        }
        let messages: Vec<Message> = old.iter().map(|posted| posted.message.clone()).collect();
        prop_assert_eq!(&decode_run::<Message>(b"", &run).unwrap(), &messages);
        let mut offsets = codec::Offsets::default();
        let all = offsets.read(b"", &run).unwrap();
        let at = offsets.of(&all, 3).unwrap();
        prop_assert_eq!(Message::take(1, &run[at..]), Some((messages[2].clone(), &[][..])));
        // A batch that it logged, with what is logged now.
        let mut batch = Batch::of_records(&[]).unwrap().as_bytes().to_vec();
        for posted in &old {
            let at = batch.len();
            Record::from(posted.clone()).encode(&mut batch).unwrap();
            batch[at + 1] = 1;
            batch.pop();
        }
        Record::from(new.clone()).encode(&mut batch).unwrap();
        old.push(new);
        let batch = Batch::read(&batch);
        let records: Vec<Record> = old.iter().cloned().map(Record::from).collect();
        prop_assert_eq!(batch.records(1).unwrap(), records);
        let ops = project(&MemoryEngine::default(), 1, &batch).unwrap();
        let key = List::Messages(antar_domain::Conversation::Group(GroupId(7))).key(1);
        let run = ops.iter().find_map(|(own, value)| value.filter(|_| *own == *key)).unwrap();
        let messages: Vec<Message> = old.into_iter().map(|posted| posted.message).collect();
        prop_assert_eq!(decode_run::<Message>(b"", run).unwrap(), messages);
    }

    #[test]
    fn a_batch_reads_as_it_was_written_and_whatever_it_comes_to_can_be_read(seed in any::<u64>()) {
        let mut draw = numbers(seed);
        let kinds = Record::TAGS.len() as u64;
        let count = 1 + draw() % 9;
        let all = (0..count).filter_map(|_| {
            Record::sample(Record::TAGS[(draw() % kinds) as usize], &mut draw)
        });
        let all: Vec<Record> = all.collect();
        let batch = Batch::of_records(&all).unwrap();
        prop_assert_eq!(&Batch::read(batch.as_bytes()).records(1).unwrap(), &all);
        let ops = project(&MemoryEngine::default(), 1, &batch).unwrap();
        for (key, value) in ops.iter().filter_map(|(key, value)| Some((key, value?))) {
            // Ids that are drawn do not grow, as those of a realm do.
            let orderly = all.len() == 1 || !KINDS.contains(&key[0]) || key[0] == b'R';
            prop_assert!(read(key, value).is_ok() || !orderly, "{:x?} of {:?}", key, all);
        }
    }

    #[test]
    fn what_was_written_here_is_what_is_read_from_the_log(seed in any::<u64>()) {
        let mut draw = numbers(seed);
        let kinds = Record::TAGS.len() as u64;
        let mut batch = Batch::default();
        // In the memory of the one before.
        for _ in 0..3 {
            let count = draw() % 9;
            let some = (0..count).filter_map(|_| {
                let tag = match draw() % 2 {
                    0 => Posted::TAG,
                    _ => Record::TAGS[(draw() % kinds) as usize],
                };
                Record::sample(tag, &mut draw)?.event()
            });
            let events: Vec<_> = some.collect();
            batch = Batch::of(&events, batch).unwrap();
            let read = Batch::read(batch.as_bytes());
            prop_assert_eq!(batch.content(1).unwrap(), read.content(1).unwrap());
        }
    }

    #[test]
    fn keys_of_lists_read_as_they_were_written_and_sort_as_their_numbers(
        a in any::<(u64, u64, u64, u64)>(), shift in 0u32..64,
    ) {
        let conversation = |(a, b, c, _)| {
            antar_domain::Conversation::Peer(AccountId(a), PeerId(b), CorrespondentId(c))
        };
        let small = (a.0 >> shift, a.1 >> shift, a.2 >> shift, a.3);
        let lists = [a, small].map(|n| (List::Messages(conversation(n)), n));
        for (list, n) in lists {
            prop_assert_eq!(List::read(&list.key(n.3)), Some((list, n.3)));
        }
        let [one, other] = lists.map(|(list, n)| ((n.0, n.1, n.2, n.3), list.key(n.3)));
        prop_assert_eq!(one.0.cmp(&other.0), one.1.cmp(&other.1));
    }
}

/// Records as the first version of format 2 wrote them, each with what it meant.
#[test]
fn what_an_earlier_version_wrote_means_what_it_did() {
    for line in include_str!("earlier.txt").lines() {
        let (hex, meant) = line.split_once(' ').unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let (record, rest) = Record::take(&bytes).unwrap();
        assert_eq!((&*format!("{record:?}"), rest), (meant, &[][..]));
    }
}

/// What is written stays readable: these bytes may be in somebody's data.
#[test]
fn what_is_stored_stays_as_it_is() {
    // The hash of all up to a record: whoever adds one adds a line.
    let known = [
        (34, 3_546_276_726_088_767_408),
        (35, 15_173_643_417_730_173_689),
        (38, 12_373_926_468_379_353_638),
        (44, 7_855_326_137_220_308_599),
        (45, 17_280_375_897_089_535_486),
        (54, 9_662_890_535_047_686_598),
        (62, 9_848_675_590_908_660_480),
        (65, 14_968_312_600_845_541_119),
        (66, 11_039_590_538_388_347_213),
        (68, 59_523_525_908_137_511),
        (76, 16_362_812_121_632_276_896),
        (81, 867_495_281_241_712_085),
        (84, 9_941_633_334_883_231_275),
    ];
    let mut all = Vec::new();
    let mut draw = numbers(7);
    let mut hashes = Vec::new();
    for tag in Record::TAGS {
        Record::sample(*tag, &mut draw).unwrap().encode(&mut all).unwrap();
        hashes.push((*tag, xxhash_rust::xxh3::xxh3_64(&all)));
    }
    hashes.retain(|(tag, _)| known.iter().any(|(known, _)| known == tag));
    assert_eq!(hashes, known, "the form of a record has changed: give it a new version");
    assert_eq!(known.last().map(|(tag, _)| tag), Record::TAGS.last());
}

/// A group of version 2 keeps messages for as long as the realm says.
#[test]
fn a_group_that_said_nothing_of_it_keeps_messages_as_the_realm_does() {
    let Some(Record::GroupSet(group)) = Record::sample(GroupSet::TAG, &mut numbers(7)) else {
        panic!("no group")
    };
    let (retention, realms, past, home) = (None, RoomRealms::None, antar_domain::PAST, None);
    let group = Record::from(GroupSet { retention, realms, past, home, ..group });
    let mut bytes = Vec::new();
    group.encode(&mut bytes).unwrap();
    // One of version 4 says nothing of what realms are told of its past.
    assert_eq!((bytes[1], bytes.split_off(bytes.len() - 4)), (5, vec![0, 0xe8, 7, 0]));
    bytes.extend([0, 0]);
    bytes[1] = 4;
    assert_eq!(Record::take(&bytes), Some((group.clone(), &[][..])));
    // One of version 3 says nothing of other realms.
    bytes.truncate(bytes.len() - 2);
    bytes[1] = 3;
    assert_eq!(Record::take(&bytes), Some((group.clone(), &[][..])));
    assert_eq!(bytes.pop(), Some(0));
    bytes[1] = 2;
    assert_eq!(Record::take(&bytes), Some((group, &[][..])));
}
