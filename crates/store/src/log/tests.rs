use super::record::HEADER;
use super::*;

fn payload(n: u64) -> Vec<u8> {
    vec![n as u8; 8 + (n as usize * 97) % 2000]
}

fn replayed(directory: &Path, applied: u64) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    Log::open(directory, applied)?.follow(1, &mut |number, found| {
        assert_eq!(found.as_bytes(), payload(number));
        numbers.push(number);
        Ok(())
    })?;
    Ok(numbers)
}

fn write(directory: &Path, applied: u64, numbers: std::ops::RangeInclusive<u64>) {
    let log = Log::open(directory, applied).unwrap();
    numbers.for_each(|n| log.append(n, &Batch::read(&payload(n))).unwrap());
}

#[test]
fn replays_what_was_appended_over_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=1500);
    assert!(list(dir.path()).unwrap().len() > 1, "one segment is full");
    write(dir.path(), 0, 1501..=1510);
    assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=1510).collect::<Vec<_>>());
    assert_eq!(replayed(dir.path(), 0).unwrap().len(), 1510);
}

#[test]
fn a_torn_end_is_dropped_and_written_over() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=10);
    damage(dir.path(), 10);
    assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=9).collect::<Vec<_>>());
    write(dir.path(), 0, 10..=12);
    assert_eq!(replayed(dir.path(), 0).unwrap(), (1..=12).collect::<Vec<_>>());
}

#[test]
fn damage_before_the_end_and_missing_segments_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=10);
    damage(dir.path(), 4);
    let error = replayed(dir.path(), 0).unwrap_err().to_string();
    assert!(error.contains("batch 4 in the log is damaged, and batch 5 is whole"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=1500);
    std::fs::remove_file(&list(dir.path()).unwrap()[0].1.path).unwrap();
    assert!(replayed(dir.path(), 0).is_err_and(|e| e.to_string().contains("lacks batches 1 to")));
    assert!(replayed(dir.path(), 1500).is_ok());
}

#[test]
fn a_log_that_ends_before_the_tree_is_reported_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=10);
    let error = replayed(dir.path(), 11).unwrap_err().to_string();
    assert!(error.contains("ends with batch 10, and the tables go on to batch 11"), "{error}");
    assert_eq!(replayed(dir.path(), 10).unwrap().len(), 10);
    // Segments that hold nothing tell as much.
    let dir = tempfile::tempdir().unwrap();
    fill(&dir.path().join(format!("{:020}", 5)), SMALL_SEGMENT).unwrap();
    assert!(replayed(dir.path(), 9).is_err());
    assert!(replayed(dir.path(), 4).unwrap().is_empty());
}

#[test]
fn a_used_segment_serves_again_and_what_it_held_is_not_replayed() {
    let dir = tempfile::tempdir().unwrap();
    keep_spare(dir.path(), None).unwrap();
    write(dir.path(), 0, 1..=10);
    let (_, used) = list(dir.path()).unwrap().remove(0);
    keep_spare(dir.path(), Some(used)).unwrap();
    write(dir.path(), 10, 11..=13);
    assert_eq!(replayed(dir.path(), 10).unwrap(), [11, 12, 13]);
}

fn append(log: &Log, number: u64) -> Result<(), NotCommitted> {
    log.append(number, &Batch::read(&payload(number)))
}

/// Has the segment that is written take no more.
fn close_for_writing(log: &Log) {
    let mut writing = log.writing();
    let active = writing.active.as_mut().unwrap();
    active.file = File::open(&active.segment.path).unwrap();
}

#[test]
fn a_batch_that_could_not_be_written_is_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), 0).unwrap();
    append(&log, 1).unwrap();
    close_for_writing(&log);
    assert!(matches!(append(&log, 2), Err(NotCommitted::Refused(_))));
    drop(log);
    assert_eq!(replayed(dir.path(), 0).unwrap(), [1]);
}

#[test]
fn nobody_knows_of_a_batch_whose_write_failed_and_which_is_there_or_cannot_be_looked_at() {
    for readable in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(dir.path(), 0).unwrap();
        append(&log, 1).unwrap();
        let (path, end) = {
            let writing = log.writing();
            let active = writing.active.as_ref().unwrap();
            (active.segment.path.clone(), active.end)
        };
        // The device had written it before it said that it failed.
        let mut record = Record::default();
        record.write(2, &payload(2));
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(record.bytes(), end).unwrap();
        close_for_writing(&log);
        if !readable {
            std::fs::remove_file(&path).unwrap();
        }
        assert!(matches!(append(&log, 2), Err(NotCommitted::Unknown(_))));
    }
}

#[test]
fn a_batch_without_room_for_another_segment_is_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), 0).unwrap();
    append(&log, 1).unwrap();
    log.writing().active.as_mut().unwrap().segment.size = 0;
    // Nothing can be made under the name of the next.
    std::fs::create_dir(dir.path().join(format!("{:020}", 2))).unwrap();
    assert!(matches!(append(&log, 2), Err(NotCommitted::Refused(_))));
}

#[test]
fn what_a_failed_write_leaves_beyond_the_next_segments_beginning_is_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0, 1..=11);
    // Batch 11 was refused, and went into the next segment then; the device wrote the former after all.
    let mut record = Record::default();
    record.write(11, b"another");
    let next = dir.path().join(format!("{:020}", 11));
    std::fs::write(&next, record.bytes()).unwrap();
    let mut found = Vec::new();
    let log = Log::open(dir.path(), 0).unwrap();
    let mut take = |number, batch: Batch| {
        found.push((number, batch));
        Ok(())
    };
    log.follow(9, &mut take).unwrap();
    let expected = [(9, payload(9)), (10, payload(10)), (11, b"another".to_vec())];
    assert_eq!(found, expected.map(|(number, payload)| (number, Batch::read(&payload))));
}

#[test]
fn what_is_let_go_of_is_gone_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), 0).unwrap();
    (1..=1500).for_each(|n| append(&log, n).unwrap());
    let last = log.take_filled().unwrap();
    assert!(last > 900 && log.take_filled().is_none(), "{last}");
    let first = |log: &Log| {
        let mut first = None;
        log.follow(1, &mut |number, _| {
            first.get_or_insert(number);
            Ok(())
        })
        .unwrap();
        first
    };
    log.trim(100).unwrap();
    assert_eq!(first(&log), Some(1), "a segment goes as a whole");
    log.trim(last).unwrap();
    assert_eq!((first(&log), log.full_bytes()), (Some(last + 1), 0));
    // All of it, and then it goes on.
    log.trim(1500).unwrap();
    assert_eq!((first(&log), list(dir.path()).unwrap().len()), (None, 0));
    append(&log, 1501).unwrap();
    drop(log);
    assert_eq!(replayed(dir.path(), 1500).unwrap(), [1501]);
}

/// Flips a byte in the payload of a batch.
fn damage(directory: &Path, batch: u64) {
    for (_, segment) in list(directory).unwrap() {
        let mut bytes = std::fs::read(&segment.path).unwrap();
        let at = (0..bytes.len())
            .step_by(PAGE)
            .find(|at| read_record(&bytes[*at..]).is_some_and(|(number, _)| number == batch));
        if let Some(at) = at {
            bytes[at + HEADER] ^= 1;
            return std::fs::write(&segment.path, bytes).unwrap();
        }
    }
    panic!("no such batch");
}
