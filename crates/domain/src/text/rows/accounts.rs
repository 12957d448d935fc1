//! Logging in and out, and who one is.

use super::*;
use antar_types::Secret;

pub const AUTH: Row = Row {
    name: "AUTH",
    params: &[Param::Word("U"), Param::Text("P")],
    help: "Logs in: binds the session to this connection and returns its token.",
    read: &Read(|args| {
        let (user, password) = (args.word(0).into(), Secret::new(args.text.into()));
        Ok(commands::Login { user, password })
    }),
    ..ROW
};

pub const WHOAMI: Row = Row {
    name: "WHOAMI",
    help: "Tells the caller's name, realm and whether they administer it.",
    read: &Read(|_| Ok(commands::WhoAmI)),
    ..ROW
};
