//! Which messages a request reads, and how far.

use crate::links::{Delivered, Holder, missing};
use crate::{
    AccountId, Answer, BlockList, ChangeList, Conversation, CorrespondentId, ForkId, GroupId,
    History, Messages, Outcome, Overview, Past, PeerId,
};
use antar_types::{Away, Extras, Message, Name, mentions};
use std::sync::Arc;

/// The most messages one request returns, and how many it returns unasked.
pub const MAX_PAGE: usize = 1_000;

/// How far UNREAD sets a marker back at most: what is after it is counted.
pub const MOST_UNREAD: usize = 10_000;

/// Bytes of messages past which a page goes no further: a history is built in memory, and who asked
/// for it may be slow to take it. It may be exceeded by what one batch added.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// A list of messages that grows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mailbox {
    /// What a user received from users of this realm.
    Private(AccountId),
    /// What was said in a group.
    Group(GroupId),
    /// What a user received from users of another realm.
    Realm(AccountId, PeerId),
    /// What a user sent to users of another realm.
    SentRealm(AccountId, PeerId),
    /// What was said in a group between this realm and another.
    GroupRealm(GroupId, PeerId),
    /// What waits here for a user of a realm on a plain link, who is known by a number.
    Plain(PeerId, u64),
}

impl Mailbox {
    /// Who has it, where a plain peer lists what may belong there.
    pub(crate) fn holder(self) -> Option<Holder> {
        match self {
            Self::Realm(account, _) => Some(account.into()),
            Self::GroupRealm(group, _) => Some(group.into()),
            _ => None,
        }
    }
}

/// Where a list of messages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A mailbox.
    Mailbox(Mailbox),
    /// The private messages a user sent.
    Sent(AccountId),
    /// All of a conversation.
    Conversation(Conversation),
    /// What changed beside messages.
    Changes(ChangeList),
    /// What another realm is owed.
    Outbox(PeerId),
    /// The hashes of what another realm has sent.
    Hashes(ForkId),
}

/// A stretch of history (protocol section 4): `after` pages forward, anything else backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only messages later than this id.
    pub after: Option<u64>,
    /// Only messages earlier than this id.
    pub before: Option<u64>,
    /// How many at most, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, before: None, limit: MAX_PAGE }
    }
}

/// A read that the domain has authorised. The store serves it, off the domain's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A page of a mailbox.
    Mailbox(Box<MailboxRead>),
    /// A stretch of a conversation.
    History(Box<HistoryRead>),
    /// The last messages of conversations.
    Conversations(ConversationsRead),
}

impl Read {
    /// About how many bytes of memory it takes, past its own size.
    pub fn memory(&self) -> usize {
        match self {
            Self::Mailbox(read) => {
                let group = read.group.as_ref().map_or(0, |group| group.len());
                let also = read.also.iter().map(Message::memory).sum::<usize>();
                size_of_val(&**read) + also + group
            }
            Self::History(read) => size_of_val(&**read) + read.name.len(),
            Self::Conversations(read) => {
                read.all.iter().map(|each| size_of_val(each) + each.overview.memory()).sum()
            }
        }
    }

    /// What comes of it. `page` reads a page of a list, oldest message first, and says whether more is left
    /// in its direction.
    ///
    /// # Errors
    /// What `page` says.
    pub fn outcome<E>(
        self,
        page: impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
    ) -> Result<Outcome, E> {
        match self {
            Self::Mailbox(read) => read.read(page),
            Self::History(read) => read.outcome(page),
            Self::Conversations(read) => read.outcome(page),
        }
    }
}

/// How often a page is read on that holds nothing to show: by 10,000 messages in all.
const READ_ON: usize = 10;

/// A page without what is not shown.
struct ShownPage {
    found: Vec<Message>,
    more: bool,
    /// Where to go on, where nothing is shown for long.
    past: Option<Past>,
}

/// A page of a list without what is not shown: fewer than there may be on it, and none only where nothing follows,
/// or nothing for long.
fn shown<E>(
    page: &mut impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
    (source, asked): (Source, Page),
    shows: impl Fn(&Message) -> bool,
) -> Result<ShownPage, E> {
    let mut stretch = asked;
    for _ in 0..=READ_ON {
        let (mut found, more) = page(source, stretch)?;
        match asked.after {
            Some(_) => stretch.after = found.last().map(|message| message.id),
            None => stretch.before = found.first().map(|message| message.id),
        }
        found.retain(&shows);
        if !found.is_empty() || !more {
            let past = found.len().saturating_sub(asked.limit);
            match asked.after {
                Some(_) => found.truncate(asked.limit),
                None => drop(found.drain(..past)),
            }
            return Ok(ShownPage { found, more: more || past > 0, past: None });
        }
        stretch.limit = MAX_PAGE;
    }
    let past = match asked.after {
        Some(_) => stretch.after.map(Past::After),
        None => stretch.before.map(Past::Before),
    };
    Ok(ShownPage { found: Vec::new(), more: true, past })
}

/// A read of a page of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRead {
    /// What to read.
    pub source: Source,
    /// How much of it.
    pub page: Page,
    /// The realm it is about could not be asked whether there is more.
    pub stale: bool,
    /// Messages that a plain peer has listed just now: they come after those in the store.
    pub also: Vec<Message>,
    /// It has listed more than those, all of it older.
    pub cut: bool,
    /// Whom its reader has blocked, and the conversation that it is of, as far as that says who wrote; none where
    /// nobody is, or where what they wrote is not in it.
    pub blocks: Option<(Arc<BlockList>, Conversation)>,
    /// How the group is addressed, where it is of a group of another realm.
    pub group: Option<Box<str>>,
}

impl From<MailboxRead> for Answer {
    fn from(read: MailboxRead) -> Self {
        Self::Read(Read::Mailbox(Box::new(read)))
    }
}

impl MailboxRead {
    /// A read of a mailbox of this realm.
    pub fn new(source: Source, page: Page) -> Self {
        Self { source, page, stale: false, also: Vec::new(), cut: false, blocks: None, group: None }
    }

    /// The same, without what is not shown to who has blocked these.
    #[must_use]
    pub fn without(self, blocks: Option<Arc<BlockList>>) -> Self {
        let conversation = match self.source {
            Source::Mailbox(Mailbox::Group(group)) => Conversation::Group(group),
            Source::Mailbox(Mailbox::GroupRealm(group, peer)) => {
                Conversation::GroupPeer(group, peer)
            }
            Source::Mailbox(Mailbox::Realm(account, peer)) => {
                Conversation::Peer(account, peer, CorrespondentId(0))
            }
            _ => return self,
        };
        Self { blocks: blocks.map(|blocks| (blocks, conversation)), ..self }
    }

    fn read<E>(
        mut self,
        mut page: impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
    ) -> Result<Outcome, E> {
        let blocks = self.blocks.take();
        let shows = |message: &Message| {
            blocks.as_ref().is_none_or(|(blocks, of)| !blocks.hides(*of, message))
        };
        let page = shown(&mut page, (self.source, self.page), shows)?;
        self.also.retain(shows);
        Ok(self.outcome(page))
    }

    /// What comes of it, with what was found here and whether more is left.
    fn outcome(mut self, page: ShownPage) -> Outcome {
        let ShownPage { mut found, mut more, past } = page;
        if let Source::Mailbox(Mailbox::GroupRealm(..)) = self.source {
            // Both sides have most of a group's conversation.
            found = missing(found, &self.also);
        }
        more |= self.cut;
        if !self.also.is_empty() {
            found.append(&mut self.also);
            let past = found.len().saturating_sub(self.page.limit);
            more |= past > 0;
            found.drain(..past);
        }
        let past = past.filter(|_| found.is_empty());
        let (stale, group) = (self.stale, self.group);
        Outcome::Messages(Messages { found, more, stale, past, group })
    }
}

/// Who reads a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: Name,
    /// The name of this realm, where it has one.
    pub realm: Option<Name>,
    /// Whom it has blocked; none where that is nobody.
    pub blocks: Option<Arc<BlockList>>,
    /// Its realm and its number there, where it is of another one.
    pub there: Option<(Name, u64)>,
}

impl Reader {
    /// Whether this account wrote a message, and not one that had its name before.
    pub fn wrote(&self, message: &Message) -> bool {
        if let Some((realm, account)) = &self.there {
            return match &message.realm {
                Some(Away::FromAccount(of, there)) => {
                    message.notice.is_none()
                        && there.account == *account
                        && *of.folded() == *realm.folded()
                }
                _ => false,
            };
        }
        matches!(message.realm, None | Some(Away::To(_)))
            && message.notice.is_none()
            && message.id > self.account.0
            && *message.from.folded() == *self.name.folded()
    }

    /// Whether this account is not shown a message of a conversation: its author was blocked then.
    pub fn hides(&self, conversation: Conversation, message: &Message) -> bool {
        self.blocks.as_ref().is_some_and(|blocks| blocks.hides(conversation, message))
    }

    /// Whether a message counts as unread for this account, where it has not read it.
    pub fn counts(&self, conversation: Conversation, message: &Message) -> bool {
        // What was deleted is left out for all: see `Skipped`.
        message.notice.is_none()
            && !self.wrote(message)
            && (message.is_deleted() || !self.hides(conversation, message))
    }

    /// Whether a message that counts as unread mentions this account.
    pub fn is_mentioned(&self, conversation: Conversation, message: &Message) -> bool {
        let is_group = matches!(conversation, Conversation::Group(_) | Conversation::GroupPeer(..));
        is_group && mentions::has(message.text.as_str(), &self.name, self.realm.as_deref())
    }

    /// Leaves off what a message shows to its sender only, unless that is who reads it; that one is told whether it is
    /// on disk at the peer whom its conversation is with.
    pub fn shows(&self, message: &mut Message, delivered: Option<&Delivered>) {
        let Some(Extras { carried, reference, .. }) = message.extras.as_deref() else { return };
        let is_there = delivered.zip(*carried).is_some_and(|(those, of)| those.has(of.first));
        if reference.is_none() && !is_there {
            return;
        }
        let is_own = self.wrote(message);
        message.extras = message.extras.take().and_then(|all| {
            let reference = all.reference.filter(|_| is_own);
            Extras { reference, delivered: is_own && is_there, ..*all }.boxed()
        });
    }
}

/// A read of a stretch of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRead {
    /// Which conversation.
    pub conversation: Conversation,
    /// How its reader addresses it.
    pub name: Box<str>,
    /// Who reads it.
    pub reader: Reader,
    /// How much of it.
    pub stretch: Stretch,
    /// How much a peer has of what was written to it, where it is with one.
    pub delivered: Option<Delivered>,
    /// What waits for its place in it, in order.
    pub pending: Vec<Arc<Message>>,
    /// Only what the reader wrote is shown.
    pub own: bool,
}

/// How much of a conversation is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// A page.
    Page(Page),
    /// Half before a message and half from it on.
    Around {
        /// The message's id.
        id: u64,
        /// How many messages at most, 1 to [`MAX_PAGE`].
        limit: usize,
    },
}

impl HistoryRead {
    fn outcome<E>(
        self,
        mut page: impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
    ) -> Result<Outcome, E> {
        let source = Source::Conversation(self.conversation);
        let shows = |message: &Message| match self.own {
            true => self.reader.wrote(message),
            false => !self.reader.hides(self.conversation, message),
        };
        let mut page = |stretch| shown(&mut page, (source, stretch), shows);
        let (mut found, more, newer, past) = match self.stretch {
            Stretch::Page(stretch) => {
                let ShownPage { found, more, past } = page(stretch)?;
                (found, more, false, past)
            }
            Stretch::Around { id, limit } => {
                let half = limit / 2;
                let before = Page { after: None, before: Some(id), limit: half.max(1) };
                let ShownPage { mut found, mut more, past } = page(before)?;
                if half == 0 {
                    more |= !found.is_empty();
                    found.clear();
                }
                let from =
                    Page { after: Some(id.saturating_sub(1)), before: None, limit: limit - half };
                let later = page(from)?;
                found.extend(later.found);
                (found, more, later.more, past.or(later.past))
            }
        };
        let past = past.filter(|_| found.is_empty());
        // What waits stands at the end: after a page that goes up to it.
        let is_end = match self.stretch {
            Stretch::Page(Page { after: Some(_), .. }) => !more,
            Stretch::Page(Page { before, .. }) => before.is_none(),
            Stretch::Around { .. } => !newer,
        };
        if is_end {
            found.extend(self.pending.iter().map(|message| pending(message)));
        }
        found.iter_mut().for_each(|message| self.reader.shows(message, self.delivered.as_ref()));
        Ok(Outcome::History(History { name: self.name, found, more, newer, past }))
    }
}

/// A message that waits for its place, as it is shown.
pub(crate) fn pending(message: &Message) -> Message {
    let extras = message.extras.as_deref().cloned().unwrap_or_default();
    Message { extras: Extras { pending: true, ..extras }.boxed(), ..message.clone() }
}

/// A read of the last messages of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationsRead {
    /// The conversations, those with the latest message first.
    pub all: Vec<Listed>,
    /// Who reads them.
    pub reader: Reader,
    /// There are more.
    pub more: bool,
}

/// A conversation in a list, but for its last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which conversation.
    pub conversation: Conversation,
    /// The id of its last message, 0 where there is none.
    pub last: u64,
    /// What is told of it.
    pub overview: Overview,
    /// How much a peer has of what was written to it, where it is with one.
    pub delivered: Option<Delivered>,
}

impl ConversationsRead {
    fn outcome<E>(
        mut self,
        mut page: impl FnMut(Source, Page) -> Result<(Vec<Message>, bool), E>,
    ) -> Result<Outcome, E> {
        let (mut all, mut bytes) = (Vec::with_capacity(self.all.len()), 0);
        for Listed { conversation, last, mut overview, delivered } in self.all {
            if last > 0 {
                if bytes >= MAX_PAGE_BYTES {
                    self.more = true;
                    break;
                }
                // What was written since is not counted in the overview.
                let newest = Page { after: None, before: Some(last.saturating_add(1)), limit: 1 };
                let source = Source::Conversation(conversation);
                let shows = |message: &Message| !self.reader.hides(conversation, message);
                overview.last = shown(&mut page, (source, newest), shows)?.found.pop();
                overview
                    .last
                    .iter_mut()
                    .for_each(|last| self.reader.shows(last, delivered.as_ref()));
                bytes += overview.memory();
            }
            all.push(overview);
        }
        Ok(Outcome::Conversations { all, more: self.more })
    }
}
