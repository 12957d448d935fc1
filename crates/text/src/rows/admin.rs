//! Other people's accounts, and backups: for administrators.

use super::*;

pub const ROWS: &[Row] = &[
    Row {
        name: "ADDUSER",
        aliases: &["USER ADD"],
        params: &[Param::Word("U"), Param::Word("user|admin"), Param::Text("P")],
        help: "Makes an account; administrators only.",
        read: &Read(|args| {
            let role = match args.word(1) {
                word if word.eq_ignore_ascii_case("user") => Some(commands::Role::User),
                word if word.eq_ignore_ascii_case("admin") => Some(commands::Role::Admin),
                _ => None,
            };
            let (user, password) = (args.word(0).into(), args.secret());
            Ok(commands::AddUser { user, role, password })
        }),
        says: Phrase::same("Add user berhasil"),
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
        name: "BACKUP",
        params: &[Param::Text("DIR")],
        help: "Writes a backup to a directory of the server's; on the realm's own socket only.",
        read: &Read(|args| Ok(commands::Backup { path: args.text.into() })),
        says: Phrase::same("Backup berhasil"),
        ..ROW
    },
];
