//! A list that many replies have at once.

use std::sync::Arc;

/// Texts that are not copied for each reply.
pub type List = Arc<[Arc<str>]>;

/// How many replies have something; whoever made it keeps one for the next.
fn holders<T: ?Sized>(shared: &Arc<T>) -> usize {
    Arc::strong_count(shared).saturating_sub(1).max(1)
}

/// A reply's share of a list. Its texts are names, which are kept anyway.
pub fn share(list: &List) -> usize {
    list.len() * size_of::<Arc<str>>() / holders(list)
}
