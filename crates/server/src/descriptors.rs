//! Open files: what others may open leaves enough of them for the data.

use crate::files::OPEN;
use rustix::process::{Resource, getrlimit};

/// Kept for the data (its tables and the segments of its log), administration and metrics.
const RESERVE: u64 = 512;

/// Calls to other realms that may be open at once, where there are descriptors for so many.
const CALLS: u64 = 1_024;

/// How many sockets there may be, and files of others: the store must not fail because one of them took the last
/// descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// For connections that others make.
    pub connections: usize,
    /// For links that this realm calls.
    pub links: usize,
    /// For single requests to plain peers.
    pub asks: usize,
    /// For files that are brought, given and fetched, and the sockets over which they are.
    pub files: usize,
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
        let (asks, files) = (calls / 4, (OPEN as u64).min(sockets / 8));
        let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (connections, links) = (whole(sockets - calls - files), whole(calls - asks));
        Self { connections, links, asks: whole(asks), files: whole(files) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_always_kept() {
        for (limit, connections, links, asks, files) in [
            (10, 4, 1, 0, 0),
            (100, 32, 9, 3, 6),
            (1_024, 320, 96, 32, 64),
            (20_000, 18_112, 768, 256, 352),
        ] {
            assert_eq!(Descriptors::under(limit), Descriptors { connections, links, asks, files });
        }
    }
}
