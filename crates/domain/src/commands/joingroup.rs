//! JOINGROUP: into a group, with its password.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Context, Event, GroupRecord, Interrupt};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "JOINGROUP",
    aliases: &["GROUP JOIN"],
    params: &[Param::Word("G"), Param::Text("P")],
    help: "Joins a group.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.me()?;
    let (id, group) = cx.group(args.word(0))?;
    if group.members.contains_key(&me) {
        return Err(Code::AlreadyMember.into());
    }
    let (record, members) = (group.record.clone(), group.members.len());
    let subject = format!("group {}", &*record.name.folded());
    if !cx.verify(args.text, Some(&record.password), subject, Some(me))? {
        return Err(Code::WrongPassword.into());
    }
    let limits = &cx.state.limits;
    let full = members >= limits.members_per_group
        || cx.my_account()?.groups.len() >= limits.groups_per_user;
    if full {
        return Err(Code::LimitReached.into());
    }
    cx.emit(Event::MemberAdded(id, me, cx.next_id()))?;
    if record.owner.is_none() {
        cx.emit(Event::GroupSet(id, GroupRecord { owner: Some(me), ..record }))?;
    }
    cx.set_current_group(id);
    Ok(Reply::done(Phrase::same("Join group berhasil")).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn joins_once_with_the_password() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff secret word");
        realm.expect(
            2,
            "group join none x",
            r#"{"status":"ERROR","message":"Group belum ada","code":"group_not_found"}"#,
        );
        realm.expect(
            2,
            "JOINGROUP staff x",
            r#"{"status":"ERROR","data":"Password salah","code":"wrong_password"}"#,
        );
        realm.expect(
            2,
            "group join Staff secret word",
            r#"{"status":"OK","message":"Join group berhasil"}"#,
        );
        realm.expect(
            2,
            "joingroup staff x",
            r#"{"status":"ERROR","message":"User sudah join","code":"already_member"}"#,
        );
    }

    #[test]
    fn a_full_group_takes_nobody() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.say(2, "group join staff pw")["code"], "limit_reached");
    }
}
