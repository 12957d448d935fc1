use super::*;
use crate::{Disk, MemoryEngine, Store};
use antar_domain::commands::{ListConversations, ReadAs, ReadHistory};
use antar_domain::{
    AccountId, AccountRecord, Command, ConnId, Conversation, ConversationTip, Conversations,
    Effects, Event, Input, Limits, Mailbox, Marker, Origin, Outcome, Output, Page, PasswordHash,
    Policy, Readings, Request, SessionId, SessionRecord, Source, State, Stretch,
};
use antar_types::{ConversationName, Message, Name, Text, Time, Token};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const BOB: Source = Source::Mailbox(Mailbox::Private(AccountId(2)));
const AMY: AccountId = AccountId(1);

/// Every batch adds messages, changes the same account, opens a session and ends an older one.
fn batch(n: u64, bytes: usize) -> Vec<Event> {
    let name = |name| Name::parse(name).unwrap();
    let session = |hash: u64| {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&hash.to_be_bytes());
        let (used, since, client, address) = (Time(n), Time(n), None, None);
        let hash = Token::new(token).hash();
        SessionRecord { hash, account: AMY, used, since, client, address }
    };
    let password = PasswordHash::new(format!("password {n}"));
    let record = AccountRecord {
        name: name("amy"),
        password,
        admin: false,
        created: Time(1),
        locked: false,
    };
    let mut events = vec![
        Event::AccountSet(AMY, record),
        Event::SessionSet(SessionId(n * 10), session(n)),
        Event::SessionEnded(SessionId(n / 2 * 10)),
    ];
    for id in n * 10 + 1..n * 10 + 2 + n % 3 {
        let text = Text::parse(&format!("{id} {}", "x".repeat(bytes)), 1 << 20).unwrap();
        let (time, from, to) = (Time(id), name("amy"), name("bob"));
        let message = Message::new(id, time, from, to, text);
        let (Source::Mailbox(mailbox), sender) = (BOB, Some(AMY)) else { unreachable!() };
        let conversations = Conversations::default();
        events.push(Event::Posted(conversations.post(mailbox, sender, Arc::new(message)).1));
    }
    events
}

fn open(engine: &MemoryEngine) -> Store {
    Store::open(Box::new(engine.clone())).unwrap().0
}

/// All that can be read of a store.
fn all(store: &Store) -> (Vec<Event>, Vec<Message>, Vec<Message>) {
    let list = |source| {
        let (mut all, mut after) = (Vec::<Message>::new(), 0);
        loop {
            let page = Page { limit: usize::MAX, after: Some(after), ..Page::default() };
            let (messages, more) = store.read(source, page).unwrap();
            all.extend(messages);
            match all.last() {
                Some(last) if more => after = last.id,
                _ => return all,
            }
        }
    };
    (store.reload().unwrap(), list(BOB), list(Source::Sent(AMY)))
}

/// What the first batches amount to.
fn after(batches: u64, bytes: usize) -> (Vec<Event>, Vec<Message>, Vec<Message>) {
    let store = open(&MemoryEngine::default());
    (1..=batches).for_each(|n| store.commit(&batch(n, bytes)).unwrap());
    all(&store)
}

fn exported() -> Vec<u8> {
    let (store, mut out) = (open(&MemoryEngine::default()), Vec::new());
    (1..=20).for_each(|n| store.commit(&batch(n, 10)).unwrap());
    store.export(&mut out).unwrap();
    out
}

fn import(bytes: &[u8]) -> Result<Store, StoreError> {
    Store::import(Box::new(MemoryEngine::default()), bytes).map(|(store, ..)| store)
}

/// Exports while another thread commits; what comes of it is the first so many batches, those
/// acknowledged before among them.
fn commits_go_on(from: Box<dyn Engine>, to: Box<dyn Engine>, before: u64) {
    let (store, committed) = (Store::open(from).unwrap().0, AtomicU64::new(0));
    let commit = |n| {
        store.commit(&batch(n, 1000)).unwrap();
        committed.store(n, Ordering::SeqCst);
    };
    (1..=before).for_each(commit);
    let (mut out, done) = (Vec::new(), AtomicBool::new(false));
    let exported = std::thread::scope(|scope| {
        scope.spawn(|| {
            let more = before + 1..=before + 300;
            more.take_while(|_| !done.load(Ordering::SeqCst)).for_each(commit);
        });
        let (exported, _) = store.export(&mut out).unwrap();
        done.store(true, Ordering::SeqCst);
        exported
    });
    let committed = committed.load(Ordering::SeqCst);
    assert!((before..=committed).contains(&exported.batch), "{exported:?} of {committed}");
    let (restored, events, imported) = Store::import(to, &out[..]).unwrap();
    assert_eq!((imported, exported.bytes), (exported, out.len() as u64));
    let expected = after(exported.batch, 1000);
    assert_eq!((&events, exported.messages), (&expected.0, expected.1.len() as u64));
    assert!(all(&restored) == expected);
    // It takes batches as any store does.
    restored.commit(&batch(exported.batch + 1, 1000)).unwrap();
    assert!(all(&restored) == after(exported.batch + 1, 1000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn what_comes_back_is_a_beginning_of_what_was_committed(before in 0u64..400) {
        commits_go_on(Box::new(MemoryEngine::default()), Box::new(MemoryEngine::default()), before);
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let disk = Box::new(Disk::open(from.path()).unwrap());
        commits_go_on(disk, Box::new(Disk::restore(to.path()).unwrap()), before);
    }

}

proptest! {
    #[test]
    fn what_is_not_whole_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let whole = exported();
        let at = at.index(whole.len());
        prop_assert!(import(&whole[..at]).is_err(), "cut at {}", at);
        let mut flipped = whole;
        flipped[at] ^= 1 << bit;
        prop_assert!(import(&flipped).is_err(), "flipped at {}", at);
    }
}

#[test]
fn ids_that_no_realm_gives_out_are_refused() {
    let export = |last_id| {
        let engine = MemoryEngine::default();
        let mut ops = Ops::default();
        ops.put(FORMAT_KEY, |value| encode(&FORMAT, value)).unwrap();
        ops.put(TIP_KEY, |value| encode(&Tip { batch: 1, last_id }, value)).unwrap();
        engine.commit(1, Batch::of_pairs(&ops)).unwrap();
        let mut out = Vec::new();
        super::export(&engine, &mut out, || Ok(())).unwrap();
        import(&out)
    };
    export(LAST_ID).unwrap();
    let why = export(u64::MAX).map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("18446744073709551615"), "{why}");
}

/// Where every write commits something to the store that is being exported.
struct Busy<F: FnMut()>(Vec<u8>, F);

impl<F: FnMut()> Write for Busy<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        (self.1)();
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_replaced_and_merged_away_meanwhile_is_still_there() {
    let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (store, _) = Store::open(Box::new(Disk::open(from.path()).unwrap())).unwrap();
    let (first, bytes) = (60, 60_000);
    let mut next = 1;
    let mut commit = |batches| {
        for _ in 0..batches {
            store.commit(&batch(next, bytes)).unwrap();
            next += 1;
        }
    };
    commit(first);
    // Far more than the log keeps: the tree writes and merges tables again and again.
    let mut out = Busy(Vec::new(), || commit(20));
    let (exported, _) = store.export(&mut out).unwrap();
    let out = out.0;
    assert!(next > 5 * exported.batch, "{next} {exported:?}");
    let to = Box::new(Disk::restore(to.path()).unwrap());
    assert!(all(&Store::import(to, &out[..]).unwrap().0) == after(exported.batch, bytes));
}

#[test]
fn it_is_broken_off_where_the_data_have_to_be_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Box::new(Disk::open(directory.path()).unwrap());
    let (store, _) = Store::open(disk).unwrap();
    (1..=20).for_each(|n| store.commit(&batch(n, 100_000)).unwrap());
    let before = all(&store);
    std::thread::scope(|scope| {
        let (mut began, store) = (false, &store);
        // Until it is noticed, each frame takes its time.
        let mut out = Busy(Vec::new(), || {
            if !std::mem::replace(&mut began, true) {
                scope.spawn(|| store.reopen().unwrap());
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        });
        assert!(matches!(store.export(&mut out), Err(StoreError::Engine(_))));
    });
    assert!(all(&store) == before);
}

#[test]
fn refusals_say_what_is_wrong() {
    let whole = exported();
    let refused = |bytes: &[u8]| import(bytes).err().unwrap().to_string();
    assert!(refused(b"").contains("not written by antar"));
    assert!(refused(&whole[..whole.len() - 1]).contains("its end is missing"));
    assert!(refused(&[&whole[..], b"x"].concat()).contains("something follows its end"));
    let mut other = whole.clone();
    other[whole.len() / 2] ^= 1;
    assert!(refused(&other).contains("it is damaged"));
    other.clone_from(&whole);
    other[MAGIC.len()] = 9;
    assert!(matches!(import(&other), Err(StoreError::Format { found: 9, known: VERSION })));
    let mut twice = Ops::default();
    let record = &crate::records::records(&[Event::RealmNamed(Name::parse("alpha").unwrap())])[0];
    twice.put(&record.key().unwrap(), |value| record.encode(value)).unwrap();
    let twice = twice.as_bytes();
    let (mut end, said) = (Vec::new(), Exported { pairs: 2, records: 2, ..Exported::default() });
    encode(&said, &mut end).unwrap();
    assert!(refused(&frames(&[(PAIRS, twice), (PAIRS, twice), (END, &end)])).contains("no export"));
    let engine = MemoryEngine::default();
    open(&engine).commit(&batch(1, 1)).unwrap();
    assert!(Store::import(Box::new(engine), &whole[..]).is_err());
}

#[test]
fn what_arrived_in_part_cannot_be_opened() {
    let (store, mut out) = (open(&MemoryEngine::default()), Vec::new());
    (1..=9).for_each(|n| store.commit(&batch(n, 100_000)).unwrap());
    store.export(&mut out).unwrap();
    let engine = MemoryEngine::default();
    assert!(Store::import(Box::new(engine.clone()), &out[..out.len() - 1]).is_err());
    assert!(matches!(Store::open(Box::new(engine)), Err(StoreError::Corrupt(_))));
    // Nor where the engine's own memory of it is gone.
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::restore(directory.path()).unwrap();
    assert!(Store::import(Box::new(disk), &out[..out.len() - 1]).is_err());
    std::fs::remove_file(directory.path().join("acknowledged")).unwrap();
    assert!(matches!(Disk::open(directory.path()), Err(StoreError::Unfinished(_))));
    assert!(Disk::open(directory.path()).err().unwrap().to_string().contains("again"));
    // A second attempt begins anew, and then it is a realm's.
    let disk = Disk::restore(directory.path()).unwrap();
    drop(Store::import(Box::new(disk), &out[..]).unwrap());
    Disk::finish(directory.path()).unwrap();
    let disk = Disk::open(directory.path()).unwrap();
    assert!(all(&Store::open(Box::new(disk)).unwrap().0) == after(9, 100_000));
    assert!(matches!(Disk::restore(directory.path()), Err(StoreError::Occupied(_))));
}

/// A store in which amy has written to bob, who has read none of it; the first four messages are older than is kept.
fn with_a_floor() -> Store {
    let (store, mut known) = (open(&MemoryEngine::default()), Conversations::default());
    let name = |name| Name::parse(name).unwrap();
    let account = |id, of| {
        let (password, created) = (PasswordHash::NONE, Time(1));
        let record =
            AccountRecord { name: name(of), password, admin: false, created, locked: false };
        Event::AccountSet(AccountId(id), record)
    };
    let mut events = vec![Event::RealmNamed(name("alpha")), account(1, "amy"), account(2, "bob")];
    for id in 11..20 {
        let text = Text::parse(&id.to_string(), 99).unwrap();
        let message = Arc::new(Message::new(id, Time(id), name("amy"), name("bob"), text));
        let posted = known.post(Mailbox::Private(AccountId(2)), Some(AMY), message).1;
        let event = Event::Posted(posted);
        known.apply(&event);
        events.push(event);
    }
    store.commit(&events).unwrap();
    let conversation = Conversation::private(AMY, AccountId(2));
    let marker = Marker { id: 14, ordinal: 4, own_after: 0 };
    let gone = Event::LetGo(conversation, ConversationTip { id: 14, ordinal: 4 });
    let read = Event::MarkerSet { account: AccountId(2), conversation, marker };
    store.commit(&[read, gone]).unwrap();
    store
}

/// What a realm of these data answers bob.
fn read_by_bob(store: &Store, command: Command) -> Outcome {
    let events = store.reload().unwrap();
    let mut state = State::new(Limits::default(), Policy::local(), events);
    let readings = Readings { now: Time(99), uptime: 0, entropy: [0; 32] };
    let mut effects = Effects::default();
    let conn = ConnId(1);
    state.step(&readings, Input::Connected(conn, Origin::Operator), &mut effects);
    let read = ReadAs { user: "bob".into(), command: Box::new(command) };
    let request = Request::from(Command::from(read));
    state.step(&readings, Input::Request(conn, request), &mut effects);
    let read = effects.outputs.into_iter().find_map(|output| match output {
        Output::Read(_, _, read) => Some(read),
        _ => None,
    });
    read.unwrap().outcome(|source, page| store.read(source, page)).unwrap()
}

#[test]
fn what_was_let_go_of_stays_gone() {
    let (store, mut out) = (with_a_floor(), Vec::new());
    let (exported, _) = store.export(&mut out).unwrap();
    assert_eq!(exported.messages, 5);
    let restored = import(&out).unwrap();
    for store in [&store, &restored] {
        let of = Box::new(ConversationName::parse("amy").unwrap());
        let stretch = Stretch::Page(Page { after: Some(0), before: None, limit: 100 });
        let history = read_by_bob(store, ReadHistory { of, stretch }.into());
        let Outcome::History(history) = history else { panic!("{history:?}") };
        let ids: Vec<u64> = history.found.iter().map(|message| message.id).collect();
        assert_eq!((ids, history.more), ((15..20).collect(), false));
        let list = read_by_bob(store, ListConversations::default().into());
        let Outcome::Conversations { all, .. } = list else { panic!("{list:?}") };
        assert_eq!((all.len(), all[0].unread, all[0].read), (1, 5, 14));
    }
    assert!(restored.reload().unwrap() == store.reload().unwrap());
}
