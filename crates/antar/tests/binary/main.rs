//! The real binary from outside: its processes, its sockets and what is left after a SIGKILL.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod backup;
mod bench;
mod bot;
mod chat;
mod check;
mod clock;
mod conn;
mod descriptors;
mod disk_faults;
mod erase;
mod files;
mod floods;
mod format1;
mod hostile;
mod kill;
mod limits;
mod link_faults;
mod links;
mod log;
mod metrics;
mod owner;
mod plain;
mod private;
mod proxy;
mod pty;
mod python;
mod realm;
mod recorded;
mod reload;
mod rooms;
mod serve;
mod strangers;
mod streams;
mod system;
mod user;
mod versions;
