//! The log of what has happened, which everything else can be made from.

mod batch;

pub use batch::{Batch, Content};
