use super::*;
use crate::MemoryEngine;
use crate::layout::List;
use antar_domain::{
    AccountId, AccountRecord, Conversation, ConversationTip, Conversations, ERASED, GroupId,
    LOOKED_AT, MOST_UNREAD, Marker, OldIn, PasswordHash, Posted, Reader,
};
use antar_types::{Emoji, Extras, Name, Notice, Reactor, Text, Time};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;

fn open(engine: &MemoryEngine) -> Result<(Store, Vec<Event>), StoreError> {
    Store::open(Box::new(engine.clone()))
}

fn posted(mailbox: Mailbox, sender: Option<AccountId>, id: u64) -> Event {
    let name = |n| Name::parse(n).unwrap();
    let text = Text::parse(&format!("m{id}"), 99).unwrap();
    let (time, from, to) = (Time(id), name("amy"), name("bob"));
    let message = Message::new(id, time, from, to, text);
    // Which number it is in its conversation does not matter here.
    Event::Posted(Conversations::default().post(mailbox, sender, Arc::new(message)).1)
}

fn ids(store: &Store, source: Source, page: Page) -> (Vec<u64>, bool) {
    let (messages, more) = store.read(source, page).unwrap();
    (messages.iter().map(|m| m.id).collect(), more)
}

const BOB: Mailbox = Mailbox::Private(AccountId(2));
const AMY: AccountId = AccountId(1);

#[test]
fn mailboxes_are_apart_and_sent_shows_the_same_message() {
    let (store, _) = open(&MemoryEngine::default()).unwrap();
    let staff = Mailbox::Group(GroupId(2));
    let events = [posted(BOB, Some(AMY), 5), posted(staff, None, 6), posted(BOB, Some(AMY), 7)];
    store.commit(&events).unwrap();
    assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()), (vec![5, 7], false));
    assert_eq!(ids(&store, Source::Mailbox(staff), Page::default()), (vec![6], false));
    assert_eq!(ids(&store, Source::Sent(AMY), Page::default()), (vec![5, 7], false));
    let sent = store.read(Source::Sent(AMY), Page::default()).unwrap();
    assert_eq!(sent, store.read(Source::Mailbox(BOB), Page::default()).unwrap());
}

/// Whoever reads one short message of a run reads all of it.
#[test]
fn a_run_of_long_messages_is_cut() {
    let (store, _) = open(&MemoryEngine::default()).unwrap();
    let long = |id| {
        let mut event = posted(BOB, Some(AMY), id);
        if let Event::Posted(Posted { message, .. }) = &mut event {
            Arc::make_mut(message).text = Text::parse(&"x".repeat(9_999), 9_999).unwrap();
        }
        event
    };
    store.commit(&(1..=64).map(long).collect::<Vec<_>>()).unwrap();
    let mut runs = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        if let Some((List::Messages(_), _)) = List::read(key) {
            runs.push(value.len());
        }
        Ok(ControlFlow::Continue(()))
    };
    store.engine().scan(vec![0]..vec![0xff], Direction::Up, &mut visit).unwrap();
    assert_eq!((runs.len(), runs.iter().all(|bytes| *bytes < 42 << 10)), (16, true), "{runs:?}");
    assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0.len(), 64);
}

#[test]
fn a_page_is_bounded_in_bytes_and_paging_gets_everything() {
    let (store, _) = open(&MemoryEngine::default()).unwrap();
    for id in 1..=300 {
        let mut event = posted(BOB, Some(AMY), id);
        if let Event::Posted(Posted { message, .. }) = &mut event {
            Arc::make_mut(message).text = Text::parse(&"x".repeat(16 << 10), 16 << 10).unwrap();
        }
        store.commit(&[event]).unwrap();
    }
    for source in [Source::Mailbox(BOB), Source::Sent(AMY)] {
        let (newest, more) = ids(&store, source, Page::default());
        assert!(more && newest.len() < 100 && newest.last() == Some(&300), "{newest:?}");
        let (mut all, mut more) = (Vec::new(), true);
        while more {
            let page = Page { after: Some(all.last().copied().unwrap_or(0)), ..Page::default() };
            let (next, left) = ids(&store, source, page);
            all.extend(next);
            more = left;
        }
        assert_eq!(all, (1..=300).collect::<Vec<_>>());
    }
}

#[test]
fn records_and_the_highest_id_come_back() {
    let engine = MemoryEngine::default();
    let (store, events) = open(&engine).unwrap();
    assert_eq!(events, [Event::IdReached(0)]);
    let record = AccountRecord {
        name: Name::parse("amy").unwrap(),
        password: PasswordHash::new("x".into()),
        admin: false,
        created: Time(1),
        locked: false,
    };
    let account = Event::AccountSet(AMY, record);
    store.commit(&[account.clone(), posted(BOB, Some(AMY), 9)]).unwrap();
    drop(store);
    let (store, mut events) = open(&engine).unwrap();
    assert!(matches!(events.pop(), Some(Event::TimeReached(_))));
    assert!(matches!(events.pop(), Some(Event::MarkerSet { marker, .. }) if marker.id == 9));
    assert!(matches!(events.pop(), Some(Event::ConversationReached(_, tip)) if tip.id == 9));
    assert_eq!(events, [Event::IdReached(9), account]);
    store.commit(&[Event::AccountRemoved(AMY)]).unwrap();
    assert_eq!(open(&engine).unwrap().1[..1], [Event::IdReached(9)]);
    assert_eq!(open(&engine).unwrap().1.len(), 4);
}

#[test]
fn another_format_is_refused() {
    let engine = MemoryEngine::default();
    let (store, _) = open(&engine).unwrap();
    store.commit(&[]).unwrap();
    engine.overwrite(FORMAT_KEY, &[3]);
    assert!(matches!(open(&engine), Err(StoreError::Format { found: 3, known: 2 })));
}

#[test]
fn what_went_missing_or_was_damaged_is_reported() {
    let engine = MemoryEngine::default();
    let (store, _) = open(&engine).unwrap();
    (1..=5).for_each(|id| store.commit(&[posted(BOB, None, id)]).unwrap());
    let whole = engine.image();
    engine.lose_last_batch();
    let reopened = open(&engine);
    assert!(reopened.is_err_and(|e| e.to_string().contains("the last 5 of 5 batches")));
    engine.restore(whole);
    let key = List::of(Source::Mailbox(BOB)).key(2);
    engine.overwrite(&key, b"\xff");
    assert!(matches!(
        store.read(Source::Mailbox(BOB), Page::default()),
        Err(StoreError::Corrupt(_))
    ));
}

#[test]
fn a_failed_commit_leaves_nothing_to_read_and_the_store_recovers() {
    let engine = MemoryEngine::default();
    let (store, _) = open(&engine).unwrap();
    store.commit(&[posted(BOB, None, 1)]).unwrap();
    engine.fail_commits(true);
    assert!(store.commit(&[posted(BOB, None, 2)]).is_err());
    assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1]);
    engine.fail_commits(false);
    assert_eq!(store.reopen().unwrap()[0], Event::IdReached(1));
    store.commit(&[posted(BOB, None, 2)]).unwrap();
    assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1, 2]);
}

#[test]
fn what_could_not_be_synced_is_on_disk_before_anything_follows_it() {
    for trusts_memory in [false, true] {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        store.commit(&[posted(BOB, None, 1)]).unwrap();
        engine.fail_syncs(true);
        assert!(store.commit(&[posted(BOB, None, 2)]).is_err());
        assert!(store.reopen().is_err());
        assert_eq!(ids(&store, Source::Mailbox(BOB), Page::default()).0, [1]);
        engine.fail_syncs(false);
        if trusts_memory {
            engine.trust_memory();
        }
        assert_eq!(store.reopen().unwrap()[0], Event::IdReached(2));
        store.commit(&[posted(BOB, None, 3)]).unwrap();
        engine.crash(true);
        let opened =
            open(&engine).map(|(store, _)| ids(&store, Source::Mailbox(BOB), Page::default()));
        match trusts_memory {
            false => assert_eq!(opened.unwrap().0, [1, 2, 3]),
            true => assert!(matches!(opened, Err(StoreError::Corrupt(_)))),
        }
    }
}

#[test]
fn what_became_of_a_batch_is_found_out_where_the_disk_lets_it() {
    let engine = MemoryEngine::default();
    let (store, _) = open(&engine).unwrap();
    let here = || ids(&store, Source::Mailbox(BOB), Page::default()).0;
    engine.fail_once(true);
    store.commit(&[posted(BOB, None, 1)]).unwrap();
    assert_eq!((here(), engine.acknowledged()), (vec![1], 1));
    engine.fail_once(false);
    let refused = store.commit(&[posted(BOB, None, 2)]);
    assert!(matches!(refused, Err(NotCommitted::Refused(_))), "{refused:?}");
    store.commit(&[posted(BOB, None, 3)]).unwrap();
    // A disk that does not let it.
    engine.fail_syncs(true);
    let unknown = store.commit(&[posted(BOB, None, 4)]);
    assert!(matches!(unknown, Err(NotCommitted::Unknown(_))), "{unknown:?}");
    // What is tried after that is not even written.
    let refused = store.commit(&[posted(BOB, None, 5)]);
    assert!(matches!(refused, Err(NotCommitted::Refused(_))), "{refused:?}");
    engine.fail_syncs(false);
    store.reopen().unwrap();
    assert_eq!(here(), [1, 3, 4]);
}

/// What is said between amy and bob, by whom in turns, and what a place in it comes to.
struct Talk {
    store: Store,
    known: Conversations,
    last: u64,
}

impl Talk {
    fn new() -> Self {
        let (store, _) = open(&MemoryEngine::default()).unwrap();
        Self { store, known: Conversations::default(), last: 100 }
    }

    /// The sender and the recipient of each message, which may be a notice.
    fn say(&mut self, messages: impl Iterator<Item = (AccountId, Option<Notice>)>) {
        let mut events = Vec::new();
        for (sender, notice) in messages {
            self.last += 1;
            let name = |account| Name::parse(if account == AMY { "Amy" } else { "bob" }).unwrap();
            let to = if sender == AMY { AccountId(2) } else { AMY };
            let text = Text::parse("hi", 99).unwrap();
            let (from, to_name) = (name(sender), name(to));
            let message = Message::new(self.last, Time(1), from, to_name, text);
            let message = Message { notice, ..message };
            let mailbox = Mailbox::Private(to);
            let posted = self.known.post(mailbox, Some(sender), Arc::new(message)).1;
            let event = Event::Posted(posted);
            self.known.apply(&event);
            events.push(event);
        }
        self.store.commit(&events).unwrap();
    }

    /// The id up to which it is, as a number among the messages; the ordinal; and how many after it are amy's.
    fn locate(&self, nth: u64, counts: bool) -> (u64, u64, u64) {
        let conversation = Conversation::private(AMY, AccountId(2));
        let reader = counts.then(|| reader(AMY));
        let marker = Marker::default();
        let place = Place {
            conversation,
            id: 100 + nth,
            reader,
            joined: 0,
            marker,
            floor: ConversationTip::default(),
        };
        let Marker { id, ordinal, own_after } = self.store.locate(&place).unwrap().marker;
        (id.saturating_sub(100), ordinal, own_after)
    }
}

/// Amy, under the number of an account.
fn reader(account: AccountId) -> Reader {
    Reader { account, name: Name::parse("amy").unwrap(), realm: None, blocks: None, there: None }
}

#[test]
fn a_place_in_a_conversation_is_found_and_what_is_ones_own_after_it_counted() {
    let mut talk = Talk::new();
    let bob = AccountId(2);
    talk.say([AMY, bob, AMY, AMY].into_iter().map(|sender| (sender, None)));
    // A notice is nobody's.
    talk.say([(AMY, Some(Notice::UserNotFound)), (bob, None)].into_iter());
    for (nth, found) in [(0, 0), (1, 1), (3, 3), (5, 5), (6, 6), (99, 6)] {
        let ordinal = if found > 4 { found - 1 } else { found };
        let own = [3, 2, 2, 1, 0, 0, 0][found as usize];
        assert_eq!(talk.locate(nth, true), (found, ordinal, own), "{nth}");
        assert_eq!(talk.locate(nth, false), (found, ordinal, 0), "{nth}");
    }
    // What somebody wrote who had the name before is not counted.
    let conversation = Conversation::private(AMY, bob);
    let reader = Some(reader(AccountId(103)));
    let place = Place {
        conversation,
        id: 0,
        reader,
        joined: 0,
        marker: Marker::default(),
        floor: ConversationTip::default(),
    };
    assert_eq!(talk.store.locate(&place).unwrap().marker.own_after, 1);
}

#[test]
fn no_more_than_so_many_messages_are_counted() {
    let mut talk = Talk::new();
    let most = MOST_UNREAD as u64;
    for _ in 0..11 {
        let senders = [AMY, AccountId(2)].into_iter().cycle();
        talk.say(senders.take(1_000).map(|sender| (sender, None)));
    }
    for nth in [0, 1, 999, 1_000] {
        assert_eq!(talk.locate(nth, true), (11_000 - most, 11_000 - most, most / 2), "{nth}");
        assert_eq!(talk.locate(nth, false), (nth, nth, 0), "{nth}");
    }
    assert_eq!(talk.locate(1_001, true), (1_001, 1_001, most / 2 - 1));
}

proptest! {
    #[test]
    fn pages_are_what_a_list_would_give(
        sizes in proptest::collection::vec(1u64..90, 0..4),
        after in proptest::option::of(0u64..200),
        before in proptest::option::of(0u64..200),
        limit in 1usize..120,
    ) {
        let (store, _) = open(&MemoryEngine::default()).unwrap();
        let mut count = 0;
        for size in sizes {
            let ids = count + 1..=count + size;
            let events: Vec<Event> = ids.map(|id| posted(BOB, Some(AMY), id)).collect();
            store.commit(&events).unwrap();
            count += size;
        }
        let within: Vec<u64> = (1..=count)
            .filter(|id| after.is_none_or(|a| *id > a) && before.is_none_or(|b| *id < b))
            .collect();
        let taken = within.len().min(limit);
        let expected = match after {
            Some(_) => &within[..taken],
            None => &within[within.len() - taken..],
        };
        let page = Page { after, before, limit };
        let (got, more) = ids(&store, Source::Mailbox(BOB), page);
        prop_assert_eq!(&got[..], expected);
        prop_assert_eq!(more, within.len() > limit);
        prop_assert_eq!(ids(&store, Source::Sent(AMY), page), (got, more));
    }

    #[test]
    fn a_crash_keeps_every_acknowledged_batch_and_at_most_one_more(
        sizes in proptest::collection::vec(1u64..4, 1..12),
        torn in any::<bool>(),
    ) {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        let mut id = 0;
        let mut batch = |size: u64| -> Vec<Event> {
            (0..size).map(|_| { id += 1; posted(BOB, None, id) }).collect()
        };
        for size in &sizes {
            store.commit(&batch(*size)).unwrap();
        }
        let acknowledged: u64 = sizes.iter().sum();
        engine.stop_before_sync();
        prop_assert!(store.commit(&batch(2)).is_err());
        engine.crash(torn);
        let (store, _) = open(&engine).unwrap();
        let kept = ids(&store, Source::Mailbox(BOB), Page::default()).0;
        let expected = if torn { acknowledged } else { acknowledged + 2 };
        prop_assert_eq!(kept, (1..=expected).collect::<Vec<_>>());
    }
}

/// The same message with another text.
fn rewritten(event: &Event, text: &str) -> Event {
    let Event::Posted(Posted { conversation, ordinal, message, .. }) = event else { panic!() };
    let (conversation, ordinal) = (*conversation, *ordinal);
    let mut message = Message::clone(message);
    message.text = Text::parse(text, 99).unwrap();
    message.extras = Extras { edited: Some(Time(9)), ..Extras::default() }.boxed();
    Event::Rewritten(PlacedMessage { conversation, ordinal, message: Arc::new(message) })
}

proptest! {
    /// However batches are cut, and wherever the message lies by then.
    #[test]
    fn a_message_that_was_changed_is_read_as_it_is_now(
        changes in proptest::collection::vec((0u64..200, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let engine = MemoryEngine::default();
        let (store, _) = open(&engine).unwrap();
        let boxes = [(BOB, Some(AMY)), (Mailbox::Group(GroupId(2)), None)];
        let events: Vec<Event> = (1..=200).map(|id| {
            let (mailbox, sender) = boxes[(id % 2) as usize];
            posted(mailbox, sender, id)
        }).collect();
        let mut texts: Vec<String> = (1..=200).map(|id| format!("m{id}")).collect();
        let mut batch = Vec::new();
        let mut said = 0;
        for (n, (at, says_more, commits)) in changes.into_iter().enumerate() {
            // It was read before it is changed.
            if says_more || said == 0 {
                store.commit(&std::mem::take(&mut batch)).unwrap();
                store.commit(&events[said..(said + 20).min(200)]).unwrap();
                said = (said + 20).min(200);
            }
            let at = at as usize % said;
            texts[at] = format!("change {n}");
            batch.push(rewritten(&events[at], &texts[at]));
            if commits {
                store.commit(&std::mem::take(&mut batch)).unwrap();
            }
        }
        store.commit(&batch).unwrap();
        for (n, (mailbox, _)) in boxes.into_iter().enumerate() {
            let (found, _) = store.read(Source::Mailbox(mailbox), Page::default()).unwrap();
            let expected: Vec<&String> =
                (1..=said).filter(|id| id % 2 == n).map(|id| &texts[id - 1]).collect();
            let found: Vec<&str> = found.iter().map(|message| message.text.as_str()).collect();
            prop_assert_eq!(found, expected);
        }
        let Event::Rewritten(placed) = rewritten(&events[0], &texts[0]) else { panic!() };
        let view = store.engine().view().unwrap();
        let found = crate::history::message(&*view, placed.conversation, 1).unwrap();
        prop_assert_eq!(found.map(|message| message.read().text), Some(placed.message.text.clone()));
    }
}

/// Two conversations of amy's in one timeline, some of which goes; and all of it in the end.
#[test]
fn what_is_let_go_of_is_gone_with_what_leads_to_it() {
    let engine = MemoryEngine::default();
    let (store, _) = open(&engine).unwrap();
    let (bob, cat) = (AccountId(2), AccountId(3));
    let mut known = Conversations::default();
    let account = |word| AccountRecord {
        name: Name::parse(word).unwrap(),
        password: PasswordHash::NONE,
        admin: false,
        created: Time(1),
        locked: false,
    };
    let accounts = [(AMY, "amy"), (bob, "bob"), (cat, "cat")];
    let accounts = accounts.map(|(id, word)| Event::AccountSet(id, account(word)));
    store.commit(&accounts).unwrap();
    for from in (10..400).step_by(30) {
        let said = |id: u64| {
            let to = if id.is_multiple_of(3) { cat } else { bob };
            let text = Text::parse(&format!("m{id}"), 99).unwrap();
            let (by, whom) = (Name::parse("amy").unwrap(), Name::parse("bob").unwrap());
            let message = Arc::new(Message::new(id, Time(id), by, whom, text));
            let event = Event::Posted(known.post(Mailbox::Private(to), Some(AMY), message).1);
            known.apply(&event);
            event
        };
        store.commit(&(from..from + 30).map(said).collect::<Vec<_>>()).unwrap();
    }
    let sound = || {
        let mut damages = Vec::new();
        crate::check_pairs(&engine, &mut |_, damage| damages.extend(damage));
        damages
    };
    assert_eq!(sound(), []);
    let conversation = Conversation::private(AMY, bob);
    let (page, list) =
        (Page { limit: 1_000, ..Page::default() }, Source::Conversation(conversation));
    let reader = (reader(AMY), Marker { id: 12, ordinal: 2, own_after: 999 });
    let query = |gone, before| {
        OldQuery::of(OldIn {
            conversation,
            gone,
            before: Time(before),
            readers: vec![reader.clone()],
        })
    };
    let nothing = ConversationTip::default();
    assert_eq!(store.old(&query(nothing, 10)).unwrap(), [None]);
    let found = store.old(&query(nothing, 100)).unwrap().remove(0).unwrap();
    // Of amy's 60 messages before that time her marker has two behind it.
    assert_eq!((found.upto.id, found.upto.ordinal, found.more), (98, 60, false));
    assert_eq!(found.uncounted, [58]);
    let go = |upto| store.commit(&[Event::LetGo(conversation, upto)]).unwrap();
    go(found.upto);
    assert_eq!(sound(), []);
    let bobs = |id: &u64| !id.is_multiple_of(3);
    let kept: Vec<u64> = (100..400).filter(bobs).collect();
    assert_eq!(ids(&store, list, page).0, kept);
    assert_eq!(ids(&store, Source::Mailbox(BOB), page).0, kept);
    let sent: Vec<u64> = (10..400).filter(|id| *id >= 100 || !bobs(id)).collect();
    assert_eq!(ids(&store, Source::Sent(AMY), page).0, sent);
    assert_eq!(store.old(&query(found.upto, 100)).unwrap(), [None]);
    // In one batch a message is changed in the run that loses some, and more go.
    let placed = |id, ordinal| {
        let found = history::message(&engine, conversation, id).unwrap().unwrap();
        assert_eq!(found.ordinal, ordinal);
        let message = Message { text: Text::parse("new", 9).unwrap(), ..found.read() };
        Event::Rewritten(PlacedMessage { conversation, ordinal, message: Arc::new(message) })
    };
    let tip = |id, ordinal| ConversationTip { id, ordinal };
    let (early, late) = (placed(101, 62), placed(110, 68));
    let both = [early.clone(), late.clone(), Event::LetGo(conversation, tip(101, 62)), early, late];
    store.commit(&both).unwrap();
    go(tip(107, 66));
    assert_eq!(sound(), []);
    let (shown, _) = store.read(list, page).unwrap();
    let texts: Vec<&str> = shown[..2].iter().map(|m| m.text.as_str()).collect();
    assert_eq!((texts, shown[0].id), (vec!["m109", "new"], 109));
    // All of it goes; what is said then is in the conversation.
    go(tip(398, 260));
    assert_eq!(sound(), []);
    assert_eq!(ids(&store, list, page).0, [0; 0]);
    assert!(store.reload().unwrap().contains(&Event::LetGo(conversation, tip(398, 260))));
    let cats: Vec<u64> = (10..400).filter(|id| !bobs(id)).collect();
    assert_eq!(ids(&store, Source::Sent(AMY), page).0, cats);
    let by = Name::parse("amy").unwrap();
    let message =
        Arc::new(Message::new(400, Time(400), by.clone(), by, Text::parse("x", 9).unwrap()));
    let posted = Event::Posted(known.post(Mailbox::Private(bob), Some(AMY), message).1);
    store.commit(&[posted]).unwrap();
    assert_eq!(sound(), []);
    assert_eq!(ids(&store, Source::Mailbox(BOB), page).0, [400]);
    // A check tells where more is there, or less, than is said.
    store.commit(&[Event::LetGo(Conversation::private(AMY, cat), tip(9_000, 9_000))]).unwrap();
    assert!(!sound().is_empty());
}

/// What a start is told of files is what the messages say that are there.
#[test]
fn a_message_is_found_by_the_file_that_it_names_until_it_is_gone() {
    use antar_domain::{AccountId, Conversations, FileHold, FileKey, PlacedMessage};
    use antar_types::{Extras, File, FileAbout, FileHash, FileName, FileType, Message, Name, Text};
    let (name, hash) = (Name::parse("amy").unwrap(), FileHash::from([7; 32]));
    let (kind, picture) = (FileType::default(), Some((3, 2)));
    let about = FileAbout { name: FileName::cleaned("a.png"), kind, size: 9, picture };
    let file = Some(Box::new(File { hash, about: about.clone() }));
    let message = Message::new(9, Time(5), name.clone(), name, Text::empty());
    let extras = Extras { file, ..Extras::default() }.boxed();
    let message = Arc::new(Message { extras, ..message });
    let account = AccountId(1);
    let mailbox = Mailbox::Private(account);
    let (_, posted) = Conversations::default().post(mailbox, Some(account), message.clone());
    let (conversation, first) = (posted.conversation, posted.clone());
    let held = Event::FileHeld { hash, account, hold: FileHold { about, since: Time(4) } };
    let kept = [Event::FileSet { hash, size: 9 }, held, Event::FileKeySet(FileKey::new([1; 32]))];
    let engine = MemoryEngine::default();
    let loaded = |engine: &MemoryEngine| {
        let (_, loaded) = Store::open(Box::new(engine.clone())).unwrap();
        let of_files =
            |event: &Event| matches!(event, Event::FileNamed { .. }) || kept.contains(event);
        loaded.into_iter().filter(of_files).collect::<Vec<_>>()
    };
    let (store, _) = Store::open(Box::new(engine.clone())).unwrap();
    store.commit(&kept).unwrap();
    store.commit(&[Event::Posted(posted)]).unwrap();
    let found = loaded(&engine);
    assert_eq!(found.len(), 4);
    let named = found.iter().find_map(|event| match event {
        Event::FileNamed { id: 9, named, .. } => Some(named.clone()),
        _ => None,
    });
    let named = named.unwrap();
    assert_eq!((Some(&*named.file), named.account), (message.file(), Some(account)));
    let extras = Extras { deleted: true, ..Extras::default() }.boxed();
    let message = Arc::new(Message { extras, ..Message::clone(&message) });
    let deleted = Event::Rewritten(PlacedMessage { conversation, ordinal: 1, message });
    store.commit(&[deleted]).unwrap();
    assert_eq!(loaded(&engine).len(), 3);
    // What is let go of names no file either, in the same batch and later.
    let next = |id, ordinal| {
        let message = Arc::new(Message { id, ..Message::clone(&first.message) });
        Event::Posted(Posted { ordinal, message, ..first.clone() })
    };
    let let_go = |id, ordinal| Event::LetGo(conversation, ConversationTip { id, ordinal });
    store.commit(&[next(10, 2)]).unwrap();
    assert_eq!(loaded(&engine).len(), 4);
    store.commit(&[next(11, 3), let_go(11, 3)]).unwrap();
    assert_eq!(loaded(&engine).len(), 3);
    let gone = [Event::FileLetGo { hash, account }, Event::FileRemoved(hash)];
    store.commit(&gone).unwrap();
    assert_eq!(loaded(&engine).len(), 1);
}

#[test]
fn what_a_user_wrote_is_found_in_stretches() {
    let (store, _) = open(&MemoryEngine::default()).unwrap();
    let (bob, conversation) = (AccountId(2), Conversation::private(AMY, AccountId(2)));
    let mut known = Conversations::default();
    let mut events = Vec::new();
    // Each third is bob's, and to one of those amy has reacted; one of hers is deleted already.
    for id in 10..10 + 3 * LOOKED_AT as u64 {
        let by_bob = id.is_multiple_of(3);
        let (from, to, into) =
            if by_bob { ("bob", "amy", AMY) } else { ("amy", "bob", AccountId(2)) };
        let [from, to] = [from, to].map(|name| Name::parse(name).unwrap());
        let text = Text::parse("x", 9).unwrap();
        let mut message = Message::new(id, Time(id), from, to, text);
        let mut extras = Extras { deleted: id == 11, ..Extras::default() };
        if id == 12 {
            let who = Reactor { peer: 0, account: AMY.0, name: "amy".into() };
            extras.reactions.add(&Emoji::parse("a").unwrap(), who);
        }
        message.extras = extras.boxed();
        let by = if by_bob { bob } else { AMY };
        let event =
            Event::Posted(known.post(Mailbox::Private(into), Some(by), Arc::new(message)).1);
        known.apply(&event);
        events.push(event);
    }
    store.commit(&events).unwrap();
    let amys = |id: &u64| *id == 12 || *id != 11 && !id.is_multiple_of(3);
    let (mut after, mut all, mut most) = (0, Vec::new(), 0);
    loop {
        let found = store.own(&OwnQuery::new(conversation, after, reader(AMY))).unwrap();
        most = most.max(found.own.len());
        all.extend(found.own.iter().map(|placed| (placed.message.id, placed.ordinal)));
        let upto = found.upto.unwrap();
        assert!(upto.id > after && upto.id - after.max(9) <= LOOKED_AT as u64);
        assert_eq!(upto.ordinal, upto.id - 9);
        after = upto.id;
        if !found.more {
            break;
        }
    }
    assert_eq!((after, most), (9 + 3 * LOOKED_AT as u64, ERASED));
    let ids = (10..10 + 3 * LOOKED_AT as u64).filter(amys);
    assert!(all.into_iter().eq(ids.map(|id| (id, id - 9))));
    // Of nobody's there is nothing, and a look goes no further than it may.
    let nobodys = store.own(&OwnQuery::new(conversation, 0, reader(AccountId(9_999)))).unwrap();
    assert_eq!((nobodys.own.len(), nobodys.upto.unwrap().ordinal), (0, LOOKED_AT as u64));
    assert!(nobodys.more);
    let nothing = store.own(&OwnQuery::new(conversation, after, reader(AMY))).unwrap();
    assert_eq!((nothing.own.len(), nothing.upto, nothing.more), (0, None, false));
}
