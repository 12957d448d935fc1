//! How often an account may signal what is not stored.

use crate::AccountId;
use std::collections::BTreeMap;

/// Signals of an account at once, and the milliseconds after which there is another: people who type in two
/// conversations, on three devices, need fewer.
const SIGNALS: (u64, u64) = (10, 1_000);

/// When each account that has signalled something would have all its signals again, in milliseconds of uptime.
#[derive(Debug, Default)]
pub(crate) struct Pace(BTreeMap<AccountId, u64>);

impl Pace {
    /// Takes a signal of an account; whether there was one.
    pub fn take(&mut self, account: AccountId, uptime: u64) -> bool {
        let (most, each) = SIGNALS;
        let all = self.0.entry(account).or_default();
        let next = uptime.max(*all) + each;
        let is_there = next <= uptime + most * each;
        if is_there {
            *all = next;
        }
        is_there
    }

    /// The account is gone.
    pub fn forget(&mut self, account: AccountId) {
        self.0.remove(&account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_ten_signals_and_one_more_each_second() {
        let mut pace = Pace::default();
        let [amy, bob] = [AccountId(1), AccountId(2)];
        let mut taken = |account, uptime| (0..99).filter(|_| pace.take(account, uptime)).count();
        assert_eq!((taken(amy, 5_000), taken(amy, 5_999), taken(amy, 6_000)), (10, 0, 1));
        assert_eq!((taken(bob, 6_000), taken(amy, 9_000), taken(amy, 99_000)), (10, 3, 10));
    }
}
