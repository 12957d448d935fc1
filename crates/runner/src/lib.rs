//! Antar's runner: everything between the domain and I/O that must be the same for every driver.
//!
//! A driver is whatever runs a realm: the server's hub, the simulator, the test kit, the fuzzer,
//! administration of a stopped realm. It hands [`Runner::input`] what happens, carries out what
//! [`Runner::release`] gives it, has what [`Writer::next`] or [`Runner::place`] gives it written and
//! says what came of that with [`Writer::wrote`]. The runner decides the rest: in which order a
//! connection's lines run, what may be released when, what becomes of a batch that is not on disk,
//! and who writes the next one. It does no I/O, knows no clock and starts no threads.

mod batches;
mod line_order;
mod planted;
mod reads;
mod refusal;
mod runner;
#[cfg(test)]
mod tests;
mod writer;

pub use batches::{Batch, Load};
pub use line_order::Room;
pub use planted::Bug;
pub use reads::tail;
pub use runner::{Place, Runner};
pub use writer::{Task, Writer, Written};
