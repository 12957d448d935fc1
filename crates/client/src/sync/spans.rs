//! Which stretches of a conversation are known.

/// The end of a stretch that goes on as messages come.
pub(super) const OPEN: u64 = u64::MAX;

/// Stretches of ids, each from its first up to and without its second: every message of the conversation whose
/// id is in one of them is known. In order, and none touches the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(u64, u64)>);

impl Spans {
    /// Adds a stretch.
    pub fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut low, mut high) = (from, to);
        self.0.retain(|&(first, end)| {
            let touches = first <= high && low <= end;
            if touches {
                (low, high) = (low.min(first), high.max(end));
            }
            !touches
        });
        let at = self.0.partition_point(|&(first, _)| first < low);
        self.0.insert(at, (low, high));
    }

    /// Takes a stretch out.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let cut = |&(first, end): &(u64, u64)| [(first, end.min(from)), (first.max(to), end)];
        let parts = self.0.iter().flat_map(cut).filter(|(first, end)| first < end);
        self.0 = parts.collect();
    }

    /// Whether all of a stretch is known.
    pub fn cover(&self, from: u64, to: u64) -> bool {
        from >= to || self.0.iter().any(|&(first, end)| first <= from && to <= end)
    }

    /// Where the stretch begins that holds this id.
    pub fn start(&self, id: u64) -> Option<u64> {
        self.0.iter().find(|&&(first, end)| first <= id && id < end).map(|(first, _)| *first)
    }

    /// Whether there is a stretch that goes on as messages come.
    pub fn is_open(&self) -> bool {
        self.0.last().is_some_and(|(_, end)| *end == OPEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// As a set of ids would say.
        #[test]
        fn what_is_known_is_what_was_added_and_not_taken_out(
            steps in proptest::collection::vec((any::<bool>(), 0u64..40, 0u64..40), 0..20)
        ) {
            let (mut spans, mut set) = (Spans::default(), std::collections::BTreeSet::new());
            for (add, from, to) in steps {
                match add {
                    true => { spans.add(from, to); set.extend(from..to); }
                    false => { spans.remove(from, to); set.retain(|id| !(from..to).contains(id)); }
                }
                for low in 0..40 {
                    for high in low..40 {
                        let all = (low..high).all(|id| set.contains(&id));
                        prop_assert_eq!(spans.cover(low, high), all, "{:?} {} {}", spans, low, high);
                    }
                }
                prop_assert!(spans.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
