//! What the realm of a group does not have any more since it was put back: it is kept here, and says so.
//!
//! When that realm's log takes another course, what a copy has had so far is noted. The realm then begins the copy anew
//! and tells how many messages it has had: those that the copy has beyond that are the last ones from before. What
//! members' realms have posted is placed anew, as they send what the host has not taken: then it goes from where it was.

use crate::links::Unreadable;
use crate::{
    Context, Conversation, ERASED, Event, FoundOwn, GroupId, GroupRecord, Home, LostMessages,
    MAX_PAGE, Output, OwnQuery, Page, PeerId, PlacedMessage, RequestContext, Rewriting,
};
use antar_types::{Code, Extras, Message, Text};

/// After how many milliseconds what could not be read is tried again.
const UNREADABLE_WAITS: u64 = 60_000;

/// What is being looked for.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Questions so far, and whether the last one is open.
    asked: u64,
    is_open: bool,
    /// The copy of which something could not be read last, and not before which uptime it is read again.
    unread: Option<GroupId>,
    waits_until: u64,
}

impl Losses {
    /// Begins anew: what was decided may not be on disk.
    pub fn forget(&mut self) {
        self.is_open = false;
    }
}

impl Home {
    /// The same once the host has said that it has had so many messages, where the copy has had `tip`.
    pub(super) fn begun_anew(self, tip: u64, had: u64) -> Self {
        let (ahead, behind) = (tip.saturating_sub(had), had.saturating_sub(tip));
        // What it was behind by then it may have been ahead of, and lost as well.
        let before = i128::from(self.ahead) - i128::from(self.behind);
        let more = i128::from(ahead) - i128::from(behind) - before;
        let count = u64::try_from(more.max(0)).unwrap_or(u64::MAX);
        let new = LostMessages { upto: self.upto, count };
        let home = Self { ahead, behind, upto: 0, ..self };
        match self {
            _ if new.count == 0 || new.upto == 0 => home,
            Self { lost: LostMessages { count: 0, .. }, .. } => Self { lost: new, ..home },
            // Where one is still looked for, this comes after it; a third is looked for together with the second.
            Self { later, .. } => {
                let count = new.count.saturating_add(later.count);
                Self { later: LostMessages { count, ..new }, ..home }
            }
        }
    }
}

impl Context<'_> {
    /// A realm's log takes another course from here on: what copies of its groups have had may be more than it has.
    pub(crate) fn part_copies(&mut self, peer: PeerId) -> Result<(), Code> {
        let copies: Vec<GroupId> = self.state.durable.copies.of_peer(peer).collect();
        copies.into_iter().try_for_each(|copy| {
            let tip = self.state.durable.conversations.tip(Conversation::Group(copy));
            self.set_home(copy, |home| Home { parted: tip.ordinal, upto: tip.id, ..home })
        })
    }

    fn set_home(&mut self, copy: GroupId, set: impl FnOnce(Home) -> Home) -> Result<(), Code> {
        let Some(group) = self.state.durable.groups.get(&copy) else { return Ok(()) };
        let record = group.record.clone();
        let home = record.home.map(set);
        match home == record.home {
            true => Ok(()),
            false => self.emit(Event::GroupSet(copy, GroupRecord { home, ..record })),
        }
    }

    /// Goes on with looking for what is lost.
    pub(crate) fn look_for_lost(&mut self) {
        let losses = &mut self.state.losses;
        if losses.is_open || self.readings.uptime < losses.waits_until {
            return;
        }
        // One that could not be read is not in the way of others.
        let Some(copy) = self.state.durable.copies.losing(losses.unread) else { return };
        let home = self.state.durable.groups.get(&copy).and_then(|group| group.record.home);
        let Some(lost) = home.map(|home| home.lost) else { return };
        (losses.asked, losses.is_open) = (losses.asked + 1, true);
        let page = Page { after: None, before: Some(lost.upto + 1), limit: ERASED };
        let (number, seen) = (losses.asked, self.state.rewrites.seen());
        let conversation = Conversation::Group(copy);
        let query = OwnQuery { number, conversation, page, reader: None, seen };
        self.effects.outputs.push(Output::FindOwn(Box::new(query)));
    }

    /// Marks what was found.
    pub(crate) fn found_lost(&mut self, asked: &OwnQuery, found: Result<FoundOwn, Unreadable>) {
        let losses = &mut self.state.losses;
        if asked.number != losses.asked || !std::mem::take(&mut losses.is_open) {
            return;
        }
        let Conversation::Group(copy) = asked.conversation else { return };
        let Ok(found) = found else {
            if losses.unread == Some(copy) {
                losses.waits_until = self.readings.uptime + UNREADABLE_WAITS;
            }
            losses.unread = Some(copy);
            return;
        };
        losses.unread = None;
        let home = self.state.durable.groups.get(&copy).and_then(|group| group.record.home);
        let looked_for = asked.page.before;
        let is_it = |home: &Home| looked_for == Some(home.lost.upto + 1) && home.lost.count > 0;
        // What was changed since the store was asked must be in memory; else it is asked again.
        let is_known = self.state.rewrites.has_all_since(asked.seen);
        if let Some(home) = home.filter(|home| is_it(home) && is_known) {
            // Where nothing can be kept it is asked for again.
            let _ = self.mark_lost(copy, home.lost, &found.own);
        }
    }

    /// Marks the last of these messages, as many as are lost.
    fn mark_lost(
        &mut self,
        copy: GroupId,
        lost: LostMessages,
        found: &[PlacedMessage],
    ) -> Result<(), Code> {
        let floor = self.state.durable.conversations.floor(Conversation::Group(copy)).id;
        // Before the first that is kept there is nothing.
        let mut left = LostMessages::default();
        let mut count = lost.count;
        for placed in found.iter().rev().filter(|placed| placed.message.id > floor) {
            // Those that were lost before are none of these.
            count -= u64::from(self.mark(placed)?);
            left = LostMessages { upto: placed.message.id - 1, count };
            if count == 0 {
                break;
            }
        }
        let is_done = left.count == 0;
        self.set_home(copy, |home| match is_done {
            true => Home { lost: home.later, later: LostMessages::default(), ..home },
            false => Home { lost: left, ..home },
        })
    }

    /// Marks a message; whether it was not marked before.
    fn mark(&mut self, placed: &PlacedMessage) -> Result<bool, Code> {
        let latest = self.state.rewrites.latest(placed.message.id);
        let placed = latest.unwrap_or(placed).clone();
        let mut extras = placed.message.extras.as_deref().cloned().unwrap_or_default();
        if std::mem::replace(&mut extras.lost, true) {
            return Ok(false);
        }
        let message = Message { extras: extras.boxed(), ..Message::clone(&placed.message) };
        self.for_itself().rewrite(Rewriting::Lost, &placed, message)?;
        Ok(true)
    }

    /// Whether what comes into a copy with its author's number may have been there before, and be lost: it is placed
    /// once more, since the host has not heard of it. It is looked for as far back as a page goes.
    pub(crate) fn may_be_placed_anew(&self, copy: GroupId) -> bool {
        let home = self.state.durable.groups.get(&copy).and_then(|group| group.record.home);
        let tip = self.state.durable.conversations.tip(Conversation::Group(copy)).ordinal;
        home.is_some_and(|home| home.parted > 0 && tip < home.parted + MAX_PAGE as u64)
    }
}

impl RequestContext<'_> {
    /// A message that a host has lost has been placed once more: it says nothing where it was.
    pub(super) fn placed_anew(&mut self, before: &PlacedMessage) -> Result<(), Code> {
        let latest = self.state.rewrites.latest(before.message.id);
        let before = latest.unwrap_or(before).clone();
        let floor = self.state.durable.conversations.floor(before.conversation);
        if before.message.is_deleted() || before.message.id <= floor.id {
            return Ok(());
        }
        // It has no place at the host any more.
        let extras = Extras { place: None, asked: None, ..before.message.emptied() }.boxed();
        let message = Message { text: Text::empty(), extras, ..Message::clone(&before.message) };
        self.rewrite(Rewriting::Deleted, &before, message)
    }
}
