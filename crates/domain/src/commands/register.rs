//! REGISTER: a new account, logged in at once.

use super::{Access, Param, ROW, Verb};
use crate::{AccountId, AccountRecord, Answer, Args, Context, Event, Interrupt};
use antar_types::{Body, Code};

pub const VERBS: &[Verb] = &[Verb {
    name: "REGISTER",
    params: &[Param::Word("U"), Param::Text("P")],
    help: "Makes an account and logs it in.",
    access: Access::Anyone,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if !cx.state.policy.open_registration && !cx.is_admin() {
        return Err(Code::Forbidden.into());
    }
    let account = create(cx, args.word(0), args.text, false)?;
    Ok(Body::Session(cx.open_session(account)?).into())
}

/// Makes an account.
pub(super) fn create(
    cx: &mut Context<'_>,
    name: &str,
    password: &str,
    admin: bool,
) -> Result<AccountId, Interrupt> {
    let name = cx.new_name(name)?;
    if cx.user(name.as_str()).is_ok() {
        return Err(Code::UserExists.into());
    }
    let password = cx.hash_for(password, !cx.is_admin())?;
    let id = AccountId(cx.next_id());
    let created = cx.readings.now;
    let record = AccountRecord { name: name.clone(), password, admin, created };
    cx.emit(Event::AccountSet(id, record))?;
    cx.step().take_name(id, &name)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn makes_an_account_once() {
        let mut realm = Realm::with_users(&[]);
        assert!(realm.say(1, "register Bob pw")["tokenid"].as_str().unwrap().starts_with('~'));
        assert_eq!(realm.say(1, "whoami")["message"], "Bob");
        realm.expect(
            2,
            "REGISTER bob x",
            r#"{"status":"ERROR","data":"User sudah ada","code":"user_exists"}"#,
        );
        assert_eq!(realm.say(2, "register -x pw")["code"], "bad_name");
        assert_eq!(realm.say(2, "register x")["usage"], "register U P");
        assert_eq!(
            realm.say(2, &format!("register x {}", "p".repeat(257)))["code"],
            "bad_password"
        );
    }

    #[test]
    fn closed_realms_take_users_from_administrators_only() {
        let mut realm = Realm::with_users(&["bob"]);
        realm.state.policy.open_registration = false;
        realm.login(1, "bob");
        assert_eq!(realm.say(1, "register x pw")["code"], "forbidden");
        assert_eq!(realm.operator("register x pw")["status"], "OK");
    }

    #[test]
    fn two_at_once_for_one_name_make_one_account() {
        let mut realm = Realm::with_users(&[]);
        let first = realm.start(1, "register bob one");
        let second = realm.start(2, "register bob two");
        assert_eq!(realm.finish(first)["status"], "OK");
        assert_eq!(realm.finish(second)["code"], "user_exists");
        assert_eq!(realm.say(3, "auth bob one")["status"], "OK");
    }
}
