use super::*;
use crate::{Ops, Store};
use antar_domain::{
    AccountId, Conversations, Event, GroupId, Mailbox, Page, PlacedMessage, Posted, Source,
};
use antar_types::{Extras, Message, Name, Text, Time};
use std::fs::OpenOptions;

fn put(key: &str) -> Batch {
    Batch::of_pairs(&ops(key))
}

fn ops(key: &str) -> Ops {
    let mut ops = Ops::default();
    ops.put(key.as_bytes(), |value| {
        value.extend_from_slice(b"value");
        Ok(())
    })
    .unwrap();
    ops
}

fn value(disk: &Disk, key: &str) -> Option<Value> {
    disk.read(key.as_bytes()).unwrap()
}

#[test]
fn keeps_what_was_committed_and_locks_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    disk.commit(1, put("a")).unwrap();
    assert!(value(&disk, "a").is_some());
    // Who reads waits for the tree.
    let usage = disk.usage().unwrap();
    assert!(usage.log_bytes > 0 && usage.behind == 0, "{usage:?}");
    assert!(matches!(Disk::open(dir.path()), Err(StoreError::Locked(_))));
    drop(disk);
    let disk = Disk::open(dir.path()).unwrap();
    assert!(value(&disk, "a").is_some());
    assert_eq!(disk.acknowledged(), 1);
    disk.reopen().unwrap();
    disk.commit(2, put("b")).unwrap();
    // Counted from where the log and the tree were.
    assert_eq!(disk.usage().unwrap().behind, 1);
    assert!(value(&disk, "b").is_some());
}

/// The applier has read batches and keeps them, until there are more, or somebody reads or stops.
#[test]
fn what_was_read_from_the_log_is_in_the_tree_for_whoever_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
    let (amy, bob) = (AccountId(1), AccountId(2));
    let name = |word| Name::parse(word).unwrap();
    let mut conversations = Conversations::default();
    let mut posted = |id| {
        let (from, to, text) = (name("amy"), name("bob"), Text::parse(&"x".repeat(200), 200));
        let (time, text) = (Time(id), text.unwrap());
        let message = Message::new(id, time, from, to, text);
        let (_, posted) = conversations.post(Mailbox::Private(bob), Some(amy), Arc::new(message));
        let event = Event::Posted(posted);
        conversations.apply(&event);
        event
    };
    let mut post = |first: u64| {
        for first in (first..first + 500).step_by(50) {
            let events: Vec<Event> = (first..first + 50).map(&mut posted).collect();
            store.commit(&events).unwrap();
        }
    };
    let inbox = Source::Mailbox(Mailbox::Private(bob));
    for round in 1..=10 {
        post(round * 1_000);
        let page = Page { after: Some(round * 1_000 - 1), ..Page::default() };
        let (found, more) = store.read(inbox, page).unwrap();
        assert_eq!((found.len(), more), (500, false), "round {round}");
    }
    assert!(store.engine().spare().capacity() > 0, "the memory of batches is used again");
    // What a conversation has come to is there as well, also where the process was killed.
    post(20_000);
    let killed = tempfile::tempdir().unwrap();
    copy(dir.path(), killed.path());
    drop(store);
    for path in [dir.path(), killed.path()] {
        let (_, events) = Store::open(Box::new(Disk::open(path).unwrap())).unwrap();
        let mut loaded = Conversations::default();
        events.iter().for_each(|event| loaded.apply(event));
        assert_eq!(loaded, conversations);
    }
}

#[test]
fn where_nothing_was_committed_nothing_is_left() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("data");
    let open = || Disk::open(&path).unwrap();
    drop(open());
    assert!(!path.exists());
    // What is somebody's stays.
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("notes"), "").unwrap();
    drop(open());
    let left: Vec<_> = path.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["notes"]);
    assert!(!Disk::is_in(&path).unwrap());
    open().commit(1, put("a")).unwrap();
    drop(open());
    assert!(value(&open(), "a").is_some());
    // Data that went missing are not made to look as if there had never been any.
    std::fs::remove_dir_all(path.join("log")).unwrap();
    std::fs::remove_dir_all(path.join("tree")).unwrap();
    drop(open());
    assert_eq!(open().acknowledged(), 1);
}

/// A copy of the files as they are while the store runs: what a killed process leaves.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(path, to).unwrap();
        }
    }
}

#[test]
fn what_was_committed_is_there_after_a_kill_whatever_the_tree_had_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    (1..=3000).for_each(|n| disk.commit(n, put(&format!("k{n}"))).unwrap());
    let killed = tempfile::tempdir().unwrap();
    copy(&dir.path().join("log"), &killed.path().join("log"));
    copy(&dir.path().join("tree"), &killed.path().join("tree"));
    drop(disk);
    let disk = Disk::open(killed.path()).unwrap();
    assert!((1..=3000).all(|n| value(&disk, &format!("k{n}")).is_some()));
    disk.commit(3001, put("next")).unwrap();
    drop(disk);
    assert!(value(&Disk::open(killed.path()).unwrap(), "next").is_some());
}

#[test]
fn the_log_stays_short_and_nothing_is_lost_on_the_way_to_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    for n in 1..=5000 {
        let mut ops = ops(&format!("k{n}"));
        let large = |value: &mut Vec<u8>| {
            value.resize(16 << 10, 1);
            Ok(())
        };
        ops.put(format!("large{n}").as_bytes(), large).unwrap();
        disk.commit(n, Batch::of_pairs(&ops)).unwrap();
    }
    drop(disk);
    let left = std::fs::read_dir(dir.path().join("log")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["spare"]);
    let disk = Disk::open(dir.path()).unwrap();
    assert!(disk.usage().unwrap().tree_bytes > 1 << 20);
    assert!((1..=5000).all(|n| value(&disk, &format!("k{n}")).is_some()));
}

#[test]
fn a_log_from_before_what_the_tree_holds_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
    (0..10).for_each(|n| store.commit(&[Event::IdReached(n)]).unwrap());
    // The log is copied first, and its end by then is told by nothing else.
    let copied = tempfile::tempdir().unwrap();
    copy(&dir.path().join("log"), &copied.path().join("log"));
    (10..20).for_each(|n| store.commit(&[Event::IdReached(n)]).unwrap());
    drop(store);
    copy(&dir.path().join("tree"), &copied.path().join("tree"));
    let mut found = Vec::new();
    crate::check(copied.path(), &mut |_, damage| found.extend(damage)).unwrap();
    let what = "the log ends with batch 10, and the tables go on to batch 20";
    assert!(found.iter().any(|damage| damage.what.contains(what)), "{found:?}");
    let error = Disk::open(copied.path()).err().unwrap().to_string();
    assert!(error.contains(what) && error.contains("from a backup"), "{error}");
    // Nothing was changed by that.
    assert!(Disk::open(copied.path()).is_err());
}

#[test]
fn a_log_that_lost_its_end_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
    (0..20).for_each(|n| store.commit(&[Event::IdReached(n)]).unwrap());
    let killed = tempfile::tempdir().unwrap();
    copy(dir.path(), killed.path());
    let log = killed.path().join("log/00000000000000000001");
    OpenOptions::new().write(true).open(log).unwrap().set_len(10 * 4096).unwrap();
    let reopened = Store::open(Box::new(Disk::open(killed.path()).unwrap()));
    let error = reopened.err().unwrap().to_string();
    assert!(error.contains("the last 10 of 20 batches are missing"), "{error}");
}

/// Whether some file of a directory has these bytes in it.
fn is_on_disk(directory: &Path, bytes: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.into_iter().any(|entry| match entry.file_type().unwrap().is_dir() {
        true => is_on_disk(&entry.path(), bytes),
        false => {
            let file = std::fs::read(entry.path()).unwrap();
            file.windows(bytes.len()).any(|some| some == bytes)
        }
    })
}

#[test]
fn a_text_that_was_replaced_is_removed_from_tables_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
    drop(store);
    let disk = Arc::new(Disk::open(dir.path()).unwrap());
    let (amy, bob) = (AccountId(1), AccountId(2));
    let name = |word| Name::parse(word).unwrap();
    let message = |id, text: &str| {
        let text = Text::parse(text, 99).unwrap();
        Message::new(id, Time(id), name("amy"), name("bob"), text)
    };
    let mut conversations = Conversations::default();
    let mut post = |id, text| {
        let (mailbox, message) = (Mailbox::Private(bob), Arc::new(message(id, text)));
        let event = Event::Posted(conversations.post(mailbox, Some(amy), message).1);
        conversations.apply(&event);
        event
    };
    let mut number = 0;
    let mut commit = |event: Event| {
        number += 1;
        disk.commit(number, Batch::of(&[event], Batch::default()).unwrap()).unwrap();
    };
    let secret = "Xyzzy-8472-plugh";
    let posted = post(1, secret);
    let Event::Posted(Posted { conversation, ordinal, .. }) = posted.clone() else { panic!() };
    commit(posted);
    commit(post(2, "stays"));
    let checkpointer = || {
        let running = disk.running().unwrap();
        let (tree, log, progress) =
            (running.tree.clone(), running.log.clone(), running.progress.clone());
        Checkpointer { tree, log, progress }
    };
    // A table and a part of a segment have it.
    disk.read(b"").unwrap();
    checkpointer().tree.flush().unwrap();
    assert_eq!(checkpointer().tree.replaced_since().unwrap(), None);
    let extras = Extras { deleted: true, ..Extras::default() }.boxed();
    let deleted = Arc::new(Message { extras, ..message(1, "") });
    commit(Event::Rewritten(PlacedMessage { conversation, ordinal, message: deleted }));
    disk.read(b"").unwrap();
    assert!(checkpointer().tree.replaced_since().unwrap().is_some());
    assert!(is_on_disk(&dir.path().join("log"), secret.as_bytes()));
    checkpointer().remove_replaced().unwrap();
    assert_eq!(checkpointer().tree.replaced_since().unwrap(), None);
    assert!(!is_on_disk(dir.path(), secret.as_bytes()));
    // What was written meanwhile, and after it, is there.
    commit(post(3, "later"));
    assert!(is_on_disk(&dir.path().join("log"), b"later"));
    drop(disk);
    let (store, _) = Store::open(Box::new(Disk::open(dir.path()).unwrap())).unwrap();
    let (found, _) = store.read(Source::Conversation(conversation), Page::default()).unwrap();
    let texts: Vec<&str> = found.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["", "stays", "later"]);
}

#[test]
fn what_is_replaced_while_texts_are_removed_is_removed_later() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::open(dir.path()).unwrap();
    let note = || {
        let mut replay = Replay::new(&tree);
        let conversation = antar_domain::Conversation::Private(AccountId(1), AccountId(2));
        let (amy, text) = (Name::parse("amy").unwrap(), Text::parse("x", 9).unwrap());
        let extras = Extras { edited: Some(Time(1)), ..Extras::default() }.boxed();
        let message = Message { extras, ..Message::new(1, Time(1), amy.clone(), amy, text) };
        let message = Arc::new(message);
        let event = Event::Rewritten(PlacedMessage { conversation, ordinal: 1, message });
        replay.add(1, &Batch::of(&[event], Batch::default()).unwrap()).unwrap();
    };
    note();
    tree.begin_removal().unwrap();
    note();
    tree.end_removal().unwrap();
    assert!(tree.replaced_since().unwrap().is_some());
    tree.begin_removal().unwrap();
    tree.end_removal().unwrap();
    assert_eq!(tree.replaced_since().unwrap(), None);
    tree.end_removal().unwrap();
}

#[test]
fn what_was_said_in_a_group_that_is_gone_is_removed_as_well() {
    let group = GroupId(1);
    for event in [Event::GroupClosed(group, 2), Event::GroupSwept(group, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        let batch = Batch::of(&[event], Batch::default()).unwrap();
        Replay::new(&tree).add(1, &batch).unwrap();
        assert!(tree.replaced_since().unwrap().is_some());
    }
}
