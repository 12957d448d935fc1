//! What is found is what there is, wherever it lies.

use super::*;
use crate::{MemoryEngine, Store};
use antar_domain::{
    AccountId, Author, Conversations, Event, GroupId, Mailbox, SEARCHED, SearchWords, SearchedList,
    Source,
};
use antar_types::{Name, Text, Time};
use proptest::prelude::*;
use std::sync::Arc;

const AMY: AccountId = AccountId(1);

/// A realm in which much was said.
struct Said {
    store: Store,
    conversations: Conversations,
    all: Vec<(Conversation, antar_types::Message)>,
}

impl Said {
    fn new() -> Self {
        let (store, _) = Store::open(Box::new(MemoryEngine::default())).unwrap();
        Self { store, conversations: Conversations::default(), all: Vec::new() }
    }

    fn event(&mut self, from: AccountId, mailbox: Mailbox, text: &str) -> Event {
        let id = self.all.len() as u64 + 1;
        let [by, to] = [from, AMY].map(|a| Name::parse(&format!("u{}", a.0)).unwrap());
        let text = Text::parse(text, text.len()).unwrap();
        let message = antar_types::Message::new(id, Time(id), by, to, text);
        let posted = self.conversations.post(mailbox, Some(from), Arc::new(message.clone())).1;
        self.all.push((posted.conversation, message));
        let event = Event::Posted(posted);
        self.conversations.apply(&event);
        event
    }

    fn query(&self, words: &str, limit: usize, most: usize) -> SearchQuery {
        let tip = |of: Conversation| self.conversations.tip(of).id + 1;
        let lists = self
            .conversations
            .all()
            .map(|(of, _)| SearchedList { source: Source::Conversation(of), before: tip(of) });
        let words = SearchWords::parse(words).unwrap();
        SearchQuery { lists: lists.collect(), words, author: None, limit, most }
    }

    /// What should be found, newest first.
    fn expected(&self, query: &SearchQuery) -> Vec<u64> {
        let mut matcher = query.words.matcher();
        let is_it = |(of, message): &&(Conversation, antar_types::Message)| {
            let by = query.author.as_ref();
            matcher.matches(message.text.as_str()) && by.is_none_or(|by| by.wrote(*of, message))
        };
        let all = self.all.iter().filter(is_it).map(|(_, message)| message.id);
        all.rev().collect()
    }

    /// Every page, one after the other, each as many as `limit` but where the bound has cut it.
    fn pages(&self, mut query: SearchQuery) -> (Vec<u64>, usize) {
        let (mut all, mut pages) = (Vec::new(), 0);
        loop {
            let FoundMessages { found, before, looked_at } = self.store.search(&query).unwrap();
            assert!(found.len() <= query.limit);
            let cut = looked_at >= query.most;
            assert!(found.len() == query.limit || before.is_none() || cut || query.limit > 99);
            all.extend(found.iter().map(|(_, message)| message.id));
            pages += 1;
            let Some(before) = before else { return (all, pages) };
            let last = query.lists.iter().map(|list| list.before).max().unwrap();
            assert!(before < last, "it gets on: {before} after {last}");
            query.lists.iter_mut().for_each(|list| list.before = list.before.min(before));
        }
    }
}

const WORDS: [&str; 6] = ["word", "a Word more", "nothing", "swords", "STRASSE", "die Straße"];

proptest! {
    /// Batches of any size, to several conversations, some of them by turns.
    #[test]
    fn pages_have_everything_once_in_order(
        batches in proptest::collection::vec(
            proptest::collection::vec((0..4_u64, 1..4_u64, 0..WORDS.len()), 1..90), 1..8),
        limit in 1..9_usize,
        most in prop_oneof![Just(1_usize), Just(40 << 10), Just(SEARCHED)],
        from in proptest::option::of(1..4_u64),
        searched in prop_oneof![Just("word"), Just("straße"), Just("word more"), Just("none")],
    ) {
        let mut said = Said::new();
        for batch in batches {
            let events = batch.into_iter().map(|(to, from, text)| {
                let mailbox = match to {
                    0 => Mailbox::Group(GroupId(9)),
                    to => Mailbox::Private(AccountId(to)),
                };
                said.event(AccountId(from), mailbox, WORDS[text])
            });
            let events: Vec<_> = events.collect();
            said.store.commit(&events).unwrap();
        }
        let author = from.map(|n| {
            let name = format!("u{n}").into();
            Author::Here { name, account: 0, heir: None }
        });
        let query = SearchQuery { author, ..said.query(searched, limit, most) };
        let expected = said.expected(&query);
        prop_assert_eq!(said.pages(query).0, expected);
    }
}

/// What somebody wrote and received, in place of the conversations; notes to oneself are in both.
#[test]
fn lists_of_pointers_are_followed() {
    let mut said = Said::new();
    for n in 0..300 {
        let (from, to) = match n % 3 {
            0 => (AMY, AccountId(2 + n % 7)),
            1 => (AccountId(2 + n % 5), AMY),
            _ => (AMY, AMY),
        };
        let event = said.event(from, Mailbox::Private(to), WORDS[n as usize % 4]);
        said.store.commit(&[event]).unwrap();
    }
    let lists = [Source::Mailbox(Mailbox::Private(AMY)), Source::Sent(AMY)];
    let lists = lists.map(|source| SearchedList { source, before: 301 });
    for most in [1, SEARCHED] {
        let query = SearchQuery { lists: lists.to_vec(), ..said.query("word", 7, most) };
        let expected = said.expected(&query);
        assert_eq!((expected.len(), said.pages(query).0), (150, expected));
    }
}

#[test]
fn a_search_ends_at_its_bound_and_says_where() {
    let mut said = Said::new();
    for _ in 0..200 {
        let mut event = || said.event(AMY, Mailbox::Private(AccountId(2)), &"nothing ".repeat(64));
        let events: Vec<_> = (0..64).map(|_| event()).collect();
        said.store.commit(&events).unwrap();
    }
    let most = 1 << 20;
    let found = said.store.search(&said.query("word", 9, most)).unwrap();
    let (run, before) = (33 << 10, found.before.unwrap());
    assert!((most..most + run + 2 * SEEK).contains(&found.looked_at), "{}", found.looked_at);
    // As much as that is some two thousand such messages.
    assert!((10_000..12_000).contains(&before), "{before}");
    assert!(found.found.is_empty());
    let (none, pages) = said.pages(said.query("word", 9, most));
    assert!(none.is_empty() && (6..9).contains(&pages), "{pages}");
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let mut said = Said::new();
    for _ in 0..300 {
        let event = said.event(AMY, Mailbox::Private(AccountId(2)), &"word ".repeat(3_000));
        said.store.commit(&[event]).unwrap();
    }
    let query = said.query("word", 1_000, SEARCHED);
    let found = said.store.search(&query).unwrap();
    let bytes: usize = found.found.iter().map(|(_, message)| message.memory()).sum();
    assert!((MAX_PAGE_BYTES..MAX_PAGE_BYTES + (16 << 10)).contains(&bytes), "{bytes}");
    assert_eq!(said.pages(query).0.len(), 300);
}
