//! What connections make the realm keep in memory, bounded for all of them together.

use crate::LimitsConfig;
use crate::admission::LogThrottle;
use crate::send_queue::SendQueue;
use antar_domain::ConnId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Every connection may make the realm keep its part of what all may, and no less and no more than this.
const LITTLE: (usize, usize) = (16 << 10, 64 << 10);

/// How long nobody is looked for after nobody was found who keeps more than a little.
const BARREN: Duration = Duration::from_millis(100);

/// Counts the bytes that are kept for connections: what they do not read, and what they have sent that is not
/// answered. Where all together keep more than they may, those make room that have kept the most for the
/// longest: whoever asks and reads is not in the way of anybody, and is not closed for what others leave.
#[derive(Debug)]
pub struct Ledger {
    kept: AtomicUsize,
    most: AtomicUsize,
    little: AtomicUsize,
    conns: Mutex<Conns>,
    /// Connections that were given up.
    gave_up: LogThrottle,
}

#[derive(Debug, Default)]
struct Conns {
    open: HashMap<ConnId, Arc<SendQueue>>,
    /// When nobody was found.
    barren: Option<Instant>,
}

impl Ledger {
    /// With the bound of a configuration.
    pub fn new(limits: &LimitsConfig) -> Arc<Self> {
        let (kept, most, little) = Default::default();
        let (conns, gave_up) = Default::default();
        let ledger = Self { kept, most, little, conns, gave_up };
        ledger.bound(limits);
        Arc::new(ledger)
    }

    /// Another bound, from now on.
    pub fn bound(&self, limits: &LimitsConfig) {
        let part = limits.unread_bytes / limits.connections.max(1);
        self.most.store(limits.unread_bytes, Ordering::Relaxed);
        self.little.store(part.clamp(LITTLE.0, LITTLE.1), Ordering::Relaxed);
    }

    /// A connection is there.
    pub fn open(&self, conn: ConnId, queue: &Arc<SendQueue>) {
        self.conns().open.insert(conn, queue.clone());
    }

    /// A connection is gone.
    pub fn close(&self, conn: ConnId) {
        let gone = self.conns().open.remove(&conn);
        // What it kept is given back here, without the lock.
        drop(gone);
    }

    /// What is kept for all of them.
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// What each may keep whatever the others do.
    pub fn little(&self) -> usize {
        self.little.load(Ordering::Relaxed)
    }

    /// One of them keeps so much now, and kept so much before; whether it is too much for all.
    pub fn change(&self, before: usize, now: usize) -> bool {
        match now.checked_sub(before) {
            Some(more) => self.kept.fetch_add(more, Ordering::Relaxed) + more > self.most(),
            None => {
                self.kept.fetch_sub(before - now, Ordering::Relaxed);
                false
            }
        }
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn conns(&self) -> MutexGuard<'_, Conns> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives connections up until the others keep no more than they may.
    pub fn make_room(&self) {
        let (now, mut said) = (Instant::now(), None);
        let mut conns = self.conns();
        if conns.barren.is_some_and(|at| now.duration_since(at) < BARREN) {
            return;
        }
        while self.kept() > self.most() {
            let worst = conns.open.values().filter_map(|o| Some((o.burden(now)?, o)));
            let Some((_, worst)) = worst.max_by_key(|(burden, _)| *burden) else {
                conns.barren = Some(now);
                break;
            };
            worst.give_up();
            said = self.gave_up.happened().or(said);
        }
        drop(conns);
        if let Some(times) = said {
            tracing::warn!(
                times,
                "too much is kept for clients that do not read, or send without waiting; closed some"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send_queue::Item;
    use antar_domain::{Outcome, Refused, Tag};
    use antar_types::{Code, List};

    /// All may keep so many bytes.
    fn ledger(unread_bytes: usize) -> Arc<Ledger> {
        Ledger::new(&LimitsConfig { unread_bytes, ..LimitsConfig::default() })
    }

    fn opened(ledger: &Arc<Ledger>, conn: u64) -> Arc<SendQueue> {
        let queue = Arc::new(SendQueue::new(ledger.clone()));
        ledger.open(ConnId(conn), &queue);
        queue
    }

    fn text(bytes: usize) -> Item {
        Item::Reply(
            Tag::default(),
            Outcome::from(Refused::from(Code::Forbidden).because("x".repeat(bytes))),
        )
    }

    #[test]
    fn who_kept_the_most_for_the_longest_makes_room() {
        let ledger = ledger(1 << 20);
        let [little, much, more] = [1, 2, 3].map(|conn| opened(&ledger, conn));
        little.push(text(10_000));
        // The one with more is not the last: a moment between the two counts, too.
        more.push(text(600_000));
        much.push(text(400_000));
        assert_eq!([&little, &much, &more].map(|o| o.state().too_slow), [false; 3]);
        // It is not this one that has to go.
        little.push(text(100_000));
        assert_eq!([&little, &much, &more].map(|o| o.state().too_slow), [false, false, true]);
        assert!((510_000..530_000).contains(&ledger.kept()), "{}", ledger.kept());
        // What comes for one that is given up is not kept any more.
        more.push(text(600_000));
        assert!(ledger.kept() < 530_000 && more.take().0.is_empty());
        // What the session has taken and not written yet is kept on.
        assert_eq!(much.take().0.len(), 1);
        assert!(ledger.kept() > 510_000);
        much.take();
        assert!(ledger.kept() < 130_000);
        [1, 2, 3].into_iter().for_each(|conn| ledger.close(ConnId(conn)));
        drop((little, much, more));
        assert_eq!(ledger.kept(), 0);
    }

    #[test]
    fn a_little_may_always_be_kept_and_links_have_bounds_of_their_own() {
        let ledger = ledger(20_000);
        let many: Vec<_> = (0..10).map(|conn| opened(&ledger, conn)).collect();
        many.iter().for_each(|queue| queue.push(text(10_000)));
        assert!(many.iter().all(|queue| !queue.state().too_slow));
        let link = opened(&ledger, 10);
        link.set(|state| state.linked = true);
        link.keeps(1 << 20);
        link.push(text(1 << 20));
        assert!(!link.state().too_slow && ledger.kept() < 200_000);
    }

    #[test]
    fn what_replies_share_counts_once() {
        let ledger = ledger(16 << 20);
        let queue = opened(&ledger, 1);
        let list: List = (0..10_000).map(|n| n.to_string().into()).collect();
        for _ in 0..1_000 {
            queue.push(Item::Reply(Tag::default(), Outcome::Names(list.clone())));
        }
        // Each takes its share of what is there when it comes.
        assert!((160_000..2_000_000).contains(&ledger.kept()), "{}", ledger.kept());
        queue.take();
        // Where each has another list nothing is shared.
        for _ in 0..20 {
            let own: List = list.to_vec().into();
            queue.push(Item::Reply(Tag::default(), Outcome::Names(own)));
        }
        queue.take();
        assert!(ledger.kept() >= 20 * 160_000, "{}", ledger.kept());
    }
}
