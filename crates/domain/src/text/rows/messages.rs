//! Private messages between users of this realm.

use super::*;

pub const SEND: Row = Row {
    name: "SEND",
    params: &[Param::Word("U"), Param::Text("MSG")],
    help: "Sends a private message to a user of this realm.",
    read: &Read(|args| Ok(commands::Send { to: args.word(0).into(), text: args.text.into() })),
    says: Phrase { lower: "Message Sent", upper: "Message sent" },
    ..ROW
};

pub const INBOX: Row = Row {
    name: "INBOX",
    options: HISTORY,
    help: "Lists the private messages received from users of this realm.",
    read: &Read(|args| Ok(commands::Inbox { page: args.page()? })),
    listing: Listing::BySender,
    ..ROW
};
