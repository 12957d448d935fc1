//! MEMBERS: who is in a group, for those who are.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Body, Code, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "MEMBERS",
    aliases: &["GROUP MEMBERS"],
    params: &[Param::Word("G")],
    help: "Lists a group's members, in the order they joined, and its owner.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (id, group) = cx.group(args.word(0))?;
    if !group.members.contains_key(&cx.me()?) {
        return Err(Code::NotMember.into());
    }
    let owner = group.record.owner.and_then(|id| Some(cx.account(id)?.record.name.as_str()));
    let owner = owner.map(str::to_owned);
    Ok(Reply::from(Body::List(cx.state.members(id))).with("owner", owner).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn members_only() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(2, "group add staff pw");
        realm.expect(
            1,
            "MEMBERS staff",
            r#"{"status":"ERROR","data":"Bukan member group","code":"not_member"}"#,
        );
        realm.say(1, "group join staff pw");
        realm.expect(1, "MEMBERS staff", r#"{"status":"OK","data":["bob","amy"],"owner":"bob"}"#);
        realm.login(3, "amy");
        realm.say(3, "group leave staff");
        realm.expect(2, "MEMBERS staff", r#"{"status":"OK","data":["bob"],"owner":"bob"}"#);
        realm.expect(
            1,
            "members none",
            r#"{"status":"ERROR","message":"Group belum ada","code":"group_not_found"}"#,
        );
    }
}
