//! What the store would find, of messages that are kept in memory.

use super::Realm;
use crate::links::{NamedMessage, Quote};
use crate::{
    Change, ChangesQuery, Conversation, ConversationTip, ERASED, Event, Feed, FoundChange,
    FoundChanges, FoundMessages, FoundOld, FoundOwn, Job, JobResult, LET_GO, Located, MOST_UNREAD,
    Mailbox, OldIn, OldQuery, Outcome, OwnQuery, Page, Place, PlacedMessage, Posted, Read,
    ReferenceLookup, Referred, SearchQuery, SearchedList, Source,
};
use antar_types::Message;

impl Realm {
    pub(super) fn look_up(&self, job: &Job) -> Option<JobResult> {
        let quotes = match job {
            Job::Quoted(quotes) => quotes,
            Job::Chains { .. } => return Some(JobResult::Chains(self.chains.clone())),
            Job::Locate(place) => {
                return Some(JobResult::Located(place.clone(), self.locate(place)));
            }
            Job::Refer(lookup) => {
                let found = self.referred(lookup);
                return Some(JobResult::Referred(lookup.clone(), found));
            }
            Job::Message(lookup) => {
                let found = self.placed(lookup.conversation, lookup.id);
                return Some(JobResult::Message(lookup.clone(), found));
            }
            Job::Newest(query) => {
                let all = self.posted.iter().filter_map(|event| match event {
                    Event::Posted(posted) if posted.conversation == query.conversation => {
                        Some(Message::clone(&posted.message))
                    }
                    _ => None,
                });
                let all: Vec<Message> = all.collect();
                let past = all.len().saturating_sub(query.page().limit);
                return Some(JobResult::Newest(query.clone(), all[past..].to_vec()));
            }
            Job::Named(lookup) => {
                let found = lookup.all.iter().map(|named| self.named(named)).collect();
                return Some(JobResult::Named(lookup.clone(), found));
            }
            Job::Changes(query) => {
                return Some(JobResult::Changes(query.upto, find_changes(&self.posted, query)));
            }
            Job::Search(query) => {
                return Some(JobResult::Searched(find_messages(&self.posted, query)));
            }
            _ => return None,
        };
        let stands = |quote: &Quote, event: &Event| match event {
            Event::Posted(posted) => {
                let mut lists = quote.lists.iter();
                lists.any(|list| posted.is_in(Source::Mailbox(*list))) && quote.is(&posted.message)
            }
            _ => false,
        };
        let stands = |quote: &Quote| self.posted.iter().any(|event| stands(quote, event));
        let known = quotes.iter().map(|quote| (quote.clone(), stands(quote)));
        Some(JobResult::Quoted(known.collect()))
    }

    /// The last message that an account has called so.
    fn referred(&self, lookup: &ReferenceLookup) -> Option<Referred> {
        self.posted.iter().rev().find_map(|event| {
            let Event::Posted(posted) = event else { return None };
            let (account, reference, referred) = Referred::of(posted)?;
            let is_it = (account, reference) == (lookup.account, &lookup.reference);
            is_it.then_some(referred)
        })
    }

    /// A message as it is now.
    fn placed(&self, conversation: Conversation, id: u64) -> Option<PlacedMessage> {
        self.posted.iter().find_map(|event| {
            let Event::Posted(posted) = event else { return None };
            let (ordinal, message) = (posted.ordinal, posted.message.clone());
            let is_it = posted.conversation == conversation && message.id == id;
            is_it.then_some(PlacedMessage { conversation, ordinal, message })
        })
    }

    /// The message that a peer names so.
    fn named(&self, named: &NamedMessage) -> Option<PlacedMessage> {
        self.posted.iter().rev().find_map(|event| {
            let Event::Posted(posted) = event else { return None };
            let (conversation, ordinal) = (posted.conversation, posted.ordinal);
            let message = posted.message.clone();
            let is_it = named.conversations.contains(&conversation) && named.is(&message);
            is_it.then_some(PlacedMessage { conversation, ordinal, message })
        })
    }

    /// Keeps an event as the store would.
    pub(super) fn keep(&mut self, event: Event) {
        match event {
            Event::Rewritten(placed) => {
                let all = self.posted.iter_mut().filter_map(|event| match event {
                    Event::Posted(posted) => Some(posted),
                    _ => None,
                });
                all.filter(|posted| posted.message.id == placed.message.id)
                    .for_each(|posted| posted.message = placed.message.clone());
            }
            Event::LetGo(conversation, upto) => self.posted.retain(|event| match event {
                Event::Posted(posted) => {
                    posted.conversation != conversation || posted.message.id > upto.id
                }
                _ => true,
            }),
            Event::Posted(_) | Event::SetApart { .. } | Event::Changed { .. } => {
                self.posted.push(event);
            }
            _ => {}
        }
    }

    /// What there is of an old message in each conversation that is asked about, as the store would find it.
    pub(super) fn find_old(&self, query: &OldQuery) -> Vec<Option<FoundOld>> {
        query.all.iter().map(|asked| self.find_old_in(asked)).collect()
    }

    /// The messages of a user, as the store would find them.
    pub(super) fn find_own(&self, query: &OwnQuery) -> FoundOwn {
        let all = self.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) if posted.conversation == query.conversation => Some(posted),
            _ => None,
        });
        let (mut own, mut upto) = (Vec::new(), None);
        let (after, before) =
            (query.page.after.unwrap_or(0), query.page.before.unwrap_or(u64::MAX));
        let all = all.filter(|posted| (after + 1..before).contains(&posted.message.id));
        let mut all: Vec<_> = all.collect();
        if query.page.before.is_some() {
            all.drain(..all.len().saturating_sub(query.page.limit));
        }
        for posted in all {
            let (ordinal, message) = (posted.ordinal, posted.message.clone());
            if own.len() == ERASED {
                return FoundOwn { own, upto, more: true };
            }
            upto = Some(ConversationTip { ordinal, id: message.id });
            if query.is_in(&message) {
                own.push(PlacedMessage { conversation: query.conversation, ordinal, message });
            }
        }
        FoundOwn { own, upto, more: false }
    }

    fn find_old_in(&self, asked: &OldIn) -> Option<FoundOld> {
        let all = self.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) if posted.conversation == asked.conversation => Some(posted),
            _ => None,
        });
        let mut found: Option<FoundOld> = None;
        let old = all.take_while(|posted| posted.message.time < asked.before);
        for (n, posted) in old.take(LET_GO + 1).enumerate() {
            let (ordinal, message) = (posted.ordinal, &posted.message);
            let found = found.get_or_insert_with(|| asked.nothing());
            if n == LET_GO {
                found.more = true;
                break;
            }
            asked.pass(ordinal, message, &mut found.uncounted);
            found.upto = ConversationTip { ordinal, id: message.id };
        }
        found
    }

    /// The last message up to a place.
    fn locate(&self, place: &Place) -> Located {
        let (mut passed, mut located) = (0, Located::default());
        for event in self.posted.iter().rev() {
            let Event::Posted(posted) = event else { continue };
            if posted.conversation != place.conversation {
                continue;
            }
            let (id, ordinal) = (posted.message.id, posted.ordinal);
            if id <= place.id || place.reader.is_some() && passed == MOST_UNREAD {
                return located.at(id, ordinal);
            }
            passed += 1;
            located.pass(place, ordinal, &posted.message);
        }
        located.at(0, 0)
    }

    pub(super) fn read(&self, read: Read) -> Outcome {
        let page = |source, page| Ok::<_, std::convert::Infallible>(self.page(source, page));
        read.outcome(page).unwrap_or_else(|never| match never {})
    }

    pub(super) fn page(&self, source: Source, page: Page) -> (Vec<Message>, bool) {
        let all = self.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) => posted.shown_in(source),
            _ => None,
        });
        let mut found: Vec<Message> = all
            .filter(|m| page.after.is_none_or(|id| m.id > id))
            .filter(|m| page.before.is_none_or(|id| m.id < id))
            .collect();
        let more = found.len() > page.limit;
        if page.after.is_some() {
            found.truncate(page.limit);
        } else {
            found.drain(..found.len().saturating_sub(page.limit));
        }
        (found, more)
    }
}

/// What is new in lists, as the store would find it among events.
pub fn find_changes<'a>(
    events: impl IntoIterator<Item = &'a Event> + Copy,
    query: &ChangesQuery,
) -> FoundChanges {
    let news_of = |Feed { source, after }: Feed| {
        let all = events.into_iter().filter_map(move |event| match event {
            Event::Posted(posted) => {
                let message = Box::new(posted.shown_in(source)?);
                Some((message.id, FoundChange::Message(posted.conversation, message)))
            }
            Event::Changed { list, tip, change } => {
                let found = || match change {
                    Change::Rewritten(conversation, id, what) => {
                        let message = message_of(events, *id)?;
                        Some(FoundChange::Rewritten(*what, *conversation, Box::new(message)))
                    }
                    change => Some(FoundChange::Change(Box::new(change.clone()))),
                };
                (source == Source::Changes(*list))
                    .then(found)
                    .flatten()
                    .map(|found| (tip.id, found))
            }
            _ => None,
        });
        all.filter(move |(id, _)| (after + 1..=query.upto).contains(id))
    };
    let mut found: Vec<_> = query.feeds.iter().flat_map(|feed| news_of(*feed)).collect();
    found.sort_by_key(|(id, _)| *id);
    found.dedup_by_key(|(id, _)| *id);
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    FoundChanges { found, more }
}

/// The messages with words in them, as the store would find them among events.
pub fn find_messages<'a>(
    events: impl IntoIterator<Item = &'a Event> + Copy,
    query: &SearchQuery,
) -> FoundMessages {
    let mut matcher = query.words.matcher();
    let mut all: Vec<(Conversation, Message)> = Vec::new();
    for event in events {
        let Event::Posted(posted) = event else { continue };
        let Posted { conversation, message, .. } = posted;
        let is_in = |list: &SearchedList| posted.is_in(list.source) && message.id < list.before;
        let is_theirs = query.author.as_ref().is_none_or(|by| by.wrote(*conversation, message));
        let is_it = is_theirs && query.lists.iter().any(is_in);
        if is_it && matcher.matches(message.text.as_str()) {
            all.push((*conversation, Message::clone(message)));
        }
    }
    all.sort_by_key(|(_, message)| std::cmp::Reverse(message.id));
    let more = all.len() > query.limit;
    all.truncate(query.limit);
    let before = all.last().filter(|_| more).map(|(_, message)| message.id);
    FoundMessages { found: all, before, looked_at: 0 }
}

fn message_of<'a>(events: impl IntoIterator<Item = &'a Event>, id: u64) -> Option<Message> {
    events.into_iter().find_map(|event| match event {
        Event::Posted(posted) if posted.message.id == id => Some(Message::clone(&posted.message)),
        _ => None,
    })
}

impl Posted {
    /// Whether a list of messages shows it.
    pub fn is_in(&self, source: Source) -> bool {
        let (sender, recipient) = (self.sender, self.recipient);
        match (source, self.conversation) {
            (Source::Conversation(conversation), own) => own == conversation,
            (Source::Mailbox(Mailbox::Private(account)), Conversation::Private(..)) => {
                recipient == Some(account)
            }
            (Source::Sent(account), Conversation::Private(..)) => sender == Some(account),
            (Source::Mailbox(Mailbox::Group(group)), Conversation::Group(own)) => own == group,
            (Source::Mailbox(mailbox), Conversation::Peer(_, peer, _)) => match mailbox {
                Mailbox::Realm(account, realm) => recipient == Some(account) && realm == peer,
                Mailbox::SentRealm(account, realm) => sender == Some(account) && realm == peer,
                Mailbox::Plain(realm, user) => self.waits == Some(user) && realm == peer,
                _ => false,
            },
            (
                Source::Mailbox(Mailbox::GroupRealm(group, realm)),
                Conversation::GroupPeer(own, peer),
            ) => (own, peer) == (group, realm),
            _ => false,
        }
    }

    /// The message as a list shows it: what waits for a user of a plain peer is shown without the peer's
    /// name, which is that user's own realm.
    pub fn shown_in(&self, source: Source) -> Option<Message> {
        let realm = match source {
            Source::Mailbox(Mailbox::Plain(..)) => None,
            _ => self.message.realm.clone(),
        };
        let is_gone = matches!(source, Source::Mailbox(Mailbox::Plain(..)));
        let is_gone = is_gone && self.message.is_deleted();
        (self.is_in(source) && !is_gone).then(|| Message { realm, ..Message::clone(&self.message) })
    }
}
