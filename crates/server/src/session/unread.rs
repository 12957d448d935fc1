//! What clients leave unread, bounded for all of them together.

use super::write::WRITE;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that clients have not read yet and that are kept for them.
#[derive(Default)]
pub struct Unread(AtomicUsize);

impl Unread {
    /// Keeps so many until the result is dropped; `None` where there would be more than `most` of all.
    /// Little is always kept.
    pub(super) fn keep(&self, bytes: usize, most: usize) -> Option<Kept<'_>> {
        let kept = Kept(self, bytes);
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        (bytes <= WRITE || before + bytes <= most).then_some(kept)
    }
}

pub(super) struct Kept<'a>(&'a Unread, usize);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}
