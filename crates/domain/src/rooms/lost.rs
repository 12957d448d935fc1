//! What the realm of a group does not have any more since it was put back: it is kept here, and says so.
//!
//! When that realm's log takes another course, what a copy has had so far is noted. The realm then begins the copy anew
//! and tells how many messages it has had: those that the copy has beyond that are the last ones from before. What
//! members' realms have posted is placed anew, as they send what the host has not taken: then it goes from where it was.

use crate::links::Unreadable;
use crate::{
    Context, Conversation, ERASED, Event, FoundOwn, GroupId, GroupRecord, Home, MAX_PAGE, Output,
    OwnQuery, Page, PeerId, PlacedMessage, RequestContext, Rewriting,
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
    /// Not before this uptime.
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
        let ahead = tip.saturating_sub(had);
        let lost = self.lost + ahead.saturating_sub(self.ahead);
        let upto = if lost > 0 { self.upto } else { 0 };
        Self { ahead, lost, upto, ..self }
    }
}

impl Context<'_> {
    /// A realm's log takes another course from here on: what copies of its groups have had may be more than it has.
    pub(crate) fn part_copies(&mut self, peer: PeerId) -> Result<(), Code> {
        let copies: Vec<GroupId> = self.state.durable.copies.of_peer(peer).collect();
        copies.into_iter().try_for_each(|copy| {
            let tip = self.state.durable.conversations.tip(Conversation::Group(copy));
            self.set_home(copy, |home| {
                let upto = if home.lost > 0 { home.upto } else { tip.id };
                Home { parted: tip.ordinal, upto, ..home }
            })
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
        let Some(copy) = self.state.durable.copies.losing() else { return };
        if losses.is_open || self.readings.uptime < losses.waits_until {
            return;
        }
        let home = self.state.durable.groups.get(&copy).and_then(|group| group.record.home);
        let Some(home) = home else { return };
        (losses.asked, losses.is_open) = (losses.asked + 1, true);
        let page = Page { after: None, before: Some(home.upto + 1), limit: ERASED };
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
        let Ok(found) = found else {
            losses.waits_until = self.readings.uptime + UNREADABLE_WAITS;
            return;
        };
        let Conversation::Group(copy) = asked.conversation else { return };
        let home = self.state.durable.groups.get(&copy).and_then(|group| group.record.home);
        // What was changed since the store was asked must be in memory; else it is asked again.
        let Some(home) = home.filter(|_| self.state.rewrites.has_all_since(asked.seen)) else {
            return;
        };
        // Where nothing can be kept it is asked for again.
        let _ = self.mark_lost(copy, home, &found.own);
    }

    /// Marks the last of these messages, as many as are lost.
    fn mark_lost(
        &mut self,
        copy: GroupId,
        home: Home,
        found: &[PlacedMessage],
    ) -> Result<(), Code> {
        let floor = self.state.durable.conversations.floor(Conversation::Group(copy)).id;
        let mut left = home.lost;
        let mut upto = 0;
        for placed in found.iter().rev().filter(|placed| placed.message.id > floor) {
            if left == 0 {
                break;
            }
            upto = placed.message.id - 1;
            let latest = self.state.rewrites.latest(placed.message.id);
            let placed = latest.unwrap_or(placed).clone();
            let mut extras = placed.message.extras.as_deref().cloned().unwrap_or_default();
            if std::mem::replace(&mut extras.lost, true) {
                continue;
            }
            left -= 1;
            let message = Message { extras: extras.boxed(), ..Message::clone(&placed.message) };
            self.for_itself().rewrite(Rewriting::Lost, &placed, message)?;
        }
        // Before that there is nothing.
        let left = if upto == 0 { 0 } else { left };
        self.set_home(copy, |home| Home {
            lost: left,
            upto: if left == 0 { 0 } else { upto },
            ..home
        })
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
        let Extras { sent, lost, .. } =
            before.message.extras.as_deref().cloned().unwrap_or_default();
        let extras = Extras { sent, lost, deleted: true, ..Extras::default() }.boxed();
        let message = Message { text: Text::empty(), extras, ..Message::clone(&before.message) };
        self.rewrite(Rewriting::Deleted, &before, message)
    }
}
