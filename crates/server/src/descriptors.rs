//! Open files: what others may open leaves enough of them for the data.

use rustix::process::{Resource, getrlimit};

/// Kept for the data (its tables and the segments of its log), administration and metrics.
const RESERVE: u64 = 512;

/// Calls to other realms that may be open at once, where there are descriptors for so many.
const CALLS: u64 = 1_024;

/// How many sockets there may be: the store must not fail because one of them took the last descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// For connections that others make.
    pub connections: usize,
    /// For links that this realm calls.
    pub links: usize,
    /// For single requests to plain peers.
    pub asks: usize,
}

impl Descriptors {
    /// What the system's limit on open files leaves room for.
    pub fn get() -> Self {
        Self::under(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
    }

    /// Of very few, half are kept.
    fn under(limit: u64) -> Self {
        let sockets = limit - RESERVE.min(limit / 2);
        let calls = CALLS.min(sockets / 4);
        let asks = calls / 4;
        let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self { connections: whole(sockets - calls), links: whole(calls - asks), asks: whole(asks) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_always_kept() {
        for (limit, connections, links, asks) in
            [(10, 4, 1, 0), (100, 38, 9, 3), (1_024, 384, 96, 32), (20_000, 18_464, 768, 256)]
        {
            assert_eq!(Descriptors::under(limit), Descriptors { connections, links, asks });
        }
    }
}
