//! Letting an operator see what the realm does: `/metrics` and `/health` over HTTP.
//!
//! Counts are kept where the work is done, as plain numbers where one task or thread does it, and
//! gathered when somebody asks.
//!
//! | file | what it is about |
//! |---|---|
//! | `http.rs` | the listener |
//! | `sources.rs` | where numbers come from, gathered to a `Snapshot` |
//! | `page.rs` and `families.rs` | a snapshot as text, and which metrics there are |
//! | `health.rs` | whether the realm does its work |
//! | `connections.rs`, `commits.rs`, `histogram.rs`, `process.rs` | what is counted here and nowhere else |

mod commits;
mod connections;
mod families;
mod health;
mod histogram;
mod http;
mod page;
mod process;
mod sources;

pub use commits::{Commits, Meter};
pub use connections::{Connections, Transport};
pub use http::{Bound, Metrics};
pub use sources::{Report, Sources};
