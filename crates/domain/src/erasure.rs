//! What a user wrote, and what is only that user's, goes with the account.
//!
//! The account is gone at once. Then all conversations are gone through, a stretch of one at a time, which the store
//! looks for messages of that user: they are deleted as by their author, reactions are taken back, and what nobody
//! else reads is let go of. Until all is done the name is nobody's: it says who wrote a message.

use crate::links::{OwnChange, Unreadable};
use crate::state::Origin;
use crate::{
    AccountId, Bug, ConnId, Context, Conversation, ConversationTip, Event, LET_GO, Output, Page,
    PlacedMessage, Reader, RequestContext, Rewriting, Tag,
};
use antar_types::{Code, Message, Name, Reactor, Text};

/// How many messages are deleted in one step at most.
pub const ERASED: usize = 100;

/// How many messages are looked at in one step at most.
pub const LOOKED_AT: usize = LET_GO;

/// How many conversations are gone through in one step to find one that may have some.
const GONE_THROUGH: usize = 4_096;

/// After how many milliseconds what could not be read is tried again.
const UNREADABLE_WAITS: u64 = 3_600_000;

/// After how many milliseconds it is tried again where a link could take no more.
const FULL_WAITS: u64 = 60_000;

/// Asks which messages of a stretch of a conversation are a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnQuery {
    /// Tells it from those before it.
    pub(crate) number: u64,
    /// The conversation.
    pub conversation: Conversation,
    /// Which stretch of it.
    pub page: Page,
    /// The user; nobody where it is all that was written.
    pub reader: Option<Reader>,
    /// How many changes of messages there had been.
    pub(crate) seen: u64,
}

impl OwnQuery {
    /// Asks about a stretch; for those who test a store.
    pub fn new(conversation: Conversation, after: u64, reader: Reader) -> Self {
        let page = Page { after: Some(after), before: None, limit: LOOKED_AT };
        Self { number: 0, conversation, page, reader: Some(reader), seen: 0 }
    }

    /// Whether there is something of the user's in a message.
    pub fn is_in(&self, message: &Message) -> bool {
        self.reader.as_ref().is_none_or(|reader| is_in(reader, message))
    }
}

fn is_in(reader: &Reader, message: &Message) -> bool {
    reader.wrote(message) && !message.is_deleted() || reacted(reader, message)
}

fn reacted(reader: &Reader, message: &Message) -> bool {
    let is_own = |who: &Reactor| match &reader.there {
        None => (who.peer, who.account) == (0, reader.account.0),
        Some((realm, account)) => {
            let of = who.name.split_once('@').map(|(_, of)| of);
            who.account == *account && of.is_some_and(|of| of.eq_ignore_ascii_case(realm))
        }
    };
    let all = message.extras.iter().flat_map(|extras| &extras.reactions.0);
    all.flat_map(|reaction| &reaction.who).any(is_own)
}

/// What was found of an [`OwnQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOwn {
    /// The messages.
    pub own: Vec<PlacedMessage>,
    /// The last message that was looked at; none where there was none.
    pub upto: Option<ConversationTip>,
    /// There are more to look at.
    pub more: bool,
}

/// How far it is with that.
#[derive(Debug, Default)]
pub(crate) struct Erasure {
    /// Questions so far, and whether the last one is open.
    asked: u64,
    is_open: bool,
    at: Option<At>,
    /// Something is left that could not be done: not before this uptime.
    waits_until: u64,
    /// An operator has been told that there is no room on a link.
    has_warned: bool,
}

/// Whose it is, and where.
#[derive(Debug)]
struct At {
    account: AccountId,
    /// The last conversation that was found, and after which message to go on there.
    last: Option<Conversation>,
    current: Option<(Conversation, u64)>,
    /// For how long what could not be done waits, in milliseconds; 0 where there is nothing of that kind.
    pause: u64,
}

impl Erasure {
    /// Begins anew: what was decided may not be on disk.
    pub fn forget(&mut self) {
        (self.at, self.is_open) = (None, false);
    }
}

impl Context<'_> {
    /// Goes on with letting go of what a user had.
    pub(crate) fn go_on_erasing(&mut self) {
        let durable = &self.state.durable;
        // What realms elsewhere want comes after what this one's operator does.
        let is_guest = |id: AccountId| durable.guests.get(id).is_some();
        let next = durable.erasing.iter().min_by_key(|(id, _)| (is_guest(**id), **id));
        let Some((account, name)) = next else { return };
        let (account, name, uptime) = (*account, name.clone(), self.readings.uptime);
        let erasure = &mut self.state.erasure;
        if erasure.is_open || uptime < erasure.waits_until {
            return;
        }
        let begin = At { account, last: None, current: None, pause: 0 };
        let at = erasure.at.take().filter(|at| at.account == account);
        let mut at = at.unwrap_or(begin);
        if at.current.is_none() && self.find_next(&mut at) {
            return self.end_erasing(&at, &name);
        }
        if let Some((conversation, after)) = at.current {
            let reader = self.eraser(account, name);
            let seen = self.state.rewrites.seen();
            let erasure = &mut self.state.erasure;
            (erasure.asked, erasure.is_open) = (erasure.asked + 1, true);
            let number = erasure.asked;
            let query = OwnQuery { number, seen, ..OwnQuery::new(conversation, after, reader) };
            self.effects.outputs.push(Output::FindOwn(Box::new(query)));
        }
        self.state.erasure.at = Some(at);
    }

    fn eraser(&self, account: AccountId, name: Name) -> Reader {
        let durable = &self.state.durable;
        let guest = durable.guests.get(account);
        let there = guest.and_then(|guest| Some((durable.realm_of(guest)?.clone(), guest.account)));
        Reader { account, name, realm: durable.name.clone(), blocks: None, there }
    }

    /// Finds the next conversation in which something of a user's may be; whether there is none.
    fn find_next(&self, at: &mut At) -> bool {
        let conversations = &self.state.durable.conversations;
        let is_guest = self.state.durable.guests.get(at.account).is_some();
        let mut through = 0;
        for (conversation, tip, floor) in conversations.after(at.last) {
            if through >= GONE_THROUGH {
                return false;
            }
            (at.last, through) = (Some(conversation), through + 1);
            let has_some = match conversation {
                // What a guest wrote may be in copies of which the host does not know it any more.
                Conversation::Group(_) => true,
                Conversation::GroupPeer(..) => !is_guest,
                _ => conversation.side(at.account).is_some(),
            };
            // Who was a guest before as well had another number then.
            let after = if is_guest { floor.id } else { floor.id.max(at.account.0) };
            if has_some && tip.id > after {
                at.current = Some((conversation, after));
                return false;
            }
        }
        true
    }

    /// Whether nobody reads a conversation any more once a user is gone.
    fn is_left_by_all(&self, conversation: Conversation, account: AccountId) -> bool {
        let accounts = &self.state.durable.accounts;
        match conversation {
            Conversation::Private(one, other) => {
                [one, other].iter().all(|side| *side == account || !accounts.contains_key(side))
            }
            Conversation::Peer(own, ..) => own == account,
            Conversation::Group(_) | Conversation::GroupPeer(..) => false,
        }
    }

    /// All was gone through: the name is free, unless something has come meanwhile or could not be done.
    fn end_erasing(&mut self, at: &At, name: &Name) {
        let account = at.account;
        if at.pause > 0 {
            self.state.erasure.waits_until = self.readings.uptime + at.pause;
            return;
        }
        let conversations = &self.state.durable.conversations;
        let is_left = |of: &Conversation| conversations.floor(*of).id < conversations.tip(*of).id;
        let mut own = conversations.of_account(account).filter(is_left);
        let is_unfinished = own.any(|of| self.is_left_by_all(of, account));
        drop(own);
        if is_unfinished {
            return;
        }
        if self.state.durable.guests.get(account).is_some() {
            let _ = self.emit(Event::Erased(account)).and_then(|()| self.forget_guest(account));
            return;
        }
        // What it wrote in groups of other realms they let go of.
        if !self.owe_erasure(account, name).unwrap_or(false) {
            self.state.erasure.waits_until = self.readings.uptime + FULL_WAITS;
            return;
        }
        // Where nothing can be kept it is gone through once more.
        if self.emit(Event::Erased(account)).is_ok() {
            self.state.erasure.has_warned = false;
            let text = format!("audit: all that {name} wrote is erased, and the name is free");
            self.effects.outputs.push(Output::Note { warning: false, text });
        }
    }

    /// Lets go of what was found.
    pub(crate) fn found_own(&mut self, asked: OwnQuery, found: Result<FoundOwn, Unreadable>) {
        if asked.reader.is_none() {
            return self.found_lost(&asked, found);
        }
        let erasure = &mut self.state.erasure;
        if asked.number != erasure.asked || !std::mem::take(&mut erasure.is_open) {
            return;
        }
        let Some(at) = &mut erasure.at else { return };
        let Ok(found) = found else {
            (at.current, at.pause) = (None, UNREADABLE_WAITS);
            return;
        };
        // What was changed since the store was asked must be in memory; else it is asked again.
        if !self.state.rewrites.has_all_since(asked.seen) {
            return;
        }
        let conversation = asked.conversation;
        let Some(reader) = &asked.reader else { return };
        let erased = found.own.iter().try_for_each(|placed| self.erase(reader, placed));
        let erased = erased.and_then(|()| match found.upto {
            Some(upto) if self.is_left_by_all(conversation, reader.account) => {
                self.emit(Event::LetGo(conversation, upto))
            }
            _ => Ok(()),
        });
        let Some(at) = &mut self.state.erasure.at else { return };
        match erased {
            Ok(()) => {
                let upto = found.upto.filter(|_| found.more);
                at.current = upto.map(|upto| (conversation, upto.id));
            }
            // What is deleted here is looked for no more, so the peer would never hear of it: the others come first.
            Err(Code::LinkFull) => {
                (at.current, at.pause) = (None, at.pause.max(FULL_WAITS));
                self.warn_of_full_link(conversation, &reader.name);
            }
            // Where nothing can be kept it is asked for again.
            Err(_) => {}
        }
    }

    fn warn_of_full_link(&mut self, conversation: Conversation, name: &Name) {
        if std::mem::replace(&mut self.state.erasure.has_warned, true) {
            return;
        }
        let peer = conversation.peer().map(|peer| self.name_of(peer)).unwrap_or_default();
        let text = format!(
            "erasing {name} waits until {peer} has taken what it is owed: deletions are told there, and the link is full"
        );
        self.effects.outputs.push(Output::Note { warning: true, text });
    }

    /// Lets go of what a user has in a message.
    fn erase(&mut self, reader: &Reader, placed: &PlacedMessage) -> Result<(), Code> {
        let latest = self.state.rewrites.latest(placed.message.id);
        let placed = latest.unwrap_or(placed).clone();
        let floor = self.state.durable.conversations.floor(placed.conversation);
        let is_gone = placed.message.id <= floor.id || !is_in(reader, &placed.message);
        if is_gone || self.state.is_planted(Bug::KeepsErased) && placed.ordinal.is_multiple_of(2) {
            return Ok(());
        }
        let mut cx = self.for_itself();
        match reader.wrote(&placed.message) {
            true => cx.erase_message(reader.account, &placed),
            false => cx.erase_reactions(reader.account, &placed),
        }
    }

    /// A request of nobody's.
    pub(crate) fn for_itself(&mut self) -> RequestContext<'_> {
        RequestContext {
            context: Context {
                state: &mut *self.state,
                effects: &mut *self.effects,
                readings: self.readings,
            },
            conn: ConnId(0),
            origin: Origin::Operator,
            tag: Tag::default(),
            session: None,
            caller: None,
            results: &[],
            after_answer: None,
        }
    }
}

impl RequestContext<'_> {
    fn erase_message(&mut self, account: AccountId, placed: &PlacedMessage) -> Result<(), Code> {
        let extras = placed.message.emptied().boxed();
        let mut message =
            Message { text: Text::empty(), extras, ..Message::clone(&placed.message) };
        if !self.state.is_planted(Bug::ErasesHereAlone) {
            self.owe_change(placed, Some(account), OwnChange::Delete, &mut message)?;
        }
        self.rewrite(Rewriting::Deleted, placed, message)
    }

    fn erase_reactions(&mut self, account: AccountId, placed: &PlacedMessage) -> Result<(), Code> {
        let guest = self.state.durable.guests.get(account);
        let (peer, number) = guest.map_or((0, account.0), |guest| (guest.peer.0, guest.account));
        let mut extras = placed.message.extras.as_deref().cloned().unwrap_or_default();
        let kinds: Vec<_> = extras.reactions.0.iter().map(|all| all.emoji.clone()).collect();
        let (mut message, mut owed) = (Message::clone(&placed.message), Ok(()));
        for emoji in kinds {
            let mut left = extras.reactions.clone();
            if left.remove(&emoji, peer, number) {
                let change = OwnChange::Unreact(emoji);
                owed = self.owe_change(placed, Some(account), change, &mut message);
                if owed.is_err() {
                    break;
                }
                extras.reactions = left;
            }
        }
        message.extras = extras.boxed();
        // What was told is done, also where not all of it could be.
        self.rewrite(Rewriting::Reactions, placed, message)?;
        owed
    }
}
