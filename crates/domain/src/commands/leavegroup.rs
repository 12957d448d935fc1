//! LEAVEGROUP: out of a group.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "LEAVEGROUP",
    aliases: &["LEAVE", "GROUP LEAVE"],
    params: &[Param::Word("G")],
    help: "Leaves a group; the member of longest standing inherits it.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.me()?;
    let (id, group) = cx.group(args.word(0))?;
    if !group.members.contains_key(&me) {
        return Err(Code::NotMember.into());
    }
    cx.leave(id, me)?;
    Ok(Reply::done(Phrase::same("Leave group berhasil")).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn the_member_of_longest_standing_inherits() {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.login(3, "cat");
        realm.say(1, "group add staff pw");
        realm.say(3, "group join staff pw");
        realm.say(2, "group join staff pw");
        realm.expect(1, "group leave staff", r#"{"status":"OK","message":"Leave group berhasil"}"#);
        assert_eq!(realm.say(2, "members staff")["owner"], "cat");
        realm.expect(
            1,
            "LEAVE staff",
            r#"{"status":"ERROR","data":"Bukan member group","code":"not_member"}"#,
        );
        // The current group is cleared with the membership.
        assert_eq!(realm.say(1, "group send hello")["code"], "no_group");
    }

    #[test]
    fn a_group_nobody_is_left_in_belongs_to_the_next_who_joins() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.say(1, "group send staff kept");
        realm.say(1, "leavegroup staff");
        realm.say(2, "group join staff pw");
        assert_eq!(realm.say(2, "members staff")["owner"], "bob");
        assert_eq!(realm.texts(2, "INBOXGROUP staff"), ["kept"]);
    }
}
