//! Messages as they arrive.

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
        name: "UNWATCH",
        help: "Ends WATCH on this connection.",
        read: &Read(|_| Ok(commands::Unwatch)),
        says: Phrase::same("Watch selesai"),
        ..ROW
    },
];
