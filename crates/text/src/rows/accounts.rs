//! Accounts of one's own: making one, logging in and out, and who one is.

use super::*;
use antar_domain::SessionId;
use antar_types::{Code, Token, words};

pub const ROWS: &[Row] = &[
    Row {
        name: "AUTH",
        params: &[Param::Word("U"), Param::Text("P")],
        help: "Logs in: binds the session to this connection and returns its token.",
        read: &Read(|args| {
            Ok(commands::Login { user: args.word(0).into(), password: args.secret() })
        }),
        ..ROW
    },
    Row {
        name: "REGISTER",
        params: &[Param::Word("U"), Param::Text("P")],
        help: "Makes an account and logs it in.",
        read: &Read(|args| {
            Ok(commands::Register { user: args.word(0).into(), password: args.secret() })
        }),
        ..ROW
    },
    Row {
        name: "REDEEM",
        params: &[Param::Word("CODE"), Param::Text("P")],
        help: "Makes the account that an invitation is for, with this password, and logs it in.",
        read: &Read(|args| {
            // As a token is written, without the sign by which one is told: it is no session's.
            let secret = Token::parse(&format!("~{}", args.word(0))).ok_or(Code::BadInvitation)?;
            Ok(commands::Redeem { secret, password: args.secret() })
        }),
        ..ROW
    },
    Row {
        name: "LOGOUT",
        help: "Ends the session: its token, its other connections and their WATCH.",
        read: &Read(|_| Ok(commands::Logout)),
        says: Phrase::same("Logout berhasil"),
        ..ROW
    },
    Row {
        name: "SESSIONS",
        help: "Lists where the caller is logged in.",
        read: &Read(|_| Ok(commands::ListSessions)),
        ..ROW
    },
    Row {
        name: "REVOKE",
        params: &[Param::Word("N")],
        help: "Ends one of the caller's sessions: its token, its connections and their WATCH.",
        read: &Read(|args| {
            let session = SessionId(args.id(0)?);
            Ok(commands::RevokeSession { session })
        }),
        ..ROW
    },
    Row {
        name: "CLIENT",
        params: &[Param::Text("TEXT")],
        help: "Says what the client of this session is called.",
        read: &Read(|args| Ok(commands::NameClient { name: args.text.into() })),
        ..ROW
    },
    Row {
        name: "PROFILE",
        params: &[Param::Maybe("[U]")],
        help: "Tells a user's display name and what the user tells; without U one's own.",
        read: &Read(|args| {
            let user = words::all(args.text).next().map(Into::into);
            Ok(commands::ShowProfile { user })
        }),
        ..ROW
    },
    Row {
        name: "SETPROFILE",
        params: &[Param::MaybeAfterColon("ABOUT")],
        options: &["name=N"],
        help: "Sets the caller's display name, with _ for blanks, and a text about the caller.",
        read: &Read(|args| {
            let name = args.option("name").map(Into::into);
            Ok(commands::SetProfile { name, about: args.text.into() })
        }),
        ..ROW
    },
    Row {
        name: "PASSWD",
        params: &[Param::Word("OLD"), Param::Text("NEW")],
        help: "Changes the password and ends every other session of the user.",
        read: &Read(|args| {
            let old = Secret::new(args.word(0).into());
            Ok(commands::ChangePassword { old, new: args.secret() })
        }),
        says: Phrase::same("Password diganti"),
        ..ROW
    },
    Row {
        name: "WHOAMI",
        help: "Tells the caller's name, realm and whether they administer it.",
        read: &Read(|_| Ok(commands::WhoAmI)),
        ..ROW
    },
];
