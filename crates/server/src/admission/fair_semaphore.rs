//! FairSemaphore at something of which only so much can be done at once, fair between those who wait.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// For whom something is done: a client's network, or (`None`) the realm itself, its operator and its
/// links.
pub type Whom = Option<IpAddr>;

/// Gives turns to those who wait, one from each address in its round: who waits for a thousand is not
/// before who waits for one, and none has more than its share at once.
#[derive(Clone, Debug)]
pub struct FairSemaphore(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    /// FairSemaphore nobody has.
    free: usize,
    /// FairSemaphore of one address at most.
    share: usize,
    held: HashMap<Whom, usize>,
    waiting: usize,
    /// Who waits, by address; none of the lines is empty.
    lines: HashMap<Whom, VecDeque<oneshot::Sender<Turn>>>,
    /// The addresses, in the order of their turns.
    round: VecDeque<Whom>,
}

impl FairSemaphore {
    /// So many at once.
    pub fn new(at_once: usize) -> Self {
        let (held, lines, round) = (HashMap::new(), HashMap::new(), VecDeque::new());
        let (free, share) = (at_once.max(1), usize::MAX);
        Self(Arc::new(Mutex::new(Queue { free, share, held, waiting: 0, lines, round })))
    }

    /// From now on no address has more than so many turns at once.
    pub fn share(&self, most: usize) {
        self.queue().share = most.max(1);
    }

    /// Waits for a turn, which lasts until it is dropped. `None` where more than `most` would wait
    /// and no address has more waiting than this one, or where it has to make room for another.
    pub async fn take(&self, whom: Whom, most: usize) -> Option<Turn> {
        let waits = {
            let mut queue = self.queue();
            if queue.free > 0 && queue.may_have(whom) {
                queue.hold(whom);
                return Some(self.turn(whom));
            }
            if queue.waiting >= most && !queue.make_room(whom) {
                return None;
            }
            queue.wait(whom)
        };
        waits.await.ok()
    }

    /// How many have a turn or wait for one.
    pub fn wanted(&self) -> usize {
        let queue = self.queue();
        queue.waiting + queue.held.values().sum::<usize>()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, whom: Whom) -> Turn {
        Turn { turns: Some(self.clone()), whom }
    }

    fn pass_on(&self, whom: Whom) {
        let mut queue = self.queue();
        queue.give_back(whom);
        while queue.free > 0
            && let Some((whom, next)) = queue.next()
        {
            match next.send(self.turn(whom)) {
                Ok(()) => queue.hold(whom),
                // Nobody waits for it any more; it was not taken.
                Err(mut turn) => turn.turns = None,
            }
        }
    }
}

impl Queue {
    fn may_have(&self, whom: Whom) -> bool {
        self.held.get(&whom).is_none_or(|held| *held < self.share)
    }

    fn hold(&mut self, whom: Whom) {
        self.free -= 1;
        *self.held.entry(whom).or_default() += 1;
    }

    fn give_back(&mut self, whom: Whom) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(&whom) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&whom);
            }
        }
    }

    fn wait(&mut self, whom: Whom) -> oneshot::Receiver<Turn> {
        let (given, waits) = oneshot::channel();
        self.waiting += 1;
        let round = &mut self.round;
        let line = self.lines.entry(whom).or_insert_with(|| {
            round.push_back(whom);
            VecDeque::new()
        });
        line.push_back(given);
        waits
    }

    /// Takes out who is next of those that may have a turn.
    fn next(&mut self) -> Option<(Whom, oneshot::Sender<Turn>)> {
        let next = self.round.iter().position(|whom| self.may_have(*whom))?;
        let whom = self.round.remove(next)?;
        let line = self.lines.get_mut(&whom)?;
        let next = line.pop_front()?;
        match line.is_empty() {
            true => drop(self.lines.remove(&whom)),
            false => self.round.push_back(whom),
        }
        self.waiting -= 1;
        Some((whom, next))
    }

    /// Refuses the last of the longest line, if it is longer than this one's would be.
    fn make_room(&mut self, whom: Whom) -> bool {
        let mine = self.lines.get(&whom).map_or(0, VecDeque::len);
        let longest = self.lines.values_mut().max_by_key(|line| line.len());
        let Some(longest) = longest.filter(|line| line.len() > mine + 1) else { return false };
        self.waiting -= usize::from(longest.pop_back().is_some());
        true
    }
}

/// A turn; dropping it gives it to the next.
#[derive(Debug)]
pub struct Turn {
    turns: Option<FairSemaphore>,
    whom: Whom,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on(self.whom);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::session::now_or_never;
    use std::pin::{Pin, pin};

    const MOST: usize = 10;

    fn address(n: u8) -> Whom {
        Some(IpAddr::from([10, 0, 0, n]))
    }

    type Waiting = Pin<Box<dyn Future<Output = Option<Turn>>>>;

    /// Waits at the end of its line from now on.
    async fn wait(turns: &FairSemaphore, n: u8) -> Waiting {
        let turns = turns.clone();
        let mut waits: Waiting = Box::pin(async move { turns.take(address(n), MOST).await });
        assert!(now_or_never(waits.as_mut()).await.is_none(), "it does not wait");
        waits
    }

    #[tokio::test]
    async fn go_round_by_address() {
        let turns = FairSemaphore::new(1);
        let first = turns.take(address(1), MOST).await.unwrap();
        let mut waiting = Vec::new();
        for n in [1, 1, 1, 2, 3, 3] {
            waiting.push((n, wait(&turns, n).await));
        }
        let (mut order, mut turn) = (Vec::new(), first);
        while !waiting.is_empty() {
            drop(turn);
            let mut next = None;
            for (at, (n, waits)) in waiting.iter_mut().enumerate() {
                if let Some(given) = now_or_never(waits.as_mut()).await {
                    assert!(next.is_none(), "two at once");
                    next = Some((at, given.unwrap()));
                    order.push(*n);
                }
            }
            let (at, given) = next.expect("nobody's turn");
            drop(waiting.remove(at));
            turn = given;
        }
        assert_eq!(order, [1, 2, 3, 1, 3, 1]);
    }

    #[tokio::test]
    async fn the_longest_line_makes_room_for_others() {
        let turns = FairSemaphore::new(1);
        let _first = turns.take(address(1), MOST).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..MOST {
            waiting.push(wait(&turns, 1).await);
        }
        // Not for another of the same address.
        assert!(turns.take(address(1), MOST).await.is_none());
        let _other = wait(&turns, 2).await;
        let last = waiting.pop().unwrap();
        assert!(last.await.is_none());
        // Until all lines are about as long.
        let mut others = Vec::new();
        for n in 3..=(MOST as u8) {
            others.push(wait(&turns, n).await);
        }
        assert!(turns.take(address(77), MOST).await.is_none());
    }

    #[tokio::test]
    async fn no_address_has_more_than_its_share() {
        let turns = FairSemaphore::new(3);
        turns.share(2);
        let first = turns.take(address(1), MOST).await.unwrap();
        let _second = turns.take(address(1), MOST).await.unwrap();
        let mut third = wait(&turns, 1).await;
        // There is one left, for others.
        let other = turns.take(address(2), MOST).await.unwrap();
        drop(other);
        assert!(now_or_never(third.as_mut()).await.is_none());
        drop(first);
        assert!(now_or_never(third.as_mut()).await.flatten().is_some());
    }

    #[tokio::test]
    async fn who_is_gone_does_not_keep_a_turn() {
        let turns = FairSemaphore::new(1);
        let first = turns.take(address(1), MOST).await.unwrap();
        let (gone, told) = (wait(&turns, 1).await, wait(&turns, 2).await);
        let mut stays = pin!(wait(&turns, 3).await);
        drop(gone);
        // The second one gets it and goes without taking note.
        drop(first);
        drop(told);
        assert!(now_or_never(stays.as_mut()).await.flatten().is_some());
    }
}
