//! Open files: connections leave enough of them for everything else.

use rustix::process::{Resource, getrlimit};

/// Kept for the data (its tables and the segments of its log), links with other realms and
/// administration.
const RESERVE: u64 = 512;

/// How many connections there can be under the limit that the system sets: the store must not fail
/// because a socket took the last descriptor.
pub fn for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(after_reserve(limit)).unwrap_or(usize::MAX)
}

/// Of very few, half are kept.
fn after_reserve(limit: u64) -> u64 {
    limit - RESERVE.min(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_always_kept() {
        assert_eq!([10, 100, 1_024, 20_000].map(after_reserve), [5, 50, 512, 19_488]);
    }
}
