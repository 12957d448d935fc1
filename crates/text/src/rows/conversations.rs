//! Conversations: of two users, or of a group, here or with another realm.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "POST",
        params: &[Param::Word("CONV"), Param::Colon("TEXT")],
        help: "Posts to a conversation: bob, bob@beta, #staff or #staff+beta.",
        read: &Read(|args| {
            Ok(commands::Post { to: args.conversation(0)?, text: args.text.into() })
        }),
        says: Phrase::same("Message sent"),
        ..ROW
    },
    Row {
        name: "HISTORY",
        params: &[Param::Word("CONV")],
        options: &[HISTORY[0], HISTORY[1], "around=ID", HISTORY[2]],
        help: "Lists a conversation, what all sides wrote.",
        read: &Read(|args| {
            Ok(commands::ReadHistory { of: args.conversation(0)?, stretch: args.stretch()? })
        }),
        ..ROW
    },
];
