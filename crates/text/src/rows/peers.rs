//! What realms say to each other.

use super::*;
use crate::Args;
use crate::links::{CAN, read_entries};
use antar_domain::commands::{Cursor, Whose};
use antar_domain::links::{Delivery, Epoch, Position, RoomJoin};
use antar_types::{Capabilities, Chain, Code, Name, Token};

const POSITION: &[Param] = &[Param::Word("EPOCH"), Param::Word("N"), Param::Word("HASH")];

const CATCH_UP: &[&str] = &[HISTORY[0], HISTORY[1], HISTORY[2], "cursor=EPOCH:N:HASH"];

pub const ROWS: &[Row] = &[
    Row {
        name: "ACKREALM",
        params: &[
            Param::Word("R"),
            Param::Word("HOST"),
            Param::Word("PORT"),
            Param::Word("SRCHOST"),
            Param::Word("SRCPORT"),
        ],
        options: &["from=R", "again=1", "invite=SECRET"],
        help: "Answers ADDREALM; from server to server.",
        read: &Read(greet),
        says: Phrase::same("Connect realm berhasil"),
        ..ROW
    },
    Row {
        name: "REMOTEINBOXREALM",
        params: &[Param::Word("U"), Param::Word("R")],
        options: CATCH_UP,
        help: "Asks for the messages to a user of a realm; from server to server.",
        read: &Read(|args| Ok(remote_inbox(args, Whose::User))),
        ..ROW
    },
    Row {
        name: "REMOTEINBOXGROUPREALM",
        params: &[Param::Word("G"), Param::Word("R")],
        options: CATCH_UP,
        help: "Asks for the messages of a group; from server to server.",
        read: &Read(|args| Ok(remote_inbox(args, Whose::Group))),
        ..ROW
    },
    Row {
        name: "RECVGROUPREALM",
        params: &[Param::Word("R"), Param::Word("U"), Param::Word("G"), Param::Text("MSG")],
        help: "Brings a group message; from server to server, on plain links.",
        read: &Read(|args| {
            let (realm, from) = (args.word(0).into(), args.word(1).into());
            let (group, text) = (args.word(2).into(), args.text.into());
            Ok(commands::ReceiveGroup { realm, from, group, text })
        }),
        says: Phrase::same("Pesan grup realm terkirim"),
        ..ROW
    },
    Row {
        name: "FOLLOW",
        params: POSITION,
        help: "Asks for everything owed past a cursor; from server to server.",
        read: &Read(|args| Ok(commands::Follow { cursor: cursor(args) })),
        says: COMES,
        ..ROW
    },
    Row {
        name: "CHAIN",
        params: &[Param::Word("N")],
        help: "Asks for the hash of the log at an entry; from server to server.",
        read: &Read(|args| {
            let seq = args.word(0).parse().map_err(|_| Code::BadParameters);
            Ok(commands::AskChain { seq })
        }),
        says: Phrase::same("Rantai"),
        ..ROW
    },
    Row {
        name: "REJOIN",
        params: POSITION,
        help: "Goes on after the last entry that both sides have; from server to server.",
        read: &Read(|args| Ok(commands::Rejoin { common: cursor(args) })),
        says: COMES,
        ..ROW
    },
    Row {
        name: "CURSOR",
        params: POSITION,
        help: "Tells how far everything is on disk; from server to server.",
        read: &Read(|args| Ok(commands::Acknowledge { cursor: cursor(args) })),
        ..ROW
    },
    Row {
        name: "DELIVER",
        params: &[
            Param::Word("EPOCH"),
            Param::Word("FIRST"),
            Param::Word("HASH"),
            Param::Text("[[KIND,TIME,FROM,TO,TEXT],…]"),
        ],
        help: "Brings entries of a log; from server to server.",
        read: &Read(|args| Ok(commands::Deliver { entries: delivery(args).map(Box::new) })),
        ..ROW
    },
    Row {
        name: "JOINROOM",
        params: &[
            Param::Word("G"),
            Param::Word("U"),
            Param::Word("ACCOUNT"),
            Param::Word("N"),
            Param::Maybe("[P]"),
        ],
        help: "Asks that a user may be in a group; from server to server.",
        read: &Read(|args| Ok(commands::JoinRoom { join: join(args).map(Box::new) })),
        ..ROW
    },
    Row {
        name: "REMOVED",
        help: "Tells that the link was ended; from server to server.",
        read: &Read(|_| Ok(commands::LinkEnded)),
        ..ROW
    },
];

fn join(args: &Args<'_>) -> Option<RoomJoin> {
    let (group, user) = (Name::parse(args.word(0))?, Name::parse(args.word(1))?);
    let (account, after) = (args.word(2).parse().ok()?, args.word(3).parse().ok()?);
    Some(RoomJoin { group, user, account, after, password: args.maybe_secret() })
}

const COMES: Phrase = Phrase::same("Berikut");

fn greet(args: &Args<'_>) -> Result<commands::Greet, Code> {
    let port = |word: &str| word.parse::<u16>().map_err(|_| Code::BadParameters);
    let (_, port) = (port(args.word(2))?, port(args.word(4))?);
    let (to, host) = (args.word(0).into(), args.word(3).into());
    let (from, again) = (args.option("from").and_then(Name::parse), args.option("again").is_some());
    let secret = |word| Token::parse(word).map(Box::new).ok_or(Code::BadInvitation);
    let invitation = args.option("invite").map(secret);
    let can = args.prefixed(CAN).map_or(Capabilities::NONE, Capabilities::parse);
    Ok(commands::Greet { to, host, port, from, again, invitation, can })
}

fn remote_inbox(args: &Args<'_>, of: fn(antar_domain::Word) -> Whose) -> commands::RemoteInbox {
    let (of, realm) = (of(args.word(0).into()), args.word(1).into());
    commands::RemoteInbox { of, realm, page: args.page() }
}

fn cursor(args: &Args<'_>) -> Result<Cursor, Code> {
    let read = || {
        let (seq, chain) = (args.word(1).parse().ok()?, Chain::parse(args.word(2))?);
        Some((Epoch::parse(args.word(0))?, Position { seq, chain }))
    };
    read().ok_or(Code::BadParameters)
}

/// Longer than any realm's limit on a text could sensibly be, in bytes.
const TEXT: usize = 1 << 20;

/// Entries that one DELIVER may bring: twice as many as any realm sends at once. In memory an entry takes
/// several times what the shortest takes in a line.
const ENTRIES: usize = 1_024;

fn delivery(args: &Args<'_>) -> Option<Delivery> {
    let (epoch, chain) = (Epoch::parse(args.word(0))?, Chain::parse(args.word(2))?);
    let first = args.word(1).parse().ok()?;
    let entries = read_entries(args.text, TEXT).filter(|list| list.len() <= ENTRIES)?;
    Some(Delivery { epoch, first, chain, entries })
}
