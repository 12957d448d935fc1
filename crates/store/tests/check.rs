//! A check finds nothing where nothing is wrong, and names what is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antar_domain::links::{
    Address, Apart, ApartEntry, Epoch, LinkKind, LinkStatus, PeerRecord, Position,
};
use antar_domain::{
    AccountId, AccountRecord, Change, ChangeList, ChangesTip, Conversation, CorrespondentId, Event,
    ForkId, GroupId, GroupRecord, Mailbox, Member, Page, PasswordHash, PeerId, Posted, SessionId,
    SessionRecord, Silence, Source,
};
use antar_store::{Batch, Damage, Disk, Engine, MemoryEngine, Ops, Pairs, Store, StoreError};
use antar_types::{Chain, Entry, EntryKind, Fingerprint, Message, Name, Text, Time, Token};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BETA: PeerId = PeerId(3);
const FORK: ForkId = ForkId(5);

fn name(word: &str) -> Name {
    Name::parse(word).unwrap()
}

fn entry() -> Arc<Entry> {
    let text = Text::parse("owed", 99).unwrap();
    let (from, to) = (name("amy"), name("bob"));
    Arc::new(Entry {
        kind: EntryKind::Private,
        time: Time(5),
        from,
        to,
        text,
        origin: None,
        more: None,
    })
}

const AMY: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
const STAFF: Conversation = Conversation::Group(GroupId(4));
/// Bob and somebody at beta.
const REMOTE: Conversation = Conversation::Peer(BOB, BETA, CorrespondentId(13));

fn posted(conversation: Conversation, ordinal: u64, id: u64) -> Event {
    let text = Text::parse(&"x".repeat(200), 200).unwrap();
    let (from, to) = (name("amy"), name("bob"));
    let message = Message::new(id, Time(id), from, to, text);
    let (sender, recipient) = match conversation {
        Conversation::Private(one, other) => (Some(one), Some(other)),
        Conversation::Peer(account, ..) => (None, Some(account)),
        _ => (None, None),
    };
    let (waits, message) = (None, Arc::new(message));
    Event::Posted(Posted { conversation, ordinal, sender, recipient, waits, message })
}

/// Where the log of what beta is owed stands at some entry.
fn owed(seq: u64) -> Position {
    let next = |at: Position, seq| Position { seq, chain: at.chain.with(&entry()) };
    (1..=seq).fold(Position::default(), next)
}

/// A realm with a bit of everything.
fn beginning() -> Vec<Event> {
    let password = || PasswordHash::new("x".into());
    let account = |word| {
        let (name, password, created) = (name(word), password(), Time(1));
        AccountRecord { name, password, admin: false, created, locked: false }
    };
    let (creator, owner, created) = (AccountId(1), Some(AccountId(1)), Time(1));
    let staff =
        GroupRecord { owner, ..GroupRecord::new(name("staff"), password(), creator, created) };
    let address = Some(Address { host: "beta".into(), port: 1, told_by: None });
    let (kind, status, since) =
        (LinkKind::Native(Fingerprint([7; 32])), LinkStatus::Linked, Time(1));
    let beta = PeerRecord { name: name("beta"), kind, address, status, since };
    let hash = Token::new([1; 32]).hash();
    let (used, since, client, address) = (Time(1), Time(1), None, None);
    let session = SessionRecord { hash, account: creator, used, since, client, address };
    let at = Position { seq: 4, chain: Chain::START };
    vec![
        Event::RealmNamed(name("alpha")),
        Event::AccountSet(AccountId(1), account("amy")),
        Event::AccountSet(AccountId(2), account("bob")),
        Event::PeerSet(BETA, beta),
        Event::EpochBegun(BETA, Epoch(9)),
        Event::GroupSet(GroupId(4), staff),
        Event::MemberSet(GroupId(4), AccountId(1), Member { since: 4, moderator: false }),
        Event::Followed { peer: BETA, fork: FORK, epoch: Epoch(7), at, left: 0 },
        Event::SessionSet(SessionId(6), session),
    ]
}

/// The batch after `n` others.
fn batch(n: u64) -> Vec<Event> {
    let (tip, cursor) = (owed(n), Position { seq: 4 + n, chain: owed(n).chain });
    let (id, chains) = (10 * n, vec![cursor.chain]);
    let events = vec![posted(REMOTE, n, id + 3)];
    vec![
        posted(Conversation::Private(AMY, BOB), n, id + 1),
        posted(STAFF, n, id + 2),
        Event::Owed { peer: BETA, tip, total: n, since: Time(1), entry: entry() },
        Event::Received { peer: BETA, fork: FORK, cursor, chains, events },
    ]
}

fn fill(store: &Store, batches: u64) {
    store.commit(&beginning()).unwrap();
    (1..=batches).for_each(|n| store.commit(&batch(n)).unwrap());
}

/// A realm whose data are in tables, and which was killed with 19 batches more in its log.
fn realm(batches: u64) -> tempfile::TempDir {
    let [running, killed] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let open = || Store::open(Box::new(Disk::open(running.path()).unwrap())).unwrap().0;
    fill(&open(), batches);
    let store = open();
    (batches + 1..batches + 20).for_each(|n| store.commit(&batch(n)).unwrap());
    copy(running.path(), killed.path());
    killed
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(path, to).unwrap()),
        }
    }
}

/// Every file with what is in it.
fn files(at: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), std::fs::read(path).unwrap())),
        }
    }
    found
}

/// What is wrong with a directory; nothing in it changes.
fn damages(directory: &Path) -> Vec<Damage> {
    let (before, mut damages) = (files(directory), Vec::new());
    let told = &mut |_: &_, damage| damages.extend(damage);
    let (checked, _) = antar_store::check(directory, told).unwrap();
    assert!(files(directory) == before, "a check changes nothing");
    assert_eq!(checked.damages, damages.len() as u64);
    damages
}

#[track_caller]
fn is_named(damages: &[Damage], place: &str, what: &str) {
    let named = damages.iter().any(|d| d.place.contains(place) && d.what.contains(what));
    assert!(named, "{place}: {what} is not among {damages:#?}");
}

/// The first file of a directory that fits, and how it is shown.
fn file(directory: &Path, part: &str) -> (PathBuf, String) {
    let shown = |path: &PathBuf| path.strip_prefix(directory).unwrap().display().to_string();
    let mut all = files(directory).into_keys().map(|path| (path.clone(), shown(&path)));
    all.find(|(_, shown)| shown.starts_with(part)).unwrap()
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_realm_is_found_sound_and_counted() {
    let killed = realm(300);
    let mut found = Vec::new();
    let (checked, _) =
        antar_store::check(killed.path(), &mut |_, damage| found.extend(damage)).unwrap();
    assert_eq!(found, []);
    assert_eq!((checked.messages, checked.sent), (3 * 319, 319));
    assert_eq!((checked.owed, checked.hashes, checked.batches), (319, 319, 19));
    assert!(checked.tables > 0 && checked.table_bytes > 10_000 && checked.records > 9);
    // It still opens, and is as sound after a clean stop.
    drop(Store::open(Box::new(Disk::open(killed.path()).unwrap())).unwrap());
    assert_eq!(damages(killed.path()), []);
}

#[test]
fn a_group_that_is_closed_is_sound_all_along_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open(Box::new(Disk::open(directory.path()).unwrap())).unwrap();
    let store = open().0;
    fill(&store, 30);
    // All of it in one batch: what is said last is in no tree yet as the group is closed.
    let (staff, mut last) = (GroupId(4), batch(31));
    let (list, tip) = (ChangeList::Group(staff), ChangesTip { id: 314, ..ChangesTip::default() });
    last.extend([
        Event::Banned(staff, BOB),
        Event::Silenced(staff, AMY, Silence::Lasting),
        Event::Changed { list, tip, change: Change::Read(STAFF, 1) },
        Event::GroupClosed(staff, 2),
    ]);
    store.commit(&last).unwrap();
    drop(store);
    assert_eq!(damages(directory.path()), []);
    let messages = || {
        let (checked, _) = antar_store::check(directory.path(), &mut |_, _| ()).unwrap();
        checked.messages
    };
    assert_eq!(messages(), 3 * 31 - 1);
    for left in [1, 0] {
        let (store, events) = open();
        let is_left = |event: &Event| match event {
            Event::ConversationReached(conversation, _) => *conversation == STAFF,
            Event::ChangesReached(of, _) => *of == list,
            Event::GroupSet(..) | Event::MemberSet(..) => true,
            Event::Banned(..) | Event::Silenced(..) => true,
            _ => false,
        };
        assert_eq!(events.into_iter().find(is_left), None);
        store.commit(&[Event::GroupSwept(staff, left)]).unwrap();
        drop(store);
        assert_eq!(damages(directory.path()), []);
    }
    assert_eq!(messages(), 2 * 31);
    assert!(!open().1.iter().any(|event| matches!(event, Event::GroupClosed(..))));
}

#[test]
fn a_group_may_come_and_go_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Box::new(Disk::open(directory.path()).unwrap())).unwrap().0;
    let mut all = beginning();
    let staff = GroupId(4);
    all.push(posted(STAFF, 1, 12));
    all.extend([Event::GroupClosed(staff, 1), Event::GroupSwept(staff, 0)]);
    store.commit(&all).unwrap();
    drop(store);
    let named = damages(directory.path());
    // What comes of the log of beta is not among what was written.
    assert!(!named.iter().any(|damage| damage.place.contains("roup")), "{named:#?}");
}

#[test]
fn a_running_realm_must_be_stopped_first() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(Box::new(Disk::open(directory.path()).unwrap())).unwrap();
    store.commit(&[Event::IdReached(1)]).unwrap();
    let checked = antar_store::check(directory.path(), &mut |_, _| ());
    assert!(checked.is_err_and(|error| matches!(error, StoreError::Locked(_))));
    drop(store);
    assert_eq!(damages(directory.path()), []);
}

#[test]
fn a_bit_that_turned_is_found_wherever_it_is() {
    let whole = realm(300);
    let parts = ["tree/current", "tree/v", "tree/tables/"];
    for (part, divisor) in parts.iter().flat_map(|part| (1..6).map(move |d| (*part, d))) {
        let damaged = tempfile::tempdir().unwrap();
        copy(whole.path(), damaged.path());
        let (path, shown) = file(damaged.path(), part);
        flip(&path, |length| length - 1 - (length - 1) / divisor);
        // A list of another number is not there.
        let place = if part == "tree/current" { "tree/" } else { &shown };
        let damages = damages(damaged.path());
        is_named(&damages, place, "");
        // What cannot be read is not taken for what is gone, and is told of once.
        assert!(damages.len() < 12, "{damages:#?}");
    }
    // In the log the last record may be torn; those before it are not.
    flip(&file(whole.path(), "log/0").0, |_| 4096 * 3 + 50);
    is_named(&damages(whole.path()), "log/0", "is damaged, and batch");
}

#[test]
fn files_that_are_gone_are_named() {
    for (part, what) in [
        ("tree/current", "cannot be read"),
        ("tree/v", "cannot be read"),
        ("tree/tables/", "missing"),
        ("acknowledged", "missing"),
    ] {
        let damaged = realm(100);
        let (path, shown) = file(damaged.path(), part);
        std::fs::remove_file(&path).unwrap();
        is_named(&damages(damaged.path()), &shown, what);
    }
    let damaged = realm(100);
    std::fs::remove_file(file(damaged.path(), "log/0").0).unwrap();
    is_named(&damages(damaged.path()), "the end of the data", "the last 19 of");
}

/// Damage that has its checksums right: an engine in which pairs were changed.
fn planted(change: impl FnOnce(&mut Ops)) -> Vec<Damage> {
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    fill(&store, 30);
    let mut ops = Ops::default();
    // How far the data go with it: batch 32, id 303.
    put(&mut ops, b"b", &[32, 175, 2]);
    change(&mut ops);
    engine.commit(32, Batch::of_pairs(&ops)).unwrap();
    let mut damages = Vec::new();
    antar_store::check_pairs(&engine, &mut |_, damage| damages.extend(damage));
    damages
}

/// The key of a record: each number is led by its length.
fn key(kind: &[u8], numbers: &[u8]) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|n| [1, *n]);
    kind.iter().copied().chain(numbers).collect()
}

/// The key of a run.
fn run(kind: &[u8], numbers: &[u8], id: u64) -> Vec<u8> {
    [&key(kind, numbers)[..], &id.to_be_bytes()].concat()
}

fn put(ops: &mut Ops, key: &[u8], value: &[u8]) {
    let value = |out: &mut Vec<u8>| {
        out.extend_from_slice(value);
        Ok(())
    };
    ops.put(key, value).unwrap();
}

#[test]
fn what_does_not_fit_together_is_named() {
    assert_eq!(planted(|_| ()), []);
    for (gone, place, what) in [
        (run(b"Mp", &[1, 2], 51), "Outgoing(AccountId(1)", "message 51 is gone"),
        (run(b"Mp", &[1, 2], 51), "Incoming(AccountId(2)", "message 51 is gone"),
        (run(b"Mp", &[1, 2], 51), "Private", "message 61 is number 6, after number 4"),
        (run(b"Mg", &[4], 302), "Group", "is number 29 with id 292, and should be number 30"),
        (key(b"Rcg", &[4]), "Group", "and should be number 0"),
        (run(b"O", &[3], 7), "what realm 3 is owed", "entry 8 follows entry 6"),
        (run(b"O", &[3], 1), "what realm 3 is owed", "entries 1 to 1 are missing"),
        (run(b"O", &[3], 30), "what realm 3 is owed", "the last entry is 29"),
        (run(b"H", &[5], 9), "life 5", "entry 10 follows entry 8"),
        (run(b"H", &[5], 34), "life 5", "the last entry is 33, and should be 34"),
        (key(b"Ra", &[1]), "session 6", "account 1, which does not exist"),
        (key(b"Rg", &[4]), "group 4", "has members and does not exist"),
        (key(b"Rm", &[4, 1]), "group staff", "owns it and is no member"),
        ([&key(b"Rl", &[3])[..], &[0]].concat(), "realm 3", "no record of it"),
        (b"f".to_vec(), "the version of the data", "is missing"),
        (b"b".to_vec(), "how far the data go", "is missing"),
    ] {
        is_named(&planted(|ops| ops.delete(&gone)), place, what);
    }
    for (at, value, place, what) in [
        (run(b"Mp", &[1, 2], 51), &b"\xff"[..], "messages", "is unreadable"),
        (run(b"Mp", &[1, 2], 51), b"\x01", "messages", "is unreadable"),
        (key(b"Ra", &[9]), b"\x02", "accounts", "is unreadable"),
        (key(b"x", &[9]), b"", "the store", "does not belong there"),
        (b"b".to_vec(), &[40, 5], "messages", "5 is the highest there is"),
        (b"b".to_vec(), &[29, 200, 200, 3, 0], "how far the data go", "is unreadable"),
        (b"f".to_vec(), &[9], "the version of the data", "this program knows 2"),
    ] {
        is_named(&planted(|ops| put(ops, &at, value)), place, what);
    }
    // One error does not keep the next from being found.
    let many = planted(|ops| {
        ops.delete(&run(b"Mp", &[1, 2], 51));
        put(ops, &run(b"Mg", &[4], 62), b"\xff");
        ops.delete(&run(b"O", &[3], 7));
    });
    is_named(&many, "Outgoing(AccountId(1)", "message 51 is gone");
    is_named(&many, "messages", "is unreadable");
    is_named(&many, "what realm 3 is owed", "entry 8 follows entry 6");
}

/// A realm that has forgotten beta, after this: what is wrong with it, and which logs are left.
fn forgotten(also: &[Event]) -> (Vec<Damage>, Store, String) {
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    fill(&store, 9);
    store.commit(also).unwrap();
    store.commit(&[Event::PeerForgotten { peer: BETA, traces: true }]).unwrap();
    let (mut damages, mut kinds) = (Vec::new(), String::new());
    antar_store::check_pairs(&engine, &mut |_, damage| damages.extend(damage));
    for kind in [b"A", b"H", b"O"] {
        let next = vec![kind[0] + 1];
        let mut note = |_: &[u8], _: &[u8]| {
            kinds.push(kind[0].into());
            Ok(std::ops::ControlFlow::Continue(()))
        };
        engine.scan(kind.to_vec()..next, antar_store::Direction::Up, &mut note).unwrap();
    }
    let (store, events) = Store::open(Box::new(engine)).unwrap();
    let of_beta = |event: &&Event| matches!(event, Event::PeerSet(..) | Event::Followed { .. });
    assert_eq!(events.iter().find(of_beta), None);
    (damages, store, kinds)
}

#[test]
fn a_realm_that_was_forgotten_leaves_its_messages_and_nothing_else() {
    let plain_mailboxes = Event::PlainMailboxSet(BETA, 900, name("bob"));
    let hour = Event::Acked { peer: BETA, acked: owed(3), total: 3, hour: 7, told: 3 };
    let waiting = Conversation::Peer(AMY, BETA, CorrespondentId(901));
    let Event::Posted(waiting) = posted(waiting, 1, 901) else { unreachable!() };
    let waiting = Posted { sender: Some(AMY), recipient: None, waits: Some(900), ..waiting };
    let waiting = Event::Posted(waiting);
    let (id, name) = (CorrespondentId(901), "bob".into());
    let bob = Event::CorrespondentSet { peer: BETA, id, name, account: None };
    let (damages, store, kinds) = forgotten(&[plain_mailboxes, bob, hour, waiting]);
    assert_eq!((damages, kinds.as_str()), (vec![], ""));
    let page = Page { after: Some(0), before: None, limit: 99 };
    let kept = store.read(Source::Mailbox(Mailbox::Realm(AccountId(2), BETA)), page).unwrap();
    assert_eq!(kept.0.len(), 9);
    assert_eq!(store.read(Source::Sent(AccountId(1)), page).unwrap().0.len(), 9);
    // It is neither told of nor linked again, and a note of what is not there would be a damage.
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    fill(&store, 2);
    let forgotten = Event::PeerForgotten { peer: BETA, traces: true };
    let cursor = Position::default();
    store.commit(&[forgotten]).unwrap();
    store.commit(&[Event::CursorReached { peer: BETA, cursor }]).unwrap();
    let mut damages = Vec::new();
    antar_store::check_pairs(&engine, &mut |_, damage| damages.extend(damage));
    is_named(&damages, "realm 3", "it was forgotten");
}

#[test]
fn a_stranger_that_was_forgotten_leaves_nothing() {
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    let [_, _, _, set, begun, ..] = <[Event; 9]>::try_from(beginning()).unwrap();
    let trimmed = Event::Trimmed { peer: BETA, floor: Position::default(), hour: None };
    store.commit(&[set, begun, trimmed]).unwrap();
    store.commit(&[Event::PeerForgotten { peer: BETA, traces: false }]).unwrap();
    assert_eq!(Store::open(Box::new(engine)).unwrap().1, [Event::IdReached(3)]);
}

/// What beta has sent that is not known here: two entries, and one that there was no room for.
fn set_apart() -> Vec<Event> {
    let entry = |id| {
        let fields = format!(r#"["poll",{id},"bob","amy",""]"#).into();
        Arc::new(ApartEntry { id, epoch: Epoch(7), seq: id, fields })
    };
    let apart = |kept, dropped| Apart { kept, bytes: 27 * kept, dropped };
    vec![
        Event::SetApart { peer: BETA, apart: apart(1, 0), entry: Some(entry(901)) },
        Event::SetApart { peer: BETA, apart: apart(1, 1), entry: None },
        Event::SetApart { peer: BETA, apart: apart(2, 1), entry: Some(entry(902)) },
    ]
}

#[test]
fn what_is_set_apart_is_kept_and_counted() {
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    fill(&store, 2);
    store.commit(&set_apart()).unwrap();
    let (store, events) = Store::open(Box::new(engine)).unwrap();
    let apart = Apart { kept: 2, bytes: 54, dropped: 1 };
    assert!(events.contains(&Event::ApartReached(BETA, apart)), "{events:?}");
    assert_eq!(events[0], Event::IdReached(902));
    let kept = store.apart(BETA).unwrap();
    assert_eq!(
        kept.iter().map(|entry| (entry.id, entry.seq)).collect::<Vec<_>>(),
        [(901, 901), (902, 902)]
    );
    assert_eq!(&*kept[1].fields, r#"["poll",902,"bob","amy",""]"#);
    assert_eq!(store.apart(PeerId(8)).unwrap(), []);
    // With the realm it is forgotten, and nothing is wrong before or after that.
    let (damages, store, kinds) = forgotten(&set_apart());
    assert_eq!((damages, kinds.as_str()), (vec![], ""));
    assert_eq!(store.apart(BETA).unwrap(), []);
}

#[test]
fn what_was_set_apart_and_is_gone_is_missed() {
    let engine = MemoryEngine::default();
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    fill(&store, 2);
    store.commit(&set_apart()).unwrap();
    let damages = || {
        let mut damages = Vec::new();
        antar_store::check_pairs(&engine, &mut |_, damage| damages.extend(damage));
        damages
    };
    assert_eq!(damages(), []);
    let mut ops = Ops::default();
    ops.delete(&run(b"A", &[3], 901));
    engine.commit(5, Batch::of_pairs(&ops)).unwrap();
    is_named(&damages(), "what realm 3 has sent that is not known here", "should be 2 entries");
}
