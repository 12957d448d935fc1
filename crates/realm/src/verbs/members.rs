//! MEMBERS: who is in a group, for those who are.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Cx, Stop};
use antar_wire::{Body, Code, Reply, Value};

pub const VERBS: &[Verb] = &[Verb {
    name: "MEMBERS",
    aliases: &["GROUP MEMBERS"],
    params: &[Param::Word("G")],
    help: "Lists a group's members, in the order they joined, and its owner.",
    run,
    ..ROW
}];

fn run(cx: &mut Cx<'_>, args: &Args<'_>) -> Result<Answer, Stop> {
    let (_, group) = cx.group(args.word(0))?;
    if !group.members.contains_key(&cx.me()?) {
        return Err(Code::NotMember.into());
    }
    let name = |id| Some(cx.account(id)?.record.name.as_str());
    let mut members: Vec<_> = group.members.iter().collect();
    members.sort_unstable_by_key(|(_, since)| **since);
    let names: Value = members.into_iter().filter_map(|(id, _)| name(*id)).collect();
    let owner = group.record.owner.and_then(name);
    Ok(Reply::from(Body::Value(names)).with("owner", owner).into())
}

#[cfg(test)]
mod tests {
    use crate::verbs::testing::Realm;

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
        realm.expect(
            1,
            "members none",
            r#"{"status":"ERROR","message":"Group belum ada","code":"group_not_found"}"#,
        );
    }
}
