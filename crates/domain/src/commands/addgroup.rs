//! ADDGROUP: a new group; its creator is a member and the owner.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Context, Event, GroupId, GroupRecord, Interrupt};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "ADDGROUP",
    aliases: &["GROUP ADD"],
    params: &[Param::Word("G"), Param::Text("P")],
    help: "Makes a group that others join with this password.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.me()?;
    let name = cx.new_name(args.word(0))?;
    if cx.group(name.as_str()).is_ok() {
        return Err(Code::GroupExists.into());
    }
    let (limit, account) = (cx.state.limits.groups_per_user, cx.my_account()?);
    if account.groups.len() >= limit || account.created >= limit {
        return Err(Code::LimitReached.into());
    }
    let password = cx.hash(args.text)?;
    let (group, created) = (GroupId(cx.next_id()), cx.readings.now);
    let record = GroupRecord { name, password, creator: me, owner: Some(me), created };
    cx.emit(Event::GroupSet(group, record))?;
    cx.emit(Event::MemberAdded(group, me, cx.next_id()))?;
    cx.set_current_group(group);
    let phrase = Phrase { lower: "Add group Berhasil", upper: "Add group berhasil" };
    Ok(Reply::done(phrase).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn makes_a_group_once_under_either_spelling() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.expect(1, "group add staff pw", r#"{"status":"OK","message":"Add group Berhasil"}"#);
        realm.expect(1, "ADDGROUP ops pw", r#"{"status":"OK","data":"Add group berhasil"}"#);
        realm.expect(
            1,
            "addgroup STAFF pw",
            r#"{"status":"ERROR","message":"Group sudah ada","code":"group_exists"}"#,
        );
        assert_eq!(realm.say(1, "group add ~x pw")["code"], "bad_name");
        assert_eq!(realm.say(1, "group add x")["usage"], "addgroup G P");
        realm.state.limits.groups_per_user = 2;
        assert_eq!(realm.say(1, "group add third pw")["code"], "limit_reached");
    }
}
