//! Messages as they arrive, and what is not stored.

use super::*;
use crate::args::UNASKED;
use antar_domain::commands::Since;
use antar_types::SyncCursor;

pub const ROWS: &[Row] = &[
    Row {
        name: "WATCH",
        options: &["after=CURSOR"],
        help: "From now on this connection also receives messages as they arrive; with after=, all changes since.",
        read: &Read(|args| Ok(commands::Watch { after: args.option("after").map(since) })),
        says: Phrase::same("Watch dimulai"),
        ..ROW
    },
    Row {
        name: "SYNC",
        options: &["after=CURSOR", "limit=N"],
        help: "Lists what changed for the caller since a cursor; without one tells where now is.",
        read: &Read(|args| {
            let limit = args.limit(UNASKED)?;
            Ok(commands::Sync { after: args.option("after").map(SyncCursor::parse), limit })
        }),
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
        name: "PRESENCE",
        params: &[Param::Text("U [U ...]")],
        help: "Tells whether users are here, and from now on of each change.",
        read: &Read(|args| Ok(commands::FollowPresence { users: args.text.into() })),
        ..ROW
    },
    Row {
        name: "AWAY",
        params: &[Param::Maybe("[TEXT]")],
        help: "Says that the caller is away, until BACK.",
        read: &Read(|args| {
            let text = (!args.text.is_empty()).then(|| args.text.into());
            Ok(commands::BeAway { text })
        }),
        ..ROW
    },
    Row { name: "BACK", help: "Ends AWAY.", read: &Read(|_| Ok(commands::ComeBack)), ..ROW },
    Row {
        name: "UNWATCH",
        help: "Ends WATCH and PRESENCE on this connection.",
        read: &Read(|_| Ok(commands::Unwatch)),
        says: Phrase::same("Watch selesai"),
        ..ROW
    },
];

/// Since when a watch tells changes.
fn since(word: &str) -> Since {
    match word.eq_ignore_ascii_case("now") {
        true => Since::Now,
        false => Since::Cursor(SyncCursor::parse(word)),
    }
}
