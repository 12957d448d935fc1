//! An open loop: requests are due at a fixed rate, whatever becomes of those before.

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context as Cx, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

/// When the requests of one connection are due. The system's timer wakes it: the runtime's own goes
/// by milliseconds.
pub struct Pace {
    timer: AsyncFd<OwnedFd>,
    next: Instant,
    every: Duration,
}

impl Pace {
    /// That of the `n`th of so many connections which make `rate` requests a second together, in
    /// turns.
    pub fn new(rate: f64, n: usize, connections: usize) -> io::Result<Self> {
        let every = Duration::from_secs_f64(connections as f64 / rate);
        // A timer set to zero would be off.
        let first = every.mul_f64(n as f64 / connections as f64).max(Duration::from_nanos(1));
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let times = Itimerspec { it_interval: timespec(every), it_value: timespec(first) };
        let next = Instant::now() + first;
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        #[expect(deprecated, reason = "what replaces it is unsafe; an OwnedFd stays what it is")]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, next, every })
    }

    /// When the next request was due, if that is not to come; the one after it is next then.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        (due <= now).then(|| {
            self.next += self.every;
            due
        })
    }

    /// Ready each time another request is due.
    pub fn poll(&mut self, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.timer.poll_read_ready(cx))?;
            let mut times = [0; 8];
            let read = rustix::io::read(guard.get_inner(), &mut times);
            // Reading it sets it back; the next time it goes off is told anew.
            guard.clear_ready();
            match read {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(rustix::io::Errno::AGAIN) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: duration.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_take_turns_and_catch_up() {
        let mut paces = [0, 1, 2, 3].map(|n| Pace::new(4.0, n, 4).unwrap());
        let dues = paces.each_ref().map(|pace| pace.next);
        for pair in dues.windows(2) {
            let apart = pair[1] - pair[0];
            assert!(apart >= Duration::from_millis(249), "{apart:?}");
        }
        // A stall of three seconds: what was due meanwhile is asked for now, as of then.
        let late = dues[1] + Duration::from_secs(3);
        let owed: Vec<_> = std::iter::from_fn(|| paces[1].due(late)).collect();
        assert_eq!(owed, [0, 1, 2, 3].map(|n| dues[1] + Duration::from_secs(n)));
    }

    #[tokio::test]
    async fn the_timer_goes_off() {
        let mut pace = Pace::new(10_000.0, 0, 1).unwrap();
        for _ in 0..3 {
            std::future::poll_fn(|cx| pace.poll(cx)).await.unwrap();
            assert!(pace.due(Instant::now()).is_some());
        }
    }
}
