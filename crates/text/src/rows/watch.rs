//! Messages as they arrive, and what is not stored.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "WATCH",
        help: "From now on this connection also receives messages as they arrive.",
        read: &Read(|_| Ok(commands::Watch)),
        says: Phrase::same("Watch dimulai"),
        ..ROW
    },
    Row {
        name: "TYPING",
        params: &[Param::Word("CONV")],
        help: "Tells those in a conversation who watch that the caller types.",
        read: &Read(|args| Ok(commands::ShowTyping { to: args.conversation(0)? })),
        ..ROW
    },
    Row {
        name: "UNWATCH",
        help: "Ends WATCH on this connection.",
        read: &Read(|_| Ok(commands::Unwatch)),
        says: Phrase::same("Watch selesai"),
        ..ROW
    },
];
