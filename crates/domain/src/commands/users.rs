//! ADDUSER, GETUSERS, SETPASSWORD, REMOVEUSER: accounts, for administrators.

use super::{Access, Param, ROW, Verb, register};
use crate::{AccountRecord, Answer, Args, Context, Event, Interrupt};
use antar_types::{Body, Code, Phrase, Reply, Value, json};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "ADDUSER",
        aliases: &["USER ADD"],
        params: &[Param::Word("U"), Param::Word("user|admin"), Param::Text("P")],
        help: "Makes an account; administrators only.",
        access: Access::Admin,
        run: add,
        ..ROW
    },
    Verb {
        name: "GETUSERS",
        aliases: &["USER GET", "USER LIST"],
        help: "Lists the accounts; administrators only.",
        access: Access::Admin,
        run: list,
        ..ROW
    },
    Verb {
        name: "SETPASSWORD",
        aliases: &["USER PASSWD"],
        params: &[Param::Word("U"), Param::Text("P")],
        help: "Gives a user a new password and ends their sessions; administrators only.",
        access: Access::Admin,
        run: set_password,
        ..ROW
    },
    Verb {
        name: "REMOVEUSER",
        aliases: &["USER REMOVE"],
        params: &[Param::Word("U")],
        help: "Removes an account, its sessions and memberships; administrators only.",
        access: Access::Admin,
        run: remove,
        ..ROW
    },
];

fn add(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let admin = match args.word(1).to_ascii_lowercase().as_str() {
        "admin" => true,
        "user" => false,
        _ => return Err(Code::BadParameters.into()),
    };
    register::create(cx, args.word(0), args.text, admin)?;
    Ok(Reply::done(Phrase::same("Add user berhasil")).into())
}

fn list(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let users: Value = (cx.state.durable.accounts.values().map(|account| &account.record))
        .map(|r| json!({"user": r.name.as_str(), "admin": r.admin, "created": r.created.rfc3339()}))
        .collect();
    Ok(Body::Value(users).into())
}

fn set_password(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (id, record) = cx.user(args.word(0)).map(|(id, a)| (id, a.record.clone()))?;
    let password = cx.hash(args.text)?;
    cx.emit(Event::AccountSet(id, AccountRecord { password, ..record }))?;
    cx.end_sessions(id, None)?;
    Ok(Reply::done(Phrase::same("Password diganti")).into())
}

/// The user's messages stay where others can read them: in the recipients' inboxes and in groups.
fn remove(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (id, groups) = cx.user(args.word(0)).map(|(id, a)| (id, a.groups.clone()))?;
    cx.end_sessions(id, None)?;
    groups.into_iter().try_for_each(|group| cx.leave(group, id))?;
    cx.step().leave_name(id)?;
    cx.emit(Event::AccountRemoved(id))?;
    Ok(Reply::done(Phrase::same("Remove user berhasil")).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn for_the_operator_and_administrators_only() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.say(1, "getusers")["code"], "no_session");
        realm.login(1, "bob");
        assert_eq!(realm.say(1, "getusers")["code"], "forbidden");
        assert_eq!(realm.operator("user add root admin pw")["message"], "Add user berhasil");
        realm.login(2, "root");
        assert_eq!(realm.say(2, "user add amy user pw")["status"], "OK");
        assert_eq!(realm.say(2, "user add amy user pw")["code"], "user_exists");
        assert_eq!(realm.say(2, "user add x king pw")["usage"], "adduser U user|admin P");
        let names = realm.say(2, "USER LIST")["data"].clone();
        assert_eq!(names[1]["user"], "root");
        assert_eq!(names[1]["admin"], true);
    }

    #[test]
    fn a_new_password_ends_every_session() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.login(1, "bob");
        realm.operator("user passwd bob new");
        assert_eq!(realm.say(1, "whoami")["code"], "no_session");
        assert_eq!(realm.say(1, "auth bob new")["status"], "OK");
        assert_eq!(realm.operator("user passwd eve new")["code"], "user_not_found");
    }

    #[test]
    fn a_removed_user_is_gone_and_the_name_is_free() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.say(2, "group join staff pw");
        realm.say(1, "send bob bye");
        realm.say(2, "send amy secret");
        assert_eq!(realm.operator("user remove amy")["status"], "OK");
        assert_eq!(realm.say(1, "whoami")["code"], "no_session");
        assert_eq!(realm.say(2, "members staff")["owner"], "bob");
        assert_eq!(realm.texts(2, "INBOX"), ["bye"]);
        realm.say(3, "register amy other");
        assert_eq!(realm.texts(3, "INBOX"), Vec::<String>::new());
        assert_eq!(realm.texts(2, "SENT"), ["secret"]);
    }
}
