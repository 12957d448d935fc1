//! PASSWD: a new password; every other token of the user ends.

use super::login::guessed_at_by_itself;
use super::{Param, ROW, Verb};
use crate::{AccountRecord, Answer, Args, Context, Event, Interrupt};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "PASSWD",
    params: &[Param::Word("OLD"), Param::Text("NEW")],
    help: "Changes the password and ends every other session of the user.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.me()?;
    let record = cx.my_account()?.record.clone();
    let subject = guessed_at_by_itself(&record.name);
    if !cx.verify(args.word(0), Some(&record.password), subject, Some(me))? {
        return Err(Code::WrongPassword.into());
    }
    let password = cx.hash(args.text)?;
    cx.emit(Event::AccountSet(me, AccountRecord { password, ..record }))?;
    cx.end_sessions(me, Some(cx.my_session()?))?;
    Ok(Reply::done(Phrase::same("Password diganti")).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn changes_the_password_and_ends_other_sessions() {
        let mut realm = Realm::with_users(&["bob"]);
        let mine = realm.login(1, "bob");
        let other = realm.login(2, "bob");
        assert_eq!(realm.say(1, "passwd wrong new")["code"], "wrong_password");
        assert_eq!(realm.say(1, "passwd pw new one")["message"], "Password diganti");
        assert_eq!(realm.say(2, "whoami")["code"], "no_session");
        assert_eq!(realm.say(3, &format!("whoami {other}"))["code"], "no_session");
        assert_eq!(realm.say(3, &format!("whoami {mine}"))["status"], "OK");
        assert_eq!(realm.say(4, "auth bob pw")["code"], "wrong_password");
        assert_eq!(realm.say(4, "auth bob new one")["status"], "OK");
    }
}
