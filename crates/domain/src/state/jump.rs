//! Ids after data were put back: past whatever others may have seen.

use super::{Effects, Readings, State};
use crate::Event;
use antar_types::{Code, Time};

/// Where JSON's numbers end; no jump gets there.
const END: u64 = 1 << 53;

/// More ids than a realm gives out between a backup and its loss: a year at two thousand a second.
const JUMP: u64 = 1 << 36;

/// Since when ids are counted where they jump by the clock, and how many a millisecond: more than any
/// realm gives out, so that what a later jump reaches is past what was given out after an earlier one,
/// from whichever backup. It takes seventy years to [`END`].
const BY_CLOCK: (u64, u64) = (1_735_689_600_000, 1 << 12);

/// The time within which a clock is believed: so many milliseconds from the newest time that the
/// data know. A day before it, since clocks differ; a year after it, since one that is further ahead
/// would use up ids, and have a later jump by a clock that is right end before it.
const BELIEVED: (u64, u64) = (86_400_000, 365 * 86_400_000);

/// How far a jump is left to chance, so that two from the same data at the same time are two: by the
/// clock no further than the second goes, so that whatever is later is past it, and otherwise as far
/// as makes them never meet.
const CHANCE: (u64, u64) = (1 << 22, 1 << 40);

impl State {
    /// Takes note that the realm was put back from a backup: others may have seen more of it than it
    /// remembers. `reached` is the id that the last realm made of this backup went on from, where that
    /// is known. Must be durable before the realm is used. Returns the id that this one goes on from.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where nothing can be kept.
    pub fn restored(
        &mut self,
        readings: &Readings,
        reached: Option<u64>,
        effects: &mut Effects,
    ) -> Result<u64, Code> {
        let past = self.jump_past(reached.unwrap_or(0), readings, effects)?;
        self.begin_epochs(readings, effects)?;
        Ok(past)
    }

    /// Whatever ids were given out since the data were copied are not given out again.
    pub(crate) fn jump(&mut self, readings: &Readings, effects: &mut Effects) -> Result<(), Code> {
        self.jump_past(0, readings, effects).map(drop)
    }

    fn jump_past(
        &mut self,
        reached: u64,
        readings: &Readings,
        effects: &mut Effects,
    ) -> Result<u64, Code> {
        let (last, reached) = (self.durable.next_id() - 1, Some(reached).filter(|id| *id < END));
        let last = reached.map_or(last, |reached| reached.max(last));
        // Each takes a small part of what is left at most, so that jumps alone never use it up.
        let left = END.checked_sub(last).unwrap_or(u64::MAX - last);
        let within = |most: u64| most.min(left >> 10).max(1);
        let least = last.saturating_add(within(JUMP));
        // Ids grow more slowly than the clock: by it they are past what was given out since, and no later
        // jump by it falls short of them.
        let (from, chance) = match self.by_clock(readings.now).filter(|id| *id > last) {
            Some(by_clock) => (by_clock, CHANCE.0),
            None => (least, CHANCE.1),
        };
        let [a, b, c, d, e, f, g, h, ..] = readings.entropy;
        let chance = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % within(chance);
        let past = from.saturating_add(chance);
        self.emit(Event::IdReached(past), effects)?;
        self.begin_sync_epoch(readings, effects)?;
        Ok(past)
    }

    /// Cursors that clients have count for nothing from here on.
    pub(super) fn begin_sync_epoch(
        &mut self,
        readings: &Readings,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let [.., a, b, c, d, e, f] = readings.entropy;
        let epoch = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        self.emit(Event::SyncEpochBegun(epoch.max(1)), effects)
    }

    /// The first id of what is about a second, by the clock where it is to be believed.
    fn by_clock(&self, now: Time) -> Option<u64> {
        let newest = self.durable.newest().0;
        let believed = newest.saturating_sub(BELIEVED.0)..=newest.saturating_add(BELIEVED.1);
        let id = now.0.checked_sub(BY_CLOCK.0)?.checked_mul(BY_CLOCK.1)?;
        // What is past the half is left for those who come after.
        (believed.contains(&now.0) && id < END / 2).then_some(id - id % CHANCE.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, AccountRecord, Limits, PasswordHash, Policy};
    use antar_types::Name;
    use std::ops::Range;

    const YEAR: u64 = 365 * 86_400_000;

    /// When the backup was taken: in 2026.
    const BACKUP: u64 = 1_795_000_000_000;

    /// The ids that a realm gives out once it is restored from data that end with this id: as many as
    /// any realm does.
    fn life(last: u64, now: u64, chance: u64, reached: Option<u64>) -> Range<u64> {
        let record = AccountRecord {
            name: Name::parse("amy").unwrap(),
            password: PasswordHash::new("x".into()),
            admin: false,
            created: Time(BACKUP),
            locked: false,
        };
        let loaded = [Event::IdReached(last), Event::AccountSet(AccountId(1), record)];
        let mut state = State::new(Limits::default(), Policy::local(), loaded);
        let mut readings = Readings { now: Time(now), uptime: 1, entropy: [0; 32] };
        // Chance as it is: every number is as likely as every other.
        let chance = chance.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        readings.entropy[..8].copy_from_slice(&chance.to_be_bytes());
        let mut effects = Effects::default();
        let past = state.restored(&readings, reached, &mut effects).unwrap();
        assert!(
            matches!(effects.events[..], [Event::IdReached(id), Event::SyncEpochBegun(_)] if id == past)
        );
        assert_eq!(state.durable.next_id(), past + 1);
        past + 1..past + 100_000
    }

    fn meet(a: &Range<u64>, b: &Range<u64>) -> bool {
        a.start < b.end && b.start < a.end
    }

    #[test]
    fn a_restored_realm_gives_out_ids_that_nobody_has_seen_whatever_its_clock_says() {
        for now in [0, 1, BACKUP - YEAR, BACKUP, BACKUP + YEAR / 2, BACKUP + 9 * YEAR, u64::MAX] {
            let first = life(7, now, 1, None);
            assert!((7 + JUMP..END).contains(&first.start), "{now}");
            for (earlier, chance) in [(now, 2), (now.saturating_sub(YEAR), 3), (0, 4)] {
                assert!(!meet(&first, &life(7, earlier, chance, None)), "{now} {earlier}");
                // The backup says how far the first one jumped.
                let reached = Some(first.start - 1);
                assert!(life(7, earlier, chance, reached).start > first.end + JUMP / 2);
            }
        }
    }

    #[test]
    fn ids_go_up_by_the_clock_where_it_may_be_right_though_one_before_was_ahead() {
        for ahead in [2 * YEAR, 10 * YEAR, 60 * YEAR, 8000 * YEAR] {
            let wrong = life(7, BACKUP + ahead, 1, None);
            let right = life(7, BACKUP + 60_000, 2, None);
            let later = life(7, BACKUP + 80_000, 3, None);
            assert!(wrong.end < right.start && right.end < later.start, "{ahead}");
            // From a backup of the realm whose clock was wrong.
            assert!(life(wrong.end, BACKUP + 60_000, 4, None).start > right.start - JUMP);
        }
    }

    #[test]
    fn no_number_of_restores_uses_ids_up() {
        for now in [0, BACKUP, BACKUP + 20 * YEAR, u64::MAX] {
            let mut last = 7;
            for chance in 0..20_000 {
                let next = life(last, now, chance, Some(last)).start;
                assert!(next > last && next < END, "{chance} of {now}");
                last = next;
            }
        }
        // Nor does a note that makes no sense.
        assert!(life(7, 0, 1, Some(u64::MAX)).end < END);
    }
}
