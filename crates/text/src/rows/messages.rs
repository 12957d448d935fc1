//! Private messages between users of this realm, and those sent to users of another.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "SEND",
        params: &[Param::Word("U"), Param::Text("MSG")],
        help: "Sends a private message to a user of this realm.",
        read: &Read(|args| Ok(commands::Send { to: args.word(0).into(), text: args.text.into() })),
        says: Phrase { lower: "Message Sent", upper: "Message sent" },
        ..ROW
    },
    Row {
        name: "INBOX",
        options: HISTORY,
        help: "Lists the private messages received from users of this realm.",
        read: &Read(|args| Ok(commands::Inbox { page: args.page()? })),
        listing: Listing::BySender,
        ..ROW
    },
    Row {
        name: "SENT",
        options: &[HISTORY[0], HISTORY[1], HISTORY[2], "realm=R"],
        help: "Lists the private messages the caller sent to users here or, with realm=R, there.",
        read: &Read(|args| {
            let realm = args.option("realm").map(Into::into);
            Ok(commands::Sent { realm, page: args.page()? })
        }),
        ..ROW
    },
];
