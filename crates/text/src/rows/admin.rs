//! Other people's accounts, and backups: for administrators.

use super::*;
use crate::args::Args;
use crate::line::Line;
use antar_domain::SessionId;
use antar_types::{Code, words};

/// Whether a request is one that READAS takes.
fn may_be_read_as(row: &Row) -> bool {
    ["PROFILE", "SESSIONS", "BLOCKS", "MUTES", "CONVERSATIONS", "HISTORY"].contains(&row.name)
}

/// What a word says that a user may do; none where it is no role.
fn role(word: &str) -> Option<commands::Role> {
    match word {
        word if word.eq_ignore_ascii_case("user") => Some(commands::Role::User),
        word if word.eq_ignore_ascii_case("admin") => Some(commands::Role::Admin),
        _ => None,
    }
}

pub const ROWS: &[Row] = &[
    Row {
        name: "ADDUSER",
        aliases: &["USER ADD"],
        params: &[Param::Word("U"), Param::Word("user|admin"), Param::Text("P")],
        help: "Makes an account; administrators only.",
        read: &Read(|args| {
            let (user, password) = (args.word(0).into(), args.secret());
            Ok(commands::AddUser { user, role: role(args.word(1)), password })
        }),
        says: Phrase::same("Add user berhasil"),
        ..ROW
    },
    Row {
        name: "INVITEUSER",
        aliases: &["USER INVITE"],
        params: &[Param::Word("U")],
        help: "Makes a code with which somebody makes this account, once, within seven days; administrators only.",
        read: &Read(|args| Ok(commands::InviteUser { user: args.word(0).into() })),
        says: Phrase::same("Undangan dibuat"),
        ..ROW
    },
    Row {
        name: "GETUSERS",
        aliases: &["USER GET", "USER LIST"],
        help: "Lists the accounts; administrators only.",
        read: &Read(|_| Ok(commands::ListUsers)),
        ..ROW
    },
    Row {
        name: "SETPASSWORD",
        aliases: &["USER PASSWD"],
        params: &[Param::Word("U"), Param::Text("P")],
        help: "Gives a user a new password and ends their sessions; administrators only.",
        read: &Read(|args| {
            Ok(commands::SetPassword { user: args.word(0).into(), password: args.secret() })
        }),
        says: Phrase::same("Password diganti"),
        ..ROW
    },
    Row {
        name: "REMOVEUSER",
        aliases: &["USER REMOVE"],
        params: &[Param::Word("U")],
        help: "Removes an account, its sessions and memberships; administrators only.",
        read: &Read(|args| Ok(commands::RemoveUser { user: args.word(0).into() })),
        says: Phrase::same("Remove user berhasil"),
        ..ROW
    },
    Row {
        name: "ERASEUSER",
        aliases: &["USER ERASE"],
        params: &[Param::Word("U")],
        help: "Removes an account, all that its user wrote, and what only that user had; administrators only.",
        read: &Read(|args| Ok(commands::EraseUser { user: args.word(0).into() })),
        says: Phrase::same("Erase user berhasil"),
        ..ROW
    },
    Row {
        name: "LOCKUSER",
        aliases: &["USER LOCK"],
        params: &[Param::Word("U")],
        help: "Ends a user's sessions, and nobody logs in with the account; administrators only.",
        read: &Read(|args| Ok(commands::LockUser { user: args.word(0).into() })),
        says: Phrase::same("Lock user berhasil"),
        ..ROW
    },
    Row {
        name: "UNLOCKUSER",
        aliases: &["USER UNLOCK"],
        params: &[Param::Word("U")],
        help: "Lets a user log in again; administrators only.",
        read: &Read(|args| Ok(commands::UnlockUser { user: args.word(0).into() })),
        says: Phrase::same("Unlock user berhasil"),
        ..ROW
    },
    Row {
        name: "USERROLE",
        aliases: &["USER ROLE"],
        params: &[Param::Word("U"), Param::Word("user|admin")],
        help: "Says whether a user administers the realm; administrators only.",
        read: &Read(|args| {
            Ok(commands::SetUserRole { user: args.word(0).into(), role: role(args.word(1)) })
        }),
        says: Phrase::same("Role berhasil"),
        ..ROW
    },
    Row {
        name: "USERSESSIONS",
        aliases: &["USER SESSIONS"],
        params: &[Param::Word("U")],
        help: "Lists where a user is logged in; administrators only.",
        read: &Read(|args| Ok(commands::ListUserSessions { user: args.word(0).into() })),
        ..ROW
    },
    Row {
        name: "REVOKEUSER",
        aliases: &["USER REVOKE"],
        params: &[Param::Word("U"), Param::Word("N")],
        help: "Ends one of a user's sessions; administrators only.",
        read: &Read(|args| {
            let session = SessionId(args.id(1)?);
            Ok(commands::RevokeUserSession { user: args.word(0).into(), session })
        }),
        ..ROW
    },
    Row {
        name: "DISCONNECT",
        aliases: &["USER KICK"],
        params: &[Param::Word("U")],
        help: "Ends a user's sessions and closes their connections; administrators only.",
        read: &Read(|args| Ok(commands::Disconnect { user: args.word(0).into() })),
        says: Phrase::same("Disconnect berhasil"),
        ..ROW
    },
    Row {
        name: "SHOWGROUPS",
        params: &[Param::Maybe("[G]")],
        help: "Lists all groups with their settings, or one; administrators only.",
        read: &Read(|args| {
            let group =
                words::all(args.text).next().map(|word| word.trim_start_matches('#').into());
            Ok(commands::ShowGroups { group })
        }),
        ..ROW
    },
    Row {
        name: "READAS",
        params: &[Param::Word("U"), Param::Text("REQUEST")],
        help: "Reads what a user may: PROFILE, SESSIONS, BLOCKS, MUTES, CONVERSATIONS or HISTORY; on the realm's own socket only.",
        read: &Read(|args| {
            let (_, line) = Line::parse(args.text);
            let row = line.as_ref().map(|line| line.row).filter(|row| may_be_read_as(row));
            let (Some(row), Some(line)) = (row, line) else { return Err(Code::BadParameters) };
            let read = Args::parse(row, args.dialect, line.params)?;
            let command = Box::new(row.read.read(&read)?);
            Ok(commands::ReadAs { user: args.word(0).into(), command })
        }),
        ..ROW
    },
    Row {
        name: "BACKUP",
        params: &[Param::Text("DIR")],
        help: "Writes a backup to a directory of the server's; on the realm's own socket only.",
        read: &Read(|args| Ok(commands::Backup { path: args.text.into() })),
        says: Phrase::same("Backup berhasil"),
        ..ROW
    },
];
