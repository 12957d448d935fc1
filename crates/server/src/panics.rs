//! What a panic ends: the connection whose fault it is, or else the process. Never the one task or
//! thread alone that the realm cannot live without, which would leave it listening and dead.

use crate::log::{LogWriter, line};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// What the process ends with, as Rust's programs do where their main thread panics.
const CODE: i32 = 101;

/// How long the log may take to be written then.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Threads whose end somebody notices and makes good: without an applier the disk counts as failed,
/// and the data are opened again.
const REPLACED: [&str; 1] = ["applier"];

thread_local! {
    /// Whether a panic here and now is dealt with by whoever called.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// From now on a panic that is not contained ends the process, so that whoever watches over it starts
/// it again; each is logged, without waiting for whoever reads the log.
pub fn end_process_on_panic(log: LogWriter) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("?");
        let contained = CONTAINED.get() || REPLACED.contains(&name);
        let what = if contained { "a panic" } else { "a panic ends the process" };
        log.push(line("ERROR", &format!("{what}: {} (thread {name})", said(panic))).as_bytes());
        // There is one where RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            log.push(format!("{trace}\n").as_bytes());
        }
        if !contained {
            log.flush_within(LAST_WORDS);
            std::process::exit(CODE);
        }
    }));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let what = panic.payload_as_str().unwrap_or("no reason given");
    match panic.location() {
        Some(place) => format!("{what}, at {place}"),
        None => what.into(),
    }
}

/// Does something whose panic ends nothing else; `None` where it panicked.
pub fn contain_here<T>(work: impl FnOnce() -> T) -> Option<T> {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTAINED.set(self.0);
        }
    }
    let _restore = Restore(CONTAINED.replace(true));
    // What it was working on is not looked at again.
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same for a future.
pub async fn contain<F: Future>(mut work: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match contain_here(|| work.as_mut().poll(cx)) {
        Some(Poll::Pending) => Poll::Pending,
        Some(Poll::Ready(done)) => Poll::Ready(Some(done)),
        None => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[test]
    fn a_panic_is_contained_where_it_is_said_to_be_and_nowhere_else() {
        assert_eq!(contain_here(|| (1, CONTAINED.get())), Some((1, true)));
        assert!(!CONTAINED.get());
        let nested = contain_here(|| {
            assert!(contain_here(|| panic!("planted")).is_none_or(|()| false));
            CONTAINED.get()
        });
        assert_eq!((nested, CONTAINED.get()), (Some(true), false));
    }

    #[test]
    fn a_future_is_contained_while_it_is_polled() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let work = pin!(async {
                tokio::task::yield_now().await;
                assert!(CONTAINED.get());
                tokio::task::yield_now().await;
                panic!("planted")
            });
            let between = async {
                for _ in 0..4 {
                    assert!(!CONTAINED.get());
                    tokio::task::yield_now().await;
                }
            };
            assert_eq!(tokio::join!(contain(work), between).0, None::<()>);
        });
    }
}
