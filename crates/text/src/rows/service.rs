//! What anyone may ask of a server.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "PING",
        help: "Answers PONG; keeps a connection from being idle.",
        read: &Read(|_| Ok(commands::Ping)),
        says: Phrase::same("PONG"),
        ..ROW
    },
    Row {
        name: "HELP",
        params: &[Param::Maybe("[VERB]")],
        help: "Lists every request, or tells about one.",
        read: &Help,
        ..ROW
    },
    Row {
        name: "VERSION",
        help: "Tells the server's version and the realm's name.",
        read: &Read(|_| Ok(commands::WhichRealm)),
        ..ROW
    },
];
