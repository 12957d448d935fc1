//! The real binary from outside: its processes, its sockets and what is left after a SIGKILL.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod backup;
mod bench;
mod conn;
mod kill;
mod limits;
mod link_faults;
mod links;
mod plain;
mod proxy;
mod python;
mod realm;
mod serve;
mod streams;
mod user;
