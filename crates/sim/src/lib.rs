//! Antar's simulator: whole realms in one thread, with a virtual clock and one seed for everything
//! that is left to chance.
//!
//! A realm here is what it is live: the domain with its links, the runner that drives it, and the
//! store over an engine that can crash. Only what moves bytes is simulated (`driver.rs`): the network
//! (`net.rs`), the disk's timing and the clocks (`node.rs`). People write to each other (`people.rs`)
//! while things break (`faults.rs`), a stranger says it is one of them (`squat.rs`), and a server that
//! knows only the two documents is linked with one (`plain/`); then the faults end, everything must settle, and what is in the
//! mailboxes is compared with what was acknowledged (`check.rs`).
//!
//! The same seed and options give the same run, byte for byte: [`run`] is all there is to replaying
//! one.

mod across;
mod check;
mod clubs;
mod delivered;
mod driver;
mod erasing;
mod faults;
mod files;
mod follow;
mod here;
mod markers;
mod net;
mod node;
mod options;
mod people;
mod personal;
mod plain;
mod renew;
mod retention;
mod retries;
mod rewriting;
mod rooms;
mod rooms_lies;
mod rooms_on_disk;
mod search;
mod squat;
mod trace;
mod versions;
mod watch;
mod wires;
mod world;

pub use options::{Options, Planted};
pub use trace::{Report, Tally, Violation};

use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// Runs one seed to its end. A panic of what is simulated is a violation like any other.
pub fn run(seed: u64, options: &Options) -> Report {
    let world = AssertUnwindSafe(|| World::new(seed, options).run());
    catch_unwind(world).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?");
        let violation = Some(Violation(format!("panic: {what}")));
        let (injected, checked, trace) = Default::default();
        Report { seed, violation, injected, checked, trace }
    })
}
