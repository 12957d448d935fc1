//! Messages between realms, and links.

use super::*;
use crate::{Args, args, invitation};
use antar_domain::commands::{Destination, How};
use antar_types::{Code, Fingerprint, words};

pub const ROWS: &[Row] = &[
    Row {
        name: "SENDREALM",
        params: &[Param::Word("R"), Param::Word("U"), Param::Text("MSG")],
        help: "Sends a private message to a user of another realm; OK once it is on disk here.",
        addressed: true,
        read: &Read(|args| {
            let (realm, to) = (args.word(0).into(), args.word(1).into());
            Ok(commands::SendRealm { realm, to, text: args.text.into() })
        }),
        says: Phrase::same("Pesan realm dikirim"),
        ..ROW
    },
    Row {
        name: "INBOXREALM",
        params: &[Param::Word("R")],
        options: HISTORY,
        help: "Lists the private messages received from users of a realm.",
        addressed: true,
        read: &Read(|args| {
            Ok(commands::InboxRealm { realm: args.word(0).into(), page: args.page()? })
        }),
        ..ROW
    },
    Row {
        name: "SENDGROUPREALM",
        params: &[Param::Word("R"), Param::Text("[G] MSG")],
        help: "Sends a message to the group of the same name in another realm.",
        addressed: true,
        read: &Read(|args| {
            let (realm, to) = (args.word(0).into(), destination(args));
            Ok(commands::SendGroupRealm { realm, to })
        }),
        says: Phrase { lower: "Pesan realm dikirim", upper: "Pesan grup realm terkirim" },
        ..ROW
    },
    Row {
        name: "INBOXGROUPREALM",
        params: &[Param::Word("R"), Param::Word("G")],
        options: HISTORY,
        help: "Lists the conversation of a group between this realm and another, both sides.",
        addressed: true,
        read: &Read(|args| {
            let (realm, group) = (args.word(0).into(), args.group(1));
            Ok(commands::InboxGroupRealm { realm, group, page: args.page()? })
        }),
        ..ROW
    },
    Row {
        name: "CHECKREALM",
        aliases: &["REALM LIST"],
        help: "Lists the linked realms and the state of each link.",
        addressed: true,
        read: &Read(|_| Ok(commands::ListPeers)),
        ..ROW
    },
    Row {
        name: "SHOWREALM",
        aliases: &["REALM SHOW"],
        help: "Tells this realm's name, address and key.",
        read: &Read(|_| Ok(commands::ShowRealm)),
        ..ROW
    },
    Row {
        name: "ADDREALM",
        aliases: &["REALM ADD"],
        params: &[
            Param::Word("R"),
            Param::Word("HOST"),
            Param::Word("PORT"),
            Param::Maybe("[sha256:KEY|plain]"),
        ],
        help: "Links this realm with another; both keep the link from then on.",
        addressed: true,
        read: &Read(|args| {
            let port = args.word(2).parse().map_err(|_| Code::BadParameters)?;
            let (name, host) = (args.word(0).into(), args.word(1).into());
            Ok(commands::LinkRealm { name, host, port, how: how(args.text) })
        }),
        says: CONNECTED,
        ..ROW
    },
    Row {
        name: "JOINREALM",
        aliases: &["REALM JOIN"],
        params: &[Param::Word("INVITATION")],
        help: "Links this realm with the one that made an invitation.",
        read: &Read(|args| {
            let invitation = invitation::parse(args.word(0)).map(Box::new);
            Ok(commands::JoinRealm { invitation: invitation.ok_or(Code::BadInvitation) })
        }),
        says: CONNECTED,
        ..ROW
    },
    Row {
        name: "REMOVEREALM",
        aliases: &["REALM REMOVE"],
        params: &[Param::Word("R"), Param::Maybe("[force]")],
        help: "Ends the link with a realm; with force also where messages are still owed to it.",
        addressed: true,
        read: &Read(|args| {
            let force = words::all(args.text).any(|word| word.eq_ignore_ascii_case("force"));
            Ok(commands::UnlinkRealm { realm: args.word(0).into(), force })
        }),
        says: Phrase::same("Realm dihapus"),
        ..ROW
    },
    Row {
        name: "APPROVEREALM",
        aliases: &["REALM APPROVE"],
        params: &[Param::Word("R"), Param::Maybe("[sha256:KEY]")],
        help: "Allows a realm that asked for it to link; administrators only.",
        read: &Read(|args| {
            let key = some(words::first(args.text).0);
            let key = key.map(|key| Fingerprint::parse(key).ok_or(Code::BadParameters));
            Ok(commands::ApproveRealm { realm: args.word(0).into(), key })
        }),
        says: Phrase::same("Realm disetujui"),
        ..ROW
    },
    Row {
        name: "INVITEREALM",
        aliases: &["REALM INVITE"],
        params: &[Param::Maybe("[HOST PORT]")],
        help: "Makes a code with which another realm links, once, within seven days; administrators only.",
        read: &Read(|args| {
            let (host, rest) = words::first(args.text);
            let port = some(words::first(rest).0);
            let port = port.map(|port| port.parse().map_err(|_| Code::BadParameters));
            Ok(commands::InviteRealm { host: some(host).map(Into::into), port })
        }),
        ..ROW
    },
    Row {
        name: "RENAMEREALM",
        aliases: &["REALM RENAME"],
        params: &[Param::Word("R")],
        help: "Gives this realm another name; administrators only.",
        read: &Read(|args| Ok(commands::RenameRealm { name: args.word(0).into() })),
        says: Phrase::same("Nama realm diganti"),
        ..ROW
    },
];

const CONNECTED: Phrase = Phrase::same("Connect realm berhasil");

fn some(word: &str) -> Option<&str> {
    (!word.is_empty()).then_some(word)
}

/// Where a message goes. In capitals it always names its group.
fn destination(args: &Args<'_>) -> Result<Destination, Code> {
    match (args.dialect, words::first(args.text)) {
        (Dialect::Lower, _) => Ok(Destination::NamedOrCurrent(args.text.into())),
        (Dialect::Upper, (_, "")) => Err(Code::BadParameters),
        (Dialect::Upper, (group, text)) => Ok(Destination::Named(args::group(group), text.into())),
    }
}

/// What ADDREALM says of the other realm.
fn how(text: &str) -> Result<How, Code> {
    if words::all(text).any(|word| words::option(word).is_some()) {
        return Err(Code::BadParameters);
    }
    let (first, rest) = words::first(text);
    if first.eq_ignore_ascii_case("new-key") {
        let key = Fingerprint::parse(words::first(rest).0);
        return key.map(Box::new).map(How::NewKey).ok_or(Code::BadParameters);
    }
    match Fingerprint::parse(first) {
        Some(key) => Ok(How::Pinned(key.into())),
        None if first.starts_with("sha256:") => Err(Code::BadParameters),
        None if first.eq_ignore_ascii_case("plain") => Ok(How::Plain),
        // Existing clients put their own address and port here.
        None => Ok(How::Anyone),
    }
}
