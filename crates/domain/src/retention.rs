//! Messages are let go of once they are older than they are to be kept.
//!
//! How old messages are the store knows: it is asked about a few conversations at a time, one question at once, in
//! rounds through all of them. What is decided then is the last message of a conversation that goes; those before it
//! go with it.
//!
//! A clock that is wrong would take everything. So a round begins only where the clock has gone on as time does for a
//! while, and is given up where it jumps.

use crate::links::Unreadable;
use crate::{
    Bug, Context, Conversation, ConversationTip, Event, GroupId, Marker, Output, Reader, State,
};
use antar_types::{Message, Time};

/// How many conversations are asked about at once, and how many are gone through to find so many.
const ASKED: usize = 64;
const GONE_THROUGH: usize = 4_096;

/// How many messages are let go of in one step at most, of all conversations that are asked about.
pub const LET_GO: usize = 1_000;

/// The least and the most time between the beginnings of two rounds, in milliseconds. A clock has to be steady for as
/// long.
const ROUND: (u64, u64) = (10, 3_600_000);

/// By how many milliseconds a clock may differ from time as it passes before it has jumped.
const JUMP: u64 = 60_000;

const DAY: u64 = 86_400_000;

/// Asks which messages are older than is kept, in several conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldQuery {
    /// Tells it from those before it.
    pub(crate) number: u64,
    /// The conversations.
    pub all: Vec<OldIn>,
}

/// Asks which messages of a conversation are older than is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldIn {
    /// The conversation.
    pub conversation: Conversation,
    /// The last one that is gone already.
    pub gone: ConversationTip,
    /// What was taken before then is old.
    pub before: Time,
    /// Users for whom messages after their markers do not count as unread.
    pub readers: Vec<(Reader, Marker)>,
}

impl OldQuery {
    /// Asks about one conversation; for those who test a store.
    pub fn of(asked: OldIn) -> Self {
        Self { number: 0, all: vec![asked] }
    }
}

impl OldIn {
    /// What is found where nothing is old.
    pub fn nothing(&self) -> FoundOld {
        FoundOld { upto: self.gone, uncounted: vec![0; self.readers.len()], more: false }
    }

    /// Notes a message that is old, for each reader for whom it does not count.
    pub fn pass(&self, ordinal: u64, message: &Message, uncounted: &mut [u64]) {
        for ((reader, marker), uncounted) in self.readers.iter().zip(uncounted) {
            let counts = message.notice.is_some() || reader.counts(self.conversation, message);
            *uncounted += u64::from(ordinal > marker.ordinal && !counts);
        }
    }
}

/// What was found of an [`OldIn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOld {
    /// The last message that is old.
    pub upto: ConversationTip,
    /// How many of the old ones after the marker of each reader do not count for that one.
    pub uncounted: Vec<u64>,
    /// There may be more.
    pub more: bool,
}

/// How far it is with that.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    /// How far the wall clock is ahead of uptime, and since when that has been so.
    clock: Option<(u64, u64)>,
    /// When the last round began.
    began: Option<u64>,
    round: Option<Round>,
    /// Questions so far, and whether the last one is open.
    asked: u64,
    is_open: bool,
}

/// A round through all conversations.
#[derive(Debug, Default)]
struct Round {
    /// The last one that was gone through.
    at: Option<Conversation>,
    /// Those to be asked about once more.
    again: Vec<Conversation>,
    is_through: bool,
}

impl Retention {
    /// Gives up the round: what was decided may not be on disk.
    pub fn forget(&mut self) {
        (self.round, self.is_open) = (None, false);
    }

    /// Whether a round is under way.
    pub fn is_busy(&self) -> bool {
        self.round.is_some()
    }

    /// Looks at the clock; for how long it has gone on as time does.
    fn steady(&mut self, now: Time, uptime: u64) -> u64 {
        let ahead = now.0.saturating_sub(uptime);
        match self.clock {
            Some((known, since)) if known.abs_diff(ahead) <= JUMP => uptime.saturating_sub(since),
            _ => {
                self.clock = Some((ahead, uptime));
                self.forget();
                0
            }
        }
    }
}

impl State {
    /// For how many milliseconds messages of a conversation are kept; none where it is for ever.
    fn kept_for(&self, conversation: Conversation) -> Option<u64> {
        let days = |group: &GroupId| self.durable.groups.get(group)?.record.retention;
        let of_group = match &conversation {
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => days(group),
            Conversation::Private(..) | Conversation::Peer(..) => None,
        };
        let kept = of_group.map_or_else(|| self.realm_keeps_for(), |days| u64::from(days) * DAY);
        Some(kept).filter(|kept| *kept > 0)
    }

    fn realm_keeps_for(&self) -> u64 {
        u64::try_from(self.limits.retention.as_millis()).unwrap_or(u64::MAX)
    }

    /// How often there is a round; none where nothing is ever let go of.
    fn retention_round(&self) -> Option<u64> {
        let realm = Some(self.realm_keeps_for()).filter(|kept| *kept > 0);
        let groups = || self.durable.groups.values().any(|group| group.record.retention > Some(0));
        match realm {
            Some(kept) => Some((kept / 168).clamp(ROUND.0, ROUND.1)),
            None => groups().then_some(ROUND.1),
        }
    }
}

impl Context<'_> {
    /// When the oldest message of a conversation that is kept was taken at the earliest; none where all are kept.
    pub(crate) fn kept_since(&self, conversation: Conversation) -> Option<Time> {
        let kept = self.state.kept_for(conversation)?;
        Some(Time(self.readings.now.0.saturating_sub(kept)))
    }

    /// Goes on with letting go of old messages, or begins with it: what there is is asked for.
    pub(crate) fn look_for_old(&mut self) {
        let Some(every) = self.state.retention_round() else {
            return self.state.retention.forget();
        };
        let uptime = self.readings.uptime;
        let retention = &mut self.state.retention;
        let is_steady = retention.steady(self.readings.now, uptime) >= every;
        let is_due = retention.began.is_none_or(|began| uptime >= began.saturating_add(every));
        if retention.round.is_none() && is_steady && is_due {
            (retention.began, retention.round) = (Some(uptime), Some(Round::default()));
        }
        if retention.is_open {
            return;
        }
        let Some(mut round) = retention.round.take() else { return };
        let all = self.next_old(&mut round);
        if all.is_empty() && round.is_through {
            return;
        }
        let retention = &mut self.state.retention;
        retention.round = Some(round);
        if !all.is_empty() {
            (retention.asked, retention.is_open) = (retention.asked + 1, true);
            let number = retention.asked;
            self.effects.outputs.push(Output::FindOld(Box::new(OldQuery { number, all })));
        }
    }

    /// The conversations that a round asks about next.
    fn next_old(&self, round: &mut Round) -> Vec<OldIn> {
        let again = std::mem::take(&mut round.again);
        let mut all: Vec<OldIn> = again.into_iter().filter_map(|of| self.old_in(of)).collect();
        if round.is_through {
            return all;
        }
        let (mut through, conversations) = (0, &self.state.durable.conversations);
        for (conversation, tip, floor) in conversations.after(round.at) {
            if all.len() >= ASKED || through >= GONE_THROUGH {
                return all;
            }
            (round.at, through) = (Some(conversation), through + 1);
            if floor.id < tip.id {
                all.extend(self.old_in(conversation));
            }
        }
        round.is_through = true;
        all
    }

    /// What is asked about a conversation, where something of it may go.
    fn old_in(&self, conversation: Conversation) -> Option<OldIn> {
        let before = self.kept_since(conversation)?;
        let conversations = &self.state.durable.conversations;
        let gone = conversations.floor(conversation);
        if gone.id >= conversations.tip(conversation).id {
            return None;
        }
        let readers = conversations.readers_ahead(conversation).into_iter();
        let readers = readers.filter_map(|(of, marker)| Some((self.state.reader(of)?, marker)));
        Some(OldIn { conversation, gone, before, readers: readers.collect() })
    }

    /// Lets go of what was found, where it is still so.
    pub(crate) fn found_old(
        &mut self,
        asked: OldQuery,
        found: Result<Vec<Option<FoundOld>>, Unreadable>,
    ) {
        let retention = &mut self.state.retention;
        if asked.number != retention.asked || !std::mem::take(&mut retention.is_open) {
            return;
        }
        // What cannot be read is asked for in the next round.
        let Ok(found) = found else { return };
        let mut again = Vec::new();
        let mut found = found.into_iter();
        for old in asked.all {
            let conversation = old.conversation;
            match found.next() {
                Some(None) => {}
                Some(Some(found)) if self.is_still_so(&old) => {
                    again.extend(found.more.then_some(conversation));
                    // Where nothing can be kept it is done in a later round.
                    let _ = self.drop_old(old, &found);
                }
                _ => again.push(conversation),
            }
        }
        self.state.retention.round.iter_mut().for_each(|round| round.again.append(&mut again));
    }

    /// Whether a conversation is as it was when it was asked about.
    fn is_still_so(&self, asked: &OldIn) -> bool {
        let now = self.old_in(asked.conversation);
        now.is_some_and(|now| {
            (now.gone, &now.readers) == (asked.gone, &asked.readers) && now.before >= asked.before
        })
    }

    fn drop_old(&mut self, old: OldIn, found: &FoundOld) -> Result<(), antar_types::Code> {
        let (conversation, upto) = (old.conversation, found.upto);
        for ((reader, marker), uncounted) in old.readers.into_iter().zip(&found.uncounted) {
            if marker.ordinal < upto.ordinal && !self.state.is_planted(Bug::CountsLetGo) {
                let own_after = marker.own_after.saturating_sub(*uncounted);
                let marker = Marker { id: upto.id, ordinal: upto.ordinal, own_after };
                let account = reader.account;
                self.emit(Event::MarkerSet { account, conversation, marker })?;
            }
        }
        let gone = Event::LetGo(conversation, upto);
        match self.state.is_planted(Bug::KeepsOld) {
            true => self.state.apply(&gone, &mut Vec::new()),
            false => self.emit(gone)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
