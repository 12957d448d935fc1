//! Groups of this realm.

use super::*;
use antar_domain::commands::Destination;
use antar_domain::{GroupEntry, GroupRole, RoomRealms};
use antar_types::Code;

pub const ROWS: &[Row] = &[
    Row {
        name: "GETGROUPS",
        help: "Lists the groups of this realm; in lower case as the existing clients read it.",
        read: &Read(|args| {
            Ok(commands::ListGroups { with_members: args.dialect == Dialect::Lower })
        }),
        ..ROW
    },
    Row {
        name: "GROUP GET",
        help: "Lists the names of the groups.",
        read: &Read(|_| Ok(commands::ListGroups { with_members: false })),
        ..ROW
    },
    Row {
        name: "ADDGROUP",
        aliases: &["GROUP ADD"],
        params: &[Param::Word("G"), Param::Maybe("[P]")],
        help: "Makes a group that others join with this password, or without one.",
        read: &Read(|args| {
            Ok(commands::CreateGroup { group: args.group(0), password: args.maybe_secret() })
        }),
        says: Phrase { lower: "Add group Berhasil", upper: "Add group berhasil" },
        ..ROW
    },
    Row {
        name: "JOINGROUP",
        aliases: &["GROUP JOIN"],
        params: &[Param::Word("G"), Param::Maybe("[P]")],
        help: "Joins a group, with its password unless it is open.",
        read: &Read(|args| {
            Ok(commands::JoinGroup { group: args.group(0), password: args.maybe_secret() })
        }),
        says: Phrase::same("Join group berhasil"),
        ..ROW
    },
    Row {
        name: "LEAVEGROUP",
        aliases: &["LEAVE", "GROUP LEAVE"],
        params: &[Param::Word("G")],
        help: "Leaves a group; the member of longest standing inherits it.",
        read: &Read(|args| Ok(commands::LeaveGroup { group: args.group(0) })),
        says: Phrase::same("Leave group berhasil"),
        ..ROW
    },
    Row {
        name: "INVITE",
        params: &[Param::Word("G"), Param::Word("U")],
        help: "Puts a user into a group without its password; for its owner and moderators.",
        read: &Read(|args| {
            Ok(commands::Invite { group: args.group(0), user: args.word(1).into() })
        }),
        says: Phrase::same("Invite berhasil"),
        ..ROW
    },
    Row {
        name: "KICK",
        params: &[Param::Word("G"), Param::Word("U")],
        help: "Takes a member out of a group; for its owner and moderators.",
        read: &Read(|args| Ok(commands::Kick { group: args.group(0), user: args.word(1).into() })),
        says: Phrase::same("Kick berhasil"),
        ..ROW
    },
    Row {
        name: "BAN",
        params: &[Param::Word("G"), Param::Word("U")],
        help: "Takes a user out of a group for good; for its owner and moderators.",
        read: &Read(|args| Ok(commands::Ban { group: args.group(0), user: args.word(1).into() })),
        says: Phrase::same("Ban berhasil"),
        ..ROW
    },
    Row {
        name: "UNBAN",
        params: &[Param::Word("G"), Param::Word("U")],
        help: "Lets a user join a group again; for its owner and moderators.",
        read: &Read(|args| Ok(commands::Unban { group: args.group(0), user: args.word(1).into() })),
        says: Phrase::same("Unban berhasil"),
        ..ROW
    },
    Row {
        name: "BANS",
        params: &[Param::Word("G")],
        help: "Lists who is banned from a group; for its owner and moderators.",
        read: &Read(|args| Ok(commands::ListBans { group: args.group(0) })),
        ..ROW
    },
    Row {
        name: "SILENCE",
        params: &[Param::Word("G"), Param::Word("U"), Param::Maybe("[MINUTES]")],
        help: "Keeps a member from writing into a group, 0 ends it; for its owner and moderators.",
        read: &Read(|args| {
            let (group, user) = (args.group(0), args.word(1).into());
            Ok(commands::SilenceMember { group, user, minutes: args.maybe_number()? })
        }),
        says: Phrase::same("Silence berhasil"),
        ..ROW
    },
    Row {
        name: "TOPIC",
        params: &[Param::Word("G"), Param::MaybeColon("TEXT")],
        help: "Shows what a group is about, or says it; for its owner and moderators.",
        read: &Read(|args| {
            Ok(commands::Topic { group: args.group(0), topic: args.maybe_text().map(Into::into) })
        }),
        says: Phrase::same("Topic berhasil"),
        ..ROW
    },
    Row {
        name: "ROLE",
        params: &[Param::Word("G"), Param::Word("U"), Param::Word("moderator|member|owner")],
        help: "Gives a member of a group another role; for its owner.",
        read: &Read(|args| {
            let role = GroupRole::parse(args.word(2)).ok_or(Code::BadParameters)?;
            Ok(commands::SetRole { group: args.group(0), user: args.word(1).into(), role })
        }),
        says: Phrase::same("Role berhasil"),
        ..ROW
    },
    Row {
        name: "GROUPSET",
        params: &[Param::Word("G")],
        options: &[
            "entry=open|password|invite",
            "listed=yes|no",
            "announce=yes|no",
            "retention=DAYS|realm",
            "realms=none|linked|R,R…",
            "history=N|none",
            "password=P",
        ],
        help: "Says who may join a group, know of it and write there; for its owner.",
        read: &Read(|args| {
            Ok(commands::SetGroup {
                group: args.group(0),
                entry: args.optional("entry", GroupEntry::parse)?,
                listed: args.yes_or_no("listed")?,
                announce: args.yes_or_no("announce")?,
                password: args.option("password").map(|password| Secret::new(password.into())),
                retention: args.optional("retention", days)?,
                realms: args.optional("realms", RoomRealms::parse)?.map(Box::new),
                past: args.optional("history", past)?,
            })
        }),
        says: Phrase::same("Groupset berhasil"),
        ..ROW
    },
    Row {
        name: "CLOSEGROUP",
        params: &[Param::Word("G")],
        help: "Ends a group, with all that was said there; for its owner.",
        read: &Read(|args| Ok(commands::CloseGroup { group: args.group(0) })),
        says: Phrase::same("Close group berhasil"),
        ..ROW
    },
    Row {
        name: "MEMBERS",
        aliases: &["GROUP MEMBERS"],
        params: &[Param::Word("G")],
        help: "Lists a group's members, in the order they joined, and its owner.",
        read: &Read(|args| Ok(commands::ListMembers { group: args.group(0) })),
        ..ROW
    },
    Row {
        name: "SENDGROUP",
        params: &[Param::Word("G"), Param::Text("MSG")],
        help: "Sends a message to a group the caller is in.",
        read: &Read(|args| {
            let to = Destination::Named(args.group(0), args.text.into());
            Ok(commands::SendToGroup { to })
        }),
        says: Phrase::same("Message Sent"),
        ..ROW
    },
    Row {
        name: "GROUP SEND",
        params: &[Param::Text("[G] MSG")],
        help: "Sends a message to the group named first, else to the session's current group.",
        read: &Read(|args| {
            Ok(commands::SendToGroup { to: Destination::NamedOrCurrent(args.text.into()) })
        }),
        says: Phrase::same("Message Sent"),
        ..ROW
    },
    Row { name: "INBOXGROUP", listing: Listing::BySender, ..INBOX },
    Row { name: "GROUP INBOX", listing: Listing::Message, ..INBOX },
];

/// How many messages realms are told that were there before: a number, or none.
fn past(word: &str) -> Option<u16> {
    if word.eq_ignore_ascii_case("none") { Some(0) } else { word.parse().ok() }
}

/// For how many days messages are kept: a number, or as the realm says.
fn days(word: &str) -> Option<Option<u16>> {
    match word.eq_ignore_ascii_case("realm") {
        true => Some(None),
        false => word.parse().ok().map(Some),
    }
}

const INBOX: Row = Row {
    params: &[Param::Word("G")],
    options: HISTORY,
    help: "Lists the messages of a group, the caller's own too.",
    read: &Read(|args| Ok(commands::GroupInbox { group: args.group(0), page: args.page()? })),
    ..ROW
};
