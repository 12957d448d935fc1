//! Words in messages.

use crate::{
    AccountId, Answer, Author, Bug, Conversation, CorrespondentId, Draft, FoundMessages, Interrupt,
    Job, JobResult, MOST_APART, Outcome, RequestContext, SEARCHED, SearchQuery, SearchWords,
    SearchedList, Source, Told,
};
use antar_types::{Code, ConversationName, Message};

/// Asks for the messages that have certain words in them, among all that the caller may read.
#[derive(Clone, Debug)]
pub struct Search {
    /// The words: see [`SearchWords`].
    pub words: Draft,
    /// Only in this conversation.
    pub of: Option<Box<ConversationName>>,
    /// Only what this user wrote.
    pub from: Option<Box<ConversationName>>,
    /// Only what has a smaller id.
    pub before: Option<u64>,
    /// How many at most, 1 to [`crate::MAX_PAGE`].
    pub limit: usize,
}

impl Search {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let found = cx.results.iter().rev().find_map(|result| match result {
            JobResult::Searched(found) => Some(Ok(found)),
            JobResult::Unreadable => Some(Err(Code::Unavailable)),
            _ => None,
        });
        if let Some(found) = found {
            return Ok(cx.told_messages(me, found?).into());
        }
        let words = SearchWords::parse(&self.words.0).ok_or(Code::BadParameters)?;
        let of = self.of.as_ref().map(|of| cx.conversation(of)).transpose()?;
        let author = self.from.as_ref().map(|from| cx.author(from)).transpose()?;
        let lists = match of {
            Some(of) => vec![Source::Conversation(of.conversation)],
            None => cx.searched(me, author.as_ref()),
        };
        let past = self.before.unwrap_or(u64::MAX);
        let tip = |source| match source {
            Source::Conversation(of) => cx.state.durable.conversations.tip(of).id,
            _ => cx.state.durable.last_id(),
        };
        let lists = lists.into_iter().map(|source| {
            let before = past.min(tip(source).saturating_add(1));
            SearchedList { source, before }
        });
        let lists = lists.collect();
        let query = SearchQuery { lists, words, author, limit: self.limit, most: SEARCHED };
        Err(Interrupt::Job(Job::Search(query)))
    }
}

impl RequestContext<'_> {
    /// The lists that hold everything an account may read, and that author may have written.
    fn searched(&self, me: AccountId, author: Option<&Author>) -> Vec<Source> {
        let conversations = &self.state.durable.conversations;
        let mut lists: Vec<Source> = Vec::new();
        let may_hold = |of: &Conversation| match (author, *of) {
            (None, _) => true,
            (Some(Author::There { peer, .. }), of) => of.peer() == Some(*peer),
            (Some(Author::Here { account, .. }), Conversation::Private(one, other)) => {
                [one.0, other.0].contains(account) || *account == me.0
            }
            (Some(Author::Here { account, .. }), Conversation::Peer(..)) => *account == me.0,
            (Some(Author::Here { .. }), _) => true,
        };
        // Nobody can say which conversation is meant with those who are not told apart.
        let is_somebodys = |of: &Conversation| match of {
            Conversation::Peer(_, _, user) => *user != CorrespondentId(0),
            Conversation::Private(one, _) => *one != AccountId(0),
            _ => true,
        };
        let of_account = conversations.of_account(me).filter(may_hold).filter(is_somebodys);
        let few: Vec<_> = of_account.take(MOST_APART + 1).collect();
        if few.len() > MOST_APART {
            let latest = conversations.latest(me);
            lists.extend(latest.flat_map(|(peer, _)| super::sync::private(me, peer)));
        } else {
            lists.extend(few.into_iter().map(Source::Conversation));
        }
        let groups = self.my_account().map(|mine| &mine.groups).into_iter().flatten();
        let groups = groups.flat_map(|group| conversations.of_group(*group)).filter(may_hold);
        lists.extend(groups.map(Source::Conversation));
        if self.state.is_planted(Bug::SearchesAll) {
            lists = conversations.all().map(|(of, _)| Source::Conversation(of)).collect();
        }
        lists
    }

    /// Who wrote something, as a client names a user.
    fn author(&self, name: &ConversationName) -> Result<Author, Code> {
        let ConversationName::User { user, former, realm } = name else {
            return Err(Code::BadParameters);
        };
        let folded: Box<str> = user.to_ascii_lowercase().into();
        if let Some(realm) = self.elsewhere(realm) {
            let (peer, _) = self.peer_known_as(realm)?;
            return Ok(Author::There { peer, name: folded, id: former.map(CorrespondentId) });
        }
        let known = &self.state.durable;
        let is_named = |id: &AccountId| match (known.accounts.get(id), known.formers.get(id)) {
            (Some(account), _) => account.record.name.eq_ignore_ascii_case(user),
            (None, Some(name)) => name.eq_ignore_ascii_case(user),
            (None, None) => false,
        };
        let (present, last) = (known.account_named(user), known.former_named(user));
        let account = match former {
            Some(number) => Some(AccountId(*number)).filter(is_named),
            None => present.or(last),
        };
        let account = account.ok_or(Code::UserNotFound)?;
        let later = known.formers.range(AccountId(account.0.saturating_add(1))..);
        let heirs = later.map(|(id, _)| *id).chain(present.filter(|id| *id > account));
        // What was written once somebody else has the name is that one's.
        let heir = heirs.filter(is_named).min().map(|heir| heir.0);
        Ok(Author::Here { name: folded, account: account.0, heir })
    }

    /// What was found, as an account is told it; none of what it may not see any more.
    fn told_messages(&self, me: AccountId, found: &FoundMessages) -> Outcome {
        let reader = self.state.reader(me);
        let told = |(conversation, message): &(Conversation, Message)| {
            let planted = self.state.is_planted(Bug::SearchesAll);
            (planted || self.may_read(me, *conversation)).then_some(())?;
            match self.state.told_message(reader.as_ref()?, *conversation, message.clone())? {
                Told::Message { conversation, message } => Some((conversation, message)),
                _ => None,
            }
        };
        let all = found.found.iter().filter_map(told).collect();
        Outcome::Found { all, before: found.before, looked_at: found.looked_at }
    }
}

#[cfg(test)]
mod tests;
