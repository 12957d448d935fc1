//! Messages as they arrive.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "WATCH",
        help: "From now on this connection also receives messages as they arrive.",
        read: Read::Command(|_| Ok(commands::Watch.into())),
        says: Phrase::same("Watch dimulai"),
        ..ROW
    },
    Row {
        name: "UNWATCH",
        help: "Ends WATCH on this connection.",
        read: Read::Command(|_| Ok(commands::Unwatch.into())),
        says: Phrase::same("Watch selesai"),
        ..ROW
    },
];
